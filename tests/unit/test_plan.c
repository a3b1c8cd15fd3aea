/* Plans: what a window is read from, as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "db/plan.h"
#include "malloc_fail.h"

#define H TS_HOUR_MS
#define D TS_DAY_MS

/* "calls 1.00:10-1.01:00 days 2.00:00-4.00:00" as days.hours:minutes */
static void describe(const struct ts_plan_question *q, char out[static 512])
{
    static const char *const names[] = {"calls", "hours", "days"};
    struct ts_plan p = {.count = 0};
    assert_int_equal(ts_plan_make(q, &p), TS_OK);
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < p.count; i++) {
        const struct ts_stretch *s = &p.at[i];
        len += (size_t)snprintf(out + len,
                                512 - len,
                                "%s%s %lld.%02lld:%02lld-%lld.%02lld:%02lld",
                                i > 0 ? " " : "",
                                names[s->source],
                                (long long)(s->from_ms / D),
                                (long long)(s->from_ms % D / H),
                                (long long)(s->from_ms % H / 60000),
                                (long long)(s->to_ms / D),
                                (long long)(s->to_ms % D / H),
                                (long long)(s->to_ms % H / 60000));
    }
    ts_plan_free(&p);
}

#define EXPECT(text, ...)                                                                          \
    do {                                                                                           \
        const struct ts_plan_question q_ = {__VA_ARGS__};                                          \
        char got_[512];                                                                            \
        describe(&q_, got_);                                                                       \
        assert_string_equal(got_, text);                                                           \
    } while (0)

static void ends_cut_days_into_hours_and_hours_into_calls(void **state)
{
    (void)state;
    EXPECT("days 1.00:00-3.00:00", .from_ms = D, .to_ms = 3 * D);
    EXPECT("", .from_ms = D, .to_ms = D);
    EXPECT("calls 1.00:10-1.00:20", .from_ms = D + 600000, .to_ms = D + 1200000);
    EXPECT("calls 1.22:30-1.23:00 hours 1.23:00-2.00:00 days 2.00:00-4.00:00 "
           "hours 4.00:00-4.02:00 calls 4.02:00-4.02:15",
           .from_ms = D + 22 * H + H / 2,
           .to_ms = 4 * D + 2 * H + H / 4);
}

/* Days of a zone that is @ctx minutes ahead. */
static bool one_day(const void *ctx, int64_t from_ms, int64_t to_ms)
{
    int64_t ahead_ms = *(const int *)ctx * INT64_C(60000);
    return (from_ms + ahead_ms) / D == (to_ms - 1 + ahead_ms) / D;
}

static void buckets_of_a_zone_cut_where_their_days_begin(void **state)
{
    (void)state;
    static const int utc = 0;
    static const int berlin = 60;
    static const int kolkata = 330;
    EXPECT(
        "days 1.00:00-3.00:00", .from_ms = D, .to_ms = 3 * D, .one_bucket = one_day, .ctx = &utc);
    EXPECT("hours 1.00:00-3.00:00",
           .from_ms = D,
           .to_ms = 3 * D,
           .one_bucket = one_day,
           .ctx = &berlin);
    EXPECT("hours 1.00:00-1.18:00 calls 1.18:00-1.19:00 hours 1.19:00-2.00:00",
           .from_ms = D,
           .to_ms = 2 * D,
           .one_bucket = one_day,
           .ctx = &kolkata);
}

static void days_that_are_due_are_read_from_their_calls(void **state)
{
    (void)state;
    static const int64_t due[] = {2, 4};
    EXPECT("days 1.00:00-2.00:00 calls 2.00:00-3.00:00 days 3.00:00-4.00:00 calls 4.00:00-4.10:00",
           .from_ms = D,
           .to_ms = 4 * D + 10 * H,
           .call_days = due,
           .call_day_count = 2);
    EXPECT(
        "calls 1.05:00-3.06:00", .from_ms = D + 5 * H, .to_ms = 3 * D + 6 * H, .calls_only = true);
}

static void where_calls_are_gone_a_day_counts_where_its_noon_is(void **state)
{
    (void)state;
    EXPECT("days 2.00:00-6.00:00",
           .from_ms = D + 13 * H,
           .to_ms = 5 * D + 13 * H,
           .whole_from_ms = 7 * D);
    EXPECT("days 1.00:00-5.00:00",
           .from_ms = D + 11 * H,
           .to_ms = 5 * D + 11 * H,
           .whole_from_ms = 7 * D);
    /* of the day that is half gone the hours are still there; calls only where they are whole */
    EXPECT("hours 2.05:00-2.20:00 calls 2.20:00-2.20:10",
           .from_ms = 2 * D + 4 * H + 40 * 60000,
           .to_ms = 2 * D + 20 * H + 600000,
           .whole_from_ms = 2 * D + 12 * H);
}

static enum ts_err make(void *ctx)
{
    (void)ctx;
    static const int64_t due[] = {2, 4, 6, 8, 10, 12, 14, 16, 18, 20};
    const struct ts_plan_question q = {.from_ms = D + H,
                                       .to_ms = 30 * D + 5000,
                                       .call_days = due,
                                       .call_day_count = TS_ARRAY_LEN(due)};
    struct ts_plan p = {.count = 0};
    enum ts_err rc = ts_plan_make(&q, &p);
    ts_plan_free(&p);
    return rc;
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    malloc_torture(make, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_cut_days_into_hours_and_hours_into_calls),
        cmocka_unit_test(buckets_of_a_zone_cut_where_their_days_begin),
        cmocka_unit_test(days_that_are_due_are_read_from_their_calls),
        cmocka_unit_test(where_calls_are_gone_a_day_counts_where_its_noon_is),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
