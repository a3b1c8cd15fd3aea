#include "server/backup_verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_EVERY_US = 100 * 1000 };

static enum ts_err cannot(struct ts_error *err, const char *path)
{
    return ts_fail(err,
                   TS_ERR_IO,
                   "cannot write %s: %s (whoever runs the database must be allowed to)",
                   path,
                   strerrordesc_np(errno));
}

static enum ts_err taken(struct ts_error *err, const char *path)
{
    return ts_fail(err, TS_ERR_IO, "%s is there already; --force replaces it", path);
}

/* -- where it goes ----------------------------------------------------------------------------- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static enum ts_err check_place(const char *to, bool force, const char *db, struct ts_error *err)
{
    if (to == NULL || *to != '/')
        return ts_fail_param(err, TS_ERR_INVALID_FIELD, "to", "to must be an absolute path");
    struct stat st;
    if (lstat(to, &st) != 0)
        return TS_OK;
    if (is_same_file(to, db))
        return ts_fail(err, TS_ERR_IO, "%s is the database itself", to);
    if (!S_ISREG(st.st_mode))
        return ts_fail(err, TS_ERR_IO, "%s is no regular file", to);
    return force ? TS_OK : taken(err, to);
}

/* An empty file beside the place, for its owner only. */
static enum ts_err make_part(const char *to, char **out, struct ts_error *err)
{
    char *part = NULL;
    if (asprintf(&part, "%s.part-XXXXXX", to) < 0)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a backup");
    int fd = mkostemp(part, O_CLOEXEC);
    if (fd < 0) {
        free(part);
        return cannot(err, to);
    }
    (void)close(fd);
    *out = part;
    return TS_OK;
}

static void drop_part(char **part)
{
    if (*part != NULL)
        (void)unlink(*part);
    free(*part);
}

/* -- making it --------------------------------------------------------------------------------- */

static enum ts_err copy(struct ts_verb_call *call, const char *part, struct ts_error *err)
{
    struct ts_latch latch;
    struct ts_store_backup b = {.job.latch = &latch, .to = part};
    ts_latch_init(&latch);
    ts_store_backup(call->env->store, &b);
    while (!ts_latch_wait_for(&latch, LOOK_EVERY_US)) {
        if (!ts_verb_progress(call, b.done, b.total))
            b.stop = true;
    }
    ts_latch_deinit(&latch);
    return b.job.result == TS_OK ? TS_OK : ts_fail(err, b.job.result, "%s", b.job.error.text);
}

static enum ts_err sync_file(const char *path, int64_t *bytes, struct ts_error *err)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0 && fstat(fd, &st) == 0;
    enum ts_err e = done ? TS_OK : cannot(err, path);
    if (done)
        *bytes = st.st_size;
    if (fd >= 0)
        (void)close(fd);
    return e;
}

static enum ts_err put_in_place(const char *part, const char *to, bool force, struct ts_error *err)
{
    int done = renameat2(AT_FDCWD, part, AT_FDCWD, to, force ? 0 : RENAME_NOREPLACE);
    if (done != 0 && errno == EEXIST)
        return taken(err, to);
    if (done != 0 && errno == EINVAL) /* a file system that cannot promise it */
        done = !force && access(to, F_OK) == 0 ? -1 : rename(part, to);
    return done == 0 ? TS_OK : cannot(err, to);
}

enum ts_err ts_backup_verb(struct ts_verb_call *call, struct ts_error *err)
{
    const char *to = json_string_value(json_object_get(call->request, "to"));
    bool force = json_is_true(json_object_get(call->request, "force"));
    TS_AUTO(drop_part) char *part = NULL;
    int64_t bytes = 0;
    enum ts_err e = check_place(to, force, call->env->db_path, err);
    if (e == TS_OK)
        e = make_part(to, &part, err);
    if (e == TS_OK)
        e = copy(call, part, err);
    if (e == TS_OK)
        e = ts_backup_check(part, err);
    if (e == TS_OK)
        e = sync_file(part, &bytes, err);
    if (e == TS_OK)
        e = put_in_place(part, to, force, err);
    if (e != TS_OK)
        return e;
    free(TS_TAKE(part)); /* it has its name now */
    call->result = json_pack("{s:I}", "bytes", (json_int_t)bytes);
    return call->result != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to answer");
}
