/* Reported calls, ratings, figures and lists, through the handlers into a real store and back. */
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
#include "handlers/running.h"

static const char outcomes[] = "/api/analytics/models/outcomes";
static const char feedback[] = "/api/analytics/models/feedback";

static void report(struct xkit *k, const char *body, int accepted, int duplicates)
{
    const struct x_answer *a = x_ask(k, TS_POST, outcomes, body);
    if (a->status != 200)
        print_error("%s\n", a->body);
    assert_int_equal(a->status, 200);
    assert_true(x_number(a, "accepted") == accepted);
    assert_true(x_number(a, "duplicates") == duplicates);
}

static void a_faulty_field_is_named_and_nothing_is_kept(void **state)
{
    struct xkit *k = *state;
#define GOOD "\"taskType\":\"coding\",\"model\":\"m\",\"success\":true"
    static const struct {
        const char *body;
        const char *param;
    } cases[] = {
        {"[]", NULL},
        {"{}", "taskType"},
        {"{\"taskType\":\"coding\",\"success\":true}", "model"},
        {"{\"taskType\":\"coding\",\"model\":\"m\"}", "success"},
        {"{\"taskType\":null,\"model\":\"m\",\"success\":true}", "taskType"},
        {"{\"taskType\":\"two words\",\"model\":\"m\",\"success\":true}", "taskType"},
        {"{\"taskType\":\"coding\",\"model\":\"\",\"success\":true}", "model"},
        {"{\"taskType\":\"coding\",\"model\":\"m\",\"success\":1}", "success"},
        {"{" GOOD ",\"timeout\":true}", "timeout"},
        {"{" GOOD ",\"colour\":1}", "colour"},
        {"{" GOOD ",\"complexity\":\"hard\"}", "complexity"},
        {"{" GOOD ",\"responseTimeMs\":-1}", "responseTimeMs"},
        {"{" GOOD ",\"responseTimeMs\":\"9\"}", "responseTimeMs"},
        {"{" GOOD ",\"ttftMs\":1e300}", "ttftMs"},
        {"{" GOOD ",\"inputTokens\":1.5}", "inputTokens"},
        {"{" GOOD ",\"outputTokens\":1000000001}", "outputTokens"},
        {"{" GOOD ",\"inputTokens\":9,\"tokensUsed\":8}", "tokensUsed"},
        {"{" GOOD ",\"costUsd\":-0.1}", "costUsd"},
        {"{" GOOD ",\"tags\":[]}", "tags"},
        {"{" GOOD ",\"tags\":{\"a\":1}}", "tags"},
        {"{" GOOD ",\"metadata\":\"x\"}", "metadata"},
        {"{" GOOD ",\"timestamp\":\"yesterday\"}", "timestamp"},
        {"{" GOOD ",\"timestamp\":1790000000}", "timestamp"},
        {"{" GOOD ",\"timestamp\":\"2199-01-01T00:00:00Z\"}", "timestamp"},
        {"{" GOOD ",\"id\":7}", "id"},
        {"[{" GOOD "},{" GOOD ",\"costUsd\":\"1\"}]", "[1].costUsd"},
        {"[{" GOOD "},5]", "[1]"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++)
        x_assert_error(
            x_ask(k, TS_POST, outcomes, cases[i].body), 400, "invalid_field", cases[i].param);
    x_assert_error(x_ask(k, TS_POST, outcomes, "{\"a\":1,"), 400, "invalid_json", NULL);
    x_assert_error(x_ask(k, TS_POST, outcomes, "{\"a\":1,\"a\":2}"), 400, "invalid_json", NULL);
    x_assert_error(x_ask(k, TS_POST, outcomes, ""), 400, "invalid_json", NULL);
    assert_int_equal(kit_number(k->store, "SELECT count(*) FROM call"), 0);
#undef GOOD
}

static void the_same_name_is_the_same_call(void **state)
{
    struct xkit *k = *state;
    static const char two[] =
        "[{\"id\":\"a\",\"taskType\":\"x\",\"model\":\"m\",\"success\":true},"
        "{\"id\":\"a\",\"taskType\":\"x\",\"model\":\"n\",\"success\":false}]";
    report(k, two, 1, 1);
    report(k, two, 0, 2);
    report(k, "{\"taskType\":\"x\",\"model\":\"m\",\"success\":true}", 1, 0);
    report(k, "{\"taskType\":\"x\",\"model\":\"m\",\"success\":true}", 1, 0);
    const struct x_answer *a = x_ask(k, TS_GET, "/api/requests", NULL);
    char own[128];
    (void)snprintf(own,
                   sizeof(own),
                   "{\"id\":\"%s\",\"taskType\":\"x\",\"model\":\"m\",\"success\":true}",
                   x_text(a, "requests.0.id"));
    report(k, own, 0, 1);
    assert_int_equal(kit_number(k->store, "SELECT count(*) FROM call"), 3);
}

static void calls_of_one_moment_keep_their_own_rows(void **state)
{
    struct xkit *k = *state;
    struct ts_buf body = TS_BUF_INIT(1 << 20);
    for (int i = 0; i < 1000; i++)
        ts_buf_printf(
            &body,
            "%s{\"taskType\":\"x\",\"model\":\"m\",\"success\":true,\"responseTimeMs\":%d,"
            "\"timestamp\":\"2026-01-01T00:00:00Z\"}",
            i == 0 ? "[" : ",",
            i + 1);
    ts_buf_puts(&body, "]");
    report(k, ts_buf_text(&body), 1000, 0);
    report(k, ts_buf_text(&body), 1000, 0);
    ts_buf_free(&body);
    const struct x_answer *a =
        x_ask(k, TS_GET, "/api/analytics/models?from=2026-01-01&to=2026-01-02", NULL);
    assert_true(x_number(a, "summary.totalCalls") == 2000);
    assert_true(fabs(x_number(a, "summary.medianResponseTime") / 500 - 1) < 0.0055);
    assert_true(fabs(x_number(a, "summary.p95ResponseTime") / 950 - 1) < 0.0055);
    assert_true(fabs(x_number(a, "summary.p99ResponseTime") / 990 - 1) < 0.0055);
    assert_true(x_number(a, "summary.avgResponseTime") == 500.5);
}

static void what_was_told_comes_back(void **state)
{
    struct xkit *k = *state;
    report(k,
           "{\"taskType\":\"coding\",\"model\":\"gpt\",\"success\":false,\"timeout\":true,"
           "\"provider\":\"openai\",\"complexity\":\"simple\",\"responseTimeMs\":1234.5,"
           "\"ttftMs\":200.25,\"inputTokens\":10,\"tokensUsed\":30,\"costUsd\":0.0031,"
           "\"errorMessage\":\"too slow\",\"conversationId\":\"c\",\"userId\":\"u\","
           "\"userSegment\":\"pro\",\"messageId\":\"m\",\"tags\":{\"project\":\"apollo\"},"
           "\"metadata\":{\"depth\":[1,{\"x\":null}]},\"timestamp\":\"2026-03-04T05:06:07.089+01:"
           "00\"}",
           1,
           0);
    const struct x_answer *a = x_ask(k, TS_GET, "/api/requests?tag.project=apollo", NULL);
    assert_string_equal(x_text(a, "requests.0.timestamp"), "2026-03-04T04:06:07.089Z");
    assert_string_equal(x_text(a, "requests.0.outcome"), "timeout");
    assert_string_equal(x_text(a, "requests.0.error.message"), "too slow");
    assert_true(x_number(a, "requests.0.responseTimeMs") == 1234.5);
    assert_true(x_number(a, "requests.0.ttftMs") == 200.25);
    assert_true(x_number(a, "requests.0.tokens.output") == 20);
    assert_true(x_number(a, "requests.0.tokens.total") == 30);
    assert_true(fabs(x_number(a, "requests.0.costUsd") - 0.0031) < 1e-12);
    assert_string_equal(x_text(a, "requests.0.tags.project"), "apollo");
    assert_true(x_number(a, "requests.0.metadata.depth.0") == 1);
    assert_string_equal(x_text(a, "requests.0.complexity"), "simple");
    char target[128];
    (void)snprintf(target, sizeof(target), "/api/requests/%s", x_text(a, "requests.0.id"));
    a = x_ask(k, TS_GET, target, NULL);
    assert_int_equal(json_array_size(x_at(a, "attempts")), 0);
    assert_true(x_is_null(a, "phases.decodeMs"));
}

static void ratings_find_their_call_or_say_why_not(void **state)
{
    struct xkit *k = *state;
    report(k,
           "[{\"taskType\":\"x\",\"model\":\"m\",\"success\":true,\"conversationId\":\"c\","
           "\"messageId\":\"m1\",\"timestamp\":\"2026-01-01T00:00:00Z\"},"
           "{\"taskType\":\"x\",\"model\":\"m\",\"success\":true,\"conversationId\":\"c\","
           "\"messageId\":\"m2\",\"timestamp\":\"2026-01-02T00:00:00Z\"}]",
           2,
           0);
    const struct x_answer *a =
        x_ask(k, TS_POST, feedback, "{\"conversationId\":\"c\",\"rating\":1,\"comment\":\"ok\"}");
    assert_int_equal(a->status, 200);
    assert_true(x_number(a, "previousRating") == 0);
    char id[64];
    (void)snprintf(id, sizeof(id), "%s", x_text(a, "requestId"));
    a = x_ask(k, TS_POST, feedback, "{\"messageId\":\"m2\",\"rating\":-1}");
    assert_string_equal(x_text(a, "requestId"), id);
    assert_true(x_number(a, "previousRating") == 1);

    x_assert_error(
        x_ask(k, TS_POST, feedback, "{\"messageId\":\"zz\",\"rating\":1}"), 404, "not_found", NULL);
    x_assert_error(x_ask(k, TS_POST, feedback, "{\"conversationId\":\"zz\",\"rating\":1}"),
                   404,
                   "conversation_not_found",
                   NULL);
    static const struct {
        const char *body;
        const char *param;
    } cases[] = {
        {"{\"rating\":1}", "requestId"},
        {"{\"messageId\":\"a\",\"conversationId\":\"b\",\"rating\":1}", "requestId"},
        {"{\"messageId\":\"a\"}", "rating"},
        {"{\"messageId\":\"a\",\"rating\":null}", "rating"},
        {"{\"messageId\":\"a\",\"rating\":2}", "rating"},
        {"{\"messageId\":\"a\",\"rating\":0.5}", "rating"},
        {"{\"messageId\":5,\"rating\":1}", "messageId"},
        {"{\"messageId\":\"a\",\"rating\":1,\"stars\":5}", "stars"},
        {"[1]", NULL},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++)
        x_assert_error(
            x_ask(k, TS_POST, feedback, cases[i].body), 400, "invalid_field", cases[i].param);
}

static void a_running_call_is_rated_later(void **state)
{
    struct xkit *k = *state;
    struct ts_running_call call = {.id = ts_id_from_ms(1790000000000)};
    char text[TS_ID_TEXT_SIZE];
    char body[128];
    (void)snprintf(body,
                   sizeof(body),
                   "{\"requestId\":\"%s\",\"rating\":1}",
                   ts_id_format(call.id, k->services.id_tag, text));
    ts_running_add(k->services.running, &call);
    const struct x_answer *a = x_ask(k, TS_POST, feedback, body);
    x_assert_error(a, 409, "still_running", "requestId");
    assert_non_null(x_header(a, "Retry-After"));
    ts_running_remove(k->services.running, &call);
    x_assert_error(x_ask(k, TS_POST, feedback, body), 404, "not_found", NULL);
}

static int aborted;

static void count_abort(struct ts_running_call *c)
{
    assert_true(c->id == ts_id_from_ms(1790000000001));
    aborted++;
}

static void a_running_call_is_ended_by_its_id(void **state)
{
    struct xkit *k = *state;
    struct ts_running_call other = {.id = ts_id_from_ms(1790000000000), .home = k->poller};
    struct ts_running_call call = {
        .id = ts_id_from_ms(1790000000001), .home = k->poller, .abort = count_abort};
    char text[TS_ID_TEXT_SIZE];
    char target[128];
    (void)snprintf(target,
                   sizeof(target),
                   "/api/requests/%s",
                   ts_id_format(call.id, k->services.id_tag, text));
    aborted = 0;
    ts_running_add(k->services.running, &other);
    ts_running_add(k->services.running, &call);
    const struct x_answer *a = x_ask(k, TS_DELETE, target, NULL);
    assert_int_equal(a->status, 200);
    assert_string_equal(x_text(a, "requestId"), text);
    assert_int_equal(aborted, 1);
    ts_running_remove(k->services.running, &call);
    x_assert_error(x_ask(k, TS_DELETE, target, NULL), 404, "not_found", NULL);
    assert_int_equal(aborted, 1);
    ts_running_remove(k->services.running, &other);
}

static void without_calls_counts_are_zero_and_figures_unknown(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = x_ask(k, TS_GET, "/api/analytics/models?days=7&group_by=time", NULL);
    assert_int_equal(a->status, 200);
    assert_true(x_number(a, "summary.totalCalls") == 0);
    assert_true(x_is_null(a, "summary.avgResponseTime") && x_is_null(a, "summary.totalTokens"));
    assert_true(x_is_null(a, "summary.totalCost") && x_is_null(a, "summary.successRate"));
    assert_int_equal(json_array_size(x_at(a, "byModel")), 0);
    assert_int_equal(json_array_size(x_at(a, "groups")), 0);
    assert_int_equal(json_array_size(x_at(a, "bestByTask")), 0);
    size_t days = json_array_size(x_at(a, "trends"));
    assert_true(days == 7 || days == 8);
    assert_true(x_number(a, "trends.0.totalCalls") == 0);
    assert_int_equal(json_array_size(x_at(x_ask(k, TS_GET, "/api/requests", NULL), "requests")), 0);
}

static void windows_are_half_open_and_buckets_follow_the_zone(void **state)
{
    struct xkit *k = *state;
    report(k,
           "[{\"taskType\":\"x\",\"model\":\"m\",\"success\":true,\"timestamp\":\"2026-03-28T23:30:"
           "00Z\"},"
           "{\"taskType\":\"x\",\"model\":\"m\",\"success\":true,\"timestamp\":\"2026-03-29T21:59:"
           "59.999Z\"},"
           "{\"taskType\":\"x\",\"model\":\"m\",\"success\":true,\"timestamp\":\"2026-03-29T22:00:"
           "00Z\"}]",
           3,
           0);
    /* Berlin's 29th of March 2026 has 23 hours: 23:00Z to 22:00Z */
    const struct x_answer *a =
        x_ask(k,
              TS_GET,
              "/api/analytics/models?tz=Europe/Berlin&from=2026-03-28T23:00:00Z"
              "&to=2026-03-29T22:00:00Z",
              NULL);
    assert_true(x_number(a, "summary.totalCalls") == 2);
    assert_int_equal(json_array_size(x_at(a, "trends")), 1);
    assert_string_equal(x_text(a, "trends.0.date"), "2026-03-29");
    assert_true(x_is_null(a, "window.days"));
    a = x_ask(k,
              TS_GET,
              "/api/analytics/models?tz=Europe/Berlin&bucket=hour&from=2026-03-28T23:00:00Z"
              "&to=2026-03-29T22:00:00Z",
              NULL);
    assert_int_equal(json_array_size(x_at(a, "trends")), 23);
    assert_string_equal(x_text(a, "trends.2.date"), "2026-03-29T03:00:00+02:00");
    x_assert_error(x_ask(k, TS_GET, "/api/analytics/models?tz=Mars/Phobos", NULL),
                   400,
                   "invalid_parameter",
                   "tz");
    x_assert_error(x_ask(k, TS_GET, "/api/analytics/models?from=2000-01-01&bucket=hour", NULL),
                   400,
                   "invalid_parameter",
                   "bucket");
}

/* @n calls, of which each @fail-th fails; 0: none. */
static void report_many(struct xkit *k, const char *model, int n, int fail)
{
    struct ts_buf body = TS_BUF_INIT(1 << 20);
    for (int i = 0; i < n; i++)
        ts_buf_printf(&body,
                      "%s{\"taskType\":\"coding\",\"model\":\"%s\",\"success\":%s,"
                      "\"responseTimeMs\":1000}",
                      i == 0 ? "[" : ",",
                      model,
                      fail > 0 && i % fail == 0 ? "false" : "true");
    ts_buf_puts(&body, "]");
    report(k, ts_buf_text(&body), n, 0);
    ts_buf_free(&body);
}

static void the_best_model_is_named_by_rules_then_by_data(void **state)
{
    struct xkit *k = *state;
    report_many(k, "good", 4, 0);
    const struct x_answer *a = x_ask(k, TS_GET, "/api/analytics/models", NULL);
    assert_string_equal(x_text(a, "bestByTask.0.basis"), "rules");
    assert_string_equal(x_text(a, "bestByTask.0.model"), "qwen2.5-coder:7b");
    assert_string_equal(x_text(a, "bestByTask.0.provider"), "desk");
    assert_string_equal(x_text(a, "bestByTask.0.verdict"), "insufficient");
    assert_true(x_is_null(a, "bestByTask.0.pBest"));

    report_many(k, "good", 1, 0);
    a = x_ask(k, TS_GET, "/api/analytics/models", NULL);
    assert_string_equal(x_text(a, "bestByTask.0.basis"), "data");
    assert_string_equal(x_text(a, "bestByTask.0.model"), "good");
    assert_true(x_number(a, "bestByTask.0.sampleSize") == 5);

    report_many(k, "good", 395, 100);
    report_many(k, "bad", 400, 4);
    a = x_ask(k, TS_GET, "/api/analytics/models", NULL);
    assert_string_equal(x_text(a, "bestByTask.0.model"), "good");
    assert_string_equal(x_text(a, "bestByTask.0.verdict"), "recommend");
    assert_string_equal(x_text(a, "bestByTask.0.alternatives.0.model"), "bad");
    assert_true(x_number(a, "bestByTask.0.pBest") > 0.99);
    assert_true(x_is_null(a, "bestByTask.0.callsNeeded"));
    assert_string_equal(x_text(a, "recommendations.0.kind"), "low_success");
    assert_string_equal(x_text(a, "recommendations.1.kind"), "more_reliable");
    assert_true(x_number(a, "recommendations.1.evidence.n") == 400);
    assert_true(x_number(a, "recommendations.1.evidence.comparedWith.successRate") == 75);
}

static void pages_follow_each_other_without_gaps(void **state)
{
    struct xkit *k = *state;
    report_many(k, "m", 25, 0);
    char target[128] = "/api/requests?limit=10";
    int seen = 0;
    for (int page = 0; page < 3; page++) {
        const struct x_answer *a = x_ask(k, TS_GET, target, NULL);
        seen += (int)json_array_size(x_at(a, "requests"));
        if (page < 2)
            (void)snprintf(target,
                           sizeof(target),
                           "/api/requests?limit=10&cursor=%s",
                           x_text(a, "nextCursor"));
        else
            assert_true(x_is_null(a, "nextCursor"));
    }
    assert_int_equal(seen, 25);
    x_assert_error(x_ask(k, TS_GET, "/api/requests/nothing", NULL), 404, "not_found", NULL);
}

#define X(test) cmocka_unit_test_setup_teardown(test, x_setup_store, x_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        X(a_faulty_field_is_named_and_nothing_is_kept),
        X(the_same_name_is_the_same_call),
        X(calls_of_one_moment_keep_their_own_rows),
        X(what_was_told_comes_back),
        X(ratings_find_their_call_or_say_why_not),
        X(a_running_call_is_rated_later),
        X(a_running_call_is_ended_by_its_id),
        X(without_calls_counts_are_zero_and_figures_unknown),
        X(windows_are_half_open_and_buckets_follow_the_zone),
        X(the_best_model_is_named_by_rules_then_by_data),
        X(pages_follow_each_other_without_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
