#include "proxy/fold.h"

#include <string.h>

struct ts_jvalue ts_fold_document(const struct ts_buf *b)
{
    struct ts_jvalue root = {.type = TS_J_NONE};
    if (b->len > 0 && ts_jscan(b->data, b->len, &root, NULL) != TS_OK)
        root = (struct ts_jvalue){.type = TS_J_NONE};
    return root;
}

static bool is_one_of(struct ts_jvalue key, const char *const *names)
{
    while (*names != NULL && !ts_jstring_is(key, *names))
        names++;
    return *names != NULL;
}

static void put_member(struct ts_buf *out, struct ts_jvalue key, struct ts_jvalue value)
{
    ts_buf_puts(out, ",");
    ts_buf_put(out, key.raw.at, key.raw.len);
    ts_buf_puts(out, ":");
    ts_buf_put(out, value.raw.at, value.raw.len);
}

static bool has_key(struct ts_jvalue object, struct ts_jvalue key)
{
    struct ts_jiter it = ts_jiter_of(object);
    struct ts_jvalue k, value;
    while (ts_jiter_next(&it, &k, &value)) {
        if (k.raw.len == key.raw.len && memcmp(k.raw.at, key.raw.at, k.raw.len) == 0)
            return value.type != TS_J_NULL;
    }
    return false;
}

void ts_fold_members(struct ts_buf *out,
                     struct ts_jvalue object,
                     struct ts_jvalue already,
                     const char *const *but)
{
    struct ts_jiter it = ts_jiter_of(object);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        if (value.type != TS_J_NULL && !is_one_of(key, but) && !has_key(already, key))
            put_member(out, key, value);
    }
}

struct ts_slice ts_fold_data(struct ts_slice raw)
{
    static const char mark[] = "data:";
    for (size_t at = 0; at < raw.len;) {
        const char *line = raw.at + at;
        const char *lf = memchr(line, '\n', raw.len - at);
        size_t n = lf != NULL ? (size_t)(lf - line) : raw.len - at;
        if (n > sizeof(mark) - 1 && memcmp(line, mark, sizeof(mark) - 1) == 0)
            return (struct ts_slice){line + sizeof(mark) - 1, n - (sizeof(mark) - 1)};
        at += n + 1;
    }
    return (struct ts_slice){.at = NULL};
}
