/* Anthropic's dialect to the others and back, as it is known to have to look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "malloc_fail.h"
#include "proxy/genreq.h"
#include "proxy/reader.h"
#include "translatekit.h"

static const struct ts_dialect *const anthropic = &ts_anthropic_messages;
static const struct ts_dialect *const openai = &ts_openai_chat;
static const struct ts_dialect *const ollama = &ts_ollama_chat;

#define BODY(members) "{\"model\":\"m\",\"max_tokens\":9," members "}"
#define USER(content) "{\"role\":\"user\",\"content\":" content "}"
#define ASKED "\"messages\":[" USER("\"p\"") "]"
#define HEAD "{\"model\":\"N\",\"stream\":true"
#define OPENAI HEAD ",\"stream_options\":{\"include_usage\":true}"
#define TEXT(t) "{\"type\":\"text\",\"text\":\"" t "\"}"

/* -- requests ---------------------------------------------------------------------------------- */

static void says_a_conversation_with_tools_to_openai_servers(void **state)
{
    (void)state;
    expect(
        (struct way){anthropic, openai, true},
        BODY("\"system\":[" TEXT("s") "],\"messages\":[" USER("[" TEXT(
            "look") ",{\"type\":\"image\",\"source\":{\"type\":\"base64\","
                    "\"media_type\":\"image/png\",\"data\":\"AB\"}}]") ","
                                                                       "{\"role\":\"assistant\","
                                                                       "\"content\":[{\"type\":"
                                                                       "\"thinking\",\"thinking\":"
                                                                       "\"hm\","
                                                                       "\"signature\":\"x\"}," TEXT(
                                                                           "ok") ",{\"type\":"
                                                                                 "\"tool_use\","
                                                                                 "\"id\":\"t1\","
                                                                                 "\"name\":"
                                                                                 "\"f\",\"input\":{"
                                                                                 "\"a\": "
                                                                                 "1}}]}," USER(
                                                                                     "[{\"type\":"
                                                                                     "\"tool_"
                                                                                     "result\","
                                                                                     "\"tool_use_"
                                                                                     "id\":\"t1\","
                                                                                     "\"content\":"
                                                                                     "[" TEXT("r") "]}," TEXT(
                                                                                         "go on") "]") "],\"tools\":[{\"name\":\"f\",\"description\":\"d\","
                                                                                                       "\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":{\"type\":\"any\","
                                                                                                       "\"disable_parallel_tool_use\":true},\"stop_sequences\":[\"x\"],\"temperature\":0.5,"
                                                                                                       "\"top_k\":4,\"metadata\":{\"user_id\":\"u\"}"),
        OPENAI ",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
               "{\"role\":\"user\",\"content\":[" TEXT(
                   "look") ",{\"type\":\"image_url\",\"image_url\":"
                           "{\"url\":\"data:image/png;base64,AB\"}}]},"
                           "{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":"
                           "\"ok\",\"tool_calls\":["
                           "{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                           "\"arguments\":"
                           "\"{\\\"a\\\": 1}\"}}]},"
                           "{\"role\":\"tool\",\"tool_call_id\":\"t1\",\"content\":\"r\"},"
                           "{\"role\":\"user\",\"content\":\"go on\"}],"
                           "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                           "\"description\":\"d\","
                           "\"parameters\":{\"type\":\"object\"}}}],\"tool_choice\":\"required\","
                           "\"parallel_tool_calls\":false,\"max_tokens\":9,\"temperature\":0.5,"
                           "\"stop\":[\"x\"],"
                           "\"top_k\":4,\"user\":\"u\"}");
}

static void says_thinking_and_formats_in_the_words_of_others(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}",
         ",\"chat_template_kwargs\":{\"enable_thinking\":true}",
         ",\"think\":true"},
        {"\"thinking\":{\"type\":\"disabled\"}",
         ",\"chat_template_kwargs\":{\"enable_thinking\":false}",
         ",\"think\":false"},
        {"\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}",
         ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\","
         "\"schema\":{}}}",
         ",\"format\":{}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        char body[512];
        (void)snprintf(body, sizeof(body), BODY(ASKED ",%s"), rows[i][0]);
        const struct ts_dialect *const to[] = {openai, ollama};
        for (size_t k = 0; k < 2; k++) {
            struct ts_buf out = TS_BUF_INIT(4096);
            struct ts_error err = TS_ERROR_INIT;
            assert_int_equal(translate((struct way){anthropic, to[k], true}, body, &out, &err),
                             TS_OK);
            if (strstr(ts_buf_text(&out), rows[i][k + 1]) == NULL)
                fail_msg("%s\ngives %s", body, ts_buf_text(&out));
            ts_buf_free(&out);
        }
    }
}

static void says_an_openai_conversation_to_anthropic(void **state)
{
    (void)state;
    expect(
        (struct way){openai, anthropic, false},
        "{\"model\":\"m\",\"messages\":["
        "{\"role\":\"system\",\"content\":\"s\"}," USER(
            "\"w?\"") ","
                      "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":["
                      "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                      "\"arguments\":"
                      "\"{\\\"a\\\":1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{"
                      "\"name\":\"g\","
                      "\"arguments\":\"\"}}]},"
                      "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r1\"},"
                      "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"r2\"}," USER(
                          "\"and?\"") "],"
                                      "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
                                      "\"f\"}}],\"tool_choice\":"
                                      "{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
                                      "\"temperature\":1.5,\"stop\":\"x\"}",
        HEAD ",\"system\":[" TEXT(
            "s") "],\"messages\":["
                 "{\"role\":\"user\",\"content\":[" TEXT(
                     "w?") "]},"
                           "{\"role\":\"assistant\",\"content\":["
                           "{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{\"a\":1}"
                           "},"
                           "{\"type\":\"tool_use\",\"id\":\"c2\",\"name\":\"g\",\"input\":{}}]},"
                           "{\"role\":\"user\",\"content\":["
                           "{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":[" TEXT(
                               "r1") "]},"
                                     "{\"type\":\"tool_result\",\"tool_use_id\":\"c2\",\"content\":"
                                     "[" TEXT("r2") "]}," TEXT(
                                         "and?") "]}],"
                                                 "\"tools\":[{\"name\":\"f\",\"input_schema\":{"
                                                 "\"type\":\"object\"}}],"
                                                 "\"tool_choice\":{\"type\":\"tool\",\"name\":"
                                                 "\"f\"},\"max_tokens\":8192,"
                                                 "\"stop_sequences\":[\"x\"],\"temperature\":1}");
}

/* The limit there is of thought and answer together, and a model that thinks takes no temperature.
 */
static void gives_thinking_room_beside_the_answer(void **state)
{
    (void)state;
    expect(
        (struct way){openai, anthropic, false},
        "{\"model\":\"m\",\"messages\":[" USER("\"p\"") "],\"reasoning_effort\":\"low\","
                                                        "\"max_tokens\":100,\"temperature\":0.2}",
        HEAD ",\"messages\":[{\"role\":\"user\",\"content\":[" TEXT(
            "p") "]}],\"max_tokens\":2148,"
                 "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}}");
}

static void keeps_a_body_of_its_own_dialect(void **state)
{
    (void)state;
    expect((struct way){anthropic, anthropic, false},
           "{\"model\":\"m\", \"x\":[1, 2],\"touchstone\":{},\"stream\":false,\"messages\":[]}",
           "{\"model\":\"N\", \"x\":[1, 2],\"stream\":true,\"messages\":[]}");
}

static void refuses_what_cannot_be_said_naming_it(void **state)
{
    (void)state;
    static const struct {
        struct way way;
        const char *body;
        const char *param;
    } rows[] = {
        {{&ts_anthropic_messages, &ts_openai_chat, true},
         BODY("\"messages\":[" USER("[{\"type\":\"document\",\"source\":{}}]") "]"),
         "messages[0].content"},
        {{&ts_anthropic_messages, &ts_openai_chat, true},
         BODY("\"messages\":[{\"role\":\"robot\",\"content\":\"p\"}]"),
         "messages[0].role"},
        {{&ts_anthropic_messages, &ts_openai_chat, true},
         BODY(ASKED ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]"),
         "tools[0]"},
        {{&ts_anthropic_messages, &ts_ollama_chat, true},
         BODY(ASKED ",\"mcp_servers\":[{}]"),
         "mcp_servers"},
        {{&ts_anthropic_messages, &ts_ollama_chat, true},
         BODY(ASKED ",\"tool_choice\":{\"type\":\"tool\"}"),
         "tool_choice.name"},
        {{&ts_openai_chat, &ts_anthropic_messages, false},
         "{\"model\":\"m\",\"messages\":[" USER("\"p\"") "],\"response_format\":{\"type\":"
                                                         "\"json_object\"}}",
         "format"},
        {{&ts_openai_chat, &ts_anthropic_messages, false},
         "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":\"r\"}]}",
         "messages[0]"},
        {{&ts_openai_chat, &ts_anthropic_messages, false},
         "{\"model\":\"m\",\"messages\":[" USER("\"p\"") "],\"n\":2}",
         "n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_refusal(rows[i].way, rows[i].body, rows[i].param);
}

static bool folds(const char *body)
{
    struct ts_genreq q;
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_genreq_scan(anthropic, ts_slice_str(body), &q, &err), TS_OK);
    bool unstreamed = q.unstreamed;
    ts_genreq_deinit(&q);
    return !unstreamed;
}

static void asks_whole_for_what_a_stream_would_lose_parts_of(void **state)
{
    (void)state;
    assert_true(folds(BODY(ASKED)));
    assert_true(folds(BODY(ASKED ",\"tools\":[{\"name\":\"f\"}]")));
    assert_true(folds(BODY(ASKED ",\"thinking\":{\"type\":\"disabled\"}")));
    assert_false(folds(BODY(ASKED ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}")));
    assert_false(folds(BODY(ASKED ",\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]")));
    assert_false(folds(BODY(ASKED ",\"mcp_servers\":[]")));
    assert_false(folds(BODY("\"messages\":[" USER("[{\"type\":\"document\"}]") "]")));
    assert_true(folds(BODY(ASKED ",\"mcp_servers\":[],\"stream\":true")));
}

static enum ts_err translate_one(void *unused)
{
    (void)unused;
    struct ts_buf out = TS_BUF_INIT(4096);
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err rc = translate((struct way){anthropic, openai, true},
                               BODY(ASKED ",\"tools\":[{\"name\":\"f\"}]"),
                               &out,
                               &err);
    ts_buf_free(&out);
    return rc;
}

static void translating_without_memory_fails_and_says_so(void **state)
{
    (void)state;
    malloc_torture(translate_one, NULL);
}

/* -- answers ----------------------------------------------------------------------------------- */

#define EVENT(name, members) "event: " name "\ndata: {\"type\":\"" name "\"" members "}\n\n"
#define START                                                                                      \
    EVENT("message_start",                                                                         \
          ",\"message\":{\"id\":\"msg_ID\",\"type\":\"message\",\"role\":\"assistant\",\"model\":" \
          "\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":"            \
          "{\"input_tokens\":0,\"output_tokens\":0}}")
#define OPEN(i, block) EVENT("content_block_start", ",\"index\":" i ",\"content_block\":" block)
#define DELTA(i, delta) EVENT("content_block_delta", ",\"index\":" i ",\"delta\":" delta)
#define CLOSE(i) EVENT("content_block_stop", ",\"index\":" i)

static const char ollama_stream[] =
    "{\"message\":{\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n"
    "{\"message\":{\"content\":\"a\"},\"done\":false}\n"
    "{\"message\":{\"content\":\"b\"},\"done\":false}\n"
    "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":"
    "{\"a\":1}}},{\"id\":\"x\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]},\"done\":false}\n"
    "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":"
    "4,"
    "\"eval_count\":5}\n";

static void an_answer_with_thought_and_calls_reads_as_parts(void **state)
{
    (void)state;
    expect_written(
        ollama,
        anthropic,
        ollama_stream,
        false,
        START OPEN("0", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}") DELTA(
            "0", "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}") CLOSE("0")
            OPEN("1", "{\"type\":\"text\",\"text\":\"\"}") DELTA(
                "1", "{\"type\":\"text_delta\",\"text\":\"a\"}")
                DELTA("1", "{\"type\":\"text_delta\",\"text\":\"b\"}") CLOSE("1") OPEN(
                    "2",
                    "{\"type\":\"tool_use\",\"id\":\"toolu_ID_0\",\"name\":\"f\",\"input\":{}"
                    "}")
                    DELTA("2", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}")
                        CLOSE("2") OPEN("3",
                                        "{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"g\","
                                        "\"input\":{}}")
                            DELTA("3", "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}")
                                CLOSE("3") EVENT("message_delta",
                                                 ",\"delta\":{\"stop_reason\":\"tool_use\","
                                                 "\"stop_sequence\":null},\"usage\":"
                                                 "{\"input_tokens\":4,"
                                                 "\"cache_creation_input_tokens\":null,"
                                                 "\"cache_read_input_tokens\":null,"
                                                 "\"output_tokens\":5}") EVENT("message_stop", ""));
    expect_written(ollama,
                   anthropic,
                   ollama_stream,
                   true,
                   "{\"id\":\"msg_ID\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","
                   "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"},"
                   "{\"type\":\"text\",\"text\":\"ab\"},"
                   "{\"type\":\"tool_use\",\"id\":\"toolu_ID_0\",\"name\":\"f\",\"input\":"
                   "{\"a\":1}},{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"g\",\"input\":{}}],"
                   "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":"
                   "{\"input_tokens\":4,\"cache_creation_input_tokens\":null,"
                   "\"cache_read_input_tokens\":null,\"output_tokens\":5}}");
}

/* A silent answer still is one that clients can read. */
static void an_answer_without_content_begins_and_ends(void **state)
{
    (void)state;
    expect_written(ollama,
                   anthropic,
                   "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"length\"}\n",
                   false,
                   START EVENT("message_delta",
                               ",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null},"
                               "\"usage\":{\"input_tokens\":null,\"cache_creation_input_tokens\":"
                               "null,\"cache_read_input_tokens\":null,\"output_tokens\":null}")
                       EVENT("message_stop", ""));
}

struct heard {
    char log[512];
};

static void hear(void *ctx, const struct ts_event *e, size_t end)
{
    (void)end;
    struct heard *h = ctx;
    size_t n = strlen(h->log);
    (void)snprintf(h->log + n,
                   sizeof(h->log) - n,
                   "[%.*s|%.*s|%.*s|%d|%s%s]",
                   (int)e->text.len,
                   e->text.len > 0 ? e->text.at : "",
                   (int)e->reasoning.len,
                   e->reasoning.len > 0 ? e->reasoning.at : "",
                   (int)e->signature.len,
                   e->signature.len > 0 ? e->signature.at : "",
                   e->tool_count,
                   e->finish != TS_FINISH_NONE ? ts_finish_name(e->finish) : "",
                   e->terminator ? "!" : "");
}

/* Parts of the server's own tools are no calls of the client's; a signature belongs to thought. */
static void reads_thought_signatures_and_foreign_parts(void **state)
{
    (void)state;
    static const char stream[] = OPEN("0", "{\"type\":\"thinking\",\"thinking\":\"\"}")
        DELTA("0", "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
            DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"sig\"}") CLOSE("0")
                OPEN("1", "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web\"}")
                    OPEN("2", "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\"}")
                        EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"refusal\"}")
                            EVENT("message_stop", "");
    struct heard h = {.log = ""};
    struct ts_reader *r = NULL;
    assert_int_equal(ts_reader_new(anthropic, 4096, hear, &h, &r), TS_OK);
    for (size_t i = 0; i + 1 < sizeof(stream); i++)
        ts_reader_feed(r, stream + i, 1);
    ts_reader_free(r);
    assert_string_equal(h.log,
                        "[|||0|][|hm||0|][||sig|0|][|||0|][|||0|][|||1|][|||0|content_filter]"
                        "[|||0|!]");
}

/* From the name of the last event on its bytes are held; those of others only until it is known. */
static void knows_early_what_cannot_be_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool maybe;
    } rows[] = {
        {"event: message_s", true},
        {"event: message_stop\ndata: {\"type\":\"mess", true},
        {"event: message_stop\ndata: {\"type\":\"message_stop\"}", true},
        {"event: content_block_delta\ndata: {\"type\":\"con", false},
        {"event: message_delta\ndata: {\"type\":\"message_delta\",", false},
        {EVENT("ping", ""), false},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct heard h = {.log = ""};
        struct ts_reader *r = NULL;
        assert_int_equal(ts_reader_new(anthropic, 4096, hear, &h, &r), TS_OK);
        ts_reader_feed(r, rows[i].bytes, strlen(rows[i].bytes));
        if (ts_reader_maybe_terminator(r) != rows[i].maybe)
            fail_msg("%s", rows[i].bytes);
        ts_reader_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_a_conversation_with_tools_to_openai_servers),
        cmocka_unit_test(says_thinking_and_formats_in_the_words_of_others),
        cmocka_unit_test(says_an_openai_conversation_to_anthropic),
        cmocka_unit_test(gives_thinking_room_beside_the_answer),
        cmocka_unit_test(keeps_a_body_of_its_own_dialect),
        cmocka_unit_test(refuses_what_cannot_be_said_naming_it),
        cmocka_unit_test(asks_whole_for_what_a_stream_would_lose_parts_of),
        cmocka_unit_test(translating_without_memory_fails_and_says_so),
        cmocka_unit_test(an_answer_with_thought_and_calls_reads_as_parts),
        cmocka_unit_test(an_answer_without_content_begins_and_ends),
        cmocka_unit_test(reads_thought_signatures_and_foreign_parts),
        cmocka_unit_test(knows_early_what_cannot_be_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
