/* Bodies in OpenAI's dialect, for upstreams: chat and plain completions, from what is asked. */
#include "proxy/asked_write.h"
#include "proxy/dialect_impl.h"

struct writing {
    const struct ts_build *build;
    struct ts_buf *out;
    struct ts_known_calls calls;
    int count; /* messages, or tools, written */
};

/* -- messages ---------------------------------------------------------------------------------- */

static void put_image(struct ts_buf *out, const struct ts_part *p)
{
    ts_buf_puts(out, "{\"type\":\"image_url\",\"image_url\":{\"url\":");
    if (p->kind == TS_PART_IMAGE_URL) {
        ts_put_raw(out, "", p->text);
    } else {
        struct ts_slice type = ts_media_type(p);
        ts_buf_puts(out, "\"data:");
        ts_buf_put(out, type.at, type.len);
        ts_buf_puts(out, ";base64,");
        ts_buf_put(out, p->data.at, p->data.len);
        ts_buf_puts(out, "\"");
    }
    ts_buf_puts(out, "}}");
}

/* One text is a string; pictures, or several texts, are a list of parts. */
static void put_content(struct ts_buf *out, const struct ts_message *m)
{
    int texts = ts_count_parts(m, TS_PART_TEXT);
    int images = ts_count_parts(m, TS_PART_IMAGE) + ts_count_parts(m, TS_PART_IMAGE_URL);
    int count = 0;
    ts_buf_puts(out, ",\"content\":");
    if (images == 0 && texts <= 1) {
        ts_put_texts(out, m, TS_PART_TEXT);
        return;
    }
    ts_buf_puts(out, "[");
    for (int i = 0; i < m->part_count; i++) {
        const struct ts_part *p = &m->parts[i];
        if (p->kind == TS_PART_TEXT) {
            ts_buf_puts(out, ts_comma(&count));
            ts_put_raw(out, "{\"type\":\"text\",\"text\":", p->text);
            ts_buf_puts(out, "}");
        } else if (p->kind == TS_PART_IMAGE || p->kind == TS_PART_IMAGE_URL) {
            ts_buf_puts(out, ts_comma(&count));
            put_image(out, p);
        }
    }
    ts_buf_puts(out, "]");
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
        if (rc != TS_OK)
            return rc;
        ts_buf_puts(w->out, count == 0 ? ",\"tool_calls\":[" : "");
        ts_buf_printf(w->out, "%s{\"id\":", ts_comma(&count));
        ts_known_calls_put_id(&w->calls, number, w->out);
        ts_put_raw(w->out, ",\"type\":\"function\",\"function\":{\"name\":", p->name);
        ts_buf_puts(w->out, ",\"arguments\":");
        ts_put_input_string(w->out, p);
        ts_buf_puts(w->out, "}}");
    }
    ts_buf_puts(w->out, count > 0 ? "]" : "");
    return TS_OK;
}

/* What the model thought is said again only to servers that are known to read it. */
static enum ts_err put_assistant(struct writing *w,
                                 const struct ts_message *m,
                                 struct ts_error *err)
{
    ts_buf_puts(w->out, "\"assistant\"");
    if (w->build->extensions && ts_count_parts(m, TS_PART_THINKING) > 0) {
        ts_buf_puts(w->out, ",\"reasoning_content\":");
        ts_put_texts(w->out, m, TS_PART_THINKING);
    }
    if (ts_count_parts(m, TS_PART_TEXT) > 0 || ts_count_parts(m, TS_PART_CALL) == 0)
        put_content(w->out, m);
    else
        ts_buf_puts(w->out, ",\"content\":null");
    return put_calls(w, m, err);
}

static enum ts_err put_result(struct writing *w, const struct ts_message *m, struct ts_error *err)
{
    int number = ts_known_calls_match(&w->calls, m);
    ts_buf_puts(w->out, "\"tool\",\"tool_call_id\":");
    if (number >= 0)
        ts_known_calls_put_id(&w->calls, number, w->out);
    else if (m->call_id.type == TS_J_STRING)
        ts_put_raw(w->out, "", m->call_id);
    else
        return ts_asked_cannot(m->where, "there is no call that this could be the result of", err);
    if (ts_count_parts(m, TS_PART_IMAGE) + ts_count_parts(m, TS_PART_IMAGE_URL) > 0)
        return ts_asked_cannot(
            m->where, "the result of a tool cannot be a picture in OpenAI's dialect", err);
    put_content(w->out, m);
    return TS_OK;
}

static enum ts_err put_message(void *ctx, const struct ts_message *m, struct ts_error *err)
{
    struct writing *w = ctx;
    enum ts_err rc = TS_OK;
    ts_buf_printf(w->out, "%s{\"role\":", ts_comma(&w->count));
    switch (m->role) {
    case TS_ROLE_SYSTEM:
    case TS_ROLE_USER:
        ts_buf_puts(w->out, m->role == TS_ROLE_USER ? "\"user\"" : "\"system\"");
        put_content(w->out, m);
        break;
    case TS_ROLE_ASSISTANT:
        rc = put_assistant(w, m, err);
        break;
    case TS_ROLE_TOOL:
        rc = put_result(w, m, err);
        break;
    }
    ts_buf_puts(w->out, "}");
    return rc;
}

static enum ts_err put_messages(struct writing *w, const struct ts_genreq *q, struct ts_error *err)
{
    w->count = 0;
    ts_buf_puts(w->out, ",\"messages\":[");
    enum ts_err rc = q->dialect->each_message(q, put_message, w, err);
    ts_buf_puts(w->out, "]");
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
    ts_put_optional(w->out, ",\"strict\":", t->strict);
    ts_buf_puts(w->out, "}}");
    return TS_OK;
}

static void put_tool_choice(struct ts_buf *out, const struct ts_asked *a)
{
    switch (a->tool_choice) {
    case TS_TOOL_CHOICE_NONE_GIVEN:
        return;
    case TS_TOOL_CHOICE_AUTO:
        ts_buf_puts(out, ",\"tool_choice\":\"auto\"");
        return;
    case TS_TOOL_CHOICE_NEVER:
        ts_buf_puts(out, ",\"tool_choice\":\"none\"");
        return;
    case TS_TOOL_CHOICE_ANY:
        ts_buf_puts(out, ",\"tool_choice\":\"required\"");
        return;
    case TS_TOOL_CHOICE_NAMED:
        ts_put_raw(
            out, ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":", a->tool_name);
        ts_buf_puts(out, "}}");
        return;
    }
}

static enum ts_err put_tools(struct writing *w,
                             const struct ts_genreq *q,
                             const struct ts_asked *a,
                             struct ts_error *err)
{
    if (!a->has_tools)
        return TS_OK;
    w->count = 0;
    ts_buf_puts(w->out, ",\"tools\":[");
    enum ts_err rc = q->dialect->each_tool(q, put_tool, w, err);
    ts_buf_puts(w->out, "]");
    put_tool_choice(w->out, a);
    ts_put_optional(w->out, ",\"parallel_tool_calls\":", a->parallel_tools);
    return rc;
}

/* -- the other members ------------------------------------------------------------------------- */

static void put_head(const struct ts_build *b, struct ts_buf *out)
{
    ts_put_model(out, b);
    ts_buf_puts(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
}

static void put_format(struct ts_buf *out, const struct ts_asked *a)
{
    switch (a->format) {
    case TS_FORMAT_TEXT:
        return;
    case TS_FORMAT_JSON:
        ts_buf_puts(out, ",\"response_format\":{\"type\":\"json_object\"}");
        return;
    case TS_FORMAT_SCHEMA:
        ts_buf_puts(out,
                    ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":");
        if (a->schema_name.type == TS_J_STRING)
            ts_put_raw(out, "", a->schema_name);
        else
            ts_buf_puts(out, "\"answer\"");
        ts_put_optional(out, ",\"strict\":", a->schema_strict);
        ts_put_raw(out, ",\"schema\":", a->schema);
        ts_buf_puts(out, "}}");
        return;
    }
}

/* How hard a budget of tokens is, for servers that know only words. */
static const char *effort_of(struct ts_jvalue budget)
{
    int64_t tokens;
    if (!ts_jint(budget, 0, INT64_MAX, &tokens))
        return "medium";
    return tokens <= 2048 ? "low" : tokens <= 8192 ? "medium" : "high";
}

static void put_level(struct ts_buf *out, struct ts_jvalue level)
{
    if (ts_jstring_is(level, "max")) /* Ollama's word for more than "high" */
        ts_buf_puts(out, ",\"reasoning_effort\":\"high\"");
    else
        ts_put_raw(out, ",\"reasoning_effort\":", level);
}

/* On and off are said to the chat template where the server has one; OpenAI's own models know
 * only how hard. */
static void put_thinking(struct writing *w, const struct ts_asked *a)
{
    bool on = a->thinking == TS_THINKING_ON || a->thinking == TS_THINKING_BUDGET;
    switch (a->thinking) {
    case TS_THINKING_NONE_GIVEN:
        return;
    case TS_THINKING_LEVEL:
        put_level(w->out, a->thinking_value);
        return;
    case TS_THINKING_OFF:
    case TS_THINKING_ON:
    case TS_THINKING_BUDGET:
        break;
    }
    if (w->build->extensions)
        ts_buf_printf(
            w->out, ",\"chat_template_kwargs\":{\"enable_thinking\":%s}", on ? "true" : "false");
    else if (a->thinking == TS_THINKING_BUDGET)
        ts_buf_printf(w->out, ",\"reasoning_effort\":\"%s\"", effort_of(a->thinking_value));
}

/* Options that OpenAI itself does not know. */
static unsigned unknown_options(const struct ts_build *b)
{
    return b->extensions ? 0 : ~0U << TS_KNOB_FIRST_EXTENSION;
}

/* OpenAI's newer models know the limit of an answer only by its newer name. */
static void put_options(struct writing *w, const struct ts_asked *a)
{
    const char *limit = w->build->extensions ? ",\"max_tokens\":" : ",\"max_completion_tokens\":";
    ts_put_optional(w->out, limit, a->knob[TS_KNOB_MAX_TOKENS]);
    ts_put_knobs(w->out, a, TS_WORDS_OPENAI, 1U << TS_KNOB_MAX_TOKENS | unknown_options(w->build));
}

enum ts_err ts_openai_chat_body(const struct ts_genreq *q,
                                const struct ts_build *b,
                                struct ts_buf *out,
                                struct ts_error *err)
{
    struct ts_asked a = {.format = TS_FORMAT_TEXT};
    struct writing w = {.build = b, .out = out};
    enum ts_err rc = q->dialect->read_asked(q, &a, err);
    put_head(b, out);
    if (rc == TS_OK)
        rc = put_messages(&w, q, err);
    if (rc == TS_OK)
        rc = put_tools(&w, q, &a, err);
    put_format(out, &a);
    put_thinking(&w, &a);
    put_options(&w, &a);
    ts_put_optional(out, ",\"user\":", a.user);
    ts_buf_puts(out, "}");
    ts_known_calls_deinit(&w.calls);
    return rc;
}

/* -- completions ------------------------------------------------------------------------------- */

/* A system message has no place beside a raw prompt. */
static enum ts_err put_prompt(void *ctx, const struct ts_message *m, struct ts_error *err)
{
    struct writing *w = ctx;
    if (m->role == TS_ROLE_SYSTEM)
        return TS_OK;
    if (ts_count_parts(m, TS_PART_IMAGE) > 0)
        return ts_asked_cannot(
            "images", "a raw prompt, or one with a suffix, has no place for them", err);
    ts_buf_puts(w->out, ",\"prompt\":");
    ts_put_texts(w->out, m, TS_PART_TEXT);
    return TS_OK;
}

enum ts_err ts_openai_completions_body(const struct ts_genreq *q,
                                       const struct ts_build *b,
                                       struct ts_buf *out,
                                       struct ts_error *err)
{
    struct ts_asked a = {.format = TS_FORMAT_TEXT};
    struct writing w = {.build = b, .out = out};
    enum ts_err rc = q->dialect->read_asked(q, &a, err);
    put_head(b, out);
    if (rc == TS_OK)
        rc = q->dialect->each_message(q, put_prompt, &w, err);
    ts_put_optional(out, ",\"suffix\":", a.suffix);
    put_format(out, &a);
    ts_put_knobs(out, &a, TS_WORDS_OPENAI, unknown_options(b));
    ts_buf_puts(out, "}");
    return rc;
}
