/* The scores against values worked out by hand from the formulas of the interface. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analytics/scores.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-4;
}

static void wilson_intervals_match_published_values(void **state)
{
    (void)state;
    static const struct {
        int64_t k, n;
        double low, high;
    } cases[] = {
        /* k/n      low      high: Newcombe 1998, table I, method 3 */
        {81, 263, 0.2553, 0.3662},
        {15, 148, 0.0624, 0.1605},
        {0, 20, 0.0000, 0.1611},
        {1, 29, 0.0061, 0.1718},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_interval w = ts_wilson95(cases[i].k, cases[i].n);
        assert_true(near(w.low, cases[i].low) && near(w.high, cases[i].high));
    }
    assert_true(ts_wilson95(0, 0).low == 0 && ts_wilson95(0, 0).high == 1);
    assert_true(ts_wilson95(5, 5).high == 1 && ts_wilson95(0, 5).low == 0);
}

static void speed_falls_from_100_at_0_s_to_0_at_10_s(void **state)
{
    (void)state;
    assert_true(ts_speed_score(0) == 100);
    assert_true(near(ts_speed_score(2456e3), 75.44));
    assert_true(ts_speed_score(10e6) == 0);
    assert_true(ts_speed_score(60e6) == 0);
    assert_true(isnan(ts_speed_score((double)NAN)));
}

static void an_unknown_part_drops_out_of_the_quality_score(void **state)
{
    (void)state;
    struct ts_figures f = {.success_rate = 98, .satisfaction_rate = 89, .avg_response_us = 2341e3};
    assert_true(near(ts_quality_score(&f), 0.4 * 98 + 0.4 * 89 + 0.2 * 76.59));
    f.satisfaction_rate = (double)NAN;
    assert_true(near(ts_quality_score(&f), (0.4 * 98 + 0.2 * 76.59) / 0.6));
    f.avg_response_us = (double)NAN;
    assert_true(near(ts_quality_score(&f), 98));
    f.success_rate = (double)NAN;
    assert_true(isnan(ts_quality_score(&f)));
}

static void confidence_grows_with_calls_and_with_ratings(void **state)
{
    (void)state;
    struct ts_figures f = {0};
    assert_true(ts_confidence(&f) == 0);
    f.successes = 50; /* Wilson of 50/50: low 0.92866 */
    assert_true(near(ts_confidence(&f), 100 * (0.25 + 0.3 * 0.928652)));
    f.up = 50;
    assert_true(near(ts_confidence(&f), 100 * (0.25 + 0.5 * 0.928652)));
    f.successes = 1000000;
    f.up = 1000000;
    assert_true(ts_confidence(&f) > 99.99 && ts_confidence(&f) <= 100);
    f.cancelled = 5;
    assert_true(ts_confidence(&f) <= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_intervals_match_published_values),
        cmocka_unit_test(speed_falls_from_100_at_0_s_to_0_at_10_s),
        cmocka_unit_test(an_unknown_part_drops_out_of_the_quality_score),
        cmocka_unit_test(confidence_grows_with_calls_and_with_ratings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
