#include "proxy/genreq.h"

#include <string.h>

#include "base/utf8.h"
#include "proxy/genreq_impl.h"

enum { ARENA_MAX = 64 * 1024 }; /* the model and all labels, from body and headers */

/* -- messages ---------------------------------------------------------------------------------- */

const char *ts_genreq_type_name(enum ts_jtype type)
{
    static const char *const names[] = {
        [TS_J_NONE] = "absent",
        [TS_J_NULL] = "null",
        [TS_J_FALSE] = "false",
        [TS_J_TRUE] = "true",
        [TS_J_NUMBER] = "a number",
        [TS_J_STRING] = "a string",
        [TS_J_ARRAY] = "an array",
        [TS_J_OBJECT] = "an object",
    };
    return names[type];
}

enum ts_err ts_genreq_mistyped(const char *param,
                               const char *expected,
                               enum ts_jtype found,
                               struct ts_error *err)
{
    return ts_fail_param(err,
                         TS_ERR_INVALID_FIELD,
                         param,
                         "%s must be %s, not %s",
                         param,
                         expected,
                         ts_genreq_type_name(found));
}

/* -- values ------------------------------------------------------------------------------------ */

struct ts_jvalue ts_genreq_member(const struct ts_genreq *q, enum ts_member m)
{
    struct ts_jvalue v = q->member[m];
    return v.type == TS_J_NULL ? (struct ts_jvalue){.type = TS_J_NONE} : v;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

enum ts_err ts_genreq_plain(struct ts_arena *arena,
                            struct ts_slice text,
                            size_t max,
                            const char *param,
                            const char **out,
                            struct ts_error *err)
{
    if (text.len == 0 || text.len > max) {
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             param,
                             "%s must have 1 to %zu bytes, not %zu",
                             param,
                             max,
                             text.len);
    }
    bool control = false;
    for (size_t i = 0; i < text.len; i++)
        control = control || is_control(text.at[i]);
    if (control || !ts_utf8_valid(text.at, text.len)) {
        return ts_fail_param(
            err, TS_ERR_INVALID_FIELD, param, "%s must be UTF-8 without control characters", param);
    }
    *out = ts_arena_copy(arena, text);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for %s", param);
}

enum ts_err ts_genreq_text(struct ts_arena *arena,
                           struct ts_jvalue value,
                           size_t max,
                           const char *param,
                           const char **out,
                           struct ts_error *err)
{
    if (value.type != TS_J_STRING)
        return ts_genreq_mistyped(param, "a string", value.type, err);
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(max + 1);
    ts_jstring_decode(value, &text);
    if (text.error == TS_ERR_NOMEM)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for %s", param);
    if (!ts_buf_ok(&text)) {
        return ts_fail_param(
            err, TS_ERR_INVALID_FIELD, param, "%s must have 1 to %zu bytes", param, max);
    }
    struct ts_slice decoded = {ts_buf_text(&text), text.len};
    return ts_genreq_plain(arena, decoded, max, param, out, err);
}

/* -- the members we read ----------------------------------------------------------------------- */

static const char *const member_names[] = {
#define X(id, name) [TS_MEMBER_##id] = name,
    TS_MEMBER_TABLE(X)
#undef X
};

#define TYPE(t) (1U << TS_J_##t)
#define BOOLEAN (TYPE(TRUE) | TYPE(FALSE))

/* A member and what it may be; those that a dialect has are its table. */
struct rule {
    enum ts_member member;
    unsigned types;
    const char *expected;
    bool required;
};

static const struct rule generate_rules[] = {
    {TS_MEMBER_MODEL, TYPE(STRING), "a string", true},
    {TS_MEMBER_STREAM, BOOLEAN, "true or false", false},
    {TS_MEMBER_TOUCHSTONE, TYPE(OBJECT), "an object", false},
    {TS_MEMBER_PROMPT, TYPE(STRING), "a string", false},
    {TS_MEMBER_SUFFIX, TYPE(STRING), "a string", false},
    {TS_MEMBER_SYSTEM, TYPE(STRING), "a string", false},
    {TS_MEMBER_TEMPLATE, TYPE(STRING), "a string", false},
    {TS_MEMBER_RAW, BOOLEAN, "true or false", false},
    {TS_MEMBER_THINK, BOOLEAN | TYPE(STRING), "true, false or a level", false},
    {TS_MEMBER_FORMAT, TYPE(STRING) | TYPE(OBJECT), "\"json\" or a schema", false},
    {TS_MEMBER_OPTIONS, TYPE(OBJECT), "an object", false},
    {TS_MEMBER_IMAGES, TYPE(ARRAY), "an array of strings", false},
    {TS_MEMBER_CONTEXT, TYPE(ARRAY), "an array of numbers", false},
    {TS_MEMBER_KEEP_ALIVE, TYPE(STRING) | TYPE(NUMBER), "a duration or seconds", false},
};

static const struct rule chat_rules[] = {
    {TS_MEMBER_MODEL, TYPE(STRING), "a string", true},
    {TS_MEMBER_STREAM, BOOLEAN, "true or false", false},
    {TS_MEMBER_STREAM_OPTIONS, TYPE(OBJECT), "an object", false},
    {TS_MEMBER_TOUCHSTONE, TYPE(OBJECT), "an object", false},
    {TS_MEMBER_MESSAGES, TYPE(ARRAY), "an array of messages", true},
    {TS_MEMBER_TOOLS, TYPE(ARRAY), "an array", false},
    {TS_MEMBER_RESPONSE_FORMAT, TYPE(OBJECT), "an object", false},
};

static const struct rule completions_rules[] = {
    {TS_MEMBER_MODEL, TYPE(STRING), "a string", true},
    {TS_MEMBER_STREAM, BOOLEAN, "true or false", false},
    {TS_MEMBER_STREAM_OPTIONS, TYPE(OBJECT), "an object", false},
    {TS_MEMBER_TOUCHSTONE, TYPE(OBJECT), "an object", false},
    {TS_MEMBER_PROMPT, TYPE(STRING) | TYPE(ARRAY), "a string or an array", true},
};

struct rules {
    const struct rule *at;
    size_t count;
};

static struct rules rules_of(const struct ts_dialect *d)
{
    if (d == &ts_ollama_generate)
        return (struct rules){generate_rules, TS_ARRAY_LEN(generate_rules)};
    if (d == &ts_openai_completions)
        return (struct rules){completions_rules, TS_ARRAY_LEN(completions_rules)};
    return (struct rules){chat_rules, TS_ARRAY_LEN(chat_rules)};
}

/* Where a server is, and the key to it, is told by the configuration and by nobody else. */
static enum ts_err check_allowed(struct ts_jvalue key, struct ts_error *err)
{
    static const char *const forbidden[] = {"api_base", "base_url", "api_key", "url"};
    for (size_t i = 0; i < TS_ARRAY_LEN(forbidden); i++) {
        if (ts_jstring_is(key, forbidden[i])) {
            return ts_fail_param(err,
                                 TS_ERR_FIELD_NOT_ALLOWED,
                                 forbidden[i],
                                 "%s is not allowed in a request: servers and their keys are "
                                 "configured, not asked for",
                                 forbidden[i]);
        }
    }
    return TS_OK;
}

static const struct rule *rule_of(struct rules rules, struct ts_jvalue key)
{
    for (size_t i = 0; i < rules.count; i++) {
        if (ts_jstring_is(key, member_names[rules.at[i].member]))
            return &rules.at[i];
    }
    return NULL;
}

static enum ts_err take_member(struct ts_genreq *q,
                               const struct rule *rule,
                               struct ts_jvalue value,
                               struct ts_error *err)
{
    const char *name = member_names[rule->member];
    /* Parsers differ in which of two members they take: what we route by must be what they read. */
    if (q->member[rule->member].type != TS_J_NONE) {
        return ts_fail_param(err,
                             TS_ERR_INVALID_JSON,
                             name,
                             "invalid JSON: a second \"%s\" at byte %zu",
                             name,
                             (size_t)(value.raw.at - q->body.at));
    }
    if (value.type != TS_J_NULL && (rule->types >> value.type & 1U) == 0)
        return ts_genreq_mistyped(name, rule->expected, value.type, err);
    q->member[rule->member] = value;
    return TS_OK;
}

static enum ts_err take_members(struct ts_genreq *q, struct ts_error *err)
{
    struct rules rules = rules_of(q->dialect);
    struct ts_jiter it = ts_jiter_of(q->root);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        enum ts_err rc = check_allowed(key, err);
        const struct rule *rule = rule_of(rules, key);
        if (rc == TS_OK && rule != NULL)
            rc = take_member(q, rule, value, err);
        if (rc != TS_OK)
            return rc;
    }
    for (size_t i = 0; i < rules.count; i++) {
        const char *name = member_names[rules.at[i].member];
        if (rules.at[i].required && ts_genreq_member(q, rules.at[i].member).type == TS_J_NONE)
            return ts_fail_param(err, TS_ERR_INVALID_FIELD, name, "%s is missing", name);
    }
    return TS_OK;
}

static enum ts_err check_images(const struct ts_genreq *q, struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_IMAGES]);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        if (value.type != TS_J_STRING)
            return ts_genreq_mistyped("images", "an array of base64 strings", value.type, err);
    }
    return TS_OK;
}

/* -- scanning ---------------------------------------------------------------------------------- */

static bool has_text(struct ts_jvalue v)
{
    return v.type == TS_J_STRING && v.raw.len > 2;
}

static void take_flags(struct ts_genreq *q)
{
    enum ts_jtype stream = ts_genreq_member(q, TS_MEMBER_STREAM).type;
    struct ts_jvalue options = q->member[TS_MEMBER_STREAM_OPTIONS];
    q->stream = stream == TS_J_NONE ? q->dialect->stream_default : stream == TS_J_TRUE;
    q->has_prompt = q->dialect != &ts_ollama_generate || has_text(q->member[TS_MEMBER_PROMPT]);
    q->include_usage = ts_jmember(options, "include_usage").type == TS_J_TRUE;
}

static enum ts_err take_root(struct ts_genreq *q, struct ts_error *err)
{
    enum ts_err rc = take_members(q, err);
    if (rc == TS_OK)
        rc = check_images(q, err);
    if (rc == TS_OK) {
        rc = ts_genreq_text(
            &q->arena, q->member[TS_MEMBER_MODEL], TS_MAX_MODEL, "model", &q->model, err);
    }
    if (rc != TS_OK)
        return rc;
    take_flags(q);
    struct ts_jvalue labels = ts_genreq_member(q, TS_MEMBER_TOUCHSTONE);
    return labels.type == TS_J_NONE ? TS_OK : ts_genreq_labels(q, labels, err);
}

enum ts_err ts_genreq_scan(const struct ts_dialect *d,
                           struct ts_slice body,
                           struct ts_genreq *out,
                           struct ts_error *err)
{
    struct ts_genreq q = {
        .dialect = d,
        .body = body,
        .labels = {.timeout_ms = TS_UNKNOWN},
        .arena = TS_ARENA_INIT(ARENA_MAX),
    };
    enum ts_err rc = ts_jscan(body.at, body.len, &q.root, err);
    if (rc != TS_OK)
        return rc;
    if (q.root.type != TS_J_OBJECT) {
        return ts_fail(err,
                       TS_ERR_INVALID_JSON,
                       "the body must be an object, not %s at byte %zu",
                       ts_genreq_type_name(q.root.type),
                       (size_t)(q.root.raw.at - body.at));
    }
    rc = take_root(&q, err);
    if (rc != TS_OK) {
        ts_genreq_deinit(&q);
        return rc;
    }
    *out = q;
    return TS_OK;
}

void ts_genreq_deinit(struct ts_genreq *q)
{
    if (q != NULL)
        ts_arena_free(&q->arena);
}

/* -- the prompt, for a classifier
 * ------------------------------------------------------------------ */

static bool has_items(struct ts_jvalue array)
{
    struct ts_jiter it = ts_jiter_of(array);
    struct ts_jvalue key, value;
    return array.type == TS_J_ARRAY && ts_jiter_next(&it, &key, &value);
}

static bool message_has_image(struct ts_jvalue message)
{
    struct ts_jiter it = ts_jiter_of(ts_jmember(message, "content"));
    struct ts_jvalue key, part;
    while (!it.object && ts_jiter_next(&it, &key, &part)) {
        if (ts_jstring_is(ts_jmember(part, "type"), "image_url"))
            return true;
    }
    return false;
}

static bool messages_have_image(struct ts_jvalue messages)
{
    struct ts_jiter it = ts_jiter_of(messages);
    struct ts_jvalue key, message;
    while (ts_jiter_next(&it, &key, &message)) {
        if (message_has_image(message))
            return true;
    }
    return false;
}

struct ts_prompt_view ts_genreq_prompt(const struct ts_genreq *q)
{
    bool chat = q->dialect == &ts_openai_chat;
    struct ts_jvalue prompt = ts_genreq_member(q, chat ? TS_MEMBER_MESSAGES : TS_MEMBER_PROMPT);
    struct ts_jvalue format = q->member[TS_MEMBER_FORMAT];
    struct ts_jvalue kind = ts_jmember(q->member[TS_MEMBER_RESPONSE_FORMAT], "type");
    return (struct ts_prompt_view){
        .prompt = prompt,
        .system = ts_genreq_member(q, TS_MEMBER_SYSTEM),
        .has_images =
            has_items(q->member[TS_MEMBER_IMAGES]) || (chat && messages_have_image(prompt)),
        .has_tools = has_items(q->member[TS_MEMBER_TOOLS]),
        .wants_json = has_text(format) || format.type == TS_J_OBJECT ||
                      (kind.type == TS_J_STRING && !ts_jstring_is(kind, "text")),
    };
}
