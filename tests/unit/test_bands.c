/* Bands against the values themselves: every value is in the one band whose edges hold it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/bands.h"

enum { MAX = 40 };

static int64_t in_band(const struct ts_bands *b, int i, const int64_t *values, int n)
{
    double low = ts_bands_edge_us(b, i);
    double high = ts_bands_edge_us(b, i + 1);
    int64_t count = 0;
    for (int v = 0; v < n; v++) {
        double us = (double)values[v];
        count += us <= high && (us > low || (i == 0 && us >= low));
    }
    return count;
}

static void check(const int64_t *values, int n)
{
    struct ts_sketch s = {0};
    for (int i = 0; i < n; i++)
        assert_int_equal(ts_sketch_add(&s, values[i]), TS_OK);
    struct ts_bands b = ts_bands_of(&s, MAX);
    assert_in_range(b.count, 1, MAX);
    int64_t counts[MAX] = {0};
    ts_bands_count(&b, &s, counts);
    for (int i = 0; i < b.count; i++)
        assert_int_equal(counts[i], in_band(&b, i, values, n));
    assert_true(counts[0] > 0 && counts[b.count - 1] > 0);
    ts_sketch_free(&s);
}

static void every_value_is_between_the_edges_of_its_band(void **state)
{
    (void)state;
    srandom(20261128);
    for (int round = 0; round < 300; round++) {
        int64_t values[60];
        int octaves = 1 + round % 43;
        for (size_t i = 0; i < TS_ARRAY_LEN(values); i++)
            values[i] = (INT64_C(1) << (random() % octaves)) + random() % 1000 - random() % 2;
        check(values, (int)TS_ARRAY_LEN(values));
    }
}

static void powers_of_two_and_their_neighbours_fall_on_their_own_side(void **state)
{
    (void)state;
    for (int e = 1; e < 40; e++) {
        const int64_t near[] = {
            (INT64_C(1) << e) - 1, INT64_C(1) << e, (INT64_C(1) << e) + 1, 0, 1};
        check(near, (int)TS_ARRAY_LEN(near));
        check(near, 3);
    }
}

static void no_values_have_no_bands_and_one_value_has_one(void **state)
{
    (void)state;
    const struct ts_sketch none = {0};
    assert_int_equal(ts_bands_of(&none, MAX).count, 0);
    for (int64_t v = 0; v < 5000; v++)
        check(&v, 1);
}

static void the_edges_rise_by_the_same_factor(void **state)
{
    (void)state;
    struct ts_sketch s = {0};
    assert_int_equal(ts_sketch_add(&s, 1000), TS_OK);
    assert_int_equal(ts_sketch_add(&s, 60 * 1000 * 1000), TS_OK);
    struct ts_bands b = ts_bands_of(&s, MAX);
    double factor = exp2((double)b.step / 64);
    for (int i = 0; i < b.count; i++)
        assert_true(fabs(ts_bands_edge_us(&b, i + 1) / ts_bands_edge_us(&b, i) / factor - 1) <
                    1e-9);
    assert_int_equal(b.step, 32); /* sixteen octaves in at most 40: halves */
    ts_sketch_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_between_the_edges_of_its_band),
        cmocka_unit_test(powers_of_two_and_their_neighbours_fall_on_their_own_side),
        cmocka_unit_test(no_values_have_no_bands_and_one_value_has_one),
        cmocka_unit_test(the_edges_rise_by_the_same_factor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
