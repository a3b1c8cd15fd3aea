/*
 * One pane of a comparison: asked for like a chat of OpenAI's, answered in words of our own.
 *
 * Each event is a line of JSON, an object with one member: text, reasoning, refusal or tool (a
 * piece of a call), and at the end done. The handler of /api/compare puts the lines of all panes
 * into one stream.
 */
#include <inttypes.h>

#include "proxy/dialect_impl.h"
#include "proxy/writer.h"

static void put_line(struct ts_buf *out, const char *member, struct ts_slice text)
{
    if (text.len == 0)
        return;
    ts_buf_printf(out, "{\"%s\":", member);
    ts_buf_put_json_string(out, text.at, text.len);
    ts_buf_puts(out, "}\n");
}

static void put_piece(struct ts_writer *w, const struct ts_tool_piece *p, struct ts_buf *out)
{
    bool fresh;
    int number = ts_toolset_add(&w->tools, p, &fresh);
    ts_buf_printf(out, "{\"tool\":{\"number\":%d", number);
    if (fresh) {
        ts_buf_puts(out, ",\"name\":");
        ts_buf_put_json_string(out, p->name.at, p->name.len);
    }
    ts_buf_puts(out, ",\"input\":");
    ts_buf_put_json_string(out, p->input.at, p->input.len);
    ts_buf_puts(out, "}}\n");
}

static void write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    w->tools.counts_only = true; /* what is written need not be kept */
    put_line(out, "reasoning", e->reasoning);
    put_line(out, "text", e->text);
    put_line(out, "refusal", e->refusal);
    for (int i = 0; i < e->tool_count; i++)
        put_piece(w, &e->tools[i], out);
}

static void put_ms(struct ts_buf *out, const char *name, int64_t us)
{
    if (us == TS_UNKNOWN)
        ts_buf_printf(out, ",\"%s\":null", name);
    else
        ts_buf_printf(out, ",\"%s\":%.3f", name, (double)us / 1000.0);
}

static void put_count(struct ts_buf *out, const char *name, int64_t count)
{
    if (count == TS_UNKNOWN)
        ts_buf_printf(out, ",\"%s\":null", name);
    else
        ts_buf_printf(out, ",\"%s\":%" PRId64, name, count);
}

static int64_t add_known(int64_t a, int64_t b)
{
    return a == TS_UNKNOWN ? b : b == TS_UNKNOWN ? a : a + b;
}

/* `"done":{...}`: what the record says, so that both agree. */
static void put_done(const struct ts_writer *w, struct ts_buf *out)
{
    const struct ts_call *c = w->call;
    const struct ts_token_counts *t = &c->tokens;
    ts_buf_printf(
        out, "\"done\":{\"outcome\":\"%s\",\"finishReason\":", ts_outcome_name(c->outcome));
    if (c->finish_reason != NULL)
        ts_buf_printf(out, "\"%s\"", c->finish_reason); /* one of ours: nothing to escape */
    else
        ts_buf_puts(out, "null");
    put_ms(out, "ttftMs", c->phases.ttft_us);
    put_ms(out, "totalMs", c->phases.total_us);
    put_count(out, "inputTokens", add_known(t->input, add_known(t->cache_read, t->cache_write)));
    put_count(out, "outputTokens", t->output);
    ts_buf_printf(out, ",\"tokensSource\":\"%s\"}", ts_tokens_source_name(c->tokens_source));
}

static void write_end(struct ts_writer *w, struct ts_buf *out)
{
    ts_buf_puts(out, "{");
    put_done(w, out);
    ts_buf_puts(out, "}\n");
}

/* -- whole answers ----------------------------------------------------------------------------- */

static void put_member(struct ts_buf *out, const char *name, const struct ts_buf *text)
{
    ts_buf_printf(out, "\"%s\":", name);
    ts_buf_put_json_string(out, ts_buf_text(text), text->len);
    ts_buf_puts(out, ",");
}

static void put_calls(const struct ts_writer *w, struct ts_buf *out)
{
    ts_buf_puts(out, "\"tools\":[");
    for (int i = 0; i < w->tools.count; i++) {
        const struct ts_tool_call *c = &w->tools.calls[i];
        ts_buf_puts(out, i > 0 ? ",{" : "{");
        put_member(out, "name", &c->name);
        ts_buf_puts(out, "\"input\":");
        ts_buf_put_json_string(out, ts_buf_text(&c->input), c->input.len);
        ts_buf_puts(out, "}");
    }
    ts_buf_puts(out, "],");
}

static void write_whole(struct ts_writer *w, struct ts_buf *out)
{
    ts_buf_puts(out, "{");
    put_member(out, "text", &w->text);
    if (w->reasoning.len > 0)
        put_member(out, "reasoning", &w->reasoning);
    if (w->refusal.len > 0)
        put_member(out, "refusal", &w->refusal);
    if (w->tools.count > 0)
        put_calls(w, out);
    put_done(w, out);
    ts_buf_puts(out, "}");
}

const struct ts_dialect ts_pane = {
    .name = "touchstone.chat",
    .family = "touchstone",
    .framing = TS_FRAMING_NDJSON,
    .stream_type = "application/x-ndjson",
    .stream_default = true,
    .same_model = true,
    .members = ts_openai_chat_members,
    .member_count = TS_OPENAI_CHAT_MEMBERS,
    .read_asked = ts_openai_chat_asked,
    .each_message = ts_openai_chat_messages,
    .each_tool = ts_function_tools,
    .write_event = write_event,
    .write_end = write_end,
    .write_whole = write_whole,
};
