/* Digests: the same from calls and from digests, on their way through bytes, and from garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/digest.h"
#include "malloc_fail.h"

enum { START_MS = 1700000000 };

static int64_t maybe(int64_t v)
{
    return random() % 4 == 0 ? TS_UNKNOWN : v;
}

static struct ts_agg_row random_row(void)
{
    return (struct ts_agg_row){.id = ts_id_from_ms(START_MS + random() % 3600000),
                               .outcome = (enum ts_outcome)(random() % TS_OUTCOME_COUNT_),
                               .rating = (int)(random() % 3) - 1,
                               .cold = random() % 5 == 0,
                               .response_us = maybe(random() % 100000000),
                               .ttft_us = maybe(random() % 1000000),
                               .decode_us = maybe(random() % 90000000),
                               .input_tokens = maybe(random() % 5000),
                               .output_tokens = maybe(random() % 5000),
                               .unsplit_tokens = maybe(random() % 10),
                               .cost_nano_usd = maybe(random())};
}

static struct ts_buf encoded(const struct ts_digest *d)
{
    struct ts_buf b = TS_BUF_INIT(1 << 20);
    ts_digest_encode(d, START_MS, &b);
    assert_true(ts_buf_ok(&b));
    return b;
}

static bool view(const struct ts_buf *b, size_t len, struct ts_digest_view *out)
{
    return ts_digest_view((const uint8_t *)b->data, len, START_MS, out);
}

static void assert_same(const struct ts_digest *a, const struct ts_digest *b)
{
    struct ts_buf x = encoded(a);
    struct ts_buf y = encoded(b);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    ts_buf_free(&x);
    ts_buf_free(&y);
}

static void parts_add_up_to_the_whole_also_through_bytes(void **state)
{
    (void)state;
    srandom(21);
    for (int n = 0; n < 60; n++) {
        struct ts_digest whole = TS_DIGEST_INIT;
        struct ts_digest sum = TS_DIGEST_INIT;
        struct ts_digest read = TS_DIGEST_INIT;
        for (int part = 0; part < 4; part++) {
            struct ts_digest d = TS_DIGEST_INIT;
            for (int i = 0; i < n; i++) {
                const struct ts_agg_row row = random_row();
                assert_int_equal(ts_digest_add(&d, &row), TS_OK);
                assert_int_equal(ts_digest_add(&whole, &row), TS_OK);
            }
            ts_digest_add_attempt(&d);
            ts_digest_add_attempt(&whole);
            struct ts_buf b = encoded(&d);
            struct ts_digest_view v;
            assert_true(view(&b, b.len, &v));
            assert_int_equal(ts_digest_merge(&sum, &d), TS_OK);
            assert_int_equal(ts_digest_merge_view(&read, &v), TS_OK);
            ts_buf_free(&b);
            ts_digest_free(&d);
        }
        assert_same(&whole, &sum);
        assert_same(&whole, &read);
        ts_digest_free(&whole);
        ts_digest_free(&sum);
        ts_digest_free(&read);
    }
}

static void a_rating_afterwards_is_the_same_as_one_from_the_start(void **state)
{
    (void)state;
    srandom(22);
    struct ts_digest early = TS_DIGEST_INIT;
    struct ts_digest late = TS_DIGEST_INIT;
    for (int i = 0; i < 500; i++) {
        struct ts_agg_row row = random_row();
        assert_int_equal(ts_digest_add(&early, &row), TS_OK);
        int rating = row.rating;
        int between = (int)(random() % 3) - 1;
        row.rating = 0;
        assert_int_equal(ts_digest_add(&late, &row), TS_OK);
        ts_digest_rate(&late, row.outcome, 0, between);
        ts_digest_rate(&late, row.outcome, between, rating);
        ts_digest_rate(&late, row.outcome, rating, rating);
    }
    assert_same(&early, &late);
    ts_digest_free(&early);
    ts_digest_free(&late);
}

static void cut_or_garbled_bytes_are_refused_or_read_within_their_bounds(void **state)
{
    (void)state;
    srandom(23);
    struct ts_digest d = TS_DIGEST_INIT;
    for (int i = 0; i < 40; i++) {
        const struct ts_agg_row row = random_row();
        assert_int_equal(ts_digest_add(&d, &row), TS_OK);
    }
    struct ts_buf b = encoded(&d);
    struct ts_digest_view v;
    for (size_t len = 0; len < b.len; len++) {
        struct ts_digest back = TS_DIGEST_INIT;
        bool taken = view(&b, len, &v) && ts_digest_merge_view(&back, &v) == TS_OK;
        /* only where the last sketch is left out as a whole does the rest make sense */
        assert_true(!taken || back.ttft.n == 0);
        ts_digest_free(&back);
    }
    for (size_t i = 0; i < b.len; i++) {
        struct ts_digest back = TS_DIGEST_INIT;
        b.data[i] = (char)(b.data[i] ^ (1 << (random() % 8)));
        if (view(&b, b.len, &v) && ts_digest_merge_view(&back, &v) == TS_OK)
            assert_true(ts_tally_successes(&back.tally) >= 0);
        ts_digest_free(&back);
    }
    ts_buf_free(&b);
    ts_digest_free(&d);
}

static void a_lone_call_takes_few_bytes(void **state)
{
    (void)state;
    struct ts_digest d = TS_DIGEST_INIT;
    const struct ts_agg_row row = {.id = ts_id_from_ms(START_MS + 1800000),
                                   .response_us = 2456000,
                                   .ttft_us = 321000,
                                   .decode_us = 2000000,
                                   .input_tokens = 100,
                                   .output_tokens = 50,
                                   .unsplit_tokens = TS_UNKNOWN,
                                   .cost_nano_usd = 1500000};
    assert_int_equal(ts_digest_add(&d, &row), TS_OK);
    struct ts_buf b = encoded(&d);
    assert_in_range(b.len, 1, 50);
    ts_buf_free(&b);
    ts_digest_free(&d);
}

static enum ts_err use(void *ctx)
{
    (void)ctx;
    struct ts_digest d = TS_DIGEST_INIT;
    struct ts_digest other = TS_DIGEST_INIT;
    struct ts_buf b = TS_BUF_INIT(1 << 16);
    struct ts_digest_view v;
    const struct ts_agg_row row = {.id = ts_id_from_ms(START_MS), .response_us = 5, .ttft_us = 3};
    enum ts_err rc = ts_digest_add(&d, &row);
    if (rc == TS_OK) {
        ts_digest_encode(&d, START_MS, &b);
        rc = b.error;
    }
    if (rc == TS_OK && view(&b, b.len, &v))
        rc = ts_digest_merge_view(&other, &v);
    if (rc == TS_OK)
        rc = ts_digest_merge(&other, &d);
    ts_buf_free(&b);
    ts_digest_free(&d);
    ts_digest_free(&other);
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
        cmocka_unit_test(parts_add_up_to_the_whole_also_through_bytes),
        cmocka_unit_test(a_rating_afterwards_is_the_same_as_one_from_the_start),
        cmocka_unit_test(cut_or_garbled_bytes_are_refused_or_read_within_their_bounds),
        cmocka_unit_test(a_lone_call_takes_few_bytes),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
