/* Path and query as handlers get them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/target.h"

static void the_path_is_unescaped_and_loses_the_base(void **state)
{
    (void)state;
    static const struct {
        const char *target, *base, *path; /* NULL: not under the base */
    } rows[] = {
        {"/", "", "/"},
        {"/api/tags?x=1", "", "/api/tags"},
        {"/v1/models/a%2Fb%20c", "", "/v1/models/a/b c"},
        {"/a+b", "", "/a+b"},
        {"/ai/api/tags", "/ai", "/api/tags"},
        {"/ai", "/ai", "/"},
        {"/ai?x", "/ai", "/"},
        {"/ai/", "/ai", "/"},
        {"/aix", "/ai", NULL},
        {"/api/tags", "/ai", NULL},
        {"/", "/ai", NULL},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        char out[64];
        struct ts_slice target = ts_slice_str(rows[i].target);
        assert_int_equal(ts_target_check(target, NULL), TS_OK);
        assert_int_equal(ts_target_path(target, rows[i].base, out), rows[i].path != NULL);
        if (rows[i].path != NULL)
            assert_string_equal(out, rows[i].path);
    }
}

static void arguments_keep_their_order_and_lose_their_escapes(void **state)
{
    (void)state;
    const char *text = "/a?days=30&&q=a+b%26c%3D&empty=&flag&tag.x=1=2&%6Bey=v&";
    static const struct ts_query_arg wanted[] = {
        {"days", "30"},
        {"q", "a b&c="},
        {"empty", ""},
        {"flag", ""},
        {"tag.x", "1=2"},
        {"key", "v"},
    };
    struct ts_query_arg args[8];
    char room[64];
    struct ts_slice target = ts_slice_str(text);
    assert_true(target.len + 2 <= sizeof(room));
    assert_int_equal(ts_target_arg_count(target), (int)TS_ARRAY_LEN(wanted));
    ts_target_args(target, room, args);
    for (size_t i = 0; i < TS_ARRAY_LEN(wanted); i++) {
        assert_string_equal(args[i].key, wanted[i].key);
        assert_string_equal(args[i].value, wanted[i].value);
    }
    assert_int_equal(ts_target_arg_count(ts_slice_str("/a")), 0);
    assert_int_equal(ts_target_arg_count(ts_slice_str("/a?")), 0);
}

static void arguments_never_need_more_room_than_promised(void **state)
{
    (void)state;
    static const char *const targets[] = {"/?a", "/?a&b&c&d", "/?a=&b=&c=", "/?=", "/?a=b&c"};
    for (size_t i = 0; i < TS_ARRAY_LEN(targets); i++) {
        struct ts_slice target = ts_slice_str(targets[i]);
        struct ts_query_arg args[4];
        char room[16];
        memset(room, '#', sizeof(room));
        ts_target_args(target, room, args);
        assert_int_equal(room[target.len + 2], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_is_unescaped_and_loses_the_base),
        cmocka_unit_test(arguments_keep_their_order_and_lose_their_escapes),
        cmocka_unit_test(arguments_never_need_more_room_than_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
