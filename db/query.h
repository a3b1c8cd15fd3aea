/*
 * Reading the store: what handlers ask, answered with rows.
 *
 * Every function runs on a reader thread, inside ts_query.run(), on that query's connection.
 * Results are materialised before they return: no statement stays open while a client is served.
 */
#ifndef TS_DB_QUERY_H
#define TS_DB_QUERY_H

#include "analytics/aggregate.h"
#include "analytics/learner.h"
#include "base/arena.h"
#include "base/clock.h"
#include "db/call_row.h"
#include "db/store.h"

/* A slice of the calls. Half-open window in Unix ms; NULL: no such filter. */
struct ts_call_filter {
    int64_t from_ms;
    int64_t to_ms;
    const char *model;
    const char *provider;
    const char *task_type;
    const char *complexity;
    const char *user;
    const char *user_segment;
    const char *outcome;
    const char *conversation_id;
    const char *tag_key; /* tag.KEY=VALUE */
    const char *tag_value;
};

enum { TS_DEFAULT_DAYS = 30, TS_MAX_DAYS = 3650 };

/* The window of the last @days * 86,400 s; the moment itself belongs to it. */
void ts_filter_last_days(struct ts_call_filter *f, int64_t now_ms, int64_t days);

/* Feeds every row of the slice to ts_aggregate_add(), ordered by time, and to
 * ts_aggregate_attempt() the rescued attempts of calls in the window: of them the model and
 * provider filters mean the attempt's, all other filters its call's. Errors: STORAGE_UNAVAILABLE,
 * NOMEM. */
TS_NODISCARD enum ts_err ts_query_calls(struct ts_reader_conn *c,
                                        const struct ts_call_filter *f,
                                        struct ts_aggregate *agg,
                                        struct ts_error *err);

/* One call with its phases, attempts and rating, as GET /api/requests/{id} tells it. NOT_FOUND. */
TS_NODISCARD enum ts_err ts_query_call(
    struct ts_reader_conn *c, int64_t id, uint64_t tag, json_t **out, struct ts_error *err);

/* A page of calls, newest first; the same shape as one call, without its attempts. */
struct ts_call_page {
    int64_t before; /* only calls below this id; 0: from the newest */
    int limit;      /* at most so many */
    json_t *calls;  /* out: an array, the caller's */
    int64_t next;   /* out: what to give as @before for the next page; 0: there is none */
};
TS_NODISCARD enum ts_err ts_query_call_list(struct ts_reader_conn *c,
                                            const struct ts_call_filter *f,
                                            uint64_t tag,
                                            struct ts_call_page *page,
                                            struct ts_error *err);

/* The learner's records of a task, in no order. */
struct ts_records {
    struct ts_arena *arena; /* in: where they and their texts go */
    struct ts_record *at;
    int count;
};
TS_NODISCARD enum ts_err ts_query_records(struct ts_reader_conn *c,
                                          const char *task_type,
                                          struct ts_records *out,
                                          struct ts_error *err);

/* Calls oldest first, one page, for exports. */
struct ts_call_rows {
    int64_t after; /* in: only calls above this id; 0: from the oldest. out: the last one given */
    int limit;     /* at most so many */
    bool more;     /* out: there may be further ones */
    /* @row: its `id` is the reporter's name for the call, where there is one. @attempts: an array,
     * or NULL: none. Both are valid for the call. A result other than TS_OK ends the page. */
    enum ts_err (*row)(void *ctx,
                       const struct ts_call_row *row,
                       json_t *attempts,
                       struct ts_error *err);
    void *ctx;
};
TS_NODISCARD enum ts_err ts_query_call_rows(struct ts_reader_conn *c,
                                            const struct ts_call_filter *f,
                                            struct ts_call_rows *rows,
                                            struct ts_error *err);

/* The learner's records of all tasks, by task and model, with at least so many outcomes each. */
struct ts_stats_row {
    const char *task_type;
    struct ts_record record;
};
TS_NODISCARD enum ts_err ts_query_all_records(struct ts_reader_conn *c,
                                              int64_t min_samples,
                                              enum ts_err (*row)(void *ctx,
                                                                 const struct ts_stats_row *row,
                                                                 struct ts_error *err),
                                              void *ctx,
                                              struct ts_error *err);

/* What the calls of one series add up to in an hour or a day of UTC. */
struct ts_rollup_row {
    const char *resolution; /* "hour", "day" */
    int64_t start_ms;
    const char *provider;
    const char *model;
    const char *task_type;
    const char *complexity; /* NULL: unknown */
    const struct ts_digest *digest;
};

/* Cells that lie in the filter's window, hours first, in order of time; one page. Of the filter
 * count the window and what names a series. Days whose cells are still to be made are left out. */
struct ts_rollup_rows {
    int64_t after; /* in and out: the last cell given; 0: from the first */
    int limit;     /* at most so many */
    bool more;     /* out: there may be further ones */
    enum ts_err (*row)(void *ctx, const struct ts_rollup_row *row, struct ts_error *err);
    void *ctx;
};
TS_NODISCARD enum ts_err ts_query_rollup_rows(struct ts_reader_conn *c,
                                              const struct ts_call_filter *f,
                                              struct ts_rollup_rows *rows,
                                              struct ts_error *err);

/* How many rows of an import's source are in the database, noted in the transaction that wrote
 * them: where an import that was cut short goes on. 0: it is over, or never began. */
TS_NODISCARD enum ts_err ts_query_import_mark(struct ts_reader_conn *c,
                                              const char *source,
                                              int64_t *row,
                                              struct ts_error *err);

/* Rows in the store, and whether any is simulated. */
struct ts_store_counts {
    int64_t calls;
    int64_t simulated;
    int64_t oldest_ms; /* TS_UNKNOWN when empty */
};
TS_NODISCARD enum ts_err ts_query_counts(struct ts_reader_conn *c,
                                         struct ts_store_counts *out,
                                         struct ts_error *err);

/* Whether any call of the window was made up. */
TS_NODISCARD enum ts_err ts_query_simulated(struct ts_reader_conn *c,
                                            const struct ts_call_filter *f,
                                            bool *out,
                                            struct ts_error *err);

/* What calls can be filtered by, of the whole file: {models: [{model, provider}], providers,
 * taskTypes}, each by name and at most 1,000. Costs nothing per call. */
TS_NODISCARD enum ts_err ts_query_facets(struct ts_reader_conn *c,
                                         json_t **out,
                                         struct ts_error *err);

#endif
