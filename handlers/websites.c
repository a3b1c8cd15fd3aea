/* /api/websites: sites that models were to make anew, as they were scraped. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "handlers/clone_args.h"
#include "handlers/clone_read.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

static const char *const no_args[] = {NULL};

/* -- the list ---------------------------------------------------------------------------------- */

struct site_list {
    struct ts_ask ask;
    struct ts_website_filter filter;
    struct ts_clone_page page;
    char url[TS_MAX_URL + 1];
    char domain[TS_MAX_URL + 1];
};

static void free_list(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct site_list, ask));
}

static enum ts_err ask_list(struct ts_ask *a,
                            struct ts_reader_conn *c,
                            json_t **out,
                            struct ts_error *err)
{
    struct site_list *q = TS_CONTAINER(a, struct site_list, ask);
    json_t *rows = NULL;
    enum ts_err rc = ts_query_websites(c, &q->filter, &q->page, &rows, err);
    if (rc != TS_OK)
        return rc;
    *out = ts_clone_page_json("websites", rows, &q->page);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the list");
}

static enum ts_err read_complexity(const struct ts_exchange *x,
                                   struct ts_website_filter *f,
                                   struct ts_error *err)
{
    static const char *const words[] = {"simple", "medium", "complex", NULL};
    const char *given = NULL;
    enum ts_err rc = ts_word_arg(x, "complexity", words, &given, err);
    f->limits = x->services->site_limits;
    f->words_from = 0;
    f->words_to = INT64_MAX;
    if (rc != TS_OK || given == NULL)
        return rc;
    enum ts_complexity class = TS_COMPLEXITY_UNKNOWN;
    (void)ts_complexity_parse(ts_slice_str(given), &class);
    if (class == TS_COMPLEXITY_SIMPLE)
        f->words_to = f->limits.medium_from;
    if (class == TS_COMPLEXITY_MEDIUM) {
        f->words_from = f->limits.medium_from;
        f->words_to = f->limits.complex_from;
    }
    if (class == TS_COMPLEXITY_COMPLEX)
        f->words_from = f->limits.complex_from;
    return TS_OK;
}

static enum ts_err read_list(const struct ts_exchange *x, struct site_list *q, struct ts_error *err)
{
    static const char *const allowed[] = {
        "url", "domain", "status", "complexity", "limit", "cursor", NULL};
    static const char *const statuses[] = {"scraped", "processed", "cloned", NULL};
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_clone_page_args(x, &q->page, err);
    if (rc == TS_OK)
        rc = ts_word_arg(x, "status", statuses, &q->filter.status, err);
    if (rc == TS_OK)
        rc = read_complexity(x, &q->filter, err);
    q->filter.domain = ts_arg(x, "domain");
    const char *url = ts_arg(x, "url");
    if (rc != TS_OK || url == NULL)
        return rc;
    q->filter.url = q->url;
    return ts_url_check(url, TS_ERR_INVALID_PARAMETER, "url", q->url, q->domain, err);
}

void ts_handle_websites(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct site_list *q = calloc(1, sizeof(*q));
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

/* -- one site ---------------------------------------------------------------------------------- */

struct one_site {
    struct ts_ask ask;
    int64_t id;
};

static void free_one(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct one_site, ask));
}

static enum ts_err ask_one(struct ts_ask *a,
                           struct ts_reader_conn *c,
                           json_t **out,
                           struct ts_error *err)
{
    const struct one_site *q = TS_CONTAINER(a, struct one_site, ask);
    return ts_query_website(c, q->id, &a->x->services->site_limits, out, err);
}

void ts_handle_website(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct one_site *q = calloc(1, sizeof(*q));
    enum ts_err rc =
        q != NULL ? ts_args_check(x, no_args, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory");
    if (rc == TS_OK)
        rc = ts_clone_id_arg(x, "website", &q->id, &err);
    if (rc != TS_OK) {
        free(q);
        ts_reply_error(x, &err);
        return;
    }
    q->ask.ask = ask_one;
    q->ask.free = free_one;
    ts_ask_start(x, &q->ask);
}

/* -- a scraped one ----------------------------------------------------------------------------- */

/* loop -> reader thread: the body is read -> loop -> writer: stored -> loop: answered */
struct posted_site {
    struct ts_query reading;
    struct ts_store_website store;
    struct ts_exchange *x;
    struct ts_website_input in;
};

static void free_posted(struct posted_site *p)
{
    ts_website_input_deinit(&p->in);
    free(p);
}

static json_t *posted_json(const struct posted_site *p)
{
    const struct ts_website *w = &p->in.site;
    enum ts_complexity class = ts_site_complexity(&p->x->services->site_limits, w->word_count);
    return json_pack("{s:I, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:b}",
                     "id",
                     (json_int_t)p->store.id,
                     "url",
                     w->url,
                     "domain",
                     w->domain,
                     "title",
                     ts_json_text(w->title),
                     "status",
                     w->status,
                     "contentLength",
                     ts_json_int(w->content_length),
                     "wordCount",
                     ts_json_int(w->word_count),
                     "complexity",
                     ts_json_text(ts_complexity_name(class)),
                     "created",
                     p->store.created);
}

static void stored(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_website *w = TS_CONTAINER(job, struct ts_store_website, job);
    struct posted_site *p = TS_CONTAINER(w, struct posted_site, store);
    if (job->result == TS_OK)
        ts_reply_json(p->x, w->created ? 201 : 200, posted_json(p));
    else
        ts_reply_error(p->x, &job->error);
    free_posted(p);
}

static enum ts_err read_body(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    (void)c;
    struct posted_site *p = TS_CONTAINER(q, struct posted_site, reading);
    return ts_website_read(p->x->body, &p->in, err);
}

static void was_read(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct posted_site *p = TS_CONTAINER(q, struct posted_site, reading);
    if (q->result != TS_OK) {
        ts_reply_error(p->x, &q->error);
        free_posted(p);
        return;
    }
    p->store.site = &p->in.site;
    p->store.job.post.fn = stored;
    p->store.job.home = p->x->poller;
    ts_store_website(p->x->services->store, &p->store);
}

void ts_handle_website_post(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct posted_site *p = NULL;
    enum ts_err rc = ts_args_check(x, no_args, &err);
    if (rc == TS_OK && (p = calloc(1, sizeof(*p))) == NULL)
        rc = ts_fail(&err, TS_ERR_NOMEM, "no memory for a website");
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
