#include "db/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum { SLOTS = 1024, KEY_MAX_BYTES = 8192 };

/* One cached name; a name that falls on a taken slot replaces what is there. */
struct slot {
    char *key;
    size_t len;
    int64_t id;
};

struct ts_intern {
    struct slot slots[SLOTS];
    struct ts_buf key; /* scratch */
    uint8_t *given;    /* a bit for each label, set when it is handed out; or NULL */
    int64_t given_count;
};

enum ts_err ts_intern_new(struct ts_intern **out)
{
    struct ts_intern *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return TS_ERR_NOMEM;
    in->key = TS_BUF_INIT(KEY_MAX_BYTES);
    *out = in;
    return TS_OK;
}

void ts_intern_drop(struct ts_intern *in)
{
    for (int i = 0; i < SLOTS; i++) {
        free(in->slots[i].key);
        in->slots[i] = (struct slot){0};
    }
}

void ts_intern_free(struct ts_intern *in)
{
    if (in == NULL)
        return;
    ts_intern_drop(in);
    ts_buf_free(&in->key);
    free(in);
}

/* FNV-1a. */
static uint32_t hash(const char *bytes, size_t len)
{
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)bytes[i]) * 16777619U;
    return h;
}

static struct slot *slot_of(struct ts_intern *in)
{
    return &in->slots[hash(in->key.data, in->key.len) % SLOTS];
}

static bool cached(struct ts_intern *in, int64_t *id)
{
    if (!ts_buf_ok(&in->key))
        return false; /* longer than any key: looked up each time */
    const struct slot *s = slot_of(in);
    if (s->key == NULL || s->len != in->key.len || memcmp(s->key, in->key.data, s->len) != 0)
        return false;
    *id = s->id;
    return true;
}

static void remember(struct ts_intern *in, int64_t id)
{
    if (!ts_buf_ok(&in->key))
        return;
    char *copy = malloc(in->key.len);
    if (copy == NULL)
        return;
    memcpy(copy, in->key.data, in->key.len);
    struct slot *s = slot_of(in);
    free(s->key);
    *s = (struct slot){.key = copy, .len = in->key.len, .id = id};
}

static void key_start(struct ts_intern *in, char kind)
{
    ts_buf_clear(&in->key);
    ts_buf_put(&in->key, &kind, 1);
}

static void key_add(struct ts_intern *in, const char *text)
{
    ts_buf_put(&in->key, text, strlen(text) + 1); /* the NUL keeps the parts apart */
}

static enum ts_err find_label(struct ts_conn *c,
                              const char *text,
                              int64_t *id,
                              struct ts_error *err)
{
    TS_LEASE(find, c, TS_SQL_LABEL_FIND);
    ts_bind_text(&find, text);
    enum ts_step step = ts_step(&find);
    if (step == TS_ROW) {
        *id = ts_col_i64(&find);
        return TS_OK;
    }
    if (step == TS_FAILED)
        return ts_stmt_fail(&find, err, "looking up a name");
    TS_LEASE(insert, c, TS_SQL_LABEL_INSERT);
    ts_bind_text(&insert, text);
    if (ts_step(&insert) != TS_DONE)
        return ts_stmt_fail(&insert, err, "storing a name");
    *id = sqlite3_last_insert_rowid(c->db);
    return TS_OK;
}

static void mark_given(struct ts_intern *in, int64_t id)
{
    if (in->given != NULL && id <= in->given_count)
        in->given[id / 8] |= (uint8_t)(1U << (id % 8));
}

enum ts_err ts_intern_label(
    struct ts_intern *in, struct ts_conn *c, const char *text, int64_t *id, struct ts_error *err)
{
    if (text == NULL) {
        *id = TS_UNKNOWN;
        return TS_OK;
    }
    key_start(in, 'l');
    key_add(in, text);
    if (!cached(in, id)) {
        enum ts_err e = find_label(c, text, id, err);
        if (e != TS_OK)
            return e;
        remember(in, *id);
    }
    mark_given(in, *id);
    return TS_OK;
}

void ts_intern_watch(struct ts_intern *in, uint8_t *given, int64_t count)
{
    in->given = given;
    in->given_count = count;
}

/* -- series ----------------------------------------------------------------------------------- */

static void bind_series(struct ts_stmt *s, const struct ts_series_key *key)
{
    ts_bind_text(s, key->provider);
    ts_bind_text(s, key->model);
    ts_bind_text(s, key->task_type);
    ts_bind_i64(s, key->complexity);
}

/* TS_UNKNOWN: there is none. */
static enum ts_err find_series(struct ts_conn *c,
                               const struct ts_series_key *key,
                               int64_t *id,
                               struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_SERIES_FIND);
    bind_series(&s, key);
    enum ts_step step = ts_step(&s);
    *id = step == TS_ROW ? ts_col_i64(&s) : TS_UNKNOWN;
    return step == TS_FAILED ? ts_stmt_fail(&s, err, "looking up a series") : TS_OK;
}

static enum ts_err insert_series(struct ts_conn *c,
                                 const struct ts_series_key *key,
                                 int64_t *id,
                                 struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_SERIES_INSERT);
    bind_series(&s, key);
    ts_bind_i64(&s, ts_wall_ms() / TS_DAY_MS);
    if (ts_step(&s) != TS_DONE)
        return ts_stmt_fail(&s, err, "storing a series");
    *id = sqlite3_last_insert_rowid(c->db);
    return TS_OK;
}

static enum ts_err day_is_full(struct ts_conn *c, bool *full, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_SERIES_OF_DAY);
    ts_bind_i64(&s, ts_wall_ms() / TS_DAY_MS);
    if (ts_step(&s) != TS_ROW)
        return ts_stmt_fail(&s, err, "counting the series of today");
    *full = ts_col_i64(&s) >= TS_NEW_SERIES_A_DAY;
    return TS_OK;
}

enum ts_err ts_intern_series(struct ts_intern *in,
                             struct ts_conn *c,
                             const struct ts_series_key *key,
                             int64_t *id,
                             struct ts_error *err)
{
    static const struct ts_series_key other = {
        .provider = TS_OTHER, .model = TS_OTHER, .task_type = "other"};
    char complexity = (char)('0' + key->complexity);
    key_start(in, 's');
    ts_buf_put(&in->key, &complexity, 1);
    key_add(in, key->provider);
    key_add(in, key->model);
    key_add(in, key->task_type);
    if (cached(in, id))
        return TS_OK;
    bool full = false;
    enum ts_err e = find_series(c, key, id, err);
    if (e == TS_OK && *id == TS_UNKNOWN)
        e = day_is_full(c, &full, err);
    if (e == TS_OK && full)
        e = find_series(c, &other, id, err);
    if (e == TS_OK && *id == TS_UNKNOWN)
        e = insert_series(c, full ? &other : key, id, err);
    if (e == TS_OK && !full)
        remember(in, *id); /* the overflow only for today */
    return e;
}
