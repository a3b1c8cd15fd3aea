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
#include "base/id.h"

/* One row as the aggregate needs it; text is borrowed for the call. */
struct ts_agg_row {
    int64_t id;
    const char *model;
    const char *provider;
    const char *task_type;
    enum ts_complexity complexity;
    enum ts_outcome outcome;
    int rating;          /* -1, 0 (none), 1 */
    int64_t response_us; /* like all that follow: TS_UNKNOWN where nobody measured it */
    int64_t ttft_us;
    int64_t decode_us;
    int64_t input_tokens; /* all kinds of input added up */
    int64_t output_tokens;
    int64_t unsplit_tokens; /* reported as a total only */
    int64_t cost_nano_usd;
};

/* The dimensions of a grouping; time is the bucket's index. */
enum ts_dimension {
    TS_BY_MODEL = 1, /* model and provider together */
    TS_BY_TASK = 2,
    TS_BY_PROVIDER = 4,
    TS_BY_TIME = 8,
};

/* Calls fade as evidence: one of this age counts half of a fresh one. */
#define TS_EVIDENCE_HALF_LIFE_MS (INT64_C(14) * 86400 * 1000)

/*
 * What a group's calls say about its quality, one trial each: good is a success, or what a thumb
 * said about that call. Failed attempts are trials that were not good. Cancelled calls are none.
 */
struct ts_evidence {
    int64_t trials;
    int64_t good;
    double weight; /* the same with each trial weighed by its age */
    double weight_good;
    double weight_squares;
};

/* The calls that know a quantity: their number, its sum, and the sum of its squares. */
struct ts_spread {
    int64_t n;
    double sum;
    double squares;
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
    int64_t input_tokens; /* these three and the cost: TS_UNKNOWN where no call knows its own */
    int64_t output_tokens;
    int64_t total_tokens;
    int64_t total_cost_nano_usd;
    int64_t last_used_ms; /* of any call, cancelled ones included; TS_UNKNOWN: none */
    double avg_response_us;
    double min_response_us;
    double max_response_us;
    double median_response_us;
    double median_low_us; /* 95 % interval of the median, from the ranks; NaN where too few */
    double median_high_us;
    double p95_response_us;
    double p99_response_us;
    double median_ttft_us;
    double p95_ttft_us;
    double tokens_per_second; /* sum of output tokens / sum of decode time, where both are known */
    double avg_tokens;        /* input and output together, over the calls that know them */
    double success_rate;
    double satisfaction_rate;
    struct ts_spread tokens; /* of all kinds together */
    struct ts_spread cost_usd;
    struct ts_evidence evidence;
};

/* One group: its key (what was not grouped by is NULL; bucket is then INT64_MIN) and its figures.
 */
struct ts_group {
    const char *model;
    const char *provider;
    const char *task_type;
    int64_t bucket;
    struct ts_figures figures;
};

struct ts_aggregate;

enum { TS_MAX_GROUPINGS = 8 };

/* The bucket a moment falls into, as an index that only the caller gives meaning to. */
typedef int64_t ts_bucket_fn(const void *ctx, int64_t unix_ms);

/**
 * ts_aggregate_new() - collect several groupings in one pass
 * @groupings: sets of enum ts_dimension, 0 for "all calls together"; at most TS_MAX_GROUPINGS
 * @now_ms:    the moment at which the age of evidence is measured
 * @bucket:    for TS_BY_TIME; may be NULL otherwise
 *
 * Errors: NOMEM.
 */
TS_NODISCARD enum ts_err ts_aggregate_new(const unsigned *groupings,
                                          int count,
                                          int64_t now_ms,
                                          ts_bucket_fn *bucket,
                                          const void *bucket_ctx,
                                          struct ts_aggregate **out);
void ts_aggregate_free(struct ts_aggregate *a);
TS_DEFINE_AUTO(ts_aggregate_auto, struct ts_aggregate, ts_aggregate_free)

/* Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_aggregate_add(struct ts_aggregate *a, const struct ts_agg_row *row);

/* A failed attempt that another server rescued, as a row with the attempt's model and provider and
 * the call's id and task type: counts in failed_attempts and against its model, and nowhere else.
 */
TS_NODISCARD enum ts_err ts_aggregate_attempt(struct ts_aggregate *a,
                                              const struct ts_agg_row *attempt);

/* Computes the figures; once, after the last row. Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_aggregate_finish(struct ts_aggregate *a);

/* The groups of grouping @i: by bucket upwards where time is in it, then by calls downwards, then
 * by name. Groups of attempts alone have total_calls 0. Valid until the aggregate is freed. */
const struct ts_group *ts_aggregate_groups(const struct ts_aggregate *a, int i, int *count);

#endif
