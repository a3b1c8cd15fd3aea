/* What the relay tells those who watch. */
#include "base/clock.h"
#include "proxy/relay_impl.h"

static struct ts_call_view view(struct ts_relay *r)
{
    const struct ts_tap *tap = &r->try.tap;
    const struct ts_target *t = r->try.target;
    return (struct ts_call_view){
        .id = r->id,
        .public_id = r->public_id,
        .dialect = r->dialect->name,
        .provider = t->provider->name,
        .model = t->model,
        .requested_model = r->request->model,
        .task_type = r->call != NULL ? r->call->task_type : NULL,
        .complexity = r->call != NULL ? r->call->complexity : TS_COMPLEXITY_UNKNOWN,
        .stream = r->stream,
        .recorded = r->recorded,
        .attempts = r->tries,
        .elapsed_us = ts_now_us() - r->accepted_us,
        .ttft_us = tap->first_us != 0 ? tap->first_us - r->accepted_us : TS_UNKNOWN,
        .tokens = tap->events,
        .memory = &r->observed,
    };
}

void ts_relay_tell_started(struct ts_relay *r)
{
    const struct ts_observer *o = &r->env->observer;
    if (o->started == NULL || !r->request->has_prompt)
        return;
    struct ts_call_view v = view(r);
    o->started(o->ctx, &v);
}

void ts_relay_tell_progress(struct ts_relay *r)
{
    const struct ts_observer *o = &r->env->observer;
    if (r->read_us - r->told_us < TS_PROGRESS_EVERY_US || o->progress == NULL ||
        r->state != RELAY_STREAMING)
        return;
    r->told_us = r->read_us;
    struct ts_call_view v = view(r);
    o->progress(o->ctx, &v);
}

void ts_relay_tell_finished(struct ts_relay *r, const struct ts_call *call)
{
    const struct ts_observer *o = &r->env->observer;
    if (o->finished == NULL || !r->request->has_prompt)
        return;
    struct ts_call_view v = view(r);
    o->finished(o->ctx, &v, call);
}

void ts_relay_tell_refused(struct ts_relay *r, enum ts_err why)
{
    const struct ts_observer *o = &r->env->observer;
    if (o->refused != NULL)
        o->refused(o->ctx, why);
}
