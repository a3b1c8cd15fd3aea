/* Answers in Ollama's dialect, to clients: generate and chat. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/jscan.h"
#include "proxy/dialect_impl.h"
#include "proxy/writer.h"

/* The members every line begins with. */
static void put_head(const struct ts_writer *w, int64_t at_ms, struct ts_buf *out)
{
    char time[TS_RFC3339_SIZE];
    struct ts_slice model = ts_slice_str(w->model);
    ts_buf_puts(out, "{\"model\":");
    ts_buf_put_json_string(out, model.at, model.len);
    ts_buf_printf(out, ",\"created_at\":\"%s\",", ts_rfc3339(at_ms, time));
}

static bool is_chat(const struct ts_writer *w)
{
    return w->dialect == &ts_ollama_chat;
}

static void put_texts(const struct ts_writer *w,
                      struct ts_slice text,
                      struct ts_slice reasoning,
                      struct ts_buf *out)
{
    ts_buf_puts(out,
                is_chat(w) ? "\"message\":{\"role\":\"assistant\",\"content\":" : "\"response\":");
    ts_buf_put_json_string(out, text.at, text.len);
    if (reasoning.len == 0)
        return;
    ts_buf_puts(out, ",\"thinking\":");
    ts_buf_put_json_string(out, reasoning.at, reasoning.len);
}

static struct ts_slice bytes_of(const struct ts_buf *b)
{
    return (struct ts_slice){ts_buf_text(b), b->len};
}

static void put_count(struct ts_buf *out, const char *name, int64_t v)
{
    if (v != TS_UNKNOWN)
        ts_buf_printf(out, ",\"%s\":%" PRId64, name, v);
}

static void put_duration(struct ts_buf *out, const char *name, int64_t us)
{
    int64_t ns;
    if (us != TS_UNKNOWN && !__builtin_mul_overflow(us, INT64_C(1000), &ns))
        put_count(out, name, ns);
}

/* Ollama knows no word for calls of tools and the like: the answer has ended. */
static const char *done_reason(const struct ts_call *call)
{
    struct ts_slice reason = ts_slice_str(call->finish_reason);
    static const enum ts_finish known[] = {
        TS_FINISH_LENGTH, TS_FINISH_LOAD, TS_FINISH_UNLOAD, TS_FINISH_CONTENT_FILTER};
    for (size_t i = 0; i < TS_ARRAY_LEN(known); i++) {
        if (ts_slice_is(reason, ts_finish_name(known[i])))
            return ts_finish_name(known[i]);
    }
    return ts_finish_name(TS_FINISH_STOP);
}

/* Counts are told where the server gave them; a lower bound would pass for the truth here. */
static void put_counts(const struct ts_writer *w, struct ts_buf *out)
{
    const struct ts_token_counts *t = &w->call->tokens;
    bool exact = w->call->tokens_source == TS_TOKENS_PROVIDER;
    int64_t cached = t->cache_read != TS_UNKNOWN ? t->cache_read : 0;
    int64_t eval_us = w->times.eval_us != TS_UNKNOWN ? w->times.eval_us : w->call->phases.decode_us;
    put_count(
        out, "prompt_eval_count", exact && t->input != TS_UNKNOWN ? t->input + cached : TS_UNKNOWN);
    put_duration(out, "prompt_eval_duration", w->times.prompt_us);
    put_count(out, "eval_count", exact ? t->output : TS_UNKNOWN);
    put_duration(out, "eval_duration", eval_us);
}

static void put_done(const struct ts_writer *w, struct ts_buf *out)
{
    const struct ts_phases *p = &w->call->phases;
    ts_buf_printf(out, ",\"done\":true,\"done_reason\":\"%s\"", done_reason(w->call));
    put_duration(out, "total_duration", p->total_us);
    put_duration(out, "load_duration", p->load_us);
    put_counts(w, out);
    ts_buf_puts(out, "}");
}

static int64_t end_ms(const struct ts_writer *w)
{
    int64_t total_us = w->call->phases.total_us;
    return w->created_ms + (total_us != TS_UNKNOWN ? total_us / 1000 : 0);
}

/* -- calls of tools ---------------------------------------------------------------------------- */

/* An answer that was cut short may end within a call. */
static bool was_cut(const struct ts_writer *w)
{
    struct ts_slice reason = ts_slice_str(w->call->finish_reason);
    return ts_slice_is(reason, ts_finish_name(TS_FINISH_LENGTH));
}

/* The arguments are an object here, so that they must be complete. */
static bool put_call(struct ts_writer *w, int i, bool first, struct ts_buf *out)
{
    const struct ts_tool_call *c = &w->tools.calls[i];
    struct ts_jvalue input = {.type = TS_J_OBJECT, .raw = TS_SLICE_LIT("{}")};
    if (c->input.len > 0 && (ts_jscan(c->input.data, c->input.len, &input, NULL) != TS_OK ||
                             input.type != TS_J_OBJECT)) {
        if (!was_cut(w))
            w->trouble = "the model called a tool with arguments that are no object of JSON";
        return false;
    }
    ts_buf_puts(out, first ? ",\"tool_calls\":[{" : ",{");
    if (c->id.len > 0) {
        ts_buf_puts(out, "\"id\":");
        ts_buf_put_json_string(out, c->id.data, c->id.len);
        ts_buf_puts(out, ",");
    }
    ts_buf_printf(out, "\"function\":{\"index\":%d,\"name\":", i);
    ts_buf_put_json_string(out, ts_buf_text(&c->name), c->name.len);
    ts_buf_puts(out, ",\"arguments\":");
    ts_buf_put(out, input.raw.at, input.raw.len);
    ts_buf_puts(out, "}}");
    return true;
}

static void put_calls(struct ts_writer *w, struct ts_buf *out)
{
    bool any = false;
    for (int i = 0; i < w->tools.count; i++)
        any = put_call(w, i, !any, out) || any;
    ts_buf_puts(out, any ? "]" : "");
}

/* -- streams ----------------------------------------------------------------------------------- */

void ts_ollama_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    bool fresh;
    for (int i = 0; i < e->tool_count; i++)
        (void)ts_toolset_add(&w->tools, &e->tools[i], &fresh);
    struct ts_slice text = e->text.len > 0 ? e->text : e->refusal;
    if (text.len == 0 && e->reasoning.len == 0)
        return;
    if (w->head.len == 0)
        put_head(w, w->created_ms, &w->head);
    ts_buf_put(out, ts_buf_text(&w->head), w->head.len);
    put_texts(w, text, e->reasoning, out);
    ts_buf_puts(out, is_chat(w) ? "},\"done\":false}\n" : ",\"done\":false}\n");
}

void ts_ollama_write_end(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_slice none = TS_SLICE_LIT("");
    if (w->tools.count > 0 && is_chat(w)) {
        put_head(w, w->created_ms, out);
        put_texts(w, none, none, out);
        put_calls(w, out);
        ts_buf_puts(out, "},\"done\":false}\n");
    }
    put_head(w, end_ms(w), out);
    put_texts(w, none, none, out);
    ts_buf_puts(out, is_chat(w) ? "}" : "");
    put_done(w, out);
    ts_buf_puts(out, "\n");
}

/* -- whole answers ----------------------------------------------------------------------------- */

static void put_answer(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_slice text = bytes_of(&w->text);
    put_texts(w, text.len > 0 ? text : bytes_of(&w->refusal), bytes_of(&w->reasoning), out);
    if (is_chat(w)) {
        put_calls(w, out);
        ts_buf_puts(out, "}");
    }
}

/* The last line as it came, with the collected answer in place of its own. */
static void put_merged(struct ts_writer *w, struct ts_jvalue line, struct ts_buf *out)
{
    struct ts_jiter it = ts_jiter_of(line);
    struct ts_jvalue key, value;
    ts_buf_puts(out, "{");
    put_answer(w, out);
    while (ts_jiter_next(&it, &key, &value)) {
        if (ts_jstring_is(key, "response") || ts_jstring_is(key, "thinking") ||
            ts_jstring_is(key, "message"))
            continue;
        ts_buf_puts(out, ",");
        ts_buf_put(out, key.raw.at, key.raw.len);
        ts_buf_puts(out, ":");
        ts_buf_put(out, value.raw.at, value.raw.len);
    }
    ts_buf_puts(out, "}");
}

void ts_ollama_write_whole(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_jvalue line;
    if (w->last.len > 0 && ts_jscan(w->last.data, w->last.len, &line, NULL) == TS_OK &&
        line.type == TS_J_OBJECT) {
        put_merged(w, line, out);
        return;
    }
    put_head(w, end_ms(w), out);
    put_answer(w, out);
    put_done(w, out);
}

void ts_ollama_keep_event(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw)
{
    if (!e->terminator)
        return;
    ts_buf_clear(&w->last);
    ts_buf_put(&w->last, raw.at, raw.len);
}
