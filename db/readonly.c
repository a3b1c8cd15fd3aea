#include "db/readonly.h"

#include <stdlib.h>
#include <unistd.h>

#include "db/migrate.h"
#include "db/parts.h"

struct ts_readonly {
    struct ts_conn *conn;
    struct ts_reader_conn reader;
};

/* The header of the file may be older than what its log holds: this asks SQLite. */
static enum ts_err check_version(struct ts_conn *c, const char *path, struct ts_error *err)
{
    int64_t version = 0;
    enum ts_err e = ts_migrate_check(c, path, &version, err);
    if (e != TS_OK || version == TS_SQL_VERSION)
        return e;
    if (version == 0)
        return ts_fail(err, TS_ERR_IO, "%s: nothing was written to it yet", path);
    return ts_fail(err,
                   TS_ERR_FOREIGN_FILE,
                   "%s: written by an older touchstone (version %lld of the schema, this one reads "
                   "%d); start the server on it once, which brings it up to date",
                   path,
                   (long long)version,
                   TS_SQL_VERSION);
}

/* Judged by SQLite alone: this process may have other connections to the file, and opening and
 * closing it beside SQLite would let go of their locks. */
static enum ts_err open_existing(const char *path, struct ts_conn **out, struct ts_error *err)
{
    if (access(path, F_OK) != 0)
        return ts_fail(err,
                       TS_ERR_IO,
                       "%s: there is no database yet; start touchstone, or name another file with "
                       "--db",
                       path);
    enum ts_err e = ts_conn_open(path, TS_SQL_READER, out, err);
    return e == TS_ERR_FOREIGN_FILE ? ts_fail(err, e, "%s: not an SQLite database", path) : e;
}

enum ts_err ts_readonly_open(const char *path, struct ts_readonly **out, struct ts_error *err)
{
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a database connection");
    enum ts_err e = open_existing(path, &r->conn, err);
    if (e == TS_OK)
        e = ts_conn_script(r->conn, ts_sql_pragmas_command, err);
    if (e == TS_OK)
        e = ts_conn_prepare(r->conn, TS_SQL_OPENER, err);
    if (e == TS_OK)
        e = check_version(r->conn, path, err);
    if (e == TS_OK)
        e = ts_conn_prepare(r->conn, TS_SQL_READER, err);
    if (e != TS_OK)
        return e;
    /* Our own views use functions that SQLite would not let a stranger's schema use. */
    (void)sqlite3_db_config(r->conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, NULL);
    r->reader.conn = r->conn;
    *out = TS_TAKE(r);
    return TS_OK;
}

void ts_readonly_close(struct ts_readonly *r)
{
    if (r == NULL)
        return;
    ts_conn_close(r->conn);
    free(r);
}

enum ts_err ts_readonly_begin(struct ts_readonly *r, struct ts_error *err)
{
    return ts_conn_run(r->conn, TS_SQL_READ_BEGIN, err);
}

void ts_readonly_end(struct ts_readonly *r)
{
    ts_conn_end(r->conn, TS_SQL_READ_END);
}

struct ts_reader_conn *ts_readonly_conn(struct ts_readonly *r)
{
    return &r->reader;
}
