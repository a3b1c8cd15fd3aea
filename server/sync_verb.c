#include "server/sync_verb.h"

#include "db/sync.h"

static const char *text_of(const struct ts_verb_call *call, const char *name, struct ts_error *err)
{
    const char *text = json_string_value(json_object_get(call->request, name));
    if (text == NULL || *text == '\0')
        (void)ts_fail_param(err, TS_ERR_INVALID_FIELD, name, "%s is missing", name);
    return text != NULL && *text != '\0' ? text : NULL;
}

static int64_t number_of(const struct ts_verb_call *call, const char *name)
{
    return json_integer_value(json_object_get(call->request, name));
}

enum ts_err ts_sync_begin_verb(struct ts_verb_call *call, struct ts_error *err)
{
    struct ts_latch latch;
    struct ts_store_sync t = {.job.latch = &latch,
                              .target = text_of(call, "target", err),
                              .turn = number_of(call, "turn")};
    t.place = t.target != NULL ? text_of(call, "place", err) : NULL;
    if (t.place == NULL)
        return TS_ERR_INVALID_FIELD;
    ts_latch_init(&latch);
    ts_store_sync_begin(call->env->store, &t);
    ts_latch_wait(&latch);
    ts_latch_deinit(&latch);
    if (t.job.result != TS_OK)
        return ts_fail(err, t.job.result, "%s", t.job.error.text);
    call->result = json_pack("{s:b, s:I, s:I, s:I}",
                             "known",
                             t.known,
                             "mark",
                             (json_int_t)t.mark,
                             "seq",
                             (json_int_t)t.seq,
                             "turn",
                             (json_int_t)t.next_turn);
    return call->result != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to answer");
}

enum ts_err ts_sync_done_verb(struct ts_verb_call *call, struct ts_error *err)
{
    struct ts_store_sync_done d = {.target = text_of(call, "target", err),
                                   .turn = number_of(call, "turn"),
                                   .seq = number_of(call, "seq"),
                                   .more = true};
    if (d.target == NULL)
        return TS_ERR_INVALID_FIELD;
    while (d.more) {
        struct ts_latch latch;
        ts_latch_init(&latch);
        d.job = (struct ts_store_job){.latch = &latch};
        d.more = false;
        ts_store_sync_done(call->env->store, &d);
        ts_latch_wait(&latch);
        ts_latch_deinit(&latch);
        if (d.job.result != TS_OK)
            return ts_fail(err, d.job.result, "%s", d.job.error.text);
        if (!ts_verb_progress(call, 0, TS_UNKNOWN))
            return ts_verb_left(err);
    }
    return TS_OK;
}
