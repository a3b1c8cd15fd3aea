/* Rows for exports, and where an import goes on. */
#include "base/id.h"
#include "db/filter.h"
#include "db/parts.h"
#include "db/query.h"

static void bind_rows(struct ts_stmt *s,
                      const struct ts_call_filter *f,
                      const struct ts_call_rows *rows)
{
    int64_t from = ts_id_from_ms(f->from_ms);
    ts_filter_bind(s, f, rows->after < from ? from : rows->after + 1, ts_id_from_ms(f->to_ms));
    ts_bind_text(s, f->model);
    ts_bind_text(s, f->provider);
    ts_bind_text(s, f->task_type);
    ts_bind_text(s, f->complexity);
    ts_bind_i64(s, rows->limit);
}

static enum ts_err give_row(struct ts_conn *c,
                            struct ts_stmt *s,
                            struct ts_call_rows *rows,
                            struct ts_error *err)
{
    struct ts_call_row row = ts_call_row_take(s);
    const char *reported_as = ts_col_text(s);
    json_auto_t *attempts = NULL;
    if (reported_as != NULL)
        row.id = reported_as;
    enum ts_err e = ts_call_row_attempts(c, row.call_id, &attempts, err);
    if (e == TS_OK)
        e = rows->row(rows->ctx, &row, attempts, err);
    rows->after = row.call_id;
    return e;
}

enum ts_err ts_query_call_rows(struct ts_reader_conn *c,
                               const struct ts_call_filter *f,
                               struct ts_call_rows *rows,
                               struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CALL_ROWS);
    bind_rows(&s, f, rows);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    int given = 0;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        e = give_row(c->conn, &s, rows, err);
        given++;
    }
    rows->more = given == rows->limit;
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}

enum ts_err ts_query_all_records(struct ts_reader_conn *c,
                                 int64_t min_samples,
                                 enum ts_err (*row)(void *ctx,
                                                    const struct ts_stats_row *row,
                                                    struct ts_error *err),
                                 void *ctx,
                                 struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_STATS_ALL);
    ts_bind_i64(&s, min_samples);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        struct ts_stats_row r = {.task_type = ts_col_text(&s)};
        r.record.model = ts_col_text(&s);
        r.record.successes = ts_col_i64(&s);
        r.record.failures = ts_col_i64(&s);
        r.record.timeouts = ts_col_i64(&s);
        r.record.total_tokens = ts_col_i64(&s);
        r.record.total_cost = ts_col_double(&s);
        r.record.last_used = ts_col_text(&s);
        e = row(ctx, &r, err);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}

enum ts_err ts_query_import_mark(struct ts_reader_conn *c,
                                 const char *source,
                                 int64_t *row,
                                 struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_IMPORT_MARKED);
    ts_bind_text(&s, source);
    enum ts_step step = ts_step(&s);
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    *row = step == TS_ROW ? ts_col_i64(&s) : 0;
    return TS_OK;
}
