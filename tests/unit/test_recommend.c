/* The Beta distribution, recommendations from figures, and the learner's plain rules. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "analytics/draw.h"
#include "analytics/learner.h"
#include "analytics/recommend.h"

static bool near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}

/* -- the Beta distribution ----------------------------------------------------------------------
 */

/* For whole a and b the share below x is a binomial tail: at least a of a + b - 1 trials. */
static double tail(int a, int b, double x)
{
    int n = a + b - 1;
    double sum = 0;
    for (int k = a; k <= n; k++)
        sum += exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(x) +
                   (n - k) * log1p(-x));
    return sum;
}

static void shares_of_the_beta_distribution_are_binomial_tails(void **state)
{
    (void)state;
    static const int shapes[][2] = {{1, 1}, {2, 3}, {10, 1}, {1, 40}, {90, 10}, {450, 550}};
    for (size_t i = 0; i < TS_ARRAY_LEN(shapes); i++) {
        struct ts_beta d = {.a = shapes[i][0], .b = shapes[i][1]};
        for (double x = 0.05; x < 1; x += 0.1)
            assert_true(near(ts_beta_cdf(d, x), tail(shapes[i][0], shapes[i][1], x), 1e-9));
        assert_true(ts_beta_cdf(d, 0) == 0 && ts_beta_cdf(d, 1) == 1);
    }
    assert_true(near(ts_beta_cdf((struct ts_beta){2, 3}, 0.5), 0.6875, 1e-12));
    /* arcsine law: 2/pi asin(sqrt(x)) */
    assert_true(near(ts_beta_cdf((struct ts_beta){.5, .5}, 0.25), 1.0 / 3, 1e-12));
}

static void intervals_leave_as_much_on_either_side(void **state)
{
    (void)state;
    /* x^a and 1 - (1 - x)^b can be turned round by hand */
    struct ts_interval i = ts_beta_interval95((struct ts_beta){20, 1});
    assert_true(near(i.low, pow(0.025, 1.0 / 20), 1e-9));
    assert_true(near(i.high, pow(0.975, 1.0 / 20), 1e-9));
    i = ts_beta_interval95((struct ts_beta){1, 7});
    assert_true(near(i.low, 1 - pow(0.975, 1.0 / 7), 1e-9));
    assert_true(near(i.high, 1 - pow(0.025, 1.0 / 7), 1e-9));
    const struct ts_beta large = {.a = 900010, .b = 100003};
    i = ts_beta_interval95(large);
    double sd = sqrt(0.9 * 0.1 / 1e6);
    assert_true(near(i.low, 0.9 - 1.96 * sd, 1e-5) && near(i.high, 0.9 + 1.96 * sd, 1e-5));
}

static void draws_have_the_mean_and_spread_they_should(void **state)
{
    (void)state;
    static const struct ts_beta shapes[] = {{.5, .5}, {2, 3}, {90, 10}, {5000, 40}};
    enum { N = 200000 };
    for (size_t s = 0; s < TS_ARRAY_LEN(shapes); s++) {
        struct ts_random random = {.state = 7};
        const struct ts_beta d = shapes[s];
        double sum = 0;
        double squares = 0;
        int below = 0;
        for (int i = 0; i < N; i++) {
            double x = ts_draw_beta(&random, d.a, d.b);
            sum += x;
            squares += x * x;
            below += x <= ts_beta_mean(d);
        }
        double all = d.a + d.b;
        double variance = d.a * d.b / (all * all * (all + 1));
        assert_true(near(ts_beta_sd(d), sqrt(variance), 1e-12));
        double mean = sum / N;
        assert_true(near(mean, ts_beta_mean(d), 5 * sqrt(variance / N)));
        assert_true(near((squares / N - mean * mean) / variance, 1, 0.02));
        assert_true(near((double)below / N, ts_beta_cdf(d, ts_beta_mean(d)), 0.005));
    }
}

static void strata_spread_as_the_distribution_does(void **state)
{
    (void)state;
    static const struct ts_beta shapes[] = {{.5, 8}, {6, 5}, {90, 10}, {300, 5.1}, {5000, 40}};
    struct ts_strata strata;
    ts_strata_init(&strata);
    for (size_t s = 0; s < TS_ARRAY_LEN(shapes); s++) {
        const struct ts_beta d = shapes[s];
        const double at[] = {
            ts_beta_mean(d) - ts_beta_sd(d), ts_beta_mean(d), ts_beta_mean(d) + 2 * ts_beta_sd(d)};
        double sum = 0;
        int below[3] = {0};
        enum { SEEDS = 20, N = SEEDS * TS_STRATA };
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct ts_random random = {.state = seed};
            struct ts_beta_stream stream = ts_strata_beta(&strata, &random, d.a, d.b);
            for (uint32_t round = 0; round < TS_STRATA; round++) {
                double x = ts_beta_stream_draw(&stream, &random, round);
                sum += x;
                for (int i = 0; i < 3; i++)
                    below[i] += x <= at[i];
            }
        }
        assert_true(near(sum / N, ts_beta_mean(d), 0.03 * ts_beta_sd(d)));
        for (int i = 0; i < 3; i++)
            assert_true(near((double)below[i] / N, ts_beta_cdf(d, at[i]), 0.01));
    }
}

static void every_stream_takes_each_stratum_once(void **state)
{
    (void)state;
    struct ts_strata strata;
    struct ts_random random = {.state = 3};
    ts_strata_init(&strata);
    assert_true(near(strata.normal[TS_STRATA / 2 - 1], -strata.normal[TS_STRATA / 2], 1e-12));
    assert_true(near(strata.normal[1023], 3.2971933, 1e-5)); /* of 1 - 1/2048 */
    for (int s = 0; s < 50; s++) {
        struct ts_stream stream = ts_strata_stream(&strata, &random);
        double sum = 0;
        double squares = 0;
        for (uint32_t round = 0; round < TS_STRATA; round++) {
            double z = ts_stream_normal(&stream, round);
            sum += z;
            squares += z * z;
        }
        assert_true(near(sum, 0, 1e-9) && near(squares / TS_STRATA, 1, 0.01));
    }
}

/* -- recommendations ----------------------------------------------------------------------------
 */

static struct ts_spread spread(double each, int64_t n)
{
    return (struct ts_spread){
        .n = n, .sum = each * (double)n, .squares = each * each * (double)n * 1.2};
}

/* @n calls of which 90 % were good. */
static struct ts_group group(const char *model, int64_t n, double seconds)
{
    struct ts_group g = {.model = model, .provider = "p"};
    int64_t good = n * 9 / 10;
    g.figures.successes = good;
    g.figures.failures = n - good;
    g.figures.median_response_us = seconds * 1e6;
    g.figures.median_low_us = seconds * 0.95e6;
    g.figures.median_high_us = seconds * 1.05e6;
    g.figures.evidence = (struct ts_evidence){.trials = n,
                                              .good = good,
                                              .weight = (double)n,
                                              .weight_good = (double)good,
                                              .weight_squares = (double)n};
    g.figures.tokens = spread(500, n);
    return g;
}

static const char *named(const struct ts_contender *options, int count, enum ts_priority p)
{
    struct ts_recommendation r;
    assert_true(ts_recommend(options, count, p, &r));
    return options[r.ranking.standings[0].arm].group->model;
}

static void below_five_calls_there_is_nothing_to_go_by(void **state)
{
    (void)state;
    struct ts_group few = group("few", 4, 1);
    struct ts_group some = group("some", 5, 1);
    const struct ts_contender options[] = {{.group = &few}, {.group = &some}};
    struct ts_recommendation r;
    assert_false(ts_recommend(options, 1, TS_PRIORITY_BALANCED, &r));
    assert_true(ts_recommend(options, 2, TS_PRIORITY_BALANCED, &r));
    assert_int_equal(r.ranking.count, 1);
    assert_int_equal(r.ranking.standings[0].arm, 1);
    assert_int_equal(r.ranking.verdict, TS_VERDICT_INSUFFICIENT);
}

static void each_priority_has_its_own_winner(void **state)
{
    (void)state;
    struct ts_group good = group("good", 1000, 6);
    struct ts_group fast = group("fast", 1000, 1);
    struct ts_group cheap = group("cheap", 1000, 5);
    good.figures.evidence.good = 990;
    good.figures.evidence.weight_good = 990;
    fast.figures.evidence.good = 700;
    fast.figures.evidence.weight_good = 700;
    good.figures.cost_usd = spread(0.010, 1000);
    fast.figures.cost_usd = spread(0.008, 1000);
    cheap.figures.cost_usd = spread(0.0011, 1000);
    cheap.figures.evidence.good = 750;
    cheap.figures.evidence.weight_good = 750;
    const struct ts_contender options[] = {{.group = &good}, {.group = &fast}, {.group = &cheap}};
    assert_string_equal(named(options, 3, TS_PRIORITY_QUALITY), "good");
    assert_string_equal(named(options, 3, TS_PRIORITY_SPEED), "fast");
    assert_string_equal(named(options, 3, TS_PRIORITY_COST), "cheap");
}

static void cost_is_money_where_all_have_a_price_and_tokens_else(void **state)
{
    (void)state;
    struct ts_group cloud = group("cloud", 200, 1);
    struct ts_group desk = group("desk", 200, 1);
    cloud.figures.cost_usd = spread(0.01, 200);
    desk.figures.tokens = spread(900, 200); /* talks more */
    struct ts_contender options[] = {{.group = &cloud}, {.group = &desk, .local = true}};
    struct ts_recommendation r;
    assert_true(ts_recommend(options, 2, TS_PRIORITY_COST, &r));
    assert_false(r.by_tokens);
    assert_string_equal(named(options, 2, TS_PRIORITY_COST), "desk");
    options[1].local = false; /* then nobody knows its price */
    assert_true(ts_recommend(options, 2, TS_PRIORITY_COST, &r));
    assert_true(r.by_tokens);
    assert_string_equal(named(options, 2, TS_PRIORITY_COST), "cloud");
    options[0].local = options[1].local = true; /* one of two own servers has no price: not known */
    assert_true(ts_recommend(options, 2, TS_PRIORITY_COST, &r));
    assert_true(r.by_tokens);
    cloud.figures.cost_usd = spread(0, 200); /* nothing costs anything */
    assert_true(ts_recommend(options, 2, TS_PRIORITY_COST, &r));
    assert_true(r.by_tokens);
}

/* A model that fails half of the time is paid twice for each good call. */
static void failed_calls_are_paid_as_well(void **state)
{
    (void)state;
    struct ts_group sure = group("sure", 2000, 1);
    struct ts_group moody = group("moody", 2000, 1);
    sure.figures.cost_usd = spread(0.015, 2000);
    moody.figures.cost_usd = spread(0.010, 2000);
    moody.figures.evidence.good = moody.figures.successes = 1000;
    moody.figures.evidence.weight_good = 1000;
    const struct ts_contender options[] = {{.group = &moody}, {.group = &sure}};
    assert_string_equal(named(options, 2, TS_PRIORITY_COST), "sure");
}

static void weights_add_up_and_quality_never_drops_out(void **state)
{
    (void)state;
    for (int p = 0; p < TS_PRIORITY_COUNT_; p++) {
        const struct ts_weights w = ts_priority_weights((enum ts_priority)p);
        assert_true(near(w.quality + w.traits[0] + w.traits[1], 1, 1e-12));
        assert_true(w.quality > 0);
    }
}

/* -- what shrinking is worth ---------------------------------------------------------------------
 */

enum { CONTEST_MODELS = 6, CONTESTS = 1500 };

/* Six models whose true rates spread about .9, their calls log-normal about 30. Adds what choosing
 * by raw rate (from 3 calls on) and by ranking gives up. */
static void contest(struct ts_random *random, double *raw_regret, double *ranked_regret)
{
    static const struct ts_weights quality = {.quality = 1};
    struct ts_arm arms[CONTEST_MODELS] = {0};
    double truth[CONTEST_MODELS];
    double best = 0;
    int raw = 0;
    double raw_rate = -1;
    for (int i = 0; i < CONTEST_MODELS; i++) {
        truth[i] = ts_draw_beta(random, 20 * 0.9, 20 * 0.1);
        best = fmax(best, truth[i]);
        int n = (int)fmax(1, round(30 * exp(1.2 * ts_draw_normal(random) - 0.72)));
        int good = 0;
        for (int c = 0; c < n; c++)
            good += ts_draw_unit(random) < truth[i];
        arms[i].evidence = (struct ts_evidence){
            .trials = n, .good = good, .weight = n, .weight_good = good, .weight_squares = n};
        if (n >= 3 && (double)good / n > raw_rate) {
            raw_rate = (double)good / n;
            raw = i;
        }
    }
    struct ts_ranking r;
    ts_rank(arms, CONTEST_MODELS, quality, &r);
    *raw_regret += (best - truth[raw]) / CONTESTS;
    *ranked_regret += (best - truth[r.standings[0].arm]) / CONTESTS;
}

static void ranking_gives_up_a_fifth_less_than_raw_rates(void **state)
{
    (void)state;
    struct ts_random random = {.state = 3};
    double raw = 0;
    double ranked = 0;
    for (int i = 0; i < CONTESTS; i++)
        contest(&random, &raw, &ranked);
    print_message("  given up by raw rate %.4f, by ranking %.4f\n", raw, ranked);
    assert_true(ranked <= 0.8 * raw);
}

static void twenty_models_are_judged_quickly(void **state)
{
    (void)state;
    enum { MODELS = 20, ROUNDS = 20 };
    struct ts_group groups[MODELS];
    struct ts_contender options[MODELS];
    for (int i = 0; i < MODELS; i++) {
        groups[i] = group("m", 1000 + i, 1 + 0.1 * i);
        groups[i].figures.cost_usd = spread(0.01 + 0.001 * i, 1000);
        options[i] = (struct ts_contender){.group = &groups[i]};
    }
    clock_t began = clock();
    struct ts_recommendation r;
    for (int i = 0; i < ROUNDS; i++)
        assert_true(ts_recommend(options, MODELS, TS_PRIORITY_BALANCED, &r));
    double each_us = 1e6 * (double)(clock() - began) / CLOCKS_PER_SEC / ROUNDS;
    print_message("  %d models: %.0f us of processor time\n", MODELS, each_us);
    assert_true(each_us < 500000); /* a bound for sanitizers and busy machines */
}

/* -- the learner --------------------------------------------------------------------------------
 */

static struct ts_record record(const char *model, int64_t good, int64_t n, const char *last_used)
{
    return (struct ts_record){
        .model = model, .successes = good, .failures = n - good, .last_used = last_used};
}

static void ranks_go_by_rate_then_calls_then_last_use(void **state)
{
    (void)state;
    struct ts_record r[] = {record("e", 5, 10, "2026-01-01"),
                            record("none", 0, 0, NULL),
                            record("d", 6, 9, "2026-01-01"),
                            record("c", 2, 3, "2026-01-02"),
                            record("b", 2, 3, "2026-01-03"),
                            record("a", 9, 10, NULL)};
    ts_records_sort(r, TS_ARRAY_LEN(r));
    static const char *const want[] = {"a", "d", "b", "c", "e", "none"};
    for (size_t i = 0; i < TS_ARRAY_LEN(r); i++)
        assert_string_equal(r[i].model, want[i]);
}

static void a_model_goes_when_its_interval_ends_below_the_bar(void **state)
{
    (void)state;
    static const struct {
        int64_t good;
        int64_t n;
        int64_t other_good;
        int64_t other_n;
        bool demote;
        enum ts_demotion_reason reason;
    } cases[] = {
        {0, 9, 100, 100, false, TS_TOO_FEW_CALLS},
        {0, 10, 0, 0, true, TS_BELOW_HALF}, /* at most 27.75 % */
        {1, 10, 1, 2, true, TS_BELOW_HALF}, /* at most 40.42 % */
        {2, 10, 0, 0, false, TS_HOLDS},     /* at most 50.98 % */
        {60, 100, 95, 100, true, TS_BELOW_BEST},
        {85, 100, 95, 100, false, TS_HOLDS},         /* 90.69 % reaches 88.82 % */
        {60, 100, 9, 10, false, TS_HOLDS},           /* 69.06 % reaches 59.58 % */
        {300, 1000, 400, 1000, true, TS_BELOW_BEST}, /* under one half both: the nearer bar */
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        const struct ts_record r[] = {record("other", cases[i].other_good, cases[i].other_n, NULL),
                                      record("m", cases[i].good, cases[i].n, NULL)};
        struct ts_demotion d = ts_demote(r, 2, 1);
        assert_int_equal(d.demote, cases[i].demote);
        assert_int_equal(d.reason, cases[i].reason);
        assert_true(d.threshold >= 0.5);
    }
    const struct ts_record r[] = {record("m", 60, 100, NULL), record("best", 95, 100, NULL)};
    struct ts_demotion d = ts_demote(r, 2, 0);
    assert_true(near(d.threshold, 0.8882, 1e-4)); /* Wilson's lower bound of 95 in 100 */
    assert_string_equal(d.best->model, "best");
}

static void challengers_may_still_turn_out_as_good(void **state)
{
    (void)state;
    const struct ts_record r[] = {record("lucky", 3, 3, NULL),
                                  record("proven", 95, 100, NULL),
                                  record("near", 90, 100, NULL),
                                  record("far", 60, 100, NULL),
                                  record("young", 0, 9, NULL)};
    assert_int_equal(ts_incumbent(r, TS_ARRAY_LEN(r)), 1);
    static const bool want[] = {true, true, true, false, true};
    for (size_t i = 0; i < TS_ARRAY_LEN(r); i++)
        assert_int_equal(ts_is_challenger(&r[1], &r[i]), want[i]);
    assert_int_equal(ts_incumbent(r, 0), -1);
    const struct ts_record empty = record("empty", 0, 0, NULL);
    assert_int_equal(ts_incumbent(&empty, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_the_beta_distribution_are_binomial_tails),
        cmocka_unit_test(intervals_leave_as_much_on_either_side),
        cmocka_unit_test(draws_have_the_mean_and_spread_they_should),
        cmocka_unit_test(strata_spread_as_the_distribution_does),
        cmocka_unit_test(every_stream_takes_each_stratum_once),
        cmocka_unit_test(below_five_calls_there_is_nothing_to_go_by),
        cmocka_unit_test(each_priority_has_its_own_winner),
        cmocka_unit_test(cost_is_money_where_all_have_a_price_and_tokens_else),
        cmocka_unit_test(failed_calls_are_paid_as_well),
        cmocka_unit_test(weights_add_up_and_quality_never_drops_out),
        cmocka_unit_test(ranking_gives_up_a_fifth_less_than_raw_rates),
        cmocka_unit_test(twenty_models_are_judged_quickly),
        cmocka_unit_test(ranks_go_by_rate_then_calls_then_last_use),
        cmocka_unit_test(a_model_goes_when_its_interval_ends_below_the_bar),
        cmocka_unit_test(challengers_may_still_turn_out_as_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
