#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "malloc_fail.h"
#include "proxy/event.h"
#include "proxy/writer.h"

static const int64_t created_ms = 1795205379123;
#define CREATED "2026-11-20T20:09:39.123Z"

struct fixture {
    struct ts_writer w;
    struct ts_buf out;
    struct ts_call *call;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.call = ts_call_new();
    assert_non_null(f.call);
    f.out = TS_BUF_INIT(1024 * 1024);
    ts_writer_init(&f.w, &ts_ollama_generate, "m:1b", "id", created_ms);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ts_writer_deinit(&f->w);
    ts_buf_free(&f->out);
    ts_call_free(f->call);
    return 0;
}

static struct ts_event saying(const char *text, const char *reasoning)
{
    struct ts_event e = TS_EVENT_INIT;
    e.text = ts_slice_str(text);
    e.reasoning = ts_slice_str(reasoning);
    return e;
}

static void writes_a_line_per_event_with_content(void **state)
{
    struct fixture *f = *state;
    struct ts_event e = saying("a \"b\"\n\xff", NULL);
    ts_writer_event(&f->w, &e, &f->out);
    e = saying(NULL, "hm");
    ts_writer_event(&f->w, &e, &f->out);
    e = saying("x", "y");
    ts_writer_event(&f->w, &e, &f->out);
    e = saying("", NULL);
    e.usage_only = true;
    ts_writer_event(&f->w, &e, &f->out);
    assert_string_equal(ts_buf_text(&f->out),
                        "{\"model\":\"m:1b\",\"created_at\":\"" CREATED
                        "\",\"response\":\"a \\\"b\\\"\\n\xef\xbf\xbd\",\"done\":false}\n"
                        "{\"model\":\"m:1b\",\"created_at\":\"" CREATED
                        "\",\"response\":\"\",\"thinking\":\"hm\",\"done\":false}\n"
                        "{\"model\":\"m:1b\",\"created_at\":\"" CREATED
                        "\",\"response\":\"x\",\"thinking\":\"y\",\"done\":false}\n");
}

static void ends_with_what_the_record_knows(void **state)
{
    struct fixture *f = *state;
    struct ts_event e = saying(NULL, NULL);
    e.times.prompt_us = 70;
    ts_writer_event(&f->w, &e, &f->out);
    f->call->finish_reason = "length";
    f->call->tokens_source = TS_TOKENS_PROVIDER;
    f->call->tokens.input = 3;
    f->call->tokens.cache_read = 7;
    f->call->tokens.output = 5;
    f->call->phases.total_us = 2500000;
    f->call->phases.load_us = 1000;
    f->call->phases.decode_us = 400;
    ts_writer_end(&f->w, f->call, &f->out);
    assert_string_equal(ts_buf_text(&f->out),
                        "{\"model\":\"m:1b\",\"created_at\":\"2026-11-20T20:09:41.623Z\","
                        "\"response\":\"\",\"done\":true,\"done_reason\":\"length\","
                        "\"total_duration\":2500000000,\"load_duration\":1000000,"
                        "\"prompt_eval_count\":10,\"prompt_eval_duration\":70000,"
                        "\"eval_count\":5,\"eval_duration\":400000}\n");
}

static void leaves_out_what_is_unknown(void **state)
{
    struct fixture *f = *state;
    ts_writer_end(&f->w, f->call, &f->out);
    assert_string_equal(ts_buf_text(&f->out),
                        "{\"model\":\"m:1b\",\"created_at\":\"" CREATED
                        "\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\"}\n");
}

static void never_tells_a_lower_bound_as_a_count(void **state)
{
    struct fixture *f = *state;
    f->call->tokens_source = TS_TOKENS_COUNTED;
    f->call->tokens.output = 5;
    ts_writer_end(&f->w, f->call, &f->out);
    assert_null(strstr(ts_buf_text(&f->out), "eval_count"));
}

static void prefers_the_servers_own_time_of_generation(void **state)
{
    struct fixture *f = *state;
    struct ts_event e = saying(NULL, NULL);
    e.times.eval_us = 9;
    ts_writer_event(&f->w, &e, &f->out);
    f->call->phases.decode_us = 400;
    ts_writer_end(&f->w, f->call, &f->out);
    assert_non_null(strstr(ts_buf_text(&f->out), "\"eval_duration\":9000"));
}

static void tells_reasons_in_ollamas_words(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {{"stop", "\"stop\""},
                                          {"length", "\"length\""},
                                          {"load", "\"load\""},
                                          {"unload", "\"unload\""},
                                          {"tool_calls", "\"stop\""},
                                          {"content_filter", "\"content_filter\""},
                                          {"other", "\"stop\""}};
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        ts_buf_clear(&f->out);
        f->call->finish_reason = rows[i][0];
        ts_writer_end(&f->w, f->call, &f->out);
        const char *reason = strstr(ts_buf_text(&f->out), "\"done_reason\":");
        assert_non_null(reason);
        reason += strlen("\"done_reason\":");
        assert_memory_equal(reason, rows[i][1], strlen(rows[i][1]));
    }
}

static void folds_a_stream_of_another_dialect(void **state)
{
    struct fixture *f = *state;
    static const char *const words[] = {"Hello", " \"there\"", ""};
    for (size_t i = 0; i < TS_ARRAY_LEN(words); i++) {
        struct ts_event e = saying(words[i], i == 0 ? "hm" : NULL);
        ts_writer_collect(&f->w, &e);
    }
    ts_writer_whole(&f->w, f->call, &f->out);
    assert_string_equal(ts_buf_text(&f->out),
                        "{\"model\":\"m:1b\",\"created_at\":\"" CREATED
                        "\",\"response\":\"Hello \\\"there\\\"\",\"thinking\":\"hm\","
                        "\"done\":true,\"done_reason\":\"stop\"}");
}

static void keeps_unknown_members_of_the_last_line_when_folding(void **state)
{
    struct fixture *f = *state;
    struct ts_event e = saying("a", NULL);
    ts_writer_collect(&f->w, &e);
    e = saying("b", NULL);
    ts_writer_collect(&f->w, &e);
    struct ts_event last = {.terminator = true};
    ts_writer_keep(&f->w,
                   &last,
                   TS_SLICE_LIT("{\"model\":\"M\" , \"response\":\"b\",\"thinking\":\"no\","
                                "\"done\":true,\"context\":[1, 2],\"new\":{\"x\":1e2}}\n"));
    ts_writer_whole(&f->w, f->call, &f->out);
    assert_string_equal(ts_buf_text(&f->out),
                        "{\"response\":\"ab\",\"model\":\"M\",\"done\":true,"
                        "\"context\":[1, 2],\"new\":{\"x\":1e2}}");
}

static void writes_a_whole_answer_of_its_own_where_the_last_line_is_no_object(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {"[1]", "{\"a\"", " "};
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_event last = {.terminator = true};
        ts_buf_clear(&f->out);
        ts_writer_keep(&f->w, &last, ts_slice_str(rows[i]));
        ts_writer_whole(&f->w, f->call, &f->out);
        assert_non_null(strstr(ts_buf_text(&f->out), "\"created_at\":\"" CREATED));
    }
}

static enum ts_err fold(void *ctx)
{
    const struct ts_call *call = ctx;
    struct ts_writer w;
    struct ts_buf out = TS_BUF_INIT(4096);
    ts_writer_init(&w, &ts_ollama_generate, "m", "id", created_ms);
    struct ts_event e = saying("text", "thought");
    ts_writer_collect(&w, &e);
    struct ts_event last = {.terminator = true};
    ts_writer_keep(&w, &last, TS_SLICE_LIT("{\"done\":true}"));
    ts_writer_whole(&w, call, &out);
    enum ts_err rc = ts_writer_ok(&w) ? out.error : TS_ERR_NOMEM;
    ts_writer_deinit(&w);
    ts_buf_free(&out);
    return rc;
}

static void folding_without_memory_fails_and_says_so(void **state)
{
    struct fixture *f = *state;
    malloc_torture(fold, f->call);
}

/* -- errors -------------------------------------------------------------------------------------
 */

static void writes_errors_as_each_family_does(void **state)
{
    (void)state;
    static const struct {
        const char *family;
        enum ts_err code;
        const char *param;
        const char *body;
    } rows[] = {
        {"touchstone",
         TS_ERR_INVALID_FIELD,
         "model",
         "{\"error\":{\"code\":\"invalid_field\",\"message\":\"a \\\"b\\\"\",\"param\":\"model\","
         "\"requestId\":\"id\"}}"},
        {"touchstone",
         TS_ERR_NOT_FOUND,
         "",
         "{\"error\":{\"code\":\"not_found\",\"message\":\"a \\\"b\\\"\",\"requestId\":\"id\"}}"},
        {"openai",
         TS_ERR_MODEL_NOT_FOUND,
         "model",
         "{\"error\":{\"message\":\"a \\\"b\\\"\",\"type\":\"invalid_request_error\","
         "\"param\":\"model\",\"code\":\"model_not_found\"}}"},
        {"openai",
         TS_ERR_UPSTREAM_TIMEOUT,
         "",
         "{\"error\":{\"message\":\"a \\\"b\\\"\",\"type\":\"server_error\",\"param\":null,"
         "\"code\":\"upstream_timeout\"}}"},
        {"ollama", TS_ERR_MODEL_NOT_FOUND, "model", "{\"error\":\"a \\\"b\\\"\"}"},
        {"anthropic",
         TS_ERR_RATE_LIMITED,
         "",
         "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"a "
         "\\\"b\\\"\"},"
         "\"request_id\":\"id\"}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_error err = TS_ERROR_INIT;
        (void)ts_fail_param(&err, rows[i].code, rows[i].param, "a \"b\"");
        ts_write_error_body(rows[i].family, &err, "id", &out);
        assert_string_equal(ts_buf_text(&out), rows[i].body);
        ts_buf_free(&out);
    }
}

static void every_error_makes_valid_json_in_every_family(void **state)
{
    (void)state;
    static const char *const families[] = {"touchstone", "openai", "ollama", "anthropic"};
    for (size_t i = 0; i < TS_ARRAY_LEN(families); i++) {
        for (int code = TS_OK + 1; code < TS_ERR_COUNT_; code++) {
            struct ts_buf out = TS_BUF_INIT(4096);
            struct ts_error err = TS_ERROR_INIT;
            (void)ts_fail(&err, (enum ts_err)code, "\xff\x01");
            ts_write_error_body(families[i], &err, NULL, &out);
            json_t *tree = json_loadb(ts_buf_text(&out), out.len, JSON_REJECT_DUPLICATES, NULL);
            assert_non_null(tree);
            json_decref(tree);
            ts_buf_free(&out);
        }
    }
}

static void writes_error_events_without_a_good_end(void **state)
{
    (void)state;
    static const struct ts_dialect messages = {.family = "anthropic", .framing = TS_FRAMING_SSE};
    static const struct {
        const struct ts_dialect *dialect;
        const char *event;
    } rows[] = {
        {&ts_ollama_generate, "{\"error\":\"x\"}\n"},
        {&ts_openai_chat,
         "data: {\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"param\":null,"
         "\"code\":\"upstream_interrupted\"}}\n\n"},
        {&messages,
         "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
         "\"message\":\"x\"},\"request_id\":\"id\"}\n\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_error err = TS_ERROR_INIT;
        (void)ts_fail(&err, TS_ERR_UPSTREAM_INTERRUPTED, "x");
        ts_write_error_event(rows[i].dialect, &err, "id", &out);
        assert_string_equal(ts_buf_text(&out), rows[i].event);
        ts_buf_free(&out);
    }
}

#define WITH_WRITER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WRITER(writes_a_line_per_event_with_content),
        WITH_WRITER(ends_with_what_the_record_knows),
        WITH_WRITER(leaves_out_what_is_unknown),
        WITH_WRITER(never_tells_a_lower_bound_as_a_count),
        WITH_WRITER(prefers_the_servers_own_time_of_generation),
        WITH_WRITER(tells_reasons_in_ollamas_words),
        WITH_WRITER(folds_a_stream_of_another_dialect),
        WITH_WRITER(keeps_unknown_members_of_the_last_line_when_folding),
        WITH_WRITER(writes_a_whole_answer_of_its_own_where_the_last_line_is_no_object),
        WITH_WRITER(folding_without_memory_fails_and_says_so),
        cmocka_unit_test(writes_errors_as_each_family_does),
        cmocka_unit_test(every_error_makes_valid_json_in_every_family),
        cmocka_unit_test(writes_error_events_without_a_good_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
