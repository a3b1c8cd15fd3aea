/* Rows for exports, and where an import goes on. */
#include "base/clock.h"
#include "base/id.h"
#include "db/cells.h"
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

/* -- roll-ups ---------------------------------------------------------------------------------- */

static enum ts_err unreadable(int64_t cell_id, struct ts_error *err)
{
    char start[TS_RFC3339_SIZE];
    return ts_fail(err,
                   TS_ERR_STORAGE_UNAVAILABLE,
                   "figures of %s cannot be read; `touchstone rebuild-rollups` makes them anew",
                   ts_rfc3339(ts_cell_start_ms(cell_id), start));
}

static enum ts_err give_cell(struct ts_stmt *s,
                             struct ts_digest *digest,
                             struct ts_rollup_rows *rows,
                             struct ts_error *err)
{
    struct ts_digest_view view;
    int64_t cell_id = ts_col_i64(s);
    struct ts_cursor body = ts_col_blob(s);
    int64_t start_ms = ts_cell_start_ms(cell_id);
    rows->after = cell_id;
    ts_digest_clear(digest);
    if (!ts_digest_view(body.at, ts_cursor_left(&body), start_ms, &view))
        return unreadable(cell_id, err);
    enum ts_err e = ts_digest_merge_view(digest, &view);
    if (e != TS_OK)
        return e == TS_ERR_NOMEM ? ts_fail(err, e, "no memory for a roll-up")
                                 : unreadable(cell_id, err);
    struct ts_rollup_row row = {
        .resolution = cell_id >> 56 == TS_BY_HOUR ? "hour" : "day",
        .start_ms = start_ms,
        .digest = digest,
    };
    row.provider = ts_col_text(s);
    row.model = ts_col_text(s);
    row.task_type = ts_col_text(s);
    row.complexity = ts_col_text(s);
    return rows->row(rows->ctx, &row, err);
}

/* The first bucket that begins in the window, and the first that does not end in it. */
static void bind_buckets(struct ts_stmt *s, const struct ts_call_filter *f, enum ts_resolution r)
{
    int64_t size = ts_resolution_ms(r);
    ts_bind_i64(s, ts_cell_id(r, (f->from_ms + size - 1) / size, TS_ALL_SERIES));
    int64_t end = f->to_ms / size;
    ts_bind_i64(s, ts_cell_id(r, end < UINT32_MAX ? end : UINT32_MAX, TS_ALL_SERIES));
}

enum ts_err ts_query_rollup_rows(struct ts_reader_conn *c,
                                 const struct ts_call_filter *f,
                                 struct ts_rollup_rows *rows,
                                 struct ts_error *err)
{
    TS_AUTO(ts_digest_free) struct ts_digest digest = TS_DIGEST_INIT;
    TS_LEASE(s, c->conn, TS_SQL_ROLLUP_ROWS);
    ts_bind_i64(&s, rows->after);
    bind_buckets(&s, f, TS_BY_HOUR);
    bind_buckets(&s, f, TS_BY_DAY);
    ts_bind_text(&s, f->model);
    ts_bind_text(&s, f->provider);
    ts_bind_text(&s, f->task_type);
    ts_bind_text(&s, f->complexity);
    ts_bind_i64(&s, rows->limit);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    int given = 0;
    for (; e == TS_OK && (step = ts_step(&s)) == TS_ROW; given++)
        e = give_cell(&s, &digest, rows, err);
    rows->more = given == rows->limit;
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}

/* -- imports ----------------------------------------------------------------------------------- */

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
