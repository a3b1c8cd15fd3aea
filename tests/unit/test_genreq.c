#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "malloc_fail.h"
#include "proxy/genreq.h"

static const struct ts_dialect *const generate = &ts_ollama_generate;
static const struct ts_dialect *const chat = &ts_openai_chat;
static const struct ts_dialect *const completions = &ts_openai_completions;

static struct ts_genreq scanned(const struct ts_dialect *d, const char *body)
{
    struct ts_genreq q;
    struct ts_error err = TS_ERROR_INIT;
    if (ts_genreq_scan(d, ts_slice_str(body), &q, &err) != TS_OK)
        fail_msg("%s: %s", body, err.text);
    return q;
}

/* -- scanning -------------------------------------------------------------------------------------
 */

static void finds_what_it_needs(void **state)
{
    (void)state;
    struct ts_genreq q = scanned(
        generate, " {\"prompt\":\"hi\",\"x\":{\"model\":1},\"mod\\u0065l\":\"a\\u00e4:1b\"}");
    assert_string_equal(q.model, "a\xc3\xa4:1b");
    assert_true(q.stream);
    assert_true(q.has_prompt);
    assert_int_equal(q.labels.timeout_ms, TS_UNKNOWN);
    assert_null(q.labels.task_type);
    ts_genreq_deinit(&q);
}

static void knows_when_a_stream_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const struct ts_dialect *const *dialect;
        const char *body;
        bool stream, has_prompt, include_usage;
    } rows[] = {
        {&generate, "{\"model\":\"m\",\"prompt\":\"x\"}", true, true, false},
        {&generate, "{\"model\":\"m\",\"prompt\":\"x\",\"stream\":null}", true, true, false},
        {&generate, "{\"model\":\"m\",\"prompt\":\"x\",\"stream\":false}", false, true, false},
        {&generate, "{\"model\":\"m\",\"prompt\":\"\",\"keep_alive\":0}", true, false, false},
        {&generate, "{\"model\":\"m\"}", true, false, false},
        {&chat, "{\"model\":\"m\",\"messages\":[]}", false, true, false},
        {&chat, "{\"model\":\"m\",\"messages\":[],\"stream\":true}", true, true, false},
        {&chat,
         "{\"model\":\"m\",\"messages\":[],\"stream_options\":{\"include_usage\":true}}",
         false,
         true,
         true},
        {&completions, "{\"model\":\"m\",\"prompt\":[1,2]}", false, true, false},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_genreq q = scanned(*rows[i].dialect, rows[i].body);
        assert_int_equal(q.stream, rows[i].stream);
        assert_int_equal(q.has_prompt, rows[i].has_prompt);
        assert_int_equal(q.include_usage, rows[i].include_usage);
        ts_genreq_deinit(&q);
    }
}

/* A refused body: code, the field named, and a part of the text. */
struct refusal {
    const char *body;
    enum ts_err code;
    const char *param;
    const char *text;
};

static void expect_refusal(const struct ts_dialect *d, const struct refusal *r)
{
    struct ts_genreq q;
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err rc = ts_genreq_scan(d, ts_slice_str(r->body), &q, &err);
    if (rc != r->code || strcmp(err.param, r->param) != 0 || strstr(err.text, r->text) == NULL)
        fail_msg("%s: %s, %s: %s", r->body, ts_err_name(rc), err.param, err.text);
}

static void refuses_generate_bodies_naming_the_field(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"", TS_ERR_INVALID_JSON, "", "at byte 0"},
        {"{\"model\":", TS_ERR_INVALID_JSON, "", "at byte 9"},
        {"[1]", TS_ERR_INVALID_JSON, "", "must be an object, not an array at byte 0"},
        {"{}", TS_ERR_INVALID_FIELD, "model", "model is missing"},
        {"{\"model\":null}", TS_ERR_INVALID_FIELD, "model", "model is missing"},
        {"{\"model\":5}", TS_ERR_INVALID_FIELD, "model", "must be a string, not a number"},
        {"{\"model\":\"\"}", TS_ERR_INVALID_FIELD, "model", "1 to 256 bytes"},
        {"{\"model\":\"a\\u0000\"}", TS_ERR_INVALID_FIELD, "model", "control characters"},
        {"{\"model\":\"a\\r\\nX: y\"}", TS_ERR_INVALID_FIELD, "model", "control characters"},
        {"{\"model\":\"a\",\"model\":\"b\"}", TS_ERR_INVALID_JSON, "model", "at byte 21"},
        {"{\"model\":\"a\",\"stream\":\"yes\"}", TS_ERR_INVALID_FIELD, "stream", "not a string"},
        {"{\"model\":\"a\",\"prompt\":[]}", TS_ERR_INVALID_FIELD, "prompt", "not an array"},
        {"{\"model\":\"a\",\"options\":[]}", TS_ERR_INVALID_FIELD, "options", "an object"},
        {"{\"model\":\"a\",\"images\":\"x\"}", TS_ERR_INVALID_FIELD, "images", "an array"},
        {"{\"model\":\"a\",\"images\":[\"x\",1]}", TS_ERR_INVALID_FIELD, "images", "not a number"},
        {"{\"model\":\"a\",\"raw\":1}", TS_ERR_INVALID_FIELD, "raw", "true or false"},
        {"{\"model\":\"a\",\"format\":1}", TS_ERR_INVALID_FIELD, "format", "schema"},
        {"{\"model\":\"a\",\"api_base\":\"http://x\"}",
         TS_ERR_FIELD_NOT_ALLOWED,
         "api_base",
         "not allowed"},
        {"{\"model\":\"a\",\"base_url\":1}", TS_ERR_FIELD_NOT_ALLOWED, "base_url", ""},
        {"{\"model\":\"a\",\"api_key\":null}", TS_ERR_FIELD_NOT_ALLOWED, "api_key", ""},
        {"{\"model\":\"a\",\"\\u0075rl\":1}", TS_ERR_FIELD_NOT_ALLOWED, "url", ""},
        {"{\"model\":\"a\",\"touchstone\":1}", TS_ERR_INVALID_FIELD, "touchstone", "an object"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_refusal(generate, &rows[i]);
}

static void allows_forbidden_names_below_the_top_level(void **state)
{
    (void)state;
    struct ts_genreq q = scanned(generate, "{\"model\":\"a\",\"options\":{\"url\":1}}");
    ts_genreq_deinit(&q);
}

static void refuses_model_names_beyond_256_bytes(void **state)
{
    (void)state;
    char body[400];
    char name[TS_MAX_MODEL + 2] = {0};
    memset(name, 'm', TS_MAX_MODEL);
    (void)snprintf(body, sizeof(body), "{\"model\":\"%s\"}", name);
    struct ts_genreq q = scanned(generate, body);
    ts_genreq_deinit(&q);
    name[TS_MAX_MODEL] = 'm';
    (void)snprintf(body, sizeof(body), "{\"model\":\"%s\"}", name);
    struct refusal r = {body, TS_ERR_INVALID_FIELD, "model", "1 to 256 bytes"};
    expect_refusal(generate, &r);
}

static void refuses_openai_bodies_that_servers_answer_with_500(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"{\"model\":\"a\"}", TS_ERR_INVALID_FIELD, "messages", "missing"},
        {"{\"model\":\"a\",\"messages\":\"hi\"}", TS_ERR_INVALID_FIELD, "messages", "an array"},
        {"{\"model\":\"a\",\"messages\":[],\"stream_options\":1}",
         TS_ERR_INVALID_FIELD,
         "stream_options",
         "an object"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_refusal(chat, &rows[i]);
    struct refusal r = {"{\"model\":\"a\"}", TS_ERR_INVALID_FIELD, "prompt", "missing"};
    expect_refusal(completions, &r);
}

/* -- labels
 * ----------------------------------------------------------------------------------------- */

static void reads_every_label_from_the_body(void **state)
{
    (void)state;
    struct ts_genreq q = scanned(
        generate,
        "{\"model\":\"m\",\"touchstone\":{\"taskType\":\"my.task:1\",\"complexity\":\"complex\","
        "\"priority\":\"cost\",\"conversationId\":\"c \\u00e4\",\"userId\":\"u\","
        "\"userSegment\":\"s\",\"messageId\":\"i\",\"fallback\":[\"a:1b\",\"ollama/b\"],"
        "\"timeoutMs\":5000,\"tags\":{\"project\":\"x \\\"y\\\"\",\"k\":\"v\"},"
        "\"website\":\"https://example.org/\"}}");
    assert_string_equal(q.labels.task_type, "my.task:1");
    assert_int_equal(q.labels.complexity, TS_COMPLEXITY_COMPLEX);
    assert_string_equal(q.labels.priority, "cost");
    assert_string_equal(q.labels.conversation_id, "c \xc3\xa4");
    assert_string_equal(q.labels.user_id, "u");
    assert_string_equal(q.labels.user_segment, "s");
    assert_string_equal(q.labels.message_id, "i");
    assert_int_equal(q.labels.fallback_count, 2);
    assert_string_equal(q.labels.fallback[0], "a:1b");
    assert_string_equal(q.labels.fallback[1], "ollama/b");
    assert_int_equal(q.labels.timeout_ms, 5000);
    assert_string_equal(q.labels.tags_json, "{\"project\":\"x \\\"y\\\"\",\"k\":\"v\"}");
    assert_string_equal(q.labels.website, "https://example.org/");
    ts_genreq_deinit(&q);
}

static void refuses_bad_labels_naming_them(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        const char *param;
        const char *text;
    } rows[] = {
        {"\"taskType\":5", "touchstone.taskType", "not a number"},
        {"\"taskType\":\"a b\"", "touchstone.taskType", "letters"},
        {"\"taskType\":\"\"", "touchstone.taskType", "1 to 64"},
        {"\"complexity\":\"hard\"", "touchstone.complexity", "simple, medium or complex"},
        {"\"priority\":\"fast\"", "touchstone.priority", "balanced"},
        {"\"userId\":\"\"", "touchstone.userId", "1 to 256"},
        {"\"userId\":\"a\\nb\"", "touchstone.userId", "control"},
        {"\"fallback\":\"a\"", "touchstone.fallback", "an array"},
        {"\"fallback\":[1]", "touchstone.fallback", "a string"},
        {"\"fallback\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]",
         "touchstone.fallback",
         "too many"},
        {"\"timeoutMs\":0", "touchstone.timeoutMs", "milliseconds"},
        {"\"timeoutMs\":1.5", "touchstone.timeoutMs", "milliseconds"},
        {"\"timeoutMs\":\"5\"", "touchstone.timeoutMs", "milliseconds"},
        {"\"timeoutMs\":86400001", "touchstone.timeoutMs", "milliseconds"},
        {"\"tags\":[]", "touchstone.tags", "an object of strings"},
        {"\"tags\":{\"a\":1}", "touchstone.tags", "a string"},
        {"\"tags\":{\"a b\":\"1\"}", "touchstone.tags", "names"},
        {"\"tags\":{\"a\":\"1\",\"\\u0061\":\"2\"}", "touchstone.tags", "twice"},
        {"\"tasktype\":\"x\"", "touchstone.tasktype", "no field"},
        {"\"\":1", "touchstone.", "no field"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        char body[400];
        (void)snprintf(body, sizeof(body), "{\"model\":\"m\",\"touchstone\":{%s}}", rows[i].member);
        struct refusal r = {body, TS_ERR_INVALID_FIELD, rows[i].param, rows[i].text};
        expect_refusal(generate, &r);
    }
    struct refusal twice = {"{\"model\":\"m\",\"touchstone\":{\"userId\":\"a\",\"userId\":\"b\"}}",
                            TS_ERR_INVALID_JSON,
                            "touchstone.userId",
                            "twice at byte"};
    expect_refusal(generate, &twice);
}

static void takes_null_labels_as_absent(void **state)
{
    (void)state;
    struct ts_genreq q =
        scanned(generate, "{\"model\":\"m\",\"touchstone\":{\"taskType\":null,\"tags\":null}}");
    assert_null(q.labels.task_type);
    assert_null(q.labels.tags_json);
    ts_genreq_deinit(&q);
}

static void headers_win_over_the_body(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"Task-Type", "coding"},
        {"complexity", " simple "},
        {"PRIORITY", "speed"},
        {"Conversation-Id", "c2"},
        {"User-Id", "u2"},
        {"User-Segment", "s2"},
        {"Message-Id", "i2"},
        {"Fallback", "x, y:1b ,,z"},
        {"Timeout-Ms", "250"},
        {"Tags", "a=1, b = two words ,c=x=y"},
        {"No-Such-Field", "whatever"},
        {"Website", "is told in the body only"},
    };
    struct ts_genreq q = scanned(generate,
                                 "{\"model\":\"m\",\"touchstone\":{\"taskType\":\"x\","
                                 "\"fallback\":[\"f\"],\"tags\":{\"z\":\"9\"},\"timeoutMs\":9}}");
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        assert_int_equal(ts_genreq_label(&q, rows[i][0], rows[i][1], NULL), TS_OK);
    assert_string_equal(q.labels.task_type, "coding");
    assert_int_equal(q.labels.complexity, TS_COMPLEXITY_SIMPLE);
    assert_string_equal(q.labels.priority, "speed");
    assert_string_equal(q.labels.conversation_id, "c2");
    assert_string_equal(q.labels.user_id, "u2");
    assert_string_equal(q.labels.user_segment, "s2");
    assert_string_equal(q.labels.message_id, "i2");
    assert_int_equal(q.labels.fallback_count, 3);
    assert_string_equal(q.labels.fallback[1], "y:1b");
    assert_string_equal(q.labels.fallback[2], "z");
    assert_int_equal(q.labels.timeout_ms, 250);
    assert_null(q.labels.website);
    assert_string_equal(q.labels.tags_json, "{\"a\":\"1\",\"b\":\"two words\",\"c\":\"x=y\"}");
    assert_int_equal(ts_genreq_label(&q, "Tags", "{\"k\":\"v\"}", NULL), TS_OK);
    assert_string_equal(q.labels.tags_json, "{\"k\":\"v\"}");
    ts_genreq_deinit(&q);
}

static void refuses_bad_headers_naming_them(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"Task-Type", "a b", "X-Touchstone-Task-Type"},
        {"task-type", "", "X-Touchstone-Task-Type"},
        {"Complexity", "hard", "X-Touchstone-Complexity"},
        {"Timeout-Ms", "", "X-Touchstone-Timeout-Ms"},
        {"Timeout-Ms", "-", "X-Touchstone-Timeout-Ms"},
        {"Timeout-Ms", "5s", "X-Touchstone-Timeout-Ms"},
        {"Timeout-Ms", "99999999999999999999", "X-Touchstone-Timeout-Ms"},
        {"Tags", "a", "X-Touchstone-Tags"},
        {"Tags", "a=", "X-Touchstone-Tags"},
        {"Tags", "=a", "X-Touchstone-Tags"},
        {"Tags", "a=1,a=2", "X-Touchstone-Tags"},
        {"Tags", "{\"a\":", "X-Touchstone-Tags"},
        {"User-Id", "\xff", "X-Touchstone-User-Id"},
        {"Fallback", "a,b,c,d,e,f,g,h,i", "X-Touchstone-Fallback"},
    };
    struct ts_genreq q = scanned(generate, "{\"model\":\"m\"}");
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_error err = TS_ERROR_INIT;
        if (ts_genreq_label(&q, rows[i][0], rows[i][1], &err) != TS_ERR_INVALID_FIELD)
            fail_msg("%s: %s is accepted", rows[i][0], rows[i][1]);
        assert_string_equal(err.param, rows[i][2]);
    }
    ts_genreq_deinit(&q);
}

/* -- building
 * ---------------------------------------------------------------------------------------- */

static enum ts_err build(const struct ts_genreq *q,
                         const struct ts_dialect *to,
                         struct ts_buf *out,
                         struct ts_error *err)
{
    const struct ts_build b = {.dialect = to, .model = "N", .extensions = true};
    return ts_genreq_build(q, &b, out, err);
}

static void expect_build(const struct ts_dialect *from,
                         const struct ts_dialect *to,
                         const char *body,
                         const char *want)
{
    struct ts_genreq q = scanned(from, body);
    struct ts_buf out = TS_BUF_INIT(64 * 1024);
    struct ts_error err = TS_ERROR_INIT;
    if (build(&q, to, &out, &err) != TS_OK)
        fail_msg("%s: %s", body, err.text);
    if (strcmp(ts_buf_text(&out), want) != 0)
        fail_msg("%s\ngives    %s\nexpected %s", body, ts_buf_text(&out), want);
    struct ts_jvalue root;
    assert_int_equal(ts_jscan(ts_buf_text(&out), out.len, &root, NULL), TS_OK);
    ts_buf_free(&out);
    ts_genreq_deinit(&q);
}

static void changes_only_our_members_for_ollama(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"model\":\"m\",\"prompt\":\"x\"}", "{\"model\":\"N\",\"prompt\":\"x\"}"},
        {"{\"model\":\"N\"}", "{\"model\":\"N\"}"},
        {"{\"mod\\u0065l\":\"\\u004e\"}", "{\"mod\\u0065l\":\"\\u004e\"}"},
        {" { \"stream\" : false , \"model\" : \"m\" }\n",
         " { \"stream\" : true , \"model\" : \"N\" }\n"},
        {"{\"model\":\"m\",\"stream\":null}", "{\"model\":\"N\",\"stream\":true}"},
        {"{\"model\":\"m\",\"stream\":true,\"stream_options\":{}}",
         "{\"model\":\"N\",\"stream\":true,\"stream_options\":{}}"},
        {"{\"touchstone\":{\"userId\":\"u\"},\"model\":\"m\"}", "{\"model\":\"N\"}"},
        {"{\"model\":\"m\",\"touchstone\":{}}", "{\"model\":\"N\"}"},
        {"{\"model\":\"m\" , \"touchstone\" : {} , \"x\":[1.0, 2e5]}",
         "{\"model\":\"N\" ,  \"x\":[1.0, 2e5]}"},
        {"{\"model\":\"m\" , \"touchstone\" : null }", "{\"model\":\"N\" }"},
        {"{\"x\":{\"model\":\"m\",\"stream\":false,\"touchstone\":1},\"model\":\"m\"}",
         "{\"x\":{\"model\":\"m\",\"stream\":false,\"touchstone\":1},\"model\":\"N\"}"},
        {"{\"model\":\"m\",\"a\":1,\"a\":2}", "{\"model\":\"N\",\"a\":1,\"a\":2}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows) - 1; i++)
        expect_build(generate, generate, rows[i][0], rows[i][1]);
    /* Duplicates that we do not read are the server's affair: kept, though our check refuses them.
     */
    struct ts_genreq q = scanned(generate, rows[TS_ARRAY_LEN(rows) - 1][0]);
    struct ts_buf out = TS_BUF_INIT(4096);
    assert_int_equal(build(&q, generate, &out, NULL), TS_OK);
    assert_string_equal(ts_buf_text(&out), rows[TS_ARRAY_LEN(rows) - 1][1]);
    ts_buf_free(&out);
    ts_genreq_deinit(&q);
}

static void asks_openai_servers_for_a_stream_with_usage_unless_told_not_to(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"model\":\"m\",\"messages\":[]}",
         "{\"model\":\"N\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true}}"},
        {"{\"model\":\"m\",\"messages\":[],\"stream\":false,\"stream_options\":null}",
         "{\"model\":\"N\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true}}"},
        {"{\"model\":\"m\",\"stream_options\":{ },\"messages\":[],\"stream\":true}",
         "{\"model\":\"N\",\"stream_options\":{\"include_usage\":true },\"messages\":[],"
         "\"stream\":true}"},
        {"{\"model\":\"m\",\"stream_options\":{\"a\":1},\"messages\":[],\"stream\":true}",
         "{\"model\":\"N\",\"stream_options\":{\"include_usage\":true,\"a\":1},\"messages\":[],"
         "\"stream\":true}"},
        {"{\"model\":\"m\",\"stream_options\":{\"a\":1,\"include_usage\":false},\"messages\":[],"
         "\"stream\":true}",
         "{\"model\":\"N\",\"stream_options\":{\"a\":1,\"include_usage\":false},\"messages\":[],"
         "\"stream\":true}"},
        {"{\"model\":\"m\",\"stream_options\":{\"include_usage\":false},\"messages\":[]}",
         "{\"model\":\"N\",\"stream_options\":{\"include_usage\":true},\"messages\":[],"
         "\"stream\":true}"},
        {"{\"model\":\"m\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true},\"touchstone\":{}}",
         "{\"model\":\"N\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true}}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_build(chat, chat, rows[i][0], rows[i][1]);
}

#define CHAT_HEAD "{\"model\":\"N\",\"stream\":true,\"stream_options\":{\"include_usage\":true}"

static void says_a_generate_request_as_chat(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"model\":\"m\",\"prompt\":\"a \\\"b\\\" \\u00e4\"}",
         CHAT_HEAD ",\"messages\":[{\"role\":\"user\",\"content\":\"a \\\"b\\\" \\u00e4\"}]}"},
        {"{\"model\":\"m\",\"prompt\":\"p\",\"system\":\"s\",\"keep_alive\":\"5m\",\"context\":[1]"
         "}",
         CHAT_HEAD ",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
                   "{\"role\":\"user\",\"content\":\"p\"}]}"},
        {"{\"model\":\"m\",\"prompt\":\"p\",\"system\":\"\",\"images\":[],\"template\":\"\"}",
         CHAT_HEAD ",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}]}"},
        {"{\"model\":\"m\",\"prompt\":\"p\",\"images\":[\"iVBORw0KGgoAAA\",\"\\/9j\\/4AAQ\","
         "\"R0lGODlh\",\"UklGRg\",\"zz\"]}",
         CHAT_HEAD
         ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"p\"},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,"
         "iVBORw0KGgoAAA\"}},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,"
         "\\/9j\\/4AAQ\"}},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/gif;base64,R0lGODlh\"}},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/webp;base64,UklGRg\"}},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,zz\"}}]}]}"},
        {"{\"model\":\"m\",\"prompt\":\"p\",\"options\":{\"num_ctx\":8192,\"temperature\":0.50,"
         "\"top_p\":1,\"seed\":7,\"stop\":[\"a\"],\"num_predict\":64,\"presence_penalty\":0,"
         "\"frequency_penalty\":null,\"top_k\":40,\"min_p\":0.1,\"repeat_penalty\":1.1}}",
         CHAT_HEAD ",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}],\"max_tokens\":64,"
                   "\"temperature\":0.50,\"top_p\":1,\"seed\":7,\"stop\":[\"a\"],"
                   "\"presence_penalty\":0,\"top_k\":40,\"min_p\":0.1,\"repeat_penalty\":1.1}"},
        {"{\"model\":\"m\",\"prompt\":\"p\",\"options\":{\"num_predict\":-1}}",
         CHAT_HEAD ",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}]}"},
        {"{\"model\":\"m\",\"prompt\":\"p\",\"format\":\"json\",\"think\":true}",
         CHAT_HEAD ",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}],"
                   "\"response_format\":{\"type\":\"json_object\"},"
                   "\"chat_template_kwargs\":{\"enable_thinking\":true}}"},
        {"{\"model\":\"m\",\"prompt\":\"p\",\"format\":{\"type\":\"object\"},\"think\":\"low\"}",
         CHAT_HEAD ",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}],"
                   "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                   "{\"name\":\"answer\",\"schema\":{\"type\":\"object\"}}},"
                   "\"reasoning_effort\":\"low\"}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_build(generate, chat, rows[i][0], rows[i][1]);
}

static void says_a_raw_request_as_completion(void **state)
{
    (void)state;
    expect_build(generate,
                 completions,
                 "{\"model\":\"m\",\"prompt\":\"a\",\"suffix\":\"b\",\"raw\":true,\"system\":\"s\","
                 "\"template\":\"t\",\"options\":{\"num_predict\":5}}",
                 CHAT_HEAD ",\"prompt\":\"a\",\"suffix\":\"b\",\"max_tokens\":5}");
}

static void refuses_what_another_dialect_cannot_say(void **state)
{
    (void)state;
    static const struct {
        const struct ts_dialect *const *to;
        const char *body;
        const char *param;
    } rows[] = {
        {&chat, "{\"model\":\"m\",\"prompt\":\"\"}", "prompt"},
        {&chat, "{\"model\":\"m\",\"prompt\":\"p\",\"template\":\"t\"}", "template"},
        {&chat, "{\"model\":\"m\",\"prompt\":\"p\",\"format\":\"xml\"}", "format"},
        {&chat, "{\"model\":\"m\",\"prompt\":\"p\",\"options\":{\"seed\":\"x\"}}", "options.seed"},
        {&chat, "{\"model\":\"m\",\"prompt\":\"p\",\"options\":{\"stop\":5}}", "options.stop"},
        {&completions, "{\"model\":\"m\",\"prompt\":\"p\",\"images\":[\"a\"]}", "images"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_genreq q = scanned(generate, rows[i].body);
        struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(build(&q, *rows[i].to, &out, &err), TS_ERR_INVALID_FIELD);
        assert_string_equal(err.param, rows[i].param);
        ts_buf_free(&out);
        ts_genreq_deinit(&q);
    }
}

static void says_when_a_body_does_not_fit(void **state)
{
    (void)state;
    struct ts_genreq q = scanned(generate, "{\"model\":\"m\",\"prompt\":\"some longer text\"}");
    struct ts_buf out = TS_BUF_INIT(16);
    assert_int_equal(build(&q, generate, &out, NULL), TS_ERR_BODY_TOO_LARGE);
    ts_buf_free(&out);
    ts_genreq_deinit(&q);
}

/* -- the prompt's view
 * -------------------------------------------------------------------------------- */

static void shows_a_classifier_what_was_asked(void **state)
{
    (void)state;
    struct ts_genreq q = scanned(generate,
                                 "{\"model\":\"m\",\"prompt\":\"p\",\"system\":\"s\","
                                 "\"images\":[\"x\"],\"format\":\"json\"}");
    struct ts_prompt_view v = ts_genreq_prompt(&q);
    assert_true(ts_slice_is(v.prompt.raw, "\"p\""));
    assert_true(v.has_images && v.wants_json && !v.has_tools);
    ts_genreq_deinit(&q);

    q = scanned(chat,
                "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
                "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},"
                "{\"type\":\"image_url\"},{\"text\":\"c\"}]},"
                "{\"role\":\"assistant\",\"content\":\"x\"}],\"tools\":[{}],"
                "\"response_format\":{\"type\":\"json_schema\"}}");
    v = ts_genreq_prompt(&q);
    struct ts_buf text = TS_BUF_INIT(100);
    ts_genreq_prompt_text(v.prompt, 50, &text);
    assert_string_equal(ts_buf_text(&text), "b\nc");
    assert_true(v.has_images && v.wants_json && v.has_tools);
    ts_buf_free(&text);
    ts_genreq_deinit(&q);

    q = scanned(
        chat,
        "{\"model\":\"m\",\"messages\":[{\"content\":{\"type\":\"image_url\"}}],\"tools\":[],"
        "\"response_format\":{\"type\":\"text\"}}");
    v = ts_genreq_prompt(&q);
    assert_true(!v.has_images && !v.wants_json && !v.has_tools);
    ts_genreq_deinit(&q);
}

/* -- without memory
 * ------------------------------------------------------------------------------------ */

static enum ts_err scan_and_build(void *ctx)
{
    (void)ctx;
    static const char body[] =
        "{\"model\":\"m\",\"prompt\":\"p\",\"touchstone\":{\"taskType\":\"t\",\"tags\":"
        "{\"a\":\"b\"},\"fallback\":[\"x\"]}}";
    struct ts_genreq q;
    enum ts_err rc = ts_genreq_scan(generate, TS_SLICE_LIT(body), &q, NULL);
    if (rc != TS_OK)
        return rc;
    struct ts_buf out = TS_BUF_INIT(4096);
    rc = ts_genreq_label(&q, "Tags", "c=d", NULL);
    if (rc == TS_OK)
        rc = build(&q, generate, &out, NULL);
    if (rc == TS_OK)
        rc = build(&q, chat, &out, NULL);
    ts_buf_free(&out);
    ts_genreq_deinit(&q);
    return rc;
}

static void fails_cleanly_without_memory(void **state)
{
    (void)state;
    malloc_torture(scan_and_build, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_it_needs),
        cmocka_unit_test(knows_when_a_stream_is_asked_for),
        cmocka_unit_test(refuses_generate_bodies_naming_the_field),
        cmocka_unit_test(allows_forbidden_names_below_the_top_level),
        cmocka_unit_test(refuses_model_names_beyond_256_bytes),
        cmocka_unit_test(refuses_openai_bodies_that_servers_answer_with_500),
        cmocka_unit_test(reads_every_label_from_the_body),
        cmocka_unit_test(refuses_bad_labels_naming_them),
        cmocka_unit_test(takes_null_labels_as_absent),
        cmocka_unit_test(headers_win_over_the_body),
        cmocka_unit_test(refuses_bad_headers_naming_them),
        cmocka_unit_test(changes_only_our_members_for_ollama),
        cmocka_unit_test(asks_openai_servers_for_a_stream_with_usage_unless_told_not_to),
        cmocka_unit_test(says_a_generate_request_as_chat),
        cmocka_unit_test(says_a_raw_request_as_completion),
        cmocka_unit_test(refuses_what_another_dialect_cannot_say),
        cmocka_unit_test(says_when_a_body_does_not_fit),
        cmocka_unit_test(shows_a_classifier_what_was_asked),
        cmocka_unit_test(fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
