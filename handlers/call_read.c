#include "handlers/call_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "handlers/call_columns.h"
#include "handlers/fields.h"

enum {
    EXTERNAL_ID_MAX = 128,
    ERROR_MESSAGE_MAX = TS_MAX_ERROR_TEXT,
    METADATA_MAX_BYTES = 16 * 1024,
    TOKENS_MAX = 1000000000,
    AHEAD_MAX_MS = 24 * 3600 * 1000, /* a reporter's clock may be so much ahead of ours */
};
static const double max_ms = 7.0 * 86400 * 1000;
static const double max_usd = 100000;

/* The members of a call; of both forms of a time-out only `timeout` is none of the columns. */
static const char *const known[] = {
#define X(id, json, ...) json,
    TS_CALL_COLUMN_TABLE(X)
#undef X
        "timeout",
    NULL};

static const char *keep(struct ts_call *call, struct ts_fields *f, const char *name, size_t max)
{
    const char *text = ts_fields_text(f, name, max);
    const char *copy = ts_arena_str(&call->arena, text);
    if (text != NULL && copy == NULL)
        f->rc = ts_fail(f->err, TS_ERR_NOMEM, "no memory for a reported call");
    return copy;
}

/* Whether it is there, and not null. */
static bool is_told(const struct ts_fields *f, const char *name)
{
    const json_t *v = json_object_get(f->object, name);
    return v != NULL && !json_is_null(v);
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

/* -- what it was of ---------------------------------------------------------------------------- */

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
    call->requested_model = keep(call, f, "requestedModel", TS_MAX_MODEL);
    call->reported_model = keep(call, f, "reportedModel", TS_MAX_MODEL);
    if (call->provider == NULL)
        call->provider = "external";
    if (f->rc == TS_OK && !ts_task_type_valid(ts_slice_str(call->task_type)))
        (void)ts_fields_fault(f, "taskType", "must be 1 to 64 characters of A-Z a-z 0-9 _ . : -");
    const char *complexity = ts_fields_text(f, "complexity", TS_MAX_NAME);
    if (complexity != NULL && !ts_complexity_parse(ts_slice_str(complexity), &call->complexity))
        (void)ts_fields_fault(f, "complexity", "must be simple, medium or complex");
}

/* -- how it ended ------------------------------------------------------------------------------ */

/* By name, and as success and timeout have it; what is told twice must agree. */
static bool find_outcome(struct ts_fields *f, enum ts_outcome *out)
{
    const char *name = ts_fields_text(f, "outcome", TS_MAX_NAME);
    if (name == NULL)
        return false;
    for (int i = 0; i < TS_OUTCOME_COUNT_; i++) {
        *out = (enum ts_outcome)i;
        if (strcmp(name, ts_outcome_name(*out)) == 0)
            return true;
    }
    (void)ts_fields_fault(
        f, "outcome", "must be done, cancelled, upstream_cut, upstream_error or timeout");
    return true;
}

static enum ts_outcome outcome_of(struct ts_fields *f)
{
    enum ts_outcome outcome = TS_OUTCOME_DONE;
    bool named = find_outcome(f, &outcome);
    if (!named)
        ts_fields_require(f, "success");
    int success = ts_fields_bool(f, "success");
    int timeout = ts_fields_bool(f, "timeout");
    if (success == 1 && timeout == 1)
        (void)ts_fields_fault(f, "timeout", "cannot be true for a call that succeeded");
    if (!named)
        return success == 1   ? TS_OUTCOME_DONE
               : timeout == 1 ? TS_OUTCOME_TIMEOUT
                              : TS_OUTCOME_UPSTREAM_ERROR;
    if ((success >= 0 && success != ts_outcome_success(outcome)) ||
        (timeout >= 0 && timeout != (outcome == TS_OUTCOME_TIMEOUT)))
        (void)ts_fields_fault(f, "outcome", "contradicts success or timeout");
    return outcome;
}

/* What is said of a call that failed for a reason nobody told. */
static enum ts_err usual_error(enum ts_outcome outcome)
{
    switch (outcome) {
    case TS_OUTCOME_DONE:
    case TS_OUTCOME_CANCELLED:
        return TS_OK;
    case TS_OUTCOME_UPSTREAM_CUT:
        return TS_ERR_UPSTREAM_INTERRUPTED;
    case TS_OUTCOME_UPSTREAM_ERROR:
        return TS_ERR_UPSTREAM_REFUSED;
    case TS_OUTCOME_TIMEOUT:
        return TS_ERR_UPSTREAM_TIMEOUT;
    case TS_OUTCOME_COUNT_:
        break;
    }
    abort();
}

/* The error of that code, or @absent where none is told. */
static enum ts_err read_code(struct ts_fields *f, const char *name, enum ts_err absent)
{
    const char *code = ts_fields_text(f, name, TS_MAX_NAME);
    if (code == NULL)
        return absent;
    enum ts_err e = ts_err_find(code);
    if (e == TS_OK || strcmp(ts_err_name(e), code) != 0)
        (void)ts_fields_fault(f, name, "is no code of an error of touchstone");
    return e;
}

static void read_outcome(struct ts_call *call, struct ts_fields *f)
{
    call->outcome = outcome_of(f);
    call->error = read_code(f, "errorCode", usual_error(call->outcome));
    call->error_text = keep(call, f, "errorMessage", ERROR_MESSAGE_MAX);
    call->finish_reason = keep(call, f, "finishReason", TS_MAX_LABEL);
    call->rating = (int)ts_fields_int(f, "rating", -1, 1);
    if (!is_told(f, "rating"))
        call->rating = 0;
    call->comment = keep(call, f, "comment", TS_MAX_COMMENT);
}

static bool is_set(struct ts_fields *f, const char *name)
{
    return ts_fields_bool(f, name) == 1;
}

static void read_manner(struct ts_call *call, struct ts_fields *f)
{
    call->classified = is_set(f, "classified");
    call->streamed = is_set(f, "streamed");
    call->cold = is_set(f, "cold");
    call->simulated = is_set(f, "simulated");
    bool has_dialect = json_object_get(f->object, "dialect") != NULL; /* null: it had none */
    call->dialect = has_dialect ? keep(call, f, "dialect", TS_MAX_NAME) : "touchstone";
}

/* -- what was measured ------------------------------------------------------------------------- */

static int64_t whole(double value, double scale)
{
    return isnan(value) ? TS_UNKNOWN : (int64_t)llround(value * scale);
}

static void read_times(struct ts_call *call, struct ts_fields *f)
{
    struct ts_phases *p = &call->phases;
    const struct {
        const char *name;
        int64_t *us;
    } times[] = {
        {"responseTimeMs", &p->total_us},
        {"ttftMs", &p->ttft_us},
        {"queueMs", &p->queue_us},
        {"connectMs", &p->connect_us},
        {"loadMs", &p->load_us},
        {"firstByteMs", &p->first_byte_us},
        {"firstVisibleMs", &p->first_visible_us},
        {"decodeMs", &p->decode_us},
        {"maxStallMs", &p->max_stall_us},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(times); i++)
        *times[i].us = whole(ts_fields_number(f, times[i].name, 0, max_ms), 1e3);
    p->overhead_us = ts_fields_int(f, "overheadUs", 0, (int64_t)(max_ms * 1e3));
    call->cost_nano_usd = whole(ts_fields_number(f, "costUsd", 0, max_usd), 1e9);
}

static int64_t tokens(struct ts_fields *f, const char *name)
{
    return ts_fields_int(f, name, 0, TOKENS_MAX);
}

static int64_t known_or_0(int64_t v)
{
    return v != TS_UNKNOWN ? v : 0;
}

/* Of the input, what no cache is told to have had is fresh. */
static void read_input(struct ts_call *call, struct ts_fields *f)
{
    struct ts_token_counts *t = &call->tokens;
    int64_t input = tokens(f, "inputTokens");
    t->input = tokens(f, "freshTokens");
    t->cache_read = tokens(f, "cacheReadTokens");
    t->cache_write = tokens(f, "cacheWriteTokens");
    if (input == TS_UNKNOWN)
        return;
    int64_t cached = known_or_0(t->cache_read) + known_or_0(t->cache_write);
    bool all_cached = cached > 0 && cached == input;
    if (t->input == TS_UNKNOWN && !all_cached)
        t->input = input - cached;
    if (known_or_0(t->input) < 0 || known_or_0(t->input) + cached != input)
        (void)ts_fields_fault(
            f, "inputTokens", "must be freshTokens, cacheReadTokens and cacheWriteTokens together");
}

/* What a total leaves open is of the kind that was not told; where neither was, nobody knows.
 * With unsplitTokens nothing is left open. */
static void read_total(struct ts_call *call, struct ts_fields *f)
{
    struct ts_token_counts *t = &call->tokens;
    bool no_input =
        t->input == TS_UNKNOWN && t->cache_read == TS_UNKNOWN && t->cache_write == TS_UNKNOWN;
    bool no_output = t->output == TS_UNKNOWN;
    int64_t total = tokens(f, "tokensUsed");
    int64_t told = known_or_0(t->input) + known_or_0(t->cache_read) + known_or_0(t->cache_write) +
                   known_or_0(t->output) + known_or_0(t->unsplit);
    if (total == TS_UNKNOWN)
        return;
    bool told_in_full = json_object_get(f->object, "unsplitTokens") != NULL;
    if (total < told || (told_in_full && total != told))
        (void)ts_fields_fault(f,
                              "tokensUsed",
                              told_in_full ? "must be all other kinds of tokens together"
                                           : "cannot be below inputTokens and outputTokens");
    if (told_in_full)
        return;
    if (no_input && no_output)
        t->unsplit = total;
    else if (no_input)
        t->input = total - told;
    else if (no_output)
        t->output = total - told;
}

static void read_tokens_source(struct ts_call *call, struct ts_fields *f)
{
    const struct ts_token_counts *t = &call->tokens;
    bool absent = t->input == TS_UNKNOWN && t->cache_read == TS_UNKNOWN &&
                  t->cache_write == TS_UNKNOWN && t->output == TS_UNKNOWN &&
                  t->unsplit == TS_UNKNOWN;
    const char *name = ts_fields_text(f, "tokensSource", TS_MAX_NAME);
    call->tokens_source = absent ? TS_TOKENS_ABSENT : TS_TOKENS_PROVIDER;
    for (int i = 0; name != NULL && i < TS_TOKENS_COUNT_; i++) {
        enum ts_tokens_source s = (enum ts_tokens_source)i;
        if (strcmp(name, ts_tokens_source_name(s)) != 0)
            continue;
        call->tokens_source = s;
        return;
    }
    if (name != NULL)
        (void)ts_fields_fault(f, "tokensSource", "must be absent, counted or provider");
}

static void read_tokens(struct ts_call *call, struct ts_fields *f)
{
    read_input(call, f);
    call->tokens.output = tokens(f, "outputTokens");
    call->tokens.reasoning = tokens(f, "reasoningTokens");
    call->tokens.unsplit = tokens(f, "unsplitTokens");
    read_total(call, f);
    read_tokens_source(call, f);
}

/* -- failed tries before the last one ---------------------------------------------------------- */

static void read_attempt(struct ts_call *call, struct ts_fields *f, json_t *value)
{
    static const char *const members[] = {
        "provider", "model", "cause", "status", "message", "durationMs", "waitMs", NULL};
    struct ts_error why = TS_ERROR_INIT;
    struct ts_fields a = ts_fields_of(value, -1, members, &why);
    struct ts_attempt *to = ts_call_add_attempt(call);
    ts_fields_require(&a, "provider");
    ts_fields_require(&a, "model");
    ts_fields_require(&a, "cause");
    if (to == NULL) {
        (void)ts_fields_fault(f, "attempts", "are too many");
        return;
    }
    to->provider = keep(call, &a, "provider", TS_MAX_NAME);
    to->model = keep(call, &a, "model", TS_MAX_MODEL);
    to->cause = read_code(&a, "cause", TS_OK);
    to->error_text = keep(call, &a, "message", ERROR_MESSAGE_MAX);
    to->status = ts_fields_int(&a, "status", 100, 599);
    to->duration_us = whole(ts_fields_number(&a, "durationMs", 0, max_ms), 1e3);
    to->wait_us = whole(ts_fields_number(&a, "waitMs", 0, max_ms), 1e3);
    if (a.rc == TS_ERR_NOMEM)
        f->rc = ts_fail(f->err, TS_ERR_NOMEM, "%s", why.text);
    else if (a.rc != TS_OK)
        (void)ts_fields_fault(f, "attempts", why.text);
}

static void read_attempts(struct ts_call *call, struct ts_fields *f)
{
    json_t *attempts = json_object_get(f->object, "attempts");
    if (attempts == NULL || json_is_null(attempts) || f->rc != TS_OK)
        return;
    if (!json_is_array(attempts)) {
        (void)ts_fields_fault(f, "attempts", "must be an array");
        return;
    }
    for (size_t i = 0; f->rc == TS_OK && i < json_array_size(attempts); i++)
        read_attempt(call, f, json_array_get(attempts, i));
}

/* -- which call it is -------------------------------------------------------------------------- */

static void read_identity(const struct ts_call_reader *r, struct ts_call *call, struct ts_fields *f)
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
    call->id_is_own =
        id != NULL && ts_id_parse(id, strlen(id), &own, &tag) && tag == r->id_tag && own > 0;
    call->id = call->id_is_own ? own : ts_id_from_ms(at_ms);
    if (!call->id_is_own)
        call->external_id = keep(call, f, "id", EXTERNAL_ID_MAX);
}

enum ts_err ts_call_read(const struct ts_call_reader *r,
                         json_t *value,
                         int index,
                         struct ts_call **out,
                         struct ts_error *err)
{
    TS_AUTO(ts_call_auto) struct ts_call *call = ts_call_new();
    if (call == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a reported call");
    call->reported = true;
    struct ts_fields f = ts_fields_of(value, index, known, err);
    read_names(call, &f);
    read_outcome(call, &f);
    read_manner(call, &f);
    read_times(call, &f);
    read_tokens(call, &f);
    read_tags(call, &f);
    read_metadata(call, &f);
    read_attempts(call, &f);
    read_identity(r, call, &f);
    if (f.rc == TS_OK)
        *out = TS_TAKE(call);
    return f.rc;
}
