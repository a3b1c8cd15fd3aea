#include "handlers/watch.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/admission.h"

enum { EVENT_MAX_BYTES = TS_LIVE_EVENT_MAX_BYTES, EVENT_USUAL_BYTES = 512 };

/* -- events as JSON -----------------------------------------------------------------------------
 */

/* Objects are written member by member: `{` stands before the first, `,` before the others. */
static void put_key(struct ts_buf *out, const char *key)
{
    ts_buf_puts(out, out->len == 0 ? "{\"" : ",\"");
    ts_buf_puts(out, key);
    ts_buf_puts(out, "\":");
}

static void put_text(struct ts_buf *out, const char *key, const char *text)
{
    put_key(out, key);
    if (text != NULL)
        ts_buf_put_json_string(out, text, strlen(text));
    else
        ts_buf_puts(out, "null");
}

static void put_number(struct ts_buf *out, const char *key, int64_t v)
{
    put_key(out, key);
    if (v == TS_UNKNOWN)
        ts_buf_puts(out, "null");
    else
        ts_buf_put_int(out, v);
}

/* Microseconds as milliseconds. */
static void put_ms(struct ts_buf *out, const char *key, int64_t us)
{
    put_key(out, key);
    if (us == TS_UNKNOWN)
        ts_buf_puts(out, "null");
    else
        ts_buf_printf(out, "%" PRId64 ".%03d", us / 1000, (int)(us % 1000));
}

static void put_bool(struct ts_buf *out, const char *key, bool v)
{
    put_key(out, key);
    ts_buf_puts(out, v ? "true" : "false");
}

static int64_t publish(const struct ts_services *s, const char *name, struct ts_buf *data)
{
    ts_buf_puts(data, "}");
    int64_t id = ts_live_publish(s->live, name, data);
    ts_buf_free(data);
    return id;
}

static void put_call(struct ts_buf *out, const struct ts_call_view *v)
{
    put_text(out, "id", v->public_id);
    put_text(out, "provider", v->provider);
    put_text(out, "model", v->model);
    put_number(out, "attempts", v->attempts);
}

/* -- calls --------------------------------------------------------------------------------------
 */

static void on_started(void *ctx, const struct ts_call_view *v)
{
    const struct ts_services *s = ctx;
    char when[TS_RFC3339_SIZE];
    struct ts_buf data = TS_BUF_INIT(EVENT_MAX_BYTES);
    (void)!ts_buf_reserve(&data, EVENT_USUAL_BYTES);
    put_call(&data, v);
    put_text(&data, "timestamp", ts_rfc3339(ts_id_ms(v->id), when));
    put_text(&data, "requestedModel", v->requested_model);
    put_text(&data, "taskType", v->task_type);
    put_text(&data, "complexity", ts_complexity_name(v->complexity));
    put_text(&data, "operation", ts_operation_name(v->dialect));
    put_bool(&data, "streamed", v->stream);
    put_bool(&data, "recorded", v->recorded);
    (void)publish(s, "call.started", &data);
}

/* Nobody asks afterwards how far a call was: without listeners there is nothing to tell. */
static void on_progress(void *ctx, const struct ts_call_view *v)
{
    const struct ts_services *s = ctx;
    struct ts_buf data = TS_BUF_INIT(EVENT_MAX_BYTES);
    if (!ts_live_is_heard(s->live))
        return;
    put_call(&data, v);
    put_ms(&data, "elapsedMs", v->elapsed_us);
    put_ms(&data, "ttftMs", v->ttft_us);
    put_number(&data, "tokens", v->tokens);
    int64_t id = publish(s, "call.progress", &data);
    ts_live_replace(s->live, *v->memory);
    *v->memory = id;
}

static void put_cost(struct ts_buf *out, int64_t nano_usd)
{
    put_key(out, "costUsd");
    if (nano_usd == TS_UNKNOWN)
        ts_buf_puts(out, "null");
    else
        ts_buf_printf(out, "%.9g", (double)nano_usd / 1e9);
}

static void tell_finished(const struct ts_services *s,
                          const struct ts_call_view *v,
                          const struct ts_call *call)
{
    const struct ts_token_counts *t = &call->tokens;
    struct ts_buf data = TS_BUF_INIT(EVENT_MAX_BYTES);
    (void)!ts_buf_reserve(&data, EVENT_USUAL_BYTES);
    put_call(&data, v);
    put_text(&data, "taskType", call->task_type);
    put_text(&data, "complexity", ts_complexity_name(call->complexity));
    put_text(&data, "outcome", ts_outcome_name(call->outcome));
    put_text(&data, "error", call->error != TS_OK ? ts_err_name(call->error) : NULL);
    put_text(&data, "finishReason", call->finish_reason);
    put_ms(&data, "responseTimeMs", call->phases.total_us);
    put_ms(&data, "ttftMs", call->phases.ttft_us);
    put_number(&data, "inputTokens", ts_tokens_prompt(t));
    put_number(&data, "outputTokens", t->output);
    put_text(&data, "tokensSource", ts_tokens_source_name(call->tokens_source));
    put_cost(&data, call->cost_nano_usd);
    put_bool(&data, "cold", call->cold);
    put_bool(&data, "recorded", v->recorded);
    ts_live_replace(s->live, *v->memory);
    (void)publish(s, "call.finished", &data);
}

static void on_finished(void *ctx, const struct ts_call_view *v, const struct ts_call *call)
{
    const struct ts_services *s = ctx;
    ts_meters_call(s->meters, v->dialect, call);
    tell_finished(s, v, call);
}

static void on_refused(void *ctx, enum ts_err why)
{
    const struct ts_services *s = ctx;
    ts_meters_refused(s->meters, why);
}

struct ts_observer ts_watch_calls(const struct ts_services *s)
{
    return (struct ts_observer){
        .started = on_started,
        .progress = on_progress,
        .finished = on_finished,
        .refused = on_refused,
        .ctx = (void *)(uintptr_t)s,
    };
}

/* -- servers ------------------------------------------------------------------------------------
 */

static void on_provider(void *ctx, int index)
{
    const struct ts_services *s = ctx;
    const struct ts_provider *p = ts_registry_provider(s->registry, index);
    struct ts_provider_status status = ts_registry_status(s->registry, index);
    struct ts_buf data = TS_BUF_INIT(EVENT_MAX_BYTES);
    put_text(&data, "provider", p->name);
    put_text(&data, "kind", p->kind->name);
    put_text(&data, "state", ts_provider_state_name(status.state));
    put_text(
        &data, "breaker", ts_breaker_state_name(ts_admission_door(s->registry, index).breaker));
    put_number(&data, "models", status.models);
    put_text(&data, "why", status.why[0] != '\0' ? status.why : NULL);
    (void)publish(s, "provider.changed", &data);
}

void ts_watch_providers(const struct ts_services *s)
{
    ts_registry_watch(s->registry, on_provider, (void *)(uintptr_t)s);
}

/* -- alerts -------------------------------------------------------------------------------------
 */

static void on_store(void *ctx, bool writable, const char *why)
{
    const struct ts_services *s = ctx;
    struct ts_buf data = TS_BUF_INIT(EVENT_MAX_BYTES);
    char when[TS_RFC3339_SIZE];
    put_text(&data, "kind", "database");
    put_text(&data, "state", writable ? "over" : "on");
    put_text(&data, "severity", writable ? "info" : "warning");
    put_text(&data, "message", why);
    put_text(&data, "timestamp", ts_rfc3339(ts_wall_ms(), when));
    (void)publish(s, "alert", &data);
}

void ts_watch_store(const struct ts_services *s)
{
    const struct ts_store_watcher watcher = {.changed = on_store, .ctx = (void *)(uintptr_t)s};
    ts_store_watch(s->store, watcher);
}
