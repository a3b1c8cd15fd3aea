#include "proxy/asked_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proxy/genreq_impl.h"

void ts_put_raw(struct ts_buf *out, const char *before, struct ts_jvalue v)
{
    ts_buf_puts(out, before);
    ts_buf_put(out, v.raw.at, v.raw.len);
}

void ts_put_optional(struct ts_buf *out, const char *before, struct ts_jvalue v)
{
    if (v.type != TS_J_NONE && v.type != TS_J_NULL)
        ts_put_raw(out, before, v);
}

void ts_put_model(struct ts_buf *out, const struct ts_build *b)
{
    ts_buf_puts(out, "{\"model\":");
    ts_buf_put_json_string(out, b->model, strlen(b->model));
}

void ts_put_texts(struct ts_buf *out, const struct ts_message *m, enum ts_part_kind kind)
{
    bool first = true;
    ts_buf_puts(out, "\"");
    for (int i = 0; i < m->part_count; i++) {
        const struct ts_part *p = &m->parts[i];
        if (p->kind != kind)
            continue;
        ts_buf_puts(out, first ? "" : "\\n");
        ts_buf_put(out, p->text.raw.at + 1, p->text.raw.len - 2);
        first = false;
    }
    ts_buf_puts(out, "\"");
}

int ts_count_parts(const struct ts_message *m, enum ts_part_kind kind)
{
    int n = 0;
    for (int i = 0; i < m->part_count; i++)
        n += m->parts[i].kind == kind;
    return n;
}

void ts_put_knobs(struct ts_buf *out, const struct ts_asked *a, enum ts_words words, unsigned but)
{
    for (int o = 0; o < TS_KNOB_COUNT_; o++) {
        const char *name = ts_knob_name((enum ts_knob)o, words);
        if (name == NULL || a->knob[o].type == TS_J_NONE || (but >> o & 1U) != 0)
            continue;
        ts_buf_printf(out, ",\"%s\":", name);
        ts_put_raw(out, "", a->knob[o]);
    }
}

void ts_put_stops(struct ts_buf *out, const char *before, struct ts_jvalue stop)
{
    if (stop.type == TS_J_STRING) {
        ts_buf_puts(out, before);
        ts_put_raw(out, "[", stop);
        ts_buf_puts(out, "]");
    } else {
        ts_put_optional(out, before, stop);
    }
}

/* -- arguments of calls ------------------------------------------------------------------------ */

/* "" is how some clients write no arguments. */
static bool is_blank(const struct ts_buf *text)
{
    return strspn(ts_buf_text(text), " \t\r\n") == text->len;
}

enum ts_err ts_put_input_object(struct ts_buf *out,
                                const struct ts_part *call,
                                const char *where,
                                struct ts_error *err)
{
    struct ts_jvalue input = call->input;
    if (input.type == TS_J_NONE || input.type == TS_J_NULL) {
        ts_buf_puts(out, "{}");
        return TS_OK;
    }
    if (input.type == TS_J_OBJECT) {
        ts_put_raw(out, "", input);
        return TS_OK;
    }
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(TS_MAX_GENERATE_BODY_BYTES);
    struct ts_jvalue object = {.type = TS_J_NONE};
    ts_jstring_decode(input, &text);
    if (!ts_buf_ok(&text))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the arguments of a call");
    if (is_blank(&text)) {
        ts_buf_puts(out, "{}");
        return TS_OK;
    }
    if (ts_jscan(text.data, text.len, &object, NULL) != TS_OK || object.type != TS_J_OBJECT)
        return ts_asked_cannot(
            where, "the arguments of a tool call must be an object of JSON, as text", err);
    ts_put_raw(out, "", object);
    return TS_OK;
}

void ts_put_input_string(struct ts_buf *out, const struct ts_part *call)
{
    if (call->input.type == TS_J_STRING)
        ts_put_raw(out, "", call->input);
    else if (call->input.type == TS_J_OBJECT)
        ts_buf_put_json_string(out, call->input.raw.at, call->input.raw.len);
    else
        ts_buf_puts(out, "\"{}\"");
}

/* -- the calls so far -------------------------------------------------------------------------- */

enum ts_err ts_known_calls_add(struct ts_known_calls *k,
                               const struct ts_part *call,
                               int *number,
                               struct ts_error *err)
{
    if (k->count == TS_MAX_KNOWN_CALLS)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "messages",
                             "messages: more than %d calls of tools",
                             TS_MAX_KNOWN_CALLS);
    if (k->count == k->room) {
        int room = k->room > 0 ? 2 * k->room : 8;
        struct ts_known_call *at = realloc(k->at, (size_t)room * sizeof(*at));
        if (at == NULL)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for a call of a tool");
        k->at = at;
        k->room = room;
    }
    *number = k->count;
    k->at[k->count++] = (struct ts_known_call){.id = call->id, .name = call->name};
    return TS_OK;
}

/* Both as they stand: a client writes an id the same way each time. */
static bool same(struct ts_jvalue a, struct ts_jvalue b)
{
    return a.raw.len == b.raw.len && memcmp(a.raw.at, b.raw.at, a.raw.len) == 0;
}

static int find_by_id(const struct ts_known_calls *k, struct ts_jvalue id)
{
    for (int i = k->count - 1; i >= 0; i--) {
        if (k->at[i].id.type == TS_J_STRING && same(k->at[i].id, id))
            return i;
    }
    return -1;
}

/* The oldest call without a result; of that name, if there is one. */
static int find_open(const struct ts_known_calls *k, struct ts_jvalue name)
{
    for (int i = 0; i < k->count; i++) {
        if (!k->at[i].answered && (name.type != TS_J_STRING || same(k->at[i].name, name)))
            return i;
    }
    return -1;
}

int ts_known_calls_match(struct ts_known_calls *k, const struct ts_message *result)
{
    bool has_id = result->call_id.type == TS_J_STRING;
    int i = has_id ? find_by_id(k, result->call_id) : find_open(k, result->tool_name);
    if (i >= 0)
        k->at[i].answered = true;
    return i;
}

void ts_known_calls_put_id(const struct ts_known_calls *k, int number, struct ts_buf *out)
{
    if (k->at[number].id.type == TS_J_STRING)
        ts_put_raw(out, "", k->at[number].id);
    else
        ts_buf_printf(out, "\"call_%d\"", number);
}

void ts_known_calls_deinit(struct ts_known_calls *k)
{
    free(k->at);
    *k = (struct ts_known_calls){0};
}
