/* Asking one target, and reading what comes back: bytes -> events -> tap, gate or writer. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "proxy/relay_next.h"

static const int64_t us_per_ms = 1000;

enum {
    URL_MAX_BYTES = 4096,
    KEY_MAX_BYTES = 4096,
    TAP_TEXT_BYTES = 64, /* where only the presence of text matters */
};

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

/* -- the end of a read: what it means --------------------------------------------------------- */

static void fail(struct ts_relay *r, enum ts_err code, bool retryable, const char *text)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_refusal refusal = {.cause = code, .retryable = retryable};
    (void)ts_fail(&err, code, "%s", text);
    ts_relay_fail_try(r, refusal, &err);
}

static void press_back(struct ts_relay *r)
{
    if (r->paused || !r->begun || r->client->ops->pending(r->client) < TS_STREAM_HIGH_BYTES)
        return;
    r->paused = true;
    ts_fetch_pause(r->try.fetch);
}

/* Acts on what the events of a read said. The reader has returned: it may be freed now. */
static void conclude(struct ts_relay *r)
{
    struct ts_refusal failed = {.cause = r->try.failed, .retryable = true};
    if (r->try.fresh) { /* the first content has just gone to the client */
        r->try.fresh = false;
        r->overhead_us += ts_now_us() - r->read_us;
    }
    ts_relay_tell_progress(r);
    switch (r->try.verdict) {
    case RELAY_COMPLETE:
        ts_relay_succeed(r);
        return;
    case RELAY_FAILED: {
        const char *text = r->try.failed_text;
        struct ts_error err = TS_ERROR_INIT;
        (void)ts_fail(&err, r->try.failed, "%s", text != NULL ? text : ts_err_name(r->try.failed));
        ts_relay_fail_try(r, failed, &err);
        return;
    }
    case RELAY_OPEN_END:
        break;
    }
    if (ts_gate_has_lost(&r->gate))
        fail(r, TS_ERR_NOMEM, false, "no memory for the answer");
    else if (r->try.fetch != NULL)
        press_back(r);
}

/* -- events ----------------------------------------------------------------------------------- */

/* The bytes of this read that belong to the event that ends at @end. */
static struct ts_slice take(struct ts_relay *r, size_t end)
{
    struct ts_slice s = {0};
    if (end <= r->taken)
        return s;
    s = (struct ts_slice){.at = r->read.at + r->taken, .len = end - r->taken};
    r->taken = end;
    return s;
}

static void set_failed(struct ts_relay *r, enum ts_err code, const char *text)
{
    r->try.verdict = RELAY_FAILED;
    r->try.failed = code;
    r->try.failed_text = ts_arena_str(&r->call->arena, text);
}

static void take_error(struct ts_relay *r, const struct ts_event *e, struct ts_slice bytes)
{
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
    ts_error_clean(e->error_text, &text);
    set_failed(r,
               TS_ERR_UPSTREAM_INVALID,
               text.len > 0 ? ts_buf_text(&text) : "the model server reported an error");
    if (r->way != RELAY_PASS || r->state != RELAY_STREAMING)
        return;
    ts_gate_keep(&r->gate, bytes);
    r->try.own_error_event = true;
}

static void note_model(struct ts_relay *r, const struct ts_event *e)
{
    struct ts_call *call = r->call;
    if (r->try.model_noted || e->model.len == 0)
        return;
    r->try.model_noted = true;
    call->reported_model = NULL; /* what an earlier try may have said */
    if (!ts_slice_is(e->model, r->try.target->model) && e->model.len <= TS_MAX_MODEL)
        call->reported_model = ts_arena_copy(&call->arena, e->model);
}

static void pass(struct ts_relay *r, const struct ts_event *e, struct ts_slice bytes)
{
    if (e->terminator && r->try.verdict == RELAY_COMPLETE)
        ts_gate_keep(&r->gate, bytes);
    else if (e->terminator || (e->usage_only && !r->wants_usage))
        ts_gate_drop(&r->gate, bytes);
    else
        ts_gate_pass(&r->gate, bytes);
}

static void translate(struct ts_relay *r, const struct ts_event *e)
{
    ts_buf_clear(&r->out);
    ts_writer_event(r->writer, e, &r->out);
    if (!ts_buf_ok(&r->out) || !ts_writer_ok(r->writer)) {
        set_failed(r, TS_ERR_NOMEM, "no memory for the answer");
        return;
    }
    struct ts_slice written = {.at = r->out.data, .len = r->out.len};
    ts_gate_pass(&r->gate, written);
}

static void fold(struct ts_relay *r, const struct ts_event *e, struct ts_slice bytes)
{
    ts_writer_collect(r->writer, e);
    if (r->try.endpoint->dialect == r->dialect) { /* its events may say more than we know */
        ts_buf_put(&r->out, bytes.at, bytes.len);
        struct ts_slice raw = {.at = r->out.data, .len = r->out.len};
        if (ts_buf_ok(&r->out))
            ts_writer_keep(r->writer, e, raw);
        ts_buf_clear(&r->out);
    }
    if (!ts_writer_ok(r->writer))
        set_failed(r, TS_ERR_UPSTREAM_INVALID, "the answer is longer than can be kept");
}

/* As much of it as is kept; more is noted and forgotten. */
static void keep_text(struct ts_relay *r, struct ts_slice text)
{
    struct ts_buf *b = &r->answer;
    bool wanted = r->env->keeps_answers || r->wanted != NULL;
    if (!wanted || text.len == 0 || !ts_buf_ok(b))
        return;
    size_t kept = ts_utf8_cut(text.at, text.len, b->max - b->len);
    ts_buf_put(b, text.at, kept);
    if (kept < text.len && ts_buf_ok(b))
        b->error = TS_ERR_BODY_TOO_LARGE;
}

/* The one event of an answer that is no stream, which says nothing about the time of tokens. */
static void take_whole(struct ts_relay *r, const struct ts_event *e)
{
    struct ts_event quiet = *e;
    quiet.text = quiet.reasoning = quiet.refusal = (struct ts_slice){.at = NULL};
    quiet.has_tool_call = false;
    ts_tap_event(&r->try.tap, &quiet, r->read_us);
    keep_text(r, e->text);
    note_model(r, e);
    if (e->is_error)
        take_error(r, e, (struct ts_slice){.at = NULL});
    else if (e->malformed)
        set_failed(r, TS_ERR_UPSTREAM_INVALID, "the answer is no object of JSON");
    else
        r->try.verdict = RELAY_COMPLETE;
}

static void on_event(void *ctx, const struct ts_event *e, size_t end)
{
    struct ts_relay *r = ctx;
    if (r->try.verdict != RELAY_OPEN_END)
        return;
    if (r->way == RELAY_WHOLE) {
        take_whole(r, e);
        return;
    }
    struct ts_slice bytes = take(r, end);
    ts_tap_event(&r->try.tap, e, r->read_us);
    keep_text(r, e->text);
    note_model(r, e);
    if (e->is_error) {
        take_error(r, e, bytes);
        return;
    }
    if (e->text_cut && r->way != RELAY_PASS) {
        set_failed(r, TS_ERR_UPSTREAM_INVALID, "an event is longer than can be translated");
        return;
    }
    if (ts_event_has_content(e) && r->state == RELAY_WAITING) {
        ts_relay_commit(r);
        r->try.fresh = true;
    }
    if (e->terminator && r->try.tap.finish != TS_FINISH_NONE)
        r->try.verdict = RELAY_COMPLETE;
    else if (e->terminator)
        set_failed(r, TS_ERR_UPSTREAM_INTERRUPTED, "the answer ended without a finish reason");
    switch (r->way) {
    case RELAY_PASS:
        pass(r, e, bytes);
        break;
    case RELAY_TRANSLATE:
        translate(r, e);
        break;
    case RELAY_FOLD:
        fold(r, e, bytes);
        break;
    case RELAY_WHOLE:
        break;
    }
}

/* -- what libcurl brings ---------------------------------------------------------------------- */

/* The server says when it wants to be asked again. */
static void heed_retry_after(struct ts_relay *r)
{
    int64_t wait_ms = ts_retry_after_ms(ts_fetch_header(r->try.fetch, "retry-after-ms"),
                                        ts_fetch_header(r->try.fetch, "Retry-After"),
                                        ts_wall_ms());
    if (wait_ms == TS_UNKNOWN)
        return;
    if (r->retry_after_ms == TS_UNKNOWN || wait_ms < r->retry_after_ms)
        r->retry_after_ms = wait_ms;
    ts_admission_not_before(
        r->env->registry, r->try.target->provider->index, r->try.head_us + wait_ms * us_per_ms);
}

static void on_head(void *ctx, int status, const char *content_type)
{
    (void)content_type;
    struct ts_relay *r = ctx;
    r->try.status = status;
    r->try.head_us = ts_now_us();
    r->try.connect_us = ts_fetch_times(r->try.fetch).connect_us;
    ts_relay_take_headers(r);
    ts_registry_mark(r->env->registry, r->try.target->provider->index, true, NULL);
    if (status == 429 || status == 503)
        heed_retry_after(r);
}

/* Older servers do not know this route, and say so as they would of any other path. */
static bool lacks_route(const struct ts_relay *r, const char *words)
{
    int status = r->try.status;
    return r->dialect == &ts_openai_responses && strstr(words, "model") == NULL &&
           (status == 404 || status == 405 || status == 501);
}

/* An answer that is not 2xx, as far as it came. */
static void refuse(struct ts_relay *r)
{
    struct ts_refusal refusal = ts_refusal_of_status(r->try.status);
    struct ts_error err = TS_ERROR_INIT;
    TS_AUTO(ts_buf_free) struct ts_buf words = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
    struct ts_slice body = {.at = ts_buf_text(&r->try.error_body), .len = r->try.error_body.len};
    ts_error_text(body, &words);
    const char *text = words.len > 0 ? ts_buf_text(&words) : "no reason given";
    if (lacks_route(r, text)) {
        refusal = (struct ts_refusal){.cause = TS_ERR_INVALID_FIELD};
        (void)ts_fail_param(&err,
                            refusal.cause,
                            "model",
                            "%s does not serve /v1/responses; /v1/chat/completions reaches it",
                            r->try.target->provider->name);
    } else if (refusal.client_status != 0) /* the client's own mistake, in the server's words */
        (void)ts_fail(&err, refusal.cause, "%s", text);
    else
        (void)ts_fail(&err,
                      refusal.cause,
                      "%s answered %d: %s",
                      r->try.target->provider->name,
                      r->try.status,
                      text);
    ts_relay_fail_try(r, refusal, &err);
}

static void on_body(void *ctx, const char *bytes, size_t n)
{
    struct ts_relay *r = ctx;
    r->read_us = ts_now_us();
    if (!is_success(r->try.status)) {
        ts_buf_put(&r->try.error_body, bytes, n);
        if (!ts_buf_ok(&r->try.error_body))
            refuse(r);
        return;
    }
    r->read = (struct ts_slice){.at = bytes, .len = n};
    r->taken = 0;
    ts_reader_feed(r->try.reader, bytes, n);
    struct ts_slice rest = take(r, n);
    if (r->try.verdict == RELAY_OPEN_END && r->way == RELAY_PASS) {
        ts_gate_part(&r->gate, rest);
        if (r->state == RELAY_WAITING && ts_gate_is_full(&r->gate))
            ts_relay_commit(r);
    } else if (r->way == RELAY_WHOLE ||
               (r->way == RELAY_FOLD && r->try.endpoint->dialect == r->dialect)) {
        ts_buf_put(&r->out, rest.at, rest.len);
    }
    if (r->way == RELAY_WHOLE && !ts_buf_ok(&r->out))
        set_failed(r, TS_ERR_UPSTREAM_INVALID, "the answer is longer than can be kept");
    conclude(r);
}

static bool ask_afresh(struct ts_relay *r);

static void on_done(void *ctx, enum ts_fetch_end end, const char *detail)
{
    struct ts_relay *r = ctx;
    struct ts_fetch_times times = ts_fetch_times(r->try.fetch);
    bool was_dead = times.reused && !times.answered;
    r->try.fetch = NULL; /* freed when this returns */
    bool no_answer = end == TS_FETCH_BROKEN || end == TS_FETCH_INVALID;
    if (no_answer && was_dead && ask_afresh(r))
        return;
    r->read_us = ts_now_us();
    if (r->try.head_us != 0 && !is_success(r->try.status)) {
        refuse(r);
        return;
    }
    r->read = (struct ts_slice){0};
    r->taken = 0;
    if (end == TS_FETCH_COMPLETE)
        ts_reader_end(r->try.reader);
    if (r->try.verdict != RELAY_OPEN_END) {
        conclude(r);
        return;
    }
    if (end == TS_FETCH_COMPLETE && r->try.tap.finish != TS_FINISH_NONE) {
        ts_relay_succeed(r); /* some servers send no terminator */
        return;
    }
    struct ts_refusal refusal = ts_refusal_of_end(end);
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_provider *p = r->try.target->provider;
    if (end == TS_FETCH_UNREACHABLE) {
        ts_registry_mark(r->env->registry, p->index, false, detail);
        r->dead[p->index] = true;
    }
    if (end == TS_FETCH_COMPLETE)
        detail = "the answer ended before it was complete";
    (void)ts_fail(&err, refusal.cause, "%s: %s", p->name, detail);
    ts_relay_fail_try(r, refusal, &err);
}

/* -- asking ----------------------------------------------------------------------------------- */

static enum ts_err choose_way(struct ts_relay *r, struct ts_error *err)
{
    const struct ts_dialect *theirs = r->try.endpoint->dialect;
    bool same = theirs == r->dialect;
    bool possible = same ? r->stream || r->request->unstreamed || ts_writer_can(r->dialect)
                         : ts_dialect_leads_to(r->dialect, theirs);
    r->way = r->request->unstreamed ? RELAY_WHOLE
             : !r->stream           ? RELAY_FOLD
             : same                 ? RELAY_PASS
                                    : RELAY_TRANSLATE;
    if (possible)
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_FIELD,
                         "model",
                         "its server %s speaks %s, which cannot be put into %s",
                         r->try.target->provider->name,
                         theirs->name,
                         r->dialect->name);
}

static enum ts_err send_request(struct ts_relay *r, struct ts_error *err)
{
    static const struct ts_fetch_events events = {on_head, on_body, on_done};
    const struct ts_provider *p = r->try.target->provider;
    TS_AUTO(ts_buf_free) struct ts_buf url = TS_BUF_INIT(URL_MAX_BYTES);
    TS_AUTO(ts_buf_free) struct ts_buf key = TS_BUF_INIT(KEY_MAX_BYTES);
    struct ts_header headers[TS_RELAY_REQUEST_HEADERS] = {0};
    int n = ts_relay_request_headers(r, headers);
    ts_buf_printf(&url, "%s%s", p->base_url, r->try.endpoint->path);
    if (p->api_key != NULL) {
        ts_buf_printf(&key, "%s%s", p->kind->key_prefix, p->api_key);
        headers[n] = (struct ts_header){p->kind->key_header, ts_buf_text(&key)};
    }
    if (!ts_buf_ok(&url) || !ts_buf_ok(&key))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a request");
    struct ts_fetch_request req = {
        .method = "POST",
        .url = ts_buf_text(&url),
        .headers = headers,
        .body = {.at = ts_buf_text(&r->try.request), .len = r->try.request.len},
        .connect_timeout_ms = p->connect_timeout_ms,
        .fresh_connection = r->try.fresh_connection,
    };
    return ts_fetch_start(r->env->upstream, &req, &events, r, &r->try.fetch, err);
}

/* A connection that was kept open had died, or the rest of an earlier answer was on it: that tells
 * about the connection, not the server. Once, on a new one. */
static bool ask_afresh(struct ts_relay *r)
{
    struct ts_error err = TS_ERROR_INIT;
    if (r->try.fresh_connection)
        return false;
    r->try.fresh_connection = true;
    if (send_request(r, &err) != TS_OK)
        return false;
    ts_logf(TS_LOG_INFO,
            TS_LOG_FIELDS(TS_LOG_STR("request", r->public_id),
                          TS_LOG_INT("attempt", r->tries),
                          TS_LOG_STR("provider", r->try.target->provider->name),
                          TS_LOG_STR("cause", "kept_connection"),
                          TS_LOG_INT("wait_ms", 0)),
            "asking again on a new connection");
    return true;
}

/* The model as a translated answer calls it: by the client's name for it, unless that was no name
 * of it (auto, or a model that is fallen back from). */
static const char *told_model(const struct ts_relay *r)
{
    const char *asked = r->request->model;
    const char *model = r->try.target->model;
    size_t asked_len = strlen(asked);
    size_t len = strlen(model);
    bool untagged = strncmp(model, asked, asked_len) == 0 && model[asked_len] == ':';
    bool of_provider = asked_len > len && asked[asked_len - len - 1] == '/' &&
                       strcmp(asked + asked_len - len, model) == 0;
    return untagged || of_provider ? asked : model;
}

/* Most answers need none: it is made for the first that does, and kept. */
static enum ts_err need_writer(struct ts_relay *r, struct ts_error *err)
{
    if (r->writer == NULL) {
        r->writer = malloc(sizeof(*r->writer));
        if (r->writer == NULL)
            return ts_fail(err, TS_ERR_NOMEM, "no memory to write an answer");
        ts_writer_init(r->writer, r->dialect, r->request->model, r->public_id, ts_id_ms(r->id));
        r->writer->wants_usage = r->wants_usage;
        r->writer->wants_base64 = r->request->wants_base64;
    }
    r->writer->model = told_model(r);
    return TS_OK;
}

static enum ts_err prepare(struct ts_relay *r, struct ts_error *err)
{
    const struct ts_target *t = r->try.target;
    r->try.endpoint = t->provider->kind->endpoint(r->request);
    if (r->try.endpoint == NULL)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "model",
                             "its server %s (%s) does not take this kind of request",
                             t->provider->name,
                             t->provider->kind->name);
    const struct ts_dialect *theirs = r->try.endpoint->dialect;
    const struct ts_build build = {
        .dialect = theirs, .model = t->model, .extensions = r->try.endpoint->extensions};
    enum ts_err rc = choose_way(r, err);
    if (rc == TS_OK && r->way != RELAY_PASS)
        rc = need_writer(r, err);
    if (rc == TS_OK)
        rc = ts_genreq_build(r->request, &build, &r->try.request, err);
    if (rc != TS_OK)
        return rc;
    bool looks_on = r->way == RELAY_PASS || r->way == RELAY_WHOLE;
    size_t seen = r->env->keeps_answers ? TS_MAX_CAPTURE_BYTES : TAP_TEXT_BYTES;
    size_t max_text = looks_on && r->wanted == NULL ? seen : TS_MAX_EVENT_BYTES;
    theirs = r->way == RELAY_WHOLE ? theirs->answer : theirs;
    rc = ts_reader_new(theirs, max_text, on_event, r, &r->try.reader);
    return rc == TS_OK ? TS_OK : ts_fail(err, rc, "no memory for an answer");
}

enum ts_err ts_relay_ask(struct ts_relay *r, const struct ts_target *target, struct ts_error *err)
{
    ts_relay_aim(r, target);
    enum ts_err rc = prepare(r, err);
    if (rc == TS_OK)
        rc = send_request(r, err);
    if (rc != TS_OK) {
        ts_relay_close_try(r);
        return rc;
    }
    r->try.begun_us = ts_now_us();
    r->overhead_us += r->try.begun_us - r->ready_us;
    r->try.share_from_us = ts_registry_share_us(r->env->registry, target->provider->index);
    return TS_OK;
}

void ts_relay_aim(struct ts_relay *r, const struct ts_target *target)
{
    r->try = (struct relay_try){
        .target = target,
        .request = TS_BUF_INIT(TS_MAX_GENERATE_BODY_BYTES + TS_MAX_BODY_BYTES),
        .error_body = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES),
        .connect_us = TS_UNKNOWN,
    };
    ts_tap_init(&r->try.tap);
}

void ts_relay_close_try(struct ts_relay *r)
{
    struct relay_try *t = &r->try;
    if (t->fetch != NULL && t->verdict == RELAY_COMPLETE)
        ts_fetch_release(t->fetch); /* only the end of the transfer is missing */
    else if (t->fetch != NULL)
        ts_fetch_cancel(t->fetch);
    t->fetch = NULL;
    ts_reader_free(t->reader);
    t->reader = NULL;
    ts_buf_free(&t->request);
    ts_buf_free(&t->error_body);
}
