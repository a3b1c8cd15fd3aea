/*
 * One SQLite connection with its statements: the only place that prepares SQL.
 *
 * A statement is leased, bound from left to right, stepped, read from left to right, and put back
 * (reset and unbound) when the lease leaves its scope:
 *
 *     TS_LEASE(s, conn, TS_SQL_LABEL_FIND);
 *     ts_bind_text(&s, "stop");
 *     if (ts_step(&s) == TS_ROW)
 *         id = ts_col_i64(&s);
 *
 * Text and bytes that are bound must stay until the lease ends. The first failure of a lease is
 * kept: a failed bind makes the step fail, so only the step is checked.
 *
 * Thread: one at a time (opened without SQLite's own locks).
 */
#ifndef TS_DB_CONN_H
#define TS_DB_CONN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/varint.h"
#include "schema/sql.h"

struct ts_conn {
    sqlite3 *db;
    sqlite3_stmt *stmts[TS_SQL_COUNT_]; /* those of the connection's role */
    int64_t deadline_us;                /* a statement that runs longer is interrupted; 0: never */
    const _Atomic bool *cancel;         /* when it turns true, likewise; may be NULL */
    int64_t patience_us;                /* how long another process's lock is waited for */
    int64_t blocked_since_us;           /* of the wait that is on, or was the last */
    int last_code;                      /* SQLite's code of the last failure */
};

/* Opens @path, which exists, for the writer or a reader and sets the pragmas.
 * Errors: STORAGE_UNAVAILABLE, FOREIGN_FILE (not a database), NOMEM. */
TS_NODISCARD enum ts_err ts_conn_open(const char *path,
                                      enum ts_sql_role role,
                                      struct ts_conn **out,
                                      struct ts_error *err);

/* Prepares every statement of @role, which else happens at the first lease of each. A statement
 * that the schema does not know: INTERNAL. */
TS_NODISCARD enum ts_err ts_conn_prepare(struct ts_conn *c,
                                         enum ts_sql_role role,
                                         struct ts_error *err);

void ts_conn_close(struct ts_conn *c);
TS_DEFINE_AUTO(ts_conn_auto, struct ts_conn, ts_conn_close)

/* Runs a script of schema/ as it is. */
TS_NODISCARD enum ts_err ts_conn_script(struct ts_conn *c,
                                        const char *script,
                                        struct ts_error *err);

/* Runs a statement that has neither parameters nor rows. */
TS_NODISCARD enum ts_err ts_conn_run(struct ts_conn *c, enum ts_sql q, struct ts_error *err);

/* Ends the transaction by @how, if one is still open: many failures end it by themselves. */
void ts_conn_end(struct ts_conn *c, enum ts_sql how);

/* Whether only a new connection can help: the last failure was not for want of room or a lock. */
bool ts_conn_is_broken(const struct ts_conn *c);

/* Whether the last failure was for want of room. */
bool ts_conn_is_full(const struct ts_conn *c);

/* Whether the file was deleted or replaced since it was opened. */
bool ts_conn_file_moved(const struct ts_conn *c);

enum ts_step { TS_DONE, TS_ROW, TS_FAILED };

struct ts_stmt {
    struct ts_conn *conn;
    sqlite3_stmt *stmt;
    int bound;
    int read;
    int code; /* the first failure, an SQLite code */
};

struct ts_stmt ts_stmt_lease(struct ts_conn *c, enum ts_sql q);
void ts_stmt_return(struct ts_stmt *s);
#define TS_LEASE(name, conn, query)                                                                \
    TS_AUTO(ts_stmt_return) struct ts_stmt name = ts_stmt_lease((conn), (query))

void ts_bind_i64(struct ts_stmt *s, int64_t value);
void ts_bind_known(struct ts_stmt *s, int64_t value);                 /* TS_UNKNOWN binds NULL */
void ts_bind_text(struct ts_stmt *s, const char *text);               /* NULL binds NULL */
void ts_bind_text_n(struct ts_stmt *s, const char *text, size_t len); /* NULL binds "" */
void ts_bind_blob(struct ts_stmt *s, const void *bytes, size_t len);
void ts_bind_double(struct ts_stmt *s, double value);
void ts_bind_null(struct ts_stmt *s);

enum ts_step ts_step(struct ts_stmt *s);

int64_t ts_col_i64(struct ts_stmt *s);   /* NULL reads as 0 */
int64_t ts_col_known(struct ts_stmt *s); /* NULL reads as TS_UNKNOWN */
struct ts_cursor ts_col_blob(
    struct ts_stmt *s);                     /* valid until the next step; NULL reads as empty */
double ts_col_double(struct ts_stmt *s);    /* NULL reads as 0 */
const char *ts_col_text(struct ts_stmt *s); /* valid until the next step; NULL for NULL */

/**
 * ts_stmt_fail() - the error of a failed statement
 *
 * Return: NOMEM; INTERNAL for what the statement itself got wrong (a constraint, a value too big);
 * STORAGE_UNAVAILABLE for whatever the file, the disk or another process is to blame for.
 */
enum ts_err ts_stmt_fail(struct ts_stmt *s, struct ts_error *err, const char *doing);

#endif
