#include "db/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "db/file.h"

static enum ts_err read_number(struct ts_conn *c, enum ts_sql q, int64_t *out, struct ts_error *err)
{
    TS_LEASE(s, c, q);
    if (ts_step(&s) != TS_ROW)
        return ts_stmt_fail(&s, err, ts_sql_queries[q].name);
    *out = ts_col_i64(&s);
    return TS_OK;
}

/* The first page was judged before (db/file.h); this also sees what only the WAL knows. */
static enum ts_err check_ours(struct ts_conn *c,
                              const char *path,
                              int64_t version,
                              struct ts_error *err)
{
    int64_t application = 0;
    int64_t objects = 0;
    enum ts_err e = read_number(c, TS_SQL_APPLICATION_ID, &application, err);
    if (e == TS_OK)
        e = read_number(c, TS_SQL_SCHEMA_OBJECTS, &objects, err);
    if (e != TS_OK)
        return e;
    if (objects > 0 && application != TS_FILE_APPLICATION_ID)
        return ts_fail(err, TS_ERR_FOREIGN_FILE, "%s: the database of another program", path);
    if (version > TS_SQL_VERSION)
        return ts_fail(err, TS_ERR_FOREIGN_FILE, "%s: written by a newer touchstone", path);
    return TS_OK;
}

static enum ts_err apply(struct ts_conn *c, const struct ts_sql_migration *m, struct ts_error *err)
{
    enum ts_err e = ts_conn_run(c, TS_SQL_WRITE_BEGIN, err);
    if (e == TS_OK)
        e = ts_conn_script(c, m->text, err);
    if (e == TS_OK)
        e = ts_conn_run(c, TS_SQL_WRITE_COMMIT, err);
    if (e != TS_OK)
        ts_conn_end(c, TS_SQL_WRITE_ROLLBACK);
    return e;
}

static enum ts_err checkpoint(struct ts_conn *c, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_CHECKPOINT);
    return ts_step(&s) == TS_ROW ? TS_OK : ts_stmt_fail(&s, err, "checkpoint");
}

/* -- a copy from before ---------------------------------------------------------------------------
 */

/* Room for the copy, and then some: the migration itself needs a log. */
static bool has_room_for_copy(const char *path)
{
    struct stat file;
    struct statvfs disk;
    if (stat(path, &file) != 0 || statvfs(path, &disk) != 0)
        return false;
    return (uint64_t)disk.f_bavail * disk.f_frsize / 3 > (uint64_t)file.st_size;
}

static enum ts_err copy_into(struct ts_conn *c, const char *to, struct ts_error *err)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ts_fail(err, TS_ERR_IO, "%s: %s", to, strerrordesc_np(errno));
    (void)close(fd);
    TS_LEASE(s, c, TS_SQL_COPY_INTO);
    ts_bind_text(&s, to);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, to);
}

/* `<path>.v1.backup`. Without it the migration goes on all the same: each step is whole or not
 * done. */
static void keep_copy(struct ts_conn *c, const char *path, int64_t version)
{
    char part[PATH_MAX];
    char whole[PATH_MAX];
    struct ts_error err = TS_ERROR_INIT;
    int n = snprintf(whole, sizeof(whole), "%s.v%" PRId64 ".backup", path, version);
    int m = snprintf(part, sizeof(part), "%s.v%" PRId64 ".backup.part", path, version);
    if (n < 0 || m < 0 || m >= PATH_MAX)
        return;
    enum ts_err e = has_room_for_copy(path) ? copy_into(c, part, &err)
                                            : ts_fail(&err, TS_ERR_IO, "the disk has no room");
    if (e == TS_OK && rename(part, whole) == 0) {
        ts_logf(TS_LOG_INFO,
                TS_LOG_FIELDS(TS_LOG_STR("copy", whole)),
                "the database is brought up to date; a copy of what it was is kept");
        return;
    }
    (void)unlink(part);
    ts_logf(TS_LOG_WARN,
            TS_LOG_FIELDS(TS_LOG_STR("why", err.text)),
            "the database is brought up to date without a copy of what it was");
}

enum ts_err ts_migrate_check(struct ts_conn *c,
                             const char *path,
                             int64_t *version,
                             struct ts_error *err)
{
    enum ts_err e = read_number(c, TS_SQL_USER_VERSION, version, err);
    return e == TS_OK ? check_ours(c, path, *version, err) : e;
}

enum ts_err ts_migrate(struct ts_conn *c, const char *path, bool *created, struct ts_error *err)
{
    int64_t version = 0;
    enum ts_err e = ts_migrate_check(c, path, &version, err);
    *created = version == 0;
    if (e != TS_OK || version == TS_SQL_VERSION)
        return e;
    if (version > 0)
        keep_copy(c, path, version);
    for (int64_t v = version; v < TS_SQL_VERSION; v++) {
        const struct ts_sql_migration *m = &ts_sql_migrations[v];
        e = apply(c, m, err);
        if (e != TS_OK)
            return e;
        ts_logf(TS_LOG_INFO,
                TS_LOG_FIELDS(TS_LOG_STR("file", path), TS_LOG_INT("version", m->version)),
                "database schema: %s",
                m->name);
    }
    return checkpoint(c, err);
}
