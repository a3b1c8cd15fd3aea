/* The record of a call, as the relay knows it at the end. */
#include <stdio.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "proxy/relay_impl.h"

static const char *copy(struct ts_call *call, const char *text)
{
    return ts_arena_str(&call->arena, text);
}

/* Bounded: the text has come from outside. */
static const char *copy_error(struct ts_call *call, const struct ts_error *err)
{
    struct ts_slice text = ts_slice_str(err->text);
    if (text.len > TS_MAX_ERROR_TEXT)
        text.len = TS_MAX_ERROR_TEXT;
    return text.len > 0 ? ts_arena_copy(&call->arena, text) : NULL;
}

bool ts_relay_note_attempt(struct ts_relay *r,
                           const struct relay_try *t,
                           const struct ts_error *err,
                           int64_t now_us)
{
    struct ts_call *call = r->call;
    struct ts_attempt *attempt = ts_call_add_attempt(call);
    if (attempt == NULL)
        return false;
    *attempt = (struct ts_attempt){
        .provider = copy(call, t->target->provider->name),
        .model = copy(call, t->target->model),
        .cause = err->code,
        .error_text = copy_error(call, err),
        .status = t->head_us != 0 ? t->status : TS_UNKNOWN,
        .duration_us = now_us - t->begun_us,
        .wait_us = 0, /* so far */
    };
    return true;
}

static void fill_labels(struct ts_relay *r)
{
    struct ts_call *call = r->call;
    const struct ts_target *t = r->try.target;
    call->provider = copy(call, t->provider->name);
    call->model = copy(call, t->model);
    call->simulated = t->provider->simulated;
    call->dialect = r->dialect->family;
    call->streamed = r->stream;
    struct ts_slice asked = ts_slice_str(r->request->model);
    if (call->requested_model == NULL && !ts_slice_is(asked, t->model))
        call->requested_model = copy(call, r->request->model);
}

void ts_relay_measure(const struct ts_relay *r, struct ts_phases *p)
{
    ts_tap_phases(&r->try.tap, r->accepted_us, p);
    p->queue_us = r->queue_us; /* here; what the server queues, it does not tell */
    p->connect_us = r->try.connect_us;
    p->first_byte_us = r->try.head_us != 0 ? r->try.head_us - r->accepted_us : TS_UNKNOWN;
    p->overhead_us = r->overhead_us;
}

/* A server's own word about its time is believed only as far as the call itself was that long. */
static void check_load(struct ts_relay *r, struct ts_phases *p, int64_t now_us)
{
    int64_t until_us = r->try.tap.first_us != 0 ? r->try.tap.first_us : now_us;
    if (p->load_us > until_us - r->try.begun_us)
        p->load_us = TS_UNKNOWN;
}

/* How much of the server's time was for this call. */
static int64_t share_us(const struct ts_relay *r)
{
    if (r->try.begun_us == 0) /* it has never been asked */
        return 0;
    return ts_registry_share_us(r->env->registry, r->try.target->provider->index) -
           r->try.share_from_us;
}

static void fill_answer(struct ts_relay *r)
{
    struct ts_call *call = r->call;
    struct ts_slice text = {.at = r->answer.data, .len = r->answer.len};
    text.len = ts_utf8_cut(text.at, text.len, TS_MAX_CAPTURE_BYTES);
    if (text.len > 0 && r->env->keeps_answers)
        call->answer_text = ts_arena_copy(&call->arena, text);
    if (r->env->keeps_answers)
        call->text_cut = call->text_cut || !ts_buf_ok(&r->answer) || text.len < r->answer.len;
    if (r->wanted == NULL)
        ts_buf_free(&r->answer);
}

/* Who else wants the answer gets it, with who gave it. */
static void give_answer(struct ts_relay *r)
{
    struct ts_relay_answer *to = r->wanted;
    const struct ts_call *call = r->call;
    if (to == NULL)
        return;
    ts_buf_free(&to->text);
    to->text = r->answer;
    r->answer = TS_BUF_INIT(TS_MAX_CAPTURE_BYTES);
    to->total_us = call->phases.total_us;
    (void)snprintf(to->provider, sizeof(to->provider), "%s", call->provider);
    (void)snprintf(to->model, sizeof(to->model), "%s", call->model);
    (void)snprintf(
        to->error, sizeof(to->error), "%s", call->error_text != NULL ? call->error_text : "");
}

void ts_relay_fill_record(struct ts_relay *r,
                          enum ts_outcome outcome,
                          const struct ts_error *err,
                          int64_t now_us)
{
    struct ts_call *call = r->call;
    struct ts_phases *p = &call->phases;
    fill_labels(r);
    ts_tap_fill(&r->try.tap, r->accepted_us, call);
    call->outcome = r->outcome = outcome;
    call->error = err != NULL ? err->code : TS_OK;
    call->error_text = err != NULL ? copy_error(call, err) : NULL;
    ts_relay_measure(r, p);
    check_load(r, p, now_us);
    p->total_us = now_us - r->accepted_us;
    call->cold = ts_phases_cold(p);
    r->phases = *p;
    fill_answer(r);
    give_answer(r);
    call->cost_nano_usd =
        ts_registry_cost(r->env->registry, r->try.target->provider, call, share_us(r));
}
