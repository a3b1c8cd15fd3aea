#include "db/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/sql.h"

/* Offsets in the first page of an SQLite file: https://www.sqlite.org/fileformat2.html */
enum { HEAD_BYTES = 100, AT_SCHEMA_COOKIE = 40, AT_USER_VERSION = 60, AT_APPLICATION_ID = 68 };

static enum ts_err unusable(struct ts_error *err, const char *path, const char *what)
{
    return ts_fail(err,
                   TS_ERR_STORAGE_UNAVAILABLE,
                   "%s: %s (%s); check the folder and its permissions, or set TOUCHSTONE_DB",
                   path,
                   what,
                   strerrordesc_np(errno));
}

static bool with_suffix(const char *path, const char *suffix, char out[static PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s%s", path, suffix);
    return n > 0 && n < PATH_MAX;
}

/* Creates the folders above @path, like mkdir -p. */
static enum ts_err make_folders(const char *path, struct ts_error *err)
{
    char folder[PATH_MAX];
    if (!with_suffix(path, "", folder))
        return ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "the database's path is too long");
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST && access(folder, X_OK) != 0)
            return unusable(err, folder, "cannot create the database's folder");
        *slash = '/';
    }
    return TS_OK;
}

enum ts_err ts_file_lock(const char *path, int *fd, struct ts_error *err)
{
    enum ts_err e = make_folders(path, err);
    if (e != TS_OK)
        return e;
    char lock[PATH_MAX];
    if (!with_suffix(path, ".lock", lock))
        return ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "the database's path is too long");
    int file = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return unusable(err, lock, "cannot open the database's lock");
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
        *fd = file;
        return TS_OK;
    }
    bool held = errno == EWOULDBLOCK;
    e = held ? ts_fail(err,
                       TS_ERR_IN_USE,
                       "%s: another touchstone uses this database; stop it, or set TOUCHSTONE_DB",
                       path)
             : unusable(err, lock, "cannot lock the database");
    (void)close(file);
    return e;
}

enum { TAG_DIGITS = 16 };

bool ts_file_read_tag(int lock_fd, uint64_t *tag)
{
    char text[TAG_DIGITS + 1] = {0};
    if (pread(lock_fd, text, TAG_DIGITS, 0) != TAG_DIGITS)
        return false;
    char *end = NULL;
    *tag = strtoull(text, &end, 16);
    return end == text + TAG_DIGITS && *tag >> 54 == 0;
}

void ts_file_write_tag(int lock_fd, uint64_t tag)
{
    char text[TAG_DIGITS + 2];
    (void)snprintf(text, sizeof(text), "%016" PRIx64 "\n", tag);
    if (pwrite(lock_fd, text, sizeof(text) - 1, 0) < 0)
        return; /* only a start in bad times would have needed it */
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static enum ts_err judge(const char *path, const uint8_t *head, ssize_t len, struct ts_error *err)
{
    if (len == 0)
        return TS_OK;
    if (len < HEAD_BYTES || memcmp(head, "SQLite format 3", 16) != 0)
        return ts_fail(err,
                       TS_ERR_FOREIGN_FILE,
                       "%s: not an SQLite database; it was left as it is. Set TOUCHSTONE_DB to "
                       "another path",
                       path);
    /* No schema yet: a creation that a crash cut short, or one that only the WAL knows about. */
    if (big_endian(head + AT_SCHEMA_COOKIE) == 0)
        return TS_OK;
    if (big_endian(head + AT_APPLICATION_ID) != TS_FILE_APPLICATION_ID)
        return ts_fail(err,
                       TS_ERR_FOREIGN_FILE,
                       "%s: the database of another program; it was left as it is. Set "
                       "TOUCHSTONE_DB to another path",
                       path);
    uint32_t version = big_endian(head + AT_USER_VERSION);
    if (version > TS_SQL_VERSION)
        return ts_fail(err,
                       TS_ERR_FOREIGN_FILE,
                       "%s: written by a newer touchstone (version %u of the schema, this one "
                       "knows %d); it was left as it is. Upgrade, or set TOUCHSTONE_DB",
                       path,
                       version,
                       TS_SQL_VERSION);
    return TS_OK;
}

enum ts_err ts_file_check(const char *path, struct ts_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) /* not left to SQLite: it would let others read it */
        fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return unusable(err, path, "cannot open the database");
    uint8_t head[HEAD_BYTES] = {0};
    ssize_t len = pread(fd, head, sizeof(head), 0);
    enum ts_err e =
        len < 0 ? unusable(err, path, "cannot read the database") : judge(path, head, len, err);
    (void)close(fd);
    return e;
}

bool ts_file_was_left_open(const char *path)
{
    char wal[PATH_MAX];
    struct stat st;
    return with_suffix(path, "-wal", wal) && stat(wal, &st) == 0 && st.st_size > 0;
}
