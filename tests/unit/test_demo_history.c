#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/demo_history.h"
#include "storekit.h"

enum { DAYS = 10, CALLS = DAYS * 240 };

static const int64_t now_ms = INT64_C(1795212000000);

static void every_call_is_marked_and_lies_within_its_days(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(ts_demo_history(k->store, 7, DAYS, now_ms, NULL), TS_OK);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call WHERE simulated = 1"), CALLS);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call WHERE simulated = 0"), 0);
    int64_t oldest = kit_number(k, "SELECT min(id) >> 20 FROM call");
    int64_t newest = kit_number(k, "SELECT max(id) >> 20 FROM call");
    assert_true(newest < now_ms);
    assert_true(oldest >= now_ms - DAYS * INT64_C(86400000));
    assert_true(newest - oldest > (DAYS - 1) * INT64_C(86400000));
    kit_close(k);
}

static void it_has_every_model_every_task_failures_ratings_and_rescues(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(ts_demo_history(k->store, 7, DAYS, now_ms, NULL), TS_OK);
    assert_int_equal(kit_number(k, "SELECT count(DISTINCT model) FROM series"), 7);
    assert_int_equal(kit_number(k, "SELECT count(DISTINCT provider) FROM series"), 4);
    assert_int_equal(kit_number(k, "SELECT count(DISTINCT task_type) FROM series"), 8);
    assert_in_range(kit_number(k, "SELECT count(*) FROM call WHERE success = 0"), 8, CALLS / 10);
    assert_in_range(kit_number(k, "SELECT count(*) FROM call WHERE outcome = 1"), 8, CALLS / 10);
    assert_in_range(
        kit_number(k, "SELECT count(*) FROM call WHERE rating <> 0"), CALLS / 4, CALLS / 2);
    assert_int_equal(
        kit_number(k, "SELECT count(*) FROM call WHERE rating <> 0 AND success IS NOT 1"), 0);
    assert_true(kit_number(k, "SELECT count(*) FROM attempt") > 0);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call WHERE ttft_us > total_us"), 0);
    kit_close(k);
}

static char *fingerprint(struct kit *k, uint64_t seed, int64_t at_ms)
{
    kit_open(k);
    assert_int_equal(ts_demo_history(k->store, seed, 2, at_ms, NULL), TS_OK);
    char *rows = kit_rows(k,
                          "SELECT model, task_type, outcome, rating, total_us, output_tokens "
                          "FROM call JOIN series USING(series_id) ORDER BY 1, 2, 3, 4, 5, 6");
    kit_close(k);
    return rows;
}

static void the_same_seed_makes_the_same_calls_at_any_time(void **state)
{
    (void)state;
    char *rows[3];
    for (int i = 0; i < 3; i++) {
        void *kit = NULL;
        assert_int_equal(kit_setup(&kit), 0);
        rows[i] = fingerprint(kit, i < 2 ? 7 : 8, now_ms + i * INT64_C(7200000));
        assert_int_equal(kit_teardown(&kit), 0);
    }
    assert_string_equal(rows[0], rows[1]);
    assert_string_not_equal(rows[0], rows[2]);
    for (int i = 0; i < 3; i++)
        free(rows[i]);
}

static void no_days_make_no_calls(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(ts_demo_history(k->store, 7, 0, now_ms, NULL), TS_OK);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), 0);
    kit_close(k);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_call_is_marked_and_lies_within_its_days),
        TEST(it_has_every_model_every_task_failures_ratings_and_rescues),
        cmocka_unit_test(the_same_seed_makes_the_same_calls_at_any_time),
        TEST(no_days_make_no_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
