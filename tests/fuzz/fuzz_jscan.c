/*
 * JSON: our two scanners and jansson agree.
 *
 * What jansson takes, ts_jscan takes, within its depth; but for a NUL, which jansson takes for the
 * end. What ts_jscan takes as an object, the path
 * scanner takes; the other way round it may differ in UTF-8, which it does not check, and in
 * words that are too long for it to look at.
 */
#include <jansson.h>
#include <string.h>

#include "base/jscan.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "proxy/jpath.h"

static void ignore(void *ctx, int field, const struct ts_jpath_value *v)
{
    (void)ctx, (void)field, (void)v;
}

static bool path_scanner_takes(const char *text, size_t n)
{
    static const struct ts_jpath paths[] = {{{"a"}, 0}, {{"a", "[]", "b"}, 1}, {{"b"}, 2}};
    struct ts_jpath_scanner s;
    ts_jpath_init(&s, paths, TS_ARRAY_LEN(paths), ignore, NULL);
    ts_jpath_feed(&s, text, n);
    return ts_jpath_complete(&s);
}

static bool has_long_word(const char *text, size_t n)
{
    size_t run = 0;
    for (size_t i = 0; i < n; i++) {
        run = text[i] != '\0' && strchr(",:[]{}\" \t\r\n", text[i]) == NULL ? run + 1 : 0;
        if (run > TS_JPATH_TOKEN)
            return true;
    }
    return false;
}

/* Every value lies within the document, and a number reads as one. */
static void walk(struct ts_jvalue v)
{
    struct ts_jvalue open[TS_MAX_JSON_DEPTH + 1];
    size_t count = 0;
    open[count++] = v;
    while (count > 0) {
        struct ts_jvalue at = open[--count];
        struct ts_jiter it = ts_jiter_of(at);
        struct ts_jvalue key, value;
        while (ts_jiter_next(&it, &key, &value)) {
            struct ts_jvalue again;
            CHECK(value.raw.at > at.raw.at);
            CHECK(value.raw.at + value.raw.len < at.raw.at + at.raw.len);
            CHECK(ts_jscan(value.raw.at, value.raw.len, &again, NULL) == TS_OK);
            CHECK(again.type == value.type && again.raw.len == value.raw.len);
            if (value.type >= TS_J_ARRAY && count < TS_ARRAY_LEN(open))
                open[count++] = value;
        }
    }
}

static void decode(struct ts_jvalue v)
{
    struct ts_buf text = TS_BUF_INIT(v.raw.len);
    ts_jstring_decode(v, &text);
    CHECK(ts_buf_ok(&text));
    CHECK(ts_utf8_valid(ts_buf_text(&text), text.len));
    CHECK(strlen(ts_buf_text(&text)) != text.len || v.type != TS_J_STRING ||
          ts_jstring_is(v, ts_buf_text(&text)));
    ts_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct ts_jvalue root;
    struct ts_error err = TS_ERROR_INIT;
    bool ok = ts_jscan(text, size, &root, &err) == TS_OK;
    bool path_ok = path_scanner_takes(text, size);
    json_error_t why;
    json_t *tree = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    CHECK(tree == NULL || ok || strstr(err.text, "too deeply") != NULL ||
          memchr(text, 0, size) != NULL);
    json_decref(tree);
    if (ok) {
        CHECK(path_ok == (root.type == TS_J_OBJECT));
        walk(root);
        decode(root);
    } else {
        CHECK(!path_ok || !ts_utf8_valid(text, size) || has_long_word(text, size));
    }
    return 0;
}
