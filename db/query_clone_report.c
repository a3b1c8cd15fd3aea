/* Clone attempts of a window, for the benchmark report. */
#include <math.h>

#include "base/clock.h"
#include "db/clone_query.h"
#include "db/filter.h"
#include "db/parts.h"

/* NULL reads as NaN. */
static double figure(struct ts_stmt *s)
{
    bool known = sqlite3_column_type(s->stmt, s->read) != SQLITE_NULL;
    double v = ts_col_double(s);
    return known ? v : (double)NAN;
}

/* False without memory. */
static bool read_row(struct ts_stmt *s, struct ts_arena *arena, struct ts_report_clones *row)
{
    row->provider = ts_arena_str(arena, ts_col_text(s));
    row->model = ts_arena_str(arena, ts_col_text(s));
    row->attempts = ts_col_i64(s);
    row->successes = ts_col_i64(s);
    row->samples = ts_col_i64(s);
    row->average_us = 1000 * figure(s);
    row->average_bytes = figure(s);
    row->quality = figure(s);
    return row->provider != NULL && row->model != NULL;
}

static bool asks_for_more(const struct ts_call_filter *f)
{
    return f->task_type != NULL || f->complexity != NULL || f->user != NULL ||
           f->user_segment != NULL || f->tag_key != NULL;
}

enum ts_err ts_query_report_clones(struct ts_reader_conn *c,
                                   const struct ts_call_filter *f,
                                   struct ts_arena *arena,
                                   struct ts_report *out,
                                   struct ts_error *err)
{
    char from[TS_RFC3339_SIZE];
    char to[TS_RFC3339_SIZE];
    struct ts_report_clones *rows = ts_arena_alloc(arena, sizeof(*rows) * TS_REPORT_CLONES_MAX);
    if (rows == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the clones of the report");
    out->clones = rows;
    out->clone_count = 0;
    if (asks_for_more(f))
        return TS_OK;
    TS_LEASE(s, c->conn, TS_SQL_CLONE_REPORT);
    ts_bind_text(&s, ts_rfc3339(f->from_ms, from));
    ts_bind_text(&s, ts_rfc3339(f->to_ms, to));
    ts_bind_text(&s, f->model);
    ts_bind_text(&s, f->provider);
    ts_bind_i64(&s, TS_REPORT_CLONES_MAX);
    enum ts_step step = TS_DONE;
    while ((step = ts_step(&s)) == TS_ROW) {
        if (!read_row(&s, arena, &rows[out->clone_count++]))
            return ts_fail(err, TS_ERR_NOMEM, "no memory for the clones of the report");
    }
    return step == TS_FAILED ? ts_filter_fail(&s, err) : TS_OK;
}
