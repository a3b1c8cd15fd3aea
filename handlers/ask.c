/* Questions to the store: asked on a reader thread, answered on the loop. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "handlers/reply.h"
#include "handlers/services.h"

static enum ts_err run(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    struct ts_ask *a = TS_CONTAINER(q, struct ts_ask, query);
    json_auto_t *body = NULL;
    enum ts_err rc = a->ask(a, c, &body, err);
    if (rc != TS_OK)
        return rc;
    a->text = ts_json_dump(body);
    return a->text != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
}

static void reply_tagged(struct ts_ask *a)
{
    const struct ts_header headers[] = {{"ETag", a->etag}, {NULL, NULL}};
    const struct ts_head head = {
        .status = 200, .content_type = "application/json", .headers = headers};
    a->x->ops->respond(a->x, &head, a->text, strlen(a->text));
}

static void settled(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct ts_ask *a = TS_CONTAINER(q, struct ts_ask, query);
    if (q->result != TS_OK)
        ts_reply_error(a->x, &q->error);
    else if (a->etag[0] != '\0')
        reply_tagged(a);
    else
        ts_reply_text(a->x, 200, a->text);
    free(a->text);
    a->free(a);
}

void ts_ask_start(struct ts_exchange *x, struct ts_ask *a)
{
    a->x = x;
    a->text = NULL;
    a->query.post.fn = settled;
    a->query.home = x->poller;
    a->query.run = run;
    ts_store_query(x->services->store, &a->query);
}

void ts_ask_unless_known(struct ts_exchange *x, struct ts_ask *a, const struct ts_etag *etag)
{
    ts_etag_text(etag, a->etag);
    if (!ts_etag_matches(x, a->etag)) {
        ts_ask_start(x, a);
        return;
    }
    ts_reply_unchanged(x, a->etag);
    a->free(a);
}
