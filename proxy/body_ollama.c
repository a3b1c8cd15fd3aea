/* Bodies in Ollama's dialect, for upstreams: chat and generate, from what is asked. */
#include "proxy/asked_write.h"
#include "proxy/dialect_impl.h"

struct writing {
    struct ts_buf *out;
    struct ts_known_calls calls;
    int count; /* messages, or tools, written */
};

/* -- messages ---------------------------------------------------------------------------------- */

static enum ts_err put_images(struct ts_buf *out, const struct ts_message *m, struct ts_error *err)
{
    int count = 0;
    for (int i = 0; i < m->part_count; i++) {
        const struct ts_part *p = &m->parts[i];
        if (p->kind == TS_PART_IMAGE_URL)
            return ts_asked_cannot(
                m->where, "Ollama fetches no pictures: send them as data:image/...;base64,", err);
        if (p->kind != TS_PART_IMAGE)
            continue;
        ts_buf_puts(out, count == 0 ? ",\"images\":[" : "");
        ts_buf_printf(out, "%s\"", ts_comma(&count));
        ts_buf_put(out, p->data.at, p->data.len);
        ts_buf_puts(out, "\"");
    }
    ts_buf_puts(out, count > 0 ? "]" : "");
    return TS_OK;
}

static enum ts_err put_calls(struct writing *w, const struct ts_message *m, struct ts_error *err)
{
    int count = 0;
    for (int i = 0; i < m->part_count; i++) {
        const struct ts_part *p = &m->parts[i];
        int number;
        if (p->kind != TS_PART_CALL)
            continue;
        enum ts_err rc = ts_known_calls_add(&w->calls, p, &number, err);
        ts_buf_puts(w->out, count == 0 ? ",\"tool_calls\":[" : "");
        ts_buf_printf(w->out, "%s{", ts_comma(&count));
        if (p->id.type == TS_J_STRING) {
            ts_put_raw(w->out, "\"id\":", p->id);
            ts_buf_puts(w->out, ",");
        }
        ts_put_raw(w->out, "\"function\":{\"name\":", p->name);
        ts_buf_puts(w->out, ",\"arguments\":");
        if (rc == TS_OK)
            rc = ts_put_input_object(w->out, p, m->where, err);
        ts_buf_puts(w->out, "}}");
        if (rc != TS_OK)
            return rc;
    }
    ts_buf_puts(w->out, count > 0 ? "]" : "");
    return TS_OK;
}

/* Ollama knows a result by the name of its tool; newer ones by its id as well. */
static void put_result(struct writing *w, const struct ts_message *m)
{
    int number = ts_known_calls_match(&w->calls, m);
    struct ts_jvalue name = number >= 0 ? w->calls.at[number].name : m->tool_name;
    ts_put_optional(w->out, ",\"tool_name\":", name);
    ts_put_optional(w->out, ",\"tool_call_id\":", m->call_id);
}

static enum ts_err put_message(void *ctx, const struct ts_message *m, struct ts_error *err)
{
    static const char *const roles[] = {
        [TS_ROLE_SYSTEM] = "system",
        [TS_ROLE_USER] = "user",
        [TS_ROLE_ASSISTANT] = "assistant",
        [TS_ROLE_TOOL] = "tool",
    };
    struct writing *w = ctx;
    ts_buf_printf(w->out, "%s{\"role\":\"%s\",\"content\":", ts_comma(&w->count), roles[m->role]);
    ts_put_texts(w->out, m, TS_PART_TEXT);
    if (ts_count_parts(m, TS_PART_THINKING) > 0) {
        ts_buf_puts(w->out, ",\"thinking\":");
        ts_put_texts(w->out, m, TS_PART_THINKING);
    }
    enum ts_err rc = put_images(w->out, m, err);
    if (rc == TS_OK)
        rc = put_calls(w, m, err);
    if (m->role == TS_ROLE_TOOL)
        put_result(w, m);
    ts_buf_puts(w->out, "}");
    return rc;
}

/* -- tools ------------------------------------------------------------------------------------- */

static enum ts_err put_tool(void *ctx, const struct ts_tool *t, struct ts_error *err)
{
    (void)err;
    struct writing *w = ctx;
    ts_buf_puts(w->out, ts_comma(&w->count));
    ts_put_raw(w->out, "{\"type\":\"function\",\"function\":{\"name\":", t->name);
    ts_put_optional(w->out, ",\"description\":", t->description);
    ts_put_optional(w->out, ",\"parameters\":", t->parameters);
    ts_buf_puts(w->out, "}}");
    return TS_OK;
}

static enum ts_err put_tools(struct writing *w,
                             const struct ts_genreq *q,
                             const struct ts_asked *a,
                             struct ts_error *err)
{
    switch (a->tool_choice) {
    case TS_TOOL_CHOICE_NEVER:
        return TS_OK; /* not told of any, it calls none */
    case TS_TOOL_CHOICE_ANY:
    case TS_TOOL_CHOICE_NAMED:
        return ts_asked_cannot(
            "tool_choice",
            "Ollama cannot be made to call a tool: leave it out, or say \"auto\"",
            err);
    case TS_TOOL_CHOICE_NONE_GIVEN:
    case TS_TOOL_CHOICE_AUTO:
        break;
    }
    if (!a->has_tools)
        return TS_OK;
    w->count = 0;
    ts_buf_puts(w->out, ",\"tools\":[");
    enum ts_err rc = q->dialect->each_tool(q, put_tool, w, err);
    ts_buf_puts(w->out, "]");
    return rc;
}

/* -- the other members ------------------------------------------------------------------------- */

static void put_head(const struct ts_build *b, struct ts_buf *out)
{
    ts_put_model(out, b);
    ts_buf_puts(out, ",\"stream\":true");
}

static void put_format(struct ts_buf *out, const struct ts_asked *a)
{
    if (a->format == TS_FORMAT_JSON)
        ts_buf_puts(out, ",\"format\":\"json\"");
    else if (a->format == TS_FORMAT_SCHEMA)
        ts_put_raw(out, ",\"format\":", a->schema);
}

/* OpenAI's words that Ollama does not have. */
static void put_level(struct ts_buf *out, struct ts_jvalue level)
{
    if (ts_jstring_is(level, "minimal"))
        ts_buf_puts(out, ",\"think\":\"low\"");
    else if (ts_jstring_is(level, "xhigh"))
        ts_buf_puts(out, ",\"think\":\"max\"");
    else
        ts_put_raw(out, ",\"think\":", level);
}

static void put_thinking(struct ts_buf *out, const struct ts_asked *a)
{
    switch (a->thinking) {
    case TS_THINKING_NONE_GIVEN:
        return;
    case TS_THINKING_OFF:
        ts_buf_puts(out, ",\"think\":false");
        return;
    case TS_THINKING_ON:
    case TS_THINKING_BUDGET:
        ts_buf_puts(out, ",\"think\":true");
        return;
    case TS_THINKING_LEVEL:
        put_level(out, a->thinking_value);
        return;
    }
}

static void put_options(struct ts_buf *out, const struct ts_asked *a)
{
    bool any = false;
    for (int o = 0; o < TS_KNOB_COUNT_; o++) {
        const char *name = ts_knob_name((enum ts_knob)o, TS_WORDS_OLLAMA);
        if (name == NULL || a->knob[o].type == TS_J_NONE)
            continue;
        ts_buf_printf(out, "%s\"%s\":", any ? "," : ",\"options\":{", name);
        if (o == TS_KNOB_STOP)
            ts_put_stops(out, "", a->knob[o]);
        else
            ts_put_raw(out, "", a->knob[o]);
        any = true;
    }
    ts_buf_puts(out, any ? "}" : "");
}

static void put_rest(struct ts_buf *out, const struct ts_asked *a)
{
    put_format(out, a);
    put_thinking(out, a);
    put_options(out, a);
    ts_buf_puts(out, "}");
}

enum ts_err ts_ollama_chat_body(const struct ts_genreq *q,
                                const struct ts_build *b,
                                struct ts_buf *out,
                                struct ts_error *err)
{
    struct ts_asked a = {.format = TS_FORMAT_TEXT};
    struct writing w = {.out = out};
    enum ts_err rc = q->dialect->read_asked(q, &a, err);
    put_head(b, out);
    ts_buf_puts(out, ",\"messages\":[");
    if (rc == TS_OK)
        rc = q->dialect->each_message(q, put_message, &w, err);
    ts_buf_puts(out, "]");
    if (rc == TS_OK)
        rc = put_tools(&w, q, &a, err);
    put_rest(out, &a);
    ts_known_calls_deinit(&w.calls);
    return rc;
}

/* -- generate ---------------------------------------------------------------------------------- */

static enum ts_err put_prompt(void *ctx, const struct ts_message *m, struct ts_error *err)
{
    struct writing *w = ctx;
    ts_buf_puts(w->out, m->role == TS_ROLE_SYSTEM ? ",\"system\":" : ",\"prompt\":");
    ts_put_texts(w->out, m, TS_PART_TEXT);
    return put_images(w->out, m, err);
}

enum ts_err ts_ollama_generate_body(const struct ts_genreq *q,
                                    const struct ts_build *b,
                                    struct ts_buf *out,
                                    struct ts_error *err)
{
    struct ts_asked a = {.format = TS_FORMAT_TEXT};
    struct writing w = {.out = out};
    enum ts_err rc = q->dialect->read_asked(q, &a, err);
    put_head(b, out);
    if (rc == TS_OK)
        rc = q->dialect->each_message(q, put_prompt, &w, err);
    ts_put_optional(out, ",\"suffix\":", a.suffix);
    put_rest(out, &a);
    return rc;
}
