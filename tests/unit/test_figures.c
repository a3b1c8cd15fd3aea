/* Figures as JSON: rounding, what is left out, and what happens without memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handlers/figures.h"
#include "malloc_fail.h"

static struct ts_group group(const char *model, int64_t good, int64_t calls)
{
    struct ts_group g = {.model = model,
                         .provider = "desk",
                         .task_type = "coding",
                         .bucket = 20000,
                         .figures = ts_no_figures()};
    g.figures.total_calls = calls;
    g.figures.successes = good;
    g.figures.failures = calls - good;
    g.figures.success_rate = 100.0 * (double)good / (double)calls;
    g.figures.avg_response_us = 1234567.4;
    g.figures.median_response_us = 1000000;
    g.figures.median_low_us = 900000;
    g.figures.median_high_us = 1100000;
    g.figures.total_cost_nano_usd = 3100001;
    g.figures.last_used_ms = 1790000000000;
    g.figures.evidence = (struct ts_evidence){.trials = calls,
                                              .good = good,
                                              .weight = (double)calls,
                                              .weight_good = (double)good,
                                              .weight_squares = (double)calls};
    return g;
}

static double number(const json_t *o, const char *key)
{
    assert_true(json_is_number(json_object_get(o, key)));
    return json_number_value(json_object_get(o, key));
}

static void rates_have_two_decimals_times_three_and_money_all(void **state)
{
    (void)state;
    struct ts_group g = group("m", 2, 3);
    json_auto_t *o = ts_figures_json(&g.figures, TS_FIGURES_FULL);
    assert_non_null(o);
    assert_true(number(o, "successRate") == 66.67);
    assert_true(number(o, "avgResponseTime") == 1234.567);
    assert_true(number(o, "speedScore") == 87.65);
    assert_true(number(o, "totalCost") == 0.003100001);
    assert_true(json_is_null(json_object_get(o, "p95ResponseTime")));
    assert_string_equal(json_string_value(json_object_get(o, "lastUsed")),
                        "2026-09-21T14:13:20.000Z");
}

static void groups_of_attempts_alone_are_left_out(void **state)
{
    (void)state;
    struct ts_group groups[] = {group("tried", 1, 1), group("called", 1, 1)};
    groups[0].figures.total_calls = 0;
    json_auto_t *list = ts_groups_json((struct ts_groups){groups, 2}, TS_BY_MODEL, NULL);
    assert_int_equal(json_array_size(list), 1);
    const json_t *only = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(only, "model")), "called");
    assert_null(json_object_get(only, "taskType"));
    assert_null(json_object_get(only, "date"));
}

static enum ts_err tell_all(void *ctx)
{
    const struct ts_zone *zone = ctx;
    const struct ts_buckets buckets = {.zone = zone, .unit = TS_BUCKET_DAY};
    const struct ts_group models[] = {group("good", 300, 300), group("bad", 100, 300)};
    const struct ts_group task[] = {group(NULL, 400, 600)};
    const struct ts_candidates nobody = {.count = 0};
    const struct ts_insight_limits limits = {
        .slow_us = 1, .low_success = 1, .low_satisfaction = 1, .costly_times = 2};
    struct ts_groups m = {models, 2};
    struct ts_groups t = {task, 1};
    unsigned all = TS_BY_MODEL | TS_BY_TASK | TS_BY_TIME;
    json_auto_t *groups = ts_groups_json(m, all, &buckets);
    json_auto_t *trends = ts_trends_json(m, &buckets, 19999, 20001);
    json_auto_t *advice = ts_advice_json(m, t, t, &limits);
    json_auto_t *best = ts_best_json(m, t, &nobody);
    json_auto_t *rules = ts_best_json((struct ts_groups){models, 0}, t, &nobody);
    bool told = groups != NULL && trends != NULL && advice != NULL && best != NULL && rules != NULL;
    return told ? TS_OK : TS_ERR_NOMEM;
}

static void without_memory_nothing_is_told_and_nothing_leaks(void **state)
{
    (void)state;
    TS_AUTO(ts_zone_auto) struct ts_zone *zone = NULL;
    assert_int_equal(ts_zone_load("UTC", &zone, NULL), TS_OK);
    malloc_torture(tell_all, zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_have_two_decimals_times_three_and_money_all),
        cmocka_unit_test(groups_of_attempts_alone_are_left_out),
        cmocka_unit_test(without_memory_nothing_is_told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
