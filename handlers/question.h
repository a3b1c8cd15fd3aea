/* What a question about the figures asks: a slice of the calls, and how its time is cut. */
#ifndef TS_HANDLERS_QUESTION_H
#define TS_HANDLERS_QUESTION_H

#include "handlers/bucket.h"
#include "handlers/etag.h"
#include "handlers/filter.h"

/* The parameters that ts_question_args() reads, for lists of what is allowed. */
#define TS_QUESTION_ARGS TS_FILTER_ARGS, "days", "from", "to", "bucket", "tz"

struct ts_question {
    struct ts_call_filter filter; /* with the window */
    int64_t now_ms;
    int64_t days;   /* -1: the window was given by its ends */
    const char *tz; /* of the exchange, like all texts here */
    enum ts_bucket_unit unit;
};

/* Errors: INVALID_PARAMETER. Whether the zone exists shows when it is loaded. */
TS_NODISCARD enum ts_err ts_question_args(const struct ts_exchange *x,
                                          struct ts_question *q,
                                          struct ts_error *err);

/* The same slice in the window of the same length that ends where this one begins, or in what of it
 * is not before 1970. */
struct ts_call_filter ts_question_before(const struct ts_question *q);

/* The validator of its answer. */
struct ts_etag ts_question_etag(const struct ts_exchange *x, const struct ts_question *q);

/* New reference: from, to, days, tz, bucket. */
json_t *ts_question_window_json(const struct ts_question *q);

/* The buckets of the window. */
struct ts_span {
    struct ts_buckets buckets; /* in a zone that the caller keeps */
    int64_t first;
    int64_t last;
    int count;
};

/* Errors: INVALID_PARAMETER, more than @max buckets. */
TS_NODISCARD enum ts_err ts_question_span(const struct ts_question *q,
                                          const struct ts_zone *zone,
                                          int max,
                                          struct ts_span *out,
                                          struct ts_error *err);

/* What is to be collected of a slice; see ts_aggregate_new(). */
struct ts_gathering {
    const unsigned *groupings;
    int count;
    int64_t now_ms;                   /* evidence is judged then, or where the window ended */
    const struct ts_buckets *buckets; /* NULL where time is no dimension */
};

/* Collects it, on a reader thread. Errors: STORAGE_UNAVAILABLE, NOMEM. */
TS_NODISCARD enum ts_err ts_gather(struct ts_reader_conn *c,
                                   const struct ts_call_filter *filter,
                                   const struct ts_gathering *what,
                                   struct ts_aggregate **out,
                                   struct ts_error *err);

#endif
