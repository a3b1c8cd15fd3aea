/* The sketch against its definition: every value, every rank, every cut of its bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/sketch.h"
#include "malloc_fail.h"

/* (g - 1)/(g + 1) for g = 2^(1/64), and a little for the doubles. */
#define BOUND (0.0054151596 + 1e-9)

static void add(struct ts_sketch *s, int64_t us)
{
    assert_int_equal(ts_sketch_add(s, us), TS_OK);
}

static struct ts_buf encoded(const struct ts_sketch *s)
{
    struct ts_buf b = TS_BUF_INIT(1 << 20);
    ts_sketch_encode(s, &b);
    assert_true(ts_buf_ok(&b));
    return b;
}

static enum ts_err decode(struct ts_sketch *into, const struct ts_buf *b, size_t len)
{
    return ts_sketch_merge_bytes(into, (const uint8_t *)b->data, len);
}

static void assert_same(const struct ts_sketch *a, const struct ts_sketch *b)
{
    struct ts_buf x = encoded(a);
    struct ts_buf y = encoded(b);
    assert_int_equal(a->n, b->n);
    assert_int_equal(x.len, y.len);
    if (x.len > 0)
        assert_memory_equal(x.data, y.data, x.len);
    ts_buf_free(&x);
    ts_buf_free(&y);
}

/* A number that is spread over the octaves as times are. */
static int64_t draw(void)
{
    return (INT64_C(1) << (random() % 31)) + random() % 1000;
}

static bool within_bound(double estimate, int64_t exact)
{
    return fabs(estimate - (double)exact) <= BOUND * (double)exact;
}

static void every_value_lies_within_the_bound_of_its_bin(void **state)
{
    (void)state;
    int last = 0;
    for (int64_t us = 0; us <= 5000000; us++) {
        int bin = ts_sketch_bin_of(us);
        if (!within_bound(ts_sketch_bin_value(bin), us) || bin < last)
            fail_msg("%lld is in bin %d", (long long)us, bin);
        last = bin;
    }
    for (int64_t us = 5000000; us <= INT64_MAX - us / 4001; us += us / 4001) {
        int bin = ts_sketch_bin_of(us);
        if (!within_bound(ts_sketch_bin_value(bin), us) || bin < last)
            fail_msg("%lld is in bin %d", (long long)us, bin);
        last = bin;
    }
}

static void the_ends_of_the_range_have_bins_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(ts_sketch_bin_of(-5), 0);
    assert_int_equal(ts_sketch_bin_of(0), 0);
    assert_int_equal(ts_sketch_bin_of(1), 1);
    assert_int_equal(ts_sketch_bin_of(2), 65);
    assert_int_equal(ts_sketch_bin_of(3), 103);
    assert_int_equal(ts_sketch_bin_of(INT64_MAX), TS_SKETCH_BINS - 1);
    for (int64_t us = 1; us <= 101; us++)
        assert_int_equal(lround(ts_sketch_bin_value(ts_sketch_bin_of(us))), us);
}

static int compare(const void *pa, const void *pb)
{
    const int64_t *a = pa;
    const int64_t *b = pb;
    return (*a > *b) - (*a < *b);
}

static void percentiles_are_nearest_rank_within_the_bound(void **state)
{
    (void)state;
    srandom(11);
    enum { MOST = 600 };
    int64_t values[MOST];
    for (int n = 1; n <= MOST; n += n < 130 ? 1 : 47) {
        struct ts_sketch s = {0};
        for (int i = 0; i < n; i++) {
            values[i] = draw();
            add(&s, values[i]);
        }
        qsort(values, (size_t)n, sizeof(*values), compare);
        for (int percent = 0; percent <= 100; percent++) {
            int rank = (n * percent + 99) / 100;
            int64_t exact = values[rank > 0 ? rank - 1 : 0];
            assert_true(within_bound(ts_sketch_percentile(&s, percent), exact));
        }
        assert_true(ts_sketch_percentile(&s, 0) == (double)values[0]);
        assert_true(ts_sketch_percentile(&s, 100) == (double)values[n - 1]);
        ts_sketch_free(&s);
    }
}

static void without_values_there_is_nothing_to_tell(void **state)
{
    (void)state;
    struct ts_sketch s = {0};
    struct ts_sketch_bin bin = {0};
    int at = 0;
    assert_true(isnan(ts_sketch_percentile(&s, 50)));
    assert_true(isnan(ts_sketch_logs(&s).mean));
    assert_false(ts_sketch_next(&s, &at, &bin));
    struct ts_buf b = encoded(&s);
    assert_int_equal(b.len, 0);
    assert_int_equal(ts_sketch_merge_bytes(&s, NULL, 0), TS_OK);
    assert_int_equal(s.n, 0);
}

static void parts_add_up_to_the_sketch_of_all_in_any_order(void **state)
{
    (void)state;
    srandom(12);
    struct ts_sketch whole = {0};
    struct ts_sketch parts[7] = {{0}};
    struct ts_sketch up = {0};
    struct ts_sketch down = {0};
    struct ts_sketch bytes = {0};
    for (int i = 0; i < 20000; i++) {
        int64_t us = draw();
        add(&whole, us);
        add(&parts[random() % 6], us); /* the last one stays empty */
    }
    for (int i = 0; i < 7; i++) {
        assert_int_equal(ts_sketch_merge(&up, &parts[i]), TS_OK);
        assert_int_equal(ts_sketch_merge(&down, &parts[6 - i]), TS_OK);
        struct ts_buf b = encoded(&parts[i]);
        assert_int_equal(decode(&bytes, &b, b.len), TS_OK);
        ts_buf_free(&b);
    }
    for (int i = 0; i < 7; i++)
        ts_sketch_free(&parts[i]);
    assert_same(&whole, &up);
    assert_same(&whole, &down);
    assert_same(&whole, &bytes);
    ts_sketch_free(&whole);
    ts_sketch_free(&up);
    ts_sketch_free(&down);
    ts_sketch_free(&bytes);
}

static void cleared_it_is_as_good_as_new(void **state)
{
    (void)state;
    struct ts_sketch used = {0};
    struct ts_sketch fresh = {0};
    for (int i = 1; i < 100; i++)
        add(&used, i * 1000);
    ts_sketch_clear(&used);
    for (int i = 1; i < 50; i++) {
        add(&used, i * 77);
        add(&fresh, i * 77);
    }
    assert_same(&used, &fresh);
    ts_sketch_free(&used);
    ts_sketch_free(&fresh);
}

static void extremes_survive_the_way_through_bytes(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, UINT32_MAX, INT64_MAX, INT64_MAX};
    struct ts_sketch s = {0};
    for (size_t i = 0; i < TS_ARRAY_LEN(values); i++) {
        add(&s, values[i]);
        struct ts_sketch back = {0};
        struct ts_buf b = encoded(&s);
        assert_int_equal(decode(&back, &b, b.len), TS_OK);
        assert_int_equal(back.sum, s.sum);
        assert_int_equal(back.max, values[i]);
        assert_same(&s, &back);
        ts_buf_free(&b);
        ts_sketch_free(&back);
    }
    ts_sketch_free(&s);
}

static void cut_or_garbled_bytes_are_refused(void **state)
{
    (void)state;
    srandom(13);
    struct ts_sketch s = {0};
    for (int i = 0; i < 300; i++)
        add(&s, i < 40 ? 5 : draw());
    struct ts_buf b = encoded(&s);
    for (size_t len = 1; len < b.len; len++) {
        struct ts_sketch back = {0};
        assert_int_equal(decode(&back, &b, len), TS_ERR_INTERNAL);
        ts_sketch_free(&back);
    }
    for (size_t i = 0; i < b.len; i++) {
        for (int bit = 0; bit < 8; bit++) { /* refused, or another sketch: never a fall */
            struct ts_sketch back = {0};
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
            if (decode(&back, &b, b.len) == TS_OK)
                assert_true(back.n > 0 && back.min <= back.max);
            else
                assert_int_equal(back.n, 0);
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
            ts_sketch_free(&back);
        }
    }
    static const uint8_t other_format[] = {0x62, 5, 0, 0, 1};
    assert_int_equal(ts_sketch_merge_bytes(&s, other_format, sizeof(other_format)),
                     TS_ERR_INTERNAL);
    ts_buf_free(&b);
    ts_sketch_free(&s);
}

static void a_lone_value_takes_few_bytes(void **state)
{
    (void)state;
    struct ts_sketch s = {0};
    add(&s, 2456000);
    struct ts_buf b = encoded(&s);
    assert_true(b.len <= 8);
    ts_buf_free(&b);
    ts_sketch_free(&s);
}

static void bins_cover_all_values_in_order(void **state)
{
    (void)state;
    srandom(14);
    struct ts_sketch s = {0};
    for (int i = 0; i < 1000; i++)
        add(&s, draw());
    struct ts_sketch_bin bin = {0};
    int64_t seen = 0;
    double below = -1;
    int at = 0;
    while (ts_sketch_next(&s, &at, &bin)) {
        assert_true(bin.low_us >= below && bin.high_us > bin.low_us && bin.count > 0);
        below = bin.high_us;
        seen += bin.count;
        assert_int_equal(bin.up_to, seen);
        assert_true(bin.high_us >= ts_sketch_at_rank(&s, seen) * (1 - BOUND));
    }
    assert_int_equal(seen, 1000);
    ts_sketch_free(&s);
}

static void logarithms_have_the_mean_and_variance_of_the_values(void **state)
{
    (void)state;
    srandom(15);
    struct ts_sketch s = {0};
    enum { N = 5000 };
    double sum = 0;
    double squares = 0;
    add(&s, 0); /* has none */
    for (int i = 0; i < N; i++) {
        int64_t us = draw();
        double x = log10((double)us);
        sum += x;
        squares += x * x;
        add(&s, us);
    }
    struct ts_sketch_logs logs = ts_sketch_logs(&s);
    double variance = (squares - sum * sum / N) / (N - 1);
    assert_int_equal(logs.n, N);
    assert_true(fabs(logs.mean - sum / N) < log10(1 + BOUND));
    assert_true(fabs(logs.variance / variance - 1) < 0.001);
    ts_sketch_free(&s);
}

static enum ts_err use(void *ctx)
{
    (void)ctx;
    struct ts_sketch a = {0};
    struct ts_sketch b = {0};
    struct ts_buf bytes = TS_BUF_INIT(1 << 16);
    enum ts_err rc = ts_sketch_add(&a, 1000);
    if (rc == TS_OK)
        rc = ts_sketch_add(&a, 900000);
    if (rc == TS_OK)
        rc = ts_sketch_merge(&b, &a);
    if (rc == TS_OK) {
        ts_sketch_encode(&b, &bytes);
        rc = bytes.error;
    }
    if (rc == TS_OK)
        rc = ts_sketch_add(&a, 1);
    ts_sketch_free(&a);
    if (rc == TS_OK)
        rc = ts_sketch_merge_bytes(&a, (const uint8_t *)bytes.data, bytes.len);
    ts_buf_free(&bytes);
    ts_sketch_free(&a);
    ts_sketch_free(&b);
    return rc;
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    malloc_torture(use, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_lies_within_the_bound_of_its_bin),
        cmocka_unit_test(the_ends_of_the_range_have_bins_of_their_own),
        cmocka_unit_test(percentiles_are_nearest_rank_within_the_bound),
        cmocka_unit_test(without_values_there_is_nothing_to_tell),
        cmocka_unit_test(parts_add_up_to_the_sketch_of_all_in_any_order),
        cmocka_unit_test(cleared_it_is_as_good_as_new),
        cmocka_unit_test(extremes_survive_the_way_through_bytes),
        cmocka_unit_test(cut_or_garbled_bytes_are_refused),
        cmocka_unit_test(a_lone_value_takes_few_bytes),
        cmocka_unit_test(bins_cover_all_values_in_order),
        cmocka_unit_test(logarithms_have_the_mean_and_variance_of_the_values),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
