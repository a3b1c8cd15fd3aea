/*
 * What a command may ask of the process that holds the database: the table of control verbs.
 *
 * The same function runs in either process: in a server, for a request that came over the control
 * socket (server/control.h), on a thread of that connection; or, when no server runs, in the
 * command's own process, which then holds the file's lock (server/session.h). It may block; it
 * reaches the store through db/store.h with latches (struct ts_store_job).
 */
#ifndef TS_SERVER_VERBS_H
#define TS_SERVER_VERBS_H

#include <jansson.h>

#include "db/store.h"

struct ts_verb_env {
    struct ts_store *store;
    const char *db_path;
    int64_t retention_days; /* 0: calls are kept for ever */
};

struct ts_verb_call {
    const struct ts_verb_env *env;
    json_t *request; /* the whole object, with its "verb"; borrowed */
    json_t *result;  /* out: an object, a new reference; NULL says {} */

    /* Whoever waits for the answer; see ts_verb_progress(). */
    bool (*told)(struct ts_verb_call *call, int64_t done, int64_t total);
    int64_t told_us;
};

typedef enum ts_err ts_verb_fn(struct ts_verb_call *call, struct ts_error *err);

struct ts_verb {
    const char *name;
    ts_verb_fn *run;
};

/* NULL: there is none of that name. */
const struct ts_verb *ts_verb_find(const char *name);

/* Runs the request's verb. Errors: INVALID_FIELD (no such verb), those of the verb. */
TS_NODISCARD enum ts_err ts_verb_run(struct ts_verb_call *call, struct ts_error *err);

/* Says how far it is, if some time has passed since the last word; @total TS_UNKNOWN: nobody knows.
 * False: nobody waits any more (the command was ended, the server stops): end the work at the next
 * point where it can be left, and return ts_verb_left(). */
TS_NODISCARD bool ts_verb_progress(struct ts_verb_call *call, int64_t done, int64_t total);
enum ts_err ts_verb_left(struct ts_error *err);

#endif
