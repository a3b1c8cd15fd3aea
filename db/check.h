/*
 * Whether a database is sound: its pages, its references, and whether what is derived from calls
 * still says what they say.
 */
#ifndef TS_DB_CHECK_H
#define TS_DB_CHECK_H

#include "db/readonly.h"

struct ts_check_sink {
    /* A part begins; @done of @total are over. */
    void (*part)(void *ctx, const char *name, int done, int total);
    /* Something is wrong; at most a hundred for each part. */
    void (*fault)(void *ctx, const char *what);
    void *ctx;
};

/* How many faults were found stands in @faults. Each part sees a moment of its own, so that a busy
 * server's log can be cut in between. A file that is too damaged to go on is a fault, no error.
 * Errors: NOMEM, STORAGE_UNAVAILABLE. */
TS_NODISCARD enum ts_err ts_check_database(struct ts_readonly *r,
                                           const struct ts_check_sink *sink,
                                           int *faults,
                                           struct ts_error *err);

#endif
