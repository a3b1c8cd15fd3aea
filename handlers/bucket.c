#include "handlers/bucket.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* A bucket is an integer: of hours the Unix second at which it begins, of days the day since 1970,
 * of weeks that of its Monday, of months twelve times the year and the month from 0. */

enum { HOUR_S = 3600, DAY_S = 86400 };

static const char *const unit_names[] = {
#define X(id, name) [TS_BUCKET_##id] = name,
    TS_BUCKET_TABLE(X)
#undef X
};

const char *ts_bucket_unit_name(enum ts_bucket_unit u)
{
    assert(u < TS_BUCKET_COUNT_);
    return unit_names[u];
}

/* When clocks changed: the first second of (@before, @after] with the offset of @after. */
static int64_t change_between(const struct ts_zone *z, int64_t before, int64_t after)
{
    int32_t offset = ts_zone_offset(z, after);
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (ts_zone_offset(z, middle) == offset)
            after = middle;
        else
            before = middle;
    }
    return after;
}

static int64_t second_of_hour(const struct ts_zone *z, int64_t unix_s)
{
    int64_t local = unix_s + ts_zone_offset(z, unix_s);
    return local - ts_floor_div(local, HOUR_S) * HOUR_S;
}

/* Where clocks change within an hour, one bucket ends there and another begins. */
static int64_t hour_of(const struct ts_zone *z, int64_t unix_s)
{
    int64_t start = unix_s - second_of_hour(z, unix_s);
    bool whole = ts_zone_offset(z, start) == ts_zone_offset(z, unix_s);
    return whole ? start : change_between(z, start, unix_s);
}

static int64_t hour_after(const struct ts_zone *z, int64_t hour)
{
    int64_t end = hour + HOUR_S - second_of_hour(z, hour);
    bool whole = ts_zone_offset(z, end - 1) == ts_zone_offset(z, hour);
    return whole ? end : change_between(z, hour, end - 1);
}

int64_t ts_bucket_of(const void *buckets, int64_t unix_ms)
{
    const struct ts_buckets *b = buckets;
    int64_t unix_s = ts_floor_div(unix_ms, 1000);
    int64_t day = ts_floor_div(unix_s + ts_zone_offset(b->zone, unix_s), DAY_S);
    switch (b->unit) {
    case TS_BUCKET_HOUR:
        return hour_of(b->zone, unix_s);
    case TS_BUCKET_DAY:
        return day;
    case TS_BUCKET_WEEK:
        return ts_floor_div(day + 3, 7) * 7 - 3; /* 1970-01-01 was a Thursday */
    case TS_BUCKET_MONTH: {
        struct ts_date d = ts_date_of(day);
        return d.year * 12 + d.month - 1;
    }
    case TS_BUCKET_COUNT_:
        break;
    }
    abort();
}

int64_t ts_bucket_next(const struct ts_buckets *b, int64_t bucket)
{
    switch (b->unit) {
    case TS_BUCKET_HOUR:
        return hour_after(b->zone, bucket);
    case TS_BUCKET_DAY:
    case TS_BUCKET_MONTH:
        return bucket + 1;
    case TS_BUCKET_WEEK:
        return bucket + 7;
    case TS_BUCKET_COUNT_:
        break;
    }
    abort();
}

static char *hour_name(const struct ts_zone *z, int64_t at, char out[static TS_BUCKET_NAME_SIZE])
{
    int32_t offset = ts_zone_offset(z, at);
    int64_t local = at + offset;
    struct ts_date d = ts_date_of(ts_floor_div(local, DAY_S));
    int hour = (int)((local - ts_floor_div(local, DAY_S) * DAY_S) / HOUR_S);
    char zone[16] = "Z";
    unsigned minutes = (unsigned)abs(offset) / 60 % (24 * 60);
    if (offset != 0)
        (void)snprintf(
            zone, sizeof(zone), "%c%02u:%02u", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    (void)snprintf(out,
                   TS_BUCKET_NAME_SIZE,
                   "%04" PRId64 "-%02d-%02dT%02d:00:00%s",
                   d.year,
                   d.month,
                   d.day,
                   hour,
                   zone);
    return out;
}

char *ts_bucket_name(const struct ts_buckets *b,
                     int64_t bucket,
                     char out[static TS_BUCKET_NAME_SIZE])
{
    if (b->unit == TS_BUCKET_HOUR)
        return hour_name(b->zone, bucket, out);
    struct ts_date d = b->unit == TS_BUCKET_MONTH
                           ? (struct ts_date){.year = ts_floor_div(bucket, 12),
                                              .month = (int)(bucket % 12) + 1,
                                              .day = 1}
                           : ts_date_of(bucket);
    (void)snprintf(out, TS_BUCKET_NAME_SIZE, "%04" PRId64 "-%02d-%02d", d.year, d.month, d.day);
    return out;
}
