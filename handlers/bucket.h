/* Buckets of time in a zone: which one a moment falls into, the next one, and its name. */
#ifndef TS_HANDLERS_BUCKET_H
#define TS_HANDLERS_BUCKET_H

#include "handlers/zone.h"

/* X(enum suffix, name of the parameter's value) */
#define TS_BUCKET_TABLE(X)                                                                         \
    X(HOUR, "hour")                                                                                \
    X(DAY, "day")                                                                                  \
    X(WEEK, "week")                                                                                \
    X(MONTH, "month")

enum ts_bucket_unit {
#define X(id, name) TS_BUCKET_##id,
    TS_BUCKET_TABLE(X)
#undef X
        TS_BUCKET_COUNT_
};

const char *ts_bucket_unit_name(enum ts_bucket_unit u);

struct ts_buckets {
    const struct ts_zone *zone;
    enum ts_bucket_unit unit;
};

/* The bucket of a moment (fits ts_bucket_fn of analytics/aggregate.h). Buckets are ordered by time.
 * A local hour that comes twice, when clocks go back, is two buckets. */
int64_t ts_bucket_of(const void *buckets, int64_t unix_ms);
int64_t ts_bucket_next(const struct ts_buckets *b, int64_t bucket);

/* "2026-11-20" (of a week its Monday, of a month its first), hours "2026-11-20T21:00:00+01:00". */
enum { TS_BUCKET_NAME_SIZE = 80 };
char *ts_bucket_name(const struct ts_buckets *b,
                     int64_t bucket,
                     char out[static TS_BUCKET_NAME_SIZE]);

#endif
