/*
 * Named time zones, read from the system's zoneinfo files: how far a zone's clocks are from UTC at
 * a moment. The C library's way to this, TZ and tzset(), is one setting for the whole process.
 *
 * Thread: any; reads a file, so not on a loop.
 */
#ifndef TS_HANDLERS_ZONE_H
#define TS_HANDLERS_ZONE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct ts_zone;

/* Loads "UTC" or an IANA name like "Europe/Berlin". Errors: INVALID_PARAMETER with param "tz" (no
 * such zone, not a name, no zoneinfo on this machine), NOMEM. */
TS_NODISCARD enum ts_err ts_zone_load(const char *name, struct ts_zone **out, struct ts_error *err);
void ts_zone_free(struct ts_zone *z);
TS_DEFINE_AUTO(ts_zone_auto, struct ts_zone, ts_zone_free)

/* Seconds east of UTC at that moment (Unix seconds). */
int32_t ts_zone_offset(const struct ts_zone *z, int64_t unix_s);

/* The calendar: days since 1970-01-01, proleptic Gregorian, and back. @month is 1 to 12. */
struct ts_date {
    int64_t year;
    int month;
    int day;
};
int64_t ts_days_of(struct ts_date d);
struct ts_date ts_date_of(int64_t days);

/* Division that rounds down, for moments before 1970 too. */
static inline int64_t ts_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

#endif
