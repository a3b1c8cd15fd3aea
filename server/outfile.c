#include "server/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ts_err cannot(struct ts_error *err, const char *name)
{
    return ts_fail(err, TS_ERR_IO, "cannot write %s: %s", name, strerrordesc_np(errno));
}

enum ts_err ts_outfile_open(const char *path, struct ts_outfile *out, struct ts_error *err)
{
    struct stat st;
    *out = (struct ts_outfile){.name = "standard output", .fd = STDOUT_FILENO};
    if (path == NULL || strcmp(path, "-") == 0)
        return TS_OK;
    *out = (struct ts_outfile){.name = path, .fd = -1};
    bool special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    if (special) {
        out->fd = open(path, O_WRONLY | O_CLOEXEC);
        return out->fd >= 0 ? TS_OK : cannot(err, path);
    }
    if (asprintf(&out->beside, "%s.part-XXXXXX", path) < 0) {
        out->beside = NULL;
        return ts_fail(err, TS_ERR_NOMEM, "no memory to write %s", path);
    }
    out->fd = mkostemp(out->beside, O_CLOEXEC);
    if (out->fd >= 0)
        return TS_OK;
    free(out->beside);
    out->beside = NULL;
    return cannot(err, path);
}

enum ts_err ts_outfile_write(struct ts_outfile *f,
                             const char *bytes,
                             size_t n,
                             struct ts_error *err)
{
    while (n > 0) {
        ssize_t put = write(f->fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EPIPE)
            return ts_fail(err, TS_ERR_CLIENT_GONE, "nobody reads %s any more", f->name);
        if (put < 0)
            return cannot(err, f->name);
        bytes += put;
        n -= (size_t)put;
    }
    return TS_OK;
}

enum ts_err ts_outfile_commit(struct ts_outfile *f, struct ts_error *err)
{
    if (f->beside == NULL)
        return TS_OK;
    if (fsync(f->fd) != 0 || rename(f->beside, f->name) != 0)
        return cannot(err, f->name);
    free(f->beside);
    f->beside = NULL;
    return TS_OK;
}

void ts_outfile_close(struct ts_outfile *f)
{
    if (f->beside != NULL)
        (void)unlink(f->beside);
    free(f->beside);
    f->beside = NULL;
    if (f->fd >= 0 && f->fd != STDOUT_FILENO)
        (void)close(f->fd);
    f->fd = -1;
}
