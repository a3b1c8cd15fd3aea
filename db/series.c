#include "db/series.h"

#include <stdlib.h>
#include <string.h>

#include "db/cells.h"
#include "db/filter.h"

enum { SERIES_FIRST = 256 };

void ts_series_free(struct ts_series_list *l)
{
    free(l->at);
}

static bool matches(const char *filter, const char *value)
{
    return filter == NULL || (value != NULL && strcmp(filter, value) == 0);
}

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for the names of the models");
}

static enum ts_err grow(struct ts_series_list *l, size_t need, struct ts_error *err)
{
    size_t count = l->count == 0 ? SERIES_FIRST : l->count;
    while (count < need)
        count *= 2;
    if (count == l->count)
        return TS_OK;
    struct ts_series *at = realloc(l->at, count * sizeof(*at));
    if (at == NULL)
        return no_memory(err);
    memset(at + l->count, 0, (count - l->count) * sizeof(*at));
    l->at = at;
    l->count = count;
    return TS_OK;
}

static enum ts_err add(struct ts_series_list *l,
                       struct ts_stmt *s,
                       const struct ts_call_filter *f,
                       struct ts_aggregate *agg,
                       struct ts_error *err)
{
    int64_t id = ts_col_i64(s);
    if (id < 0 || id > TS_SERIES_ID_MAX)
        return ts_fail(
            err, TS_ERR_STORAGE_UNAVAILABLE, "series %lld is out of range", (long long)id);
    enum ts_err e = grow(l, (size_t)id + 1, err);
    if (e != TS_OK)
        return e;
    struct ts_agg_names names;
    names.provider = ts_col_text(s);
    names.model = ts_col_text(s);
    names.task_type = ts_col_text(s);
    const char *complexity = ts_complexity_name((enum ts_complexity)ts_col_i64(s));
    struct ts_series *series = &l->at[id];
    series->first = ts_col_i64(s) != 0;
    series->known = true;
    l->known++;
    if (!matches(f->provider, names.provider) || !matches(f->model, names.model) ||
        !matches(f->task_type, names.task_type) || !matches(f->complexity, complexity))
        return TS_OK;
    series->wanted = true;
    l->wanted++;
    return ts_aggregate_series(agg, &names, &series->number) == TS_OK ? TS_OK : no_memory(err);
}

enum ts_err ts_series_load(struct ts_conn *c,
                           const struct ts_call_filter *f,
                           struct ts_aggregate *agg,
                           struct ts_series_list *out,
                           struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_SERIES_ALL);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW)
        e = add(out, &s, f, agg, err);
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}
