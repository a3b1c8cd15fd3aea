#include "handlers/report.h"

#include "db/clone_query.h"

enum { FILTERS_MAX_BYTES = 4096, CLONES_MAX_BYTES = 1024 * 1024 };

enum grouping { ALL, BY_MODEL, BY_TASK, BY_MODEL_AND_TASK, GROUPINGS };

static enum ts_err collect(struct ts_reader_conn *c,
                           const struct ts_report_wish *w,
                           struct ts_aggregate **out,
                           struct ts_error *err)
{
    static const unsigned groupings[GROUPINGS] = {
        [ALL] = 0,
        [BY_MODEL] = TS_BY_MODEL,
        [BY_TASK] = TS_BY_TASK,
        [BY_MODEL_AND_TASK] = TS_BY_MODEL | TS_BY_TASK,
    };
    int64_t judged_ms = w->filter.to_ms < w->now_ms ? w->filter.to_ms : w->now_ms;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    if (ts_aggregate_new(groupings, GROUPINGS, judged_ms, NULL, NULL, &a) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    enum ts_err e = ts_query_calls(c, &w->filter, a, err);
    if (e != TS_OK)
        return e;
    if (ts_aggregate_finish(a) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    *out = TS_TAKE(a);
    return TS_OK;
}

static struct ts_groups groups(const struct ts_aggregate *a, enum grouping which)
{
    struct ts_groups g;
    g.at = ts_aggregate_groups(a, (int)which, &g.count);
    return g;
}

/* "task type coding, model llama3.2:7b" */
static void name_filters(const struct ts_call_filter *f, struct ts_buf *out)
{
    const struct {
        const char *name;
        const char *value;
    } filters[] = {
        {"model", f->model},
        {"provider", f->provider},
        {"task type", f->task_type},
        {"complexity", f->complexity},
        {"user", f->user},
        {"user segment", f->user_segment},
        {f->tag_key, f->tag_value},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(filters); i++) {
        if (filters[i].name != NULL && filters[i].value != NULL)
            ts_buf_printf(
                out, "%s%s %s", out->len > 0 ? ", " : "", filters[i].name, filters[i].value);
    }
}

static enum ts_err write(const struct ts_report *r,
                         enum ts_report_format format,
                         struct ts_buf *out,
                         struct ts_error *err)
{
    TS_AUTO(ts_document_free) struct ts_document d = TS_DOCUMENT_INIT(TS_REPORT_MAX_BYTES);
    ts_report_write(r, &d);
    switch (format) {
    case TS_REPORT_MD:
        ts_document_markdown(&d, out);
        break;
    case TS_REPORT_HTML:
        ts_document_html(&d, out);
        break;
    case TS_REPORT_COUNT_:
        break;
    }
    return ts_document_ok(&d) && ts_buf_ok(out)
               ? TS_OK
               : ts_fail(err, TS_ERR_NOMEM, "no memory for the report");
}

enum ts_err ts_report_make(struct ts_reader_conn *c,
                           const struct ts_report_wish *w,
                           struct ts_buf *out,
                           struct ts_error *err)
{
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    TS_AUTO(ts_buf_free) struct ts_buf filters = TS_BUF_INIT(FILTERS_MAX_BYTES);
    bool simulated = false;
    enum ts_err e = ts_query_simulated(c, &w->filter, &simulated, err);
    if (e == TS_OK)
        e = collect(c, w, &a, err);
    if (e != TS_OK)
        return e;
    struct ts_host host;
    ts_host_read("", &host);
    name_filters(&w->filter, &filters);
    TS_AUTO(ts_arena_free) struct ts_arena arena = TS_ARENA_INIT(CLONES_MAX_BYTES);
    struct ts_report r = {
        .from_ms = w->filter.from_ms,
        .to_ms = w->filter.to_ms,
        .made_ms = w->now_ms,
        .filters = filters.len > 0 ? ts_buf_text(&filters) : NULL,
        .simulated = simulated,
        .version = w->version,
        .host = &host,
        .all = groups(a, ALL),
        .models = groups(a, BY_MODEL),
        .by_task = groups(a, BY_MODEL_AND_TASK),
        .tasks = groups(a, BY_TASK),
        .where = w->where,
        .limits = w->limits,
    };
    e = ts_query_report_clones(c, &w->filter, &arena, &r, err);
    if (e != TS_OK)
        return e;
    return write(&r, w->format, out, err);
}
