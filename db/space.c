#include "db/space.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/parts.h"

enum { FIRST_LOOK_US = 1000 * 1000, LOOK_EVERY_US = 10 * 1000 * 1000 };
static const int64_t mib = 1024 * 1024;

struct room {
    int64_t total;
    int64_t free; /* for us, not for root */
};

enum ts_err ts_space_init(struct ts_space *sp, const char *db_path, struct ts_error *err)
{
    *sp = (struct ts_space){.due_us = ts_now_us() + FIRST_LOOK_US};
    if (asprintf(&sp->reserve, "%s.reserve", db_path) < 0) {
        sp->reserve = NULL;
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the store");
    }
    return TS_OK;
}

void ts_space_deinit(struct ts_space *sp)
{
    free(sp->reserve);
}

/* -- how much --------------------------------------------------------------------------------- */

static bool look(const char *path, struct room *out)
{
    struct statvfs v;
    if (statvfs(path, &v) != 0)
        return false;
    int64_t block = (int64_t)v.f_frsize;
    *out = (struct room){.total = (int64_t)v.f_blocks * block, .free = (int64_t)v.f_bavail * block};
    return out->total > 0; /* some file systems of the network know nothing */
}

static int64_t at_most(int64_t limit, int64_t v)
{
    return v < limit ? v : limit;
}

/* Below it the store is degraded. */
static int64_t floor_bytes(const struct room *r)
{
    return at_most(64 * mib, r->total / 32);
}

/* Whole blocks of any usual size. */
static int64_t reserve_bytes(const struct room *r)
{
    return at_most(32 * mib, r->total / 64) / 65536 * 65536;
}

/* -- the reserve ------------------------------------------------------------------------------ */

static bool is_there(const struct ts_space *sp)
{
    struct stat st;
    return stat(sp->reserve, &st) == 0 && S_ISREG(st.st_mode) && st.st_blocks > 0;
}

/* False: not on this file system, or not now. */
static bool allocate(const struct ts_space *sp, int64_t bytes)
{
    int fd = open(sp->reserve, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool ok = fallocate(fd, 0, 0, bytes) == 0;
    (void)close(fd);
    if (!ok)
        (void)unlink(sp->reserve);
    return ok;
}

static void keep_reserve(struct ts_space *sp, const struct room *r)
{
    int64_t bytes = reserve_bytes(r);
    if (!sp->reserved)
        sp->reserved = is_there(sp);
    if (!sp->reserved && bytes > 0 && r->free - bytes >= 2 * floor_bytes(r))
        sp->reserved = allocate(sp, bytes);
}

bool ts_space_give(struct ts_store *s)
{
    struct ts_space *sp = &s->space;
    if (unlink(sp->reserve) != 0)
        return false;
    sp->reserved = false;
    sp->due_us = ts_now_us() + LOOK_EVERY_US;
    ts_logf(TS_LOG_WARN,
            TS_LOG_FIELDS(TS_LOG_STR("file", sp->reserve)),
            "the disk is full: the room kept back is given up, and old calls are deleted");
    ts_retention_hurry(s);
    return true;
}

/* -- watching --------------------------------------------------------------------------------- */

void ts_space_turn(struct ts_store *s)
{
    struct room r;
    char why[160] = "";
    if (ts_space_wait_us(s) > 0)
        return;
    s->space.due_us = ts_now_us() + LOOK_EVERY_US;
    if (!look(s->path, &r))
        return;
    keep_reserve(&s->space, &r);
    if (r.free < floor_bytes(&r))
        (void)snprintf(why,
                       sizeof(why),
                       "the disk is nearly full: %" PRId64 " KiB are left, %" PRId64
                       " KiB should be",
                       r.free / 1024,
                       floor_bytes(&r) / 1024);
    ts_state_room(&s->state, why);
}

int64_t ts_space_wait_us(const struct ts_store *s)
{
    int64_t left = s->space.due_us - ts_now_us();
    return left > 0 ? left : 0;
}
