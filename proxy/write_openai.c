/* Answers in OpenAI's dialect, to clients: chat and plain completions. */
#include <inttypes.h>

#include "base/jscan.h"
#include "proxy/dialect_impl.h"
#include "proxy/fold.h"
#include "proxy/writer.h"

static bool is_chat(const struct ts_writer *w)
{
    return w->dialect == &ts_openai_chat;
}

static struct ts_slice bytes_of(const struct ts_buf *b)
{
    return (struct ts_slice){ts_buf_text(b), b->len};
}

static void put_string(struct ts_buf *out, const char *before, struct ts_slice text)
{
    ts_buf_puts(out, before);
    ts_buf_put_json_string(out, text.at, text.len);
}

/* Two names are about for it: some clients know only the one, some only the other. */
static void put_reasoning(struct ts_buf *out, const char *before, struct ts_slice reasoning)
{
    put_string(out, before, reasoning);
    size_t n = reasoning.len;
    if (n > 0)
        put_string(out, ",\"reasoning\":", reasoning);
}

/* -- what all events and answers have ---------------------------------------------------------- */

static void put_head(const struct ts_writer *w, const char *object, struct ts_buf *out)
{
    ts_buf_printf(out,
                  "{\"id\":\"%s-%s\",\"object\":\"%s\",\"created\":%" PRId64,
                  is_chat(w) ? "chatcmpl" : "cmpl",
                  w->id,
                  object,
                  w->created_ms / 1000);
    put_string(out, ",\"model\":", ts_slice_str(w->model));
}

static const char *finish_reason(const struct ts_writer *w)
{
    struct ts_slice reason = ts_slice_str(w->call->finish_reason);
    static const enum ts_finish known[] = {
        TS_FINISH_LENGTH, TS_FINISH_TOOL_CALLS, TS_FINISH_CONTENT_FILTER};
    for (size_t i = 0; i < TS_ARRAY_LEN(known); i++) {
        if (ts_slice_is(reason, ts_finish_name(known[i])))
            return ts_finish_name(known[i]);
    }
    return ts_finish_name(TS_FINISH_STOP);
}

static int64_t known(int64_t v)
{
    return v != TS_UNKNOWN ? v : 0;
}

/* Counts that the server gave; what was counted here is a lower bound and would pass for the truth.
 */
static bool has_usage(const struct ts_writer *w)
{
    return w->call->tokens_source == TS_TOKENS_PROVIDER && w->call->tokens.output != TS_UNKNOWN;
}

static void put_usage(const struct ts_writer *w, struct ts_buf *out)
{
    const struct ts_token_counts *t = &w->call->tokens;
    if (t->input == TS_UNKNOWN) {
        ts_buf_printf(out,
                      ",\"usage\":{\"prompt_tokens\":null,\"completion_tokens\":%" PRId64
                      ",\"total_tokens\":null",
                      t->output);
    } else {
        int64_t prompt = t->input + known(t->cache_read) + known(t->cache_write);
        ts_buf_printf(out,
                      ",\"usage\":{\"prompt_tokens\":%" PRId64 ",\"completion_tokens\":%" PRId64
                      ",\"total_tokens\":%" PRId64,
                      prompt,
                      t->output,
                      prompt + t->output);
    }
    if (t->cache_read != TS_UNKNOWN)
        ts_buf_printf(
            out, ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRId64 "}", t->cache_read);
    if (t->reasoning != TS_UNKNOWN)
        ts_buf_printf(
            out, ",\"completion_tokens_details\":{\"reasoning_tokens\":%" PRId64 "}", t->reasoning);
    ts_buf_puts(out, "}");
}

/* -- streams ----------------------------------------------------------------------------------- */

static const char *chunk_object(const struct ts_writer *w)
{
    return is_chat(w) ? "chat.completion.chunk" : "text_completion";
}

/* `data: {...,"choices":[`: the same for every event of a stream. */
static void begin_chunk(struct ts_writer *w, struct ts_buf *out)
{
    if (w->head.len == 0) {
        ts_buf_puts(&w->head, "data: ");
        put_head(w, chunk_object(w), &w->head);
        ts_buf_puts(&w->head, ",\"choices\":[");
    }
    ts_buf_put(out, ts_buf_text(&w->head), w->head.len);
}

/* The first delta says who speaks. */
static void begin_delta(struct ts_writer *w, struct ts_buf *out)
{
    begin_chunk(w, out);
    ts_buf_puts(out, "{\"index\":0,\"delta\":{");
    ts_buf_puts(out, w->begun ? "" : "\"role\":\"assistant\",");
    w->begun = true;
}

static void put_piece(struct ts_writer *w,
                      const struct ts_tool_piece *p,
                      int count,
                      struct ts_buf *out)
{
    bool fresh;
    int number = ts_toolset_add(&w->tools, p, &fresh);
    struct ts_slice input = p->input;
    ts_buf_printf(out, "%s{\"index\":%d", count > 0 ? "," : "", number);
    if (fresh && p->id.len > 0)
        put_string(out, ",\"id\":", p->id);
    else if (fresh)
        ts_buf_printf(out, ",\"id\":\"call_%s_%d\"", w->id, number);
    ts_buf_puts(out, fresh ? ",\"type\":\"function\",\"function\":{" : ",\"function\":{");
    if (fresh)
        put_string(out, "\"name\":", p->name);
    if (p->whole && input.len == 0)
        input = TS_SLICE_LIT("{}");
    put_string(out, fresh ? ",\"arguments\":" : "\"arguments\":", input);
    ts_buf_puts(out, "}}");
}

static void put_delta(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    int count = 0;
    begin_delta(w, out);
    if (e->reasoning.len > 0)
        put_reasoning(
            out, count++ > 0 ? ",\"reasoning_content\":" : "\"reasoning_content\":", e->reasoning);
    if (e->text.len > 0)
        put_string(out, count++ > 0 ? ",\"content\":" : "\"content\":", e->text);
    if (e->refusal.len > 0)
        put_string(out, count++ > 0 ? ",\"refusal\":" : "\"refusal\":", e->refusal);
    for (int i = 0; i < e->tool_count; i++) {
        if (i == 0)
            ts_buf_puts(out, count++ > 0 ? ",\"tool_calls\":[" : "\"tool_calls\":[");
        put_piece(w, &e->tools[i], i, out);
    }
    ts_buf_puts(out, e->tool_count > 0 ? "]" : "");
    ts_buf_puts(out, "},\"finish_reason\":null}]}\n\n");
}

static void put_text(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    begin_chunk(w, out);
    put_string(out, "{\"index\":0,\"text\":", e->text);
    ts_buf_puts(out, ",\"logprobs\":null,\"finish_reason\":null}]}\n\n");
}

void ts_openai_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    w->tools.counts_only = true; /* what is written need not be kept */
    if (!is_chat(w) && e->text.len > 0)
        put_text(w, e, out);
    if (is_chat(w) && ts_event_has_content(e))
        put_delta(w, e, out);
}

void ts_openai_write_end(struct ts_writer *w, struct ts_buf *out)
{
    if (is_chat(w)) {
        bool silent = !w->begun;
        begin_delta(w, out);
        ts_buf_puts(out, silent ? "\"content\":\"\"" : "");
        ts_buf_puts(out, "}");
    } else {
        begin_chunk(w, out);
        ts_buf_puts(out, "{\"index\":0,\"text\":\"\",\"logprobs\":null");
    }
    ts_buf_printf(out, ",\"finish_reason\":\"%s\"}]}\n\n", finish_reason(w));
    if (w->wants_usage && has_usage(w)) {
        begin_chunk(w, out);
        ts_buf_puts(out, "]");
        put_usage(w, out);
        ts_buf_puts(out, "}\n\n");
    }
    ts_buf_puts(out, "data: [DONE]\n\n");
}

/* -- whole answers ----------------------------------------------------------------------------- */

static void put_calls(const struct ts_writer *w, struct ts_buf *out)
{
    for (int i = 0; i < w->tools.count; i++) {
        const struct ts_tool_call *c = &w->tools.calls[i];
        struct ts_slice input =
            c->input.len > 0 || !c->whole ? bytes_of(&c->input) : TS_SLICE_LIT("{}");
        ts_buf_puts(out, i == 0 ? ",\"tool_calls\":[" : ",");
        if (c->id.len > 0)
            put_string(out, "{\"id\":", bytes_of(&c->id));
        else
            ts_buf_printf(out, "{\"id\":\"call_%s_%d\"", w->id, i);
        put_string(out, ",\"type\":\"function\",\"function\":{\"name\":", bytes_of(&c->name));
        put_string(out, ",\"arguments\":", input);
        ts_buf_puts(out, "}}");
    }
    ts_buf_puts(out, w->tools.count > 0 ? "]" : "");
}

static void put_message(const struct ts_writer *w, struct ts_buf *out)
{
    ts_buf_puts(out, "\"message\":{\"role\":\"assistant\",\"content\":");
    if (w->text.len == 0 && (w->tools.count > 0 || w->refusal.len > 0))
        ts_buf_puts(out, "null");
    else
        put_string(out, "", bytes_of(&w->text));
    if (w->reasoning.len > 0)
        put_reasoning(out, ",\"reasoning_content\":", bytes_of(&w->reasoning));
    if (w->refusal.len > 0)
        put_string(out, ",\"refusal\":", bytes_of(&w->refusal));
    else
        ts_buf_puts(out, ",\"refusal\":null");
    put_calls(w, out);
    ts_buf_puts(out, "}");
}

static void put_choice(const struct ts_writer *w, struct ts_buf *out)
{
    ts_buf_puts(out, ",\"choices\":[{\"index\":0,");
    if (is_chat(w))
        put_message(w, out);
    else
        put_string(out, "\"text\":", bytes_of(&w->text));
    ts_buf_puts(out, ",\"logprobs\":null");
}

/* -- folding what a server of the same dialect said -------------------------------------------- */

static struct ts_jvalue first_choice(struct ts_jvalue event)
{
    struct ts_jiter it = ts_jiter_of(ts_jmember(event, "choices"));
    struct ts_jvalue key, choice = {.type = TS_J_NONE};
    if (!ts_jiter_next(&it, &key, &choice))
        choice.type = TS_J_NONE;
    return choice;
}

/* The last event's members, then those that only the one before it had; the answer is ours. */
static void put_merged(const struct ts_writer *w,
                       struct ts_jvalue ending,
                       struct ts_jvalue last,
                       struct ts_buf *out)
{
    static const char *const not_of_answer[] = {"object", "choices", "obfuscation", NULL};
    static const char *const not_of_choice[] = {"index", "delta", "text", "logprobs", NULL};
    static const struct ts_jvalue nothing = {.type = TS_J_NONE};
    ts_buf_printf(out, "{\"object\":\"%s\"", is_chat(w) ? "chat.completion" : "text_completion");
    ts_fold_members(out, last, nothing, not_of_answer);
    ts_fold_members(out, ending, last, not_of_answer);
    put_choice(w, out);
    ts_fold_members(out, first_choice(ending), nothing, not_of_choice);
    ts_buf_puts(out, "}]}");
}

void ts_openai_write_whole(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_jvalue ending = ts_fold_document(&w->ending);
    struct ts_jvalue last = ts_fold_document(&w->last);
    if (first_choice(ending).type == TS_J_OBJECT && last.type == TS_J_OBJECT) {
        put_merged(w, ending, last, out);
        return;
    }
    put_head(w, is_chat(w) ? "chat.completion" : "text_completion", out);
    put_choice(w, out);
    ts_buf_printf(out, ",\"finish_reason\":\"%s\"}]", finish_reason(w));
    if (has_usage(w))
        put_usage(w, out);
    ts_buf_puts(out, "}");
}

void ts_openai_keep_event(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw)
{
    bool ends = e->finish != TS_FINISH_NONE;
    struct ts_slice data = ts_fold_data(raw);
    if (e->terminator || data.at == NULL || (!ends && !e->usage_only))
        return;
    if (ends) {
        ts_buf_clear(&w->ending);
        ts_buf_put(&w->ending, data.at, data.len);
    }
    ts_buf_clear(&w->last);
    ts_buf_put(&w->last, data.at, data.len);
}
