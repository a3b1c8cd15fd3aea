/* Requests in OpenAI's dialect: chat and plain completions, as clients write them. */
#include <stdio.h>

#include "proxy/dialect_impl.h"
#include "proxy/genreq_impl.h"

#define OBJECT TS_TYPE(OBJECT)

const struct ts_member_rule ts_openai_chat_members[TS_OPENAI_CHAT_MEMBERS] = {
    {TS_MEMBER_MODEL, TS_TYPE(STRING), "a string", true},
    {TS_MEMBER_STREAM, TS_TYPE_BOOLEAN, "true or false", false},
    {TS_MEMBER_STREAM_OPTIONS, OBJECT, "an object", false},
    {TS_MEMBER_TOUCHSTONE, OBJECT, "an object", false},
    {TS_MEMBER_MESSAGES, TS_TYPE(ARRAY), "an array of messages", true},
    {TS_MEMBER_TOOLS, TS_TYPE(ARRAY), "an array", false},
    {TS_MEMBER_RESPONSE_FORMAT, OBJECT, "an object", false},
    {TS_MEMBER_N, TS_TYPE_ANY, "a number", false},
    {TS_MEMBER_LOGPROBS, TS_TYPE_ANY, "true or false", false},
    {TS_MEMBER_MODALITIES, TS_TYPE_ANY, "an array", false},
    {TS_MEMBER_WEB_SEARCH_OPTIONS, TS_TYPE_ANY, "an object", false},
};

const struct ts_member_rule ts_openai_completions_members[TS_OPENAI_COMPLETIONS_MEMBERS] = {
    {TS_MEMBER_MODEL, TS_TYPE(STRING), "a string", true},
    {TS_MEMBER_STREAM, TS_TYPE_BOOLEAN, "true or false", false},
    {TS_MEMBER_STREAM_OPTIONS, OBJECT, "an object", false},
    {TS_MEMBER_TOUCHSTONE, OBJECT, "an object", false},
    {TS_MEMBER_PROMPT, TS_TYPE(STRING) | TS_TYPE(ARRAY), "a string or an array", true},
    {TS_MEMBER_SUFFIX, TS_TYPE_ANY, "a string", false},
    {TS_MEMBER_N, TS_TYPE_ANY, "a number", false},
    {TS_MEMBER_BEST_OF, TS_TYPE_ANY, "a number", false},
    {TS_MEMBER_ECHO, TS_TYPE_ANY, "true or false", false},
    {TS_MEMBER_LOGPROBS, TS_TYPE_ANY, "a number", false},
};

/* -- what a stream cannot be folded into ------------------------------------------------------- */

static bool is_several(struct ts_jvalue number)
{
    int64_t n;
    return number.type == TS_J_NUMBER && !ts_jint(number, 0, 1, &n);
}

static bool wants_text_only(struct ts_jvalue modalities)
{
    struct ts_jiter it = ts_jiter_of(modalities);
    struct ts_jvalue key, item;
    while (ts_jiter_next(&it, &key, &item)) {
        if (!ts_jstring_is(item, "text"))
            return false;
    }
    return true;
}

bool ts_openai_chat_folds(const struct ts_genreq *q)
{
    return !is_several(q->member[TS_MEMBER_N]) && q->member[TS_MEMBER_LOGPROBS].type != TS_J_TRUE &&
           wants_text_only(q->member[TS_MEMBER_MODALITIES]) &&
           ts_genreq_member(q, TS_MEMBER_WEB_SEARCH_OPTIONS).type == TS_J_NONE;
}

bool ts_openai_completions_folds(const struct ts_genreq *q)
{
    return q->member[TS_MEMBER_PROMPT].type == TS_J_STRING && !is_several(q->member[TS_MEMBER_N]) &&
           !is_several(q->member[TS_MEMBER_BEST_OF]) &&
           q->member[TS_MEMBER_ECHO].type != TS_J_TRUE &&
           ts_genreq_member(q, TS_MEMBER_LOGPROBS).type == TS_J_NONE;
}

/* -- what is asked beside the messages --------------------------------------------------------- */

/* A member that means something to other dialects: its name as it is told in errors. */
struct taking {
    struct ts_asked *out;
    const char *name;
    struct ts_jvalue value;
    struct ts_error *err;
};

static enum ts_err mistyped(const struct taking *t, const char *expected)
{
    return ts_genreq_mistyped(t->name, expected, t->value.type, t->err);
}

static enum ts_err cannot(const struct taking *t, const char *why)
{
    return ts_asked_cannot(t->name, why, t->err);
}

static const char only_openai[] = "the server of this model does not speak OpenAI's dialect, and "
                                  "has nothing like it";

static enum ts_err take_limit(const struct taking *t)
{
    double limit;
    if (t->value.type != TS_J_NUMBER)
        return mistyped(t, "a number");
    if (ts_jnumber(t->value, &limit) && limit > 0)
        t->out->knob[TS_KNOB_MAX_TOKENS] = t->value;
    return TS_OK;
}

static enum ts_err take_schema(const struct taking *t)
{
    struct ts_jvalue schema = ts_jmember(t->value, "json_schema");
    t->out->format = TS_FORMAT_SCHEMA;
    t->out->schema = ts_jmember(schema, "schema");
    t->out->schema_name = ts_jmember(schema, "name");
    t->out->schema_strict = ts_jmember(schema, "strict");
    if (t->out->schema.type == TS_J_OBJECT)
        return TS_OK;
    return ts_genreq_mistyped(
        "response_format.json_schema.schema", "an object", t->out->schema.type, t->err);
}

static enum ts_err take_response_format(const struct taking *t)
{
    struct ts_jvalue type = ts_jmember(t->value, "type");
    if (ts_jstring_is(type, "text"))
        return TS_OK;
    if (ts_jstring_is(type, "json_schema"))
        return take_schema(t);
    t->out->format = TS_FORMAT_JSON;
    if (ts_jstring_is(type, "json_object"))
        return TS_OK;
    return ts_asked_cannot(
        "response_format.type", "must be text, json_object or json_schema", t->err);
}

static enum ts_err take_effort(const struct taking *t)
{
    if (t->value.type != TS_J_STRING)
        return mistyped(t, "a string");
    t->out->thinking = ts_jstring_is(t->value, "none") ? TS_THINKING_OFF : TS_THINKING_LEVEL;
    t->out->thinking_value = t->value;
    return TS_OK;
}

/* How llama.cpp's and vLLM's clients switch thinking on and off. */
static enum ts_err take_template_arguments(const struct taking *t)
{
    struct ts_jvalue enable = ts_jmember(t->value, "enable_thinking");
    if (enable.type == TS_J_TRUE)
        t->out->thinking = TS_THINKING_ON;
    if (enable.type == TS_J_FALSE)
        t->out->thinking = TS_THINKING_OFF;
    return TS_OK;
}

static enum ts_err take_tools(const struct taking *t)
{
    struct ts_jiter it = ts_jiter_of(t->value);
    struct ts_jvalue key, tool;
    t->out->has_tools = ts_jiter_next(&it, &key, &tool);
    return TS_OK;
}

static enum ts_err take_tool_choice(const struct taking *t)
{
    static const struct {
        const char *name;
        enum ts_tool_choice choice;
    } words[] = {{"auto", TS_TOOL_CHOICE_AUTO},
                 {"none", TS_TOOL_CHOICE_NEVER},
                 {"required", TS_TOOL_CHOICE_ANY}};
    for (size_t i = 0; i < TS_ARRAY_LEN(words); i++) {
        if (ts_jstring_is(t->value, words[i].name)) {
            t->out->tool_choice = words[i].choice;
            return TS_OK;
        }
    }
    t->out->tool_choice = TS_TOOL_CHOICE_NAMED;
    t->out->tool_name = ts_jmember(ts_jmember(t->value, "function"), "name");
    if (t->out->tool_name.type == TS_J_STRING)
        return TS_OK;
    return cannot(t, "must be auto, none, required, or name a function");
}

static enum ts_err take_parallel(const struct taking *t)
{
    bool boolean = t->value.type == TS_J_TRUE || t->value.type == TS_J_FALSE;
    t->out->parallel_tools = t->value;
    return boolean ? TS_OK : mistyped(t, "true or false");
}

static enum ts_err take_user(const struct taking *t)
{
    if (t->value.type == TS_J_STRING)
        t->out->user = t->value;
    return TS_OK;
}

static enum ts_err take_suffix(const struct taking *t)
{
    if (t->value.type != TS_J_STRING)
        return mistyped(t, "a string");
    if (t->value.raw.len > 2)
        t->out->suffix = t->value;
    return TS_OK;
}

/* Only one answer, of text alone, can be told in another dialect. */
static enum ts_err refuse_several(const struct taking *t)
{
    return is_several(t->value) ? cannot(t, only_openai) : TS_OK;
}

static enum ts_err refuse_true(const struct taking *t)
{
    return t->value.type == TS_J_TRUE ? cannot(t, only_openai) : TS_OK;
}

static enum ts_err refuse_modalities(const struct taking *t)
{
    return wants_text_only(t->value) ? TS_OK : cannot(t, only_openai);
}

static enum ts_err refuse_items(const struct taking *t)
{
    struct ts_jiter it = ts_jiter_of(t->value);
    struct ts_jvalue key, item;
    return ts_jiter_next(&it, &key, &item) ? cannot(t, only_openai) : TS_OK;
}

static enum ts_err refuse(const struct taking *t)
{
    return cannot(t, only_openai);
}

static enum ts_err refuse_functions(const struct taking *t)
{
    return cannot(t, "functions were replaced by tools; the server of this model knows only those");
}

struct setting {
    const char *name;
    enum ts_err (*take)(const struct taking *t);
};

static const struct setting chat_settings[] = {
    {"max_completion_tokens", take_limit},
    {"response_format", take_response_format},
    {"reasoning_effort", take_effort},
    {"chat_template_kwargs", take_template_arguments},
    {"tools", take_tools},
    {"tool_choice", take_tool_choice},
    {"parallel_tool_calls", take_parallel},
    {"user", take_user},
    {"n", refuse_several},
    {"logprobs", refuse_true},
    {"modalities", refuse_modalities},
    {"logit_bias", refuse_items},
    {"web_search_options", refuse},
    {"audio", refuse},
    {"functions", refuse_functions},
    {"function_call", refuse_functions},
};

static const struct setting completions_settings[] = {
    {"suffix", take_suffix},
    {"user", take_user},
    {"n", refuse_several},
    {"best_of", refuse_several},
    {"echo", refuse_true},
    {"logprobs", refuse},
    {"logit_bias", refuse_items},
};

struct settings {
    const struct setting *at;
    size_t count;
};

static enum ts_err read_settings(const struct ts_genreq *q,
                                 struct settings settings,
                                 struct ts_asked *out,
                                 struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(q->root);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        enum ts_err rc = ts_asked_knob(out, TS_WORDS_OPENAI, "", key, value, err);
        for (size_t i = 0; i < settings.count && rc == TS_OK; i++) {
            const struct setting *s = &settings.at[i];
            if (value.type == TS_J_NULL || !ts_jstring_is(key, s->name))
                continue;
            const struct taking t = {.out = out, .name = s->name, .value = value, .err = err};
            rc = s->take(&t);
        }
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

enum ts_err ts_openai_chat_asked(const struct ts_genreq *q,
                                 struct ts_asked *out,
                                 struct ts_error *err)
{
    struct settings settings = {chat_settings, TS_ARRAY_LEN(chat_settings)};
    return read_settings(q, settings, out, err);
}

enum ts_err ts_openai_completions_asked(const struct ts_genreq *q,
                                        struct ts_asked *out,
                                        struct ts_error *err)
{
    struct settings settings = {completions_settings, TS_ARRAY_LEN(completions_settings)};
    return read_settings(q, settings, out, err);
}

/* -- messages ---------------------------------------------------------------------------------- */

/* One message being read. */
struct reading {
    struct ts_parts parts;
    struct ts_message message;
    char where[32];
    struct ts_error *err;
};

static enum ts_err wrong(const struct reading *r, const char *member, const char *why)
{
    char param[TS_ERROR_PARAM_SIZE];
    (void)snprintf(param, sizeof(param), "%s.%s", r->where, member);
    return ts_asked_cannot(param, why, r->err);
}

static enum ts_err add(struct reading *r, enum ts_part_kind kind, struct ts_jvalue text)
{
    const struct ts_part part = {.kind = kind, .text = text};
    return ts_parts_add(&r->parts, &part, r->err);
}

static enum ts_err add_image(struct reading *r, struct ts_jvalue image)
{
    struct ts_jvalue url = image.type == TS_J_OBJECT ? ts_jmember(image, "url") : image;
    if (url.type != TS_J_STRING)
        return wrong(r, "content", "an image_url must have a url");
    struct ts_part part = ts_part_of_url(url);
    return ts_parts_add(&r->parts, &part, r->err);
}

static enum ts_err add_content_part(struct reading *r, struct ts_jvalue part)
{
    struct ts_jvalue type = ts_jmember(part, "type");
    struct ts_jvalue text = ts_jmember(part, ts_jstring_is(type, "refusal") ? "refusal" : "text");
    if (part.type == TS_J_STRING)
        return add(r, TS_PART_TEXT, part);
    if (ts_jstring_is(type, "image_url"))
        return add_image(r, ts_jmember(part, "image_url"));
    if (!ts_jstring_is(type, "text") && !ts_jstring_is(type, "refusal"))
        return wrong(r,
                     "content",
                     "the server of this model does not speak OpenAI's dialect: only parts of type "
                     "text and image_url can be put into its own");
    if (text.type != TS_J_STRING)
        return wrong(r, "content", "a part of type text must have a text");
    return add(r, TS_PART_TEXT, text);
}

static enum ts_err add_content(struct reading *r, struct ts_jvalue content)
{
    if (content.type == TS_J_NONE || content.type == TS_J_NULL)
        return TS_OK;
    if (content.type == TS_J_STRING)
        return add(r, TS_PART_TEXT, content);
    if (content.type != TS_J_ARRAY)
        return wrong(r, "content", "must be a string or an array of parts");
    struct ts_jiter it = ts_jiter_of(content);
    struct ts_jvalue key, part;
    while (ts_jiter_next(&it, &key, &part)) {
        enum ts_err rc = add_content_part(r, part);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

static enum ts_err add_call(struct reading *r, struct ts_jvalue call)
{
    struct ts_jvalue function = ts_jmember(call, "function");
    const struct ts_part part = {
        .kind = TS_PART_CALL,
        .id = ts_jmember(call, "id"),
        .name = ts_jmember(function, "name"),
        .input = ts_jmember(function, "arguments"),
    };
    if (part.name.type != TS_J_STRING)
        return wrong(r, "tool_calls", "each must have a function with a name");
    return ts_parts_add(&r->parts, &part, r->err);
}

static enum ts_err add_calls(struct reading *r, struct ts_jvalue calls)
{
    struct ts_jiter it = ts_jiter_of(calls);
    struct ts_jvalue key, call;
    while (ts_jiter_next(&it, &key, &call)) {
        enum ts_err rc = add_call(r, call);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

static bool take_role(struct ts_jvalue role, enum ts_role *out)
{
    static const struct {
        const char *name;
        enum ts_role role;
    } roles[] = {{"user", TS_ROLE_USER},
                 {"assistant", TS_ROLE_ASSISTANT},
                 {"tool", TS_ROLE_TOOL},
                 {"system", TS_ROLE_SYSTEM},
                 {"developer", TS_ROLE_SYSTEM}};
    for (size_t i = 0; i < TS_ARRAY_LEN(roles); i++) {
        if (ts_jstring_is(role, roles[i].name)) {
            *out = roles[i].role;
            return true;
        }
    }
    return false;
}

static enum ts_err add_thinking(struct reading *r, struct ts_jvalue message)
{
    static const char *const names[] = {"reasoning_content", "reasoning"};
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        struct ts_jvalue text = ts_jmember(message, names[i]);
        if (text.type == TS_J_STRING && text.raw.len > 2)
            return add(r, TS_PART_THINKING, text);
    }
    return TS_OK;
}

static enum ts_err read_message(struct reading *r, struct ts_jvalue message)
{
    if (message.type != TS_J_OBJECT)
        return ts_genreq_mistyped(r->where, "an object", message.type, r->err);
    struct ts_message *m = &r->message;
    *m = (struct ts_message){.where = r->where};
    if (!take_role(ts_jmember(message, "role"), &m->role))
        return wrong(r, "role", "must be system, developer, user, assistant or tool");
    enum ts_err rc = TS_OK;
    if (m->role == TS_ROLE_ASSISTANT)
        rc = add_thinking(r, message);
    if (rc == TS_OK)
        rc = add_content(r, ts_jmember(message, "content"));
    if (rc == TS_OK && m->role == TS_ROLE_ASSISTANT)
        rc = add_calls(r, ts_jmember(message, "tool_calls"));
    if (m->role == TS_ROLE_TOOL) {
        m->call_id = ts_jmember(message, "tool_call_id");
        m->tool_name = ts_jmember(message, "name");
    }
    m->parts = r->parts.at;
    m->part_count = r->parts.count;
    return rc;
}

enum ts_err ts_openai_chat_messages(const struct ts_genreq *q,
                                    ts_message_fn *fn,
                                    void *ctx,
                                    struct ts_error *err)
{
    struct reading r = {.err = err};
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_MESSAGES]);
    struct ts_jvalue key, message;
    enum ts_err rc = TS_OK;
    for (int i = 0; rc == TS_OK && ts_jiter_next(&it, &key, &message); i++) {
        (void)snprintf(r.where, sizeof(r.where), "messages[%d]", i);
        ts_parts_clear(&r.parts);
        rc = read_message(&r, message);
        if (rc == TS_OK)
            rc = fn(ctx, &r.message, err);
    }
    ts_parts_deinit(&r.parts);
    return rc;
}

/* The prompt is a user's message; of an array only what is the same as a string. */
enum ts_err ts_openai_completions_messages(const struct ts_genreq *q,
                                           ts_message_fn *fn,
                                           void *ctx,
                                           struct ts_error *err)
{
    struct ts_jvalue prompt = q->member[TS_MEMBER_PROMPT];
    struct ts_jiter it = ts_jiter_of(prompt);
    struct ts_jvalue key, first, second;
    if (ts_jiter_next(&it, &key, &first)) {
        bool alone = !ts_jiter_next(&it, &key, &second);
        if (alone && first.type == TS_J_STRING)
            prompt = first;
    }
    if (prompt.type != TS_J_STRING)
        return ts_asked_cannot(
            "prompt",
            "must be one text: the server of this model takes no list and no tokens",
            err);
    const struct ts_part part = {.kind = TS_PART_TEXT, .text = prompt};
    const struct ts_message message = {
        .role = TS_ROLE_USER, .parts = &part, .part_count = 1, .where = "prompt"};
    return fn(ctx, &message, err);
}
