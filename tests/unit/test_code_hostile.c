/* Scores of code that was not written to be read. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/code_quality.h"

static enum ts_code_verdict verdict(const char *path, const char *text, size_t len)
{
    struct ts_code_quality q = {.files = 0};
    if (!ts_code_has_grammar(TS_CODE_HTML))
        skip();
    enum ts_code_verdict v =
        ts_code_score(ts_slice_str(path), (struct ts_slice){.at = text, .len = len}, &q);
    if (v != TS_CODE_SCORED)
        assert_int_equal(q.files, 0);
    return v;
}

/* @unit again and again; frees itself never, the caller does. */
static char *repeat(const char *unit, size_t bytes)
{
    size_t n = strlen(unit);
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    for (size_t i = 0; i < bytes; i++)
        text[i] = unit[i % n];
    text[bytes] = '\0';
    return text;
}

static void half_a_character_is_an_error_in_the_text_and_no_more(void **state)
{
    (void)state;
    assert_int_equal(verdict("a.js", "let a = \"\xc3", 10), TS_CODE_SCORED);
    assert_int_equal(verdict("a.js", "let \xe2\x82 = 1;", 11), TS_CODE_SCORED);
    assert_int_equal(verdict("a.html", "<p>\xff\xfe\xf0\x9f", 7), TS_CODE_SCORED);
    assert_int_equal(verdict("a.css", "a{\x80\x80}", 5), TS_CODE_SCORED);
    assert_int_equal(verdict("a.ts", "\xef\xbb\xbflet a = 1;", 13), TS_CODE_SCORED);
}

struct hostile {
    const char *path;
    const char *unit;
    size_t bytes;
};

/* Any verdict will do; a crash, a hang or a deep stack will not. */
static void *play(void *arg)
{
    const struct hostile *h = arg;
    struct ts_code_quality q = {.files = 0};
    char *text = repeat(h->unit, h->bytes);
    enum ts_code_verdict v =
        ts_code_score(ts_slice_str(h->path), (struct ts_slice){.at = text, .len = h->bytes}, &q);
    free(text);
    return v == TS_CODE_NO_GRAMMAR ? arg : NULL;
}

/* On a stack of 256 KiB, with more than the 65535 children that the parser can count. */
static void endless_nesting_ends(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *unit;
    } cases[] = {
        {"a.html", "<div>"}, {"a.html", "</b>"},    {"a.css", "a{"},     {"a.css", "/*"},
        {"a.css", "(["},     {"a.js", "["},         {"a.js", "("},       {"a.js", "1+"},
        {"a.js", "!"},       {"a.js", "if(a)"},     {"a.js", "`${"},     {"a.js", "x=>"},
        {"a.js", "a."},      {"a.jsx", "<a>"},      {"a.jsx", "<a b={"}, {"a.ts", "A<"},
        {"a.ts", "a<b>("},   {"a.tsx", "<T,>()=>"}, {"a.tsx", "<a>{"},   {"a.ts", "a as "},
    };
    static const size_t sizes[] = {66000, 1024 * 1024};
    if (!ts_code_has_grammar(TS_CODE_HTML))
        skip();
    pthread_attr_t small;
    assert_int_equal(pthread_attr_init(&small), 0);
    assert_int_equal(pthread_attr_setstacksize(&small, 256 * 1024), 0);
    for (size_t i = 0; i < TS_ARRAY_LEN(cases) * TS_ARRAY_LEN(sizes); i++) {
        struct hostile h = {.path = cases[i / TS_ARRAY_LEN(sizes)].path,
                            .unit = cases[i / TS_ARRAY_LEN(sizes)].unit,
                            .bytes = sizes[i % TS_ARRAY_LEN(sizes)]};
        pthread_t t;
        void *failed = NULL;
        assert_int_equal(pthread_create(&t, &small, play, &h), 0);
        assert_int_equal(pthread_join(t, &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(pthread_attr_destroy(&small), 0);
}

static void a_tree_that_is_too_much_is_given_up(void **state)
{
    (void)state;
    char *wide = repeat("[", 66000);
    assert_int_equal(verdict("a.js", wide, 66000), TS_CODE_TOO_COSTLY);
    free(wide);
    char *deep = repeat("!", 12000);
    memcpy(deep + 11999, "a", 1);
    assert_int_equal(verdict("a.js", deep, 12000), TS_CODE_TOO_DEEP);
    free(deep);
    char *again =
        repeat("\"a", 200000); /* each quote begins another string, to the end of the text */
    assert_int_equal(verdict("a.js", again, 200000), TS_CODE_TOO_SLOW);
    free(again);
    /* and the thread reads on */
    assert_int_equal(verdict("a.js", "let a = 1;", 10), TS_CODE_SCORED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_character_is_an_error_in_the_text_and_no_more),
        cmocka_unit_test(endless_nesting_ends),
        cmocka_unit_test(a_tree_that_is_too_much_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
