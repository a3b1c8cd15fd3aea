/* Zones and buckets against the C library's own idea of local time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "handlers/bucket.h"

static struct ts_zone *load(const char *name)
{
    struct ts_zone *z = NULL;
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_zone_load(name, &z, &err), TS_OK);
    return z;
}

/* Whole hours, half and three-quarter hours, both hemispheres, summer time of half an hour, a zone
 * that skipped a day, one whose summer time is the standard one, and none at all. */
static const char *const zones[] = {
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Europe/Dublin",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Etc/GMT+12",
};

static void offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < TS_ARRAY_LEN(zones); i++) {
        TS_AUTO(ts_zone_auto) struct ts_zone *z = load(zones[i]);
        assert_int_equal(setenv("TZ", zones[i], 1), 0);
        tzset();
        /* 1970 to 2120 in steps that fall on all times of day */
        for (int64_t at = 0; at < INT64_C(4733510400); at += 98765) {
            time_t t = (time_t)at;
            struct tm tm;
            assert_non_null(localtime_r(&t, &tm));
            if (tm.tm_gmtoff != ts_zone_offset(z, at))
                print_error("%s at %lld: %d, C library %ld\n",
                            zones[i],
                            (long long)at,
                            ts_zone_offset(z, at),
                            tm.tm_gmtoff);
            assert_int_equal(tm.tm_gmtoff, ts_zone_offset(z, at));
        }
    }
}

static void each_second_around_a_shift_is_right(void **state)
{
    (void)state;
    TS_AUTO(ts_zone_auto) struct ts_zone *z = load("Europe/Berlin");
    const int64_t forth = 1774746000; /* 2026-03-29 01:00:00 UTC */
    const int64_t back = 1792890000;  /* 2026-10-25 01:00:00 UTC */
    assert_int_equal(ts_zone_offset(z, forth - 1), 3600);
    assert_int_equal(ts_zone_offset(z, forth), 7200);
    assert_int_equal(ts_zone_offset(z, back - 1), 7200);
    assert_int_equal(ts_zone_offset(z, back), 3600);
}

static void names_that_are_no_zones_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "/etc/passwd",
        "../../etc/passwd",
        "Europe/../Europe/Berlin",
        "Europe//Berlin",
        "Europe/",
        "Mars/Phobos",
        "zone.tab",
        "tzdata.zi",
        "Europe",
        "a b",
        "Berlin%00",
        "Europe/Berlin\n",
        "posix/../UTC",
        "leapseconds",
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        struct ts_zone *z = NULL;
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(ts_zone_load(names[i], &z, &err), TS_ERR_INVALID_PARAMETER);
        assert_string_equal(err.param, "tz");
        assert_null(z);
    }
    char name[200];
    memset(name, 'a', sizeof(name));
    name[199] = '\0';
    struct ts_zone *z = NULL;
    assert_int_equal(ts_zone_load(name, &z, NULL), TS_ERR_INVALID_PARAMETER);
}

static void dates_and_days_are_each_others_inverse(void **state)
{
    (void)state;
    for (int64_t day = -800000; day < 800000; day += 13) {
        struct ts_date d = ts_date_of(day);
        assert_true(d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31);
        assert_int_equal(ts_days_of(d), day);
    }
    struct ts_date leap = ts_date_of(11016);
    assert_true(leap.year == 2000 && leap.month == 2 && leap.day == 29);
}

static const char *name_at(const char *zone, enum ts_bucket_unit unit, int64_t unix_s)
{
    static char name[TS_BUCKET_NAME_SIZE];
    TS_AUTO(ts_zone_auto) struct ts_zone *z = load(zone);
    const struct ts_buckets b = {.zone = z, .unit = unit};
    return ts_bucket_name(&b, ts_bucket_of(&b, unix_s * 1000), name);
}

static void buckets_have_the_names_of_their_beginnings(void **state)
{
    (void)state;
    const int64_t friday = 1795217400; /* 2026-11-20 23:30:00 UTC */
    assert_string_equal(name_at("UTC", TS_BUCKET_DAY, friday), "2026-11-20");
    assert_string_equal(name_at("Asia/Kolkata", TS_BUCKET_DAY, friday), "2026-11-21");
    assert_string_equal(name_at("UTC", TS_BUCKET_WEEK, friday), "2026-11-16");
    assert_string_equal(name_at("UTC", TS_BUCKET_MONTH, friday), "2026-11-01");
    assert_string_equal(name_at("UTC", TS_BUCKET_HOUR, friday), "2026-11-20T23:00:00Z");
    assert_string_equal(name_at("Asia/Kolkata", TS_BUCKET_HOUR, friday),
                        "2026-11-21T05:00:00+05:30");
    assert_string_equal(name_at("America/St_Johns", TS_BUCKET_HOUR, friday),
                        "2026-11-20T20:00:00-03:30");
    const int64_t back = 1792890000; /* the hour from 2 to 3 comes twice in Berlin */
    assert_string_equal(name_at("Europe/Berlin", TS_BUCKET_HOUR, back - 1),
                        "2026-10-25T02:00:00+02:00");
    assert_string_equal(name_at("Europe/Berlin", TS_BUCKET_HOUR, back),
                        "2026-10-25T02:00:00+01:00");
}

/* Walking from bucket to bucket meets exactly those that the moments of the time fall into. */
static void walking_meets_every_bucket_once_and_in_order(void **state)
{
    (void)state;
    const int64_t from = 1772000000; /* 2026-02-25 */
    for (size_t i = 0; i < TS_ARRAY_LEN(zones); i++) {
        TS_AUTO(ts_zone_auto) struct ts_zone *z = load(zones[i]);
        for (int unit = 0; unit < TS_BUCKET_COUNT_; unit++) {
            const struct ts_buckets b = {.zone = z, .unit = (enum ts_bucket_unit)unit};
            int64_t bucket = ts_bucket_of(&b, from * 1000);
            for (int64_t at = from; at < from + INT64_C(400) * 86400; at += 600) {
                int64_t now = ts_bucket_of(&b, at * 1000);
                if (now == bucket)
                    continue;
                assert_int_equal(ts_bucket_next(&b, bucket), now);
                assert_true(now > bucket);
                bucket = now;
            }
        }
    }
}

/* Also where clocks shift in the middle of an hour, as in Chatham at a quarter to. */
static void hours_are_named_after_the_clock_of_each_moment_in_them(void **state)
{
    (void)state;
    const int64_t from = 1772000000;
    for (size_t i = 0; i < TS_ARRAY_LEN(zones); i++) {
        TS_AUTO(ts_zone_auto) struct ts_zone *z = load(zones[i]);
        const struct ts_buckets b = {.zone = z, .unit = TS_BUCKET_HOUR};
        for (int64_t at = from; at < from + INT64_C(400) * 86400; at += 600) {
            char name[TS_BUCKET_NAME_SIZE];
            ts_bucket_name(&b, ts_bucket_of(&b, at * 1000), name);
            int64_t hour = (at + ts_zone_offset(z, at)) / 3600 % 24;
            assert_int_equal((name[11] - '0') * 10 + name[12] - '0', hour);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(each_second_around_a_shift_is_right),
        cmocka_unit_test(names_that_are_no_zones_are_refused),
        cmocka_unit_test(dates_and_days_are_each_others_inverse),
        cmocka_unit_test(buckets_have_the_names_of_their_beginnings),
        cmocka_unit_test(walking_meets_every_bucket_once_and_in_order),
        cmocka_unit_test(hours_are_named_after_the_clock_of_each_moment_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
