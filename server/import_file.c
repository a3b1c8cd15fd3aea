#include "server/import_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 256 * 1024, HASH_BYTES = (TS_IMPORT_PRINT_SIZE - 1) / 2 };

static enum ts_err cannot(struct ts_error *err, const char *doing, const char *name)
{
    return ts_fail(err, TS_ERR_IO, "cannot %s %s: %s", doing, name, strerrordesc_np(errno));
}

/* A file without a name in the folder of @len bytes; -1: not there. */
static int nameless(const char *folder, size_t len)
{
    char *path = NULL; /* for file systems without O_TMPFILE */
    if (asprintf(&path, "%.*s/.touchstone-import-XXXXXX", (int)len, folder) < 0)
        return -1;
    path[len] = '\0';
    int fd = open(len > 0 ? path : "/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    path[len] = '/';
    if (fd < 0) {
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(path);
    }
    free(path);
    return fd;
}

static int open_spool(const char *db_path)
{
    const char *slash = strrchr(db_path, '/');
    int fd = slash != NULL ? nameless(db_path, (size_t)(slash - db_path)) : nameless(".", 1);
    const char *tmp = getenv("TMPDIR");
    const char *instead = tmp != NULL && *tmp != '\0' ? tmp : "/tmp";
    return fd >= 0 ? fd : nameless(instead, strlen(instead));
}

static enum ts_err write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return TS_ERR_IO;
        bytes += put;
        n -= (size_t)put;
    }
    return TS_OK;
}

static enum ts_err copy(int from, int to, const char *name, struct ts_error *err)
{
    char *block = malloc(COPY_BYTES);
    if (block == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to read %s", name);
    enum ts_err e = TS_OK;
    for (ssize_t n = 1; e == TS_OK && n != 0;) {
        n = read(from, block, COPY_BYTES);
        if (n < 0 && errno != EINTR)
            e = cannot(err, "read", name);
        if (n > 0 && write_all(to, block, (size_t)n) != TS_OK)
            e = cannot(err, "keep a copy of", name);
    }
    free(block);
    return e;
}

static enum ts_err spool(struct ts_import_file *f, const char *db_path, struct ts_error *err)
{
    int to = open_spool(db_path);
    if (to < 0)
        return cannot(err, "keep a copy of", f->name);
    enum ts_err e = copy(f->fd, to, f->name, err);
    (void)close(f->fd);
    f->fd = to;
    return e;
}

enum ts_err ts_import_file_open(const char *name,
                                const char *folder_of,
                                struct ts_import_file *out,
                                struct ts_error *err)
{
    struct stat st;
    bool standard = strcmp(name, "-") == 0;
    *out = (struct ts_import_file){.name = standard ? "standard input" : name};
    out->fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(name, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0 || fstat(out->fd, &st) != 0)
        return cannot(err, "open", out->name);
    if (S_ISDIR(st.st_mode))
        return ts_fail(err, TS_ERR_IO, "%s is a folder; name a file in it", name);
    bool whole = S_ISREG(st.st_mode) && lseek(out->fd, 0, SEEK_CUR) == 0;
    if (!whole) {
        enum ts_err e = spool(out, folder_of, err);
        if (e != TS_OK)
            return e;
        if (fstat(out->fd, &st) != 0)
            return cannot(err, "read", out->name);
    }
    out->size = st.st_size;
    return TS_OK;
}

void ts_import_file_close(struct ts_import_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

enum ts_err ts_import_file_rewind(struct ts_import_file *f, bool first, struct ts_error *err)
{
    f->read = 0;
    f->hashing = first;
    if (first)
        (void)crypto_generichash_init(&f->hash, NULL, 0, HASH_BYTES);
    return lseek(f->fd, 0, SEEK_SET) == 0 ? TS_OK : cannot(err, "read", f->name);
}

static ssize_t read_some(void *ctx, char *bytes, size_t n)
{
    struct ts_import_file *f = ctx;
    ssize_t got = read(f->fd, bytes, n);
    if (got <= 0)
        return got;
    f->read += got;
    if (f->hashing)
        (void)crypto_generichash_update(
            &f->hash, (const unsigned char *)bytes, (unsigned long long)got);
    return got;
}

struct ts_intake_source ts_import_file_source(struct ts_import_file *f)
{
    return (struct ts_intake_source){.read = read_some, .ctx = f};
}

void ts_import_file_print(struct ts_import_file *f, char out[static TS_IMPORT_PRINT_SIZE])
{
    unsigned char hash[HASH_BYTES];
    (void)crypto_generichash_final(&f->hash, hash, sizeof(hash));
    (void)sodium_bin2hex(out, TS_IMPORT_PRINT_SIZE, hash, sizeof(hash));
}

double ts_import_file_share(const struct ts_import_file *f)
{
    return f->size > 0 ? (double)f->read / (double)f->size : 1;
}
