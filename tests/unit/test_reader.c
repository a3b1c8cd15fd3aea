#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "malloc_fail.h"
#include "proxy/reader.h"
#include "recording.h"

/* Everything that a reader says, as text, so that two runs can be compared. */
struct log {
    struct ts_buf text;
    size_t fed; /* before the current feed */
    /* sums over the events */
    int events, texts, reasonings, tool_calls, errors, malformed, terminators, usage_only;
    enum ts_finish finish;
    struct ts_token_counts tokens;
    struct ts_server_times times;
    char model[64];
    struct ts_buf answer;
    struct ts_buf thoughts;
};

static void put_slice(struct ts_buf *b, const char *name, struct ts_slice s)
{
    if (s.at == NULL)
        return;
    ts_buf_printf(b, " %s=", name);
    ts_buf_put_json_string(b, s.at, s.len);
}

static void put_number(struct ts_buf *b, const char *name, int64_t v)
{
    if (v != TS_UNKNOWN)
        ts_buf_printf(b, " %s=%" PRId64, name, v);
}

static void put_piece(struct ts_buf *b, const struct ts_tool_piece *p)
{
    ts_buf_printf(b, " [%s%" PRId64, p->whole ? "whole " : "", p->index);
    put_slice(b, "id", p->id);
    put_slice(b, "name", p->name);
    put_slice(b, "input", p->input);
    ts_buf_puts(b, "]");
}

static void write_down(struct ts_buf *b, const struct ts_event *e, size_t end)
{
    ts_buf_printf(b, "%zu:", end);
    put_slice(b, "text", e->text);
    put_slice(b, "reasoning", e->reasoning);
    put_slice(b, "refusal", e->refusal);
    for (int i = 0; i < e->tool_count; i++)
        put_piece(b, &e->tools[i]);
    put_slice(b, "model", e->model);
    put_slice(b, "error", e->error_text);
    put_number(b, "input", e->tokens.input);
    put_number(b, "cached", e->tokens.cache_read);
    put_number(b, "output", e->tokens.output);
    put_number(b, "reasoned", e->tokens.reasoning);
    put_number(b, "total_us", e->times.total_us);
    put_number(b, "load_us", e->times.load_us);
    put_number(b, "prompt_us", e->times.prompt_us);
    put_number(b, "eval_us", e->times.eval_us);
    if (e->finish != TS_FINISH_NONE)
        ts_buf_printf(b, " finish=%s", ts_finish_name(e->finish));
    ts_buf_printf(b,
                  "%s%s%s%s%s%s\n",
                  e->has_tool_call ? " tool_call" : "",
                  e->text_cut ? " cut" : "",
                  e->terminator ? " terminator" : "",
                  e->usage_only ? " usage_only" : "",
                  e->is_error ? " is_error" : "",
                  e->malformed ? " malformed" : "");
}

static void keep(int64_t *into, int64_t v)
{
    if (v != TS_UNKNOWN)
        *into = v;
}

static void on_event(void *ctx, const struct ts_event *e, size_t end)
{
    struct log *l = ctx;
    write_down(&l->text, e, l->fed + end);
    l->events++;
    l->texts += e->text.len > 0;
    l->reasonings += e->reasoning.len > 0;
    l->tool_calls += e->has_tool_call;
    l->errors += e->is_error;
    l->malformed += e->malformed;
    l->terminators += e->terminator;
    l->usage_only += e->usage_only;
    if (e->finish != TS_FINISH_NONE)
        l->finish = e->finish;
    keep(&l->tokens.input, e->tokens.input);
    keep(&l->tokens.cache_read, e->tokens.cache_read);
    keep(&l->tokens.output, e->tokens.output);
    keep(&l->tokens.reasoning, e->tokens.reasoning);
    keep(&l->times.total_us, e->times.total_us);
    keep(&l->times.load_us, e->times.load_us);
    keep(&l->times.prompt_us, e->times.prompt_us);
    keep(&l->times.eval_us, e->times.eval_us);
    if (e->model.len > 0 && e->model.len < sizeof(l->model)) {
        memcpy(l->model, e->model.at, e->model.len);
        l->model[e->model.len] = '\0';
    }
    ts_buf_put(&l->answer, e->text.at, e->text.len);
    ts_buf_put(&l->thoughts, e->reasoning.at, e->reasoning.len);
}

static struct log new_log(void)
{
    return (struct log){.text = TS_BUF_INIT(1024 * 1024),
                        .tokens = TS_TOKENS_UNKNOWN,
                        .times = TS_SERVER_TIMES_UNKNOWN,
                        .answer = TS_BUF_INIT(1024 * 1024),
                        .thoughts = TS_BUF_INIT(1024 * 1024)};
}

static void free_log(struct log *l)
{
    ts_buf_free(&l->text);
    ts_buf_free(&l->answer);
    ts_buf_free(&l->thoughts);
}

enum { MAX_TEXT = 4096 };

/* Reads @bytes in pieces: up to @first, then @step at a time. */
static struct log run(
    const struct ts_dialect *d, struct ts_slice bytes, size_t first, size_t step, size_t max_text)
{
    struct log l = new_log();
    struct ts_reader *r = NULL;
    assert_int_equal(ts_reader_new(d, max_text, on_event, &l, &r), TS_OK);
    size_t n = first;
    for (size_t at = 0; at < bytes.len; at += n, n = step) {
        n = n < bytes.len - at ? n : bytes.len - at;
        l.fed = at;
        ts_reader_feed(r, bytes.at + at, n);
    }
    l.fed = bytes.len;
    ts_reader_end(r);
    assert_false(ts_reader_in_event(r));
    ts_reader_free(r);
    return l;
}

static struct log run_text(const struct ts_dialect *d, const char *text)
{
    return run(d, ts_slice_str(text), SIZE_MAX, SIZE_MAX, MAX_TEXT);
}

static void expect_same_at_every_split(const struct ts_dialect *d, struct ts_slice bytes)
{
    struct log whole = run(d, bytes, SIZE_MAX, SIZE_MAX, MAX_TEXT);
    struct log single = run(d, bytes, 1, 1, MAX_TEXT);
    assert_string_equal(ts_buf_text(&single.text), ts_buf_text(&whole.text));
    free_log(&single);
    for (size_t at = 1; at < bytes.len; at++) {
        struct log split = run(d, bytes, at, SIZE_MAX, MAX_TEXT);
        if (strcmp(ts_buf_text(&split.text), ts_buf_text(&whole.text)) != 0)
            fail_msg("split at %zu:\n%s\nwhole:\n%s", at, split.text.data, whole.text.data);
        free_log(&split);
    }
    free_log(&whole);
}

/* -- recorded streams ---------------------------------------------------------------------------
 */

/* What is known of each recording, counted from the files by other means. */
static const struct fact {
    const char *name;
    const struct ts_dialect *dialect;
    int events, texts, reasonings, tool_calls, usage_only;
    enum ts_finish finish;
    int64_t input, cached, output, prompt_us, eval_us;
} facts[] = {
    /* clang-format off */
    {"chat-stream", &ts_openai_chat,
     9, 6, 0, 0, 0, TS_FINISH_LENGTH, -1, -1, -1, -1, 724},
    {"chat-stream-logprobs", &ts_openai_chat,
     5, 2, 0, 0, 0, TS_FINISH_LENGTH, -1, -1, -1, 556, 146},
    {"chat-stream-progress-timings", &ts_openai_chat,
     8, 3, 0, 0, 0, TS_FINISH_LENGTH, -1, -1, -1, 783, 251},
    {"chat-stream-reasoning", &ts_openai_chat,
     29, 0, 25, 0, 1, TS_FINISH_STOP, 33, 0, 59, 1157, 7551},
    {"chat-stream-tool-call", &ts_openai_chat,
     26, 11, 0, 12, 0, TS_FINISH_TOOL_CALLS, -1, -1, -1, 6043, 43989},
    {"chat-stream-usage-single-read", &ts_openai_chat,
     10, 6, 0, 0, 1, TS_FINISH_LENGTH, 31, 0, 6, 987, 475},
    {"chat-stream-usage-slow", &ts_openai_chat,
     14, 10, 0, 0, 1, TS_FINISH_LENGTH, 31, 0, 10, 69776, 24663},
    {"legacy-completions-stream", &ts_openai_completions,
     6, 4, 0, 0, 0, TS_FINISH_LENGTH, 1, 3, 4, -1, 225},
    {"responses-stream", &ts_openai_responses,
     12, 4, 0, 0, 0, TS_FINISH_STOP, 13, 12, 4, -1, -1},
    /* clang-format on */
};

static void reads_recorded_streams_as_they_are_known_to_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < TS_ARRAY_LEN(facts); i++) {
        const struct fact *f = &facts[i];
        struct ts_buf body = recording_body(f->name);
        struct log l =
            run(f->dialect, (struct ts_slice){body.data, body.len}, SIZE_MAX, SIZE_MAX, MAX_TEXT);
        print_message("%s\n", f->name);
        assert_int_equal(l.events, f->events);
        assert_int_equal(l.texts, f->texts);
        assert_int_equal(l.reasonings, f->reasonings);
        assert_int_equal(l.tool_calls, f->tool_calls);
        assert_int_equal(l.usage_only, f->usage_only);
        assert_int_equal(l.finish, f->finish);
        assert_int_equal(l.tokens.input, f->input);
        assert_int_equal(l.tokens.cache_read, f->cached);
        assert_int_equal(l.tokens.output, f->output);
        assert_int_equal(l.times.prompt_us, f->prompt_us);
        assert_int_equal(l.times.eval_us, f->eval_us);
        assert_int_equal(l.times.load_us, TS_UNKNOWN);
        assert_int_equal(l.terminators, 1);
        assert_int_equal(l.malformed, 0);
        assert_int_equal(l.errors, 0);
        free_log(&l);
        ts_buf_free(&body);
    }
}

static void reads_every_recording_the_same_at_every_split(void **state)
{
    (void)state;
    /* Those below are of dialects that are not read yet: their framing must hold all the same. */
    static const char *const others[] = {
        "native-completion-stream", "native-completion-stream-context-full", "messages-stream"};
    for (size_t i = 0; i < TS_ARRAY_LEN(facts); i++) {
        struct ts_buf body = recording_body(facts[i].name);
        expect_same_at_every_split(facts[i].dialect, (struct ts_slice){body.data, body.len});
        ts_buf_free(&body);
    }
    for (size_t i = 0; i < TS_ARRAY_LEN(others); i++) {
        struct ts_buf body = recording_body(others[i]);
        expect_same_at_every_split(&ts_openai_chat, (struct ts_slice){body.data, body.len});
        ts_buf_free(&body);
    }
}

static void takes_the_text_as_it_was_meant(void **state)
{
    (void)state;
    struct ts_buf body = recording_body("chat-stream");
    struct log l =
        run(&ts_openai_chat, (struct ts_slice){body.data, body.len}, SIZE_MAX, SIZE_MAX, MAX_TEXT);
    assert_string_equal(ts_buf_text(&l.answer), "as between if index here life");
    assert_string_equal(l.model, "tiny-random");
    free_log(&l);
    ts_buf_free(&body);
}

/* -- Ollama -------------------------------------------------------------------------------------
 */

static const char ollama_stream[] =
    "{\"model\":\"m:1b\",\"created_at\":\"2026-11-20T21:00:00.123456789Z\",\"thinking\":\"hm\","
    "\"response\":\"\",\"done\":false}\n"
    "{\"model\":\"m:1b\",\"created_at\":\"2026-11-20T21:00:00.2Z\",\"response\":"
    "\"gr\\u00fc\\ud83d\\ude00"
    "n\xc3\xa4\",\"done\":false}\r\n"
    "\n"
    "{\"model\":\"m:1b\",\"response\":\"\",\"done\":true,\"done_reason\":\"length\","
    "\"context\":[1,2,3],\"total_duration\":5000000000,\"load_duration\":1500000,"
    "\"prompt_eval_count\":26,\"prompt_eval_duration\":342546000,\"eval_count\":290,"
    "\"eval_duration\":4709213000}\n";

static void reads_an_ollama_stream(void **state)
{
    (void)state;
    struct log l = run_text(&ts_ollama_generate, ollama_stream);
    assert_int_equal(l.events, 3);
    assert_int_equal(l.terminators, 1);
    assert_int_equal(l.finish, TS_FINISH_LENGTH);
    assert_string_equal(ts_buf_text(&l.answer), "gr\xc3\xbc\xf0\x9f\x98\x80n\xc3\xa4");
    assert_string_equal(ts_buf_text(&l.thoughts), "hm");
    assert_int_equal(l.tokens.input, 26);
    assert_int_equal(l.tokens.output, 290);
    assert_int_equal(l.tokens.cache_read, TS_UNKNOWN);
    assert_int_equal(l.times.total_us, 5000000);
    assert_int_equal(l.times.load_us, 1500);
    assert_int_equal(l.times.prompt_us, 342546);
    assert_int_equal(l.times.eval_us, 4709213);
    free_log(&l);
    expect_same_at_every_split(&ts_ollama_generate, TS_SLICE_LIT(ollama_stream));
}

/* One line (or event) and what it is read as, without the offset in front. */
static void expect_reading(const struct ts_dialect *d, const char *text, const char *reading)
{
    struct log l = run_text(d, text);
    const char *told = strchr(ts_buf_text(&l.text), ':');
    if (told == NULL || strcmp(told + 1, reading) != 0)
        fail_msg("%s\nis read as:%s\nexpected: %s", text, told, reading);
    free_log(&l);
    expect_same_at_every_split(d, ts_slice_str(text));
}

static void reads_single_ollama_lines(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"done\":true}\n", " finish=stop terminator\n"},
        {"{\"done\":true}", " finish=stop terminator\n"},
        {"{\"done\":true,\"done_reason\":\"load\"}\n", " finish=load terminator\n"},
        {"{\"done\":true,\"done_reason\":\"unload\"}\n", " finish=unload terminator\n"},
        {"{\"done\":true,\"done_reason\":\"new one\"}\n", " finish=other terminator\n"},
        {"{\"done\":false,\"eval_count\":3}\n", "\n"},
        {"{\"done\":1}\n", "\n"},
        {"{\"done\":\"true\"}\n", "\n"},
        {"{\"x\":{\"done\":true},\"y\":[{\"done\":true}]}\n", "\n"},
        {"{\"error\":\"boom \\\"x\\\"\"}\n", " error=\"boom \\\"x\\\"\" is_error\n"},
        {"{\"error\":{\"message\":\"boom\"},\"done\":true}\n", " error=\"boom\" is_error\n"},
        {"{\"error\":null,\"done\":true}\n", " finish=stop terminator\n"},
        {"{\"response\":null}\n", "\n"},
        {"{\"response\":5}\n", "\n"},
        {"{\"done\":true,\"eval_count\":-5,\"prompt_eval_count\":1.5,\"eval_duration\":\"x\"}\n",
         " finish=stop terminator\n"},
        {"{\"done\":true,\"eval_count\":1e99,\"total_duration\":1e300}\n",
         " finish=stop terminator\n"},
        {"{\"done\":true,\"tool_calls\":[{\"function\":{}}]}\n",
         " [-1] finish=stop tool_call terminator\n"},
        {"{\"tool_calls\":[]}\n", "\n"},
        {"not json\n", " malformed\n"},
        {"[1]\n", " malformed\n"},
        {"\"done\"\n", " malformed\n"},
        {"{\"response\":\"half", " malformed\n"},
        {"{\"response\":\"a\"} x\n", " malformed\n"},
        {"{\"response\":\"a\tb\"}\n", " malformed\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_reading(&ts_ollama_generate, rows[i][0], rows[i][1]);
}

static void reads_single_lines_of_ollamas_chat(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"message\":{\"role\":\"assistant\",\"content\":\"a\",\"thinking\":\"b\"},\"done\":"
         "false}\n",
         " text=\"a\" reasoning=\"b\"\n"},
        {"{\"message\":{\"content\":\"\"},\"response\":\"x\",\"done\":true}\n",
         " finish=stop terminator\n"},
        {"{\"message\":{\"tool_calls\":[{\"id\":\"i\",\"function\":{\"index\":2,\"name\":\"f\","
         "\"arguments\":{\"a\": [1,{\"b\":\"}\\u00e4\"}]} }},{\"function\":{\"name\":\"g\","
         "\"arguments\":{}}},{\"function\":{\"arguments\":\"x\"}}]}}\n",
         " [whole 2 id=\"i\" name=\"f\" input=\"{\\\"a\\\": [1,{\\\"b\\\":\\\"}\\\\u00e4\\\"}]}\"]"
         " [whole -1 name=\"g\" input=\"{}\"] [-1 input=\"x\"] tool_call\n"},
        {"{\"message\":{\"tool_calls\":[]}}\n", "\n"},
        {"{\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":{\"a\":1]}}]}}\n",
         " malformed\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_reading(&ts_ollama_chat, rows[i][0], rows[i][1]);
}

static void says_where_calls_of_tools_are_more_than_it_keeps(void **state)
{
    (void)state;
    struct ts_buf line = TS_BUF_INIT(1024 * 1024);
    ts_buf_puts(&line, "{\"message\":{\"tool_calls\":[{}");
    for (int i = 0; i < TS_MAX_TOOL_PIECES; i++)
        ts_buf_puts(&line, ",{\"function\":{\"name\":\"f\"}}");
    ts_buf_puts(&line, "]}}\n");
    struct log l =
        run(&ts_ollama_chat, (struct ts_slice){line.data, line.len}, SIZE_MAX, SIZE_MAX, MAX_TEXT);
    assert_non_null(strstr(ts_buf_text(&l.text), " tool_call cut"));
    free_log(&l);
    ts_buf_free(&line);
}

static void reads_single_openai_events(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"data: [DONE]\n\n", " terminator\n"},
        {"data:[DONE]\n\n", " terminator\n"},
        {"data:  [DONE] \n\n", " terminator\n"},
        {"data: [DONE]", " terminator\n"},
        {"data: [DONE]\r\n\r\n", " terminator\n"},
        {"data: [DONE]\r\r", " terminator\n"},
        {"data: [DONE]x\n\n", " malformed\n"},
        {"data: [DON\n\n", " malformed\n"},
        {": hello\n\ndata: [DONE]\n\n", " terminator\n"},
        {"event: x\nid: 1\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
         " text=\"a\"\n"},
        {"data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"}}]}\n\n", " text=\"a\"\n"},
        {"data: {\"choices\":[{\"delta\":{\"content\":\"a\ndata:b\"}}]}\n\n", " malformed\n"},
        {"database: 1\ndata: {\"choices\":[]}\n\n", "\n"},
        {"data\n\n", " malformed\n"},
        {"data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n", "\n"},
        {"data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n", "\n"},
        {"data: {\"choices\":[{\"delta\":{}}]}\n\n", "\n"},
        {"data: {\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}\n\n", " refusal=\"no\"\n"},
        {"data: {\"choices\":[{\"delta\":{\"reasoning\":\"r\"}}]}\n\n", " reasoning=\"r\"\n"},
        {"data: {\"choices\":[{\"delta\":{\"reasoning\":\"r\",\"reasoning_content\":\"r\"}}]}\n\n",
         " reasoning=\"r\"\n"},
        {"data: {\"choices\":[{\"delta\":{\"reasoning\":\"\",\"reasoning_content\":\"r\"}}]}\n\n",
         " reasoning=\"r\"\n"},
        {"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n",
         " [0] tool_call\n"},
        {"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"c\","
         "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\"}},"
         "{\"index\":0,\"function\":{\"arguments\":\"\\n}\"}}]}}]}\n\n",
         " [1 id=\"c\" name=\"f\" input=\"{\\\"a\"] [0 input=\"\\n}\"] tool_call\n"},
        {"data: {\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}\n\n", "\n"},
        {"data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":null}\n\n", " finish=stop\n"},
        {"data: {\"choices\":[{\"finish_reason\":\"content_filter\"}]}\n\n",
         " finish=content_filter\n"},
        {"data: {\"choices\":[{\"finish_reason\":\"eos\"}]}\n\n", " finish=other\n"},
        {"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4,"
         "\"prompt_tokens_details\":{\"cached_tokens\":7},"
         "\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n",
         " input=3 cached=7 output=4 reasoned=3 usage_only\n"},
        {"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,"
         "\"prompt_tokens_details\":{\"cached_tokens\":11}}}\n\n",
         " input=10 usage_only\n"},
        {"data: "
         "{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"prompt_tokens_details\":null}}\n\n",
         " input=10 usage_only\n"},
        {"data: {\"choices\":[]}\n\n", "\n"},
        {"data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"timings\":{\"prompt_n\":2,"
         "\"prompt_ms\":0.0,\"predicted_n\":1,\"predicted_ms\":5.5}}\n\n",
         " finish=stop\n"},
        {"data: {\"choices\":[{\"delta\":{}}],\"timings\":{\"prompt_n\":9,\"prompt_ms\":9}}\n\n",
         "\n"},
        {"data: {\"error\":{\"message\":\"boom\",\"code\":500}}\n\n", " error=\"boom\" is_error\n"},
        {"data: {\"error\":\"boom\"}\n\n", " error=\"boom\" is_error\n"},
        {"data: {\"error\":{}}\n\n", " is_error\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_reading(&ts_openai_chat, rows[i][0], rows[i][1]);
}

static void reads_single_events_of_responses(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n", " text=\"a\"\n"},
        {"data: {\"delta\":\"a\",\"type\":\"response.reasoning_summary_text.delta\"}\n\n",
         " reasoning=\"a\"\n"},
        {"data: {\"type\":\"response.refusal.delta\",\"delta\":\"no\"}\n\n", " refusal=\"no\"\n"},
        {"data: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{\"}\n\n",
         " tool_call\n"},
        {"data: {\"type\":\"response.output_text.done\",\"text\":\"a\"}\n\n", "\n"},
        {"data: {\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":"
         "\"max_output_tokens\"},\"usage\":{\"input_tokens\":5,\"output_tokens\":3,"
         "\"output_tokens_details\":{\"reasoning_tokens\":2}}}}\n\n",
         " input=5 output=3 reasoned=2 finish=length terminator\n"},
        {"data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\",\"message\":"
         "\"boom\"}}}\n\n",
         " error=\"boom\" is_error\n"},
        {"event: error\ndata: {\"type\":\"error\",\"message\":\"boom\"}\n\n",
         " error=\"boom\" is_error\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_reading(&ts_openai_responses, rows[i][0], rows[i][1]);
}

static void ends_events_where_their_lines_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *log;
    } rows[] = {
        {"data: [DONE]\n\ndata: [DONE]\n\n", "14: terminator\n28: terminator\n"},
        {"data: [DONE]\r\n\r\ndata: [DONE]\r\n\r\n", "16: terminator\n32: terminator\n"},
        {"data: [DONE]\r\rdata: [DONE]\r\r", "14: terminator\n28: terminator\n"},
        {"data: [DONE]\n\r\ndata: [DONE]\n\n", "14: terminator\n29: terminator\n"},
        {"data: [DONE]\r\n\ndata: [DONE]\r\n\n", "15: terminator\n30: terminator\n"},
        {"data: [DONE]\r\n\rdata: [DONE]\r\n\r", "15: terminator\n30: terminator\n"},
        {":\n\n:\n\ndata: [DONE]\n\n:\n\n", "20: terminator\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct log l = run_text(&ts_openai_chat, rows[i].text);
        assert_string_equal(ts_buf_text(&l.text), rows[i].log);
        free_log(&l);
        expect_same_at_every_split(&ts_openai_chat, ts_slice_str(rows[i].text));
    }
}

static void keeps_no_more_text_than_asked_and_no_half_characters(void **state)
{
    (void)state;
    static const struct {
        size_t max;
        const char *log;
    } rows[] = {
        {7, "36: text=\"ab\xc3\xa4\xe2\x82\xac\"\n"},
        {6, "36: text=\"ab\xc3\xa4\" cut\n"},
        {5, "36: text=\"ab\xc3\xa4\" cut\n"},
        {4, "36: text=\"ab\xc3\xa4\" cut\n"},
        {3, "36: text=\"ab\" cut\n"},
        {2, "36: text=\"ab\" cut\n"},
        {1, "36: text=\"a\" cut\n"},
    };
    struct ts_slice line = TS_SLICE_LIT("{\"response\":\"ab\\u00e4\xe2\x82\xac\",\"done\":0}\n");
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step < line.len; step++) {
            struct log l = run(&ts_ollama_generate, line, step, step, rows[i].max);
            assert_string_equal(ts_buf_text(&l.text), rows[i].log);
            free_log(&l);
        }
    }
}

static void has_no_limit_on_a_line(void **state)
{
    (void)state;
    struct ts_buf line = TS_BUF_INIT(16 * 1024 * 1024);
    ts_buf_puts(&line, "{\"context\":[0");
    for (int i = 0; i < 1000000; i++)
        ts_buf_puts(&line, ",32001");
    ts_buf_puts(&line, "],\"done\":true,\"eval_count\":7}\n");
    struct log l =
        run(&ts_ollama_generate, (struct ts_slice){line.data, line.len}, 16384, 16384, MAX_TEXT);
    assert_int_equal(l.terminators, 1);
    assert_int_equal(l.tokens.output, 7);
    free_log(&l);
    ts_buf_free(&line);
}

static void survives_structures_made_to_hurt(void **state)
{
    (void)state;
    struct ts_buf line = TS_BUF_INIT(1024 * 1024);
    for (int i = 0; i < 100000; i++)
        ts_buf_puts(&line, "[");
    ts_buf_puts(&line, "\n{\"done\":true}\n");
    struct log l =
        run(&ts_ollama_generate, (struct ts_slice){line.data, line.len}, SIZE_MAX, 1, MAX_TEXT);
    assert_int_equal(l.malformed, 1);
    assert_int_equal(l.terminators, 1);
    free_log(&l);
    ts_buf_clear(&line);
    ts_buf_puts(&line, "{\"");
    for (int i = 0; i < 50000; i++)
        ts_buf_puts(&line, "long key ");
    ts_buf_puts(&line, "\":1,\"\":2,\"[]\":3,\"eval_count\":");
    for (int i = 0; i < 50000; i++)
        ts_buf_puts(&line, "9");
    ts_buf_puts(&line, ",\"done\":true}\n");
    l = run(&ts_ollama_generate, (struct ts_slice){line.data, line.len}, SIZE_MAX, 1, MAX_TEXT);
    assert_string_equal(strchr(l.text.data, ':') + 1, " finish=stop terminator\n");
    free_log(&l);
    ts_buf_free(&line);
}

/* After each byte: nothing unfinished is in (.), what is in may pass (-) or must be held (h). */
static void expect_suspicion(const struct ts_dialect *d, const char *text, const char *suspicion)
{
    struct log l = new_log();
    struct ts_reader *r = NULL;
    assert_int_equal(ts_reader_new(d, MAX_TEXT, on_event, &l, &r), TS_OK);
    for (size_t i = 0; text[i] != '\0'; i++) {
        ts_reader_feed(r, text + i, 1);
        char found = !ts_reader_in_event(r) ? '.' : ts_reader_maybe_terminator(r) ? 'h' : '-';
        if (found != suspicion[i])
            fail_msg("%s: after %zu bytes %c, expected %c", text, i + 1, found, suspicion[i]);
    }
    assert_int_equal(strlen(text), strlen(suspicion));
    ts_reader_free(r);
    free_log(&l);
}

static void suspects_only_what_may_be_the_end(void **state)
{
    (void)state;
    static const struct {
        const struct ts_dialect *dialect;
        const char *text;
        const char *suspicion;
    } rows[] = {
        {&ts_ollama_generate, "{\"done\":false,\"x\":1}\n", "hhhhhhhhhhhhh-------."},
        {&ts_ollama_generate, "{\"done\":true,\"x\":1}\n", "hhhhhhhhhhhhhhhhhhh."},
        {&ts_ollama_generate, "{]{\"done\":true}\n", "h--------------."},
        {&ts_ollama_generate, " \n{\"a\"", "--hhhh"},
        {&ts_openai_chat, "data: [DONE]\n\n", "hhhhhhhhhhhhh."},
        {&ts_openai_chat, "data: {\"a\":1}\n\n", "hhhhhh--------."},
        {&ts_openai_chat, "data: [1]\n\n", "hhhhhhh---."},
        {&ts_openai_chat, ": x\n\ndata: {", "-----hhhhhh-"},
        {&ts_openai_chat, "date: x\n", "hhh-----"},
        {&ts_openai_chat, "event: x\n", "---------"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect_suspicion(rows[i].dialect, rows[i].text, rows[i].suspicion);
}

static enum ts_err read_all(void *ctx)
{
    (void)ctx;
    struct log l = new_log();
    struct ts_reader *r = NULL;
    enum ts_err rc = ts_reader_new(&ts_ollama_generate, MAX_TEXT, on_event, &l, &r);
    if (rc == TS_OK) {
        ts_reader_feed(r, ollama_stream, strlen(ollama_stream));
        ts_reader_end(r);
        rc = l.terminators == 1 ? TS_OK : TS_ERR_INTERNAL; /* text may be cut, the end is seen */
    }
    ts_reader_free(r);
    free_log(&l);
    return rc;
}

static void sees_the_end_even_where_text_finds_no_memory(void **state)
{
    (void)state;
    malloc_torture(read_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_recorded_streams_as_they_are_known_to_be),
        cmocka_unit_test(reads_every_recording_the_same_at_every_split),
        cmocka_unit_test(takes_the_text_as_it_was_meant),
        cmocka_unit_test(reads_an_ollama_stream),
        cmocka_unit_test(reads_single_ollama_lines),
        cmocka_unit_test(reads_single_lines_of_ollamas_chat),
        cmocka_unit_test(says_where_calls_of_tools_are_more_than_it_keeps),
        cmocka_unit_test(reads_single_openai_events),
        cmocka_unit_test(reads_single_events_of_responses),
        cmocka_unit_test(ends_events_where_their_lines_end),
        cmocka_unit_test(keeps_no_more_text_than_asked_and_no_half_characters),
        cmocka_unit_test(has_no_limit_on_a_line),
        cmocka_unit_test(survives_structures_made_to_hurt),
        cmocka_unit_test(suspects_only_what_may_be_the_end),
        cmocka_unit_test(sees_the_end_even_where_text_finds_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
