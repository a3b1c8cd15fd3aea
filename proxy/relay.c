#include "proxy/relay.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "proxy/relay_next.h"

static const int64_t us_per_ms = 1000;

/* -- states ------------------------------------------------------------------------------------ */

/* The edges that there are, as relay.h draws them: [from][to]. */
TS_UNUSED static const bool edges[][RELAY_DONE + 1] = {
    [RELAY_INIT] = {[RELAY_WAITING] = true, [RELAY_DONE] = true},
    [RELAY_WAITING] = {[RELAY_STREAMING] = true, [RELAY_HOLDING] = true, [RELAY_DONE] = true},
    [RELAY_STREAMING] = {[RELAY_HOLDING] = true, [RELAY_DONE] = true},
    [RELAY_HOLDING] = {[RELAY_DONE] = true},
    [RELAY_DONE] = {false},
};

static void set_state(struct ts_relay *r, enum relay_state to)
{
    assert(edges[r->state][to]);
    r->state = to;
}

static void unlink_running(struct ts_relay *r)
{
    if (r->link == NULL)
        return;
    *r->link = r->next;
    if (r->next != NULL)
        r->next->link = r->link;
    r->link = NULL;
}

static void link_running(struct ts_relay *r)
{
    r->next = r->env->running;
    r->link = &r->env->running;
    if (r->next != NULL)
        r->next->link = &r->next;
    r->env->running = r;
}

struct ts_relay *ts_relay_find(struct ts_relay_env *env, int64_t id)
{
    struct ts_relay *r = env->running;
    while (r != NULL && r->id != id)
        r = r->next;
    return r;
}

static void end_deferred(struct ts_deferred *d);

/* -- the end ----------------------------------------------------------------------------------- */

static void free_writer(struct ts_relay *r)
{
    if (r->writer != NULL)
        ts_writer_deinit(r->writer);
    free(r->writer);
}

static void free_relay(struct ts_relay *r)
{
    ts_timer_clear(r->env->poller, &r->timer);
    unlink_running(r);
    ts_relay_close_try(r);
    ts_buf_free(&r->try.passed);
    ts_gate_deinit(&r->gate);
    free_writer(r);
    ts_buf_free(&r->out);
    ts_buf_free(&r->answer);
    ts_genreq_deinit(r->request);
    free(r->request);
    ts_call_free(r->call);
    free(r);
}

/* Once nothing that is under way can name the relay any more. */
static void end_when_settled(struct ts_relay *r)
{
    if (r->state != RELAY_DONE || r->ticket_out || ts_admission_is_called(&r->admission))
        return;
    r->deferred.fn = end_deferred;
    ts_poller_defer(r->env->poller, &r->deferred);
}

static void end_deferred(struct ts_deferred *d)
{
    struct ts_relay *r = TS_CONTAINER(d, struct ts_relay, deferred);
    void (*ended)(void *ctx, enum ts_outcome outcome) = r->ended;
    enum ts_outcome outcome = r->outcome;
    void *ctx = r->ctx;
    free_relay(r);
    ended(ctx, outcome);
}

static void release_body(struct ts_relay *r)
{
    if (r->release_body != NULL)
        r->release_body(r->ctx);
    r->release_body = NULL;
}

/* The client is served. Only the ticket may be outstanding now. */
static void enter_done(struct ts_relay *r)
{
    set_state(r, RELAY_DONE);
    r->client = NULL;
    r->gate.client = NULL;
    ts_timer_clear(r->env->poller, &r->timer);
    end_when_settled(r);
}

static void on_ticket(struct ts_post *post)
{
    struct ts_ticket *ticket = TS_CONTAINER(post, struct ts_ticket, post);
    struct ts_relay *r = TS_CONTAINER(ticket, struct ts_relay, ticket);
    r->ticket_out = false;
    if (r->state == RELAY_HOLDING) {
        ts_relay_finish_client(r);
        enter_done(r);
        return;
    }
    end_when_settled(r);
}

/* A place was found at a server, perhaps for a call that is over. */
static void on_called(struct ts_admission *a)
{
    struct ts_relay *r = TS_CONTAINER(a, struct ts_relay, admission);
    if (r->state == RELAY_WAITING)
        ts_relay_called(r);
    else
        end_when_settled(r);
}

static void log_record(const struct ts_call *call)
{
    const char *complexity = ts_complexity_name(call->complexity);
    if (!ts_log_enabled(TS_LOG_DEBUG))
        return;
    ts_log(TS_LOG_DEBUG,
           "[PerformanceTracking] Logged metrics: %" PRId64 "ms, %s, %s",
           call->phases.total_us / us_per_ms,
           call->task_type != NULL ? call->task_type : "unknown",
           complexity != NULL ? complexity : "unknown");
}

/* The record is complete and the outcome fixed: it goes to the sink, the upstream away. */
static void hand_over(struct ts_relay *r)
{
    struct ts_call *call = r->call;
    ts_relay_tell_finished(r, call);
    r->call = NULL;
    ts_relay_close_try(r);
    ts_relay_leave(r, TS_SIGN_NONE);
    release_body(r);
    unlink_running(r);
    if (!r->recorded) {
        ts_call_free(call);
        return;
    }
    log_record(call);
    r->ticket.post.fn = on_ticket;
    r->ticket.home = r->env->poller;
    r->ticket_out = true;
    r->env->sink.record(r->env->sink.ctx, call, &r->ticket);
}

/* The last bytes for the client are ready and wait for the row. */
static void enter_holding(struct ts_relay *r)
{
    hand_over(r);
    set_state(r, RELAY_HOLDING);
    if (!r->ticket_out) {
        ts_relay_finish_client(r);
        enter_done(r);
        return;
    }
    r->hold_until_us = ts_now_us() + TS_HOLD_CEILING_MS * us_per_ms;
    ts_relay_arm(r);
}

static void open_stream(struct ts_relay *r)
{
    if (!r->begun)
        ts_relay_begin(r);
    ts_gate_open(&r->gate);
}

void ts_relay_commit(struct ts_relay *r)
{
    set_state(r, RELAY_STREAMING);
    ts_relay_is_well(r);
    if (r->try.tap.last_us == 0) /* a full gate, not a token */
        r->try.tap.last_us = r->read_us;
    if (r->stream)
        open_stream(r);
    release_body(r);
    if (r->try.fetch == NULL || ts_fetch_is_sent(r->try.fetch))
        ts_buf_free(&r->try.request);
    ts_relay_arm(r);
}

/* -- success ----------------------------------------------------------------------------------- */

/* The collected answer is put into the client's dialect. */
static void translate_whole(struct ts_relay *r)
{
    struct ts_buf answer = r->out;
    r->out = r->writer->last; /* empty, and of the same size */
    r->writer->last = answer;
    ts_writer_whole(r->writer, r->call, &r->out);
}

static bool needs_writing(const struct ts_relay *r)
{
    const struct ts_slice answer = {.at = ts_buf_text(&r->out), .len = r->out.len};
    return r->dialect->needs_writing != NULL && r->dialect->needs_writing(r->writer, answer);
}

/* Puts the end of the answer where it is held. */
static bool prepare_end(struct ts_relay *r)
{
    struct ts_slice written;
    switch (r->way) {
    case RELAY_PASS:
        return true;
    case RELAY_TRANSLATE:
        ts_buf_clear(&r->out);
        ts_writer_end(r->writer, r->call, &r->out);
        written = (struct ts_slice){.at = r->out.data, .len = r->out.len};
        ts_gate_keep(&r->gate, written);
        return ts_buf_ok(&r->out);
    case RELAY_FOLD:
        ts_buf_clear(&r->out);
        ts_writer_whole(r->writer, r->call, &r->out);
        return ts_buf_ok(&r->out);
    case RELAY_WHOLE:
        if (r->try.endpoint->dialect != r->dialect || needs_writing(r))
            translate_whole(r);
        return ts_buf_ok(&r->out);
    }
    abort();
}

void ts_relay_succeed(struct ts_relay *r)
{
    ts_relay_fill_record(r, TS_OUTCOME_DONE, NULL, r->read_us);
    if (r->state == RELAY_WAITING) /* an answer without a word is one, too */
        ts_relay_is_well(r);
    if (r->stream)
        open_stream(r);
    bool prepared = prepare_end(r);
    const char *trouble = r->writer != NULL ? r->writer->trouble : NULL;
    if (!prepared || trouble != NULL) {
        struct ts_error err = TS_ERROR_INIT;
        struct ts_refusal refusal = {.cause = prepared ? TS_ERR_UPSTREAM_INVALID : TS_ERR_NOMEM};
        (void)ts_fail(
            &err, refusal.cause, "%s", prepared ? trouble : "no memory for the end of the answer");
        ts_relay_fail_try(r, refusal, &err);
        return;
    }
    enter_holding(r);
}

/* -- failure ----------------------------------------------------------------------------------- */

static enum ts_outcome outcome_of(enum ts_err cause)
{
    if (cause == TS_ERR_UPSTREAM_TIMEOUT)
        return TS_OUTCOME_TIMEOUT;
    return cause == TS_ERR_UPSTREAM_INTERRUPTED ? TS_OUTCOME_UPSTREAM_CUT
                                                : TS_OUTCOME_UPSTREAM_ERROR;
}

/* As a whole answer where nothing was sent yet. */
static void keep_error(struct ts_relay *r, const struct ts_error *err, int client_status)
{
    if (!r->begun) {
        ts_relay_keep_refusal(r, err, client_status);
        return;
    }
    ts_gate_open(&r->gate);
    ts_relay_keep_error(r, err);
}

/* The call ends with an error: @err goes into the record, @told to the client in its dialect. */
static void end_with(struct ts_relay *r,
                     const struct ts_error *err,
                     const struct ts_error *told,
                     int client_status)
{
    ts_relay_fill_record(r, outcome_of(err->code), err, ts_now_us());
    keep_error(r, told, client_status);
    enter_holding(r);
}

/* Servers that had no place say little beside one that failed in another way. */
static bool find_real_failure(const struct ts_relay *r, struct ts_error *err)
{
    for (int i = r->call->attempt_count - 1; i >= 0; i--) {
        const struct ts_attempt *a = &r->call->attempts[i];
        if (a->cause == TS_ERR_UPSTREAM_RATE_LIMITED)
            continue;
        (void)ts_fail(err, a->cause, "%s", a->error_text != NULL ? a->error_text : "");
        return true;
    }
    return false;
}

/* The bytes that a failed try has brought are forgotten. */
static void forget_answer(struct ts_relay *r)
{
    ts_gate_reset(&r->gate);
    ts_buf_clear(&r->out);
    ts_buf_clear(&r->answer);
    if (r->writer != NULL)
        ts_writer_reset(r->writer);
}

/* What a failure tells about its server. */
static enum ts_sign sign_of(const struct ts_relay *r, const struct ts_refusal *refusal)
{
    if (r->state != RELAY_WAITING || refusal->cause == TS_ERR_UPSTREAM_TIMEOUT ||
        refusal->cause == TS_ERR_UPSTREAM_RATE_LIMITED || refusal->cause == TS_ERR_NOMEM)
        return TS_SIGN_NONE;
    return refusal->retryable ? TS_SIGN_FAILED : TS_SIGN_ALIVE; /* it judged the request */
}

static bool go_on(struct ts_relay *r, const struct ts_error *err)
{
    struct ts_error why_not = TS_ERROR_INIT;
    int64_t now_us = ts_now_us();
    bool asked = r->try.begun_us != 0;
    if (asked && !ts_relay_note_attempt(r, &r->try, err, now_us))
        return false;
    forget_answer(r);
    r->ready_us = now_us;
    struct relay_try failed = r->try; /* what is known of it; it holds nothing else any more */
    r->try.passed = (struct ts_buf){0};
    ts_relay_note_slow(r, err->code, now_us - r->try.begun_us);
    if (ts_relay_next(r, &why_not)) {
        ts_buf_free(&failed.passed);
        return true;
    }
    r->try = failed;
    if (asked)
        r->call->attempt_count--; /* nothing rescued it: it is the call itself */
    return false;
}

void ts_relay_fail_try(struct ts_relay *r, struct ts_refusal refusal, const struct ts_error *err)
{
    struct ts_error told = *err;
    bool in_time = r->deadline_us == 0 || ts_now_us() < r->deadline_us;
    r->cause = refusal.cause;
    ts_relay_close_try(r);
    ts_relay_leave(r, sign_of(r, &refusal));
    if (r->state == RELAY_WAITING && refusal.retryable && in_time && go_on(r, err))
        return;
    if (refusal.cause == TS_ERR_UPSTREAM_RATE_LIMITED)
        (void)find_real_failure(r, &told);
    end_with(r, err, &told, refusal.client_status);
}

void ts_relay_give_up(struct ts_relay *r, const struct ts_error *err)
{
    struct ts_error last = *err;
    struct ts_error told = TS_ERROR_INIT;
    if (r->tries > 0 && r->call->attempt_count > 0) {
        const struct ts_attempt *a = &r->call->attempts[--r->call->attempt_count];
        (void)ts_fail(&last, a->cause, "%s", a->error_text != NULL ? a->error_text : "");
    }
    told = last;
    if (last.code == TS_ERR_UPSTREAM_RATE_LIMITED)
        (void)find_real_failure(r, &told);
    end_with(r, &last, &told, 0);
}

/* -- the timer --------------------------------------------------------------------------------- */

static void on_timer(struct ts_timer *t)
{
    struct ts_relay *r = TS_CONTAINER(t, struct ts_relay, timer);
    int64_t now_us = ts_now_us();
    r->read_us = now_us;
    if (r->state == RELAY_WAITING || r->state == RELAY_STREAMING) {
        ts_relay_check_deadlines(r, now_us);
    } else if (r->state == RELAY_HOLDING && now_us >= r->hold_until_us) {
        ts_log(TS_LOG_WARN, "a row was not stored in time; its call ends without it");
        ts_relay_finish_client(r);
        enter_done(r);
    }
    if (r->state != RELAY_DONE)
        ts_relay_arm(r);
}

/* -- the client -------------------------------------------------------------------------------- */

static void on_gone(void *ctx)
{
    struct ts_relay *r = ctx;
    r->client = NULL;
    r->gate.client = NULL;
    if (r->state == RELAY_WAITING || r->state == RELAY_STREAMING) {
        ts_relay_fill_record(r, TS_OUTCOME_CANCELLED, NULL, ts_now_us());
        hand_over(r);
        enter_done(r);
    } else if (r->state == RELAY_HOLDING) {
        enter_done(r);
    }
}

static void on_drained(void *ctx)
{
    struct ts_relay *r = ctx;
    if (!r->paused)
        return;
    r->paused = false;
    ts_tap_skip(&r->try.tap, ts_now_us());
    if (r->try.fetch != NULL)
        ts_fetch_resume(r->try.fetch);
    if (r->state == RELAY_STREAMING)
        ts_relay_arm(r);
}

void ts_relay_abort(struct ts_relay *r, enum ts_err why)
{
    struct ts_error err = TS_ERROR_INIT;
    if (r->state != RELAY_WAITING && r->state != RELAY_STREAMING)
        return;
    (void)ts_fail(&err, why, "the call was ended by the server");
    ts_relay_fill_record(r, TS_OUTCOME_CANCELLED, &err, ts_now_us());
    keep_error(r, &err, 0);
    enter_holding(r);
}

/* -- the beginning ----------------------------------------------------------------------------- */

static struct ts_relay *relay_new(struct ts_relay_env *env,
                                  const struct ts_relay_start *s,
                                  struct ts_client *client)
{
    struct ts_relay *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->env = env;
    r->client = client;
    r->dialect = s->request->dialect;
    r->request = s->request;
    r->call = s->call;
    r->id = s->call->id;
    (void)ts_id_format(r->id, env->id_tag, r->public_id);
    r->targets = s->targets;
    r->stream = s->request->stream;
    r->recorded = env->tracking && s->request->has_prompt;
    r->wants_usage = s->request->include_usage;
    r->release_body = s->release_body;
    r->ended = s->ended;
    r->outcome = TS_OUTCOME_UPSTREAM_ERROR;
    r->ctx = s->ctx;
    r->timer.fn = on_timer;
    r->accepted_us = s->accepted_us;
    r->request_end_us = s->request_end_us;
    r->quiet_us = s->accepted_us;
    r->retry_after_ms = TS_UNKNOWN;
    r->ready_us = s->request_end_us;
    r->admission = (struct ts_admission){
        .registry = env->registry, .home = env->poller, .called = on_called, .waiter.who = s->who};
    r->phases = s->call->phases; /* unknown, all of them */
    r->status = 200;
    if (s->request->labels.timeout_ms > 0)
        r->deadline_us = s->accepted_us + s->request->labels.timeout_ms * us_per_ms;
    ts_gate_init(&r->gate, client);
    r->wanted = s->answer;
    r->answer = TS_BUF_INIT(r->wanted != NULL ? r->wanted->text.max : TS_MAX_CAPTURE_BYTES);
    r->out = TS_BUF_INIT(TS_MAX_FOLDED_BYTES + TS_MAX_EVENT_BYTES);
    return r;
}

/* Not even the relay itself could be made. */
static void refuse_start(const struct ts_relay_start *s, struct ts_client *client)
{
    const struct ts_error err = {.code = TS_ERR_NOMEM, .text = "out of memory"};
    const struct ts_head head = {.status = ts_err_status(TS_ERR_NOMEM),
                                 .content_type = "application/json"};
    TS_AUTO(ts_buf_free) struct ts_buf body = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
    ts_write_error_body(s->request->dialect->family, &err, NULL, &body);
    client->ops->respond(client, &head, ts_buf_text(&body), body.len);
    ts_genreq_deinit(s->request);
    free(s->request);
    ts_call_free(s->call);
}

/* No target could be asked at all, through no fault of theirs: the request is refused, and there is
 * no call to record. */
static void refuse_request(struct ts_relay *r, const struct ts_error *err)
{
    release_body(r);
    unlink_running(r);
    ts_relay_tell_refused(r, err->code);
    ts_relay_keep_refusal(r, err, 0);
    ts_relay_finish_client(r);
    enter_done(r);
}

struct ts_relay *ts_relay_start(struct ts_relay_env *env,
                                struct ts_relay_start *start,
                                struct ts_client *client)
{
    static const struct ts_client_events events = {on_gone, on_drained};
    struct ts_error err = TS_ERROR_INIT;
    assert(start->targets.count > 0);
    struct ts_relay *r = relay_new(env, start, client);
    if (r == NULL) {
        refuse_start(start, client);
        return NULL;
    }
    client->events = &events;
    client->events_ctx = r;
    link_running(r);
    ts_relay_aim(r, &r->targets.at[0]);
    bool goes = ts_relay_next(r, &err);
    if (!goes && err.code != TS_ERR_UPSTREAM_RATE_LIMITED) {
        refuse_request(r, &err);
        return r;
    }
    set_state(r, RELAY_WAITING);
    ts_relay_tell_started(r);
    if (goes)
        ts_relay_arm(r);
    else
        ts_relay_give_up(r, &err);
    return r;
}
