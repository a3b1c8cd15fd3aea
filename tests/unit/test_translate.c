/* Requests from one dialect to another, as they are known to have to look; and every recorded
 * answer through every writer, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "malloc_fail.h"
#include "proxy/genreq.h"
#include "proxy/reader.h"
#include "proxy/tap.h"
#include "proxy/writer.h"
#include "recording.h"
#include "translatekit.h"

static const struct ts_dialect *const generate = &ts_ollama_generate;
static const struct ts_dialect *const ollama = &ts_ollama_chat;
static const struct ts_dialect *const openai = &ts_openai_chat;
static const struct ts_dialect *const completions = &ts_openai_completions;
static const struct ts_dialect *const anthropic = &ts_anthropic_messages;

/* -- requests ---------------------------------------------------------------------------------- */

/* A body around the messages, and around the other members. */
#define ASK(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
#define ASK_WITH(members)                                                                          \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}]," members "}"
#define OPENAI "{\"model\":\"N\",\"stream\":true,\"stream_options\":{\"include_usage\":true}"
#define OLLAMA "{\"model\":\"N\",\"stream\":true"
#define P ",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}]"
#define TOOL                                                                                       \
    "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","                   \
    "\"parameters\":{\"type\":\"object\"}}}"

static void says_an_openai_conversation_to_ollama(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {ASK("{\"role\":\"developer\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
             "\"\\u00e4\"}"),
         OLLAMA ",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\","
                "\"content\":\"\\u00e4\"}]}"},
        {ASK("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
             "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/png;base64,AB\\/C\"}},"
             "{\"type\":\"text\",\"text\":\"b\"}]}"),
         OLLAMA
         ",\"messages\":[{\"role\":\"user\",\"content\":\"a\\nb\",\"images\":[\"AB\\/C\"]}]}"},
        {ASK("{\"role\":\"user\",\"content\":\"w?\"},"
             "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\",\"tool_calls\":"
             "["
             "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
             "\"{\\\"a\\\": \\\"\\\\u00e4\\\"}\"}},"
             "{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}"
             "}]},"
             "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"r2\"},"
             "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":"
             "\"r1\"}]}"),
         OLLAMA
         ",\"messages\":[{\"role\":\"user\",\"content\":\"w?\"},"
         "{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\",\"tool_calls\":["
         "{\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\": \"\\u00e4\"}}},"
         "{\"id\":\"c2\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]},"
         "{\"role\":\"tool\",\"content\":\"r2\",\"tool_name\":\"g\",\"tool_call_id\":\"c2\"},"
         "{\"role\":\"tool\",\"content\":\"r1\",\"tool_name\":\"f\",\"tool_call_id\":\"c1\"}]}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect((struct way){openai, ollama, false}, rows[i][0], rows[i][1]);
}

static void says_openais_settings_to_ollama(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {ASK_WITH(
             "\"max_completion_tokens\":9,\"temperature\":0.50,\"stop\":\"x\",\"seed\":1,"
             "\"top_k\":3,\"user\":\"u\",\"service_tier\":\"auto\",\"n\":1,\"logprobs\":false"),
         OLLAMA P
         ",\"options\":{\"num_predict\":9,\"temperature\":0.50,\"seed\":1,\"stop\":[\"x\"],"
         "\"top_k\":3}}"},
        {ASK_WITH("\"response_format\":{\"type\":\"json_object\"}"),
         OLLAMA P ",\"format\":\"json\"}"},
        {ASK_WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
                  "\"strict\":true,\"schema\":{\"type\":\"object\"}}}"),
         OLLAMA P ",\"format\":{\"type\":\"object\"}}"},
        {ASK_WITH("\"reasoning_effort\":\"high\""), OLLAMA P ",\"think\":\"high\"}"},
        {ASK_WITH("\"reasoning_effort\":\"minimal\""), OLLAMA P ",\"think\":\"low\"}"},
        {ASK_WITH("\"reasoning_effort\":\"none\""), OLLAMA P ",\"think\":false}"},
        {ASK_WITH("\"chat_template_kwargs\":{\"enable_thinking\":true}"),
         OLLAMA P ",\"think\":true}"},
        {ASK_WITH("\"tools\":[" TOOL "],\"tool_choice\":\"auto\",\"parallel_tool_calls\":false"),
         OLLAMA P ",\"tools\":[" TOOL "]}"},
        {ASK_WITH("\"tools\":[" TOOL "],\"tool_choice\":\"none\""), OLLAMA P "}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect((struct way){openai, ollama, false}, rows[i][0], rows[i][1]);
}

static void says_an_ollama_conversation_to_openai_servers(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {ASK("{\"role\":\"system\",\"content\":\"s\"},"
             "{\"role\":\"user\",\"content\":\"a\",\"images\":[\"iVBORw0KGgoA\"]}"),
         OPENAI
         ",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":["
         "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
         "\"data:image/png;base64,iVBORw0KGgoA\"}}]}]}"},
        {ASK("{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\",\"tool_calls\":["
             "{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":\"b\"}}},"
             "{\"function\":{\"name\":\"g\",\"arguments\":{}}}]},"
             "{\"role\":\"tool\",\"tool_name\":\"g\",\"content\":\"r2\"},"
             "{\"role\":\"tool\",\"content\":\"r1\"}"),
         OPENAI
         ",\"messages\":[{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":null,"
         "\"tool_calls\":[{\"id\":\"call_0\",\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"arguments\":\"{\\\"a\\\":\\\"b\\\"}\"}},"
         "{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}"
         "\"}"
         "}]},"
         "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"r2\"},"
         "{\"role\":\"tool\",\"tool_call_id\":\"call_0\",\"content\":\"r1\"}]}"},
        {ASK_WITH("\"tools\":[" TOOL "],\"think\":false,\"format\":{\"type\":\"object\"},"
                  "\"options\":{\"num_ctx\":1,\"num_predict\":5},\"keep_alive\":\"5m\""),
         OPENAI P ",\"tools\":[" TOOL "],\"response_format\":{\"type\":\"json_schema\","
                  "\"json_schema\":{\"name\":\"answer\",\"schema\":{\"type\":\"object\"}}},"
                  "\"chat_template_kwargs\":{\"enable_thinking\":false},\"max_tokens\":5}"},
        {ASK_WITH("\"think\":\"max\""), OPENAI P ",\"reasoning_effort\":\"high\"}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect((struct way){ollama, openai, true}, rows[i][0], rows[i][1]);
}

static void says_nothing_to_openai_itself_that_it_does_not_know(void **state)
{
    (void)state;
    expect((struct way){ollama, openai, false},
           ASK_WITH(
               "\"think\":true,\"options\":{\"num_predict\":5,\"top_p\":1,\"top_k\":2,\"min_p\":0,"
               "\"repeat_penalty\":1}"),
           OPENAI P ",\"max_completion_tokens\":5,\"top_p\":1}");
    expect((struct way){ollama, openai, false},
           ASK("{\"role\":\"assistant\",\"content\":\"a\",\"thinking\":\"t\"}"),
           OPENAI ",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}");
}

static void says_a_completion_to_ollama(void **state)
{
    (void)state;
    struct way way = {completions, generate, false};
    expect(way,
           "{\"model\":\"m\",\"prompt\":\"a\",\"suffix\":\"b\",\"max_tokens\":3,\"best_of\":1}",
           OLLAMA ",\"prompt\":\"a\",\"suffix\":\"b\",\"options\":{\"num_predict\":3}}");
    expect(way, "{\"model\":\"m\",\"prompt\":[\"a\"]}", OLLAMA ",\"prompt\":\"a\"}");
    expect_refusal(way, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"]}", "prompt");
    expect_refusal(way, "{\"model\":\"m\",\"prompt\":[1]}", "prompt");
    expect_refusal(way, "{\"model\":\"m\",\"prompt\":\"a\",\"echo\":true}", "echo");
    expect_refusal(way, "{\"model\":\"m\",\"prompt\":\"a\",\"logprobs\":2}", "logprobs");
}

static void asks_for_vectors_in_either_dialect(void **state)
{
    (void)state;
    const struct way to_ollama = {&ts_openai_embeddings, &ts_ollama_embed, false};
    const struct way to_openai = {&ts_ollama_embed, &ts_openai_embeddings, true};
    const struct way from_older = {&ts_ollama_embeddings, &ts_openai_embeddings, true};
    expect(to_ollama,
           "{\"model\":\"m\",\"input\":[\"a\",\"\\u00e4\"],\"dimensions\":3,\"encoding_format\":"
           "\"base64\",\"user\":\"u\"}",
           "{\"model\":\"N\",\"input\":[\"a\",\"\\u00e4\"],\"dimensions\":3}");
    expect(to_openai,
           "{\"model\":\"m\",\"input\":\"a\",\"truncate\":true,\"options\":{},\"keep_alive\":0}",
           "{\"model\":\"N\",\"input\":\"a\",\"encoding_format\":\"float\"}");
    expect(from_older,
           "{\"model\":\"m\",\"prompt\":\"a\"}",
           "{\"model\":\"N\",\"input\":\"a\",\"encoding_format\":\"float\"}");
    expect_refusal(to_ollama, "{\"model\":\"m\",\"input\":[[1,2]]}", "input");
    expect_refusal(to_ollama,
                   "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"x\"}",
                   "encoding_format");
    expect_refusal(to_openai, "{\"model\":\"m\"}", "input");
    expect_refusal(from_older, "{\"model\":\"m\",\"prompt\":\"\"}", "input");
}

/* A whole answer in another dialect; NULL: it is none. */
static void expect_rewritten(const struct ts_dialect *to,
                             bool base64,
                             const char *answer,
                             const char *want)
{
    struct ts_writer w;
    struct ts_call *call = ts_call_new();
    struct ts_buf out = TS_BUF_INIT(4096);
    assert_non_null(call);
    call->tokens.input = 7;
    ts_writer_init(&w, to, "m", "ID", 0);
    w.wants_base64 = base64;
    ts_buf_puts(&w.last, answer);
    ts_writer_whole(&w, call, &out);
    if (want == NULL)
        assert_non_null(w.trouble);
    else
        assert_string_equal(ts_buf_text(&out), want);
    assert_true((w.trouble == NULL) == (want != NULL));
    ts_writer_deinit(&w);
    ts_buf_free(&out);
    ts_call_free(call);
}

static void gives_vectors_in_either_dialect(void **state)
{
    (void)state;
    static const char ollama_answer[] = "{\"model\":\"x\",\"embeddings\":[[1.5, -2e0],[0]]}";
    static const char openai_answer[] =
        "{\"data\":[{\"object\":\"embedding\",\"embedding\":[1.5],\"index\":0}]}";
    expect_rewritten(&ts_openai_embeddings,
                     false,
                     ollama_answer,
                     "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"embedding\":[1.5, "
                     "-2e0],\"index\":0},{\"object\":\"embedding\",\"embedding\":[0],\"index\":1}],"
                     "\"model\":\"m\",\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}");
    expect_rewritten(&ts_openai_embeddings,
                     true,
                     openai_answer,
                     "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"embedding\":"
                     "\"AADAPw==\",\"index\":0}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":7,"
                     "\"total_tokens\":7}}");
    expect_rewritten(&ts_ollama_embed,
                     false,
                     openai_answer,
                     "{\"model\":\"m\",\"embeddings\":[[1.5]],\"prompt_eval_count\":7}");
    expect_rewritten(&ts_ollama_embeddings, false, openai_answer, "{\"embedding\":[1.5]}");
    expect_rewritten(&ts_ollama_embeddings, false, "{\"data\":[]}", NULL);
    expect_rewritten(&ts_ollama_embed, false, "{\"data\":[{\"embedding\":\"AAA=\"}]}", NULL);
    expect_rewritten(&ts_openai_embeddings, true, "{\"embeddings\":[[\"x\"]]}", NULL);
}

static void refuses_what_cannot_be_said_naming_it(void **state)
{
    (void)state;
    static const char *const to_ollama[][2] = {
        {ASK_WITH("\"n\":2"), "n"},
        {ASK_WITH("\"logprobs\":true"), "logprobs"},
        {ASK_WITH("\"logit_bias\":{\"1\":2}"), "logit_bias"},
        {ASK_WITH("\"modalities\":[\"text\",\"audio\"]"), "modalities"},
        {ASK_WITH("\"functions\":[]"), "functions"},
        {ASK_WITH("\"temperature\":\"hot\""), "temperature"},
        {ASK_WITH("\"response_format\":{\"type\":\"xml\"}"), "response_format.type"},
        {ASK_WITH("\"response_format\":{\"type\":\"json_schema\"}"),
         "response_format.json_schema.schema"},
        {ASK_WITH("\"tools\":[" TOOL "],\"tool_choice\":\"required\""), "tool_choice"},
        {ASK_WITH("\"tools\":[" TOOL "],\"tool_choice\":5"), "tool_choice"},
        {ASK_WITH("\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\",\"function\":"
                  "{\"name\":\"f\"}}"),
         "tool_choice"},
        {ASK_WITH("\"tools\":[{\"type\":\"web_search\"}]"), "tools[0]"},
        {ASK("{\"role\":\"narrator\",\"content\":\"x\"}"), "messages[0].role"},
        {ASK("1"), "messages[0]"},
        {ASK("{\"role\":\"user\",\"content\":5}"), "messages[0].content"},
        {ASK("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}"),
         "messages[0].content"},
        {ASK("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
             "\"https://x/y.png\"}}]}"),
         "messages[0]"},
        {ASK("{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":"
             "\"[1]\"}}]}"),
         "messages[0]"},
    };
    static const char *const to_openai[][2] = {
        {"{\"model\":\"m\"}", "messages"},
        {ASK_WITH("\"logprobs\":true"), "logprobs"},
        {ASK_WITH("\"format\":\"xml\""), "format"},
        {ASK("{\"role\":\"tool\",\"content\":\"x\"}"), "messages[0]"},
        {ASK("{\"role\":\"user\",\"content\":[]}"), "messages[0]"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(to_ollama); i++)
        expect_refusal((struct way){openai, ollama, false}, to_ollama[i][0], to_ollama[i][1]);
    for (size_t i = 0; i < TS_ARRAY_LEN(to_openai); i++)
        expect_refusal((struct way){ollama, openai, true}, to_openai[i][0], to_openai[i][1]);
}

static enum ts_err translate_one(void *ctx)
{
    (void)ctx;
    struct ts_buf out = TS_BUF_INIT(64 * 1024);
    enum ts_err rc =
        translate((struct way){openai, ollama, false},
                  ASK("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}],"
                      "\"tool_calls\":["
                      "{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
                      "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"}"),
                  &out,
                  NULL);
    ts_buf_free(&out);
    return rc;
}

static void translating_without_memory_fails_and_says_so(void **state)
{
    (void)state;
    malloc_torture(translate_one, NULL);
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Everything that an answer says, told by reading it again. */
struct told {
    struct ts_buf text;
    struct ts_buf reasoning;
    struct ts_toolset tools;
    struct ts_tap tap;
    int malformed;
};

static void tell(void *ctx, const struct ts_event *e, size_t end)
{
    (void)end;
    struct told *t = ctx;
    bool fresh;
    ts_tap_event(&t->tap, e, 1);
    t->malformed += e->malformed;
    ts_buf_put(&t->text, e->text.at, e->text.len);
    ts_buf_put(&t->reasoning, e->reasoning.at, e->reasoning.len);
    for (int i = 0; i < e->tool_count; i++)
        assert_true(ts_toolset_add(&t->tools, &e->tools[i], &fresh) >= 0);
}

static struct told read_again(const struct ts_dialect *d, const struct ts_buf *bytes)
{
    struct told t = {.text = TS_BUF_INIT(1 << 20), .reasoning = TS_BUF_INIT(1 << 20)};
    struct ts_reader *r = NULL;
    ts_tap_init(&t.tap);
    assert_int_equal(ts_reader_new(d, 1 << 20, tell, &t, &r), TS_OK);
    ts_reader_feed(r, bytes->data, bytes->len);
    ts_reader_end(r);
    ts_reader_free(r);
    return t;
}

static void free_told(struct told *t)
{
    ts_buf_free(&t->text);
    ts_buf_free(&t->reasoning);
    ts_toolset_deinit(&t->tools);
}

static json_t *parsed(const struct ts_buf *text)
{
    return json_loadb(ts_buf_text(text), text->len, 0, NULL);
}

/* The arguments may be written with other blanks. The recording has parts left out, so that its
 * arguments are no JSON: where an object is wanted, there is no call then. */
static void expect_same_calls(const struct ts_toolset *a, const struct ts_toolset *b)
{
    for (int i = 0; i < a->count; i++) {
        json_t *x = parsed(&a->calls[i].input);
        json_t *y = b->count > i ? parsed(&b->calls[i].input) : NULL;
        assert_true(x == NULL || json_equal(x, y));
        json_decref(x);
        json_decref(y);
        if (b->count == i)
            continue;
        assert_string_equal(ts_buf_text(&a->calls[i].id), ts_buf_text(&b->calls[i].id));
        assert_string_equal(ts_buf_text(&a->calls[i].name), ts_buf_text(&b->calls[i].name));
    }
}

static void expect_same(const struct told *a, const struct told *b, const struct ts_dialect *to)
{
    assert_int_equal(b->malformed, 0);
    assert_string_equal(ts_buf_text(&a->text), ts_buf_text(&b->text));
    assert_int_equal(a->tap.tokens.output, b->tap.tokens.output);
    if (to == generate || to == completions)
        return;
    assert_string_equal(ts_buf_text(&a->reasoning), ts_buf_text(&b->reasoning));
    expect_same_calls(&a->tools, &b->tools);
    assert_true(to == ollama || a->tools.count == b->tools.count);
}

static const struct recorded {
    const char *name;
    const struct ts_dialect *const *dialect;
} recordings[] = {
    {"chat-stream", &openai},
    {"chat-stream-logprobs", &openai},
    {"chat-stream-progress-timings", &openai},
    {"chat-stream-reasoning", &openai},
    {"chat-stream-tool-call", &openai},
    {"chat-stream-usage-single-read", &openai},
    {"chat-stream-usage-slow", &openai},
    {"legacy-completions-stream", &completions},
    {"messages-stream", &anthropic},
};

static const struct ts_dialect *const *const clients[] = {
    &generate, &ollama, &openai, &completions, &anthropic};

static void every_recording_says_the_same_in_every_dialect(void **state)
{
    (void)state;
    for (size_t i = 0; i < TS_ARRAY_LEN(recordings); i++) {
        struct ts_buf body = recording_body(recordings[i].name);
        const struct ts_dialect *from = *recordings[i].dialect;
        struct told original = read_again(from, &body);
        for (size_t k = 0; k < TS_ARRAY_LEN(clients); k++) {
            const struct ts_dialect *to = *clients[k];
            struct ts_slice bytes = {body.data, body.len};
            struct ts_buf out = written(from, to, bytes, SIZE_MAX, false);
            struct told again = read_again(to, &out);
            expect_same(&original, &again, to);
            assert_int_equal(again.tap.finish == TS_FINISH_NONE, false);
            free_told(&again);
            ts_buf_free(&out);
        }
        free_told(&original);
        ts_buf_free(&body);
    }
}

static void every_recording_folds_to_the_same_in_every_dialect(void **state)
{
    (void)state;
    for (size_t i = 0; i < TS_ARRAY_LEN(recordings); i++) {
        struct ts_buf body = recording_body(recordings[i].name);
        const struct ts_dialect *from = *recordings[i].dialect;
        struct told original = read_again(from, &body);
        for (size_t k = 0; k < TS_ARRAY_LEN(clients); k++) {
            const struct ts_dialect *to = *clients[k];
            struct ts_slice bytes = {body.data, body.len};
            struct ts_buf out = written(from, to, bytes, SIZE_MAX, true);
            struct told again = read_again(to->answer, &out);
            assert_int_equal(again.malformed, 0);
            assert_string_equal(ts_buf_text(&original.text), ts_buf_text(&again.text));
            assert_int_equal(original.tap.tokens.output, again.tap.tokens.output);
            free_told(&again);
            ts_buf_free(&out);
        }
        free_told(&original);
        ts_buf_free(&body);
    }
}

/* The reader gives the same events at every split, as its own test shows: here every split goes
 * through one writer, and some through each. */
static void every_recording_is_written_the_same_at_every_split(void **state)
{
    (void)state;
    enum { SOME = 37 };
    for (size_t i = 0; i < TS_ARRAY_LEN(recordings); i++) {
        struct ts_buf body = recording_body(recordings[i].name);
        const struct ts_dialect *from = *recordings[i].dialect;
        struct ts_slice bytes = {body.data, body.len};
        for (size_t k = 0; k < TS_ARRAY_LEN(clients); k++) {
            struct ts_buf whole = written(from, *clients[k], bytes, SIZE_MAX, false);
            size_t step = k == i % TS_ARRAY_LEN(clients) ? 1 : SOME;
            for (size_t at = 1; at < bytes.len; at += step) {
                struct ts_buf split = written(from, *clients[k], bytes, at, false);
                if (strcmp(split.data, whole.data) != 0)
                    fail_msg("%s, split at %zu", recordings[i].name, at);
                ts_buf_free(&split);
            }
            ts_buf_free(&whole);
        }
        ts_buf_free(&body);
    }
}

#define CHUNK(choices)                                                                             \
    "data: {\"id\":\"chatcmpl-ID\",\"object\":\"chat.completion.chunk\",\"created\":1795205379,"   \
    "\"model\":\"m\",\"choices\":[" choices "}\n\n"
#define LINE(rest)                                                                                 \
    "{\"model\":\"m\",\"created_at\":\"2026-11-20T20:09:39.123Z\",\"message\":{\"role\":"          \
    "\"assistant\",\"content\":" rest "}\n"

static void an_ollama_answer_with_thought_and_calls_reads_as_openais(void **state)
{
    (void)state;
    static const char stream[] =
        "{\"message\":{\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n"
        "{\"message\":{\"content\":\"a\"},\"done\":false}\n"
        "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
        "\"arguments\":"
        "{\"a\":1}}}]},\"done\":false}\n"
        "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":\"x\",\"function\":{\"name\":\"g\","
        "\"arguments\":{}}}]},\"done\":false}\n"
        "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\","
        "\"prompt_eval_count\":4,\"eval_count\":5}\n";
    expect_written(
        ollama,
        openai,
        stream,
        false,
        CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"reasoning_content\":\"hm\","
              "\"reasoning\":\"hm\"},\"finish_reason\":null}]")
            CHUNK("{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]")
                CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_ID_0\","
                      "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                      "\"{\\\"a\\\":1}\"}}]},\"finish_reason\":null}]")
                    CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"x\","
                          "\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":"
                          "\"{}\"}}]},\"finish_reason\":null}]")
                        CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]")
                            CHUNK("],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":5,"
                                  "\"total_tokens\":9}") "data: [DONE]\n\n");
    expect_written(ollama,
                   openai,
                   stream,
                   true,
                   "{\"id\":\"chatcmpl-ID\",\"object\":\"chat.completion\",\"created\":1795205379,"
                   "\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                   "\"content\":\"a\",\"reasoning_content\":\"hm\",\"reasoning\":\"hm\","
                   "\"refusal\":null,\"tool_calls\":[{\"id\":\"call_ID_0\",\"type\":\"function\","
                   "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"x\","
                   "\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},"
                   "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],\"usage\":"
                   "{\"prompt_tokens\":4,\"completion_tokens\":5,\"total_tokens\":9}}");
}

static void calls_in_pieces_reach_ollamas_clients_whole(void **state)
{
    (void)state;
    static const char stream[] =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
        "{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":"
        "\"\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
        "\"{\\\"a\\\"\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
        "\": 1}\"}},{\"index\":1,\"id\":\"d\",\"function\":{\"name\":\"g\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
        "data: [DONE]\n\n";
    expect_written(
        openai,
        ollama,
        stream,
        false,
        LINE("\"\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"index\":0,\"name\":\"f\","
             "\"arguments\":{\"a\": 1}}},{\"id\":\"d\",\"function\":{\"index\":1,\"name\":\"g\","
             "\"arguments\":{}}}]},\"done\":false")
            LINE("\"\"},\"done\":true,\"done_reason\":\"stop\",\"eval_duration\":0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_an_openai_conversation_to_ollama),
        cmocka_unit_test(says_openais_settings_to_ollama),
        cmocka_unit_test(says_an_ollama_conversation_to_openai_servers),
        cmocka_unit_test(says_nothing_to_openai_itself_that_it_does_not_know),
        cmocka_unit_test(says_a_completion_to_ollama),
        cmocka_unit_test(asks_for_vectors_in_either_dialect),
        cmocka_unit_test(gives_vectors_in_either_dialect),
        cmocka_unit_test(refuses_what_cannot_be_said_naming_it),
        cmocka_unit_test(translating_without_memory_fails_and_says_so),
        cmocka_unit_test(every_recording_says_the_same_in_every_dialect),
        cmocka_unit_test(every_recording_folds_to_the_same_in_every_dialect),
        cmocka_unit_test(every_recording_is_written_the_same_at_every_split),
        cmocka_unit_test(an_ollama_answer_with_thought_and_calls_reads_as_openais),
        cmocka_unit_test(calls_in_pieces_reach_ollamas_clients_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
