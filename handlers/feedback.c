/* POST /api/analytics/models/feedback: a thumb for a call. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "handlers/fields.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/running.h"
#include "handlers/services.h"

struct feedback {
    struct ts_store_rating rating;
    struct ts_exchange *x;
    json_t *body; /* the texts of the rating are its */
};

static void free_feedback(struct feedback *f)
{
    json_decref(f->body);
    free(f);
}

static enum ts_err find_by_id(const struct ts_exchange *x,
                              const char *text,
                              int64_t *id,
                              struct ts_error *err)
{
    uint64_t tag = 0;
    if (!ts_id_parse(text, strlen(text), id, &tag) || tag != x->services->id_tag)
        return ts_fail_param(err, TS_ERR_NOT_FOUND, "requestId", "there is no call '%.60s'", text);
    if (!ts_running_has(x->services->running, *id))
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_STILL_RUNNING,
                         "requestId",
                         "call %.60s is still running; rate it when it has ended",
                         text);
}

static enum ts_err read_rating(const struct ts_exchange *x,
                               struct feedback *f,
                               struct ts_error *err)
{
    static const char *const known[] = {
        "requestId", "messageId", "conversationId", "rating", "comment", NULL};
    struct ts_store_rating *r = &f->rating;
    struct ts_fields fields = ts_fields_of(f->body, -1, known, err);
    const char *request = ts_fields_text(&fields, "requestId", TS_MAX_LABEL);
    r->message_id = ts_fields_text(&fields, "messageId", TS_MAX_LABEL);
    r->conversation_id = ts_fields_text(&fields, "conversationId", TS_MAX_LABEL);
    r->comment = ts_fields_text(&fields, "comment", TS_MAX_COMMENT);
    ts_fields_require(&fields, "rating");
    r->rating = (int)ts_fields_int(&fields, "rating", -1, 1);
    int names = (request != NULL) + (r->message_id != NULL) + (r->conversation_id != NULL);
    if (fields.rc == TS_OK && names != 1)
        (void)ts_fields_fault(
            &fields, "requestId", "or messageId or conversationId is required, exactly one");
    if (fields.rc != TS_OK || request == NULL)
        return fields.rc;
    return find_by_id(x, request, &r->id, err);
}

static void rated(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_rating *r = TS_CONTAINER(job, struct ts_store_rating, job);
    struct feedback *f = TS_CONTAINER(r, struct feedback, rating);
    char id[TS_ID_TEXT_SIZE];
    if (job->result == TS_OK)
        ts_reply_json(f->x,
                      200,
                      json_pack("{s:s, s:i, s:i}",
                                "requestId",
                                ts_id_format(r->id, f->x->services->id_tag, id),
                                "rating",
                                r->rating,
                                "previousRating",
                                r->previous));
    else
        ts_reply_error(f->x, &job->error);
    free_feedback(f);
}

void ts_handle_feedback(struct ts_exchange *x)
{
    static const char *const no_args[] = {NULL};
    struct ts_error err = TS_ERROR_INIT;
    struct feedback *f = calloc(1, sizeof(*f));
    enum ts_err rc =
        f != NULL ? ts_args_check(x, no_args, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory");
    if (rc == TS_OK)
        rc = ts_json_parse(x->body.at, x->body.len, &f->body, &err);
    if (rc == TS_OK)
        rc = read_rating(x, f, &err);
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        if (f != NULL)
            free_feedback(f);
        return;
    }
    f->x = x;
    f->rating.job.post.fn = rated;
    f->rating.job.home = x->poller;
    ts_store_rate(x->services->store, &f->rating);
}
