#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "bench/reply.h"
#include "bench/samples.h"
#include "bench/wire.h"

struct marks {
    int tokens;
    int ends;
    int64_t last;
};

static void on_mark(void *ctx, char kind, int64_t sent_ns)
{
    struct marks *m = ctx;
    m->tokens += kind == '@';
    m->ends += kind == '#';
    m->last = sent_ns;
}

/* A whole answer of the mock server: three tokens and the end, stamped 1000 to 1003. */
static void write_stream(const struct bench_wire *w, struct ts_buf *out)
{
    struct bench_plan plan = {.tokens = 3, .usage = true};
    struct bench_frame token = w->token;
    struct bench_frame end;
    ts_buf_puts(out, w->head);
    ts_buf_put(out, w->role.bytes, w->role.len);
    for (int i = 0; i < 3; i++) {
        bench_frame_stamp(&token, 1000 + i);
        ts_buf_put(out, token.bytes, token.len);
    }
    w->finish(&plan, 5, &end);
    bench_frame_stamp(&end, 1003);
    ts_buf_put(out, end.bytes, end.len);
}

static void the_mocks_streams_are_read_whole_wherever_they_are_cut(void **state)
{
    (void)state;
    struct bench_wire wires[BENCH_WIRES];
    bench_wires(wires);
    for (int w = 0; w < BENCH_WIRES; w++) {
        struct ts_buf text = TS_BUF_INIT(8192);
        write_stream(&wires[w], &text);
        size_t len = text.len;
        for (size_t cut = 0; cut <= len; cut++) {
            struct bench_reply r = {.tokens = 0};
            struct marks m = {.tokens = 0};
            bench_reply_reset(&r);
            bench_reply_feed(&r, text.data, cut, on_mark, &m);
            assert_true(cut == len || r.state < BENCH_REPLY_DONE);
            bench_reply_feed(&r, text.data + cut, len - cut, on_mark, &m);
            assert_int_equal(r.state, BENCH_REPLY_DONE);
            assert_int_equal(r.status, 200);
            assert_int_equal(m.tokens, 3);
            assert_int_equal(m.ends, 1);
            assert_int_equal(m.last, 1003);
        }
        ts_buf_free(&text);
    }
}

static void a_body_with_a_length_ends_where_it_says(void **state)
{
    (void)state;
    const char *text = "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello";
    struct bench_reply r = {.tokens = 0};
    struct marks m = {.tokens = 0};
    bench_reply_reset(&r);
    bench_reply_feed(&r, text, strlen(text) - 1, on_mark, &m);
    assert_int_equal(r.state, BENCH_REPLY_LENGTH);
    bench_reply_feed(&r, "o", 1, on_mark, &m);
    assert_int_equal(r.state, BENCH_REPLY_DONE);
    assert_int_equal(r.status, 404);
    bench_reply_feed(&r, "x", 1, on_mark, &m);
    assert_int_equal(r.state, BENCH_REPLY_BROKEN);
}

static void what_is_no_answer_is_called_broken(void **state)
{
    (void)state;
    const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bench_reply r = {.tokens = 0};
        struct marks m = {.tokens = 0};
        bench_reply_reset(&r);
        bench_reply_feed(&r, bad[i], strlen(bad[i]), on_mark, &m);
        assert_int_equal(r.state, BENCH_REPLY_BROKEN);
    }
}

static void percentiles_are_nearest_rank(void **state)
{
    (void)state;
    struct bench_samples s = {0};
    assert_int_equal(bench_samples_at(&s, 0.5), -1);
    for (int i = 100; i >= 1; i--)
        bench_samples_add(&s, i);
    assert_int_equal(bench_samples_at(&s, 0.5), 50);
    assert_int_equal(bench_samples_at(&s, 0.99), 99);
    assert_int_equal(bench_samples_at(&s, 1.0), 100);
    assert_int_equal(bench_samples_at(&s, 0.0), 1);
    bench_samples_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mocks_streams_are_read_whole_wherever_they_are_cut),
        cmocka_unit_test(a_body_with_a_length_ends_where_it_says),
        cmocka_unit_test(what_is_no_answer_is_called_broken),
        cmocka_unit_test(percentiles_are_nearest_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
