/*
 * Our own fields of a request: from the body's `touchstone` member, and from X-Touchstone-*
 * headers.
 *
 * One table says what each is called in both places and what it may be. What it may be is checked
 * in one place too; only lists, numbers and tags are written differently in a header.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "proxy/genreq_impl.h"

enum kind { TEXT, TASK_TYPE, COMPLEXITY, PRIORITY, FALLBACK, TIMEOUT, TAGS };

enum { MAX_WEBSITE = 2048, MAX_TAGS = 32 };
static const int64_t max_timeout_ms = INT64_C(24) * 60 * 60 * 1000;

struct label {
    const char *member;
    const char *header; /* behind "X-Touchstone-"; NULL: only in the body */
    enum kind kind;
    size_t offset; /* of a text in ts_call_labels */
    size_t max;    /* of its bytes */
};

static const struct label labels[] = {
    {"taskType", "Task-Type", TASK_TYPE, offsetof(struct ts_call_labels, task_type), TS_MAX_NAME},
    {"complexity", "Complexity", COMPLEXITY, 0, TS_MAX_NAME},
    {"priority", "Priority", PRIORITY, offsetof(struct ts_call_labels, priority), TS_MAX_NAME},
    {"conversationId",
     "Conversation-Id",
     TEXT,
     offsetof(struct ts_call_labels, conversation_id),
     TS_MAX_LABEL},
    {"userId", "User-Id", TEXT, offsetof(struct ts_call_labels, user_id), TS_MAX_LABEL},
    {"userSegment",
     "User-Segment",
     TEXT,
     offsetof(struct ts_call_labels, user_segment),
     TS_MAX_LABEL},
    {"messageId", "Message-Id", TEXT, offsetof(struct ts_call_labels, message_id), TS_MAX_LABEL},
    {"website", NULL, TEXT, offsetof(struct ts_call_labels, website), MAX_WEBSITE},
    {"fallback", "Fallback", FALLBACK, 0, 0},
    {"timeoutMs", "Timeout-Ms", TIMEOUT, 0, 0},
    {"tags", "Tags", TAGS, 0, 0},
};

/* One label being taken: where it goes, what it is called for people, where errors go. */
struct taking {
    struct ts_genreq *q;
    const struct label *label;
    const char *param;
    struct ts_error *err;
};

static enum ts_err refuse(const struct taking *t, const char *why)
{
    return ts_fail_param(t->err, TS_ERR_INVALID_FIELD, t->param, "%s %s", t->param, why);
}

/* -- texts ------------------------------------------------------------------------------------- */

static bool is_priority(const char *text)
{
    static const char *const names[] = {"balanced", "speed", "quality", "cost"};
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0)
            return true;
    }
    return false;
}

/* A text in the arena, checked for length and characters, is what its kind asks for. */
static enum ts_err put_text(const struct taking *t, const char *text)
{
    struct ts_call_labels *out = &t->q->labels;
    if (t->label->kind == COMPLEXITY) {
        bool known = ts_complexity_parse(ts_slice_str(text), &out->complexity);
        return known ? TS_OK : refuse(t, "must be simple, medium or complex");
    }
    if (t->label->kind == TASK_TYPE && !ts_task_type_valid(ts_slice_str(text)))
        return refuse(t, "must be 1 to 64 letters, digits or _ . : -");
    if (t->label->kind == PRIORITY && !is_priority(text))
        return refuse(t, "must be balanced, speed, quality or cost");
    *(const char **)(void *)((char *)out + t->label->offset) = text;
    return TS_OK;
}

/* -- fallback and timeout
 * --------------------------------------------------------------------------- */

static enum ts_err put_fallback(const struct taking *t, const char *model)
{
    struct ts_call_labels *out = &t->q->labels;
    if (out->fallback_count == TS_MAX_TARGETS)
        return refuse(t, "names too many models: 8 at most");
    out->fallback[out->fallback_count++] = model;
    return TS_OK;
}

static enum ts_err take_fallback(const struct taking *t, struct ts_jvalue list)
{
    if (list.type != TS_J_ARRAY)
        return ts_genreq_mistyped(t->param, "an array of model names", list.type, t->err);
    struct ts_jiter it = ts_jiter_of(list);
    struct ts_jvalue key, value;
    t->q->labels.fallback_count = 0;
    while (ts_jiter_next(&it, &key, &value)) {
        const char *model = NULL;
        enum ts_err rc =
            ts_genreq_text(&t->q->arena, value, TS_MAX_MODEL, t->param, &model, t->err);
        if (rc == TS_OK)
            rc = put_fallback(t, model);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

static enum ts_err take_timeout(const struct taking *t, struct ts_jvalue value)
{
    if (!ts_jint(value, 1, max_timeout_ms, &t->q->labels.timeout_ms))
        return refuse(t, "must be a whole number of milliseconds from 1 to 86400000");
    return TS_OK;
}

/* -- tags
 * ------------------------------------------------------------------------------------------- */

/* Tags end up as one JSON object of strings, built here; @count of them so far. */
struct tags {
    struct ts_buf json;
    const char *names[MAX_TAGS];
    int count;
};

static enum ts_err put_tag(const struct taking *t,
                           struct tags *tags,
                           const char *name,
                           const char *value)
{
    if (!ts_task_type_valid(ts_slice_str(name)))
        return refuse(t, "must have names of 1 to 64 letters, digits or _ . : -");
    if (tags->count == MAX_TAGS)
        return refuse(t, "must be 32 at most");
    for (int i = 0; i < tags->count; i++) {
        if (strcmp(tags->names[i], name) == 0)
            return refuse(t, "has a name twice");
    }
    ts_buf_puts(&tags->json, tags->count == 0 ? "{" : ",");
    tags->names[tags->count++] = name;
    ts_buf_put_json_string(&tags->json, name, strlen(name));
    ts_buf_puts(&tags->json, ":");
    ts_buf_put_json_string(&tags->json, value, strlen(value));
    return TS_OK;
}

static enum ts_err finish_tags(const struct taking *t, struct tags *tags)
{
    ts_buf_puts(&tags->json, tags->count == 0 ? "{}" : "}");
    if (tags->json.error == TS_ERR_BODY_TOO_LARGE)
        return refuse(t, "must have 4096 bytes at most");
    struct ts_slice json = {ts_buf_text(&tags->json), tags->json.len};
    const char *copy = ts_buf_ok(&tags->json) ? ts_arena_copy(&t->q->arena, json) : NULL;
    if (copy == NULL)
        return ts_fail(t->err, TS_ERR_NOMEM, "no memory for %s", t->param);
    t->q->labels.tags_json = copy;
    return TS_OK;
}

static void free_tags(struct tags *tags)
{
    ts_buf_free(&tags->json);
}

static enum ts_err take_tag(const struct taking *t,
                            struct tags *tags,
                            struct ts_jvalue key,
                            struct ts_jvalue value)
{
    const char *name = NULL;
    const char *text = NULL;
    enum ts_err rc = ts_genreq_text(&t->q->arena, key, TS_MAX_NAME, t->param, &name, t->err);
    if (rc == TS_OK)
        rc = ts_genreq_text(&t->q->arena, value, TS_MAX_LABEL, t->param, &text, t->err);
    return rc == TS_OK ? put_tag(t, tags, name, text) : rc;
}

static enum ts_err take_tags(const struct taking *t, struct ts_jvalue object)
{
    if (object.type != TS_J_OBJECT)
        return ts_genreq_mistyped(t->param, "an object of strings", object.type, t->err);
    TS_AUTO(free_tags) struct tags tags = {.json = TS_BUF_INIT(TS_MAX_TAGS_BYTES)};
    struct ts_jiter it = ts_jiter_of(object);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        enum ts_err rc = take_tag(t, &tags, key, value);
        if (rc != TS_OK)
            return rc;
    }
    return finish_tags(t, &tags);
}

/* -- the body's member
 * ------------------------------------------------------------------------------ */

static enum ts_err take_json(const struct taking *t, struct ts_jvalue value)
{
    const char *text = NULL;
    enum ts_err rc;
    switch (t->label->kind) {
    case FALLBACK:
        return take_fallback(t, value);
    case TIMEOUT:
        return take_timeout(t, value);
    case TAGS:
        return take_tags(t, value);
    case TEXT:
    case TASK_TYPE:
    case COMPLEXITY:
    case PRIORITY:
        rc = ts_genreq_text(&t->q->arena, value, t->label->max, t->param, &text, t->err);
        return rc == TS_OK ? put_text(t, text) : rc;
    }
    return TS_ERR_INTERNAL;
}

static const struct label *label_of(struct ts_jvalue key)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(labels); i++) {
        if (ts_jstring_is(key, labels[i].member))
            return &labels[i];
    }
    return NULL;
}

enum ts_err ts_genreq_labels(struct ts_genreq *q, struct ts_jvalue object, struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(object);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        char param[TS_ERROR_PARAM_SIZE];
        int shown = key.raw.len < 40 ? (int)key.raw.len - 2 : 40;
        (void)snprintf(param, sizeof(param), "touchstone.%.*s", shown, key.raw.at + 1);
        struct taking t = {.q = q, .label = label_of(key), .param = param, .err = err};
        if (t.label == NULL)
            return refuse(&t, "is no field of ours: see openapi.json for those there are");
        if (ts_jmember(object, t.label->member).raw.at != value.raw.at)
            return ts_fail_param(err,
                                 TS_ERR_INVALID_JSON,
                                 param,
                                 "%s is there twice at byte %zu",
                                 param,
                                 (size_t)(value.raw.at - q->body.at));
        enum ts_err rc = value.type == TS_J_NULL ? TS_OK : take_json(&t, value);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

/* -- headers
 * ----------------------------------------------------------------------------------------- */

/* Cuts the part up to @separator off @rest; the whole of it where there is none. */
static struct ts_slice cut_off(struct ts_slice *rest, char separator)
{
    const char *found = memchr(rest->at, separator, rest->len);
    size_t len = found != NULL ? (size_t)(found - rest->at) : rest->len;
    struct ts_slice part = {rest->at, len};
    size_t taken = found != NULL ? len + 1 : len;
    rest->at += taken;
    rest->len -= taken;
    return ts_slice_trim(part);
}

static enum ts_err fallback_header(const struct taking *t, struct ts_slice value)
{
    t->q->labels.fallback_count = 0;
    while (value.len > 0) {
        const char *model = NULL;
        struct ts_slice part = cut_off(&value, ',');
        if (part.len == 0)
            continue; /* lists in headers may have empty parts (RFC 9110) */
        enum ts_err rc =
            ts_genreq_plain(&t->q->arena, part, TS_MAX_MODEL, t->param, &model, t->err);
        if (rc == TS_OK)
            rc = put_fallback(t, model);
        if (rc != TS_OK)
            return rc;
    }
    return TS_OK;
}

static enum ts_err tag_header(const struct taking *t, struct tags *tags, struct ts_slice pair)
{
    const char *name = NULL;
    const char *text = NULL;
    if (memchr(pair.at, '=', pair.len) == NULL)
        return refuse(t, "must be name=value pairs with commas between, or a JSON object");
    struct ts_slice key = cut_off(&pair, '=');
    enum ts_err rc = ts_genreq_plain(&t->q->arena, key, TS_MAX_NAME, t->param, &name, t->err);
    if (rc == TS_OK)
        rc = ts_genreq_plain(
            &t->q->arena, ts_slice_trim(pair), TS_MAX_LABEL, t->param, &text, t->err);
    return rc == TS_OK ? put_tag(t, tags, name, text) : rc;
}

static enum ts_err tags_header(const struct taking *t, struct ts_slice value)
{
    struct ts_jvalue object;
    if (value.len > 0 && value.at[0] == '{') {
        if (ts_jscan(value.at, value.len, &object, NULL) != TS_OK)
            return refuse(t, "is no valid JSON object");
        return take_tags(t, object);
    }
    TS_AUTO(free_tags) struct tags tags = {.json = TS_BUF_INIT(TS_MAX_TAGS_BYTES)};
    while (value.len > 0) {
        struct ts_slice pair = cut_off(&value, ',');
        enum ts_err rc = pair.len > 0 ? tag_header(t, &tags, pair) : TS_OK;
        if (rc != TS_OK)
            return rc;
    }
    return finish_tags(t, &tags);
}

static enum ts_err take_header(const struct taking *t, struct ts_slice value)
{
    const char *text = NULL;
    enum ts_err rc;
    switch (t->label->kind) {
    case FALLBACK:
        return fallback_header(t, value);
    case TIMEOUT:
        return take_timeout(t, (struct ts_jvalue){.type = TS_J_NUMBER, .raw = value});
    case TAGS:
        return tags_header(t, value);
    case TEXT:
    case TASK_TYPE:
    case COMPLEXITY:
    case PRIORITY:
        rc = ts_genreq_plain(&t->q->arena, value, t->label->max, t->param, &text, t->err);
        return rc == TS_OK ? put_text(t, text) : rc;
    }
    return TS_ERR_INTERNAL;
}

enum ts_err ts_genreq_label(struct ts_genreq *q,
                            const char *name,
                            const char *value,
                            struct ts_error *err)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(labels); i++) {
        if (labels[i].header == NULL || strcasecmp(name, labels[i].header) != 0)
            continue;
        char param[TS_ERROR_PARAM_SIZE];
        (void)snprintf(param, sizeof(param), "X-Touchstone-%s", labels[i].header);
        struct taking t = {.q = q, .label = &labels[i], .param = param, .err = err};
        return take_header(&t, ts_slice_trim(ts_slice_str(value)));
    }
    return TS_OK;
}

/* One of the dialect's own that the same dialect upstream should see. */
static enum ts_err forward(struct ts_genreq *q,
                           const char *name,
                           const char *value,
                           struct ts_error *err)
{
    const char *const *known = q->dialect->forwards;
    while (known != NULL && *known != NULL && strcasecmp(*known, name) != 0)
        known++;
    if (known == NULL || *known == NULL || q->forwarded_count == TS_MAX_FORWARDED)
        return TS_OK;
    const char *copy = ts_arena_str(&q->arena, value);
    if (copy == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a header");
    q->forwarded[q->forwarded_count++] = (struct ts_header){*known, copy};
    return TS_OK;
}

static enum ts_err take_traceparent(struct ts_genreq *q, const char *value, struct ts_error *err)
{
    struct ts_trace trace;
    bool first = !q->trace_seen;
    q->trace_seen = true;
    q->trace = NULL;
    if (!first || !ts_trace_read(&trace, ts_slice_trim(ts_slice_str(value))))
        return TS_OK;
    struct ts_trace *kept = ts_arena_alloc(&q->arena, sizeof(*kept));
    if (kept == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a header");
    *kept = trace;
    q->trace = kept;
    return TS_OK;
}

static enum ts_err take_tracestate(struct ts_genreq *q, const char *value, struct ts_error *err)
{
    if (q->tracestate != NULL || strlen(value) > TS_MAX_TRACESTATE)
        return TS_OK;
    q->tracestate = ts_arena_str(&q->arena, value);
    return q->tracestate != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a header");
}

enum ts_err ts_genreq_header(struct ts_genreq *q,
                             const char *name,
                             const char *value,
                             struct ts_error *err)
{
    static const char prefix[] = "X-Touchstone-";
    size_t n = sizeof(prefix) - 1;
    if (strncasecmp(name, prefix, n) == 0)
        return ts_genreq_label(q, name + n, value, err);
    if (strcasecmp(name, "tracestate") == 0)
        return take_tracestate(q, value, err);
    if (strcasecmp(name, "traceparent") == 0)
        return take_traceparent(q, value, err);
    return forward(q, name, value, err);
}
