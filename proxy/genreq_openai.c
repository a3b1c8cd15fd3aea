/* Bodies for OpenAI's dialects out of one for Ollama's generate, put together from its spans. */
#include <stdio.h>
#include <string.h>

#include "proxy/genreq_impl.h"

/* -- checks
 * ---------------------------------------------------------------------------------------- */

static enum ts_err cannot(const char *param, const char *why, struct ts_error *err)
{
    return ts_fail_param(err,
                         TS_ERR_INVALID_FIELD,
                         param,
                         "%s: %s; the server of this model speaks OpenAI's dialect",
                         param,
                         why);
}

static bool is_empty(struct ts_jvalue string)
{
    return string.type != TS_J_STRING || string.raw.len == 2;
}

static enum ts_err check_common(const struct ts_genreq *q, struct ts_error *err)
{
    if (!q->has_prompt)
        return cannot("prompt", "an empty one loads a model, which only Ollama can be asked", err);
    struct ts_jvalue format = ts_genreq_member(q, TS_MEMBER_FORMAT);
    if (!is_empty(format) && !ts_jstring_is(format, "json"))
        return cannot("format", "must be \"json\" or a schema", err);
    return TS_OK;
}

/* -- options
 * ----------------------------------------------------------------------------------------- */

/* Options that have a name there; all other options are about running an Ollama server. */
static const struct option {
    const char *ollama;
    const char *openai;
    unsigned types;
} options[] = {
    {"num_predict", "max_tokens", 1U << TS_J_NUMBER},
    {"temperature", "temperature", 1U << TS_J_NUMBER},
    {"top_p", "top_p", 1U << TS_J_NUMBER},
    {"seed", "seed", 1U << TS_J_NUMBER},
    {"stop", "stop", 1U << TS_J_STRING | 1U << TS_J_ARRAY},
    {"presence_penalty", "presence_penalty", 1U << TS_J_NUMBER},
    {"frequency_penalty", "frequency_penalty", 1U << TS_J_NUMBER},
    /* not OpenAI's own: llama.cpp, vLLM and LM Studio know them */
    {"top_k", "top_k", 1U << TS_J_NUMBER},
    {"min_p", "min_p", 1U << TS_J_NUMBER},
    {"repeat_penalty", "repeat_penalty", 1U << TS_J_NUMBER},
};

static enum ts_err put_option(const struct option *o,
                              struct ts_jvalue value,
                              struct ts_buf *out,
                              struct ts_error *err)
{
    if (value.type == TS_J_NONE || value.type == TS_J_NULL)
        return TS_OK;
    if ((o->types >> value.type & 1U) == 0) {
        char param[TS_ERROR_PARAM_SIZE];
        (void)snprintf(param, sizeof(param), "options.%s", o->ollama);
        bool number = o->types == 1U << TS_J_NUMBER;
        return ts_genreq_mistyped(
            param, number ? "a number" : "a string or an array", value.type, err);
    }
    double limit;
    bool is_limit = strcmp(o->ollama, "num_predict") == 0;
    if (is_limit && (!ts_jnumber(value, &limit) || limit <= 0))
        return TS_OK; /* no limit: as if not given */
    ts_buf_printf(out, ",\"%s\":", o->openai);
    ts_buf_put(out, value.raw.at, value.raw.len);
    return TS_OK;
}

static enum ts_err put_options(const struct ts_genreq *q, struct ts_buf *out, struct ts_error *err)
{
    struct ts_jvalue given = ts_genreq_member(q, TS_MEMBER_OPTIONS);
    for (size_t i = 0; i < TS_ARRAY_LEN(options); i++) {
        enum ts_err rc = put_option(&options[i], ts_jmember(given, options[i].ollama), out, err);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

/* -- the other members
 * -------------------------------------------------------------------------------- */

static void put_raw(struct ts_buf *out, const char *before, struct ts_jvalue v)
{
    ts_buf_puts(out, before);
    ts_buf_put(out, v.raw.at, v.raw.len);
}

static void put_head(const char *model, struct ts_buf *out)
{
    ts_buf_puts(out, "{\"model\":");
    ts_buf_put_json_string(out, model, strlen(model));
    ts_buf_puts(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
}

static void put_format(const struct ts_genreq *q, struct ts_buf *out)
{
    struct ts_jvalue format = ts_genreq_member(q, TS_MEMBER_FORMAT);
    if (format.type == TS_J_OBJECT) {
        put_raw(out,
                ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                "{\"name\":\"answer\",\"schema\":",
                format);
        ts_buf_puts(out, "}}");
    } else if (!is_empty(format)) {
        ts_buf_puts(out, ",\"response_format\":{\"type\":\"json_object\"}");
    }
}

static void put_think(const struct ts_genreq *q, struct ts_buf *out)
{
    struct ts_jvalue think = ts_genreq_member(q, TS_MEMBER_THINK);
    if (think.type == TS_J_STRING) {
        put_raw(out, ",\"reasoning_effort\":", think);
    } else if (think.type != TS_J_NONE) {
        put_raw(out, ",\"chat_template_kwargs\":{\"enable_thinking\":", think);
        ts_buf_puts(out, "}");
    }
}

/* -- messages
 * ----------------------------------------------------------------------------------------- */

/* What the first characters of a picture in base64 say of its kind. */
static const struct picture {
    const char *prefix;
    const char *media_type;
} pictures[] = {
    {"iVBORw0KGgo", "image/png"},
    {"/9j/", "image/jpeg"},
    {"R0lGOD", "image/gif"},
    {"UklGR", "image/webp"},
};

/* Whether a string begins with @prefix; slashes may be escaped. */
static bool begins_with(struct ts_jvalue string, const char *prefix)
{
    const char *at = string.raw.at + 1;
    for (; *prefix != '\0'; prefix++, at++) {
        if (*at == '\\')
            at++;
        if (*at != *prefix)
            return false;
    }
    return true;
}

static const char *media_type_of(struct ts_jvalue image)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(pictures); i++) {
        if (begins_with(image, pictures[i].prefix))
            return pictures[i].media_type;
    }
    return "image/jpeg";
}

static void put_image(struct ts_jvalue image, struct ts_buf *out)
{
    ts_buf_printf(out,
                  ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:%s;base64,",
                  media_type_of(image));
    ts_buf_put(out, image.raw.at + 1, image.raw.len - 1); /* with its closing quote */
    ts_buf_puts(out, "}}");
}

static void put_user_content(const struct ts_genreq *q, struct ts_buf *out)
{
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_IMAGES]);
    struct ts_jvalue prompt = q->member[TS_MEMBER_PROMPT];
    struct ts_jvalue key, image;
    if (!ts_jiter_next(&it, &key, &image)) {
        put_raw(out, "", prompt);
        return;
    }
    put_raw(out, "[{\"type\":\"text\",\"text\":", prompt);
    ts_buf_puts(out, "}");
    do
        put_image(image, out);
    while (ts_jiter_next(&it, &key, &image));
    ts_buf_puts(out, "]");
}

static void put_messages(const struct ts_genreq *q, struct ts_buf *out)
{
    struct ts_jvalue system = ts_genreq_member(q, TS_MEMBER_SYSTEM);
    ts_buf_puts(out, ",\"messages\":[");
    if (!is_empty(system)) {
        put_raw(out, "{\"role\":\"system\",\"content\":", system);
        ts_buf_puts(out, "},");
    }
    ts_buf_puts(out, "{\"role\":\"user\",\"content\":");
    put_user_content(q, out);
    ts_buf_puts(out, "}]");
}

enum ts_err ts_genreq_to_chat(const struct ts_genreq *q,
                              const char *model,
                              struct ts_buf *out,
                              struct ts_error *err)
{
    enum ts_err rc = check_common(q, err);
    if (rc != TS_OK)
        return rc;
    if (!is_empty(ts_genreq_member(q, TS_MEMBER_TEMPLATE)))
        return cannot("template", "a template of one's own cannot be given", err);
    put_head(model, out);
    put_messages(q, out);
    put_format(q, out);
    put_think(q, out);
    rc = put_options(q, out, err);
    ts_buf_puts(out, "}");
    return rc;
}

enum ts_err ts_genreq_to_completions(const struct ts_genreq *q,
                                     const char *model,
                                     struct ts_buf *out,
                                     struct ts_error *err)
{
    enum ts_err rc = check_common(q, err);
    struct ts_jvalue key, image;
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_IMAGES]);
    if (rc == TS_OK && ts_jiter_next(&it, &key, &image))
        return cannot("images", "a raw prompt, or one with a suffix, has no place for them", err);
    if (rc != TS_OK)
        return rc;
    put_head(model, out);
    put_raw(out, ",\"prompt\":", q->member[TS_MEMBER_PROMPT]);
    if (!is_empty(ts_genreq_member(q, TS_MEMBER_SUFFIX)))
        put_raw(out, ",\"suffix\":", q->member[TS_MEMBER_SUFFIX]);
    put_format(q, out);
    rc = put_options(q, out, err);
    ts_buf_puts(out, "}");
    return rc;
}
