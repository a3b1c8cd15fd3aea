/* Whose turn it is at the writer: live rows, ratings, imports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/inbox.h"

enum { IMPORT_US = 30 * 1000 };

static int setup(void **state)
{
    struct ts_inbox *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    ts_inbox_init(b);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    ts_inbox_deinit(*state);
    free(*state);
    return 0;
}

/* A live row comes and is taken. */
static void live_row(struct ts_inbox *b)
{
    struct ts_row row = {0};
    struct ts_work work;
    ts_inbox_put_row(b, &row);
    assert_true(ts_inbox_take(b, 0, &work));
    assert_ptr_equal(ts_inbox_written(b), &row);
}

static void imports_follow_each_other_where_nothing_else_comes(void **state)
{
    struct ts_inbox *b = *state;
    struct ts_post imports[2] = {0};
    struct ts_work work;
    ts_inbox_put_import(b, &imports[0]);
    ts_inbox_put_import(b, &imports[1]);
    assert_true(ts_inbox_take(b, 0, &work));
    assert_ptr_equal(work.import, &imports[0]);
    ts_inbox_rest_imports(b, IMPORT_US);
    assert_true(ts_inbox_take(b, 0, &work));
    assert_ptr_equal(work.import, &imports[1]);
}

static void while_live_rows_come_an_import_waits_four_times_as_long_as_the_last_took(void **state)
{
    struct ts_inbox *b = *state;
    struct ts_post import = {0};
    struct ts_work work;
    live_row(b);
    ts_inbox_put_import(b, &import);
    int64_t start_us = ts_now_us();
    ts_inbox_rest_imports(b, IMPORT_US);
    assert_true(ts_inbox_take(b, 0, &work));
    assert_null(work.import);
    live_row(b); /* at once, meanwhile */
    while (work.import == NULL)
        assert_true(ts_inbox_take(b, -1, &work)); /* wakes by itself when its time has come */
    assert_ptr_equal(work.import, &import);
    assert_true(ts_now_us() - start_us >= 4 * IMPORT_US);
}

static void an_import_that_waited_for_a_lock_does_not_hold_up_the_next_one(void **state)
{
    struct ts_inbox *b = *state;
    struct ts_post import = {0};
    struct ts_work work = {0};
    live_row(b);
    ts_inbox_put_import(b, &import);
    int64_t start_us = ts_now_us();
    ts_inbox_rest_imports(b, INT64_C(5) * 1000 * 1000);
    while (work.import == NULL)
        assert_true(ts_inbox_take(b, -1, &work));
    assert_true(ts_now_us() - start_us < INT64_C(5) * 1000 * 1000);
}

static void who_stops_waits_for_no_import(void **state)
{
    struct ts_inbox *b = *state;
    struct ts_post import = {0};
    struct ts_work work;
    live_row(b);
    ts_inbox_rest_imports(b, IMPORT_US);
    ts_inbox_put_import(b, &import);
    ts_inbox_stop(b);
    assert_true(ts_inbox_take(b, -1, &work));
    assert_ptr_equal(work.import, &import);
    assert_false(ts_inbox_take(b, -1, &work));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            imports_follow_each_other_where_nothing_else_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(
            while_live_rows_come_an_import_waits_four_times_as_long_as_the_last_took,
            setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            an_import_that_waited_for_a_lock_does_not_hold_up_the_next_one, setup, teardown),
        cmocka_unit_test_setup_teardown(who_stops_waits_for_no_import, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
