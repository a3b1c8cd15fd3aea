/* What is told about a slice of calls, and what is not because it may be chance. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/insights.h"

static const struct ts_insight_limits usual = {
    .slow_us = 8e6, .low_success = .95, .low_satisfaction = .7, .costly_times = 2};

struct model {
    const char *name;
    const char *task;
    int calls;
    int failed_in_100;
    int64_t response_us; /* around that */
    int ups;
    int downs;
    int64_t cost; /* USD * 1e-9 around that; 0: unknown */
};

static void add_calls(struct ts_aggregate *a, const struct model *m)
{
    const struct ts_agg_names names = {.model = m->name, .provider = "desk", .task_type = m->task};
    int series = 0;
    assert_int_equal(ts_aggregate_series(a, &names, &series), TS_OK);
    for (int i = 0; i < m->calls; i++) {
        const struct ts_agg_row row = {
            .id = ts_id_from_ms(1000000 + i),
            .series = series,
            .outcome =
                i * 37 % 100 < m->failed_in_100 ? TS_OUTCOME_UPSTREAM_ERROR : TS_OUTCOME_DONE,
            .rating = i < m->ups              ? 1
                      : i < m->ups + m->downs ? -1
                                              : 0,
            .response_us = m->response_us * (80 + i * 7 % 41) / 100, /* 20 % about it */
            .ttft_us = TS_UNKNOWN,
            .decode_us = TS_UNKNOWN,
            .input_tokens = TS_UNKNOWN,
            .output_tokens = TS_UNKNOWN,
            .unsplit_tokens = TS_UNKNOWN,
            .cost_nano_usd = m->cost != 0 ? m->cost * (80 + i * 7 % 41) / 100 : TS_UNKNOWN,
        };
        assert_int_equal(ts_aggregate_add(a, TS_AGG_TIMELESS, &row), TS_OK);
    }
}

/* "faster fast slow coding;" for each insight */
static void find(const struct model *models, int count, int max, char out[static 512])
{
    static const unsigned groupings[] = {TS_BY_MODEL | TS_BY_TASK, TS_BY_TASK, 0};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    assert_int_equal(ts_aggregate_new(groupings, 3, 1000000, NULL, NULL, &a), TS_OK);
    for (int i = 0; i < count; i++)
        add_calls(a, &models[i]);
    assert_int_equal(ts_aggregate_finish(a), TS_OK);
    struct ts_groups g[3];
    for (int i = 0; i < 3; i++)
        g[i].at = ts_aggregate_groups(a, i, &g[i].count);
    struct ts_insight found[16];
    int n = ts_insights_find(g[0], g[1], g[2], &usual, found, max);
    assert_true(n <= max);
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        const char *const parts[] = {ts_insight_name(found[i].kind),
                                     found[i].subject->model,
                                     found[i].other != NULL ? found[i].other->model : NULL,
                                     found[i].subject->task_type};
        for (int p = 0; p < 4; p++) {
            (void)strncat(out, parts[p] != NULL ? parts[p] : "-", 511 - strlen(out));
            (void)strncat(out, p < 3 ? " " : ";", 511 - strlen(out));
        }
    }
}

static void a_costly_habit_is_told_where_nothing_speaks_for_it(void **state)
{
    (void)state;
    char told[512];
    struct model models[] = {
        {"dear", "coding", 60, 2, 1000000, 0, 0, 5000000},
        {"cheap", "coding", 60, 2, 1000000, 0, 0, 1000000},
        {"cheapest", "coding", 60, 40, 1000000, 0, 0, 100000}, /* but it fails */
    };
    find(models, 2, 16, told);
    assert_string_equal(told, "costly_habit dear cheap coding;");
    find(models, 3, 16, told);
    assert_non_null(strstr(told, "costly_habit dear cheap coding;"));
    assert_null(strstr(told, "costly_habit dear cheapest"));
    models[1].downs = 40; /* the users say that the cheap one is worse */
    models[0].ups = 40;
    find(models, 2, 16, told);
    assert_null(strstr(told, "costly_habit"));
    models[1].downs = models[0].ups = 0;
    models[0].cost = 2100000; /* twice as much, within the error */
    find(models, 2, 16, told);
    assert_string_equal(told, "");
    models[0].cost = 5000000;
    models[1].cost = 0;
    find(models, 2, 16, told);
    assert_string_equal(told, "");
}

static void limits_say_from_where_on(void **state)
{
    (void)state;
    const struct ts_figures f = {
        .successes = 60, .failures = 40, .up = 20, .down = 80, .avg_response_us = 3e6};
    const struct ts_group g = {.task_type = "coding", .figures = f};
    const struct ts_groups none = {NULL, 0};
    struct ts_insight found[4];
    struct ts_insight_limits l = usual;
    assert_int_equal(ts_insights_find(none, (struct ts_groups){&g, 1}, none, &l, found, 4), 1);
    l.slow_us = 2e6;
    assert_int_equal(ts_insights_find(none, (struct ts_groups){&g, 1}, none, &l, found, 4), 2);
    l.low_success = .5;
    assert_int_equal(ts_insights_find(none, (struct ts_groups){&g, 1}, none, &l, found, 4), 1);
    assert_int_equal(found[0].kind, TS_INSIGHT_SLOW_TASK);
    assert_int_equal(ts_insights_find(none, none, (struct ts_groups){&g, 1}, &l, found, 4), 1);
    l.low_satisfaction = .1;
    assert_int_equal(ts_insights_find(none, none, (struct ts_groups){&g, 1}, &l, found, 4), 0);
}

static void differences_are_told_where_intervals_are_apart(void **state)
{
    (void)state;
    char told[512];
    const struct model speed[] = {{"quick", "coding", 60, 0, 1000000, 0, 0, 0},
                                  {"slow", "coding", 60, 0, 2000000, 0, 0, 0}};
    find(speed, 2, 16, told);
    assert_string_equal(told, "faster quick slow coding;");
    const struct model success[] = {{"good", "coding", 200, 0, 1000000, 0, 0, 0},
                                    {"bad", "coding", 200, 20, 1000000, 0, 0, 0}};
    find(success, 2, 16, told);
    assert_string_equal(told, "low_success - - coding;more_reliable good bad coding;");
    const struct model liked[] = {{"loved", "chat", 60, 0, 1000000, 55, 5, 0},
                                  {"hated", "chat", 60, 0, 1000000, 30, 30, 0}};
    find(liked, 2, 16, told);
    assert_string_equal(told, "preferred loved hated chat;");
}

static void what_may_be_chance_is_not_told(void **state)
{
    (void)state;
    char told[512];
    const struct model few[] = {{"a", "coding", 19, 0, 1000000, 19, 0, 0},
                                {"b", "coding", 19, 60, 9000000, 0, 19, 0}};
    find(few, 2, 16, told);
    assert_null(strstr(told, "faster"));
    assert_null(strstr(told, "more_reliable"));
    assert_null(strstr(told, "preferred"));
    const struct model close[] = {{"a", "coding", 50, 2, 1000000, 20, 5, 0},
                                  {"b", "coding", 50, 6, 1050000, 17, 8, 0}};
    find(close, 2, 16, told);
    assert_string_equal(told, "");
    const struct model apart[] = {{"a", "coding", 50, 0, 1000000, 0, 0, 0},
                                  {"b", "analysis", 50, 0, 3000000, 0, 0, 0}};
    find(apart, 2, 16, told); /* different work: nothing to compare */
    assert_string_equal(told, "");
    find(NULL, 0, 16, told);
    assert_string_equal(told, "");
}

static void slow_tasks_and_unhappy_users_are_warned_of(void **state)
{
    (void)state;
    char told[512];
    const struct model slow[] = {{"m", "analysis", 30, 0, 9000000, 0, 0, 0}};
    find(slow, 1, 16, told);
    assert_string_equal(told, "slow_task - - analysis;");
    const struct model unhappy[] = {{"m", "chat", 100, 0, 100000, 30, 40, 0}};
    find(unhappy, 1, 16, told);
    assert_string_equal(told, "low_satisfaction - - -;");
    assert_true(ts_insight_is_warning(TS_INSIGHT_LOW_SATISFACTION));
    assert_false(ts_insight_is_warning(TS_INSIGHT_FASTER));
    find(unhappy, 1, 0, told);
    assert_string_equal(told, "");
}

static void a_fact_is_told_once_and_the_heavier_ones_first(void **state)
{
    (void)state;
    char told[512];
    const struct model models[] = {{"quick", "coding", 60, 0, 1000000, 0, 0, 0},
                                   {"slow", "coding", 60, 0, 2000000, 0, 0, 0},
                                   {"quick", "chat", 200, 0, 1000000, 0, 0, 0},
                                   {"slow", "chat", 200, 0, 2000000, 0, 0, 0},
                                   {"loved", "analysis", 60, 0, 9000000, 55, 5, 0},
                                   {"hated", "analysis", 60, 0, 9000000, 30, 30, 0}};
    const int count = (int)TS_ARRAY_LEN(models);
    find(models, count, 16, told);
    assert_string_equal(told,
                        "slow_task - - analysis;" /* a warning, though of fewer calls */
                        "faster quick slow chat;" /* and no line for coding */
                        "preferred loved hated analysis;");
    find(models, count, 2, told);
    assert_string_equal(told, "slow_task - - analysis;faster quick slow chat;");
    find(models, count, 1, told);
    assert_string_equal(told, "slow_task - - analysis;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_costly_habit_is_told_where_nothing_speaks_for_it),
        cmocka_unit_test(limits_say_from_where_on),
        cmocka_unit_test(differences_are_told_where_intervals_are_apart),
        cmocka_unit_test(what_may_be_chance_is_not_told),
        cmocka_unit_test(a_fact_is_told_once_and_the_heavier_ones_first),
        cmocka_unit_test(slow_tasks_and_unhappy_users_are_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
