/* Rankings and verdicts: known values of the test statistic, and simulated races with known truth.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analytics/verdict.h"

static struct ts_arm arm(int64_t good, int64_t trials)
{
    return (struct ts_arm){.evidence = {.trials = trials,
                                        .good = good,
                                        .weight = (double)trials,
                                        .weight_good = (double)good,
                                        .weight_squares = (double)trials},
                           .speed_score = 50};
}

static void the_statistic_without_handicap_is_the_pooled_one(void **state)
{
    (void)state;
    static const int cases[][4] = {{90, 100, 80, 100}, {19, 20, 1, 20}, {50, 60, 300, 500}};
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_arm a = arm(cases[i][0], cases[i][1]);
        struct ts_arm b = arm(cases[i][2], cases[i][3]);
        double n1 = cases[i][1];
        double n2 = cases[i][3];
        double p1 = cases[i][0] / n1;
        double p2 = cases[i][2] / n2;
        double p = (cases[i][0] + cases[i][2]) / (n1 + n2);
        double z = n1 * (p1 * log(p1 / p) + (1 - p1) * log((1 - p1) / (1 - p))) +
                   n2 * (p2 * log(p2 / p) + (1 - p2) * log((1 - p2) / (1 - p)));
        assert_true(fabs(ts_glr(&a.evidence, &b.evidence, 0) - z) < 1e-6);
        assert_true(ts_glr(&b.evidence, &a.evidence, 0) == 0);
        assert_true(ts_glr(&a.evidence, &b.evidence, -0.02) < z);
        assert_true(ts_glr(&a.evidence, &b.evidence, 0.02) > z);
    }
}

static enum ts_verdict verdict_of(const struct ts_arm *arms, int count, int *best)
{
    struct ts_ranking r;
    ts_rank(arms, count, &r);
    *best = r.standings[0].arm;
    return r.verdict;
}

static void clear_cases_are_told(void **state)
{
    (void)state;
    int best = -1;
    const struct ts_arm clear[] = {arm(600, 1000), arm(900, 1000)};
    assert_int_equal(verdict_of(clear, 2, &best), TS_VERDICT_RECOMMEND);
    assert_int_equal(best, 1);
    const struct ts_arm same[] = {arm(9000, 10000), arm(9005, 10000), arm(1, 400)};
    assert_int_equal(verdict_of(same, 3, &best), TS_VERDICT_EQUIVALENT);
    const struct ts_arm few[] = {arm(5, 5), arm(3, 6)};
    assert_int_equal(verdict_of(few, 2, &best), TS_VERDICT_INSUFFICIENT);
    const struct ts_arm alone[] = {arm(500, 500)};
    assert_int_equal(verdict_of(alone, 1, &best), TS_VERDICT_INSUFFICIENT);
}

static void a_lucky_short_record_does_not_lead(void **state)
{
    (void)state;
    int best = -1;
    const struct ts_arm arms[] = {arm(8, 8), arm(950, 1000)};
    (void)verdict_of(arms, 2, &best);
    assert_int_equal(best, 1);
    const struct ts_arm shrunk[] = {arm(20, 20), arm(995, 1000), arm(500, 1000)};
    (void)verdict_of(shrunk, 3, &best);
    assert_int_equal(best, 1);
}

static void speed_decides_between_equally_good_models(void **state)
{
    (void)state;
    struct ts_arm arms[] = {arm(1900, 2000), arm(1900, 2000)};
    arms[0].speed_score = 10;
    arms[1].speed_score = 95;
    int best = -1;
    assert_int_equal(verdict_of(arms, 2, &best), TS_VERDICT_RECOMMEND);
    assert_int_equal(best, 1);
}

static void shares_add_up_and_repeat(void **state)
{
    (void)state;
    const struct ts_arm arms[] = {arm(80, 100), arm(85, 100), arm(40, 50), arm(0, 0)};
    struct ts_ranking a;
    struct ts_ranking b;
    ts_rank(arms, 4, &a);
    ts_rank(arms, 4, &b);
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += a.standings[i].p_best;
        assert_true(a.standings[i].p_best == b.standings[i].p_best);
        assert_true(a.standings[i].expected_loss >= 0);
        assert_true(a.standings[i].quality > 0 && a.standings[i].quality < 1);
    }
    assert_true(fabs(sum - 1) < 1e-9);
    assert_int_equal(a.verdict, TS_VERDICT_INSUFFICIENT);
    assert_true(a.calls_needed > 0);
}

/* Two arms, calls in turn, a look every @look calls: the first verdict other than insufficient. */
static enum ts_verdict race(double p0, double p1, int calls, int look, int *best)
{
    struct ts_arm arms[] = {arm(0, 0), arm(0, 0)};
    const double p[] = {p0, p1};
    enum ts_verdict v = TS_VERDICT_INSUFFICIENT;
    for (int i = 1; i <= calls && v == TS_VERDICT_INSUFFICIENT; i++) {
        struct ts_evidence *e = &arms[i % 2].evidence;
        int64_t good = e->good + (drand48() < p[i % 2]);
        *e = arm(good, e->trials + 1).evidence;
        if (i % look == 0)
            v = verdict_of(arms, 2, best);
    }
    return v;
}

static void who_looks_often_is_not_fooled(void **state)
{
    (void)state;
    const int rounds = 150;
    int false_winners = 0;
    int wrong = 0;
    int found = 0;
    int best = -1;
    srand48(42);
    for (int i = 0; i < rounds; i++) {
        false_winners += race(0.9, 0.9, 2000, 100, &best) == TS_VERDICT_RECOMMEND;
        if (race(0.9, 0.7, 2000, 100, &best) == TS_VERDICT_RECOMMEND) {
            found++;
            wrong += best != 0;
        }
    }
    print_message("of %d: equal arms called different %d, .9/.7 told %d, wrongly %d\n",
                  rounds,
                  false_winners,
                  found,
                  wrong);
    assert_true(false_winners * 100 <= rounds * 5);
    assert_true(found * 100 >= rounds * 95);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_statistic_without_handicap_is_the_pooled_one),
        cmocka_unit_test(clear_cases_are_told),
        cmocka_unit_test(a_lucky_short_record_does_not_lead),
        cmocka_unit_test(speed_decides_between_equally_good_models),
        cmocka_unit_test(shares_add_up_and_repeat),
        cmocka_unit_test(who_looks_often_is_not_fooled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
