#include "server/cleanup_verb.h"

#include "base/clock.h"
#include "base/json.h"

enum { LOOK_US = 100 * 1000 };

static enum ts_err read_days(const struct ts_verb_call *call, int64_t *out, struct ts_error *err)
{
    const json_t *days = json_object_get(call->request, "days");
    *out = 0;
    if (days == NULL || json_is_null(days))
        return TS_OK;
    *out = json_integer_value(days);
    if (json_is_integer(days) && *out >= 1 && *out <= TS_CLEANUP_DAYS_MAX)
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_FIELD,
                         "days",
                         "days is not a whole number from 1 to %d",
                         TS_CLEANUP_DAYS_MAX);
}

/* Until it is over, telling how far it is; calls it off where nobody waits any more. */
static void wait(struct ts_verb_call *call, struct ts_latch *latch, struct ts_store_cleanup *c)
{
    while (!ts_latch_wait_for(latch, LOOK_US)) {
        if (!ts_verb_progress(call, c->deleted, TS_UNKNOWN))
            c->stop = true;
    }
}

enum ts_err ts_cleanup_verb(struct ts_verb_call *call, struct ts_error *err)
{
    struct ts_latch latch;
    struct ts_store_cleanup c = {.job.latch = &latch};
    enum ts_err e = read_days(call, &c.keep_days, err);
    if (e != TS_OK)
        return e;
    ts_latch_init(&latch);
    ts_store_cleanup(call->env->store, &c);
    wait(call, &latch, &c);
    ts_latch_deinit(&latch);
    if (c.job.result != TS_OK)
        return ts_fail(err, c.job.result, "%s", c.job.error.text);
    if (c.stop)
        return ts_verb_left(err);
    char before[TS_RFC3339_SIZE];
    bool all = c.before_ms == TS_UNKNOWN;
    call->result = json_pack("{s:I, s:o}",
                             "deleted",
                             (json_int_t)c.deleted,
                             "before",
                             ts_json_text(all ? NULL : ts_rfc3339(c.before_ms, before)));
    return call->result != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to answer");
}
