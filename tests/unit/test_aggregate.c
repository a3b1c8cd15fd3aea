/* The aggregate against a plain recomputation of each figure from the rows themselves. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/aggregate.h"
#include "malloc_fail.h"

enum { NOW_MS = 1700000000 };

enum { BOTH = TS_AGG_TIMELESS | TS_AGG_TIMED };

struct named_row {
    struct ts_agg_names names;
    struct ts_agg_row row;
};

static struct named_row row_at(int64_t ms, const char *model, const char *task)
{
    return (struct named_row){.names = {.model = model, .provider = "ollama", .task_type = task},
                              .row = {.id = ts_id_from_ms(ms),
                                      .outcome = TS_OUTCOME_DONE,
                                      .response_us = 1000,
                                      .ttft_us = TS_UNKNOWN,
                                      .decode_us = TS_UNKNOWN,
                                      .input_tokens = TS_UNKNOWN,
                                      .output_tokens = TS_UNKNOWN,
                                      .unsplit_tokens = TS_UNKNOWN,
                                      .cost_nano_usd = TS_UNKNOWN}};
}

static struct ts_aggregate *aggregate(const unsigned *groupings, int count)
{
    struct ts_aggregate *a = NULL;
    assert_int_equal(ts_aggregate_new(groupings, count, NOW_MS, NULL, NULL, &a), TS_OK);
    return a;
}

static enum ts_err try_add(struct ts_aggregate *a, struct named_row r)
{
    enum ts_err rc = ts_aggregate_series(a, &r.names, &r.row.series);
    return rc == TS_OK ? ts_aggregate_add(a, BOTH, &r.row) : rc;
}

static enum ts_err try_attempt(struct ts_aggregate *a, struct named_row r)
{
    int series = 0;
    enum ts_err rc = ts_aggregate_series(a, &r.names, &series);
    return rc == TS_OK ? ts_aggregate_attempt(a, BOTH, series, ts_id_ms(r.row.id)) : rc;
}

static void add(struct ts_aggregate *a, struct named_row r)
{
    assert_int_equal(try_add(a, r), TS_OK);
}

static const struct ts_figures *all_calls(struct ts_aggregate *a)
{
    int count = 0;
    assert_int_equal(ts_aggregate_finish(a), TS_OK);
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    assert_int_equal(count, 1);
    return &g->figures;
}

static const unsigned everything[] = {0};

/* The definition, word for word: the smallest value with at least q*n values at or below it. */
static double nearest_rank(const int64_t *values, int n, int percent)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < n; i++) {
        int at_or_below = 0;
        for (int j = 0; j < n; j++)
            at_or_below += values[j] <= values[i];
        if (at_or_below * 100 >= percent * n && values[i] < best)
            best = values[i];
    }
    return (double)best;
}

static void percentiles_are_nearest_rank_at_every_sample_size(void **state)
{
    (void)state;
    srandom(7);
    for (int n = 1; n <= 130; n++) {
        TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(everything, 1);
        int64_t values[130];
        for (int i = 0; i < n; i++) {
            values[i] = random() % 50; /* few values: ties are common */
            struct named_row r = row_at(NOW_MS, "m", "coding");
            r.row.response_us = values[i];
            r.row.ttft_us = values[i] / 2;
            add(a, r);
        }
        const struct ts_figures *f = all_calls(a);
        assert_true(round(f->median_response_us) == nearest_rank(values, n, 50));
        assert_true(round(f->p95_response_us) == nearest_rank(values, n, 95));
        assert_true(round(f->p99_response_us) == nearest_rank(values, n, 99));
        assert_true(round(f->max_response_us) == nearest_rank(values, n, 100));
        for (int i = 0; i < n; i++)
            values[i] /= 2;
        assert_true(round(f->median_ttft_us) == nearest_rank(values, n, 50));
        assert_true(round(f->p95_ttft_us) == nearest_rank(values, n, 95));
    }
}

static void cancelled_calls_count_among_the_calls_and_nowhere_else(void **state)
{
    (void)state;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(everything, 1);
    struct named_row r = row_at(NOW_MS, "m", "coding");
    r.row.outcome = TS_OUTCOME_CANCELLED;
    r.row.rating = 1;
    r.row.response_us = 999999;
    r.row.ttft_us = 5;
    r.row.decode_us = 10;
    r.row.input_tokens = r.row.output_tokens = 100;
    r.row.cost_nano_usd = 7;
    add(a, r);
    const struct ts_figures *f = all_calls(a);
    assert_int_equal(f->total_calls, 1);
    assert_int_equal(f->cancelled, 1);
    assert_int_equal(f->successes + f->failures + f->up + f->down, 0);
    assert_int_equal(f->evidence.trials, 0);
    assert_int_equal(f->total_tokens, TS_UNKNOWN);
    assert_int_equal(f->total_cost_nano_usd, TS_UNKNOWN);
    assert_true(isnan(f->success_rate) && isnan(f->satisfaction_rate));
    assert_true(isnan(f->avg_response_us) && isnan(f->median_ttft_us) && isnan(f->avg_tokens));
    assert_true(isnan(f->tokens_per_second) && isnan(f->min_response_us));
}

static void failed_calls_count_in_times_and_rates(void **state)
{
    (void)state;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(everything, 1);
    static const enum ts_outcome outcomes[] = {
        TS_OUTCOME_DONE, TS_OUTCOME_UPSTREAM_CUT, TS_OUTCOME_UPSTREAM_ERROR, TS_OUTCOME_TIMEOUT};
    for (int i = 0; i < 4; i++) {
        struct named_row r = row_at(NOW_MS, "m", "coding");
        r.row.outcome = outcomes[i];
        r.row.response_us = 1000 * (i + 1);
        add(a, r);
    }
    const struct ts_figures *f = all_calls(a);
    assert_int_equal(f->successes, 1);
    assert_int_equal(f->failures, 3);
    assert_int_equal(f->timeouts, 1);
    assert_true(f->success_rate == 25.0);
    assert_true(f->avg_response_us == 2500.0);
    assert_true(f->min_response_us == 1000.0 && f->max_response_us == 4000.0);
}

static void unknown_is_not_zero(void **state)
{
    (void)state;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(everything, 1);
    struct named_row none = row_at(NOW_MS, "m", "coding");
    none.row.response_us = TS_UNKNOWN;
    add(a, none);
    struct named_row some = row_at(NOW_MS, "m", "coding");
    some.row.response_us = 4000;
    some.row.input_tokens = 0;
    some.row.output_tokens = 30;
    some.row.decode_us = 500000;
    some.row.cost_nano_usd = 0;
    add(a, some);
    const struct ts_figures *f = all_calls(a);
    assert_true(f->avg_response_us == 4000.0);
    assert_true(f->avg_tokens == 30.0);
    assert_true(f->tokens_per_second == 60.0);
    assert_int_equal(f->input_tokens, 0);
    assert_int_equal(f->total_tokens, 30);
    assert_int_equal(f->total_cost_nano_usd, 0);
}

static void sums_of_absurd_numbers_stop_instead_of_wrapping(void **state)
{
    (void)state;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(everything, 1);
    for (int i = 0; i < 3; i++) {
        struct named_row r = row_at(NOW_MS, "m", "coding");
        r.row.response_us = r.row.output_tokens = r.row.cost_nano_usd = INT64_MAX / 2;
        add(a, r);
    }
    const struct ts_figures *f = all_calls(a);
    assert_true(f->total_tokens == INT64_MAX);
    assert_true(f->total_cost_nano_usd == INT64_MAX);
}

static void a_rescued_attempt_counts_against_its_model_only(void **state)
{
    (void)state;
    static const unsigned by_model[] = {TS_BY_MODEL};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(by_model, 1);
    add(a, row_at(NOW_MS, "rescuer", "coding"));
    struct named_row attempt = row_at(NOW_MS, "broken", "coding");
    assert_int_equal(try_attempt(a, attempt), TS_OK);
    assert_int_equal(ts_aggregate_finish(a), TS_OK);
    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    assert_int_equal(count, 2);
    assert_string_equal(g[0].model, "rescuer");
    assert_int_equal(g[0].figures.failed_attempts, 0);
    assert_int_equal(g[0].figures.evidence.good, 1);
    assert_string_equal(g[1].model, "broken");
    assert_int_equal(g[1].figures.failed_attempts, 1);
    assert_int_equal(g[1].figures.total_calls, 0);
    assert_int_equal(g[1].figures.evidence.trials, 1);
    assert_int_equal(g[1].figures.evidence.good, 0);
    assert_true(isnan(g[1].figures.success_rate));
}

static void a_thumb_overrides_the_outcome_and_age_halves_the_weight(void **state)
{
    (void)state;
    enum { HALF_LIFE_MS = 1209600000 };
    int64_t now = INT64_C(100) * HALF_LIFE_MS + 7000; /* of day, whatever the hour */
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    assert_int_equal(ts_aggregate_new(everything, 1, now, NULL, NULL, &a), TS_OK);
    struct named_row old_good_rated_down = row_at(now - HALF_LIFE_MS + 80000000, "m", "coding");
    old_good_rated_down.row.rating = -1;
    add(a, old_good_rated_down);
    struct named_row failed_rated_up = row_at(now + 5000, "m", "coding"); /* not above 1 */
    failed_rated_up.row.outcome = TS_OUTCOME_TIMEOUT;
    failed_rated_up.row.rating = 1;
    add(a, failed_rated_up);
    const struct ts_figures *f = all_calls(a);
    assert_int_equal(f->evidence.trials, 2);
    assert_int_equal(f->evidence.good, 1);
    assert_true(fabs(f->evidence.weight - 1.5) < 1e-12);
    assert_true(fabs(f->evidence.weight_good - 1.0) < 1e-12);
    assert_true(fabs(f->evidence.weight_squares - 1.25) < 1e-12);
    assert_true(f->success_rate == 50.0);
    assert_true(f->satisfaction_rate == 50.0);
}

static int64_t bucket_of_ten(const void *ctx, int64_t unix_ms)
{
    assert_ptr_equal(ctx, everything);
    return unix_ms / 10;
}

static void groups_come_by_bucket_then_by_calls_then_by_name(void **state)
{
    (void)state;
    static const unsigned groupings[] = {TS_BY_MODEL, TS_BY_TIME | TS_BY_TASK};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    assert_int_equal(ts_aggregate_new(groupings, 2, NOW_MS, bucket_of_ten, everything, &a), TS_OK);
    add(a, row_at(25, "b", "x"));
    add(a, row_at(11, "c", "x"));
    add(a, row_at(12, "c", "y"));
    add(a, row_at(13, "a", "y"));
    assert_int_equal(ts_aggregate_finish(a), TS_OK);

    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    assert_int_equal(count, 3);
    assert_string_equal(g[0].model, "c");
    assert_string_equal(g[1].model, "a");
    assert_string_equal(g[2].model, "b");
    assert_null(g[0].task_type);
    assert_string_equal(g[0].provider, "ollama");

    g = ts_aggregate_groups(a, 1, &count);
    assert_int_equal(count, 3);
    assert_int_equal(g[0].bucket, 1);
    assert_string_equal(g[0].task_type, "y");
    assert_int_equal(g[0].figures.total_calls, 2);
    assert_string_equal(g[1].task_type, "x");
    assert_int_equal(g[2].bucket, 2);
    assert_null(g[2].model);
}

static void the_median_interval_follows_the_table_of_ranks(void **state)
{
    (void)state;
    static const int cases[][3] = {{20, 5, 16},
                                   {100, 40, 61}}; /* n, ranks: tables of the sign test */
    for (size_t c = 0; c < TS_ARRAY_LEN(cases); c++) {
        TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(everything, 1);
        for (int i = 1; i <= cases[c][0]; i++) {
            struct named_row r = row_at(NOW_MS, "m", "coding");
            r.row.response_us = i;
            add(a, r);
        }
        const struct ts_figures *f = all_calls(a);
        assert_true(round(f->median_low_us) == cases[c][1] &&
                    round(f->median_high_us) == cases[c][2]);
    }
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *few = aggregate(everything, 1);
    add(few, row_at(NOW_MS, "m", "coding"));
    assert_true(isnan(all_calls(few)->median_low_us));
}

static void ten_thousand_groups_keep_their_rows_apart(void **state)
{
    (void)state;
    static const unsigned by_model[] = {TS_BY_MODEL};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = aggregate(by_model, 1);
    for (int i = 0; i < 30000; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "m%d", i % 10000);
        add(a, row_at(NOW_MS, name, "coding"));
    }
    assert_int_equal(ts_aggregate_finish(a), TS_OK);
    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    assert_int_equal(count, 10000);
    for (int i = 0; i < count; i++)
        assert_int_equal(g[i].figures.total_calls, 3);
}

static enum ts_err collect(void *ctx)
{
    static const unsigned groupings[] = {0, TS_BY_MODEL | TS_BY_TASK};
    (void)ctx;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    enum ts_err rc = ts_aggregate_new(groupings, 2, NOW_MS, NULL, NULL, &a);
    for (int i = 0; rc == TS_OK && i < 200; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "m%d", i % 50);
        struct named_row r = row_at(NOW_MS, name, "coding");
        rc = i % 9 == 0 ? try_attempt(a, r) : try_add(a, r);
    }
    return rc == TS_OK ? ts_aggregate_finish(a) : rc;
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    malloc_torture(collect, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_nearest_rank_at_every_sample_size),
        cmocka_unit_test(cancelled_calls_count_among_the_calls_and_nowhere_else),
        cmocka_unit_test(failed_calls_count_in_times_and_rates),
        cmocka_unit_test(unknown_is_not_zero),
        cmocka_unit_test(sums_of_absurd_numbers_stop_instead_of_wrapping),
        cmocka_unit_test(a_rescued_attempt_counts_against_its_model_only),
        cmocka_unit_test(a_thumb_overrides_the_outcome_and_age_halves_the_weight),
        cmocka_unit_test(groups_come_by_bucket_then_by_calls_then_by_name),
        cmocka_unit_test(the_median_interval_follows_the_table_of_ranks),
        cmocka_unit_test(ten_thousand_groups_keep_their_rows_apart),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
