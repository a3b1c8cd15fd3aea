/* Breaker and budget as scripts of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proxy/breaker.h"
#include "proxy/budget.h"

static const int64_t us_per_ms = 1000;
static const uint32_t middle = 0; /* dice: see open_for() */

/* A breaker and a clock in ms, which does not begin at 0. */
struct bench {
    struct ts_breaker b;
    int64_t now_ms;
};

static struct bench fresh(void)
{
    return (struct bench){.b = TS_BREAKER_INIT, .now_ms = 1000 * 1000};
}

static enum ts_breaker_change note(struct bench *t, enum ts_sign sign)
{
    bool probe = ts_breaker_enter(&t->b);
    return ts_breaker_note(&t->b, sign, probe, t->now_ms * us_per_ms, middle);
}

static bool allows(const struct bench *t)
{
    return ts_breaker_allows(&t->b, t->now_ms * us_per_ms);
}

static void fail_until_open(struct bench *t)
{
    for (int i = 1; i < TS_BREAKER_IN_A_ROW; i++)
        assert_int_equal(note(t, TS_SIGN_FAILED), TS_BREAKER_SAME);
    assert_int_equal(note(t, TS_SIGN_FAILED), TS_BREAKER_OPENED);
}

static void five_failures_in_a_row_open_it(void **state)
{
    (void)state;
    struct bench t = fresh();
    for (int i = 0; i < 4; i++)
        (void)note(&t, TS_SIGN_FAILED);
    (void)note(&t, TS_SIGN_ALIVE); /* the row is broken */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(note(&t, TS_SIGN_FAILED), TS_BREAKER_SAME);
        (void)note(&t, TS_SIGN_NONE); /* silence neither breaks nor lengthens it */
    }
    assert_true(allows(&t));
    assert_int_equal(note(&t, TS_SIGN_FAILED), TS_BREAKER_OPENED);
    assert_false(allows(&t));
    assert_int_equal(t.b.state, TS_BREAKER_OPEN);
}

static void silence_and_429_never_open_it(void **state)
{
    (void)state;
    struct bench t = fresh();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(note(&t, TS_SIGN_NONE), TS_BREAKER_SAME);
    assert_true(allows(&t));
}

static void half_of_ten_within_thirty_seconds_open_it(void **state)
{
    (void)state;
    struct bench t = fresh();
    for (int i = 0; i < 9; i++) { /* nine are too few to judge */
        assert_int_equal(note(&t, i % 2 == 0 ? TS_SIGN_FAILED : TS_SIGN_ALIVE), TS_BREAKER_SAME);
        t.now_ms += 1000;
    }
    assert_int_equal(note(&t, TS_SIGN_FAILED), TS_BREAKER_OPENED);

    t = fresh();
    for (int i = 0; i < 300; i++) { /* 40 % is bad, but below half */
        assert_int_equal(note(&t, i % 5 >= 3 ? TS_SIGN_FAILED : TS_SIGN_ALIVE), TS_BREAKER_SAME);
        t.now_ms += 200;
    }

    t = fresh();
    for (int i = 0; i < 100; i++) { /* ten of them never fall into thirty seconds */
        assert_int_equal(note(&t, i % 2 == 0 ? TS_SIGN_FAILED : TS_SIGN_ALIVE), TS_BREAKER_SAME);
        t.now_ms += 3500;
    }
}

static void one_probe_goes_when_its_time_is_over_and_decides(void **state)
{
    (void)state;
    struct bench t = fresh();
    fail_until_open(&t);
    t.now_ms += 3999; /* 5 s less a fifth: the dice are at their lowest */
    assert_false(allows(&t));
    t.now_ms += 1;
    assert_true(allows(&t));
    bool probe = ts_breaker_enter(&t.b);
    assert_true(probe);
    assert_false(allows(&t));             /* one at a time */
    assert_false(ts_breaker_enter(&t.b)); /* forced in: not the probe */
    assert_int_equal(ts_breaker_note(&t.b, TS_SIGN_FAILED, false, t.now_ms * us_per_ms, 0),
                     TS_BREAKER_SAME); /* and tells nothing */
    assert_int_equal(ts_breaker_note(&t.b, TS_SIGN_ALIVE, true, t.now_ms * us_per_ms, 0),
                     TS_BREAKER_HEALED);
    assert_true(allows(&t));
    fail_until_open(&t); /* the old failures are forgotten: five are needed again */
}

static void a_probe_that_tells_nothing_leaves_the_next_call_to_be_it(void **state)
{
    (void)state;
    struct bench t = fresh();
    fail_until_open(&t);
    t.now_ms += 6000;
    assert_int_equal(note(&t, TS_SIGN_NONE), TS_BREAKER_SAME); /* its client left */
    assert_true(allows(&t));
    assert_int_equal(note(&t, TS_SIGN_ALIVE), TS_BREAKER_HEALED);
}

static int64_t open_for_ms(const struct bench *t)
{
    return (t->b.open_until_us / us_per_ms) - t->now_ms;
}

static void each_failed_probe_doubles_the_time_up_to_a_minute(void **state)
{
    (void)state;
    static const int64_t ms[] = {5000, 10000, 20000, 40000, 60000, 60000, 60000};
    struct bench t = fresh();
    fail_until_open(&t);
    for (size_t i = 0; i < TS_ARRAY_LEN(ms); i++) {
        assert_int_equal(open_for_ms(&t), ms[i] * 80 / 100);
        t.now_ms += open_for_ms(&t);
        if (i + 1 < TS_ARRAY_LEN(ms))
            assert_int_equal(note(&t, TS_SIGN_FAILED), TS_BREAKER_REOPENED);
    }
    assert_int_equal(note(&t, TS_SIGN_ALIVE), TS_BREAKER_HEALED);
    t.now_ms += 59999; /* well for not quite a minute: still as bad as before */
    fail_until_open(&t);
    assert_int_equal(open_for_ms(&t), 48000);
    t.now_ms += 48000;
    (void)note(&t, TS_SIGN_ALIVE);
    t.now_ms += 60000;
    fail_until_open(&t);
    assert_int_equal(open_for_ms(&t), 4000);
}

static void the_time_is_spread_by_a_fifth_either_way(void **state)
{
    (void)state;
    static const uint32_t dice[] = {0, 1, 999999, 1000000, 2000000, 2000001, UINT32_MAX};
    int64_t least_us = INT64_MAX;
    int64_t most_us = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(dice); i++) {
        struct ts_breaker b = TS_BREAKER_INIT;
        for (int k = 0; k < TS_BREAKER_IN_A_ROW; k++)
            (void)ts_breaker_note(&b, TS_SIGN_FAILED, false, 1, dice[i]);
        least_us = b.open_until_us < least_us ? b.open_until_us : least_us;
        most_us = b.open_until_us > most_us ? b.open_until_us : most_us;
    }
    assert_int_equal(least_us, 1 + 4000 * us_per_ms);
    assert_int_equal(most_us, 1 + 6000 * us_per_ms);
}

static void a_call_that_was_forced_in_too_early_heals_but_does_not_lengthen_it(void **state)
{
    (void)state;
    struct bench t = fresh();
    fail_until_open(&t);
    int64_t until_us = t.b.open_until_us;
    for (int i = 0; i < 5; i++) {
        t.now_ms += 100;
        assert_int_equal(note(&t, TS_SIGN_FAILED), TS_BREAKER_SAME);
        assert_false(allows(&t));
        assert_int_equal(t.b.open_until_us, until_us);
        assert_int_equal(t.b.failed_us, t.now_ms * us_per_ms);
    }
    assert_int_equal(note(&t, TS_SIGN_ALIVE), TS_BREAKER_HEALED);
}

static void not_before_only_moves_on(void **state)
{
    (void)state;
    struct ts_breaker b = TS_BREAKER_INIT;
    ts_breaker_not_before(&b, 500);
    ts_breaker_not_before(&b, 300);
    assert_int_equal(b.not_before_us, 500);
    assert_true(ts_breaker_allows(&b, 1)); /* it is no failure */
}

/* A retry goes to the server as well. */
static bool retry(struct ts_budget *b, int64_t now_us)
{
    bool may = ts_budget_retry(b, now_us);
    if (may)
        ts_budget_call(b, now_us);
    return may;
}

static void retries_are_a_fifth_of_the_calls_but_three_are_free(void **state)
{
    (void)state;
    struct ts_budget b = TS_BUDGET_INIT;
    int64_t now_us = INT64_C(5000000);
    int allowed = 0;
    for (int i = 0; i < 10; i++)
        allowed += retry(&b, now_us);
    assert_int_equal(allowed, 3);
    for (int i = 0; i < 1000; i++) {
        ts_budget_call(&b, now_us);
        allowed += retry(&b, now_us);
        now_us += 1000;
    }
    assert_int_equal(allowed, 200); /* the three are among them */
    now_us += INT64_C(11000000);    /* all of that is over */
    assert_true(ts_budget_retry(&b, now_us));
    assert_true(ts_budget_retry(&b, now_us));
    assert_true(ts_budget_retry(&b, now_us));
    assert_false(ts_budget_retry(&b, now_us));
}

static void the_window_forgets_slice_by_slice(void **state)
{
    (void)state;
    struct ts_window w = TS_WINDOW_INIT(1000);
    for (int64_t ms = 0; ms < 2000; ms += 100)
        ts_window_add(&w, ms * us_per_ms, (struct ts_window_count){.all = 1, .marked = ms >= 1500});
    assert_int_equal(ts_window_sum(&w, 1999 * us_per_ms).all, 10);
    assert_int_equal(ts_window_sum(&w, 1999 * us_per_ms).marked, 5);
    assert_int_equal(ts_window_sum(&w, 2499 * us_per_ms).all, 5);
    assert_int_equal(ts_window_sum(&w, 9999 * us_per_ms).all, 0);
    ts_window_add(&w, 99999 * us_per_ms, (struct ts_window_count){.all = 1});
    assert_int_equal(ts_window_sum(&w, 99999 * us_per_ms).all, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_in_a_row_open_it),
        cmocka_unit_test(silence_and_429_never_open_it),
        cmocka_unit_test(half_of_ten_within_thirty_seconds_open_it),
        cmocka_unit_test(one_probe_goes_when_its_time_is_over_and_decides),
        cmocka_unit_test(a_probe_that_tells_nothing_leaves_the_next_call_to_be_it),
        cmocka_unit_test(each_failed_probe_doubles_the_time_up_to_a_minute),
        cmocka_unit_test(the_time_is_spread_by_a_fifth_either_way),
        cmocka_unit_test(a_call_that_was_forced_in_too_early_heals_but_does_not_lengthen_it),
        cmocka_unit_test(not_before_only_moves_on),
        cmocka_unit_test(retries_are_a_fifth_of_the_calls_but_three_are_free),
        cmocka_unit_test(the_window_forgets_slice_by_slice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
