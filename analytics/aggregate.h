/*
 * From calls to figures: groups, their counts, averages and exact percentiles.
 *
 * Pure: rows in, structs out. Denominators are those of the interface: cancelled calls count in
 * total_calls and cancelled and nowhere else; times, percentiles and averages include failed calls;
 * percentiles are nearest-rank.
 */
#ifndef TS_ANALYTICS_AGGREGATE_H
#define TS_ANALYTICS_AGGREGATE_H

#include "base/call.h"

/* One row as the aggregate needs it; text is borrowed for the call. */
struct ts_agg_row {
    int64_t id;
    const char *model;
    const char *provider;
    const char *task_type;
    enum ts_complexity complexity;
    enum ts_outcome outcome;
    int rating;
    int64_t response_us;
    int64_t ttft_us;
    int64_t decode_us;
    int64_t input_tokens; /* all kinds of input added up */
    int64_t output_tokens;
    int64_t cost_nano_usd;
    int failed_attempts; /* rescued tries at this very model: see ts_aggregate_attempt() */
};

/* The dimensions of a grouping; time is the bucket's index. */
enum ts_dimension {
    TS_BY_MODEL = 1, /* model and provider together */
    TS_BY_TASK = 2,
    TS_BY_PROVIDER = 4,
    TS_BY_TIME = 8,
};

/* Figures of one group. Rates 0 to 100; NaN where unknown. Times in microseconds. */
struct ts_figures {
    int64_t total_calls;
    int64_t successes;
    int64_t failures; /* timeouts included */
    int64_t timeouts;
    int64_t cancelled;
    int64_t failed_attempts;
    int64_t up;
    int64_t down;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t total_tokens;
    int64_t total_cost_nano_usd; /* TS_UNKNOWN: no call has a price */
    int64_t last_used_ms;
    double avg_response_us;
    double min_response_us;
    double max_response_us;
    double median_response_us;
    double p95_response_us;
    double p99_response_us;
    double median_ttft_us;
    double p95_ttft_us;
    double tokens_per_second; /* sum of output tokens / sum of decode time, where both are known */
    double avg_tokens;
    double success_rate;
    double satisfaction_rate;
};

/* One group: its key (what was not grouped by is NULL or -1) and its figures. */
struct ts_group {
    const char *model;
    const char *provider;
    const char *task_type;
    int64_t bucket;
    struct ts_figures figures;
};

struct ts_aggregate;

/* The start of the bucket a call falls into, as an index that only the caller gives meaning to. */
typedef int64_t ts_bucket_fn(const void *ctx, int64_t unix_ms);

/**
 * ts_aggregate_new() - collect several groupings in one pass
 * @groupings: sets of enum ts_dimension, 0 for "all calls together"; at most 8
 * @bucket:    for TS_BY_TIME; may be NULL otherwise
 */
TS_NODISCARD enum ts_err ts_aggregate_new(const unsigned *groupings,
                                          int count,
                                          ts_bucket_fn *bucket,
                                          const void *bucket_ctx,
                                          struct ts_aggregate **out);
void ts_aggregate_free(struct ts_aggregate *a);
TS_DEFINE_AUTO(ts_aggregate_auto, struct ts_aggregate, ts_aggregate_free)

/* Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_aggregate_add(struct ts_aggregate *a, const struct ts_agg_row *row);

/* A failed attempt that another server rescued: counts against its model only. */
TS_NODISCARD enum ts_err ts_aggregate_attempt(struct ts_aggregate *a,
                                              const struct ts_agg_row *attempt);

/* Computes the figures; then the groups of grouping @i, by calls downwards (time: by bucket). */
void ts_aggregate_finish(struct ts_aggregate *a);
const struct ts_group *ts_aggregate_groups(const struct ts_aggregate *a, int i, int *count);

#endif
