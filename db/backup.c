#include "db/backup.h"

#include <string.h>

#include "db/parts.h"

enum { STEP_PAGES = 256, BLOCKED_US = 5000 };

/* -- asking ------------------------------------------------------------------------------------ */

void ts_store_backup(struct ts_store *s, struct ts_store_backup *b)
{
    struct ts_store_backup *none = NULL;
    b->done = 0;
    b->total = TS_UNKNOWN;
    if (atomic_compare_exchange_strong(&s->backup.job, &none, b)) {
        ts_inbox_nudge(&s->inbox);
        return;
    }
    struct ts_error why = TS_ERROR_INIT;
    ts_job_settle(&b->job,
                  ts_fail(&why, TS_ERR_OVERLOADED, "another backup is being made; try again later"),
                  &why);
}

int64_t ts_backup_idle_us(const struct ts_store *s)
{
    return s->backup.job == NULL ? -1 : s->backup.blocked ? BLOCKED_US : 0;
}

/* -- making it --------------------------------------------------------------------------------- */

static void finish(struct ts_store *s, enum ts_err result, const struct ts_error *why)
{
    struct ts_backup *b = &s->backup;
    struct ts_store_backup *job = b->job;
    (void)sqlite3_backup_finish(b->run);
    (void)sqlite3_close(b->to);
    b->run = NULL;
    b->to = NULL;
    b->blocked = false;
    b->job = NULL;
    ts_job_settle(&job->job, result, why);
}

void ts_backup_abandon(struct ts_store *s, const struct ts_error *why)
{
    if (s->backup.job != NULL)
        finish(s, why->code, why);
}

static enum ts_err fail(const struct ts_store *s, int rc, struct ts_error *err)
{
    return ts_fail(err,
                   (rc & 0xff) == SQLITE_NOMEM ? TS_ERR_NOMEM : TS_ERR_IO,
                   "copying %s: %s (SQLite code %d)",
                   s->path,
                   sqlite3_errstr(rc),
                   rc);
}

static enum ts_err begin(struct ts_store *s, struct ts_error *err)
{
    struct ts_backup *b = &s->backup;
    const struct ts_store_backup *job = b->job;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(job->to, &b->to, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->to, ts_sql_pragmas_copy, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return fail(s, rc, err);
    b->run = sqlite3_backup_init(b->to, "main", s->writer.conn->db, "main");
    return b->run != NULL ? TS_OK : fail(s, sqlite3_extended_errcode(b->to), err);
}

static void copy(struct ts_store *s)
{
    struct ts_backup *b = &s->backup;
    struct ts_store_backup *job = b->job;
    struct ts_error err = TS_ERROR_INIT;
    int rc = sqlite3_backup_step(b->run, STEP_PAGES);
    int64_t total = sqlite3_backup_pagecount(b->run);
    job->total = total;
    job->done = total - sqlite3_backup_remaining(b->run);
    b->blocked = (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED;
    if (rc == SQLITE_DONE)
        finish(s, TS_OK, NULL);
    else if (rc != SQLITE_OK && !b->blocked)
        finish(s, fail(s, rc, &err), &err);
}

void ts_backup_step(struct ts_store *s)
{
    struct ts_backup *b = &s->backup;
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_store_backup *job = b->job;
    if (job == NULL)
        return;
    if (job->stop)
        finish(s, ts_fail(&err, TS_ERR_DRAINING, "the backup was broken off"), &err);
    else if (b->run == NULL && begin(s, &err) != TS_OK)
        finish(s, err.code, &err);
    else
        copy(s);
}

/* -- the result -------------------------------------------------------------------------------- */

static enum ts_err go_through(struct ts_conn *c, struct ts_error *err)
{
    TS_LEASE(check, c, TS_SQL_QUICK_CHECK);
    if (ts_step(&check) != TS_ROW)
        return ts_stmt_fail(&check, err, "checking the copy");
    const char *found = ts_col_text(&check);
    if (found != NULL && strcmp(found, "ok") == 0)
        return TS_OK;
    return ts_fail(err,
                   TS_ERR_IO,
                   "the copy is damaged, and so is the database then: %s",
                   found != NULL ? found : "unknown");
}

enum ts_err ts_backup_check(const char *path, struct ts_error *err)
{
    TS_AUTO(ts_conn_auto) struct ts_conn *c = NULL;
    enum ts_err e = ts_conn_open(path, TS_SQL_WRITER, &c, err);
    if (e == TS_OK)
        e = ts_conn_prepare(c, TS_SQL_READER, err);
    if (e == TS_OK)
        e = go_through(c, err);
    /* Without a log of its own it is one file, which can be read where nobody may write. */
    return e == TS_OK ? ts_conn_script(c, ts_sql_pragmas_copy, err) : e;
}
