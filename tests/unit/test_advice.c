/* Recommendations, comparisons and the learner's answers, through the handlers over a real store.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "exchangekit.h"

#define ROUTE "/api/analytics/models/"

static const struct x_answer *good(const struct x_answer *a)
{
    if (a->status != 200)
        print_error("%d %s\n", a->status, a->body);
    assert_int_equal(a->status, 200);
    return a;
}

static const struct x_answer *get(struct xkit *k, const char *target)
{
    return good(x_ask(k, TS_GET, target, NULL));
}

static const struct x_answer *post(struct xkit *k, const char *body)
{
    return good(x_ask(k, TS_POST, ROUTE "recommend", body));
}

/* What @n reported calls have in common. */
struct calls {
    const char *task;
    const char *model;
    const char *provider;
    int n;
    int failed; /* the first so many */
    int ms;
    const char *more; /* further members, or NULL */
};

static void report(struct xkit *k, struct calls c)
{
    struct ts_buf body = TS_BUF_INIT(1 << 20);
    for (int i = 0; i < c.n; i++)
        ts_buf_printf(&body,
                      "%s{\"taskType\":\"%s\",\"model\":\"%s\",\"provider\":\"%s\",\"success\":%s,"
                      "\"responseTimeMs\":%d%s}",
                      i == 0 ? "[" : ",",
                      c.task,
                      c.model,
                      c.provider != NULL ? c.provider : "external",
                      i < c.failed ? "false" : "true",
                      c.ms + i % 7,
                      c.more != NULL ? c.more : "");
    ts_buf_puts(&body, "]");
    (void)good(x_ask(k, TS_POST, ROUTE "outcomes", ts_buf_text(&body)));
    ts_buf_free(&body);
}

/* -- recommend ----------------------------------------------------------------------------------
 */

static void rules_name_a_model_until_there_are_five_calls(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = get(k, ROUTE "recommend?task_type=coding");
    assert_string_equal(x_text(a, "model"), "qwen2.5-coder:7b");
    assert_string_equal(x_text(a, "provider"), "desk");
    assert_string_equal(x_text(a, "basis"), "rules");
    assert_string_equal(x_text(a, "verdict"), "insufficient");
    assert_true(x_is_null(a, "pBest") && x_is_null(a, "confidence"));
    a = get(k, ROUTE "recommend?task_type=coding&priority=speed");
    assert_string_equal(x_text(a, "model"), "llama3.2:3b");

    report(k, (struct calls){"coding", "gpt", NULL, 4, 0, 900, NULL});
    a = get(k, ROUTE "recommend?task_type=coding");
    assert_string_equal(x_text(a, "basis"), "rules");
    report(k, (struct calls){"coding", "gpt", NULL, 1, 0, 900, NULL});
    a = get(k, ROUTE "recommend?task_type=coding");
    assert_string_equal(x_text(a, "basis"), "data");
    assert_string_equal(x_text(a, "model"), "gpt");
    assert_string_equal(x_text(a, "verdict"), "insufficient");
    assert_true(x_number(a, "metrics.sampleSize") == 5);
    a = get(k, ROUTE "recommend?task_type=analysis");
    assert_string_equal(x_text(a, "basis"), "rules");
}

static void data_name_the_better_model_with_the_evidence(void **state)
{
    struct xkit *k = *state;
    report(k, (struct calls){"coding", "good", NULL, 400, 4, 1000, NULL});
    report(k, (struct calls){"coding", "bad", NULL, 400, 100, 1000, NULL});
    const struct x_answer *a = get(k, ROUTE "recommend?task_type=coding&priority=quality");
    assert_string_equal(x_text(a, "model"), "good");
    assert_string_equal(x_text(a, "verdict"), "recommend");
    assert_string_equal(x_text(a, "priority"), "quality");
    assert_true(x_number(a, "metrics.successRate") == 99);
    assert_true(x_number(a, "interval.low") > 96 && x_number(a, "interval.high") < 100);
    assert_true(x_number(a, "pBest") > 0.99 && x_number(a, "expectedLoss") < 0.01);
    assert_true(x_is_null(a, "callsNeeded"));
    assert_string_equal(x_text(a, "alternatives.0.model"), "bad");
}

static void a_model_that_is_down_or_gone_is_not_named(void **state)
{
    struct xkit *k = *state;
    report(k, (struct calls){"coding", "deleted:70b", "desk", 100, 0, 100, NULL});
    const struct x_answer *a = get(k, ROUTE "recommend?task_type=coding");
    assert_string_equal(x_text(a, "basis"), "rules");
    assert_string_equal(x_text(a, "model"), "qwen2.5-coder:7b");
    report(k, (struct calls){"coding", "llama3.2:3b", "desk", 10, 2, 100, NULL});
    a = get(k, ROUTE "recommend?task_type=coding");
    assert_string_equal(x_text(a, "basis"), "data");
    assert_string_equal(x_text(a, "model"), "llama3.2:3b");
    assert_int_equal(json_array_size(x_at(a, "alternatives")), 0);
}

static void the_message_tells_the_task_where_nobody_else_does(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a =
        post(k, "{\"messageContent\":\"Write a Python function that sorts a list\"}");
    assert_string_equal(x_text(a, "taskType"), "coding");
    assert_string_equal(x_text(a, "model"), "qwen2.5-coder:7b");
    a = post(k, "{\"messageContent\":\"hello\",\"hasCodeContent\":true}");
    assert_string_equal(x_text(a, "taskType"), "coding");
    a = post(k, "{\"messageContent\":\"hello\",\"files\":[\"a.pdf\",{\"name\":\"b\"}]}");
    assert_string_equal(x_text(a, "taskType"), "file_processing");
    a = post(k, "{\"hasCodeContent\":true,\"taskType\":\"creative\",\"userPreference\":\"speed\"}");
    assert_string_equal(x_text(a, "taskType"), "creative");
    assert_string_equal(x_text(a, "priority"), "speed");
    assert_string_equal(x_text(a, "model"), "llama3.2:3b");
    a = post(k, "{\"userPreference\":\"speed\",\"priority\":\"cost\",\"complexity\":\"complex\"}");
    assert_string_equal(x_text(a, "priority"), "cost");
    assert_string_equal(x_text(a, "complexity"), "complex");
    assert_string_equal(x_text(post(k, "{}"), "taskType"), "general_chat");
}

static void only_candidates_are_named(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = post(k, "{\"taskType\":\"x\",\"candidates\":[\"llama3.2:3b\"]}");
    assert_string_equal(x_text(a, "model"), "llama3.2:3b");
    a = post(k, "{\"taskType\":\"x\",\"candidates\":[\"elsewhere:9b\"]}");
    assert_string_equal(x_text(a, "model"), "elsewhere:9b");
    assert_true(x_is_null(a, "provider"));
    report(k, (struct calls){"x", "a", NULL, 50, 0, 100, NULL});
    report(k, (struct calls){"x", "b", NULL, 50, 10, 100, NULL});
    report(k, (struct calls){"x", "c", NULL, 50, 20, 100, NULL});
    a = post(k, "{\"taskType\":\"x\",\"candidates\":[\"external/b\",\"c\"]}");
    assert_string_equal(x_text(a, "model"), "b");
    assert_int_equal(json_array_size(x_at(a, "alternatives")), 1);
    a = post(k, "{\"taskType\":\"x\",\"candidates\":[]}");
    assert_string_equal(x_text(a, "model"), "a");
}

static void a_segment_counts_where_its_calls_suffice(void **state)
{
    struct xkit *k = *state;
    report(k, (struct calls){"x", "a", NULL, 100, 0, 100, NULL});
    report(k, (struct calls){"x", "b", NULL, 100, 30, 100, NULL});
    report(k, (struct calls){"x", "b", NULL, 40, 0, 100, ",\"userSegment\":\"pro\""});
    report(k, (struct calls){"x", "a", NULL, 19, 19, 100, ",\"userSegment\":\"pro\""});
    const struct x_answer *a = post(k, "{\"taskType\":\"x\",\"userSegment\":\"pro\"}");
    assert_string_equal(x_text(a, "model"), "a");
    assert_true(json_is_true(x_at(a, "pooled")));
    report(k, (struct calls){"x", "a", NULL, 1, 1, 100, ",\"userSegment\":\"pro\""});
    a = post(k, "{\"taskType\":\"x\",\"userSegment\":\"pro\"}");
    assert_string_equal(x_text(a, "model"), "b");
    assert_true(json_is_false(x_at(a, "pooled")));
    assert_string_equal(x_text(a, "userSegment"), "pro");
    a = get(k, ROUTE "recommend?task_type=x&user_segment=free");
    assert_true(json_is_true(x_at(a, "pooled")));
}

static void priorities_disagree_where_the_models_do(void **state)
{
    struct xkit *k = *state;
    report(k, (struct calls){"x", "wise", NULL, 300, 3, 8000, ",\"costUsd\":0.02"});
    report(k, (struct calls){"x", "quick", NULL, 300, 60, 500, ",\"costUsd\":0.01"});
    report(k, (struct calls){"x", "thrifty", NULL, 300, 60, 6000, ",\"costUsd\":0.0004"});
    static const char *const want[][2] = {
        {"quality", "wise"}, {"speed", "quick"}, {"cost", "thrifty"}};
    for (size_t i = 0; i < TS_ARRAY_LEN(want); i++) {
        char target[128];
        (void)snprintf(
            target, sizeof(target), ROUTE "recommend?task_type=x&priority=%s", want[i][0]);
        const struct x_answer *a = get(k, target);
        assert_string_equal(x_text(a, "model"), want[i][1]);
        assert_string_equal(x_text(a, "costBasis"), "money");
        assert_int_equal(json_array_size(x_at(a, "alternatives")), 2);
    }
}

static void bad_questions_name_what_is_bad(void **state)
{
    struct xkit *k = *state;
    static const char *const queries[][2] = {
        {"recommend?priority=best", "priority"},
        {"recommend?priority=", "priority"},
        {"recommend?days=0", "days"},
        {"recommend?days=1e9", "days"},
        {"recommend?task_type=two words", "task_type"},
        {"recommend?complexity=hard", "complexity"},
        {"recommend?model=m", "model"},
        {"recommend?days=1&days=2", "days"},
        {"ranked", "task_type"},
        {"ranked?task_type=", "task_type"},
        {"ranked?task_type=x&min_samples=0", "min_samples"},
        {"ranked?task_type=x&min_samples=many", "min_samples"},
        {"ranked?task_type=x&colour=blue", "colour"},
        {"demote?task_type=x", "model"},
        {"demote?model=m", "task_type"},
        {"demote?task_type=x&model=", "model"},
        {"ab-candidates", "task_type"},
        {"ab-candidates?task_type=x&model=m", "model"},
        {"compare?a=m", "b"},
        {"compare?b=m", "a"},
        {"compare?a=m&b=m", "b"},
        {"compare?a=m&b=n&days=-1", "days"},
        {"compare?a=m&b=n&task_type=$", "task_type"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(queries); i++) {
        char target[160];
        (void)snprintf(target, sizeof(target), ROUTE "%s", queries[i][0]);
        x_assert_error(x_ask(k, TS_GET, target, NULL), 400, "invalid_parameter", queries[i][1]);
    }
    static const char *const bodies[][2] = {
        {"{\"messageContent\":5}", "messageContent"},
        {"{\"messageContent\":\"\"}", "messageContent"},
        {"{\"hasCodeContent\":1}", "hasCodeContent"},
        {"{\"files\":\"a\"}", "files"},
        {"{\"files\":[1]}", "files"},
        {"{\"userPreference\":\"best\"}", "userPreference"},
        {"{\"priority\":\"best\"}", "priority"},
        {"{\"userSegment\":7}", "userSegment"},
        {"{\"candidates\":\"m\"}", "candidates"},
        {"{\"candidates\":[\"\"]}", "candidates"},
        {"{\"candidates\":[{}]}", "candidates"},
        {"{\"taskType\":\"two words\"}", "taskType"},
        {"{\"complexity\":\"hard\"}", "complexity"},
        {"{\"days\":0}", "days"},
        {"{\"colour\":1}", "colour"},
        {"[1]", NULL},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(bodies); i++)
        x_assert_error(
            x_ask(k, TS_POST, ROUTE "recommend", bodies[i][0]), 400, "invalid_field", bodies[i][1]);
    x_assert_error(x_ask(k, TS_POST, ROUTE "recommend", "{"), 400, "invalid_json", NULL);
}

/* -- the learner --------------------------------------------------------------------------------
 */

static void ranks_are_those_of_the_table(void **state)
{
    struct xkit *k = *state;
    report(k, (struct calls){"x", "a", NULL, 4, 1, 100, ",\"tokensUsed\":10,\"costUsd\":0.25"});
    report(k, (struct calls){"x", "b", NULL, 8, 2, 100, NULL});
    report(k, (struct calls){"x", "c", NULL, 2, 0, 100, NULL});
    report(k, (struct calls){"x", "t", NULL, 3, 3, 100, ",\"timeout\":true"});
    report(k, (struct calls){"y", "d", NULL, 9, 0, 100, NULL});
    const struct x_answer *a = get(k, ROUTE "ranked?task_type=x");
    assert_int_equal(json_array_size(x_at(a, "ranked")), 3);
    assert_string_equal(x_text(a, "ranked.0.model"), "b");
    assert_string_equal(x_text(a, "ranked.1.model"), "a");
    assert_true(x_number(a, "ranked.1.successRate") == 75);
    assert_true(x_number(a, "ranked.1.successes") == 3 && x_number(a, "ranked.1.failures") == 1);
    assert_true(x_number(a, "ranked.1.totalTokens") == 40);
    assert_true(fabs(x_number(a, "ranked.1.totalCost") - 1) < 1e-9);
    assert_int_equal(strlen(x_text(a, "ranked.1.lastUsed")), strlen("2026-01-01T00:00:00.000Z"));
    assert_true(x_number(a, "ranked.2.timeouts") == 3);
    a = get(k, ROUTE "ranked?task_type=x&min_samples=1");
    assert_string_equal(x_text(a, "ranked.0.model"), "c");
    a = get(k, ROUTE "ranked?task_type=nothing");
    assert_int_equal(json_array_size(x_at(a, "ranked")), 0);
}

static void a_model_is_demoted_with_a_reason(void **state)
{
    struct xkit *k = *state;
    report(k, (struct calls){"x", "best", NULL, 100, 5, 100, NULL});
    report(k, (struct calls){"x", "worse", NULL, 100, 40, 100, NULL});
    report(k, (struct calls){"x", "young", NULL, 9, 9, 100, NULL});
    const struct x_answer *a = get(k, ROUTE "demote?task_type=x&model=worse");
    assert_true(json_is_true(x_at(a, "demote")));
    assert_true(x_number(a, "threshold") == 88.82 && x_number(a, "successRate") == 60);
    assert_true(x_number(a, "n") == 100);
    assert_non_null(strstr(x_text(a, "reason"), "best"));
    a = get(k, ROUTE "demote?task_type=x&model=young");
    assert_true(json_is_false(x_at(a, "demote")) && x_number(a, "n") == 9);
    a = get(k, ROUTE "demote?task_type=x&model=best");
    assert_true(json_is_false(x_at(a, "demote")) && x_number(a, "threshold") == 50.2);
    a = get(k, ROUTE "demote?task_type=x&model=nobody");
    assert_true(json_is_false(x_at(a, "demote")) && x_is_null(a, "successRate"));
}

static void challengers_are_told_with_their_reason(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = get(k, ROUTE "ab-candidates?task_type=x");
    assert_true(x_is_null(a, "incumbent"));
    report(k, (struct calls){"x", "best", NULL, 100, 5, 100, NULL});
    report(k, (struct calls){"x", "near", NULL, 100, 10, 100, NULL});
    report(k, (struct calls){"x", "far", NULL, 100, 40, 100, NULL});
    report(k, (struct calls){"x", "young", NULL, 3, 0, 100, NULL});
    a = get(k, ROUTE "ab-candidates?task_type=x");
    assert_string_equal(x_text(a, "incumbent.model"), "best");
    assert_int_equal(json_array_size(x_at(a, "challengers")), 2);
    assert_string_equal(x_text(a, "challengers.0.model"), "young");
    assert_string_equal(x_text(a, "challengers.0.reason"), "few_calls");
    assert_string_equal(x_text(a, "challengers.1.model"), "near");
    assert_string_equal(x_text(a, "challengers.1.reason"), "overlap");
}

/* -- compare ------------------------------------------------------------------------------------
 */

static void two_models_stand_side_by_side(void **state)
{
    struct xkit *k = *state;
    report(k, (struct calls){"x", "a", NULL, 500, 25, 100, ",\"tokensUsed\":30,\"costUsd\":0.5"});
    report(k, (struct calls){"x", "a", "other", 500, 25, 100, NULL});
    report(k, (struct calls){"y", "a", NULL, 100, 100, 100, NULL});
    report(k, (struct calls){"x", "b", NULL, 700, 140, 200, NULL});
    const struct x_answer *a = get(k, ROUTE "compare?a=a&b=b&task_type=x&days=7");
    assert_true(x_number(a, "a.trials") == 1000 && x_number(a, "a.wins") == 950);
    assert_true(x_number(a, "b.trials") == 700 && x_number(a, "b.wins") == 560);
    assert_true(x_number(a, "a.avgTokens") == 30 && x_number(a, "a.avgCost") == 0.5);
    assert_true(fabs(x_number(a, "a.p50") / 103 - 1) < 0.0055);
    assert_true(fabs(x_number(a, "b.p95") / 206 - 1) < 0.0055);
    assert_true(x_number(a, "a.interval.low") == 93.47 && x_number(a, "a.interval.high") == 96.19);
    assert_true(x_is_null(a, "b.avgTokens") && x_is_null(a, "b.avgCost"));
    assert_string_equal(x_text(a, "verdict"), "recommend");
    assert_string_equal(x_text(a, "winner"), "a");
    a = get(k, ROUTE "compare?a=nobody&b=b");
    assert_true(x_number(a, "a.trials") == 0 && x_is_null(a, "a.p50"));
    assert_string_equal(x_text(a, "verdict"), "insufficient");
    assert_true(x_is_null(a, "winner"));
}

#define X(test) cmocka_unit_test_setup_teardown(test, x_setup_store, x_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        X(rules_name_a_model_until_there_are_five_calls),
        X(data_name_the_better_model_with_the_evidence),
        X(a_model_that_is_down_or_gone_is_not_named),
        X(the_message_tells_the_task_where_nobody_else_does),
        X(only_candidates_are_named),
        X(a_segment_counts_where_its_calls_suffice),
        X(priorities_disagree_where_the_models_do),
        X(bad_questions_name_what_is_bad),
        X(ranks_are_those_of_the_table),
        X(a_model_is_demoted_with_a_reason),
        X(challengers_are_told_with_their_reason),
        X(two_models_stand_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
