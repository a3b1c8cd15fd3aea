/*
 * POST /api/analytics/models/outcomes: calls that were made elsewhere; one object or an array of
 * them, all or nothing.
 *
 *     loop: accepted -> reader thread: body to calls -> loop -> writer: stored -> loop: answered
 *
 * A thousand calls take some milliseconds to read, and no loop waits so long.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/call_read.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

struct outcomes {
    struct ts_query reading;
    struct ts_store_import import;
    struct ts_exchange *x;
    int64_t now_ms;
    struct ts_call **calls; /* the store's once they are handed over */
};

static void free_outcomes(struct outcomes *o)
{
    for (int i = 0; i < o->import.count; i++)
        ts_call_free(o->calls[i]);
    free(o->calls);
    free(o);
}

/* -- on a reader thread ----------------------------------------------------------------------- */

static enum ts_err read_calls(struct outcomes *o, json_t *body, struct ts_error *err)
{
    bool many = json_is_array(body);
    size_t count = many ? json_array_size(body) : 1;
    if (count < 1 || count > TS_MAX_OUTCOMES_PER_REQUEST)
        return ts_fail(err,
                       TS_ERR_INVALID_FIELD,
                       "a report has 1 to %d calls, not %zu",
                       TS_MAX_OUTCOMES_PER_REQUEST,
                       count);
    o->calls = calloc(count, sizeof(struct ts_call *));
    if (o->calls == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a report");
    const struct ts_call_reader r = {.id_tag = o->x->services->id_tag, .now_ms = o->now_ms};
    for (size_t i = 0; i < count; i++) {
        json_t *value = many ? json_array_get(body, i) : body;
        enum ts_err rc = ts_call_read(&r, value, many ? (int)i : -1, &o->calls[i], err);
        if (rc != TS_OK)
            return rc;
        o->import.count++;
    }
    return TS_OK;
}

/* The body stays where it is until the exchange is answered. */
static enum ts_err read_body(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    (void)c; /* nothing of the file is needed: all readers have in common that they may take time */
    struct outcomes *o = TS_CONTAINER(q, struct outcomes, reading);
    json_auto_t *body = NULL;
    enum ts_err rc = ts_json_parse(o->x->body.at, o->x->body.len, &body, err);
    return rc == TS_OK ? read_calls(o, body, err) : rc;
}

/* -- on the loop ------------------------------------------------------------------------------ */

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
    import->count = 0; /* its calls are the store's */
    free_outcomes(o);
}

static void was_read(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct outcomes *o = TS_CONTAINER(q, struct outcomes, reading);
    if (q->result != TS_OK) {
        ts_reply_error(o->x, &q->error);
        free_outcomes(o);
        return;
    }
    o->import.calls = o->calls;
    o->import.job.post.fn = imported;
    o->import.job.home = o->x->poller;
    ts_store_import(o->x->services->store, &o->import);
}

void ts_handle_outcomes(struct ts_exchange *x)
{
    static const char *const no_args[] = {NULL};
    struct ts_error err = TS_ERROR_INIT;
    struct outcomes *o = NULL;
    enum ts_err rc = ts_args_check(x, no_args, &err);
    if (rc == TS_OK && (o = calloc(1, sizeof(*o))) == NULL)
        rc = ts_fail(&err, TS_ERR_NOMEM, "no memory for a report");
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    o->x = x;
    o->now_ms = ts_wall_ms();
    o->reading.run = read_body;
    o->reading.post.fn = was_read;
    o->reading.home = x->poller;
    ts_store_query(x->services->store, &o->reading);
}
