#include "base/clock.h"

#include <time.h>

int64_t ts_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + 1;
}

int64_t ts_wall_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Days since 1970-01-01 of a proleptic Gregorian date, and back: years are counted from March, so
 * that the leap day is the last of its year, in eras of 400 years (146,097 days).
 */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil {
    int64_t year;
    int month;
    int day;
};

static struct civil civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (int)((5 * doy + 2) / 153);
    int month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){.year = yoe + era * 400 + (month <= 2),
                          .month = month,
                          .day = (int)(doy - (153 * mp + 2) / 5 + 1)};
}

/* @value in exactly @digits digits, then @after; returns the place behind them. */
static char *put_digits(char *out, int64_t value, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    out[digits] = after;
    return out + digits + 1;
}

char *ts_rfc3339(int64_t unix_ms, char out[static TS_RFC3339_SIZE])
{
    int64_t day_ms = 86400000;
    int64_t days = unix_ms / day_ms - (unix_ms % day_ms < 0);
    int64_t rest = unix_ms - days * day_ms;
    struct civil c = civil_from_days(days);
    char *at = put_digits(out, c.year, 4, '-');
    at = put_digits(at, c.month, 2, '-');
    at = put_digits(at, c.day, 2, 'T');
    at = put_digits(at, rest / 3600000, 2, ':');
    at = put_digits(at, rest / 60000 % 60, 2, ':');
    at = put_digits(at, rest / 1000 % 60, 2, '.');
    at = put_digits(at, rest % 1000, 3, 'Z');
    *at = '\0';
    return out;
}

struct cursor {
    const char *at;
    const char *end;
};

/* Exactly @digits digits within [min, max]; -1 if they are not there. */
static int take_number(struct cursor *c, int digits, int min, int max)
{
    int value = 0;
    for (int i = 0; i < digits; i++, c->at++) {
        if (c->at == c->end || *c->at < '0' || *c->at > '9')
            return -1;
        value = value * 10 + (*c->at - '0');
    }
    return value < min || value > max ? -1 : value;
}

static int take_char(struct cursor *c, const char *any)
{
    if (c->at == c->end)
        return -1;
    for (; *any != '\0'; any++) {
        if (*c->at == *any) {
            c->at++;
            return 0;
        }
    }
    return -1;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static int take_fraction_ms(struct cursor *c)
{
    if (take_char(c, ".") != 0)
        return 0;
    int ms = 0;
    int digits = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, digits++) {
        if (digits < 3)
            ms = ms * 10 + (*c->at - '0');
    }
    if (digits == 0 || digits > 9)
        return -1;
    for (; digits < 3; digits++)
        ms *= 10;
    return ms;
}

/* Minutes east of UTC, or INT32_MIN if there is no zone. */
static int take_zone(struct cursor *c)
{
    if (take_char(c, "Zz") == 0)
        return 0;
    int sign = 1;
    if (take_char(c, "-") == 0)
        sign = -1;
    else if (take_char(c, "+") != 0)
        return INT32_MIN;
    int h = take_number(c, 2, 0, 23);
    int colon = take_char(c, ":");
    int m = take_number(c, 2, 0, 59);
    return h < 0 || colon != 0 || m < 0 ? INT32_MIN : sign * (h * 60 + m);
}

/* Milliseconds into the UTC day of the time part, or INT64_MIN. */
static int64_t take_time(struct cursor *c)
{
    if (take_char(c, "Tt ") != 0)
        return INT64_MIN;
    int h = take_number(c, 2, 0, 23);
    int colon1 = take_char(c, ":");
    int m = take_number(c, 2, 0, 59);
    int colon2 = take_char(c, ":");
    int s = take_number(c, 2, 0, 59);
    if (h < 0 || m < 0 || s < 0 || colon1 != 0 || colon2 != 0)
        return INT64_MIN;
    int ms = take_fraction_ms(c);
    int zone = ms < 0 ? INT32_MIN : take_zone(c);
    if (zone == INT32_MIN)
        return INT64_MIN;
    return ((int64_t)h * 3600 + m * 60 + s) * 1000 + ms - (int64_t)zone * 60000;
}

int ts_rfc3339_parse(const char *text, size_t len, int64_t *out)
{
    struct cursor c = {.at = text, .end = text + len};
    int year = take_number(&c, 4, 1970, 9999);
    int dash1 = take_char(&c, "-");
    int month = take_number(&c, 2, 1, 12);
    int dash2 = take_char(&c, "-");
    int day = month < 0 || year < 0 ? -1 : take_number(&c, 2, 1, days_in_month(year, month));
    if (year < 0 || month < 0 || day < 0 || dash1 != 0 || dash2 != 0)
        return -1;
    int64_t ms = c.at == c.end ? 0 : take_time(&c);
    if (ms == INT64_MIN || c.at != c.end)
        return -1;
    *out = days_from_civil(year, month, day) * 86400000 + ms;
    return 0;
}
