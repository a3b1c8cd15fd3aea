#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/call.h"
#include "base/json.h"
#include "base/limits.h"

static void parses_objects_and_arrays(void **state)
{
    (void)state;
    json_auto_t *object = NULL;
    json_auto_t *array = NULL;
    assert_int_equal(ts_json_parse("{\"a\":1}", 7, &object, NULL), TS_OK);
    assert_int_equal(json_integer_value(json_object_get(object, "a")), 1);
    assert_int_equal(ts_json_parse("[1,2]", 5, &array, NULL), TS_OK);
    assert_int_equal(json_array_size(array), 2);
}

static void refuses_what_is_not_plain_json_and_says_where(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "1",
        "\"a\"",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"a\":NaN}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\\ud800\"}",
        "{} x",
        "[1e999]",
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(texts); i++) {
        json_t *tree = NULL;
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(ts_json_parse(texts[i], strlen(texts[i]), &tree, &err),
                         TS_ERR_INVALID_JSON);
        assert_null(tree);
        assert_non_null(strstr(err.text, " at byte "));
    }
}

static void refuses_too_many_tokens_before_building_a_tree(void **state)
{
    (void)state;
    struct ts_buf text = TS_BUF_INIT(1024 * 1024);
    ts_buf_puts(&text, "[0");
    for (int i = 2; i < TS_MAX_JSON_TOKENS; i++)
        ts_buf_puts(&text, ",0");
    json_t *tree = NULL;
    ts_buf_puts(&text, "]");
    assert_int_equal(ts_json_parse(ts_buf_text(&text), text.len, &tree, NULL), TS_OK);
    json_decref(tree);
    tree = NULL;
    assert_true(ts_buf_ok(&text));
    text.len--;
    ts_buf_puts(&text, ",0]");
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_json_parse(ts_buf_text(&text), text.len, &tree, &err), TS_ERR_INVALID_JSON);
    assert_non_null(strstr(err.text, "too many"));
    ts_buf_free(&text);
}

static void mends_text_that_is_not_utf8(void **state)
{
    (void)state;
    json_auto_t *good = ts_json_text("gr\xc3\xbcn");
    json_auto_t *bad = ts_json_textn("a\xff\xc3z", 4);
    json_auto_t *none = ts_json_text(NULL);
    assert_non_null(good);
    assert_non_null(bad);
    assert_string_equal(json_string_value(good), "gr\xc3\xbcn");
    assert_string_equal(json_string_value(bad), "a\xef\xbf\xbd\xef\xbf\xbdz");
    assert_true(json_is_null(none));
}

static void writes_unknown_as_null(void **state)
{
    (void)state;
    json_auto_t *list = json_array();
    json_array_append_new(list, ts_json_num((double)NAN));
    json_array_append_new(list, ts_json_num2((double)INFINITY));
    json_array_append_new(list, ts_json_int(TS_UNKNOWN));
    json_array_append_new(list, ts_json_ms(TS_UNKNOWN));
    for (size_t i = 0; i < json_array_size(list); i++)
        assert_true(json_is_null(json_array_get(list, i)));
}

static void writes_numbers_in_their_units(void **state)
{
    (void)state;
    json_auto_t *rate = ts_json_num2(66.66666);
    json_auto_t *zero = ts_json_int(0);
    json_auto_t *ms = ts_json_ms(1234567);
    assert_true(json_real_value(rate) == 66.67);
    assert_int_equal(json_integer_value(zero), 0);
    assert_true(json_is_integer(zero));
    assert_true(json_real_value(ms) == 1234.567);
}

static void writes_trees_as_jansson_does(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[],\"b\":{},\"c\":[1,-2,9223372036854775807,-9223372036854775807,0],\"d\":null,"
        "\"e\":[true,false],\"\":\"\",\"q\\\"\\u0001\":\"gr\xc3\xbcn \\\\ \\n \\u001f \x7f\","
        "\"f\":{\"g\":[[{\"h\":1.5}]]}}";
    json_auto_t *tree = NULL;
    assert_int_equal(ts_json_parse(text, sizeof(text) - 1, &tree, NULL), TS_OK);
    char *ours = ts_json_dump(tree);
    char *theirs = json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(15));
    assert_non_null(ours);
    assert_string_equal(ours, theirs);
    free(ours);
    free(theirs);
    assert_null(ts_json_dump(NULL));
}

static void assert_written_alike(double v)
{
    json_auto_t *list = json_array();
    json_array_append_new(list, json_real(v));
    char *ours = ts_json_dump(list);
    char *theirs = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(15));
    assert_non_null(ours);
    assert_string_equal(ours, theirs);
    free(ours);
    free(theirs);
}

static void writes_figures_as_jansson_does(void **state)
{
    (void)state;
    static const double odd[] = {0,
                                 -0.0,
                                 1,
                                 -1,
                                 0.1,
                                 1e-3,
                                 9.99e-4,
                                 1e-9,
                                 1e15,
                                 1e16,
                                 999999.999999999,
                                 1000000,
                                 0.3 + 0.6,
                                 1.0 / 3,
                                 2.0 / 3e-9,
                                 123456.789,
                                 5e-324,
                                 DBL_MAX,
                                 DBL_MIN,
                                 99.995,
                                 1e6 / 7,
                                 1e22,
                                 -0.001};
    uint64_t random = 1;
    for (size_t i = 0; i < TS_ARRAY_LEN(odd); i++)
        assert_written_alike(odd[i]);
    for (int i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double v = ldexp((double)(random >> 11), (int)(random % 80) - 90);
        double places = pow(10, (double)(random >> 20 & 15));
        assert_written_alike(round(v * places) / places);
        assert_written_alike(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_objects_and_arrays),
        cmocka_unit_test(refuses_what_is_not_plain_json_and_says_where),
        cmocka_unit_test(refuses_too_many_tokens_before_building_a_tree),
        cmocka_unit_test(mends_text_that_is_not_utf8),
        cmocka_unit_test(writes_unknown_as_null),
        cmocka_unit_test(writes_numbers_in_their_units),
        cmocka_unit_test(writes_trees_as_jansson_does),
        cmocka_unit_test(writes_figures_as_jansson_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
