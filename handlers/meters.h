/*
 * What is counted while the server runs, for GET /metrics: kept in memory, never stored.
 *
 * A call is counted once, when it ends; refusals when they are answered. Nothing here is touched
 * per token.
 *
 * Labels come from outside, so their number is bounded: a set that is full, and names beyond the
 * first TS_METERS_MODELS models or TS_METERS_TASKS task types, are counted under "__other__".
 *
 * Thread: any; one lock, a leaf, over no I/O.
 */
#ifndef TS_HANDLERS_METERS_H
#define TS_HANDLERS_METERS_H

#include <stdint.h>

#include "base/call.h"

enum {
    TS_METERS_MODELS = 200,
    TS_METERS_TASKS = 64,
    TS_METERS_SERIES = 2000, /* of a set */
    TS_METER_LABELS = 4,
    TS_HISTOGRAM_BOUNDS = 20,
};

#define TS_METERS_OTHER "__other__"

/* Upper bounds of buckets, ascending; one above all of them is always there. */
struct ts_bounds {
    const double *at;
    int count;
};

struct ts_histogram {
    int64_t count;
    double sum;
    int64_t buckets[TS_HISTOGRAM_BOUNDS + 1]; /* not cumulative; the last one is above all bounds */
};

void ts_histogram_add(struct ts_histogram *h, const struct ts_bounds *b, double value);

extern const struct ts_bounds ts_bounds_duration;  /* seconds */
extern const struct ts_bounds ts_bounds_first;     /* to the first token, seconds */
extern const struct ts_bounds ts_bounds_per_token; /* seconds */
extern const struct ts_bounds ts_bounds_tokens;
extern const struct ts_bounds ts_bounds_overhead; /* seconds */

/* The sets of series, and what each is by. */
enum ts_meter_set {
    TS_METERS_TIMES,    /* provider, model, operation, error: struct ts_meter_times */
    TS_METERS_OUTCOMES, /* provider, model, task type, outcome: int64_t */
    TS_METERS_USAGE,    /* provider, model: struct ts_meter_usage */
    TS_METERS_ATTEMPTS, /* provider, model, cause: int64_t */
    TS_METERS_SETS_
};

struct ts_meter_times {
    struct ts_histogram duration;
    struct ts_histogram first_token;
    struct ts_histogram per_token;
    struct ts_histogram input_tokens;
    struct ts_histogram output_tokens;
    struct ts_histogram overhead;
};

struct ts_meter_usage {
    struct ts_token_counts tokens; /* sums of what is known */
    int64_t cost_nano_usd;         /* of the calls whose cost is known */
    int64_t unpriced;              /* calls whose cost is not */
    int64_t cold;
};

/* A copy of one series. The labels stay as long as the meters. */
struct ts_meter_series {
    const char *labels[TS_METER_LABELS];
    union {
        struct ts_meter_times times;
        struct ts_meter_usage usage;
        int64_t count;
    };
};

struct ts_meters;

TS_NODISCARD enum ts_err ts_meters_new(struct ts_meters **out);
void ts_meters_free(struct ts_meters *m);

/* A call has ended. @dialect: the client's, "openai.chat". Without memory it is not counted. */
void ts_meters_call(struct ts_meters *m, const char *dialect, const struct ts_call *call);

/* A request was answered with an error and is no call. */
void ts_meters_refused(struct ts_meters *m, enum ts_err code);
int64_t ts_meters_refusals(const struct ts_meters *m, enum ts_err code);

/* The series at @index of a set; false beyond the last. Series keep their place. */
bool ts_meters_get(struct ts_meters *m,
                   enum ts_meter_set set,
                   int index,
                   struct ts_meter_series *out);

/* OpenTelemetry's name of what a dialect's request does: "chat", "text_completion", "embeddings".
 */
const char *ts_operation_name(const char *dialect);

#endif
