/* The hub of live events: order, resuming, slow listeners, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "handlers/live.h"

/* A client that keeps what it is told; what waits is taken when a test says so. */
struct fake {
    struct ts_client client;
    struct ts_listening listening;
    struct ts_buf text;
    size_t waiting;
    int begins, ends, cuts, ended;
};

static struct fake *fake_of(struct ts_client *c)
{
    return TS_CONTAINER(c, struct fake, client);
}

static void on_begin(struct ts_client *c, const struct ts_head *head)
{
    assert_int_equal(head->status, 200);
    assert_string_equal(head->content_type, "text/event-stream");
    fake_of(c)->begins++;
}

static void on_write(struct ts_client *c, const char *bytes, size_t n)
{
    struct fake *f = fake_of(c);
    ts_buf_put(&f->text, bytes, n);
    f->waiting += n;
}

static size_t on_pending(const struct ts_client *c)
{
    return TS_CONTAINER_CONST(c, struct fake, client)->waiting;
}

static void on_end(struct ts_client *c)
{
    fake_of(c)->ends++;
}

static void on_cut(struct ts_client *c)
{
    fake_of(c)->cuts++;
}

static const struct ts_client_ops ops = {
    .begin = on_begin, .write = on_write, .pending = on_pending, .end = on_end, .cut = on_cut};

static void on_ended(void *ctx)
{
    ((struct fake *)ctx)->ended++;
}

struct hub {
    struct ts_poller *poller;
    struct ts_live *live;
};

static struct hub open_hub(void)
{
    struct hub h = {0};
    assert_int_equal(ts_poller_new(&h.poller, NULL), TS_OK);
    assert_int_equal(ts_live_new(&h.live), TS_OK);
    return h;
}

static void turn(struct hub *h)
{
    (void)ts_poller_turn(h->poller, 0);
    ts_poller_reap(h->poller);
}

static void close_hub(struct hub *h)
{
    ts_live_close(h->live);
    turn(h);
    assert_int_equal(ts_live_listeners(h->live), 0);
    ts_poller_free(h->poller);
    ts_live_free(h->live);
}

static void listen_as(struct hub *h, struct fake *f, int64_t after)
{
    *f = (struct fake){.client.ops = &ops, .text = TS_BUF_INIT(64 * 1024 * 1024)};
    f->listening = (struct ts_listening){.poller = h->poller, .ended = on_ended, .ctx = f};
    assert_int_equal(ts_live_admit(h->live, &f->listening, NULL), TS_OK);
    ts_live_listen(&f->listening, &f->client, after);
    assert_int_equal(f->begins, 1);
}

static void take_all(struct fake *f)
{
    f->waiting = 0;
    f->client.events->drained(f->client.events_ctx);
}

static int64_t publish(struct hub *h, const char *name, int n)
{
    TS_AUTO(ts_buf_free) struct ts_buf data = TS_BUF_INIT(4096);
    ts_buf_printf(&data, "{\"n\":%d,\"pad\":\"%0500d\"}", n, 0);
    return ts_live_publish(h->live, name, &data);
}

static bool has(const struct fake *f, int n)
{
    char needle[32];
    (void)snprintf(needle, sizeof(needle), "{\"n\":%d,", n);
    return strstr(ts_buf_text(&f->text), needle) != NULL;
}

static void a_listener_hears_what_comes_and_one_that_returns_what_it_missed(void **state)
{
    (void)state;
    struct hub h = open_hub();
    struct fake a;
    struct fake b;
    (void)publish(&h, "x", 1);
    listen_as(&h, &a, 0);
    int64_t second = publish(&h, "x", 2);
    assert_int_equal(publish(&h, "x", 3), second + 1);
    assert_false(has(&a, 2)); /* not before its own loop's turn */
    turn(&h);
    assert_true(!has(&a, 1) && has(&a, 2) && has(&a, 3));
    listen_as(&h, &b, second);
    assert_true(!has(&b, 2) && has(&b, 3));
    assert_null(strstr(ts_buf_text(&b.text), "event: gap"));
    close_hub(&h);
    assert_true(a.ends == 1 && a.ended == 1 && b.ends == 1 && b.ended == 1);
    ts_buf_free(&a.text);
    ts_buf_free(&b.text);
}

static void a_slow_listener_costs_no_memory_and_is_told_what_it_has_lost(void **state)
{
    (void)state;
    struct hub h = open_hub();
    struct fake slow;
    struct fake fast;
    enum { MANY = 20000 };
    listen_as(&h, &slow, 0);
    listen_as(&h, &fast, 0);
    for (int i = 0; i < MANY; i++) {
        (void)publish(&h, "x", i);
        turn(&h);
        fast.waiting = 0;
    }
    assert_true(slow.text.len <= TS_STREAM_HIGH_BYTES + 17 * 1024);
    assert_true(has(&slow, 0) && !has(&slow, MANY - 1));
    assert_true(has(&fast, 0) && has(&fast, MANY / 2) && has(&fast, MANY - 1));
    assert_null(strstr(ts_buf_text(&fast.text), "event: gap"));
    for (int i = 0; i < 200 && !has(&slow, MANY - 1); i++)
        take_all(&slow);
    assert_true(has(&slow, MANY - 1));
    const char *gap = strstr(ts_buf_text(&slow.text), "event: gap\n");
    assert_non_null(gap);
    assert_null(strstr(gap + 1, "event: gap\n")); /* once */
    assert_false(has(&slow, MANY / 2));
    close_hub(&h);
    ts_buf_free(&slow.text);
    ts_buf_free(&fast.text);
}

static void what_is_out_of_date_is_not_told_to_those_who_come_late(void **state)
{
    (void)state;
    struct hub h = open_hub();
    struct fake f;
    int64_t first = publish(&h, "call.started", 1);
    int64_t old = publish(&h, "call.progress", 2);
    int64_t new = publish(&h, "call.progress", 3);
    ts_live_replace(h.live, old);
    ts_live_replace(h.live, 0);
    ts_live_replace(h.live, new + 1000);
    listen_as(&h, &f, first - 1);
    assert_true(has(&f, 1) && !has(&f, 2) && has(&f, 3));
    close_hub(&h);
    ts_buf_free(&f.text);
}

static void an_id_that_the_ring_does_not_hold_is_a_gap(void **state)
{
    (void)state;
    struct hub h = open_hub();
    int64_t only = publish(&h, "x", 1);
    const int64_t afters[] = {1, only - 2, only + 1, INT64_MAX};
    for (size_t i = 0; i < TS_ARRAY_LEN(afters); i++) {
        struct fake f;
        listen_as(&h, &f, afters[i]);
        assert_non_null(strstr(ts_buf_text(&f.text), "event: gap\n"));
        assert_true(has(&f, 1));
        f.client.events->gone(f.client.events_ctx);
        turn(&h);
        assert_int_equal(f.ended, 1);
        ts_buf_free(&f.text);
    }
    close_hub(&h);
}

static void an_event_that_is_too_long_or_was_not_written_is_left_out(void **state)
{
    (void)state;
    struct hub h = open_hub();
    struct ts_buf data = TS_BUF_INIT(64 * 1024);
    ts_buf_printf(&data, "{\"a\":\"%09000d\"}", 0);
    assert_int_equal(ts_live_publish(h.live, "x", &data), 0);
    data.error = TS_ERR_NOMEM;
    assert_int_equal(ts_live_publish(h.live, "x", &data), 0);
    ts_buf_free(&data);
    close_hub(&h);
}

static void there_is_a_limit_of_listeners_and_none_after_the_end(void **state)
{
    (void)state;
    struct hub h = open_hub();
    struct fake *all = calloc(TS_LIVE_LISTENERS, sizeof(*all));
    struct ts_listening more = {.poller = h.poller};
    assert_non_null(all);
    assert_false(ts_live_is_heard(h.live));
    for (int i = 0; i < TS_LIVE_LISTENERS; i++)
        listen_as(&h, &all[i], 0);
    assert_int_equal(ts_live_admit(h.live, &more, NULL), TS_ERR_OVERLOADED);
    ts_live_close(h.live);
    turn(&h);
    assert_int_equal(ts_live_admit(h.live, &more, NULL), TS_ERR_DRAINING);
    for (int i = 0; i < TS_LIVE_LISTENERS; i++) {
        assert_true(all[i].ends == 1 && all[i].ended == 1);
        ts_buf_free(&all[i].text);
    }
    free(all);
    close_hub(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_hears_what_comes_and_one_that_returns_what_it_missed),
        cmocka_unit_test(a_slow_listener_costs_no_memory_and_is_told_what_it_has_lost),
        cmocka_unit_test(what_is_out_of_date_is_not_told_to_those_who_come_late),
        cmocka_unit_test(an_id_that_the_ring_does_not_hold_is_a_gap),
        cmocka_unit_test(an_event_that_is_too_long_or_was_not_written_is_left_out),
        cmocka_unit_test(there_is_a_limit_of_listeners_and_none_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
