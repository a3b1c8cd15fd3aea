/* Requests in Anthropic's dialect, as clients write them. */
#include <stdio.h>

#include "proxy/dialect_impl.h"
#include "proxy/genreq_impl.h"

#define TEXT_OR_PARTS (TS_TYPE(STRING) | TS_TYPE(ARRAY))

const struct ts_member_rule ts_anthropic_members[TS_ANTHROPIC_MEMBERS] = {
    {TS_MEMBER_MODEL, TS_TYPE(STRING), "a string", true},
    {TS_MEMBER_STREAM, TS_TYPE_BOOLEAN, "true or false", false},
    {TS_MEMBER_TOUCHSTONE, TS_TYPE(OBJECT), "an object", false},
    {TS_MEMBER_MESSAGES, TS_TYPE(ARRAY), "an array of messages", true},
    {TS_MEMBER_SYSTEM, TEXT_OR_PARTS, "a string or an array of parts", false},
    {TS_MEMBER_TOOLS, TS_TYPE(ARRAY), "an array", false},
    {TS_MEMBER_THINKING, TS_TYPE(OBJECT), "an object", false},
    {TS_MEMBER_MCP_SERVERS, TS_TYPE(ARRAY), "an array", false},
};

static const char only_anthropic[] = "the server of this model does not speak Anthropic's dialect, "
                                     "and has nothing like it";

/* -- what a stream cannot be folded into ------------------------------------------------------- */

/* Whether the type of something is one of @known, or not given. */
static bool is_known(struct ts_jvalue object, const char *const *known)
{
    struct ts_jvalue type = ts_jmember(object, "type");
    if (type.type == TS_J_NONE || type.type == TS_J_NULL)
        return true;
    while (*known != NULL && !ts_jstring_is(type, *known))
        known++;
    return *known != NULL;
}

static bool all_known(struct ts_jvalue list, const char *const *known)
{
    struct ts_jiter it = ts_jiter_of(list);
    struct ts_jvalue key, item;
    while (ts_jiter_next(&it, &key, &item)) {
        if (item.type == TS_J_OBJECT && !is_known(item, known))
            return false;
    }
    return true;
}

static const char *const own_tools[] = {"custom", NULL};

/* Thinking may come encrypted, documents bring citations, tools of the server's own bring parts
 * that only a whole answer has in full. */
bool ts_anthropic_folds(const struct ts_genreq *q)
{
    static const char *const plain_parts[] = {"text", "image", "tool_use", "tool_result", NULL};
    struct ts_jvalue thinking = q->member[TS_MEMBER_THINKING];
    if (thinking.type == TS_J_OBJECT && !ts_jstring_is(ts_jmember(thinking, "type"), "disabled"))
        return false;
    if (ts_genreq_member(q, TS_MEMBER_MCP_SERVERS).type != TS_J_NONE ||
        !all_known(q->member[TS_MEMBER_TOOLS], own_tools))
        return false;
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_MESSAGES]);
    struct ts_jvalue key, message;
    while (ts_jiter_next(&it, &key, &message)) {
        if (!all_known(ts_jmember(message, "content"), plain_parts))
            return false;
    }
    return true;
}

/* -- what is asked beside the messages --------------------------------------------------------- */

struct taking {
    struct ts_asked *out;
    const char *name;
    struct ts_jvalue value;
    struct ts_error *err;
};

static enum ts_err take_thinking(const struct taking *t)
{
    struct ts_jvalue type = ts_jmember(t->value, "type");
    struct ts_jvalue budget = ts_jmember(t->value, "budget_tokens");
    if (ts_jstring_is(type, "disabled")) {
        t->out->thinking = TS_THINKING_OFF;
        return TS_OK;
    }
    t->out->thinking = budget.type == TS_J_NUMBER ? TS_THINKING_BUDGET : TS_THINKING_ON;
    t->out->thinking_value = budget;
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
                 {"any", TS_TOOL_CHOICE_ANY},
                 {"tool", TS_TOOL_CHOICE_NAMED}};
    struct ts_jvalue type = ts_jmember(t->value, "type");
    if (ts_jmember(t->value, "disable_parallel_tool_use").type == TS_J_TRUE)
        t->out->parallel_tools =
            (struct ts_jvalue){.type = TS_J_FALSE, .raw = TS_SLICE_LIT("false")};
    t->out->tool_name = ts_jmember(t->value, "name");
    for (size_t i = 0; i < TS_ARRAY_LEN(words); i++) {
        if (!ts_jstring_is(type, words[i].name))
            continue;
        t->out->tool_choice = words[i].choice;
        if (words[i].choice == TS_TOOL_CHOICE_NAMED && t->out->tool_name.type != TS_J_STRING)
            return ts_asked_cannot("tool_choice.name", "must name a tool", t->err);
        return TS_OK;
    }
    return ts_asked_cannot("tool_choice.type", "must be auto, any, tool or none", t->err);
}

static enum ts_err take_format(const struct taking *t, struct ts_jvalue format)
{
    t->out->schema = ts_jmember(format, "schema");
    if (!ts_jstring_is(ts_jmember(format, "type"), "json_schema") ||
        t->out->schema.type != TS_J_OBJECT)
        return ts_asked_cannot(t->name, "must be of type json_schema, with a schema", t->err);
    t->out->format = TS_FORMAT_SCHEMA;
    return TS_OK;
}

static enum ts_err take_output_format(const struct taking *t)
{
    return take_format(t, t->value);
}

static enum ts_err take_output_config(const struct taking *t)
{
    struct ts_jvalue format = ts_jmember(t->value, "format");
    struct ts_jvalue effort = ts_jmember(t->value, "effort");
    if (effort.type == TS_J_STRING && t->out->thinking == TS_THINKING_NONE_GIVEN) {
        t->out->thinking = TS_THINKING_LEVEL;
        t->out->thinking_value = effort;
    }
    return format.type == TS_J_OBJECT ? take_format(t, format) : TS_OK;
}

static enum ts_err take_metadata(const struct taking *t)
{
    struct ts_jvalue user = ts_jmember(t->value, "user_id");
    if (user.type == TS_J_STRING)
        t->out->user = user;
    return TS_OK;
}

static enum ts_err refuse(const struct taking *t)
{
    return ts_asked_cannot(t->name, only_anthropic, t->err);
}

enum ts_err ts_anthropic_asked(const struct ts_genreq *q,
                               struct ts_asked *out,
                               struct ts_error *err)
{
    static const struct {
        const char *name;
        enum ts_err (*take)(const struct taking *t);
    } settings[] = {
        {"thinking", take_thinking},
        {"tools", take_tools},
        {"tool_choice", take_tool_choice},
        {"output_format", take_output_format},
        {"output_config", take_output_config},
        {"metadata", take_metadata},
        {"mcp_servers", refuse},
        {"container", refuse},
    };
    struct ts_jiter it = ts_jiter_of(q->root);
    struct ts_jvalue key, value;
    enum ts_err rc = TS_OK;
    while (rc == TS_OK && ts_jiter_next(&it, &key, &value)) {
        rc = ts_asked_knob(out, TS_WORDS_ANTHROPIC, "", key, value, err);
        for (size_t i = 0; i < TS_ARRAY_LEN(settings) && rc == TS_OK; i++) {
            if (value.type == TS_J_NULL || !ts_jstring_is(key, settings[i].name))
                continue;
            const struct taking t = {
                .out = out, .name = settings[i].name, .value = value, .err = err};
            rc = settings[i].take(&t);
        }
    }
    return rc;
}

enum ts_err ts_anthropic_tools(const struct ts_genreq *q,
                               ts_tool_fn *fn,
                               void *ctx,
                               struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_TOOLS]);
    struct ts_jvalue key, item;
    enum ts_err rc = TS_OK;
    for (int i = 0; rc == TS_OK && ts_jiter_next(&it, &key, &item); i++) {
        char where[TS_ERROR_PARAM_SIZE];
        const struct ts_tool tool = {
            .name = ts_jmember(item, "name"),
            .description = ts_jmember(item, "description"),
            .parameters = ts_jmember(item, "input_schema"),
            .strict = ts_jmember(item, "strict"),
        };
        (void)snprintf(where, sizeof(where), "tools[%d]", i);
        if (!is_known(item, own_tools))
            return ts_asked_cannot(where, "only Anthropic itself has this type of tool", err);
        if (tool.name.type != TS_J_STRING)
            return ts_asked_cannot(where, "must have a name", err);
        rc = fn(ctx, &tool, err);
    }
    return rc;
}

/* -- messages ---------------------------------------------------------------------------------- */

/* One message being read. A user's message here may be several of ours: the results of tools, and
 * what the user says beside them. */
struct reading {
    struct ts_parts parts;   /* of the message */
    struct ts_parts results; /* of the result being read */
    enum ts_role role;
    char where[32];
    ts_message_fn *fn;
    void *ctx;
    struct ts_error *err;
};

static enum ts_err wrong(const struct reading *r, const char *why)
{
    char param[TS_ERROR_PARAM_SIZE];
    (void)snprintf(param, sizeof(param), "%s.content", r->where);
    return ts_asked_cannot(param, why, r->err);
}

static enum ts_err add_text(struct reading *r, struct ts_parts *to, struct ts_jvalue text)
{
    const struct ts_part part = {.kind = TS_PART_TEXT, .text = text};
    if (text.type != TS_J_STRING)
        return wrong(r, "a part of type text must have a text");
    return ts_parts_add(to, &part, r->err);
}

static enum ts_err add_image(struct reading *r, struct ts_parts *to, struct ts_jvalue source)
{
    struct ts_jvalue data = ts_jmember(source, "data");
    struct ts_jvalue url = ts_jmember(source, "url");
    struct ts_jvalue type = ts_jmember(source, "media_type");
    struct ts_part part = {.kind = TS_PART_IMAGE_URL, .text = url};
    if (data.type == TS_J_STRING) {
        part = (struct ts_part){.kind = TS_PART_IMAGE};
        part.data = (struct ts_slice){data.raw.at + 1, data.raw.len - 2};
        if (type.type == TS_J_STRING)
            part.media_type = (struct ts_slice){type.raw.at + 1, type.raw.len - 2};
    } else if (url.type != TS_J_STRING) {
        return wrong(r, "an image must have a source of type base64 or url here");
    }
    return ts_parts_add(to, &part, r->err);
}

static enum ts_err add_thinking(struct reading *r, struct ts_jvalue block)
{
    const struct ts_part part = {
        .kind = TS_PART_THINKING,
        .text = ts_jmember(block, "thinking"),
        .signature = ts_jmember(block, "signature"),
    };
    return part.text.type == TS_J_STRING ? ts_parts_add(&r->parts, &part, r->err) : TS_OK;
}

static enum ts_err add_call(struct reading *r, struct ts_jvalue block)
{
    const struct ts_part part = {
        .kind = TS_PART_CALL,
        .id = ts_jmember(block, "id"),
        .name = ts_jmember(block, "name"),
        .input = ts_jmember(block, "input"),
    };
    if (part.name.type != TS_J_STRING)
        return wrong(r, "a part of type tool_use must have a name");
    return ts_parts_add(&r->parts, &part, r->err);
}

static enum ts_err read_result_parts(struct reading *r, struct ts_jvalue content)
{
    if (content.type == TS_J_STRING)
        return add_text(r, &r->results, content);
    struct ts_jiter it = ts_jiter_of(content);
    struct ts_jvalue key, block;
    enum ts_err rc = TS_OK;
    while (rc == TS_OK && ts_jiter_next(&it, &key, &block)) {
        struct ts_jvalue type = ts_jmember(block, "type");
        if (ts_jstring_is(type, "text"))
            rc = add_text(r, &r->results, ts_jmember(block, "text"));
        else if (ts_jstring_is(type, "image"))
            rc = add_image(r, &r->results, ts_jmember(block, "source"));
        else
            rc = wrong(r, "the result of a tool can only be text and images here");
    }
    return rc;
}

static enum ts_err tell_result(struct reading *r, struct ts_jvalue block)
{
    ts_parts_clear(&r->results);
    enum ts_err rc = read_result_parts(r, ts_jmember(block, "content"));
    const struct ts_message m = {
        .role = TS_ROLE_TOOL,
        .parts = r->results.at,
        .part_count = r->results.count,
        .call_id = ts_jmember(block, "tool_use_id"),
        .is_error = ts_jmember(block, "is_error").type == TS_J_TRUE,
        .where = r->where,
    };
    return rc == TS_OK ? r->fn(r->ctx, &m, r->err) : rc;
}

static enum ts_err add_block(struct reading *r, struct ts_jvalue block)
{
    struct ts_jvalue type = ts_jmember(block, "type");
    if (ts_jstring_is(type, "text"))
        return add_text(r, &r->parts, ts_jmember(block, "text"));
    if (ts_jstring_is(type, "image"))
        return add_image(r, &r->parts, ts_jmember(block, "source"));
    if (ts_jstring_is(type, "tool_result"))
        return tell_result(r, block);
    if (ts_jstring_is(type, "tool_use"))
        return add_call(r, block);
    if (ts_jstring_is(type, "thinking"))
        return add_thinking(r, block);
    if (ts_jstring_is(type, "redacted_thinking")) /* for its own server only */
        return TS_OK;
    return wrong(r,
                 "the server of this model does not speak Anthropic's dialect: only parts of type "
                 "text, image, tool_use, tool_result and thinking can be put into its own");
}

/* A string, or a list of blocks, as one message; the results of tools come before it. */
static enum ts_err tell(struct reading *r, struct ts_jvalue content)
{
    ts_parts_clear(&r->parts);
    enum ts_err rc = TS_OK;
    if (content.type == TS_J_STRING) {
        rc = add_text(r, &r->parts, content);
    } else if (content.type != TS_J_ARRAY) {
        return wrong(r, "must be a string or an array of parts");
    }
    struct ts_jiter it = ts_jiter_of(content);
    struct ts_jvalue key, block;
    while (rc == TS_OK && content.type == TS_J_ARRAY && ts_jiter_next(&it, &key, &block))
        rc = add_block(r, block);
    if (rc != TS_OK || r->parts.count == 0)
        return rc;
    const struct ts_message m = {
        .role = r->role, .parts = r->parts.at, .part_count = r->parts.count, .where = r->where};
    return r->fn(r->ctx, &m, r->err);
}

static enum ts_err tell_message(struct reading *r, struct ts_jvalue message)
{
    struct ts_jvalue role = ts_jmember(message, "role");
    if (message.type != TS_J_OBJECT)
        return ts_genreq_mistyped(r->where, "an object", message.type, r->err);
    bool user = ts_jstring_is(role, "user");
    bool system = ts_jstring_is(role, "system");
    if (!user && !system && !ts_jstring_is(role, "assistant")) {
        char param[TS_ERROR_PARAM_SIZE];
        (void)snprintf(param, sizeof(param), "%s.role", r->where);
        return ts_asked_cannot(param, "must be user or assistant", r->err);
    }
    r->role = user ? TS_ROLE_USER : system ? TS_ROLE_SYSTEM : TS_ROLE_ASSISTANT;
    return tell(r, ts_jmember(message, "content"));
}

enum ts_err ts_anthropic_messages_of(const struct ts_genreq *q,
                                     ts_message_fn *fn,
                                     void *ctx,
                                     struct ts_error *err)
{
    struct reading r = {
        .role = TS_ROLE_SYSTEM, .where = "system", .fn = fn, .ctx = ctx, .err = err};
    struct ts_jvalue system = ts_genreq_member(q, TS_MEMBER_SYSTEM);
    enum ts_err rc = system.type != TS_J_NONE ? tell(&r, system) : TS_OK;
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_MESSAGES]);
    struct ts_jvalue key, message;
    for (int i = 0; rc == TS_OK && ts_jiter_next(&it, &key, &message); i++) {
        (void)snprintf(r.where, sizeof(r.where), "messages[%d]", i);
        rc = tell_message(&r, message);
    }
    ts_parts_deinit(&r.parts);
    ts_parts_deinit(&r.results);
    return rc;
}
