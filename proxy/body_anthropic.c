/* Bodies in Anthropic's dialect, for upstreams, from what is asked. */
#include <inttypes.h>

#include "proxy/asked_write.h"
#include "proxy/dialect_impl.h"

/* The dialect demands a limit of the answer; where the client gives none, one that every model of
 * it allows. */
enum { DEFAULT_MAX_TOKENS = 8192, LEAST_BUDGET = 1024 };

struct writing {
    struct ts_buf *out;
    struct ts_known_calls calls;
    int count;      /* messages, parts or tools written */
    bool open;      /* a message's list of parts is */
    bool of_user;   /* that message */
    bool thinks;    /* what the model thought may be said again */
    int part_count; /* of the open message */
};

/* -- parts ------------------------------------------------------------------------------------- */

static void put_text(struct ts_buf *out, struct ts_jvalue text)
{
    ts_put_raw(out, "{\"type\":\"text\",\"text\":", text);
    ts_buf_puts(out, "}");
}

static void put_image(struct ts_buf *out, const struct ts_part *p)
{
    ts_buf_puts(out, "{\"type\":\"image\",\"source\":{\"type\":");
    if (p->kind == TS_PART_IMAGE_URL) {
        ts_put_raw(out, "\"url\",\"url\":", p->text);
    } else {
        struct ts_slice type = ts_media_type(p);
        ts_buf_puts(out, "\"base64\",\"media_type\":\"");
        ts_buf_put(out, type.at, type.len);
        ts_buf_puts(out, "\",\"data\":\"");
        ts_buf_put(out, p->data.at, p->data.len);
        ts_buf_puts(out, "\"");
    }
    ts_buf_puts(out, "}}");
}

static enum ts_err put_call(struct writing *w,
                            const struct ts_part *p,
                            const char *where,
                            struct ts_error *err)
{
    int number;
    enum ts_err rc = ts_known_calls_add(&w->calls, p, &number, err);
    if (rc != TS_OK)
        return rc;
    ts_buf_puts(w->out, "{\"type\":\"tool_use\",\"id\":");
    ts_known_calls_put_id(&w->calls, number, w->out);
    ts_put_raw(w->out, ",\"name\":", p->name);
    ts_buf_puts(w->out, ",\"input\":");
    rc = ts_put_input_object(w->out, p, where, err);
    ts_buf_puts(w->out, "}");
    return rc;
}

/* Empty texts are refused there, and thoughts that their server did not sign. */
static bool is_said(const struct writing *w, const struct ts_part *p)
{
    switch (p->kind) {
    case TS_PART_TEXT:
        return p->text.raw.len > 2;
    case TS_PART_THINKING:
        return w->thinks && p->signature.type == TS_J_STRING && p->signature.raw.len > 2;
    case TS_PART_IMAGE:
    case TS_PART_IMAGE_URL:
    case TS_PART_CALL:
        break;
    }
    return true;
}

static enum ts_err put_part(struct writing *w,
                            const struct ts_part *p,
                            const char *where,
                            struct ts_error *err)
{
    switch (p->kind) {
    case TS_PART_TEXT:
        put_text(w->out, p->text);
        return TS_OK;
    case TS_PART_IMAGE:
    case TS_PART_IMAGE_URL:
        put_image(w->out, p);
        return TS_OK;
    case TS_PART_THINKING:
        ts_put_raw(w->out, "{\"type\":\"thinking\",\"thinking\":", p->text);
        ts_put_raw(w->out, ",\"signature\":", p->signature);
        ts_buf_puts(w->out, "}");
        return TS_OK;
    case TS_PART_CALL:
        break;
    }
    return put_call(w, p, where, err);
}

static enum ts_err put_parts(struct writing *w,
                             const struct ts_message *m,
                             int *count,
                             struct ts_error *err)
{
    enum ts_err rc = TS_OK;
    for (int i = 0; rc == TS_OK && i < m->part_count; i++) {
        if (!is_said(w, &m->parts[i]))
            continue;
        ts_buf_puts(w->out, ts_comma(count));
        rc = put_part(w, &m->parts[i], m->where, err);
    }
    return rc;
}

/* -- messages ---------------------------------------------------------------------------------- */

static void close_message(struct writing *w)
{
    if (w->open)
        ts_buf_puts(w->out, "]}");
    w->open = false;
}

/* Results of tools and what the user says beside them are one message there, as are all that follow
 * one another from the same side. */
static void open_message(struct writing *w, bool of_user)
{
    if (w->open && w->of_user == of_user)
        return;
    close_message(w);
    ts_buf_printf(w->out,
                  "%s{\"role\":\"%s\",\"content\":[",
                  ts_comma(&w->count),
                  of_user ? "user" : "assistant");
    w->open = true;
    w->of_user = of_user;
    w->part_count = 0;
}

static enum ts_err put_result(struct writing *w, const struct ts_message *m, struct ts_error *err)
{
    int number = ts_known_calls_match(&w->calls, m);
    int count = 0;
    if (number < 0 && m->call_id.type != TS_J_STRING)
        return ts_asked_cannot(m->where, "there is no call that this could be the result of", err);
    ts_buf_printf(w->out, "%s{\"type\":\"tool_result\",\"tool_use_id\":", ts_comma(&w->part_count));
    if (number >= 0)
        ts_known_calls_put_id(&w->calls, number, w->out);
    else
        ts_put_raw(w->out, "", m->call_id);
    ts_buf_puts(w->out, m->is_error ? ",\"is_error\":true,\"content\":[" : ",\"content\":[");
    enum ts_err rc = put_parts(w, m, &count, err);
    ts_buf_puts(w->out, "]}");
    return rc;
}

static enum ts_err put_message(void *ctx, const struct ts_message *m, struct ts_error *err)
{
    struct writing *w = ctx;
    bool says = m->role == TS_ROLE_TOOL;
    for (int i = 0; i < m->part_count; i++)
        says = says || is_said(w, &m->parts[i]);
    if (m->role == TS_ROLE_SYSTEM || !says)
        return TS_OK;
    open_message(w, m->role != TS_ROLE_ASSISTANT);
    return m->role == TS_ROLE_TOOL ? put_result(w, m, err) : put_parts(w, m, &w->part_count, err);
}

/* What the system says has a place of its own there. */
static enum ts_err put_system(void *ctx, const struct ts_message *m, struct ts_error *err)
{
    struct writing *w = ctx;
    (void)err;
    for (int i = 0; m->role == TS_ROLE_SYSTEM && i < m->part_count; i++) {
        const struct ts_part *p = &m->parts[i];
        if (p->kind != TS_PART_TEXT || p->text.raw.len <= 2)
            continue;
        ts_buf_puts(w->out, w->count == 0 ? ",\"system\":[" : "");
        ts_buf_puts(w->out, ts_comma(&w->count));
        put_text(w->out, p->text);
    }
    return TS_OK;
}

static enum ts_err put_messages(struct writing *w, const struct ts_genreq *q, struct ts_error *err)
{
    w->count = 0;
    enum ts_err rc = q->dialect->each_message(q, put_system, w, err);
    if (rc != TS_OK)
        return rc;
    ts_buf_puts(w->out, w->count > 0 ? "]" : "");
    w->count = 0;
    ts_buf_puts(w->out, ",\"messages\":[");
    rc = q->dialect->each_message(q, put_message, w, err);
    close_message(w);
    ts_buf_puts(w->out, "]");
    return rc;
}

/* -- tools ------------------------------------------------------------------------------------- */

static enum ts_err put_tool(void *ctx, const struct ts_tool *t, struct ts_error *err)
{
    (void)err;
    struct writing *w = ctx;
    ts_buf_puts(w->out, ts_comma(&w->count));
    ts_put_raw(w->out, "{\"name\":", t->name);
    ts_put_optional(w->out, ",\"description\":", t->description);
    ts_put_optional(w->out, ",\"strict\":", t->strict);
    if (t->parameters.type == TS_J_OBJECT)
        ts_put_raw(w->out, ",\"input_schema\":", t->parameters);
    else
        ts_buf_puts(w->out, ",\"input_schema\":{\"type\":\"object\"}");
    ts_buf_puts(w->out, "}");
    return TS_OK;
}

static void put_tool_choice(struct ts_buf *out, const struct ts_asked *a)
{
    const char *type = "auto";
    bool one_at_a_time = a->parallel_tools.type == TS_J_FALSE;
    switch (a->tool_choice) {
    case TS_TOOL_CHOICE_NONE_GIVEN:
        if (!one_at_a_time)
            return;
        break;
    case TS_TOOL_CHOICE_AUTO:
        break;
    case TS_TOOL_CHOICE_NEVER:
        type = "none";
        one_at_a_time = false;
        break;
    case TS_TOOL_CHOICE_ANY:
        type = "any";
        break;
    case TS_TOOL_CHOICE_NAMED:
        type = "tool";
        break;
    }
    ts_buf_printf(out, ",\"tool_choice\":{\"type\":\"%s\"", type);
    if (a->tool_choice == TS_TOOL_CHOICE_NAMED)
        ts_put_raw(out, ",\"name\":", a->tool_name);
    ts_buf_puts(out, one_at_a_time ? ",\"disable_parallel_tool_use\":true}" : "}");
}

static enum ts_err put_tools(struct writing *w,
                             const struct ts_genreq *q,
                             const struct ts_asked *a,
                             struct ts_error *err)
{
    if (!a->has_tools || q->dialect->each_tool == NULL)
        return TS_OK;
    w->count = 0;
    ts_buf_puts(w->out, ",\"tools\":[");
    enum ts_err rc = q->dialect->each_tool(q, put_tool, w, err);
    ts_buf_puts(w->out, "]");
    put_tool_choice(w->out, a);
    return rc;
}

/* -- the other members ------------------------------------------------------------------------- */

static enum ts_err put_format(struct ts_buf *out, const struct ts_asked *a, struct ts_error *err)
{
    switch (a->format) {
    case TS_FORMAT_TEXT:
        return TS_OK;
    case TS_FORMAT_JSON:
        return ts_asked_cannot(
            "format", "Anthropic's dialect knows JSON only with a schema; give one", err);
    case TS_FORMAT_SCHEMA:
        break;
    }
    ts_put_raw(
        out, ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":", a->schema);
    ts_buf_puts(out, "}}");
    return TS_OK;
}

/* How many tokens of thought; 0: none are asked for. */
static int64_t budget_of(const struct ts_asked *a)
{
    int64_t tokens;
    switch (a->thinking) {
    case TS_THINKING_NONE_GIVEN:
    case TS_THINKING_OFF:
        return 0;
    case TS_THINKING_ON:
        return 4096;
    case TS_THINKING_LEVEL:
        return ts_jstring_is(a->thinking_value, "low") ||
                       ts_jstring_is(a->thinking_value, "minimal")
                   ? 2048
               : ts_jstring_is(a->thinking_value, "medium") ? 8192
                                                            : 16384;
    case TS_THINKING_BUDGET:
        break;
    }
    return ts_jint(a->thinking_value, LEAST_BUDGET, INT64_MAX / 2, &tokens) ? tokens : LEAST_BUDGET;
}

/* The limit there is that of thought and answer together; the client's is of the answer. */
static void put_limits(struct ts_buf *out, const struct ts_asked *a)
{
    int64_t limit = DEFAULT_MAX_TOKENS;
    int64_t budget = budget_of(a);
    if (a->knob[TS_KNOB_MAX_TOKENS].type == TS_J_NUMBER &&
        !ts_jint(a->knob[TS_KNOB_MAX_TOKENS], 1, INT32_MAX, &limit))
        limit = DEFAULT_MAX_TOKENS;
    ts_buf_printf(out, ",\"max_tokens\":%" PRId64, limit + budget);
    if (budget > 0)
        ts_buf_printf(
            out, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":%" PRId64 "}", budget);
}

/* Temperatures go up to 1 there and to 2 elsewhere; a model that thinks takes none. */
static void put_knobs(struct ts_buf *out, const struct ts_asked *a)
{
    unsigned but = 1U << TS_KNOB_MAX_TOKENS | 1U << TS_KNOB_STOP;
    double temperature;
    if (budget_of(a) > 0)
        but |= 1U << TS_KNOB_TEMPERATURE | 1U << TS_KNOB_TOP_P | 1U << TS_KNOB_TOP_K;
    else if (ts_jnumber(a->knob[TS_KNOB_TEMPERATURE], &temperature) && temperature > 1) {
        but |= 1U << TS_KNOB_TEMPERATURE;
        ts_buf_puts(out, ",\"temperature\":1");
    }
    ts_put_knobs(out, a, TS_WORDS_ANTHROPIC, but);
}

enum ts_err ts_anthropic_body(const struct ts_genreq *q,
                              const struct ts_build *b,
                              struct ts_buf *out,
                              struct ts_error *err)
{
    struct ts_asked a = {.format = TS_FORMAT_TEXT};
    enum ts_err rc = q->dialect->read_asked(q, &a, err);
    struct writing w = {.out = out, .thinks = rc == TS_OK && budget_of(&a) > 0};
    ts_put_model(out, b);
    ts_buf_puts(out, ",\"stream\":true");
    if (rc == TS_OK && a.suffix.type == TS_J_STRING)
        rc = ts_asked_cannot("suffix", "Anthropic's dialect has no place for it", err);
    if (rc == TS_OK)
        rc = put_messages(&w, q, err);
    if (rc == TS_OK)
        rc = put_tools(&w, q, &a, err);
    if (rc == TS_OK)
        rc = put_format(out, &a, err);
    if (rc == TS_OK) {
        put_limits(out, &a);
        ts_put_stops(out, ",\"stop_sequences\":", a.knob[TS_KNOB_STOP]);
        put_knobs(out, &a);
        ts_put_optional(out, ",\"metadata\":{\"user_id\":", a.user);
        ts_buf_puts(out, a.user.type == TS_J_STRING ? "}" : "");
    }
    ts_buf_puts(out, "}");
    ts_known_calls_deinit(&w.calls);
    return rc;
}
