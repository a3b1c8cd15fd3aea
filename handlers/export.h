/*
 * What an export says, page by page: for GET …/export and for `touchstone export`.
 *
 *   calls    every call of a slice, oldest first, in the form that import takes
 *   stats    the learner's all-time record by task and model, from @min_samples outcomes on: no
 *            users, no conversations, no single call; to be shared and added up
 *   rollups  what the calls of an hour and of a day of UTC add up to, by provider, model, task and
 *            complexity: exact counts and sums, percentiles within 0.55 %
 *
 * Thread: a reader's for ts_export_more(), the owner's else.
 */
#ifndef TS_HANDLERS_EXPORT_H
#define TS_HANDLERS_EXPORT_H

#include "db/query.h"
#include "handlers/table_write.h"

#define TS_EXPORT_WHATS "calls|stats|rollups" /* in this order */
enum ts_export_what { TS_EXPORT_CALLS, TS_EXPORT_STATS, TS_EXPORT_ROLLUPS };

enum { TS_EXPORT_MIN_SAMPLES = 10, TS_EXPORT_PAGE_MAX_BYTES = 64 * 1024 * 1024 };

struct ts_export {
    enum ts_export_what what;
    struct ts_table table;        /* its format is the caller's, the rest is filled in */
    struct ts_call_filter filter; /* of calls, and of roll-ups */
    int64_t min_samples;          /* of stats */
    int64_t after;                /* the last call or cell written */
    bool begun;
    bool done;
};

/* The name of an export, or -1. */
int ts_export_what_find(const char *name);
const char *ts_export_what_name(enum ts_export_what what);

/* Appends the next page, with what begins and ends the whole. Nothing stays open between pages:
 * what is recorded meanwhile may appear on later ones. Errors: STORAGE_UNAVAILABLE, NOMEM. */
TS_NODISCARD enum ts_err ts_export_more(struct ts_export *x,
                                        struct ts_reader_conn *c,
                                        struct ts_buf *out,
                                        struct ts_error *err);

/* The last page was given. */
static inline bool ts_export_is_done(const struct ts_export *x)
{
    return x->done;
}

#endif
