#include "server/sync_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "schema/sql.h"
#include "server/outfile.h"

/* A row is at most the body that brought it, with its quotes doubled. */
enum {
    SQL_MAX_BYTES = 1024 * 1024,
    WIDEST_LINE_BYTES = 32 * 1024 * 1024,
    READ_BUFFER_BYTES = 2 * WIDEST_LINE_BYTES,
};

struct ts_sync_load {
    char *file;
    char *folder;
    char *script;
    int lock_fd;
    struct ts_duckdb *db; /* NULL: files */
    int64_t batch;        /* that is begun */
    int64_t first;        /* of those that wait; files only */
    int64_t last;
    int files;         /* of the load that is begun */
    struct ts_buf sql; /* what is run; without the library, all of the load */
};

/* -- names ------------------------------------------------------------------------------------- */

static void free_text(char **text)
{
    free(*text);
}

static enum ts_err cannot(struct ts_error *err, const char *doing, const char *path)
{
    return ts_fail(err, TS_ERR_IO, "cannot %s %s: %s", doing, path, strerrordesc_np(errno));
}

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for a sync");
}

static char *in_folder(const struct ts_sync_load *l, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", l->folder, name) >= 0 ? path : NULL;
}

static char *load_path(const struct ts_sync_load *l, int64_t batch)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "%" PRId64 ".sql", batch);
    return in_folder(l, name);
}

/* -- the place --------------------------------------------------------------------------------- */

/* The folder must be there; the file need not. */
static enum ts_err name_place(struct ts_sync_load *l, const char *file, struct ts_error *err)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash != NULL ? slash + 1 : file;
    TS_AUTO(free_text)
    char *folder =
        slash == NULL ? strdup(".") : strndup(file, slash == file ? 1 : (size_t)(slash - file));
    TS_AUTO(free_text) char *real = folder != NULL ? realpath(folder, NULL) : NULL;
    if (*base == '\0')
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "%.200s names a folder, no file", file);
    if (folder != NULL && real == NULL)
        return cannot(err, "write", file);
    if (real == NULL || asprintf(&l->file, "%s/%s", strcmp(real, "/") == 0 ? "" : real, base) < 0 ||
        asprintf(&l->folder, "%s.sync", l->file) < 0 ||
        asprintf(&l->script, "%s.load.sql", l->file) < 0)
        return no_memory(err);
    return TS_OK;
}

/* A file that is there and is not DuckDB's is somebody's. */
static enum ts_err check_file(const char *path, struct ts_error *err)
{
    char head[12] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TS_OK : cannot(err, "read", path);
    ssize_t n = read(fd, head, sizeof(head));
    (void)close(fd);
    if (n < 0)
        return cannot(err, "read", path);
    if (n == sizeof(head) && memcmp(head + 8, "DUCK", 4) == 0)
        return TS_OK;
    return ts_fail(
        err, TS_ERR_FOREIGN_FILE, "%s is there and is no DuckDB database; name another file", path);
}

static enum ts_err lock_place(struct ts_sync_load *l, struct ts_error *err)
{
    if (mkdir(l->folder, 0700) != 0 && errno != EEXIST)
        return cannot(err, "make", l->folder);
    TS_AUTO(free_text) char *path = in_folder(l, "lock");
    if (path == NULL)
        return no_memory(err);
    l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (l->lock_fd < 0)
        return cannot(err, "write", path);
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return TS_OK;
    return ts_fail(err, TS_ERR_IN_USE, "%s: another sync to it is running; wait for that", l->file);
}

/* Which loads wait: away with those that DuckDB has. */
static enum ts_err find_loads(struct ts_sync_load *l, struct ts_error *err);

enum ts_err ts_sync_load_open(const struct ts_sync_place *place,
                              struct ts_sync_load **out,
                              struct ts_error *err)
{
    TS_AUTO(ts_sync_load_auto) struct ts_sync_load *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return no_memory(err);
    l->lock_fd = -1;
    l->sql = TS_BUF_INIT(SQL_MAX_BYTES);
    enum ts_err e = name_place(l, place->file, err);
    if (e == TS_OK)
        e = check_file(l->file, err);
    if (e == TS_OK)
        e = lock_place(l, err);
    if (e == TS_OK && !place->by_files)
        e = ts_duckdb_open(place->library, l->file, &l->db, err);
    if (e == TS_ERR_NOT_FOUND && place->library == NULL)
        e = TS_OK; /* there is none on this machine */
    if (e == TS_OK && l->db == NULL)
        e = find_loads(l, err);
    if (e == TS_OK)
        *out = TS_TAKE(l);
    return e;
}

/* Where no load is kept, nothing is. */
static void leave_folder(const struct ts_sync_load *l)
{
    TS_AUTO(free_text) char *state = in_folder(l, "state.json");
    TS_AUTO(free_text) char *lock = in_folder(l, "lock");
    if (state == NULL || lock == NULL || access(state, F_OK) == 0)
        return;
    (void)unlink(lock);
    (void)rmdir(l->folder);
}

void ts_sync_load_close(struct ts_sync_load *l)
{
    if (l == NULL)
        return;
    ts_duckdb_close(l->db);
    if (l->lock_fd >= 0)
        leave_folder(l);
    if (l->lock_fd >= 0)
        (void)close(l->lock_fd);
    ts_buf_free(&l->sql);
    free(l->script);
    free(l->folder);
    free(l->file);
    free(l);
}

const char *ts_sync_load_file(const struct ts_sync_load *l)
{
    return l->file;
}

const char *ts_sync_load_script(const struct ts_sync_load *l)
{
    return l->db == NULL ? l->script : NULL;
}

int ts_sync_load_waiting(const struct ts_sync_load *l)
{
    return l->db == NULL && l->last >= l->first ? (int)(l->last - l->first) + 1 : 0;
}

/* -- SQL --------------------------------------------------------------------------------------- */

static void put_literal(struct ts_buf *out, const char *text)
{
    ts_buf_put(out, "'", 1);
    for (; *text != '\0'; text++) {
        ts_buf_put(out, text, 1);
        if (*text == '\'')
            ts_buf_put(out, text, 1);
    }
    ts_buf_put(out, "'", 1);
}

static void put_word(struct ts_buf *out,
                     const char *name,
                     size_t len,
                     const struct ts_sync_words *w)
{
    const struct {
        const char *name;
        const char *plain; /* NULL: not this kind */
        const char *literal;
        int64_t number;
    } words[] = {
        {"TABLE", w->table, NULL, 0},
        {"KEY", w->key, NULL, 0},
        {"FILE", NULL, w->file, 0},
        {"STATE", NULL, w->state, 0},
        {"AFTER", NULL, NULL, w->after},
        {"END", NULL, NULL, w->end},
        {"BATCH", NULL, NULL, w->batch},
        {"TAG", NULL, NULL, (int64_t)w->tag},
        {"WIDEST", NULL, NULL, WIDEST_LINE_BYTES},
        {"BUFFER", NULL, NULL, READ_BUFFER_BYTES},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(words); i++) {
        if (strlen(words[i].name) != len || strncmp(words[i].name, name, len) != 0)
            continue;
        if (words[i].plain != NULL)
            ts_buf_puts(out, words[i].plain);
        else if (words[i].literal != NULL)
            put_literal(out, words[i].literal);
        else
            ts_buf_put_int(out, words[i].number);
    }
}

static void put_block(struct ts_buf *out, const char *block, const struct ts_sync_words *words)
{
    for (const char *at = block; *at != '\0';) {
        size_t plain = strcspn(at, "@");
        ts_buf_put(out, at, plain);
        at += plain;
        if (*at == '\0')
            break;
        size_t len = strcspn(at + 1, "@");
        put_word(out, at + 1, len, words);
        at += len + 2;
    }
    ts_buf_put(out, "\n", 1);
}

enum ts_err ts_sync_load_run(struct ts_sync_load *l,
                             const char *block,
                             const struct ts_sync_words *words,
                             struct ts_error *err)
{
    if (l->db != NULL)
        ts_buf_clear(&l->sql);
    put_block(&l->sql, block, words);
    if (!ts_buf_ok(&l->sql))
        return no_memory(err);
    return l->db != NULL ? ts_duckdb_run(l->db, ts_buf_text(&l->sql), err) : TS_OK;
}

/* -- small files ------------------------------------------------------------------------------- */

static enum ts_err write_whole(const char *path, const struct ts_buf *text, struct ts_error *err)
{
    struct ts_outfile out;
    enum ts_err e = ts_buf_ok(text) ? ts_outfile_open(path, &out, err) : no_memory(err);
    if (e != TS_OK)
        return e;
    e = ts_outfile_write(&out, ts_buf_text(text), text->len, err);
    if (e == TS_OK)
        e = ts_outfile_commit(&out, err);
    ts_outfile_close(&out);
    return e;
}

/* Appends the file's bytes; *found: it is there. */
static enum ts_err read_whole(const char *path,
                              struct ts_buf *out,
                              bool *found,
                              struct ts_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *found = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? TS_OK : cannot(err, "read", path);
    ssize_t n = 0;
    while (ts_buf_reserve(out, 4096) && (n = read(fd, out->data + out->len, 4096)) > 0)
        out->len += (size_t)n;
    ts_buf_put(out, "", 0);
    (void)close(fd);
    if (n < 0)
        return cannot(err, "read", path);
    return ts_buf_ok(out) ? TS_OK : no_memory(err);
}

/* -- state ------------------------------------------------------------------------------------- */

static enum ts_err read_state(struct ts_sync_load *l, struct ts_buf *text, struct ts_error *err)
{
    if (l->db == NULL) {
        bool found = false;
        TS_AUTO(free_text) char *path = in_folder(l, "state.json");
        return path != NULL ? read_whole(path, text, &found, err) : no_memory(err);
    }
    enum ts_err e = ts_duckdb_run(l->db, ts_duckdb_guard, err);
    if (e == TS_OK)
        e = ts_duckdb_text(l->db, ts_duckdb_has_state, text, err);
    bool any = strcmp(ts_buf_text(text), "1") == 0;
    ts_buf_clear(text);
    return e == TS_OK && any ? ts_duckdb_text(l->db, ts_duckdb_state, text, err) : e;
}

enum ts_err ts_sync_load_state(struct ts_sync_load *l, json_t **out, struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(64 * 1024);
    enum ts_err e = read_state(l, &text, err);
    *out = NULL;
    if (e != TS_OK || text.len == 0)
        return e;
    struct ts_error why = TS_ERROR_INIT;
    e = ts_json_parse(ts_buf_text(&text), text.len, out, &why);
    return e == TS_ERR_NOMEM ? no_memory(err) : TS_OK; /* not to be read: begin anew */
}

/* -- loads that wait --------------------------------------------------------------------------- */

static enum ts_err read_loaded(struct ts_sync_load *l, int64_t *out, struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(64 * 1024);
    TS_AUTO(free_text) char *path = in_folder(l, "loaded.csv");
    bool found = false;
    enum ts_err e = path != NULL ? read_whole(path, &text, &found, err) : no_memory(err);
    *out = found ? strtoll(ts_buf_text(&text), NULL, 10) : -1;
    return e;
}

/* Removes the files of loads up to @last and from @from on; tells what is left. */
static enum ts_err sweep(struct ts_sync_load *l, int64_t last, int64_t from, struct ts_error *err)
{
    DIR *d = opendir(l->folder);
    if (d == NULL)
        return cannot(err, "read", l->folder);
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        char *end = NULL;
        long long number = strtoll(entry->d_name, &end, 10);
        if (end == entry->d_name || (*end != '-' && *end != '.'))
            continue;
        if (number <= last || number >= from)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    (void)closedir(d);
    return TS_OK;
}

/* All that wait, in one transaction. */
static enum ts_err write_script(struct ts_sync_load *l, struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf all = TS_BUF_INIT((size_t)64 * SQL_MAX_BYTES);
    TS_AUTO(free_text) char *loaded = in_folder(l, "loaded.csv");
    if (loaded == NULL)
        return no_memory(err);
    const struct ts_sync_words words = {.file = loaded, .batch = l->last};
    put_block(&all, ts_duckdb_guard, &words);
    put_block(&all, ts_duckdb_begin, &words);
    if (l->first > l->last)
        put_block(&all, ts_duckdb_expect, &words);
    for (int64_t i = l->first; i <= l->last; i++) {
        TS_AUTO(free_text) char *path = load_path(l, i);
        bool found = false;
        enum ts_err e = path != NULL ? read_whole(path, &all, &found, err) : no_memory(err);
        if (e == TS_OK && !found)
            e = cannot(err, "read", path);
        if (e != TS_OK)
            return e;
    }
    put_block(&all, ts_duckdb_commit, &words);
    put_block(&all, ts_duckdb_confirm, &words);
    return write_whole(l->script, &all, err);
}

static enum ts_err find_loads(struct ts_sync_load *l, struct ts_error *err)
{
    json_auto_t *state = NULL;
    int64_t loaded = -1;
    enum ts_err e = read_loaded(l, &loaded, err);
    if (e == TS_OK)
        e = ts_sync_load_state(l, &state, err);
    if (e != TS_OK)
        return e;
    int64_t first = json_integer_value(json_object_get(state, "first"));
    l->last = state != NULL ? json_integer_value(json_object_get(state, "batch")) : -1;
    l->first = loaded + 1 > first ? loaded + 1 : first;
    e = sweep(l, l->first - 1, l->last + 1, err);
    return e == TS_OK && state != NULL ? write_script(l, err) : e;
}

/* -- a load ------------------------------------------------------------------------------------ */

enum ts_err ts_sync_load_begin(
    struct ts_sync_load *l, int64_t batch, bool reset, uint64_t tag, struct ts_error *err)
{
    const struct ts_sync_words words = {.batch = reset ? batch : batch - 1, .tag = tag};
    l->batch = batch;
    l->files = 0;
    if (reset)
        l->first = batch;
    ts_buf_clear(&l->sql);
    enum ts_err e = l->db != NULL ? ts_sync_load_run(l, ts_duckdb_begin, &words, err) : TS_OK;
    if (e == TS_OK)
        e = ts_sync_load_run(l, reset ? ts_duckdb_reset : ts_duckdb_expect, &words, err);
    return e;
}

enum ts_err ts_sync_file_open(struct ts_sync_load *l, struct ts_sync_file *f, struct ts_error *err)
{
    char name[48];
    (void)snprintf(name, sizeof(name), "%" PRId64 "-%d.csv", l->batch, ++l->files);
    f->fd = -1;
    f->path = in_folder(l, name);
    if (f->path == NULL)
        return no_memory(err);
    f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return f->fd >= 0 ? TS_OK : cannot(err, "write", f->path);
}

enum ts_err ts_sync_file_put(struct ts_sync_file *f,
                             const struct ts_buf *bytes,
                             struct ts_error *err)
{
    for (size_t at = 0; at < bytes->len;) {
        ssize_t n = write(f->fd, bytes->data + at, bytes->len - at);
        if (n < 0 && errno != EINTR)
            return cannot(err, "write", f->path);
        at += n > 0 ? (size_t)n : 0;
    }
    return TS_OK;
}

enum ts_err ts_sync_file_close(struct ts_sync_file *f, struct ts_error *err)
{
    int fd = f->fd;
    f->fd = -1;
    return fd < 0 || close(fd) == 0 ? TS_OK : cannot(err, "write", f->path);
}

void ts_sync_file_drop(struct ts_sync_load *l, struct ts_sync_file *f)
{
    if (f->path == NULL)
        return;
    if (f->fd >= 0)
        (void)close(f->fd);
    if (l->db != NULL)
        (void)unlink(f->path);
    free(f->path);
    *f = (struct ts_sync_file){.fd = -1};
}

/* The state comes last but one: until it is there, the load was not made. */
static enum ts_err keep_load(struct ts_sync_load *l, const char *state, struct ts_error *err)
{
    TS_AUTO(free_text) char *load = load_path(l, l->batch);
    TS_AUTO(free_text) char *path = in_folder(l, "state.json");
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(64 * 1024);
    ts_buf_puts(&text, state);
    if (load == NULL || path == NULL)
        return no_memory(err);
    enum ts_err e = write_whole(load, &l->sql, err);
    if (e == TS_OK)
        e = write_whole(path, &text, err);
    if (e != TS_OK)
        return e;
    l->last = l->batch;
    e = sweep(l, l->first - 1, l->last + 1, err);
    return e == TS_OK ? write_script(l, err) : e;
}

enum ts_err ts_sync_load_commit(struct ts_sync_load *l, json_t *state, struct ts_error *err)
{
    if (json_object_set_new(state, "batch", json_integer(l->batch)) != 0 ||
        json_object_set_new(state, "first", json_integer(l->first)) != 0)
        return no_memory(err);
    char *text = json_dumps(state, JSON_COMPACT);
    if (text == NULL)
        return no_memory(err);
    const struct ts_sync_words words = {.state = text, .batch = l->batch};
    enum ts_err e = ts_sync_load_run(l, ts_duckdb_note, &words, err);
    if (e == TS_OK && l->db != NULL)
        e = ts_sync_load_run(l, ts_duckdb_commit, &words, err);
    else if (e == TS_OK)
        e = keep_load(l, text, err);
    free(text);
    return e;
}
