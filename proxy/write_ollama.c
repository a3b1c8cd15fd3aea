#include "proxy/write_ollama.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/jscan.h"

/* The members every line begins with. */
static void begin(const struct ts_writer *w, int64_t at_ms, struct ts_buf *out)
{
    char time[TS_RFC3339_SIZE];
    struct ts_slice model = ts_slice_str(w->model);
    ts_buf_puts(out, "{\"model\":");
    ts_buf_put_json_string(out, model.at, model.len);
    ts_buf_printf(out, ",\"created_at\":\"%s\",", ts_rfc3339(at_ms, time));
}

static void put_texts(struct ts_buf *out, struct ts_slice text, struct ts_slice reasoning)
{
    ts_buf_puts(out, "\"response\":");
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

void ts_generate_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    if (e->text.len == 0 && e->reasoning.len == 0)
        return;
    begin(w, w->created_ms, out);
    put_texts(out, e->text, e->reasoning);
    ts_buf_puts(out, ",\"done\":false}\n");
}

void ts_generate_write_end(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_slice none = TS_SLICE_LIT("");
    begin(w, end_ms(w), out);
    put_texts(out, none, none);
    put_done(w, out);
    ts_buf_puts(out, "\n");
}

/* The last line as it came, with the collected text in place of its own. */
static void put_merged(const struct ts_writer *w, struct ts_jvalue line, struct ts_buf *out)
{
    struct ts_jiter it = ts_jiter_of(line);
    struct ts_jvalue key, value;
    ts_buf_puts(out, "{");
    put_texts(out, bytes_of(&w->text), bytes_of(&w->reasoning));
    while (ts_jiter_next(&it, &key, &value)) {
        if (ts_jstring_is(key, "response") || ts_jstring_is(key, "thinking"))
            continue;
        ts_buf_puts(out, ",");
        ts_buf_put(out, key.raw.at, key.raw.len);
        ts_buf_puts(out, ":");
        ts_buf_put(out, value.raw.at, value.raw.len);
    }
    ts_buf_puts(out, "}");
}

void ts_generate_write_whole(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_jvalue line;
    if (w->last.len > 0 && ts_jscan(w->last.data, w->last.len, &line, NULL) == TS_OK &&
        line.type == TS_J_OBJECT) {
        put_merged(w, line, out);
        return;
    }
    begin(w, end_ms(w), out);
    put_texts(out, bytes_of(&w->text), bytes_of(&w->reasoning));
    put_done(w, out);
}
