/* POST /api/analytics/models/outcomes: calls that were made elsewhere; one object or an array of
 * them, all or nothing. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/call_read.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

struct outcomes {
    struct ts_store_import import;
    struct ts_exchange *x;
    struct ts_call *calls[]; /* the store's once it is handed over */
};

static void free_outcomes(struct outcomes *o)
{
    if (o == NULL)
        return;
    for (int i = 0; i < o->import.count; i++)
        ts_call_free(o->calls[i]);
    free(o);
}
TS_DEFINE_AUTO(free_outcomes_auto, struct outcomes, free_outcomes)

static enum ts_err read_report(struct ts_exchange *x,
                               json_t *body,
                               struct outcomes **out,
                               struct ts_error *err)
{
    bool many = json_is_array(body);
    size_t count = many ? json_array_size(body) : 1;
    if (count < 1 || count > TS_MAX_OUTCOMES_PER_REQUEST)
        return ts_fail(err,
                       TS_ERR_INVALID_FIELD,
                       "a report has 1 to %d calls, not %zu",
                       TS_MAX_OUTCOMES_PER_REQUEST,
                       count);
    TS_AUTO(free_outcomes_auto)
    struct outcomes *o = calloc(1, sizeof(*o) + count * sizeof(struct ts_call *));
    if (o == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a report");
    o->x = x;
    o->import.calls = o->calls;
    const struct ts_call_reader r = {.id_tag = x->services->id_tag, .now_ms = ts_wall_ms()};
    for (size_t i = 0; i < count; i++) {
        json_t *value = many ? json_array_get(body, i) : body;
        enum ts_err rc = ts_call_read(&r, value, many ? (int)i : -1, &o->calls[i], err);
        if (rc != TS_OK)
            return rc;
        o->import.count++;
    }
    *out = TS_TAKE(o);
    return TS_OK;
}

static void imported(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_import *import = TS_CONTAINER(job, struct ts_store_import, job);
    struct outcomes *o = TS_CONTAINER(import, struct outcomes, import);
    if (job->result == TS_OK)
        ts_reply_json(
            o->x,
            200,
            json_pack(
                "{s:i, s:i}", "accepted", import->accepted, "duplicates", import->duplicates));
    else
        ts_reply_error(o->x, &job->error);
    free(o); /* its calls are the store's */
}

void ts_handle_outcomes(struct ts_exchange *x)
{
    static const char *const no_args[] = {NULL};
    struct ts_error err = TS_ERROR_INIT;
    json_auto_t *body = NULL;
    struct outcomes *o = NULL;
    enum ts_err rc = ts_args_check(x, no_args, &err);
    if (rc == TS_OK)
        rc = ts_json_parse(x->body.at, x->body.len, &body, &err);
    if (rc == TS_OK)
        rc = read_report(x, body, &o, &err);
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    o->import.job.post.fn = imported;
    o->import.job.home = x->poller;
    ts_store_import(x->services->store, &o->import);
}
