/* Requests in Ollama's dialect: generate and chat, as clients write them. */
#include <stdio.h>

#include "proxy/dialect_impl.h"
#include "proxy/genreq_impl.h"

#define STRING TS_TYPE(STRING)

/* What both have. */
#define COMMON                                                                                     \
    {TS_MEMBER_MODEL, STRING, "a string", true},                                                   \
        {TS_MEMBER_STREAM, TS_TYPE_BOOLEAN, "true or false", false},                               \
        {TS_MEMBER_TOUCHSTONE, TS_TYPE(OBJECT), "an object", false},                               \
        {TS_MEMBER_THINK, TS_TYPE_BOOLEAN | STRING, "true, false or a level", false},              \
        {TS_MEMBER_FORMAT, STRING | TS_TYPE(OBJECT), "\"json\" or a schema", false},               \
        {TS_MEMBER_OPTIONS, TS_TYPE(OBJECT), "an object", false},                                  \
        {TS_MEMBER_KEEP_ALIVE, STRING | TS_TYPE(NUMBER), "a duration or seconds", false},          \
    {                                                                                              \
        TS_MEMBER_LOGPROBS, TS_TYPE_BOOLEAN, "true or false", false                                \
    }

const struct ts_member_rule ts_ollama_generate_members[TS_OLLAMA_GENERATE_MEMBERS] = {
    COMMON,
    {TS_MEMBER_PROMPT, STRING, "a string", false},
    {TS_MEMBER_SUFFIX, STRING, "a string", false},
    {TS_MEMBER_SYSTEM, STRING, "a string", false},
    {TS_MEMBER_TEMPLATE, STRING, "a string", false},
    {TS_MEMBER_RAW, TS_TYPE_BOOLEAN, "true or false", false},
    {TS_MEMBER_IMAGES, TS_TYPE(ARRAY), "an array of strings", false},
    {TS_MEMBER_CONTEXT, TS_TYPE(ARRAY), "an array of numbers", false},
};

const struct ts_member_rule ts_ollama_chat_members[TS_OLLAMA_CHAT_MEMBERS] = {
    COMMON,
    {TS_MEMBER_MESSAGES, TS_TYPE(ARRAY), "an array of messages", false},
    {TS_MEMBER_TOOLS, TS_TYPE(ARRAY), "an array", false},
};

/* Their lists come with the tokens, which a fold throws together. */
bool ts_ollama_folds(const struct ts_genreq *q)
{
    return q->member[TS_MEMBER_LOGPROBS].type != TS_J_TRUE;
}

static bool is_empty(struct ts_jvalue string)
{
    return string.type != TS_J_STRING || string.raw.len == 2;
}

enum ts_err ts_ollama_generate_check(struct ts_genreq *q, struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_IMAGES]);
    struct ts_jvalue key, value;
    q->has_prompt = !is_empty(q->member[TS_MEMBER_PROMPT]);
    while (ts_jiter_next(&it, &key, &value)) {
        if (value.type != TS_J_STRING)
            return ts_genreq_mistyped("images", "an array of base64 strings", value.type, err);
    }
    return TS_OK;
}

/* A chat without messages loads a model, or unloads it. */
enum ts_err ts_ollama_chat_check(struct ts_genreq *q, struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_MESSAGES]);
    struct ts_jvalue key, message;
    q->has_prompt = false;
    for (int i = 0; ts_jiter_next(&it, &key, &message); i++) {
        char where[TS_ERROR_PARAM_SIZE];
        (void)snprintf(where, sizeof(where), "messages[%d]", i);
        q->has_prompt = true;
        if (message.type != TS_J_OBJECT)
            return ts_genreq_mistyped(where, "an object", message.type, err);
    }
    return TS_OK;
}

/* -- what is asked beside the messages --------------------------------------------------------- */

static enum ts_err cannot(const char *param, const char *why, struct ts_error *err)
{
    char text[160];
    (void)snprintf(text, sizeof(text), "%s; the server of this model is no Ollama", why);
    return ts_asked_cannot(param, text, err);
}

static enum ts_err take_format(const struct ts_genreq *q,
                               struct ts_asked *out,
                               struct ts_error *err)
{
    struct ts_jvalue format = ts_genreq_member(q, TS_MEMBER_FORMAT);
    if (format.type == TS_J_OBJECT) {
        out->format = TS_FORMAT_SCHEMA;
        out->schema = format;
    } else if (!is_empty(format)) {
        out->format = TS_FORMAT_JSON;
        if (!ts_jstring_is(format, "json"))
            return cannot("format", "must be \"json\" or a schema", err);
    }
    return TS_OK;
}

static void take_think(const struct ts_genreq *q, struct ts_asked *out)
{
    struct ts_jvalue think = ts_genreq_member(q, TS_MEMBER_THINK);
    if (think.type == TS_J_TRUE)
        out->thinking = TS_THINKING_ON;
    if (think.type == TS_J_FALSE)
        out->thinking = TS_THINKING_OFF;
    if (think.type == TS_J_STRING)
        out->thinking = TS_THINKING_LEVEL;
    out->thinking_value = think;
}

static enum ts_err take_options(const struct ts_genreq *q,
                                struct ts_asked *out,
                                struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(ts_genreq_member(q, TS_MEMBER_OPTIONS));
    struct ts_jvalue key, value;
    enum ts_err rc = TS_OK;
    while (rc == TS_OK && ts_jiter_next(&it, &key, &value))
        rc = ts_asked_knob(out, TS_WORDS_OLLAMA, "options.", key, value, err);
    return rc;
}

enum ts_err ts_ollama_asked(const struct ts_genreq *q, struct ts_asked *out, struct ts_error *err)
{
    struct ts_jiter tools = ts_jiter_of(q->member[TS_MEMBER_TOOLS]);
    struct ts_jvalue key, tool;
    bool chat = q->dialect == &ts_ollama_chat;
    if (!q->has_prompt)
        return cannot(chat ? "messages" : "prompt", "an empty one loads a model", err);
    bool raw = q->member[TS_MEMBER_RAW].type == TS_J_TRUE; /* no template is used then */
    if (!raw && !is_empty(ts_genreq_member(q, TS_MEMBER_TEMPLATE)))
        return cannot("template", "a template of one's own cannot be given", err);
    if (q->member[TS_MEMBER_LOGPROBS].type == TS_J_TRUE)
        return cannot("logprobs", "they cannot be translated", err);
    out->has_tools = ts_jiter_next(&tools, &key, &tool);
    if (!is_empty(ts_genreq_member(q, TS_MEMBER_SUFFIX)))
        out->suffix = q->member[TS_MEMBER_SUFFIX];
    take_think(q, out);
    enum ts_err rc = take_format(q, out, err);
    return rc == TS_OK ? take_options(q, out, err) : rc;
}

/* -- messages ---------------------------------------------------------------------------------- */

static enum ts_err add(struct ts_parts *p,
                       enum ts_part_kind kind,
                       struct ts_jvalue text,
                       struct ts_error *err)
{
    const struct ts_part part = {.kind = kind, .text = text};
    return is_empty(text) ? TS_OK : ts_parts_add(p, &part, err);
}

/* Their base64 has no media type before it. */
static enum ts_err add_images(struct ts_parts *p, struct ts_jvalue images, struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(images);
    struct ts_jvalue key, image;
    while (ts_jiter_next(&it, &key, &image)) {
        if (image.type != TS_J_STRING)
            return ts_genreq_mistyped("images", "an array of base64 strings", image.type, err);
        struct ts_part part = {.kind = TS_PART_IMAGE,
                               .data = {.at = image.raw.at + 1, .len = image.raw.len - 2}};
        enum ts_err rc = ts_parts_add(p, &part, err);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

enum ts_err ts_ollama_generate_messages(const struct ts_genreq *q,
                                        ts_message_fn *fn,
                                        void *ctx,
                                        struct ts_error *err)
{
    struct ts_parts parts = {0};
    struct ts_jvalue system = ts_genreq_member(q, TS_MEMBER_SYSTEM);
    const struct ts_part system_part = {.kind = TS_PART_TEXT, .text = system};
    struct ts_message m = {
        .role = TS_ROLE_SYSTEM, .parts = &system_part, .part_count = 1, .where = "system"};
    enum ts_err rc = is_empty(system) ? TS_OK : fn(ctx, &m, err);
    if (rc == TS_OK)
        rc = add(&parts, TS_PART_TEXT, q->member[TS_MEMBER_PROMPT], err);
    if (rc == TS_OK)
        rc = add_images(&parts, q->member[TS_MEMBER_IMAGES], err);
    m = (struct ts_message){
        .role = TS_ROLE_USER, .parts = parts.at, .part_count = parts.count, .where = "prompt"};
    if (rc == TS_OK)
        rc = fn(ctx, &m, err);
    ts_parts_deinit(&parts);
    return rc;
}

static enum ts_err add_calls(struct ts_parts *p,
                             struct ts_jvalue calls,
                             const char *where,
                             struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(calls);
    struct ts_jvalue key, call;
    while (ts_jiter_next(&it, &key, &call)) {
        struct ts_jvalue function = ts_jmember(call, "function");
        const struct ts_part part = {
            .kind = TS_PART_CALL,
            .id = ts_jmember(call, "id"),
            .name = ts_jmember(function, "name"),
            .input = ts_jmember(function, "arguments"),
        };
        if (part.name.type != TS_J_STRING)
            return ts_asked_cannot(where, "each tool call must have a function with a name", err);
        enum ts_err rc = ts_parts_add(p, &part, err);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

static bool take_role(struct ts_jvalue role, enum ts_role *out)
{
    static const char *const names[] = {
        [TS_ROLE_SYSTEM] = "system",
        [TS_ROLE_USER] = "user",
        [TS_ROLE_ASSISTANT] = "assistant",
        [TS_ROLE_TOOL] = "tool",
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        if (ts_jstring_is(role, names[i])) {
            *out = (enum ts_role)i;
            return true;
        }
    }
    return false;
}

static enum ts_err read_message(struct ts_parts *parts,
                                struct ts_jvalue message,
                                struct ts_message *m,
                                struct ts_error *err)
{
    struct ts_jvalue content = ts_jmember(message, "content");
    if (!take_role(ts_jmember(message, "role"), &m->role))
        return ts_asked_cannot(m->where, "role must be system, user, assistant or tool", err);
    if (content.type != TS_J_STRING && content.type != TS_J_NONE && content.type != TS_J_NULL)
        return ts_genreq_mistyped(
            m->where, "an object with a string as content", content.type, err);
    enum ts_err rc = TS_OK;
    if (m->role == TS_ROLE_ASSISTANT)
        rc = add(parts, TS_PART_THINKING, ts_jmember(message, "thinking"), err);
    if (rc == TS_OK)
        rc = add(parts, TS_PART_TEXT, content, err);
    if (rc == TS_OK)
        rc = add_images(parts, ts_jmember(message, "images"), err);
    if (rc == TS_OK && m->role == TS_ROLE_ASSISTANT)
        rc = add_calls(parts, ts_jmember(message, "tool_calls"), m->where, err);
    if (m->role == TS_ROLE_TOOL) {
        m->call_id = ts_jmember(message, "tool_call_id");
        m->tool_name = ts_jmember(message, "tool_name");
    }
    m->parts = parts->at;
    m->part_count = parts->count;
    return rc;
}

enum ts_err ts_ollama_chat_messages(const struct ts_genreq *q,
                                    ts_message_fn *fn,
                                    void *ctx,
                                    struct ts_error *err)
{
    struct ts_parts parts = {0};
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_MESSAGES]);
    struct ts_jvalue key, message;
    enum ts_err rc = TS_OK;
    for (int i = 0; rc == TS_OK && ts_jiter_next(&it, &key, &message); i++) {
        char where[32];
        (void)snprintf(where, sizeof(where), "messages[%d]", i);
        struct ts_message m = {.where = where};
        ts_parts_clear(&parts);
        rc = read_message(&parts, message, &m, err);
        if (rc == TS_OK)
            rc = fn(ctx, &m, err);
    }
    ts_parts_deinit(&parts);
    return rc;
}
