#include "db/conn.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/call.h"
#include "base/clock.h"

enum { PROGRESS_STEPS = 10000, OPEN_PATIENCE_US = 1000000, LOCK_POLL_US = 5000 };

/* SQLite's code as ours. Extended codes carry the primary one in their low byte. */
static enum ts_err code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return TS_ERR_NOMEM;
    case SQLITE_NOTADB:
        return TS_ERR_FOREIGN_FILE;
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
        return TS_ERR_INTERNAL;
    default: /* an int, not an enum: everything else is the file's or the disk's fault */
        return TS_ERR_STORAGE_UNAVAILABLE;
    }
}

static enum ts_err fail(struct ts_conn *c, int rc, struct ts_error *err, const char *doing)
{
    c->last_code = rc;
    const char *text = c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
    return ts_fail(err, code_of(rc), "%s: %s (SQLite code %d)", doing, text, rc);
}

/* -- the connection --------------------------------------------------------------------------- */

/* Nobody asks SQLite how much memory it has: counting takes a lock of all threads, twice for each
 * piece. It has to be said before anything else of it is used. */
__attribute__((constructor)) static void count_no_memory(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int on_progress(void *ctx)
{
    const struct ts_conn *c = ctx;
    if (c->cancel != NULL && atomic_load_explicit(c->cancel, memory_order_relaxed))
        return 1;
    return c->deadline_us != 0 && ts_now_us() > c->deadline_us;
}

/* Somebody else has the lock: wait, but not longer than patience lasts, and not into a shutdown. */
static int on_busy(void *ctx, int count)
{
    struct ts_conn *c = ctx;
    int64_t now_us = ts_now_us();
    if (count == 0)
        c->blocked_since_us = now_us;
    if (now_us - c->blocked_since_us >= c->patience_us)
        return 0;
    if (c->cancel != NULL && atomic_load_explicit(c->cancel, memory_order_relaxed))
        return 0;
    (void)usleep(LOCK_POLL_US);
    return 1;
}

static void harden(struct ts_conn *c, enum ts_sql_role role)
{
    bool reader = role == TS_SQL_READER;
    (void)sqlite3_extended_result_codes(c->db, 1);
    (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, reader ? 1 : 0, NULL);
    c->patience_us = OPEN_PATIENCE_US;
    (void)sqlite3_busy_handler(c->db, on_busy, c);
    if (reader)
        sqlite3_progress_handler(c->db, PROGRESS_STEPS, on_progress, c);
}

enum ts_err ts_conn_open(const char *path,
                         enum ts_sql_role role,
                         struct ts_conn **out,
                         struct ts_error *err)
{
    TS_AUTO(ts_conn_auto) struct ts_conn *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a database connection");
    const int access = role == TS_SQL_WRITER ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    const int flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (rc != SQLITE_OK)
        return fail(c, rc, err, path);
    harden(c, role);
    const char *pragmas = role == TS_SQL_WRITER ? ts_sql_pragmas_writer : ts_sql_pragmas_reader;
    enum ts_err e = ts_conn_script(c, pragmas, err);
    if (e != TS_OK)
        return e;
    *out = TS_TAKE(c);
    return TS_OK;
}

static int prepare(struct ts_conn *c, enum ts_sql q)
{
    if (c->stmts[q] != NULL)
        return SQLITE_OK;
    const char *text = ts_sql_queries[q].text;
    return sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &c->stmts[q], NULL);
}

enum ts_err ts_conn_prepare(struct ts_conn *c, enum ts_sql_role role, struct ts_error *err)
{
    for (int i = 0; i < TS_SQL_COUNT_; i++) {
        if (ts_sql_queries[i].role != role)
            continue;
        int rc = prepare(c, (enum ts_sql)i);
        if (rc != SQLITE_OK)
            return fail(c, rc, err, ts_sql_queries[i].name);
    }
    return TS_OK;
}

void ts_conn_close(struct ts_conn *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < TS_SQL_COUNT_; i++)
        (void)sqlite3_finalize(c->stmts[i]);
    (void)sqlite3_close(c->db);
    free(c);
}

enum ts_err ts_conn_script(struct ts_conn *c, const char *script, struct ts_error *err)
{
    int rc = sqlite3_exec(c->db, script, NULL, NULL, NULL);
    return rc == SQLITE_OK ? TS_OK : fail(c, rc, err, "opening the database");
}

enum ts_err ts_conn_run(struct ts_conn *c, enum ts_sql q, struct ts_error *err)
{
    TS_LEASE(s, c, q);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, ts_sql_queries[q].name);
}

void ts_conn_end(struct ts_conn *c, enum ts_sql how)
{
    if (sqlite3_get_autocommit(c->db) != 0)
        return;
    TS_LEASE(s, c, how);
    (void)ts_step(&s);
}

bool ts_conn_is_broken(const struct ts_conn *c)
{
    switch (c->last_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_CONSTRAINT:
        return false;
    default:
        return true;
    }
}

bool ts_conn_is_full(const struct ts_conn *c)
{
    return (c->last_code & 0xff) == SQLITE_FULL;
}

bool ts_conn_file_moved(const struct ts_conn *c)
{
    int moved = 0;
    int rc = sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return rc == SQLITE_OK && moved != 0;
}

/* -- statements ------------------------------------------------------------------------------- */

struct ts_stmt ts_stmt_lease(struct ts_conn *c, enum ts_sql q)
{
    int rc = prepare(c, q);
    return (struct ts_stmt){.conn = c, .stmt = c->stmts[q], .code = rc};
}

void ts_stmt_return(struct ts_stmt *s)
{
    if (s->stmt == NULL) /* no memory to prepare it */
        return;
    (void)sqlite3_reset(s->stmt);
    (void)sqlite3_clear_bindings(s->stmt);
}

static void bound(struct ts_stmt *s, int rc)
{
    if (rc != SQLITE_OK && s->code == SQLITE_OK)
        s->code = rc;
}

void ts_bind_i64(struct ts_stmt *s, int64_t value)
{
    bound(s, sqlite3_bind_int64(s->stmt, ++s->bound, value));
}

void ts_bind_known(struct ts_stmt *s, int64_t value)
{
    if (value == TS_UNKNOWN)
        ts_bind_null(s);
    else
        ts_bind_i64(s, value);
}

void ts_bind_text(struct ts_stmt *s, const char *text)
{
    bound(s, sqlite3_bind_text(s->stmt, ++s->bound, text, -1, SQLITE_STATIC));
}

void ts_bind_text_n(struct ts_stmt *s, const char *text, size_t len)
{
    const char *at = text != NULL ? text : "";
    bound(s, sqlite3_bind_text64(s->stmt, ++s->bound, at, len, SQLITE_STATIC, SQLITE_UTF8));
}

void ts_bind_blob(struct ts_stmt *s, const void *bytes, size_t len)
{
    bound(s, sqlite3_bind_blob64(s->stmt, ++s->bound, bytes, len, SQLITE_STATIC));
}

void ts_bind_double(struct ts_stmt *s, double value)
{
    bound(s, sqlite3_bind_double(s->stmt, ++s->bound, value));
}

void ts_bind_null(struct ts_stmt *s)
{
    bound(s, sqlite3_bind_null(s->stmt, ++s->bound));
}

enum ts_step ts_step(struct ts_stmt *s)
{
    if (s->code != SQLITE_OK)
        return TS_FAILED;
    s->read = 0;
    int rc = sqlite3_step(s->stmt);
    if (rc == SQLITE_ROW)
        return TS_ROW;
    if (rc == SQLITE_DONE)
        return TS_DONE;
    s->code = rc;
    return TS_FAILED;
}

int64_t ts_col_i64(struct ts_stmt *s)
{
    return sqlite3_column_int64(s->stmt, s->read++);
}

/* By its value: each sqlite3_column_...() looks the column up anew. */
int64_t ts_col_known(struct ts_stmt *s)
{
    sqlite3_value *v = sqlite3_column_value(s->stmt, s->read++);
    return sqlite3_value_type(v) == SQLITE_NULL ? TS_UNKNOWN : sqlite3_value_int64(v);
}

struct ts_cursor ts_col_blob(struct ts_stmt *s)
{
    int i = s->read++;
    const void *bytes = sqlite3_column_blob(s->stmt, i);
    return ts_cursor_of(bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(s->stmt, i) : 0);
}

double ts_col_double(struct ts_stmt *s)
{
    return sqlite3_column_double(s->stmt, s->read++);
}

const char *ts_col_text(struct ts_stmt *s)
{
    return (const char *)sqlite3_column_text(s->stmt, s->read++);
}

enum ts_err ts_stmt_fail(struct ts_stmt *s, struct ts_error *err, const char *doing)
{
    return fail(s->conn, s->code, err, doing);
}
