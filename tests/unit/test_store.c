/* The store from outside: calls go in, ratings follow, rows come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storekit.h"

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void a_recorded_call_is_read_back_with_everything_in_it(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_full_call(1)), TS_OK);
    json_auto_t *call = kit_get(k, kit_id(1), NULL);
    assert_non_null(call);
    assert_string_equal(text_of(call, "model"), "llama3.2:3b");
    assert_string_equal(text_of(call, "outcome"), "upstream_cut");
    assert_int_equal(json_array_size(json_object_get(call, "attempts")), 2);
}

static void a_rating_tells_the_one_before(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_full_call(1)), TS_OK);
    struct ts_store_rating r = {.conversation_id = "conv-1", .rating = 1, .comment = "good"};
    assert_int_equal(kit_rate(k, &r), TS_OK);
    assert_int_equal(r.previous, 0);
    assert_int_equal(r.id, kit_id(1));
    r = (struct ts_store_rating){.message_id = "msg-1", .rating = -1};
    assert_int_equal(kit_rate(k, &r), TS_OK);
    assert_int_equal(r.previous, 1);
    r = (struct ts_store_rating){.id = kit_id(2), .rating = -1};
    assert_int_equal(kit_rate(k, &r), TS_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_recorded_call_is_read_back_with_everything_in_it, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_rating_tells_the_one_before, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
