/*
 * A slice of the calls, fed to an aggregate: from cells where the slice allows it (db/plan.h), else
 * row by row. All in the one read transaction of the query, so that cells and calls fit together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/filter.h"
#include "db/parts.h"
#include "db/plan.h"
#include "db/series.h"

enum {
    FEW_SERIES = 8,       /* fewer than one in so many: looked up one by one, not filtered out */
    DISTRUSTED_MAX = 16,  /* unreadable cells before the query gives up on cells */
    CALL_DAYS_MAX = 4096, /* days that are read from their calls */
};

/* What the file says about its cells, and what this query has found out about them. */
struct trust {
    int64_t whole_from_ms;
    int64_t call_days[CALL_DAYS_MAX + DISTRUSTED_MAX];
    int call_day_count;
    int distrusted;
    bool calls_only;
};

struct slice {
    struct ts_conn *conn;
    const struct ts_call_filter *filter;
    struct ts_aggregate *agg;
    struct ts_series_list series;
    int all_series; /* the aggregate's number for cells of all series */
    struct trust trust;
    int64_t bad_cells[DISTRUSTED_MAX]; /* that cannot be read, and cannot be done without */
    int64_t bad_cell;                  /* the last that could not be read; 0: none */
    struct ts_error *err;
};

/* -- calls ------------------------------------------------------------------------------------ */

/* Users, tags and the like are not in cells. */
static bool needs_calls(const struct ts_call_filter *f)
{
    return f->user != NULL || f->user_segment != NULL || f->outcome != NULL ||
           f->conversation_id != NULL || f->tag_key != NULL;
}

static enum ts_err feed_calls(struct slice *q, unsigned parts, int64_t from_ms, int64_t to_ms)
{
    bool filtered = needs_calls(q->filter);
    TS_LEASE(s, q->conn, filtered ? TS_SQL_CALLS_IN_WINDOW : TS_SQL_CALLS_BETWEEN);
    if (filtered) {
        ts_filter_bind(&s, q->filter, ts_id_from_ms(from_ms), ts_id_from_ms(to_ms));
    } else {
        ts_bind_i64(&s, ts_id_from_ms(from_ms));
        ts_bind_i64(&s, ts_id_from_ms(to_ms));
    }
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        struct ts_agg_row row;
        ts_row_read(&s, &row);
        const struct ts_series *of = ts_series_wanted(&q->series, row.series);
        if (of == NULL)
            continue;
        row.series = of->number;
        e = ts_aggregate_add(q->agg, parts, &row);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, q->err) : e;
}

/* The model and provider asked for are those of the attempt, all else is the call's. */
static enum ts_err feed_attempts(struct slice *q, unsigned parts, int64_t from_ms, int64_t to_ms)
{
    TS_LEASE(s, q->conn, TS_SQL_ATTEMPTS_IN_WINDOW);
    ts_filter_bind(&s, q->filter, ts_id_from_ms(from_ms), ts_id_from_ms(to_ms));
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        int64_t at_ms = ts_id_ms(ts_col_i64(&s));
        const struct ts_series *of = ts_series_wanted(&q->series, ts_col_i64(&s));
        if (of != NULL)
            e = ts_aggregate_attempt(q->agg, parts, of->number, at_ms);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, q->err) : e;
}

/* -- cells ------------------------------------------------------------------------------------ */

/* Of a row whose body is to be read next. INTERNAL: it cannot be. */
static enum ts_err feed_cell(
    struct slice *q, unsigned parts, int number, int64_t cell_id, struct ts_stmt *s)
{
    for (int i = 0; i < q->trust.distrusted; i++) {
        if (q->bad_cells[i] == cell_id)
            return TS_OK;
    }
    struct ts_cursor body = ts_col_blob(s);
    int64_t start_ms = ts_cell_start_ms(cell_id);
    int64_t middle_ms = start_ms + ts_resolution_ms((enum ts_resolution)(cell_id >> 56)) / 2;
    struct ts_digest_view view;
    enum ts_err e = TS_ERR_INTERNAL;
    if (ts_digest_view(body.at, ts_cursor_left(&body), start_ms, &view))
        e = ts_aggregate_add_cell(q->agg, parts, number, middle_ms, &view);
    if (e == TS_ERR_INTERNAL)
        q->bad_cell = cell_id;
    return e;
}

/* What is not asked by complexity is read from families; their numbers begin here. */
static int64_t kind_of_series(const struct slice *q)
{
    return q->filter->complexity == NULL ? TS_FAMILY : 0;
}

/* All series, or families, of a bucket. */
static enum ts_err feed_range(struct slice *q, unsigned parts, int64_t first_cell)
{
    int64_t kind = kind_of_series(q);
    TS_LEASE(s, q->conn, TS_SQL_CELLS_IN_RANGE);
    ts_bind_i64(&s, first_cell + kind + 1);
    ts_bind_i64(&s, first_cell + kind + TS_SERIES_ID_MAX);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        int64_t cell_id = ts_col_i64(&s);
        const struct ts_series *of = ts_series_wanted(&q->series, ts_cell_series(cell_id) - kind);
        if (of != NULL)
            e = feed_cell(q, parts, of->number, cell_id, &s);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, q->err) : e;
}

static enum ts_err feed_one(struct slice *q, unsigned parts, int64_t cell_id, int number)
{
    TS_LEASE(s, q->conn, TS_SQL_CELL_READ);
    ts_bind_i64(&s, cell_id);
    switch (ts_step(&s)) {
    case TS_ROW:
        return feed_cell(q, parts, number, cell_id, &s);
    case TS_DONE:
        return TS_OK;
    case TS_FAILED:
        break;
    }
    return ts_filter_fail(&s, q->err);
}

/* The same, one by one. */
static enum ts_err feed_few(struct slice *q, unsigned parts, int64_t first_cell)
{
    int64_t kind = kind_of_series(q);
    enum ts_err e = TS_OK;
    for (size_t i = 0; e == TS_OK && i < q->series.count; i++) {
        const struct ts_series *of = &q->series.at[i];
        if (of->wanted && (of->first || kind == 0))
            e = feed_one(q, parts, first_cell + kind + (int64_t)i, of->number);
    }
    return e;
}

static bool wants_all(const struct slice *q)
{
    return q->series.wanted == q->series.known;
}

static enum ts_err feed_cells(struct slice *q, unsigned parts, const struct ts_stretch *stretch)
{
    enum ts_resolution r = stretch->source == TS_FROM_DAYS ? TS_BY_DAY : TS_BY_HOUR;
    bool all = parts == TS_AGG_TIMED && wants_all(q) && ts_aggregate_times_all(q->agg);
    bool few = q->series.wanted * FEW_SERIES <= q->series.known;
    enum ts_err e = TS_OK;
    for (int64_t at = stretch->from_ms; e == TS_OK && at < stretch->to_ms;
         at += ts_resolution_ms(r)) {
        int64_t first_cell = ts_cell_first(r, at);
        e = all   ? feed_one(q, parts, first_cell + TS_ALL_SERIES, q->all_series)
            : few ? feed_few(q, parts, first_cell)
                  : feed_range(q, parts, first_cell);
    }
    return e;
}

static enum ts_err feed_stretch(struct slice *q, unsigned parts, const struct ts_stretch *stretch)
{
    if (stretch->source != TS_FROM_CALLS)
        return feed_cells(q, parts, stretch);
    enum ts_err e = feed_calls(q, parts, stretch->from_ms, stretch->to_ms);
    return e == TS_OK ? feed_attempts(q, parts, stretch->from_ms, stretch->to_ms) : e;
}

/* -- the plan --------------------------------------------------------------------------------- */

static bool one_bucket(const void *agg, int64_t from_ms, int64_t to_ms)
{
    return ts_aggregate_one_bucket(agg, from_ms, to_ms);
}

static bool has_calls(struct slice *q, int64_t from_ms, int64_t to_ms)
{
    TS_LEASE(s, q->conn, TS_SQL_CALL_BETWEEN);
    ts_bind_i64(&s, ts_id_from_ms(from_ms));
    ts_bind_i64(&s, ts_id_from_ms(to_ms));
    return ts_step(&s) != TS_DONE;
}

/* An end of the window that cuts a day or an hour cuts nothing if there are no calls beyond it. */
static void widen(struct slice *q, struct ts_plan_question *plan)
{
    static const int64_t units[] = {TS_HOUR_MS, TS_DAY_MS};
    int64_t from_ms = plan->from_ms;
    int64_t to_ms = plan->to_ms;
    for (size_t i = 0; i < TS_ARRAY_LEN(units); i++) {
        int64_t first_ms = from_ms / units[i] * units[i];
        if (first_ms < from_ms && first_ms >= plan->whole_from_ms &&
            !has_calls(q, first_ms, from_ms))
            plan->from_ms = first_ms;
        int64_t end_ms = (to_ms + units[i] - 1) / units[i] * units[i];
        if (to_ms < end_ms && to_ms >= plan->whole_from_ms && !has_calls(q, to_ms, end_ms))
            plan->to_ms = end_ms;
    }
}

/* No days before the first and after the last that there is anything of. */
static enum ts_err clip(struct slice *q, struct ts_plan_question *plan)
{
    TS_LEASE(s, q->conn, TS_SQL_EXTENT);
    ts_bind_i64(&s, ts_cell_first(TS_BY_DAY, 0));
    if (ts_step(&s) != TS_ROW)
        return ts_filter_fail(&s, q->err);
    int64_t first_ms = ts_col_i64(&s);
    int64_t last_ms = ts_col_i64(&s);
    if (plan->from_ms < first_ms)
        plan->from_ms = first_ms;
    if (plan->to_ms > last_ms)
        plan->to_ms = last_ms;
    return TS_OK;
}

static enum ts_err make_plan(struct slice *q, enum ts_agg_part part, struct ts_plan *out)
{
    struct ts_plan_question question = {
        .from_ms = q->filter->from_ms,
        .to_ms = q->filter->to_ms,
        .whole_from_ms = q->trust.whole_from_ms,
        .call_days = q->trust.call_days,
        .call_day_count = q->trust.call_day_count,
        .calls_only = q->trust.calls_only,
        .one_bucket = part == TS_AGG_TIMED ? one_bucket : NULL,
        .ctx = q->agg,
    };
    enum ts_err e = clip(q, &question);
    if (e != TS_OK || question.from_ms >= question.to_ms)
        return e;
    if (!question.calls_only)
        widen(q, &question);
    return ts_plan_make(&question, out) == TS_OK
               ? TS_OK
               : ts_fail(q->err, TS_ERR_NOMEM, "no memory for a query");
}

static bool has_stretch(const struct ts_plan *p, const struct ts_stretch *s)
{
    for (int i = 0; i < p->count; i++) {
        const struct ts_stretch *at = &p->at[i];
        if (at->source == s->source && at->from_ms == s->from_ms && at->to_ms == s->to_ms)
            return true;
    }
    return false;
}

/* Stretches of both plans are read once, unless cells of all series together do for one. */
static bool is_shared(const struct slice *q,
                      const struct ts_plan plans[static 2],
                      const struct ts_stretch *s)
{
    bool apart = s->source != TS_FROM_CALLS && wants_all(q) && ts_aggregate_times_all(q->agg);
    return !apart && has_stretch(&plans[0], s) && has_stretch(&plans[1], s);
}

static enum ts_err feed_plans(struct slice *q, unsigned parts, const struct ts_plan plans[static 2])
{
    enum ts_err e = TS_OK;
    for (int i = 0; e == TS_OK && i < plans[0].count; i++) {
        const struct ts_stretch *s = &plans[0].at[i];
        bool shared = (parts & TS_AGG_TIMED) && is_shared(q, plans, s);
        e = feed_stretch(q, shared ? parts : TS_AGG_TIMELESS, s);
    }
    for (int i = 0; e == TS_OK && i < plans[1].count; i++) {
        const struct ts_stretch *s = &plans[1].at[i];
        if (!(parts & TS_AGG_TIMELESS) || !is_shared(q, plans, s))
            e = feed_stretch(q, TS_AGG_TIMED, s);
    }
    return e;
}

static enum ts_err feed(struct slice *q)
{
    static const enum ts_agg_part kinds[] = {TS_AGG_TIMELESS, TS_AGG_TIMED};
    unsigned parts = ts_aggregate_parts(q->agg);
    struct ts_plan plans[2] = {{.count = 0}, {.count = 0}};
    enum ts_err e = TS_OK;
    for (int i = 0; e == TS_OK && i < 2; i++) {
        if (parts & kinds[i])
            e = make_plan(q, kinds[i], &plans[i]);
    }
    if (e == TS_OK)
        e = feed_plans(q, parts, plans);
    ts_plan_free(&plans[0]);
    ts_plan_free(&plans[1]);
    return e;
}

/* -- trust ------------------------------------------------------------------------------------ */

static enum ts_err read_trust(struct slice *q)
{
    struct trust *t = &q->trust;
    TS_LEASE(whole, q->conn, TS_SQL_WHOLE_FROM_READ);
    if (ts_step(&whole) != TS_ROW)
        return ts_filter_fail(&whole, q->err);
    t->whole_from_ms = ts_id_ms(ts_col_i64(&whole) + ts_id_from_ms(1) - 1);
    TS_LEASE(due, q->conn, TS_SQL_DUE_DAYS);
    ts_bind_i64(&due, q->filter->from_ms / TS_DAY_MS);
    ts_bind_i64(&due, q->filter->to_ms / TS_DAY_MS);
    enum ts_step step = TS_DONE;
    while (t->call_day_count < CALL_DAYS_MAX && (step = ts_step(&due)) == TS_ROW)
        t->call_days[t->call_day_count++] = ts_col_i64(&due);
    t->calls_only = t->call_day_count == CALL_DAYS_MAX;
    return step == TS_FAILED ? ts_filter_fail(&due, q->err) : TS_OK;
}

/* A cell that cannot be read: its day from the calls instead, and it is made anew behind us. Where
 * the calls are gone the rest of the day has to do. */
static void distrust(struct slice *q, struct ts_store *store)
{
    struct trust *t = &q->trust;
    int64_t day = ts_cell_start_ms(q->bad_cell) / TS_DAY_MS;
    bool whole = day * TS_DAY_MS >= t->whole_from_ms;
    ts_logf(TS_LOG_WARN,
            TS_LOG_FIELDS(TS_LOG_INT("cell", q->bad_cell)),
            "a roll-up cannot be read; its day is read from its calls");
    if (store != NULL)
        ts_care_doubt(store, day);
    q->bad_cells[t->distrusted++] = whole ? 0 : q->bad_cell;
    if (whole)
        t->call_days[t->call_day_count++] = day;
    t->calls_only = t->calls_only || t->distrusted == DISTRUSTED_MAX;
    q->bad_cell = 0;
    ts_aggregate_clear(q->agg);
}

enum ts_err ts_query_calls(struct ts_reader_conn *c,
                           const struct ts_call_filter *f,
                           struct ts_aggregate *agg,
                           struct ts_error *err)
{
    struct slice q = {.conn = c->conn, .filter = f, .agg = agg, .err = err};
    const struct ts_agg_names all = {.model = NULL};
    enum ts_err e = ts_series_load(c->conn, f, agg, &q.series, err);
    if (e == TS_OK && ts_aggregate_series(agg, &all, &q.all_series) != TS_OK)
        e = TS_ERR_NOMEM;
    if (e == TS_OK)
        e = read_trust(&q);
    q.trust.calls_only = q.trust.calls_only || needs_calls(f);
    if (e == TS_OK)
        e = feed(&q);
    while (e == TS_ERR_INTERNAL && q.bad_cell != 0) {
        distrust(&q, c->store);
        e = feed(&q);
    }
    ts_series_free(&q.series);
    return e == TS_ERR_NOMEM ? ts_fail(err, e, "no memory for the figures") : e;
}
