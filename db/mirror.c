#include "db/mirror.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "db/parts.h"

static const struct {
    enum ts_mirror_log log;
    const char *name; /* in the log; NULL: it has numbers */
    int limit;        /* of a piece: what some ten milliseconds read */
} kinds[TS_MIRROR_KIND_COUNT_] = {
    [TS_MIRROR_CALLS] = {TS_MIRROR_LOG_CALLS, NULL, 500},
    [TS_MIRROR_WEBSITES] = {TS_MIRROR_LOG_CLONES, "website", 8}, /* pages, megabytes of them */
    [TS_MIRROR_CLONES] = {TS_MIRROR_LOG_CLONES, "attempt", 20},  /* with all their files */
    [TS_MIRROR_BENCHMARKS] = {TS_MIRROR_LOG_CLONES, "benchmark", 500},
};

/* @limit: changes in one load. */
static const struct {
    enum ts_sql end;
    enum ts_sql changed;
    int limit;
} logs[TS_MIRROR_LOG_COUNT_] = {
    [TS_MIRROR_LOG_CALLS] = {TS_SQL_SYNC_CHANGES_END, TS_SQL_SYNC_CHANGED, TS_MIRROR_MAX_CHANGES},
    [TS_MIRROR_LOG_CLONES] = {TS_SQL_SYNC_CLONES_END, TS_SQL_SYNC_CLONES_CHANGED, 1000},
};

enum { SCAN_LIMIT = 5000 };

static const struct ts_mirror_table tables[] = {
    {"call_data", "call_id", TS_MIRROR_CALLS},
    {"attempts", "call_id", TS_MIRROR_CALLS},
    {"websites", "id", TS_MIRROR_WEBSITES},
    {"clone_attempts", "id", TS_MIRROR_CLONES},
    {"code_files", "clone_attempt_id", TS_MIRROR_CLONES},
    {"model_benchmarks", "id", TS_MIRROR_BENCHMARKS},
};
static const enum ts_sql rows_of[] = {
    TS_SQL_SYNC_CALLS,
    TS_SQL_SYNC_ATTEMPTS,
    TS_SQL_SYNC_WEBSITES,
    TS_SQL_SYNC_CLONES,
    TS_SQL_SYNC_FILES,
    TS_SQL_SYNC_BENCHMARKS,
};
static_assert(TS_ARRAY_LEN(rows_of) == TS_ARRAY_LEN(tables), "every table has a query");

enum ts_mirror_log ts_mirror_log_of(enum ts_mirror_kind kind)
{
    return kinds[kind].log;
}

int ts_mirror_limit(enum ts_mirror_kind kind)
{
    return kinds[kind].limit;
}

int ts_mirror_tables(const struct ts_mirror_table **out)
{
    *out = tables;
    return (int)TS_ARRAY_LEN(tables);
}

enum ts_err ts_mirror_prepare(struct ts_readonly *r, struct ts_error *err)
{
    return ts_conn_prepare(ts_readonly_conn(r)->conn, TS_SQL_SYNC, err);
}

/* -- CSV --------------------------------------------------------------------------------------- */

/* What a column store cannot take: a NUL, or bytes that are not UTF-8. */
static void put_mended(struct ts_buf *out, const char *text, size_t len)
{
    for (size_t i = 0, n = 0; i<len; i += n> 0 ? n : 1) {
        n = text[i] == '\0' ? 0 : ts_utf8_len(text + i, len - i);
        if (n == 0)
            ts_buf_puts(out, "\357\277\275");
        else if (text[i] == '"')
            ts_buf_puts(out, "\"\"");
        else
            ts_buf_put(out, text + i, n);
    }
}

static void put_text(struct ts_buf *out, const char *text, size_t len)
{
    ts_buf_put(out, "\"", 1);
    if (memchr(text, '"', len) == NULL && memchr(text, '\0', len) == NULL &&
        ts_utf8_valid(text, len))
        ts_buf_put(out, text, len);
    else
        put_mended(out, text, len);
    ts_buf_put(out, "\"", 1);
}

static void put_cell(struct ts_buf *out, sqlite3_stmt *s, int i)
{
    double real = 0;
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        ts_buf_put_int(out, sqlite3_column_int64(s, i));
        break;
    case SQLITE_FLOAT:
        real = sqlite3_column_double(s, i);
        if (isfinite(real))
            ts_buf_printf(out, "%.17g", real);
        break;
    case SQLITE_TEXT:
        put_text(out, (const char *)sqlite3_column_text(s, i), (size_t)sqlite3_column_bytes(s, i));
        break;
    default: /* an int, not an enum: NULL; there are no blobs */
        break;
    }
}

/* Every row of a leased statement as a line. */
static enum ts_err put_rows(struct ts_stmt *q,
                            struct ts_buf *csv,
                            int64_t *rows,
                            struct ts_error *err)
{
    int columns = sqlite3_column_count(q->stmt);
    enum ts_step step = TS_DONE;
    while ((step = ts_step(q)) == TS_ROW && ts_buf_ok(csv)) {
        for (int i = 0; i < columns; i++) {
            if (i > 0)
                ts_buf_put(csv, ",", 1);
            put_cell(csv, q->stmt, i);
        }
        ts_buf_put(csv, "\n", 1);
        (*rows)++;
    }
    if (!ts_buf_ok(csv))
        return ts_fail(
            err, TS_ERR_NOMEM, "no memory for a piece of the rows (%zu bytes)", csv->max);
    return step == TS_DONE ? TS_OK : ts_stmt_fail(q, err, "reading for a copy");
}

/* -- what there is ----------------------------------------------------------------------------- */

enum ts_err ts_mirror_position(struct ts_readonly *r,
                               struct ts_mirror_position *out,
                               struct ts_error *err)
{
    TS_LEASE(q, ts_readonly_conn(r)->conn, TS_SQL_SYNC_POSITION);
    if (ts_step(&q) != TS_ROW)
        return ts_stmt_fail(&q, err, "looking for changes");
    out->seq[TS_MIRROR_LOG_CALLS] = ts_col_i64(&q);
    out->seq[TS_MIRROR_LOG_CLONES] = ts_col_i64(&q);
    out->whole_from = ts_col_i64(&q);
    out->tag = (uint64_t)ts_col_i64(&q);
    return TS_OK;
}

static enum ts_err read_end(struct ts_stmt *q, struct ts_mirror_piece *piece, struct ts_error *err)
{
    if (ts_step(q) != TS_ROW)
        return ts_stmt_fail(q, err, "looking for what a copy has not");
    int64_t end = ts_col_i64(q);
    piece->count = ts_col_i64(q);
    piece->end = piece->count > 0 ? end : piece->after;
    return TS_OK;
}

enum ts_err ts_mirror_next_calls(struct ts_readonly *r,
                                 int64_t mark,
                                 struct ts_mirror_piece *piece,
                                 struct ts_error *err)
{
    TS_LEASE(q, ts_readonly_conn(r)->conn, TS_SQL_SYNC_CALLS_END);
    ts_bind_i64(&q, piece->after);
    ts_bind_i64(&q, mark);
    ts_bind_i64(&q, SCAN_LIMIT);
    return read_end(&q, piece, err);
}

enum ts_err ts_mirror_next_changes(struct ts_readonly *r,
                                   enum ts_mirror_log log,
                                   struct ts_mirror_piece *piece,
                                   bool *more,
                                   struct ts_error *err)
{
    TS_LEASE(q, ts_readonly_conn(r)->conn, logs[log].end);
    ts_bind_i64(&q, piece->after);
    ts_bind_i64(&q, logs[log].limit);
    enum ts_err e = read_end(&q, piece, err);
    *more = e == TS_OK && piece->count == logs[log].limit;
    return e;
}

enum ts_err ts_mirror_changed(struct ts_readonly *r,
                              enum ts_mirror_kind kind,
                              const struct ts_mirror_piece *changes,
                              int64_t ids[static TS_MIRROR_MAX_CHANGES],
                              int *count,
                              struct ts_error *err)
{
    TS_LEASE(q, ts_readonly_conn(r)->conn, logs[kinds[kind].log].changed);
    if (kinds[kind].name != NULL)
        ts_bind_text(&q, kinds[kind].name);
    else
        ts_bind_i64(&q, kind);
    ts_bind_i64(&q, changes->after);
    ts_bind_i64(&q, changes->end);
    enum ts_step step = TS_DONE;
    for (*count = 0; *count < TS_MIRROR_MAX_CHANGES && (step = ts_step(&q)) == TS_ROW;)
        ids[(*count)++] = ts_col_i64(&q);
    return step == TS_FAILED ? ts_stmt_fail(&q, err, "reading changes") : TS_OK;
}

/* -- rows -------------------------------------------------------------------------------------- */

enum ts_err ts_mirror_rows(struct ts_readonly *r,
                           int table,
                           const struct ts_mirror_piece *piece,
                           struct ts_buf *csv,
                           int64_t *rows,
                           struct ts_error *err)
{
    TS_LEASE(q, ts_readonly_conn(r)->conn, rows_of[table]);
    ts_bind_i64(&q, piece->after);
    ts_bind_i64(&q, piece->end);
    return put_rows(&q, csv, rows, err);
}

enum ts_err ts_mirror_kept(
    struct ts_readonly *r, int64_t id, struct ts_buf *csv, int64_t *rows, struct ts_error *err)
{
    TS_LEASE(q, ts_readonly_conn(r)->conn, TS_SQL_SYNC_KEPT);
    ts_bind_i64(&q, id);
    return put_rows(&q, csv, rows, err);
}

enum ts_err ts_mirror_stats(struct ts_readonly *r, struct ts_buf *csv, struct ts_error *err)
{
    int64_t rows = 0;
    TS_LEASE(q, ts_readonly_conn(r)->conn, TS_SQL_SYNC_STATS);
    return put_rows(&q, csv, &rows, err);
}
