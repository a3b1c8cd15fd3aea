/*
 * GET /api/analytics/models/export: a file, however long, in bounded memory.
 *
 * A reader thread makes a page; it goes to the client; when the client has taken nearly all of it,
 * the next one is made. No transaction stays open for a slow client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "handlers/export.h"
#include "handlers/filter.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/report.h"
#include "handlers/services.h"

enum { NAME_SIZE = 128, MIN_SAMPLES_MAX = 1000000000 };

struct download {
    struct ts_query query;
    struct ts_exchange *x;
    struct ts_client *client;
    struct ts_export export;
    struct ts_buf page;
    bool begun;
    bool asking; /* the query is out */
    bool waits;  /* for the client to take what it has */
    bool gone;
};

static void free_download(struct download *d)
{
    ts_buf_free(&d->page);
    free(d);
}

/* The exchange is over. */
static void finish(struct download *d)
{
    d->x->ops->finish(d->x);
    free_download(d);
}

/* -- pages ------------------------------------------------------------------------------------- */

static enum ts_err run(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    struct download *d = TS_CONTAINER(q, struct download, query);
    return ts_export_more(&d->export, c, &d->page, err);
}

static void ask(struct download *d)
{
    ts_buf_clear(&d->page);
    d->asking = true;
    ts_store_query(d->x->services->store, &d->query);
}

static void begin(struct download *d)
{
    char name[NAME_SIZE];
    char now[TS_RFC3339_SIZE];
    enum ts_table_format format = d->export.table.format;
    (void)snprintf(name,
                   sizeof(name),
                   "attachment; filename=\"touchstone-%s-%.10s.%s\"",
                   ts_export_what_name(d->export.what),
                   ts_rfc3339(ts_wall_ms(), now),
                   ts_table_extension(format));
    const struct ts_header headers[] = {{"Content-Disposition", name}, {NULL, NULL}};
    const struct ts_head head = {
        .status = 200, .content_type = ts_table_content_type(format), .headers = headers};
    d->begun = true;
    d->client->ops->begin(d->client, &head);
}

/* A fault behind the first page can only be told by breaking off. */
static void fail(struct download *d)
{
    if (!d->begun) {
        ts_reply_error(d->x, &d->query.error);
        free_download(d);
        return;
    }
    d->client->ops->cut(d->client);
    finish(d);
}

static void settled(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct download *d = TS_CONTAINER(q, struct download, query);
    d->asking = false;
    if (d->gone) {
        finish(d);
        return;
    }
    if (q->result != TS_OK) {
        fail(d);
        return;
    }
    if (!d->begun)
        begin(d);
    bool only_head = d->x->method == TS_HEAD;
    if (!only_head)
        d->client->ops->write(d->client, ts_buf_text(&d->page), d->page.len);
    if (only_head || ts_export_is_done(&d->export)) {
        d->client->ops->end(d->client);
        finish(d);
        return;
    }
    d->waits = d->client->ops->pending(d->client) > TS_STREAM_LOW_BYTES;
    if (!d->waits)
        ask(d);
}

static void on_gone(void *ctx)
{
    struct download *d = ctx;
    d->gone = true;
    if (!d->asking)
        finish(d);
}

static void on_drained(void *ctx)
{
    struct download *d = ctx;
    if (!d->waits)
        return;
    d->waits = false;
    ask(d);
}

static const struct ts_client_events events = {.gone = on_gone, .drained = on_drained};

/* -- what is asked for ------------------------------------------------------------------------- */

static enum ts_err read_choice(const struct ts_exchange *x,
                               const char *key,
                               int (*find)(const char *name),
                               int *out,
                               struct ts_error *err)
{
    const char *text = ts_arg(x, key);
    int found = text != NULL ? find(text) : 0;
    if (found < 0)
        return ts_fail_param(err,
                             TS_ERR_INVALID_PARAMETER,
                             key,
                             "there is no %s '%.40s'; /openapi.json lists them",
                             key,
                             text);
    *out = found;
    return TS_OK;
}

static enum ts_err read_request(const struct ts_exchange *x,
                                struct ts_export *out,
                                struct ts_error *err)
{
    static const char *const allowed[] = {
        TS_FILTER_ARGS, "days", "from", "to", "format", "what", "min_samples", NULL};
    int format = 0;
    int what = 0;
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = read_choice(x, "format", ts_table_format_find, &format, err);
    if (rc == TS_OK)
        rc = read_choice(x, "what", ts_export_what_find, &what, err);
    if (rc == TS_OK)
        rc = ts_filter_args(x, &out->filter, err);
    if (rc == TS_OK)
        rc = ts_open_window_args(x, &out->filter, err);
    if (rc == TS_OK)
        rc = ts_arg_int(x,
                        "min_samples",
                        (struct ts_whole){1, MIN_SAMPLES_MAX, TS_EXPORT_MIN_SAMPLES},
                        &out->min_samples,
                        err);
    out->table.format = (enum ts_table_format)format;
    out->what = (enum ts_export_what)what;
    return rc;
}

void ts_handle_export(struct ts_exchange *x)
{
    const char *what = ts_arg(x, "what");
    if (what != NULL && strcmp(what, "report") == 0) {
        ts_report_download(x); /* one page, made whole, with formats of its own */
        return;
    }
    struct ts_error err = TS_ERROR_INIT;
    struct download *d = calloc(1, sizeof(*d));
    enum ts_err rc = d != NULL ? read_request(x, &d->export, &err)
                               : ts_fail(&err, TS_ERR_NOMEM, "no memory for an export");
    if (rc != TS_OK) {
        free(d);
        ts_reply_error(x, &err);
        return;
    }
    d->x = x;
    d->page = TS_BUF_INIT(TS_EXPORT_PAGE_MAX_BYTES);
    d->query.post.fn = settled;
    d->query.home = x->poller;
    d->query.run = run;
    d->client = x->ops->client(x);
    d->client->events = &events;
    d->client->events_ctx = d;
    ask(d);
}
