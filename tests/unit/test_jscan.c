#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/jscan.h"
#include "base/jstring.h"
#include "base/limits.h"

static struct ts_jvalue scanned(const char *text)
{
    struct ts_jvalue v = {.type = TS_J_NONE};
    struct ts_error err = TS_ERROR_INIT;
    if (ts_jscan(text, strlen(text), &v, &err) != TS_OK)
        fail_msg("%s: %s", text, err.text);
    return v;
}

static void accepts_every_kind_of_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ts_jtype type;
    } rows[] = {
        {"null", TS_J_NULL},
        {" true\n", TS_J_TRUE},
        {"false", TS_J_FALSE},
        {"0", TS_J_NUMBER},
        {"-0.5e+10", TS_J_NUMBER},
        {"12E-3", TS_J_NUMBER},
        {"\"\"", TS_J_STRING},
        {"\"\\u0000 \\ud800 \\\" \\/ \xc3\xa4 \x7f\"", TS_J_STRING},
        {"[]", TS_J_ARRAY},
        {"[ ]", TS_J_ARRAY},
        {"[1, [2], {\"a\":3}]", TS_J_ARRAY},
        {"{}", TS_J_OBJECT},
        {"{\"a\" : 1, \"a\" : {\"b\":[]} }", TS_J_OBJECT},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++)
        assert_int_equal(scanned(rows[i].text).type, rows[i].type);
}

static void names_the_byte_at_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } rows[] = {
        {"", 0},
        {"  ", 2},
        {"nul", 3},
        {"nulL", 3},
        {"tru e", 3},
        {"01", 1},
        {"-", 1},
        {"-a", 1},
        {"1.", 2},
        {"1.e3", 2},
        {".5", 0},
        {"+1", 0},
        {"1e", 2},
        {"1e+", 3},
        {"NaN", 0},
        {"Infinity", 0},
        {"'a'", 0},
        {"\"a", 2},
        {"\"a\nb\"", 2},
        {"\"a\\x\"", 3},
        {"\"\\u12g4\"", 5},
        {"\"\\u12", 5},
        {"\"\\", 2},
        {"\"\xff\"", 1},
        {"\"\xc3\"", 1},
        {"\"\xed\xa0\x80\"", 1},
        {"\"12345678\x01\"", 9},
        {"[", 1},
        {"[1", 2},
        {"[1,", 3},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"[1}", 2},
        {"{", 1},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{\"a\":1]", 6},
        {"{1:2}", 1},
        {"{} {}", 3},
        {"[]]", 2},
        {"]", 0},
        {"/* */ 1", 0},
        {"\xef\xbb\xbf{}", 0},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_jvalue v = {.type = TS_J_NONE};
        struct ts_error err = TS_ERROR_INIT;
        char tail[32];
        (void)snprintf(tail, sizeof(tail), " at byte %zu", rows[i].at);
        assert_int_equal(ts_jscan(rows[i].text, strlen(rows[i].text), &v, &err),
                         TS_ERR_INVALID_JSON);
        const char *found = strstr(err.text, " at byte ");
        if (found == NULL || strcmp(found, tail) != 0)
            fail_msg("%s: \"%s\" does not end in \"%s\"", rows[i].text, err.text, tail);
        assert_int_equal(v.type, TS_J_NONE);
    }
}

static void never_reads_beyond_the_length(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[true,\"\\u00e4\xc3\xa4\",-1.5e3,{\"b\":null}]}";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *copy = malloc(len + 1); /* the sanitizer watches its end */
        assert_non_null(copy);
        copy = realloc(copy, len > 0 ? len : 1);
        memcpy(copy, text, len);
        struct ts_jvalue v;
        assert_int_equal(ts_jscan(copy, len, &v, NULL), TS_ERR_INVALID_JSON);
        free(copy);
    }
}

static void allows_64_levels_and_no_more(void **state)
{
    (void)state;
    char text[2 * (TS_MAX_JSON_DEPTH + 1)];
    struct ts_jvalue v;
    struct ts_error err = TS_ERROR_INIT;
    memset(text, '[', TS_MAX_JSON_DEPTH + 1);
    memset(text + TS_MAX_JSON_DEPTH + 1, ']', TS_MAX_JSON_DEPTH + 1);
    assert_int_equal(ts_jscan(text + 1, 2 * TS_MAX_JSON_DEPTH, &v, &err), TS_OK);
    assert_int_equal(ts_jscan(text, sizeof(text), &v, &err), TS_ERR_INVALID_JSON);
    assert_string_equal(err.text, "invalid JSON: nested too deeply at byte 64");
}

static void counts_keys_and_values_against_a_limit(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,2],\"b\":{}}"; /* 7: {} a [] 1 2 b {} */
    struct ts_jvalue v;
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_jscan_limited(text, strlen(text), 7, &v, &err), TS_OK);
    assert_int_equal(ts_jscan_limited(text, strlen(text), 6, &v, &err), TS_ERR_INVALID_JSON);
    assert_string_equal(err.text, "invalid JSON: too many keys and values at byte 15");
}

static void walks_members_as_spans(void **state)
{
    (void)state;
    struct ts_jvalue root = scanned(
        " { \"a\\\"]\" : [ 1 , \"x\\\\\" , [ ] ] , \"b\":-1.5 ,\"c\":{\"d\":\"}\"},\"e\":true } ");
    static const char *const want[][2] = {{"\"a\\\"]\"", "[ 1 , \"x\\\\\" , [ ] ]"},
                                          {"\"b\"", "-1.5"},
                                          {"\"c\"", "{\"d\":\"}\"}"},
                                          {"\"e\"", "true"}};
    struct ts_jiter it = ts_jiter_of(root);
    struct ts_jvalue key, value, first;
    for (size_t i = 0; i < TS_ARRAY_LEN(want); i++) {
        assert_true(ts_jiter_next(&it, &key, &value));
        assert_true(ts_slice_is(key.raw, want[i][0]));
        assert_true(ts_slice_is(value.raw, want[i][1]));
        if (i == 0)
            first = value;
    }
    assert_false(ts_jiter_next(&it, &key, &value));

    static const char *const items[] = {"1", "\"x\\\\\"", "[ ]"};
    it = ts_jiter_of(first);
    for (size_t i = 0; i < TS_ARRAY_LEN(items); i++) {
        assert_true(ts_jiter_next(&it, &key, &value));
        assert_int_equal(key.type, TS_J_NONE);
        assert_true(ts_slice_is(value.raw, items[i]));
    }
    assert_false(ts_jiter_next(&it, &key, &value));
}

static void has_no_members_in_scalars_and_empty_containers(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "[ ]", "1", "\"{\"", "null"};
    struct ts_jvalue key, value;
    for (size_t i = 0; i < TS_ARRAY_LEN(texts); i++) {
        struct ts_jiter it = ts_jiter_of(scanned(texts[i]));
        assert_false(ts_jiter_next(&it, &key, &value));
    }
    struct ts_jiter none = ts_jiter_of((struct ts_jvalue){.type = TS_J_NONE});
    assert_false(ts_jiter_next(&none, &key, &value));
}

static void finds_the_last_member_of_a_name_however_it_is_escaped(void **state)
{
    (void)state;
    struct ts_jvalue root =
        scanned("{\"model\":1,\"x\":{\"model\":9},\"mod\\u0065l\":2,\"models\":3}");
    assert_true(ts_slice_is(ts_jmember(root, "model").raw, "2"));
    assert_true(ts_slice_is(ts_jmember(root, "models").raw, "3"));
    assert_int_equal(ts_jmember(root, "mode").type, TS_J_NONE);
    assert_int_equal(ts_jmember(scanned("[1]"), "model").type, TS_J_NONE);
}

static void decodes_strings(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text;
        size_t len;
    } rows[] = {
        {"\"\"", "", 0},
        {"\"plain \xc3\xa4\"", "plain \xc3\xa4", 8},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac", 6},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4},
        {"\"a\\u0000b\"", "a\0b", 3},
        {"\"\\ud83d\"", "\xef\xbf\xbd", 3},
        {"\"\\ud83dx\"", "\xef\xbf\xbdx", 4},
        {"\"\\ud83d\\n\"", "\xef\xbf\xbd\n", 4},
        {"\"\\ud83d\\u0041\"",
         "\xef\xbf\xbd"
         "A",
         4},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7},
        {"\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd", 6},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_buf out = TS_BUF_INIT(100);
        struct ts_jvalue v = scanned(rows[i].json);
        ts_jstring_decode(v, &out);
        assert_int_equal(out.len, rows[i].len);
        assert_memory_equal(ts_buf_text(&out), rows[i].text, rows[i].len);
        if (memchr(rows[i].text, 0, rows[i].len) == NULL)
            assert_true(ts_jstring_is(v, rows[i].text));
        ts_buf_free(&out);
    }
}

static void tells_strings_apart(void **state)
{
    (void)state;
    assert_false(ts_jstring_is(scanned("\"model\""), "mode"));
    assert_false(ts_jstring_is(scanned("\"mode\""), "model"));
    assert_false(ts_jstring_is(scanned("\"a\\u0000\""), "a"));
    assert_false(ts_jstring_is(scanned("1"), "1"));
    assert_true(ts_jstring_is(scanned("\"\""), ""));
}

static void reads_integers_within_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        int64_t got = 77;
        assert_int_equal(ts_jint(scanned(rows[i].json), INT64_MIN, INT64_MAX, &got), rows[i].ok);
        assert_true(got == (rows[i].ok ? rows[i].value : 77));
    }
    int64_t got;
    assert_true(ts_jint(scanned("5"), 5, 5, &got));
    assert_false(ts_jint(scanned("5"), 6, 9, &got));
    assert_false(ts_jint(scanned("5"), 1, 4, &got));
}

static void reads_finite_numbers(void **state)
{
    (void)state;
    double got = 0;
    assert_true(ts_jnumber(scanned("-12.5e1"), &got));
    assert_true(got == -125.0);
    assert_false(ts_jnumber(scanned("1e999"), &got));
    assert_false(ts_jnumber(scanned("\"1\""), &got));
    assert_true(ts_jnumber_valid(TS_SLICE_LIT("-0.5e3")));
    assert_false(ts_jnumber_valid(TS_SLICE_LIT("1x")));
    assert_false(ts_jnumber_valid(TS_SLICE_LIT("")));
    assert_false(ts_jnumber_valid(TS_SLICE_LIT("inf")));
}

/* Every byte at every place of a word, against the definition. */
static void finds_plain_runs_whatever_ends_them(void **state)
{
    (void)state;
    char text[24];
    for (size_t place = 0; place < sizeof(text); place++) {
        for (int c = 0; c < 256; c++) {
            memset(text, 'x', sizeof(text));
            text[place] = (char)c;
            bool ends = c < 0x20 || c == '"' || c == '\\';
            assert_int_equal(ts_jplain(text, sizeof(text)), ends ? place : sizeof(text));
            assert_int_equal(ts_jplain_ascii(text, sizeof(text)),
                             ends || c >= 0x80 ? place : sizeof(text));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_every_kind_of_value),
        cmocka_unit_test(names_the_byte_at_fault),
        cmocka_unit_test(never_reads_beyond_the_length),
        cmocka_unit_test(allows_64_levels_and_no_more),
        cmocka_unit_test(counts_keys_and_values_against_a_limit),
        cmocka_unit_test(walks_members_as_spans),
        cmocka_unit_test(has_no_members_in_scalars_and_empty_containers),
        cmocka_unit_test(finds_the_last_member_of_a_name_however_it_is_escaped),
        cmocka_unit_test(decodes_strings),
        cmocka_unit_test(tells_strings_apart),
        cmocka_unit_test(reads_integers_within_bounds),
        cmocka_unit_test(reads_finite_numbers),
        cmocka_unit_test(finds_plain_runs_whatever_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
