#include "proxy/asked.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/genreq_impl.h"

/* -- options ----------------------------------------------------------------------------------- */

static const char *const knob_names[TS_KNOB_COUNT_][TS_WORDS_COUNT_] = {
#define X(id, ollama, openai, anthropic) [TS_KNOB_##id] = {ollama, openai, anthropic},
    TS_KNOB_TABLE(X)
#undef X
};

const char *ts_knob_name(enum ts_knob o, enum ts_words words)
{
    assert(o < TS_KNOB_COUNT_ && words < TS_WORDS_COUNT_);
    return knob_names[o][words];
}

enum ts_err ts_asked_cannot(const char *param, const char *why, struct ts_error *err)
{
    return ts_fail_param(err, TS_ERR_INVALID_FIELD, param, "%s: %s", param, why);
}

static bool is_string_list(struct ts_jvalue v)
{
    struct ts_jiter it = ts_jiter_of(v);
    struct ts_jvalue key, item;
    while (ts_jiter_next(&it, &key, &item)) {
        if (item.type != TS_J_STRING)
            return false;
    }
    return v.type == TS_J_ARRAY;
}

static enum ts_err take_option(struct ts_asked *a,
                               enum ts_knob o,
                               const char *param,
                               struct ts_jvalue value,
                               struct ts_error *err)
{
    double limit = 1;
    if (o == TS_KNOB_STOP && value.type != TS_J_STRING && !is_string_list(value))
        return ts_genreq_mistyped(param, "a string or an array of strings", value.type, err);
    if (o != TS_KNOB_STOP && value.type != TS_J_NUMBER)
        return ts_genreq_mistyped(param, "a number", value.type, err);
    if (o == TS_KNOB_MAX_TOKENS && (!ts_jnumber(value, &limit) || limit <= 0))
        return TS_OK; /* no limit: as if not given */
    a->knob[o] = value;
    return TS_OK;
}

enum ts_err ts_asked_knob(struct ts_asked *a,
                          enum ts_words words,
                          const char *path,
                          struct ts_jvalue key,
                          struct ts_jvalue value,
                          struct ts_error *err)
{
    for (int o = 0; o < TS_KNOB_COUNT_; o++) {
        const char *name = knob_names[o][words];
        if (name == NULL || !ts_jstring_is(key, name))
            continue;
        char param[TS_ERROR_PARAM_SIZE];
        (void)snprintf(param, sizeof(param), "%s%s", path, name);
        return value.type == TS_J_NULL ? TS_OK : take_option(a, (enum ts_knob)o, param, value, err);
    }
    return TS_OK;
}

/* -- parts ------------------------------------------------------------------------------------- */

enum ts_err ts_parts_add(struct ts_parts *p, const struct ts_part *part, struct ts_error *err)
{
    if (p->count == TS_MAX_PARTS)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "messages",
                             "messages: one has more than %d parts",
                             TS_MAX_PARTS);
    if (p->count == p->room) {
        int room = p->room > 0 ? 2 * p->room : 4;
        struct ts_part *at = realloc(p->at, (size_t)room * sizeof(*at));
        if (at == NULL)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for a message");
        p->at = at;
        p->room = room;
    }
    p->at[p->count++] = *part;
    return TS_OK;
}

void ts_parts_clear(struct ts_parts *p)
{
    p->count = 0;
}

void ts_parts_deinit(struct ts_parts *p)
{
    free(p->at);
    *p = (struct ts_parts){0};
}

/* -- pictures ---------------------------------------------------------------------------------- */

/* Whether text as it stands inside a string of JSON begins with @prefix; slashes may be escaped.
 * Return: the bytes that it takes there, 0 if it does not. */
static size_t begins_with(struct ts_slice text, const char *prefix)
{
    size_t at = 0;
    for (; *prefix != '\0'; prefix++, at++) {
        if (at + 1 < text.len && text.at[at] == '\\')
            at++;
        if (at >= text.len || text.at[at] != *prefix)
            return 0;
    }
    return at;
}

struct ts_slice ts_media_type(const struct ts_part *image)
{
    static const char *const kinds[][2] = {
        {"iVBORw0KGgo", "image/png"},
        {"/9j/", "image/jpeg"},
        {"R0lGOD", "image/gif"},
        {"UklGR", "image/webp"},
    };
    if (image->media_type.len > 0)
        return image->media_type;
    for (size_t i = 0; i < TS_ARRAY_LEN(kinds); i++) {
        if (begins_with(image->data, kinds[i][0]) > 0)
            return ts_slice_str(kinds[i][1]);
    }
    return ts_slice_str("image/jpeg");
}

struct ts_part ts_part_of_url(struct ts_jvalue url)
{
    static const char mark[] = "base64,";
    struct ts_slice text = {.at = url.raw.at + 1, .len = url.raw.len - 2};
    size_t type = begins_with(text, "data:");
    const char *comma = type > 0 ? memchr(text.at, ',', text.len) : NULL;
    size_t head = comma != NULL ? (size_t)(comma - text.at) + 1 : 0;
    size_t mark_len = sizeof(mark) - 1;
    if (head < type + mark_len || memcmp(text.at + head - mark_len, mark, mark_len) != 0)
        return (struct ts_part){.kind = TS_PART_IMAGE_URL, .text = url};
    size_t type_end = head - mark_len;
    if (type_end > type && text.at[type_end - 1] == ';')
        type_end--;
    return (struct ts_part){
        .kind = TS_PART_IMAGE,
        .data = {.at = text.at + head, .len = text.len - head},
        .media_type = {.at = text.at + type, .len = type_end - type},
    };
}
