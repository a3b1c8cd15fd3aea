/*
 * Time. Inside, everything is monotonic microseconds; wall time (Unix milliseconds) appears only
 * where a call is stamped and where a person reads it.
 */
#ifndef TS_BASE_CLOCK_H
#define TS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Room for "2026-11-20T21:33:55.123Z" and its NUL. */
enum { TS_RFC3339_SIZE = 32 };

#define TS_HOUR_MS INT64_C(3600000)
#define TS_DAY_MS (24 * TS_HOUR_MS)

/* Monotonic microseconds since some point in the past. Never 0. Thread: any. */
int64_t ts_now_us(void);

/* Unix time in milliseconds. Thread: any. */
int64_t ts_wall_ms(void);

/* Writes @unix_ms as RFC 3339 in UTC with milliseconds; returns @out. */
char *ts_rfc3339(int64_t unix_ms, char out[static TS_RFC3339_SIZE]);

/**
 * ts_rfc3339_parse() - read an RFC 3339 time, with any zone offset, into Unix milliseconds
 *
 * Accepts a date alone ("2026-11-20", midnight UTC), `T` or a space between date and time, up to
 * nine fractional digits (cut to milliseconds), `Z` or ±hh:mm. Refuses what no calendar has.
 * Return: 0, or -1 and @out untouched.
 */
int ts_rfc3339_parse(const char *text, size_t len, int64_t *out);

#endif
