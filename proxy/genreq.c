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

static const struct ts_member_rule *rule_of(const struct ts_dialect *d, struct ts_jvalue key)
{
    for (int i = 0; i < d->member_count; i++) {
        if (ts_jstring_is(key, member_names[d->members[i].member]))
            return &d->members[i];
    }
    return NULL;
}

static enum ts_err take_member(struct ts_genreq *q,
                               const struct ts_member_rule *rule,
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
    const struct ts_dialect *d = q->dialect;
    struct ts_jiter it = ts_jiter_of(q->root);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        enum ts_err rc = check_allowed(key, err);
        const struct ts_member_rule *rule = rule_of(d, key);
        if (rc == TS_OK && rule != NULL)
            rc = take_member(q, rule, value, err);
        if (rc != TS_OK)
            return rc;
    }
    for (int i = 0; i < d->member_count; i++) {
        const struct ts_member_rule *rule = &d->members[i];
        const char *name = member_names[rule->member];
        if (rule->required && ts_genreq_member(q, rule->member).type == TS_J_NONE)
            return ts_fail_param(err, TS_ERR_INVALID_FIELD, name, "%s is missing", name);
    }
    return TS_OK;
}

/* -- scanning ---------------------------------------------------------------------------------- */

static enum ts_err take_flags(struct ts_genreq *q, struct ts_error *err)
{
    const struct ts_dialect *d = q->dialect;
    enum ts_jtype stream = ts_genreq_member(q, TS_MEMBER_STREAM).type;
    struct ts_jvalue options = q->member[TS_MEMBER_STREAM_OPTIONS];
    q->stream = stream == TS_J_NONE ? d->stream_default : stream == TS_J_TRUE;
    q->has_prompt = true;
    q->include_usage = ts_jmember(options, "include_usage").type == TS_J_TRUE;
    q->unstreamed = !q->stream && d->folds != NULL && !d->folds(q);
    return d->check != NULL ? d->check(q, err) : TS_OK;
}

static enum ts_err take_root(struct ts_genreq *q, struct ts_error *err)
{
    enum ts_err rc = take_members(q, err);
    if (rc == TS_OK) {
        rc = ts_genreq_text(
            &q->arena, q->member[TS_MEMBER_MODEL], TS_MAX_MODEL, "model", &q->model, err);
    }
    if (rc == TS_OK)
        rc = take_flags(q, err);
    if (rc != TS_OK)
        return rc;
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
