/* GET /api/analytics/models/export?what=report: the benchmark report as a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "handlers/auto_model.h"
#include "handlers/filter.h"
#include "handlers/report.h"
#include "handlers/services.h"

enum { NAME_SIZE = 96 };

struct download {
    struct ts_query query;
    struct ts_exchange *x;
    struct ts_report_wish wish;
    struct ts_buf text;
};

static bool is_local(const void *registry, const char *provider)
{
    return ts_provider_is_local(registry, provider);
}

static enum ts_err run(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    struct download *d = TS_CONTAINER(q, struct download, query);
    return ts_report_make(c, &d->wish, &d->text, err);
}

static void reply(const struct download *d)
{
    static const struct {
        const char *extension;
        const char *content_type;
    } kinds[] = {
        [TS_REPORT_MD] = {"md", "text/markdown; charset=utf-8"},
        [TS_REPORT_HTML] = {"html", "text/html; charset=utf-8"},
    };
    char name[NAME_SIZE];
    char now[TS_RFC3339_SIZE];
    (void)snprintf(name,
                   sizeof(name),
                   "inline; filename=\"touchstone-report-%.10s.%s\"",
                   ts_rfc3339(d->wish.now_ms, now),
                   kinds[d->wish.format].extension);
    /* The page needs its own style and nothing else. */
    const struct ts_header headers[] = {
        {"Content-Disposition", name},
        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"},
        {NULL, NULL}};
    const struct ts_head head = {
        .status = 200, .content_type = kinds[d->wish.format].content_type, .headers = headers};
    d->x->ops->respond(d->x, &head, ts_buf_text(&d->text), d->text.len);
}

static void settled(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct download *d = TS_CONTAINER(q, struct download, query);
    if (q->result == TS_OK)
        reply(d);
    else
        ts_reply_error(d->x, &q->error);
    ts_buf_free(&d->text);
    free(d);
}

static enum ts_err read_format(const struct ts_exchange *x,
                               enum ts_report_format *out,
                               struct ts_error *err)
{
    static const char *const names[] = {
#define X(id, name) [TS_REPORT_##id] = name,
        TS_REPORT_FORMATS_TABLE(X)
#undef X
    };
    const char *text = ts_arg(x, "format");
    *out = TS_REPORT_MD;
    if (text == NULL)
        return TS_OK;
    for (int i = 0; i < TS_REPORT_COUNT_; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum ts_report_format)i;
            return TS_OK;
        }
    }
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "format",
                         "a report's format is md or html, not '%.40s'",
                         text);
}

static enum ts_err read_wish(const struct ts_exchange *x,
                             struct ts_report_wish *w,
                             struct ts_error *err)
{
    static const char *const allowed[] = {
        TS_FILTER_ARGS, "days", "from", "to", "format", "what", NULL};
    int64_t days = 0;
    *w = (struct ts_report_wish){
        .now_ms = ts_wall_ms(),
        .where = {.is_local = is_local, .ctx = x->services->registry},
        .limits = x->services->insight_limits,
        .version = x->services->version,
    };
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = read_format(x, &w->format, err);
    if (rc == TS_OK)
        rc = ts_filter_args(x, &w->filter, err);
    return rc == TS_OK ? ts_window_args(x, w->now_ms, &w->filter, &days, err) : rc;
}

void ts_report_download(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct download *d = calloc(1, sizeof(*d));
    enum ts_err rc = d != NULL ? read_wish(x, &d->wish, &err)
                               : ts_fail(&err, TS_ERR_NOMEM, "no memory for a report");
    if (rc != TS_OK) {
        free(d);
        ts_reply_error(x, &err);
        return;
    }
    d->x = x;
    d->text = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
    d->query.post.fn = settled;
    d->query.home = x->poller;
    d->query.run = run;
    ts_store_query(x->services->store, &d->query);
}
