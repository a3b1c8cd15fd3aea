/*
 * The body for an upstream. In the same dialect it is the client's own, with a few members changed:
 * the walk copies up to what changes, writes the change, and goes on behind it.
 */
#include "proxy/genreq_impl.h"

#include <string.h>

enum { ROOM_FOR_CHANGES = 1024 };

struct splice {
    const struct ts_genreq *q;
    const char *model;
    struct ts_buf *out;
    const char *from;      /* what lies before is done */
    const char *value_end; /* of the member before; behind the brace before the first */
};

static void copy_to(struct splice *s, const char *to)
{
    ts_buf_put(s->out, s->from, (size_t)(to - s->from));
    s->from = to;
}

static const char *end_of(struct ts_jvalue v)
{
    return v.raw.at + v.raw.len;
}

static void replace(struct splice *s, struct ts_jvalue value, const char *text)
{
    copy_to(s, value.raw.at);
    ts_buf_puts(s->out, text);
    s->from = end_of(value);
}

static void replace_model(struct splice *s, struct ts_jvalue value)
{
    if (strcmp(s->model, s->q->model) == 0)
        return;
    copy_to(s, value.raw.at);
    ts_buf_put_json_string(s->out, s->model, strlen(s->model));
    s->from = end_of(value);
}

/* Takes a member out, with the comma behind it, or before it if it is the last. */
static void remove_member(struct splice *s, struct ts_jvalue key, struct ts_jvalue value)
{
    const char *at = end_of(value);
    while (strchr(" \t\r\n", *at) != NULL)
        at++;
    bool last = *at != ',';
    copy_to(s, last ? s->value_end : key.raw.at);
    s->from = last ? end_of(value) : at + 1;
}

static bool wants_usage(const struct ts_dialect *d)
{
    return d == &ts_openai_chat || d == &ts_openai_completions;
}

/* Usage is asked for unless the client says that it must not be: without it there are no counts to
 * record. */
static void ask_usage(struct splice *s, struct ts_jvalue options)
{
    struct ts_jvalue asked = ts_jmember(options, "include_usage");
    bool refused = asked.type == TS_J_FALSE && s->q->stream; /* a stream without counts, then */
    if (options.type != TS_J_OBJECT) {
        replace(s, options, "{\"include_usage\":true}");
        return;
    }
    if (asked.type == TS_J_TRUE || refused)
        return;
    if (asked.type != TS_J_NONE) {
        replace(s, asked, "true");
        return;
    }
    struct ts_jiter it = ts_jiter_of(options);
    copy_to(s, options.raw.at + 1);
    ts_buf_puts(s->out, it.at == it.end ? "\"include_usage\":true" : "\"include_usage\":true,");
}

static void splice_member(struct splice *s, struct ts_jvalue key, struct ts_jvalue value)
{
    const struct ts_jvalue *m = s->q->member;
    const char *at = value.raw.at;
    if (at == m[TS_MEMBER_MODEL].raw.at)
        replace_model(s, value);
    else if (at == m[TS_MEMBER_STREAM].raw.at && value.type != TS_J_TRUE && !s->q->unstreamed)
        replace(s, value, "true");
    else if (at == m[TS_MEMBER_STREAM_OPTIONS].raw.at && !s->q->unstreamed)
        ask_usage(s, value);
    else if (at == m[TS_MEMBER_TOUCHSTONE].raw.at)
        remove_member(s, key, value);
}

/* What the client left out goes before the closing brace; the model stands before it. */
static void add_missing(struct splice *s)
{
    const struct ts_jvalue *m = s->q->member;
    copy_to(s, end_of(s->q->root) - 1);
    if (s->q->unstreamed)
        return;
    if (m[TS_MEMBER_STREAM].type == TS_J_NONE && !s->q->dialect->stream_default)
        ts_buf_puts(s->out, ",\"stream\":true");
    if (wants_usage(s->q->dialect) && m[TS_MEMBER_STREAM_OPTIONS].type == TS_J_NONE)
        ts_buf_puts(s->out, ",\"stream_options\":{\"include_usage\":true}");
}

static void splice_body(const struct ts_genreq *q, const char *model, struct ts_buf *out)
{
    struct ts_jvalue root = q->root;
    struct splice s = {
        .q = q, .model = model, .out = out, .from = q->body.at, .value_end = root.raw.at + 1};
    struct ts_jiter it = ts_jiter_of(root);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        splice_member(&s, key, value);
        s.value_end = end_of(value);
    }
    add_missing(&s);
    copy_to(&s, q->body.at + q->body.len);
}

enum ts_err ts_genreq_build(const struct ts_genreq *q,
                            const struct ts_build *b,
                            struct ts_buf *out,
                            struct ts_error *err)
{
    enum ts_err rc = TS_OK;
    size_t room = q->body.len + ROOM_FOR_CHANGES; /* at once: such bodies may hold pictures */
    if (room <= out->max - out->len && !ts_buf_reserve(out, room))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a body of %zu bytes", room);
    if (b->dialect == q->dialect)
        splice_body(q, b->model, out);
    else if (ts_dialect_leads_to(q->dialect, b->dialect))
        rc = b->dialect->write_request(q, b, out, err);
    else
        rc = ts_fail(
            err, TS_ERR_INTERNAL, "no way from %s to %s", q->dialect->name, b->dialect->name);
    if (rc == TS_OK && !ts_buf_ok(out))
        return ts_fail(err, out->error, "no room for a body of %zu bytes", room);
    return rc;
}
