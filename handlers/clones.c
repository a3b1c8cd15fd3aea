/* /api/clones: attempts to make a website anew, with their files. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/clone_args.h"
#include "handlers/clone_quality.h"
#include "handlers/clone_read.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

static const char *const no_args[] = {NULL};

/* -- the list ---------------------------------------------------------------------------------- */

struct clone_list {
    struct ts_ask ask;
    struct ts_clone_filter filter;
    struct ts_clone_page page;
    char url[TS_MAX_URL + 1];
    char domain[TS_MAX_URL + 1];
};

static void free_list(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct clone_list, ask));
}

static enum ts_err ask_list(struct ts_ask *a,
                            struct ts_reader_conn *c,
                            json_t **out,
                            struct ts_error *err)
{
    struct clone_list *q = TS_CONTAINER(a, struct clone_list, ask);
    json_t *rows = NULL;
    enum ts_err rc = ts_query_clones(c, &q->filter, a->x->services->id_tag, &q->page, &rows, err);
    if (rc != TS_OK)
        return rc;
    *out = ts_clone_page_json("clones", rows, &q->page);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the list");
}

static enum ts_err read_list(const struct ts_exchange *x,
                             struct clone_list *q,
                             struct ts_error *err)
{
    static const char *const allowed[] = {
        "model", "provider", "url", "website_id", "status", "limit", "cursor", NULL};
    static const char *const statuses[] = {"success", "error", NULL};
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_clone_page_args(x, &q->page, err);
    if (rc == TS_OK)
        rc = ts_word_arg(x, "status", statuses, &q->filter.status, err);
    if (rc == TS_OK)
        rc = ts_arg_int(
            x, "website_id", (struct ts_whole){1, INT64_MAX, 0}, &q->filter.website_id, err);
    q->filter.model = ts_arg(x, "model");
    q->filter.provider = ts_arg(x, "provider");
    const char *url = ts_arg(x, "url");
    if (rc != TS_OK || url == NULL)
        return rc;
    q->filter.url = q->url;
    return ts_url_check(url, TS_ERR_INVALID_PARAMETER, "url", q->url, q->domain, err);
}

void ts_handle_clones(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct clone_list *q = calloc(1, sizeof(*q));
    enum ts_err rc =
        q != NULL ? read_list(x, q, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
    if (rc != TS_OK) {
        free(q);
        ts_reply_error(x, &err);
        return;
    }
    q->ask.ask = ask_list;
    q->ask.free = free_list;
    ts_ask_start(x, &q->ask);
}

/* -- one attempt, one file --------------------------------------------------------------------- */

struct one_clone {
    struct ts_ask ask;
    int64_t id;
};

static void free_one(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct one_clone, ask));
}

/* Below the base path, with a ticket; null where there is no page to show. */
static json_t *preview_path(const struct ts_services *services, const json_t *clone)
{
    char ticket[TS_PREVIEW_TICKET_SIZE];
    int64_t id = json_integer_value(json_object_get(clone, "id"));
    size_t i;
    json_t *file;
    ts_preview_ticket_write(services->preview_key, id, ts_wall_ms() + TS_PREVIEW_TICKET_MS, ticket);
    json_array_foreach(json_object_get(clone, "files"), i, file)
    {
        const char *type = json_string_value(json_object_get(file, "type"));
        if (type != NULL && strcmp(type, "html") == 0)
            return json_sprintf("/api/previews/%s", ticket);
    }
    return json_null();
}

static enum ts_err ask_one(struct ts_ask *a,
                           struct ts_reader_conn *c,
                           json_t **out,
                           struct ts_error *err)
{
    const struct one_clone *q = TS_CONTAINER(a, struct one_clone, ask);
    const struct ts_services *services = a->x->services;
    enum ts_err rc = ts_query_clone(c, q->id, services->id_tag, out, err);
    if (rc != TS_OK)
        return rc;
    if (json_object_set_new(*out, "previewPath", preview_path(services, *out)) == 0)
        return TS_OK;
    json_decref(*out);
    return ts_fail(err, TS_ERR_NOMEM, "no memory for a clone");
}

/* The path is that of the route's second part, which lives as long as the exchange. */
static enum ts_err ask_file(struct ts_ask *a,
                            struct ts_reader_conn *c,
                            json_t **out,
                            struct ts_error *err)
{
    const struct one_clone *q = TS_CONTAINER(a, struct one_clone, ask);
    return ts_query_code_file(c, q->id, a->x->params[1], out, err);
}

static void ask_of_one(
    struct ts_exchange *x,
    enum ts_err (*ask)(struct ts_ask *, struct ts_reader_conn *, json_t **, struct ts_error *))
{
    struct ts_error err = TS_ERROR_INIT;
    struct one_clone *q = calloc(1, sizeof(*q));
    enum ts_err rc =
        q != NULL ? ts_args_check(x, no_args, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory");
    if (rc == TS_OK)
        rc = ts_clone_id_arg(x, "clone attempt", &q->id, &err);
    if (rc != TS_OK) {
        free(q);
        ts_reply_error(x, &err);
        return;
    }
    q->ask.ask = ask;
    q->ask.free = free_one;
    ts_ask_start(x, &q->ask);
}

void ts_handle_clone(struct ts_exchange *x)
{
    ask_of_one(x, ask_one);
}

void ts_handle_clone_file(struct ts_exchange *x)
{
    ask_of_one(x, ask_file);
}

/* -- a new one --------------------------------------------------------------------------------- */

/* loop -> reader thread: the body is read -> loop -> writer: stored -> loop: answered
 *      -> reader thread: its code is judged -> writer: stored */
struct posted_clone {
    struct ts_query reading;
    struct ts_store_clone store;
    struct ts_clone_judging judging;
    struct ts_exchange *x;
    struct ts_clone_input in;
};

static void free_posted(struct posted_clone *p)
{
    ts_clone_input_deinit(&p->in);
    free(p);
}

static json_t *posted_json(const struct posted_clone *p)
{
    const struct ts_clone *c = &p->in.clone;
    return json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:i, s:o, s:o}",
                     "id",
                     (json_int_t)p->store.id,
                     "websiteId",
                     (json_int_t)p->store.website_id,
                     "url",
                     c->url,
                     "provider",
                     p->store.provider,
                     "model",
                     c->model,
                     "status",
                     c->success ? "success" : "error",
                     "fileCount",
                     c->file_count,
                     "codeSizeBytes",
                     ts_json_int(c->size_bytes),
                     "componentCount",
                     ts_json_int(c->components));
}

static void judged(struct ts_clone_judging *j)
{
    free_posted(TS_CONTAINER(j, struct posted_clone, judging));
}

static void stored(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_clone *c = TS_CONTAINER(job, struct ts_store_clone, job);
    struct posted_clone *p = TS_CONTAINER(c, struct posted_clone, store);
    const struct ts_services *services = p->x->services;
    if (job->result != TS_OK) {
        ts_reply_error(p->x, &job->error);
        free_posted(p);
        return;
    }
    ts_reply_json(p->x, 201, posted_json(p));
    p->judging.done = judged;
    ts_clone_judge(&p->judging, services, &p->in, c->id);
}

static enum ts_err read_body(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    (void)c;
    struct posted_clone *p = TS_CONTAINER(q, struct posted_clone, reading);
    enum ts_err rc = ts_clone_read(p->x->services, p->x->body, &p->in, err);
    return rc == TS_OK ? ts_clone_prejudge(&p->in, err) : rc;
}

static void was_read(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct posted_clone *p = TS_CONTAINER(q, struct posted_clone, reading);
    if (q->result != TS_OK) {
        ts_reply_error(p->x, &q->error);
        free_posted(p);
        return;
    }
    p->store.clone = &p->in.clone;
    p->store.job.post.fn = stored;
    p->store.job.home = p->x->poller;
    ts_store_clone(p->x->services->store, &p->store);
}

void ts_handle_clone_post(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct posted_clone *p = NULL;
    enum ts_err rc = ts_args_check(x, no_args, &err);
    if (rc == TS_OK && (p = calloc(1, sizeof(*p))) == NULL)
        rc = ts_fail(&err, TS_ERR_NOMEM, "no memory for a clone attempt");
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    p->x = x;
    p->reading.run = read_body;
    p->reading.post.fn = was_read;
    p->reading.home = x->poller;
    ts_store_query(x->services->store, &p->reading);
}

/* -- old ones and samples go ------------------------------------------------------------------- */

struct deletion {
    struct ts_store_clone_delete store;
    struct ts_exchange *x;
};

/* A step is done; until the last one it is put again. */
static void deleted(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_clone_delete *s = TS_CONTAINER(job, struct ts_store_clone_delete, job);
    struct deletion *d = TS_CONTAINER(s, struct deletion, store);
    if (job->result == TS_OK && s->more) {
        ts_store_clone_delete(d->x->services->store, s);
        return;
    }
    if (job->result == TS_OK)
        ts_reply_json(d->x,
                      200,
                      json_pack("{s:{s:I, s:I, s:I}}",
                                "deleted",
                                "attempts",
                                (json_int_t)s->attempts,
                                "websites",
                                (json_int_t)s->websites,
                                "benchmarks",
                                (json_int_t)s->benchmarks));
    else
        ts_reply_error(d->x, &job->error);
    free(d);
}

static enum ts_err read_deletion(const struct ts_exchange *x,
                                 struct ts_store_clone_delete *d,
                                 struct ts_error *err)
{
    static const char *const allowed[] = {"older_than_days", "samples", NULL};
    static const char *const yes[] = {"true", NULL};
    const char *samples = NULL;
    int64_t days = 0;
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_arg_int(x, "older_than_days", (struct ts_whole){1, 36500, 0}, &days, err);
    if (rc == TS_OK)
        rc = ts_word_arg(x, "samples", yes, &samples, err);
    if (rc != TS_OK)
        return rc;
    d->samples = samples != NULL;
    d->before_ms = days > 0 ? ts_wall_ms() - days * TS_DAY_MS : TS_UNKNOWN;
    if (d->before_ms != TS_UNKNOWN && d->before_ms < 0)
        d->before_ms = 0;
    if ((days > 0) != d->samples)
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "older_than_days",
                         "older_than_days=N or samples=true is required, one of them: what is to "
                         "be deleted");
}

void ts_handle_clones_delete(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct deletion *d = calloc(1, sizeof(*d));
    enum ts_err rc =
        d != NULL ? read_deletion(x, &d->store, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory");
    if (rc != TS_OK) {
        free(d);
        ts_reply_error(x, &err);
        return;
    }
    d->x = x;
    d->store.job.post.fn = deleted;
    d->store.job.home = x->poller;
    ts_store_clone_delete(x->services->store, &d->store);
}
