/*
 * The failing allocator itself: it must fail each allocation once, see a leak, and see a wrong
 * error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "malloc_fail.h"

struct pair {
    int runs;
    int failures;
};

/* Keeps the compiler from leaving out what it can see is freed again. */
static char *volatile kept;

static enum ts_err make_two(void *ctx)
{
    struct pair *seen = ctx;
    seen->runs++;
    char *a = kept = malloc(10);
    char *b = kept = a == NULL ? NULL : strdup("text");
    enum ts_err err = b == NULL ? TS_ERR_NOMEM : TS_OK;
    seen->failures += err != TS_OK;
    free(b);
    free(a);
    return err;
}

static void each_allocation_fails_once(void **unused)
{
    (void)unused;
    struct pair seen = {0};
    malloc_torture(make_two, &seen);
    assert_int_equal(seen.runs, 3);
    assert_int_equal(seen.failures, 2);
}

static void growing_in_place_is_no_new_block(void **unused)
{
    (void)unused;
    char *p = kept = malloc(1);
    assert_non_null(p);
    char *grown = kept = realloc(p, 1000);
    assert_non_null(grown);
    free(grown);
    struct pair seen = {0};
    malloc_torture(make_two, &seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(growing_in_place_is_no_new_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
