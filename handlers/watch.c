#include "handlers/watch.h"

static void on_finished(void *ctx, const struct ts_call_view *v, const struct ts_call *call)
{
    const struct ts_services *s = ctx;
    ts_meters_call(s->meters, v->dialect, call);
}

static void on_refused(void *ctx, enum ts_err why)
{
    const struct ts_services *s = ctx;
    ts_meters_refused(s->meters, why);
}

struct ts_observer ts_watch_calls(const struct ts_services *s)
{
    return (struct ts_observer){
        .finished = on_finished,
        .refused = on_refused,
        .ctx = (void *)(uintptr_t)s,
    };
}
