/* Single calls as JSON: one by id, or a page of them, newest first. */
#include <math.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "db/call_row.h"
#include "db/filter.h"
#include "db/parts.h"
#include "db/query.h"

/* -- one row of the view `calls` as JSON ------------------------------------------------------ */

#define take_i64 ts_col_known
#define take_text ts_col_text

struct ts_call_row ts_call_row_take(struct ts_stmt *s)
{
    struct ts_call_row r;
#define X(name, type) r.name = take_##type(s);
    TS_CALL_ROW_TABLE(X)
#undef X
    return r;
}

static json_t *flag(int64_t v)
{
    return v == TS_UNKNOWN ? json_null() : json_boolean(v);
}

/* Stored JSON as it is; null where there is none (or it is not JSON). */
static json_t *stored_json(const char *text)
{
    json_t *parsed = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return parsed != NULL ? parsed : json_null();
}

static json_t *cost_usd(int64_t nano)
{
    return ts_json_num(nano == TS_UNKNOWN ? (double)NAN : (double)nano / 1e9);
}

static json_t *error_json(const struct ts_call_row *r)
{
    if (r->error_code == NULL)
        return json_null();
    return json_pack("{s:s, s:o}", "code", r->error_code, "message", ts_json_text(r->error_text));
}

static json_t *tokens_json(const struct ts_call_row *r)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s}",
                     "input",
                     ts_json_int(r->fresh_tokens),
                     "cacheRead",
                     ts_json_int(r->cache_read_tokens),
                     "cacheWrite",
                     ts_json_int(r->cache_write_tokens),
                     "output",
                     ts_json_int(r->output_tokens),
                     "reasoning",
                     ts_json_int(r->reasoning_tokens),
                     "total",
                     ts_json_int(r->tokens_used),
                     "source",
                     r->tokens_source);
}

static json_t *phases_json(const struct ts_call_row *r)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "queueMs",
                     ts_json_ms(r->queue_us),
                     "connectMs",
                     ts_json_ms(r->connect_us),
                     "loadMs",
                     ts_json_ms(r->load_us),
                     "firstByteMs",
                     ts_json_ms(r->first_byte_us),
                     "ttftMs",
                     ts_json_ms(r->ttft_us),
                     "firstVisibleMs",
                     ts_json_ms(r->first_visible_us),
                     "decodeMs",
                     ts_json_ms(r->decode_us),
                     "maxStallMs",
                     ts_json_ms(r->max_stall_us),
                     "totalMs",
                     ts_json_ms(r->total_us),
                     "overheadUs",
                     ts_json_int(r->overhead_us));
}

/* What names the call and says how it ended. */
static json_t *head_json(const struct ts_call_row *r, uint64_t tag)
{
    char id[TS_ID_TEXT_SIZE];
    char when[TS_RFC3339_SIZE];
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:o}",
                     "id",
                     ts_id_format(r->call_id, tag, id),
                     "timestamp",
                     ts_rfc3339(ts_id_ms(r->call_id), when),
                     "outcome",
                     r->outcome,
                     "success",
                     flag(r->success),
                     "provider",
                     r->provider,
                     "model",
                     r->model,
                     "requestedModel",
                     ts_json_text(r->requested_model),
                     "reportedModel",
                     ts_json_text(r->reported_model),
                     "taskType",
                     r->task_type,
                     "complexity",
                     ts_json_text(r->complexity));
}

static json_t *how_json(const struct ts_call_row *r)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "classified",
                     flag(r->classified),
                     "dialect",
                     ts_json_text(r->dialect),
                     "streamed",
                     flag(r->streamed),
                     "cold",
                     flag(r->cold),
                     "simulated",
                     flag(r->simulated),
                     "reported",
                     flag(r->reported),
                     "responseTimeMs",
                     ts_json_ms(r->total_us),
                     "ttftMs",
                     ts_json_ms(r->ttft_us),
                     "tokens",
                     tokens_json(r),
                     "costUsd",
                     cost_usd(r->cost_nano_usd),
                     "finishReason",
                     ts_json_text(r->finish_reason));
}

static json_t *who_json(const struct ts_call_row *r)
{
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "error",
                     error_json(r),
                     "rating",
                     (json_int_t)r->rating,
                     "comment",
                     ts_json_text(r->comment),
                     "userId",
                     ts_json_text(r->user_id),
                     "userSegment",
                     ts_json_text(r->user_segment),
                     "conversationId",
                     ts_json_text(r->conversation_id),
                     "messageId",
                     ts_json_text(r->message_id),
                     "tags",
                     stored_json(r->tags),
                     "metadata",
                     stored_json(r->metadata),
                     "phases",
                     phases_json(r));
}

/* NULL without memory. */
static json_t *call_json(struct ts_stmt *s, uint64_t tag, int64_t *id)
{
    struct ts_call_row r = ts_call_row_take(s);
    *id = r.call_id;
    json_t *call = head_json(&r, tag);
    json_auto_t *how = how_json(&r);
    json_auto_t *who = who_json(&r);
    if (call == NULL || json_object_update(call, how) != 0 || json_object_update(call, who) != 0) {
        json_decref(call);
        return NULL;
    }
    return call;
}

/* -- the queries ------------------------------------------------------------------------------ */

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory to tell of calls");
}

static json_t *attempt_json(struct ts_stmt *s)
{
    const char *provider = ts_col_text(s);
    const char *model = ts_col_text(s);
    const char *cause = ts_col_text(s);
    int64_t status = ts_col_known(s);
    const char *message = ts_col_text(s);
    int64_t duration_us = ts_col_known(s);
    int64_t wait_us = ts_col_known(s);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}",
                     "provider",
                     provider,
                     "model",
                     model,
                     "cause",
                     cause,
                     "status",
                     ts_json_int(status),
                     "message",
                     ts_json_text(message),
                     "durationMs",
                     ts_json_ms(duration_us),
                     "waitMs",
                     ts_json_ms(wait_us));
}

enum ts_err ts_call_row_attempts(struct ts_conn *c, int64_t id, json_t **out, struct ts_error *err)
{
    json_auto_t *attempts = NULL;
    TS_LEASE(s, c, TS_SQL_CALL_ATTEMPTS);
    ts_bind_i64(&s, id);
    enum ts_step step = TS_DONE;
    while ((step = ts_step(&s)) == TS_ROW) {
        if (attempts == NULL)
            attempts = json_array();
        if (json_array_append_new(attempts, attempt_json(&s)) != 0)
            return no_memory(err);
    }
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    *out = TS_TAKE(attempts);
    return TS_OK;
}

static enum ts_err add_attempts(struct ts_conn *c, int64_t id, json_t *call, struct ts_error *err)
{
    json_t *attempts = NULL;
    enum ts_err e = ts_call_row_attempts(c, id, &attempts, err);
    if (e != TS_OK)
        return e;
    if (attempts == NULL)
        attempts = json_array();
    return json_object_set_new(call, "attempts", attempts) == 0 ? TS_OK : no_memory(err);
}

/* null where none were kept. */
static enum ts_err add_texts(struct ts_conn *c, int64_t id, json_t *call, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_CALL_TEXTS);
    ts_bind_i64(&s, id);
    enum ts_step step = ts_step(&s);
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    json_t *texts = json_null();
    if (step == TS_ROW) {
        json_t *prompt = ts_json_text(ts_col_text(&s));
        json_t *answer = ts_json_text(ts_col_text(&s));
        texts = json_pack(
            "{s:o, s:o, s:b}", "prompt", prompt, "answer", answer, "cut", (int)ts_col_i64(&s));
    }
    return json_object_set_new(call, "texts", texts) == 0 ? TS_OK : no_memory(err);
}

enum ts_err ts_query_call(
    struct ts_reader_conn *c, int64_t id, uint64_t tag, json_t **out, struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CALL_GET);
    ts_bind_i64(&s, id);
    enum ts_step step = ts_step(&s);
    if (step == TS_DONE)
        return ts_fail(err, TS_ERR_NOT_FOUND, "no such call");
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    json_auto_t *call = call_json(&s, tag, &id);
    if (call == NULL)
        return no_memory(err);
    enum ts_err e = add_attempts(c->conn, id, call, err);
    if (e == TS_OK)
        e = add_texts(c->conn, id, call, err);
    if (e == TS_OK)
        *out = TS_TAKE(call);
    return e;
}

static void bind_page(struct ts_stmt *s,
                      const struct ts_call_filter *f,
                      const struct ts_call_page *p)
{
    int64_t to = ts_id_from_ms(f->to_ms);
    ts_filter_bind(
        s, f, ts_id_from_ms(f->from_ms), p->before != 0 && p->before < to ? p->before : to);
    ts_bind_text(s, f->model);
    ts_bind_text(s, f->provider);
    ts_bind_text(s, f->task_type);
    ts_bind_text(s, f->complexity);
    ts_bind_i64(s, (int64_t)p->limit + 1); /* one more tells whether there is a next page */
}

enum ts_err ts_query_call_list(struct ts_reader_conn *c,
                               const struct ts_call_filter *f,
                               uint64_t tag,
                               struct ts_call_page *page,
                               struct ts_error *err)
{
    json_auto_t *calls = json_array();
    if (calls == NULL)
        return no_memory(err);
    TS_LEASE(s, c->conn, TS_SQL_CALL_PAGE);
    bind_page(&s, f, page);
    int64_t last = 0;
    enum ts_step step = TS_DONE;
    while (json_array_size(calls) < (size_t)page->limit && (step = ts_step(&s)) == TS_ROW) {
        if (json_array_append_new(calls, call_json(&s, tag, &last)) != 0)
            return no_memory(err);
    }
    if (step == TS_ROW)
        step = ts_step(&s);
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    page->calls = TS_TAKE(calls);
    page->next = step == TS_ROW ? last : 0;
    return TS_OK;
}

enum ts_err ts_query_counts(struct ts_reader_conn *c,
                            struct ts_store_counts *out,
                            struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_COUNTS);
    if (ts_step(&s) != TS_ROW)
        return ts_filter_fail(&s, err);
    out->calls = ts_col_i64(&s);
    out->simulated = ts_col_i64(&s);
    int64_t oldest = ts_col_known(&s);
    out->oldest_ms = oldest == TS_UNKNOWN ? TS_UNKNOWN : ts_id_ms(oldest);
    return TS_OK;
}

enum ts_err ts_query_simulated(struct ts_reader_conn *c,
                               const struct ts_call_filter *f,
                               bool *out,
                               struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_SIMULATED_IN_WINDOW);
    ts_bind_i64(&s, ts_id_from_ms(f->from_ms));
    ts_bind_i64(&s, ts_id_from_ms(f->to_ms));
    if (ts_step(&s) != TS_ROW)
        return ts_filter_fail(&s, err);
    *out = ts_col_i64(&s) != 0;
    return TS_OK;
}
