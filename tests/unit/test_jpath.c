#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "proxy/dialect.h"
#include "proxy/jpath.h"

enum { A, A_B, A_ITEM, A_ITEM_B, A_ITEM_C, DEEP, OTHER, RAW, RAW_B };

static const struct ts_jpath paths[] = {
    {{"a"}, A},
    {{"a", "b"}, A_B},
    {{"a", "[]"}, A_ITEM},
    {{"a", "[]", "b"}, A_ITEM_B},
    {{"a", "[]", "c"}, A_ITEM_C},
    {{"d", "e", "f", "g", "h"}, DEEP},
    {{"other"}, OTHER},
    {{"raw"}, RAW | TS_JPATH_RAW},
    {{"raw", "b"}, RAW_B},
};

/* What a scanner tells, with the fragments of a string joined. */
struct log {
    struct ts_buf text;
    bool in_string;
};

static void on_value(void *ctx, int field, const struct ts_jpath_value *v)
{
    static const char kinds[] = "?0ft#s[{";
    struct log *l = ctx;
    if (!l->in_string)
        ts_buf_printf(&l->text, "%d%c", field, kinds[v->type]);
    ts_buf_put(&l->text, v->text.at, v->text.len);
    l->in_string = !v->last;
    if (v->last)
        ts_buf_puts(&l->text, " ");
}

static struct log run(const char *text, size_t n, size_t first, size_t step)
{
    struct log l = {.text = TS_BUF_INIT(64 * 1024)};
    struct ts_jpath_scanner s;
    ts_jpath_init(&s, paths, TS_ARRAY_LEN(paths), on_value, &l);
    size_t piece = first;
    for (size_t at = 0; at < n; at += piece, piece = step) {
        piece = piece < n - at ? piece : n - at;
        ts_jpath_feed(&s, text + at, piece);
    }
    ts_buf_puts(&l.text, ts_jpath_complete(&s) ? "complete" : ts_jpath_bad(&s) ? "bad" : "open");
    return l;
}

static void expect(const char *text, const char *told)
{
    size_t n = strlen(text);
    for (size_t first = 1; first <= n; first++) {
        struct log split = run(text, n, first, n);
        struct log single = run(text, n, first, 1);
        const char *x = ts_buf_text(&split.text);
        const char *y = ts_buf_text(&single.text);
        if (strcmp(x, told) != 0 || strcmp(y, told) != 0)
            fail_msg("%s, split at %zu: %s / %s", text, first, x, y);
        ts_buf_free(&split.text);
        ts_buf_free(&single.text);
    }
}

static void tells_values_at_wanted_paths(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{}", "complete"},
        {" { \"a\" : 1 } ", "0#1 complete"},
        {"{\"a\":-1.5e3,\"x\":2}", "0#-1.5e3 complete"},
        {"{\"a\":true,\"other\":null}", "0ttrue 60null complete"},
        {"{\"a\":\"\"}", "0s complete"},
        {"{\"a\":\"x\\n\\u00e4\\ud83d\\ude00\"}", "0sx\n\xc3\xa4\xf0\x9f\x98\x80 complete"},
        {"{\"a\":\"\\ud83d\"}", "0s\xef\xbf\xbd complete"},
        {"{\"a\":\"\\ud83d\\\\\"}", "0s\xef\xbf\xbd\\ complete"},
        {"{\"a\":{\"b\":\"x\",\"c\":\"y\"}}", "0{ 1sx complete"},
        {"{\"a\":[1,\"x\",[],{},null]}", "0[ 2#1 2sx 2[ 2{ 20null complete"},
        {"{\"a\":[{\"b\":1,\"c\":2},{\"c\":3}]}", "0[ 2{ 3#1 4#2 2{ 4#3 complete"},
        {"{\"x\":{\"a\":1},\"y\":[{\"a\":1}],\"a\":2}", "0#2 complete"},
        {"{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":1}}}}}}", "5{ complete"},
        {"{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":[[1]],\"i\":2}}}},\"a\":1}", "5[ 0#1 complete"},
        {"{\"\\u0061\":1,\"\\u006fther\":2}", "0#1 6#2 complete"},
        {"{\"a\\u0000\":1,\"aa\":2,\"\":3,\"A\":4}", "complete"},
        {"{\"a\":{\"[]\":{\"b\":1}}}", "0{ complete"},
        {"{\"a\":[[{\"b\":1}]]}", "0[ 2[ complete"},
        {"{\"a\":1,\"a\":2}", "0#1 0#2 complete"},
        {"[{\"a\":1}]", "open"},
        {"5", "open"},
        {"\"a\" ", "open"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect(rows[i][0], rows[i][1]);
}

static void tells_a_raw_container_as_it_stands(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"raw\":{}}", "7{{} complete"},
        {"{\"raw\" : [ ] ,\"a\":1}", "7[[ ] 0#1 complete"},
        {"{\"raw\":[[1,\"]\\\"\\u00e4\"],{\"raw\":{}}],\"a\":2}",
         "7[[[1,\"]\\\"\\u00e4\"],{\"raw\":{}}] 0#2 complete"},
        {"{\"raw\":\"x\\ny\"}", "7sx\ny complete"},
        {"{\"raw\":null,\"raw\":7}", "70null 7#7 complete"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect(rows[i][0], rows[i][1]);
}

static void stops_at_the_first_fault(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"a\":1,}", "0#1 bad"},
        {"{\"a\":1]", "0#1 bad"},
        {"{\"a\":[1}", "0[ 2#1 bad"},
        {"{\"a\":01}", "bad"},
        {"{\"a\":nul}", "bad"},
        {"{\"a\":tru,\"other\":1}", "bad"},
        {"{\"a\":'x'}", "bad"},
        {"{\"a\" 1}", "bad"},
        {"{a:1}", "bad"},
        {"{\"a\":\"\\x\"}", "bad"},
        {"{} {}", "bad"},
        {"}", "bad"},
        {"{\"a\":-}", "bad"},
        {"{\"a\":1 2}", "0#1 bad"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        expect(rows[i][0], rows[i][1]);
}

static void goes_64_levels_deep_and_no_deeper(void **state)
{
    (void)state;
    char text[2 * (TS_MAX_JSON_DEPTH + 1)];
    memset(text, '[', TS_MAX_JSON_DEPTH + 1);
    memset(text + TS_MAX_JSON_DEPTH + 1, ']', TS_MAX_JSON_DEPTH + 1);
    struct log l = run(text + 1, sizeof(text) - 2, 1, 1);
    assert_string_equal(ts_buf_text(&l.text), "open"); /* whole, but no object */
    ts_buf_free(&l.text);
    l = run(text, sizeof(text), 1, 1);
    assert_string_equal(ts_buf_text(&l.text), "bad");
    ts_buf_free(&l.text);
}

static void skips_keys_and_numbers_that_are_too_long(void **state)
{
    (void)state;
    char text[400];
    char digits[TS_JPATH_TOKEN + 2] = {0};
    memset(digits, '1', TS_JPATH_TOKEN + 1);
    (void)snprintf(text, sizeof(text), "{\"a\":%s,\"%s\":1,\"other\":2}", digits, digits);
    expect(text, "6#2 complete");
    digits[TS_JPATH_TOKEN] = '\0';
    (void)snprintf(text, sizeof(text), "{\"other\":%s}", digits);
    struct log l = run(text, strlen(text), 1, 1);
    assert_int_equal(l.text.len, strlen("6# complete") + TS_JPATH_TOKEN);
    ts_buf_free(&l.text);
}

static void knows_when_nothing_was_fed(void **state)
{
    (void)state;
    struct ts_jpath_scanner s;
    ts_jpath_init(&s, paths, TS_ARRAY_LEN(paths), on_value, NULL);
    ts_jpath_feed(&s, " \t", 2);
    assert_true(ts_jpath_empty(&s));
    ts_jpath_feed(&s, "{", 1);
    assert_false(ts_jpath_empty(&s));
    ts_jpath_reset(&s);
    assert_true(ts_jpath_empty(&s));
}

/* -- the tables of the dialects
 * -------------------------------------------------------------------- */

static void last_field(void *ctx, int field, const struct ts_jpath_value *v)
{
    if (v->type == TS_J_NUMBER)
        *(int *)ctx = field;
}

/* A document with a number at that path: {"a":[{"b":1}]}. */
static void put_document(struct ts_buf *b, const struct ts_jpath *path)
{
    int n = 0;
    for (; n < TS_JPATH_SEGMENTS && path->segment[n] != NULL; n++) {
        if (path->segment[n][0] == '[')
            ts_buf_puts(b, "[");
        else
            ts_buf_printf(b, "{\"%s\":", path->segment[n]);
    }
    ts_buf_puts(b, "1");
    while (n-- > 0)
        ts_buf_puts(b, path->segment[n][0] == '[' ? "]" : "}");
}

static void finds_each_path_of_each_dialect(void **state)
{
    (void)state;
    static const struct ts_dialect *const dialects[] = {
        &ts_ollama_generate, &ts_openai_chat, &ts_openai_completions};
    for (size_t i = 0; i < TS_ARRAY_LEN(dialects); i++) {
        const struct ts_dialect *d = dialects[i];
        for (int p = 0; p < d->path_count; p++) {
            int found = -1;
            struct ts_jpath_scanner s;
            struct ts_buf document = TS_BUF_INIT(1024);
            put_document(&document, &d->paths[p]);
            ts_jpath_init(&s, d->paths, d->path_count, last_field, &found);
            ts_jpath_feed(&s, ts_buf_text(&document), document.len);
            assert_true(ts_jpath_complete(&s));
            if (found != d->paths[p].field)
                fail_msg("%s: %s is not found", d->name, ts_buf_text(&document));
            ts_buf_free(&document);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_values_at_wanted_paths),
        cmocka_unit_test(tells_a_raw_container_as_it_stands),
        cmocka_unit_test(stops_at_the_first_fault),
        cmocka_unit_test(goes_64_levels_deep_and_no_deeper),
        cmocka_unit_test(skips_keys_and_numbers_that_are_too_long),
        cmocka_unit_test(knows_when_nothing_was_fed),
        cmocka_unit_test(finds_each_path_of_each_dialect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
