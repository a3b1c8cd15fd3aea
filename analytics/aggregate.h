/*
 * From calls to figures: groups, their counts, averages and percentiles.
 *
 * Pure: rows or cells in, structs out, and the same figures from either to the bit: calls that were
 * added up before count as if they came one by one. Denominators are those of analytics/digest.h;
 * percentiles are nearest-rank within 0.55 % (analytics/sketch.h).
 */
#ifndef TS_ANALYTICS_AGGREGATE_H
#define TS_ANALYTICS_AGGREGATE_H

#include "analytics/digest.h"

/* The dimensions of a grouping; time is the bucket's index. */
enum ts_dimension {
    TS_BY_MODEL = 1, /* model and provider together */
    TS_BY_TASK = 2,
    TS_BY_PROVIDER = 4,
    TS_BY_TIME = 8,
};

/* Calls fade as evidence: one of this age counts half of a fresh one. Age is counted in whole UTC
 * days, so that a day's calls weigh the same whether they come one by one or as a cell. */
enum { TS_EVIDENCE_HALF_LIFE_DAYS = 14 };

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
    struct ts_spread
        cold; /* response times of calls for which the model was loaded, in us; no squares */
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
    const struct ts_sketch
        *response; /* how its times are spread; the aggregate's, NULL until finished */
    const struct ts_sketch *ttft;
};

struct ts_aggregate;

enum { TS_MAX_GROUPINGS = 8 };

/* The bucket a moment falls into, as an index that only the caller gives meaning to. */
typedef int64_t ts_bucket_fn(const void *ctx, int64_t unix_ms);

/**
 * ts_aggregate_new() - collect several groupings in one pass
 * @groupings: sets of enum ts_dimension, 0 for "all calls together"; at most TS_MAX_GROUPINGS
 * @judged_ms: the moment at which the age of evidence is measured
 * @bucket:    for TS_BY_TIME, rising with time; may be NULL otherwise
 *
 * Errors: NOMEM.
 */
TS_NODISCARD enum ts_err ts_aggregate_new(const unsigned *groupings,
                                          int count,
                                          int64_t judged_ms,
                                          ts_bucket_fn *bucket,
                                          const void *bucket_ctx,
                                          struct ts_aggregate **out);
void ts_aggregate_free(struct ts_aggregate *a);
TS_DEFINE_AUTO(ts_aggregate_auto, struct ts_aggregate, ts_aggregate_free)

/* As new, but for the series. */
void ts_aggregate_clear(struct ts_aggregate *a);

/* What calls are of; text is borrowed for the call. NULL: of any, for cells that hold all. */
struct ts_agg_names {
    const char *model;
    const char *provider;
    const char *task_type;
};

/* Makes names known under a number, from 0 upwards. Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_aggregate_series(struct ts_aggregate *a,
                                             const struct ts_agg_names *names,
                                             int *series);

/*
 * Groupings without time and those with it may be fed apart: a day's cell says all about its
 * models, and nothing about hours. Of a grouping the same calls must be added once.
 */
enum ts_agg_part { TS_AGG_TIMELESS = 1, TS_AGG_TIMED = 2 };

/* The parts that its groupings need. */
unsigned ts_aggregate_parts(const struct ts_aggregate *a);

/* Whether what is timed is only that: calls of any model may be added together for it. */
bool ts_aggregate_times_all(const struct ts_aggregate *a);

/* Whether the moments from @from_ms to before @to_ms are in one bucket; true if there are none. */
bool ts_aggregate_one_bucket(const struct ts_aggregate *a, int64_t from_ms, int64_t to_ms);

/* Errors of these three: NOMEM. */
TS_NODISCARD enum ts_err ts_aggregate_add(struct ts_aggregate *a,
                                          unsigned parts,
                                          const struct ts_agg_row *row);

/* A failed attempt that another server rescued, at the time of its call: counts in failed_attempts
 * and against its model, and nowhere else. */
TS_NODISCARD enum ts_err ts_aggregate_attempt(struct ts_aggregate *a,
                                              unsigned parts,
                                              int series,
                                              int64_t at_ms);

/* A cell of calls that are all of @series, of one UTC day, and in the bucket of @at_ms. INTERNAL:
 * its sketches are none; the aggregate has to be cleared. */
TS_NODISCARD enum ts_err ts_aggregate_add_cell(struct ts_aggregate *a,
                                               unsigned parts,
                                               int series,
                                               int64_t at_ms,
                                               const struct ts_digest_view *cell);

/* Computes the figures; once, after the last row. Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_aggregate_finish(struct ts_aggregate *a);

/* The groups of grouping @i: by bucket upwards where time is in it, then by calls downwards, then
 * by name. Groups of attempts alone have total_calls 0. Valid until the aggregate is freed. */
const struct ts_group *ts_aggregate_groups(const struct ts_aggregate *a, int i, int *count);

#endif
