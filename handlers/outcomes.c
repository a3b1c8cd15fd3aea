/*
 * POST /api/analytics/models/outcomes: calls that were made elsewhere.
 *
 * One object or an array of them, all or nothing. A call's moment is its timestamp, else now. Its
 * `id` makes the report idempotent: a public id of this store means exactly that row, anything else
 * is kept as the reporter's own name for the call (see ts_store_import()).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analytics/classify.h"
#include "base/clock.h"
#include "base/json.h"
#include "handlers/fields.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum {
    EXTERNAL_ID_MAX = 128,
    ERROR_MESSAGE_MAX = TS_MAX_ERROR_TEXT,
    METADATA_MAX_BYTES = 16 * 1024,
    TOKENS_MAX = 1000000000,
    AHEAD_MAX_MS = 24 * 3600 * 1000, /* a reporter's clock may be so much ahead of ours */
};
static const double max_ms = 7.0 * 86400 * 1000;
static const double max_usd = 100000;

static const char *const known[] = {"taskType",
                                    "model",
                                    "success",
                                    "provider",
                                    "complexity",
                                    "timeout",
                                    "responseTimeMs",
                                    "ttftMs",
                                    "inputTokens",
                                    "outputTokens",
                                    "tokensUsed",
                                    "costUsd",
                                    "errorMessage",
                                    "conversationId",
                                    "userId",
                                    "userSegment",
                                    "messageId",
                                    "tags",
                                    "metadata",
                                    "timestamp",
                                    "id",
                                    NULL};

/* A report while it is read: what its calls share, and where the fault is. */
struct report {
    const struct ts_services *services;
    int64_t now_ms;
};

static const char *keep(struct ts_call *call, struct ts_fields *f, const char *name, size_t max)
{
    const char *text = ts_fields_text(f, name, max);
    const char *copy = ts_arena_str(&call->arena, text);
    if (text != NULL && copy == NULL)
        f->rc = ts_fail(f->err, TS_ERR_NOMEM, "no memory for a reported call");
    return copy;
}

/* A JSON member as text, as the record keeps tags and metadata. */
static const char *keep_json(
    struct ts_call *call, struct ts_fields *f, const json_t *value, size_t max, const char *name)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    const char *copy = NULL;
    if (text != NULL && strlen(text) > max)
        (void)ts_fields_fault(f, name, "is too large");
    else
        copy = ts_arena_str(&call->arena, text);
    if (copy == NULL && f->rc == TS_OK)
        f->rc = ts_fail(f->err, TS_ERR_NOMEM, "no memory for a reported call");
    free(text);
    return copy;
}

static void read_tags(struct ts_call *call, struct ts_fields *f)
{
    json_t *tags = json_object_get(f->object, "tags");
    if (tags == NULL || json_is_null(tags) || f->rc != TS_OK)
        return;
    const char *key;
    json_t *value;
    bool strings = json_is_object(tags);
    json_object_foreach(tags, key, value)
    {
        strings = strings && json_is_string(value);
    }
    if (!strings)
        (void)ts_fields_fault(f, "tags", "must be an object of strings");
    else if (json_object_size(tags) > 0)
        call->tags_json = keep_json(call, f, tags, TS_MAX_TAGS_BYTES, "tags");
}

static void read_metadata(struct ts_call *call, struct ts_fields *f)
{
    json_t *metadata = json_object_get(f->object, "metadata");
    if (metadata == NULL || json_is_null(metadata) || f->rc != TS_OK)
        return;
    if (!json_is_object(metadata))
        (void)ts_fields_fault(f, "metadata", "must be an object");
    else
        call->metadata_json = keep_json(call, f, metadata, METADATA_MAX_BYTES, "metadata");
}

static void read_names(struct ts_call *call, struct ts_fields *f)
{
    ts_fields_require(f, "taskType");
    ts_fields_require(f, "model");
    call->task_type = keep(call, f, "taskType", TS_MAX_NAME);
    call->model = keep(call, f, "model", TS_MAX_MODEL);
    call->provider = keep(call, f, "provider", TS_MAX_NAME);
    call->conversation_id = keep(call, f, "conversationId", TS_MAX_LABEL);
    call->user_id = keep(call, f, "userId", TS_MAX_LABEL);
    call->user_segment = keep(call, f, "userSegment", TS_MAX_LABEL);
    call->message_id = keep(call, f, "messageId", TS_MAX_LABEL);
    if (call->provider == NULL)
        call->provider = "external";
    if (f->rc == TS_OK && !ts_task_type_valid(ts_slice_str(call->task_type)))
        (void)ts_fields_fault(f, "taskType", "must be 1 to 64 characters of A-Z a-z 0-9 _ . : -");
    const char *complexity = ts_fields_text(f, "complexity", TS_MAX_NAME);
    if (complexity != NULL && !ts_complexity_parse(ts_slice_str(complexity), &call->complexity))
        (void)ts_fields_fault(f, "complexity", "must be simple, medium or complex");
}

static void read_outcome(struct ts_call *call, struct ts_fields *f)
{
    ts_fields_require(f, "success");
    bool success = ts_fields_bool(f, "success") == 1;
    bool timeout = ts_fields_bool(f, "timeout") == 1;
    if (success && timeout)
        (void)ts_fields_fault(f, "timeout", "cannot be true for a call that succeeded");
    call->outcome = success   ? TS_OUTCOME_DONE
                    : timeout ? TS_OUTCOME_TIMEOUT
                              : TS_OUTCOME_UPSTREAM_ERROR;
    if (!success)
        call->error = timeout ? TS_ERR_UPSTREAM_TIMEOUT : TS_ERR_UPSTREAM_REFUSED;
    call->error_text = keep(call, f, "errorMessage", ERROR_MESSAGE_MAX);
}

static int64_t whole(double value, double scale)
{
    return isnan(value) ? TS_UNKNOWN : (int64_t)llround(value * scale);
}

static void read_times(struct ts_call *call, struct ts_fields *f)
{
    call->phases.total_us = whole(ts_fields_number(f, "responseTimeMs", 0, max_ms), 1e3);
    call->phases.ttft_us = whole(ts_fields_number(f, "ttftMs", 0, max_ms), 1e3);
    call->cost_nano_usd = whole(ts_fields_number(f, "costUsd", 0, max_usd), 1e9);
}

/* What a total leaves open is of the kind that was not told; where neither was, nobody knows. */
static void read_tokens(struct ts_call *call, struct ts_fields *f)
{
    int64_t input = ts_fields_int(f, "inputTokens", 0, TOKENS_MAX);
    int64_t output = ts_fields_int(f, "outputTokens", 0, TOKENS_MAX);
    int64_t total = ts_fields_int(f, "tokensUsed", 0, TOKENS_MAX);
    int64_t told = (input != TS_UNKNOWN ? input : 0) + (output != TS_UNKNOWN ? output : 0);
    if (total != TS_UNKNOWN && total < told)
        (void)ts_fields_fault(f, "tokensUsed", "cannot be below inputTokens and outputTokens");
    if (input == TS_UNKNOWN && output == TS_UNKNOWN)
        call->tokens.unsplit = total;
    else if (input == TS_UNKNOWN && total != TS_UNKNOWN)
        input = total - told;
    else if (output == TS_UNKNOWN && total != TS_UNKNOWN)
        output = total - told;
    call->tokens.input = input;
    call->tokens.output = output;
    bool absent = input == TS_UNKNOWN && output == TS_UNKNOWN && total == TS_UNKNOWN;
    call->tokens_source = absent ? TS_TOKENS_ABSENT : TS_TOKENS_PROVIDER;
}

static void read_identity(const struct report *r, struct ts_call *call, struct ts_fields *f)
{
    int64_t at_ms = r->now_ms;
    const char *time = ts_fields_text(f, "timestamp", TS_MAX_LABEL);
    if (time != NULL && (ts_rfc3339_parse(time, strlen(time), &at_ms) != 0 || at_ms <= 0))
        (void)ts_fields_fault(f, "timestamp", "must be a time like 2026-11-20T21:30:00Z");
    if (at_ms > r->now_ms + AHEAD_MAX_MS)
        (void)ts_fields_fault(f, "timestamp", "cannot be more than a day ahead");
    const char *id = ts_fields_text(f, "id", EXTERNAL_ID_MAX);
    if (f->rc != TS_OK)
        return;
    uint64_t tag = 0;
    int64_t own = 0;
    call->id_is_own = id != NULL && ts_id_parse(id, strlen(id), &own, &tag) &&
                      tag == r->services->id_tag && own > 0;
    call->id = call->id_is_own ? own : ts_id_from_ms(at_ms);
    if (!call->id_is_own)
        call->external_id = keep(call, f, "id", EXTERNAL_ID_MAX);
}

static enum ts_err read_call(
    const struct report *r, json_t *value, int index, struct ts_call **out, struct ts_error *err)
{
    TS_AUTO(ts_call_auto) struct ts_call *call = ts_call_new();
    if (call == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a reported call");
    call->reported = true;
    call->dialect = "touchstone";
    struct ts_fields f = ts_fields_of(value, index, known, err);
    read_names(call, &f);
    read_outcome(call, &f);
    read_times(call, &f);
    read_tokens(call, &f);
    read_tags(call, &f);
    read_metadata(call, &f);
    read_identity(r, call, &f);
    if (f.rc == TS_OK)
        *out = TS_TAKE(call);
    return f.rc;
}

/* -- the whole report ------------------------------------------------------------------------- */

struct outcomes {
    struct ts_store_import import;
    struct ts_exchange *x;
    struct ts_call *calls[]; /* the store's once it is handed over */
};

static void free_outcomes(struct outcomes *o)
{
    if (o == NULL)
        return;
    for (int i = 0; i < o->import.count; i++)
        ts_call_free(o->calls[i]);
    free(o);
}
TS_DEFINE_AUTO(free_outcomes_auto, struct outcomes, free_outcomes)

static enum ts_err read_report(struct ts_exchange *x,
                               json_t *body,
                               struct outcomes **out,
                               struct ts_error *err)
{
    bool many = json_is_array(body);
    size_t count = many ? json_array_size(body) : 1;
    if (count < 1 || count > TS_MAX_OUTCOMES_PER_REQUEST)
        return ts_fail(err,
                       TS_ERR_INVALID_FIELD,
                       "a report has 1 to %d calls, not %zu",
                       TS_MAX_OUTCOMES_PER_REQUEST,
                       count);
    TS_AUTO(free_outcomes_auto)
    struct outcomes *o = calloc(1, sizeof(*o) + count * sizeof(struct ts_call *));
    if (o == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a report");
    o->x = x;
    o->import.calls = o->calls;
    const struct report r = {.services = x->services, .now_ms = ts_wall_ms()};
    for (size_t i = 0; i < count; i++) {
        json_t *value = many ? json_array_get(body, i) : body;
        enum ts_err rc = read_call(&r, value, many ? (int)i : -1, &o->calls[i], err);
        if (rc != TS_OK)
            return rc;
        o->import.count++;
    }
    *out = TS_TAKE(o);
    return TS_OK;
}

static void imported(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_import *import = TS_CONTAINER(job, struct ts_store_import, job);
    struct outcomes *o = TS_CONTAINER(import, struct outcomes, import);
    if (job->result == TS_OK)
        ts_reply_json(
            o->x,
            200,
            json_pack(
                "{s:i, s:i}", "accepted", import->accepted, "duplicates", import->duplicates));
    else
        ts_reply_error(o->x, &job->error);
    free(o); /* its calls are the store's */
}

void ts_handle_outcomes(struct ts_exchange *x)
{
    static const char *const no_args[] = {NULL};
    struct ts_error err = TS_ERROR_INIT;
    json_auto_t *body = NULL;
    struct outcomes *o = NULL;
    enum ts_err rc = ts_args_check(x, no_args, &err);
    if (rc == TS_OK)
        rc = ts_json_parse(x->body.at, x->body.len, &body, &err);
    if (rc == TS_OK)
        rc = read_report(x, body, &o, &err);
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    o->import.job.post.fn = imported;
    o->import.job.home = x->poller;
    ts_store_import(x->services->store, &o->import);
}
