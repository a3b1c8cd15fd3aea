/* A slice of the calls, fed row by row to an aggregate. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/id.h"
#include "db/filter.h"
#include "db/parts.h"
#include "db/query.h"

enum { SERIES_MAX_BYTES = 64 * 1024 * 1024, SERIES_FIRST = 256 };

/* The series by number, so that the loop over the calls joins nothing. */
struct series {
    const char *provider; /* NULL: no series of that number */
    const char *model;
    const char *task_type;
    enum ts_complexity complexity;
    bool wanted;
};

struct series_list {
    struct ts_arena text;
    struct series *at;
    size_t count;
};

static void series_free(struct series_list *l)
{
    ts_arena_free(&l->text);
    free(l->at);
}

static bool matches(const char *filter, const char *value)
{
    return filter == NULL || strcmp(filter, value) == 0;
}

static bool complexity_matches(const char *filter, enum ts_complexity c)
{
    const char *name = ts_complexity_name(c);
    return filter == NULL || (name != NULL && strcmp(filter, name) == 0);
}

static enum ts_err series_grow(struct series_list *l, size_t need, struct ts_error *err)
{
    size_t count = l->count == 0 ? SERIES_FIRST : l->count;
    while (count < need)
        count *= 2;
    if (count == l->count)
        return TS_OK;
    struct series *at = realloc(l->at, count * sizeof(*at));
    if (at == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the names of the models");
    memset(at + l->count, 0, (count - l->count) * sizeof(*at));
    l->at = at;
    l->count = count;
    return TS_OK;
}

static enum ts_err series_add(struct series_list *l,
                              struct ts_stmt *s,
                              const struct ts_call_filter *f,
                              struct ts_error *err)
{
    int64_t id = ts_col_i64(s);
    if (id < 0 || id > SERIES_MAX_BYTES / (int64_t)sizeof(struct series))
        return ts_fail(
            err, TS_ERR_STORAGE_UNAVAILABLE, "series %lld is out of range", (long long)id);
    enum ts_err e = series_grow(l, (size_t)id + 1, err);
    if (e != TS_OK)
        return e;
    struct series row = {
        .provider = ts_arena_str(&l->text, ts_col_text(s)),
        .model = ts_arena_str(&l->text, ts_col_text(s)),
        .task_type = ts_arena_str(&l->text, ts_col_text(s)),
        .complexity = (enum ts_complexity)ts_col_i64(s),
    };
    if (row.provider == NULL || row.model == NULL || row.task_type == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the names of the models");
    row.wanted = matches(f->provider, row.provider) && matches(f->model, row.model) &&
                 matches(f->task_type, row.task_type) &&
                 complexity_matches(f->complexity, row.complexity);
    l->at[id] = row;
    return TS_OK;
}

static enum ts_err series_load(struct ts_conn *c,
                               const struct ts_call_filter *f,
                               struct series_list *l,
                               struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_SERIES_ALL);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW)
        e = series_add(l, &s, f, err);
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}

static const struct series *series_of(const struct series_list *l, int64_t id)
{
    return id >= 0 && (size_t)id < l->count && l->at[id].provider != NULL ? &l->at[id] : NULL;
}

static enum ts_err feed_calls(struct ts_conn *c,
                              const struct ts_call_filter *f,
                              const struct series_list *l,
                              struct ts_aggregate *agg,
                              struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_CALLS_IN_WINDOW);
    ts_filter_bind(&s, f, ts_id_from_ms(f->from_ms), ts_id_from_ms(f->to_ms));
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        int64_t id = ts_col_i64(&s);
        const struct series *of = series_of(l, ts_col_i64(&s));
        if (of == NULL || !of->wanted)
            continue;
        struct ts_agg_row row = {
            .id = id,
            .model = of->model,
            .provider = of->provider,
            .task_type = of->task_type,
            .complexity = of->complexity,
            .outcome = (enum ts_outcome)ts_col_i64(&s),
            .rating = (int)ts_col_i64(&s),
            .response_us = ts_col_known(&s),
            .ttft_us = ts_col_known(&s),
            .decode_us = ts_col_known(&s),
            .input_tokens = ts_col_known(&s),
            .output_tokens = ts_col_known(&s),
            .unsplit_tokens = ts_col_known(&s),
            .cost_nano_usd = ts_col_known(&s),
        };
        e = ts_aggregate_add(agg, &row);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}

/* The model and provider asked for are those of the attempt, all else is the call's. */
static enum ts_err feed_attempts(struct ts_conn *c,
                                 const struct ts_call_filter *f,
                                 const struct series_list *l,
                                 struct ts_aggregate *agg,
                                 struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_ATTEMPTS_IN_WINDOW);
    ts_filter_bind(&s, f, ts_id_from_ms(f->from_ms), ts_id_from_ms(f->to_ms));
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        struct ts_agg_row row = {.id = ts_col_i64(&s)};
        const struct series *of = series_of(l, ts_col_i64(&s));
        row.provider = ts_col_text(&s);
        row.model = ts_col_text(&s);
        if (of == NULL || !matches(f->provider, row.provider) || !matches(f->model, row.model) ||
            !matches(f->task_type, of->task_type) ||
            !complexity_matches(f->complexity, of->complexity))
            continue;
        row.task_type = of->task_type;
        row.complexity = of->complexity;
        row.outcome = TS_OUTCOME_UPSTREAM_ERROR;
        row.response_us = row.ttft_us = row.decode_us = TS_UNKNOWN;
        row.input_tokens = row.output_tokens = row.unsplit_tokens = TS_UNKNOWN;
        row.cost_nano_usd = TS_UNKNOWN;
        e = ts_aggregate_attempt(agg, &row);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}

enum ts_err ts_query_calls(struct ts_reader_conn *c,
                           const struct ts_call_filter *f,
                           struct ts_aggregate *agg,
                           struct ts_error *err)
{
    TS_AUTO(series_free)
    struct series_list series = {.text = TS_ARENA_INIT(SERIES_MAX_BYTES)};
    enum ts_err e = series_load(c->conn, f, &series, err);
    if (e == TS_OK)
        e = feed_calls(c->conn, f, &series, agg, err);
    if (e == TS_OK)
        e = feed_attempts(c->conn, f, &series, agg, err);
    return e;
}
