/* Reading the older JSON store. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/call.h"
#include "base/clock.h"
#include "base/jscan.h"
#include "base/limits.h"
#include "db/baseline.h"

enum {
    FILE_MAX_BYTES = 16 * 1024 * 1024,
    ENTRIES_MAX = 100000,
    ARENA_MAX_BYTES = 64 * 1024 * 1024
};
static const int64_t count_max = INT64_C(1) << 53;
static const double cost_max = 1e12;

static_assert(TS_BASELINE_HASH_BYTES == crypto_generichash_BYTES, "a hash of the default length");

struct reading {
    struct ts_baseline *b;
    const char *path; /* as it was named, for messages */
    struct ts_buf text;
    int room; /* for entries */
};

/* -- the file --------------------------------------------------------------------------------- */

static enum ts_err unreadable(const struct reading *r, struct ts_error *err)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return ts_fail(err, TS_ERR_NOT_FOUND, "%s: there is no such file", r->path);
    return ts_fail(err, TS_ERR_IO, "%s: cannot be read (%s)", r->path, strerrordesc_np(errno));
}

static enum ts_err read_all(struct reading *r, int fd, struct ts_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return unreadable(r, err);
    if (!S_ISREG(st.st_mode))
        return ts_fail(err, TS_ERR_IO, "%s: not a file", r->path);
    if (st.st_size > FILE_MAX_BYTES)
        return ts_fail(err, TS_ERR_IO, "%s: larger than %d bytes", r->path, FILE_MAX_BYTES);
    if (!ts_buf_reserve(&r->text, (size_t)st.st_size + 1))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for %s", r->path);
    for (;;) {
        char block[16 * 1024];
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return unreadable(r, err);
        if (n == 0)
            break;
        ts_buf_put(&r->text, block, (size_t)n);
    }
    return ts_buf_ok(&r->text) ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for %s", r->path);
}

static enum ts_err read_file(struct reading *r, struct ts_error *err)
{
    char full[PATH_MAX];
    int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return unreadable(r, err);
    enum ts_err e = realpath(r->path, full) != NULL ? read_all(r, fd, err) : unreadable(r, err);
    (void)close(fd);
    if (e != TS_OK)
        return e;
    (void)crypto_generichash(r->b->hash,
                             sizeof(r->b->hash),
                             (const unsigned char *)ts_buf_text(&r->text),
                             r->text.len,
                             NULL,
                             0);
    r->b->path = ts_arena_str(&r->b->arena, full);
    return r->b->path != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for %s", r->path);
}

/* -- what is wrong, and where ----------------------------------------------------------------- */

/* Syntax, as jansson sees it: it counts lines and columns. */
static enum ts_err check_syntax(const struct reading *r, struct ts_error *err)
{
    json_error_t why;
    json_t *tree = json_loadb(r->text.data, r->text.len, JSON_REJECT_DUPLICATES, &why);
    if (tree != NULL) {
        json_decref(tree);
        return TS_OK;
    }
    if (json_error_code(&why) == json_error_out_of_memory)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for %s", r->path);
    return ts_fail(err,
                   TS_ERR_INVALID_JSON,
                   "%s:%d:%d: %s",
                   r->path,
                   why.line,
                   why.column > 0 ? why.column : 1,
                   why.text);
}

/* "FILE:3:17: what"; columns count bytes. */
static enum ts_err wrong(const struct reading *r,
                         struct ts_jvalue at,
                         const char *what,
                         struct ts_error *err)
{
    int line = 1;
    const char *start = r->text.data;
    for (const char *c = start; c < at.raw.at; c++) {
        if (*c == '\n') {
            line++;
            start = c + 1;
        }
    }
    return ts_fail(err,
                   TS_ERR_INVALID_FIELD,
                   "%s:%d:%d: %s",
                   r->path,
                   line,
                   (int)(at.raw.at - start) + 1,
                   what);
}

/* -- entries ---------------------------------------------------------------------------------- */

static enum ts_err read_name(
    struct reading *r, struct ts_jvalue key, size_t max, const char **out, struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf name = TS_BUF_INIT(key.raw.len * 3 + 1);
    ts_jstring_decode(key, &name);
    if (!ts_buf_ok(&name))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for %s", r->path);
    if (name.len == 0 || name.len > max || memchr(name.data, '\0', name.len) != NULL)
        return wrong(r,
                     key,
                     max == TS_MAX_MODEL ? "a model's name is empty, longer than 256 bytes, "
                                           "or holds a NUL"
                                         : "a task type is empty, longer than 64 bytes, or "
                                           "holds a NUL",
                     err);
    *out = ts_arena_str(&r->b->arena, ts_buf_text(&name));
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for %s", r->path);
}

static bool is_absent(struct ts_jvalue v)
{
    return v.type == TS_J_NONE || v.type == TS_J_NULL;
}

/* A count; also one that was written as 42.0. */
static enum ts_err read_count(const struct reading *r,
                              struct ts_jvalue entry,
                              const char *name,
                              int64_t *out,
                              struct ts_error *err)
{
    struct ts_jvalue v = ts_jmember(entry, name);
    double number = 0;
    char what[96];
    *out = 0;
    if (is_absent(v) || ts_jint(v, 0, count_max, out))
        return TS_OK;
    if (ts_jnumber(v, &number) && number >= 0 && number <= (double)count_max &&
        number == floor(number)) {
        *out = (int64_t)number;
        return TS_OK;
    }
    (void)snprintf(what, sizeof(what), "%s is not a whole number from 0 on", name);
    return wrong(r, v, what, err);
}

static enum ts_err read_cost(const struct reading *r,
                             struct ts_jvalue entry,
                             double *out,
                             struct ts_error *err)
{
    struct ts_jvalue v = ts_jmember(entry, "totalCost");
    *out = 0;
    if (is_absent(v) || (ts_jnumber(v, out) && *out >= 0 && *out <= cost_max))
        return TS_OK;
    return wrong(r, v, "totalCost is not an amount from 0 on", err);
}

/* RFC 3339, or milliseconds since 1970. */
static enum ts_err read_last_used(struct reading *r,
                                  struct ts_jvalue entry,
                                  const char **out,
                                  struct ts_error *err)
{
    struct ts_jvalue v = ts_jmember(entry, "lastUsed");
    int64_t ms = 0;
    *out = NULL;
    if (is_absent(v))
        return TS_OK;
    bool ok = ts_jint(v, 0, INT64_C(253402300799999), &ms);
    if (v.type == TS_J_STRING)
        ok = ts_rfc3339_parse(v.raw.at + 1, v.raw.len - 2, &ms) == 0;
    if (!ok)
        return wrong(r, v, "lastUsed is not a time like 2026-11-20T21:33:55Z", err);
    char text[TS_RFC3339_SIZE];
    *out = ts_arena_str(&r->b->arena, ts_rfc3339(ms, text));
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for %s", r->path);
}

static enum ts_err check_required(const struct reading *r,
                                  struct ts_jvalue key,
                                  struct ts_jvalue entry,
                                  struct ts_error *err)
{
    if (entry.type != TS_J_OBJECT)
        return wrong(r, entry, "a model's figures are not an object", err);
    if (is_absent(ts_jmember(entry, "successes")) || is_absent(ts_jmember(entry, "failures")))
        return wrong(r, key, "a model without successes or failures", err);
    return TS_OK;
}

static enum ts_err make_room(struct reading *r, struct ts_error *err)
{
    struct ts_baseline *b = r->b;
    if (b->count < r->room)
        return TS_OK;
    int room = r->room == 0 ? 64 : r->room * 2;
    struct ts_baseline_entry *more =
        room <= 2 * ENTRIES_MAX ? ts_arena_alloc(&b->arena, (size_t)room * sizeof(*more)) : NULL;
    if (more == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "%s: more than can be held", r->path);
    if (b->count > 0)
        memcpy(more, b->entries, (size_t)b->count * sizeof(*more));
    b->entries = more;
    r->room = room;
    return TS_OK;
}

static enum ts_err read_entry(struct reading *r,
                              const char *task_type,
                              struct ts_jvalue key,
                              struct ts_jvalue entry,
                              struct ts_error *err)
{
    struct ts_baseline_entry n = {.task_type = task_type};
    enum ts_err e = check_required(r, key, entry, err);
    if (e == TS_OK)
        e = make_room(r, err);
    if (e == TS_OK)
        e = read_name(r, key, TS_MAX_MODEL, &n.model, err);
    if (e == TS_OK)
        e = read_count(r, entry, "successes", &n.successes, err);
    if (e == TS_OK)
        e = read_count(r, entry, "failures", &n.failures, err);
    if (e == TS_OK)
        e = read_count(r, entry, "timeouts", &n.timeouts, err);
    if (e == TS_OK)
        e = read_count(r, entry, "totalTokens", &n.total_tokens, err);
    if (e == TS_OK)
        e = read_cost(r, entry, &n.total_cost, err);
    if (e == TS_OK)
        e = read_last_used(r, entry, &n.last_used, err);
    if (e == TS_OK)
        r->b->entries[r->b->count++] = n;
    return e;
}

static enum ts_err read_task(struct reading *r,
                             struct ts_jvalue key,
                             struct ts_jvalue models,
                             struct ts_error *err)
{
    const char *task_type = NULL;
    if (models.type != TS_J_OBJECT)
        return wrong(r, models, "a task type's models are not an object", err);
    enum ts_err e = read_name(r, key, TS_MAX_NAME, &task_type, err);
    struct ts_jiter it = ts_jiter_of(models);
    struct ts_jvalue model;
    struct ts_jvalue entry;
    while (e == TS_OK && ts_jiter_next(&it, &model, &entry))
        e = read_entry(r, task_type, model, entry, err);
    return e;
}

static enum ts_err read_document(struct reading *r, struct ts_error *err)
{
    struct ts_jvalue root;
    struct ts_error why = TS_ERROR_INIT;
    enum ts_err e = check_syntax(r, err);
    if (e != TS_OK)
        return e;
    if (ts_jscan(r->text.data, r->text.len, &root, &why) != TS_OK)
        return ts_fail(err, TS_ERR_INVALID_JSON, "%s: %s", r->path, why.text);
    if (root.type != TS_J_OBJECT)
        return wrong(r, root, "not an object of task types", err);
    struct ts_jiter it = ts_jiter_of(root);
    struct ts_jvalue task;
    struct ts_jvalue models;
    while (e == TS_OK && ts_jiter_next(&it, &task, &models))
        e = read_task(r, task, models, err);
    return e;
}

enum ts_err ts_baseline_read(const char *path, struct ts_baseline **out, struct ts_error *err)
{
    TS_AUTO(ts_baseline_auto) struct ts_baseline *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for %s", path);
    b->arena = TS_ARENA_INIT(ARENA_MAX_BYTES);
    struct reading r = {.b = b, .path = path, .text = TS_BUF_INIT(FILE_MAX_BYTES + 1)};
    enum ts_err e = read_file(&r, err);
    if (e == TS_OK)
        e = read_document(&r, err);
    ts_buf_free(&r.text);
    if (e == TS_OK)
        *out = TS_TAKE(b);
    return e;
}

void ts_baseline_free(struct ts_baseline *b)
{
    if (b == NULL)
        return;
    ts_arena_free(&b->arena);
    free(b);
}
