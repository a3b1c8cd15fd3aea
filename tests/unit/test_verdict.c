/* Rankings and verdicts: known values of the test statistic, and simulated races with known truth.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analytics/draw.h"
#include "analytics/verdict.h"

static struct ts_arm arm(int64_t good, int64_t trials)
{
    return (struct ts_arm){.evidence = {.trials = trials,
                                        .good = good,
                                        .weight = (double)trials,
                                        .weight_good = (double)good,
                                        .weight_squares = (double)trials}};
}

static const struct ts_weights balanced = {
    .quality = .5, .traits = {[TS_TRAIT_TIME] = .25, [TS_TRAIT_COST] = .25}};

/* A time known from @n calls that spread by a factor of two. */
static struct ts_trait seconds(double median, double n)
{
    return (struct ts_trait){.n = n, .mean = log10(median * 1e6), .sd = log10(2)};
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
    ts_rank(arms, count, balanced, &r);
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
    arms[0].traits[TS_TRAIT_TIME] = seconds(4, 2000);
    arms[1].traits[TS_TRAIT_TIME] = seconds(1, 2000);
    int best = -1;
    assert_int_equal(verdict_of(arms, 2, &best), TS_VERDICT_RECOMMEND);
    assert_int_equal(best, 1);
    arms[0].traits[TS_TRAIT_TIME] = seconds(1.3, 40);
    arms[1].traits[TS_TRAIT_TIME] = seconds(1, 40); /* 40 calls may differ by so much by chance */
    assert_int_equal(ts_proven_best(arms, 2, balanced), -1);
    arms[0].traits[TS_TRAIT_TIME] = (struct ts_trait){.n = 0}; /* nobody knows its time */
    arms[1].traits[TS_TRAIT_TIME] = seconds(0.01, 2000);
    assert_int_equal(ts_proven_best(arms, 2, balanced), -1);
}

static void a_part_that_nobody_knows_drops_out(void **state)
{
    (void)state;
    const struct ts_arm arms[] = {arm(90, 100), arm(70, 100)};
    const struct ts_weights quality_alone = {.quality = 1};
    struct ts_ranking a;
    struct ts_ranking b;
    ts_rank(arms, 2, balanced, &a);
    ts_rank(arms, 2, quality_alone, &b);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(a.standings[i].arm, b.standings[i].arm);
        assert_true(fabs(a.standings[i].utility - b.standings[i].utility) < 1e-12);
        assert_true(a.standings[i].p_best == b.standings[i].p_best);
    }
}

/* Worked by hand: prior mean (90 + 70 + 1) / (200 + 2), worth 10 calls. */
static void quality_is_drawn_towards_the_average(void **state)
{
    (void)state;
    const struct ts_arm arms[] = {arm(90, 100), arm(70, 100)};
    struct ts_ranking r;
    ts_rank(arms, 2, balanced, &r);
    const double mu = 161.0 / 202;
    assert_true(fabs(ts_beta_mean(r.standings[0].quality) - (10 * mu + 90) / 110) < 1e-12);
    assert_true(fabs(ts_beta_mean(r.standings[1].quality) - (10 * mu + 70) / 110) < 1e-12);
    assert_true(r.standings[0].effective_n == 100);
}

/* Half a decade behind costs half of the part; more than a decade costs no more than all. */
static void speed_and_cost_count_by_their_logarithms(void **state)
{
    (void)state;
    const struct ts_weights w = {.quality = .2, .traits = {[TS_TRAIT_TIME] = .8}};
    struct ts_arm arms[] = {arm(9000, 10000), arm(9000, 10000), arm(9000, 10000)};
    arms[0].traits[TS_TRAIT_TIME] = (struct ts_trait){.n = 1e9, .mean = 6, .sd = 0.3};
    arms[1].traits[TS_TRAIT_TIME] = (struct ts_trait){.n = 1e9, .mean = 6.5, .sd = 0.3};
    arms[2].traits[TS_TRAIT_TIME] = (struct ts_trait){.n = 1e9, .mean = 9, .sd = 0.3};
    struct ts_ranking r;
    ts_rank(arms, 3, w, &r);
    assert_int_equal(r.verdict, TS_VERDICT_RECOMMEND);
    assert_int_equal(r.standings[0].arm, 0);
    assert_true(fabs(r.standings[0].utility - r.standings[1].utility - .4) < 1e-6);
    assert_true(fabs(r.standings[0].utility - r.standings[2].utility - .8) < 1e-6);
    assert_true(fabs(r.standings[1].expected_loss - .4) < 1e-3);
}

/* 15.7 q (1 - q) / gap^2 calls of each, as the rule of thumb for two rates has it. */
static void the_calls_still_needed_follow_the_formula(void **state)
{
    (void)state;
    const struct ts_arm arms[] = {arm(92, 100), arm(88, 100)};
    struct ts_ranking r;
    ts_rank(arms, 2, balanced, &r);
    double q0 = ts_beta_mean(r.standings[0].quality);
    double q1 = ts_beta_mean(r.standings[1].quality);
    double each = ceil(15.7 * (q0 * (1 - q0) + q1 * (1 - q1)) / 2 / ((q0 - q1) * (q0 - q1)));
    assert_int_equal(r.verdict, TS_VERDICT_INSUFFICIENT);
    assert_true(r.calls_needed == (int64_t)(2 * (each - 100)));
}

static void shares_add_up_and_repeat(void **state)
{
    (void)state;
    const struct ts_arm arms[] = {arm(80, 100), arm(85, 100), arm(40, 50), arm(0, 0)};
    struct ts_ranking a;
    struct ts_ranking b;
    ts_rank(arms, 4, balanced, &a);
    ts_rank(arms, 4, balanced, &b);
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += a.standings[i].p_best;
        assert_true(a.standings[i].p_best == b.standings[i].p_best);
        assert_true(a.standings[i].expected_loss >= 0);
        double quality = ts_beta_mean(a.standings[i].quality);
        assert_true(quality > 0 && quality < 1);
    }
    assert_true(fabs(sum - 1) < 1e-9);
    assert_int_equal(a.verdict, TS_VERDICT_INSUFFICIENT);
    assert_true(a.calls_needed > 0);
}

/* -- simulated races --------------------------------------------------------------------------- */

enum { LOOK_EVERY = 20, RUNS = 400 };

/* A model with a known truth: its rate, and log-normal times about a known median. */
struct racer {
    struct ts_arm arm;
    double rate;
    double median_s;
    double log_sum;
    double log_squares;
};

static void call(struct racer *r, struct ts_random *random)
{
    const struct ts_evidence *e = &r->arm.evidence;
    r->arm.evidence = arm(e->good + (ts_draw_unit(random) < r->rate), e->trials + 1).evidence;
    if (r->median_s <= 0)
        return;
    double x = log10(r->median_s * 1e6) + 0.3 * ts_draw_normal(random);
    double n = (double)e->trials;
    r->log_sum += x;
    r->log_squares += x * x;
    double mean = r->log_sum / n;
    double variance = n > 1 ? (r->log_squares - n * mean * mean) / (n - 1) : 0.16;
    r->arm.traits[TS_TRAIT_TIME] = (struct ts_trait){.n = n, .mean = mean, .sd = sqrt(variance)};
}

struct tally {
    int right; /* the first racer was found best */
    int wrong;
    double calls; /* till then, of all runs that told */
};

/* Two models, calls in turn, a look every 20: what the first look says that tells anything. */
static struct tally race(const struct racer start[2], int calls, int runs)
{
    struct tally t = {.right = 0};
    struct ts_random random = {.state = 42};
    for (int run = 0; run < runs; run++) {
        struct racer r[2] = {start[0], start[1]};
        for (int i = 1; i <= calls; i++) {
            call(&r[i % 2], &random);
            if (i % LOOK_EVERY != 0)
                continue;
            const struct ts_arm arms[] = {r[0].arm, r[1].arm};
            int best = ts_proven_best(arms, 2, balanced);
            t.right += best == 0;
            t.wrong += best == 1;
            t.calls += best >= 0 ? i : 0;
            if (best >= 0)
                break;
        }
    }
    int told = t.right + t.wrong;
    t.calls /= told > 0 ? told : 1;
    print_message(
        "  .%02.0f / .%02.0f, %.3g s / %.3g s: of %d runs %d first, %d second, after %.0f calls\n",
        100 * start[0].rate,
        100 * start[1].rate,
        start[0].median_s,
        start[1].median_s,
        runs,
        t.right,
        t.wrong,
        t.calls);
    return t;
}

/* No verdict of "equivalent" ends a run here: every look up to the last may err. */
static void equal_models_are_not_told_apart_by_looking_often(void **state)
{
    (void)state;
    const struct racer untimed[] = {{.rate = .9}, {.rate = .9}};
    const struct racer timed[] = {{.rate = .9, .median_s = 2}, {.rate = .9, .median_s = 2}};
    struct tally t = race(untimed, 20000, RUNS);
    assert_true((t.right + t.wrong) * 100 <= 5 * RUNS);
    t = race(timed, 20000, RUNS);
    assert_true((t.right + t.wrong) * 100 <= 5 * RUNS);
}

static void the_worse_model_is_hardly_ever_named(void **state)
{
    (void)state;
    const struct racer rates[] = {{.rate = .9}, {.rate = .8}};
    const struct racer timed[] = {{.rate = .9, .median_s = 2}, {.rate = .8, .median_s = 2}};
    const struct racer times[] = {{.rate = .9, .median_s = 1}, {.rate = .9, .median_s = 3}};
    const struct racer *const cases[] = {rates, timed, times};
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct tally t = race(cases[i], 20000, RUNS);
        assert_true(t.wrong * 100 <= RUNS);
        assert_true(t.right * 100 >= 95 * RUNS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_statistic_without_handicap_is_the_pooled_one),
        cmocka_unit_test(clear_cases_are_told),
        cmocka_unit_test(a_lucky_short_record_does_not_lead),
        cmocka_unit_test(speed_decides_between_equally_good_models),
        cmocka_unit_test(shares_add_up_and_repeat),
        cmocka_unit_test(a_part_that_nobody_knows_drops_out),
        cmocka_unit_test(quality_is_drawn_towards_the_average),
        cmocka_unit_test(speed_and_cost_count_by_their_logarithms),
        cmocka_unit_test(the_calls_still_needed_follow_the_formula),
        cmocka_unit_test(equal_models_are_not_told_apart_by_looking_often),
        cmocka_unit_test(the_worse_model_is_hardly_ever_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
