/* Slices of the calls, as query parameters name them. */
#ifndef TS_HANDLERS_FILTER_H
#define TS_HANDLERS_FILTER_H

#include "db/query.h"
#include "handlers/exchange.h"

/* The latest moment an id can carry: some day in the year 2248. */
#define TS_LATEST_MS (INT64_MAX >> TS_ID_SEQ_BITS)

/* The parameters that ts_filter_args() reads, for lists of what is allowed. */
#define TS_FILTER_ARGS                                                                             \
    "model", "provider", "task_type", "complexity", "user", "user_segment", "tag."

/* Reads everything but the window, the outcome and the conversation. Text is borrowed from the
 * exchange. Errors: INVALID_PARAMETER. */
TS_NODISCARD enum ts_err ts_filter_args(const struct ts_exchange *x,
                                        struct ts_call_filter *f,
                                        struct ts_error *err);

/* Whether task type and complexity can be such; for filters that come from elsewhere.
 * Errors: INVALID_PARAMETER. */
TS_NODISCARD enum ts_err ts_filter_check(const struct ts_call_filter *f, struct ts_error *err);

/* Reads `from`, an RFC 3339 time, or keeps *out. Errors: INVALID_PARAMETER. */
TS_NODISCARD enum ts_err ts_arg_time(const struct ts_exchange *x,
                                     const char *key,
                                     int64_t *out,
                                     struct ts_error *err);

/**
 * ts_window_args() - read `days`, or `from` and `to`, into the window of a filter
 * @now_ms: where a window without `to` ends; the moment itself belongs to it
 * @days:   what was asked, or -1 where `from` decides
 *
 * Errors: INVALID_PARAMETER.
 */
TS_NODISCARD enum ts_err ts_window_args(const struct ts_exchange *x,
                                        int64_t now_ms,
                                        struct ts_call_filter *f,
                                        int64_t *days,
                                        struct ts_error *err);

/* The same for lists and exports: without `days` and `from`, everything there is. */
TS_NODISCARD enum ts_err ts_open_window_args(const struct ts_exchange *x,
                                             struct ts_call_filter *f,
                                             struct ts_error *err);

/* The filters that are set, under the names of their parameters. New reference. */
json_t *ts_filter_json(const struct ts_call_filter *f);

#endif
