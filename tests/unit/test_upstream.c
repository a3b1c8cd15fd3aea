#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "loopback.h"
#include "proxy/upstream.h"

/* One loop with its upstream side, and the server it talks to. */
struct rig {
    struct ts_poller *poller;
    struct ts_upstream *upstream;
    struct loopback *server;
};

/* What the test's callbacks are to do. */
enum act { NOTHING, CANCEL_IN_HEAD, CANCEL_IN_BODY, CANCEL_IN_DONE, RELEASE_IN_BODY };

/* What one fetch brought. */
struct seen {
    struct rig *rig;
    struct ts_fetch *fetch;
    int heads;
    int status;
    char type[64];
    char header[64];
    struct ts_buf body; /* the beginning */
    size_t bytes;
    size_t largest; /* of its pieces */
    int bodies;
    int dones;
    enum ts_fetch_end end;
    char detail[256];
    struct ts_fetch_times times;

    enum act act;
    struct seen *start_in_head; /* another fetch to start from within an event */
    int64_t acted_us;
    bool returned; /* ts_fetch_start() has come back */
};

static void start(struct seen *s, const char *url, const char *body);

static void on_head(void *ctx, int status, const char *content_type)
{
    struct seen *s = ctx;
    assert_true(s->returned);
    const char *header = ts_fetch_header(s->fetch, "x-test");
    s->heads++;
    s->status = status;
    (void)snprintf(s->type, sizeof(s->type), "%s", content_type != NULL ? content_type : "");
    (void)snprintf(s->header, sizeof(s->header), "%s", header != NULL ? header : "");
    s->times = ts_fetch_times(s->fetch);
    if (s->start_in_head != NULL)
        start(s->start_in_head, s->rig->server->url, NULL);
    if (s->act == CANCEL_IN_HEAD) {
        s->acted_us = ts_now_us();
        ts_fetch_cancel(s->fetch);
    }
}

static void on_body(void *ctx, const char *bytes, size_t n)
{
    struct seen *s = ctx;
    s->bodies++;
    s->bytes += n;
    s->largest = n > s->largest ? n : s->largest;
    ts_buf_put(&s->body, bytes, n);
    if (s->act == CANCEL_IN_BODY) {
        s->acted_us = ts_now_us();
        ts_fetch_cancel(s->fetch);
    }
    if (s->act == RELEASE_IN_BODY)
        ts_fetch_release(s->fetch);
}

static void on_done(void *ctx, enum ts_fetch_end end, const char *detail)
{
    struct seen *s = ctx;
    assert_true(s->returned);
    s->dones++;
    s->end = end;
    (void)snprintf(s->detail, sizeof(s->detail), "%s", detail);
    if (s->act == CANCEL_IN_DONE)
        ts_fetch_cancel(s->fetch);
    s->fetch = NULL;
}

static const struct ts_fetch_events events = {on_head, on_body, on_done};

static void start(struct seen *s, const char *url, const char *body)
{
    static const struct ts_header headers[] = {{"X-Ask", "yes"}, {0}};
    struct ts_fetch_request req = {
        .method = body != NULL ? "POST" : "GET",
        .url = url,
        .headers = headers,
        .body = ts_slice_str(body),
        .connect_timeout_ms = 500,
    };
    s->body = TS_BUF_INIT(64 * 1024);
    assert_int_equal(ts_fetch_start(s->rig->upstream, &req, &events, s, &s->fetch, NULL), TS_OK);
    s->returned = true;
}

static void turn(struct rig *r, int ms)
{
    (void)ts_poller_turn(r->poller, ms * 1000);
    ts_poller_reap(r->poller);
}

static void run_for(struct rig *r, int ms)
{
    for (int64_t until = ts_now_us() + ms * 1000; ts_now_us() < until;)
        turn(r, 5);
}

static void run_until(struct rig *r, const int *count)
{
    for (int64_t until = ts_now_us() + 8000000; *count == 0 && ts_now_us() < until;)
        turn(r, 5);
    assert_int_equal(*count, 1);
}

static void run_until_closed(struct rig *r)
{
    for (int64_t until = ts_now_us() + 3000000;
         atomic_load(&r->server->closed_us) == 0 && ts_now_us() < until;)
        turn(r, 1);
    assert_true(atomic_load(&r->server->closed_us) != 0);
}

static void setup_rig(struct rig *r, loopback_fn *serve, void *ctx)
{
    assert_int_equal(ts_poller_new(&r->poller, NULL), TS_OK);
    assert_int_equal(ts_upstream_new(r->poller, &r->upstream, NULL), TS_OK);
    r->server = loopback_start(serve, ctx);
}

static void teardown_rig(struct rig *r)
{
    ts_upstream_free(r->upstream);
    loopback_stop(r->server);
    ts_poller_free(r->poller);
}

/* -- what is served --------------------------------------------------------------------------- */

static void serve_ok(struct loopback_conn *c)
{
    while (loopback_read(c))
        if (!loopback_send(c,
                           "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Test: a b\r\n"
                           "Content-Length: 5\r\n\r\nhello"))
            return;
}

/* Sends what the test gives, then closes, or resets. */
struct answer {
    const char *text;
    bool reset;
};

static void serve_answer(struct loopback_conn *c)
{
    const struct answer *a = c->server->ctx;
    if (!loopback_read(c))
        return;
    (void)loopback_send(c, a->text);
    if (a->reset) {
        loopback_sleep(50); /* a reset would overtake the bytes */
        loopback_reset(c);
    }
}

static void serve_endless(struct loopback_conn *c)
{
    static char chunk[8192 + 16];
    memset(chunk, 'x', sizeof(chunk) - 1);
    (void)loopback_read(c);
    (void)loopback_send(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    while (!atomic_load(&c->server->stop) && loopback_send(c, chunk))
        ;
}

/* Answers nothing, and sees when the peer goes. */
static void serve_silence(struct loopback_conn *c)
{
    (void)loopback_read(c);
    (void)loopback_wait_closed(c);
}

static void serve_head_only(struct loopback_conn *c)
{
    (void)loopback_read(c);
    (void)loopback_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    (void)loopback_wait_closed(c);
}

static void serve_one_chunk(struct loopback_conn *c)
{
    (void)loopback_read(c);
    (void)loopback_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    (void)loopback_chunk(c, "hello");
    (void)loopback_wait_closed(c);
}

/* -- tests ------------------------------------------------------------------------------------ */

static void a_request_brings_head_body_and_end_and_keeps_its_connection(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_ok, NULL);
    for (int i = 0; i < 3; i++) {
        struct seen s = {.rig = &r};
        start(&s, r.server->url, i == 1 ? "{\"a\":1}" : NULL);
        run_until(&r, &s.dones);
        assert_int_equal(s.end, TS_FETCH_COMPLETE);
        assert_int_equal(s.heads, 1);
        assert_int_equal(s.status, 200);
        assert_string_equal(s.type, "text/plain");
        assert_string_equal(s.header, "a b");
        assert_string_equal(ts_buf_text(&s.body), "hello");
        assert_int_equal(s.times.reused, i > 0);
        assert_true(i > 0 ? s.times.connect_us == 0 : s.times.connect_us > 0);
        ts_buf_free(&s.body);
    }
    assert_int_equal(atomic_load(&r.server->accepted), 1);
    assert_int_equal(atomic_load(&r.server->requests), 3);
    teardown_rig(&r);
}

static void serve_echo_head(struct loopback_conn *c)
{
    char head[128];
    if (!loopback_read(c))
        return;
    (void)snprintf(
        head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", c->request_len);
    (void)loopback_send(c, head);
    (void)loopback_send(c, c->request);
}

static void a_request_carries_our_headers_and_body_and_no_expect(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_echo_head, NULL);
    struct seen s = {.rig = &r};
    start(&s, r.server->url, "{\"prompt\":\"hi\"}");
    run_until(&r, &s.dones);
    const char *request = ts_buf_text(&s.body);
    assert_memory_equal(request, "POST / HTTP/1.1\r\n", 17);
    assert_non_null(strstr(request, "\r\nX-Ask: yes\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Length: 15\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n{\"prompt\":\"hi\"}"));
    assert_null(strstr(request, "Expect"));
    ts_buf_free(&s.body);
    teardown_rig(&r);
}

static void each_fault_of_a_server_has_its_name(void **state)
{
    (void)state;
    static char long_line[200 * 1024];
    static char many_lines[128 * 1024];
    static char continues[40 * 1000];
    (void)snprintf(long_line, sizeof(long_line), "HTTP/1.1 200 OK\r\nX: ");
    memset(long_line + strlen(long_line), 'a', sizeof(long_line) - 32);
    (void)strncat(long_line, "\r\n\r\n", 5);
    (void)snprintf(many_lines, sizeof(many_lines), "HTTP/1.1 200 OK\r\n");
    for (size_t n = strlen(many_lines); n + 100 < sizeof(many_lines); n += 32)
        (void)snprintf(many_lines + n, 33, "X-%08zu: aaaaaaaaaaaaaaaaaa\r\n", n);
    for (size_t n = 0; n + 100 < sizeof(continues); n += 25)
        (void)snprintf(continues + n, 26, "HTTP/1.1 100 Continue\r\n\r\n");
    (void)strncat(continues, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!", 50);

    static const char *const chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    const struct {
        const char *name;
        struct answer answer;
        enum ts_fetch_end end;
        int heads;
        const char *body;
    } cases[] = {
        {"closes without a word", {"", false}, TS_FETCH_BROKEN, 0, ""},
        {"resets without a word", {"", true}, TS_FETCH_BROKEN, 0, ""},
        {"resets in mid-stream", {chunked, true}, TS_FETCH_BROKEN, 1, "hello"},
        {"ends in mid-stream", {chunked, false}, TS_FETCH_TRUNCATED, 1, "hello"},
        {"promises more than it sends",
         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false},
         TS_FETCH_TRUNCATED,
         1,
         "hello"},
        {"ends an unframed body: nobody can tell",
         {"HTTP/1.1 200 OK\r\n\r\nhello", false},
         TS_FETCH_COMPLETE,
         1,
         "hello"},
        {"is no HTTP server", {"220 mail ready\r\n", false}, TS_FETCH_INVALID, 0, ""},
        {"has a bad chunk size",
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", false},
         TS_FETCH_BROKEN,
         1,
         ""},
        {"has a header line of 200 KB", {long_line, false}, TS_FETCH_INVALID, 0, ""},
        {"has 128 KB of headers", {many_lines, false}, TS_FETCH_INVALID, 0, ""},
        {"says 100 Continue 1600 times", {continues, false}, TS_FETCH_COMPLETE, 1, "!"},
        {"redirects: not followed",
         {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
          false},
         TS_FETCH_COMPLETE,
         1,
         ""},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct answer answer = cases[i].answer;
        setup_rig(&r, serve_answer, &answer);
        struct seen s = {.rig = &r};
        start(&s, r.server->url, "{}");
        run_until(&r, &s.dones);
        if (s.end != cases[i].end || s.heads != cases[i].heads)
            print_error("server that %s: %s\n", cases[i].name, s.detail);
        assert_int_equal(s.end, cases[i].end);
        assert_int_equal(s.heads, cases[i].heads);
        assert_string_equal(ts_buf_text(&s.body), cases[i].body);
        ts_buf_free(&s.body);
        teardown_rig(&r);
    }
}

static void a_server_that_is_not_there_is_unreachable(void **state)
{
    (void)state;
    struct rig r;
    char url[64];
    setup_rig(&r, serve_ok, NULL);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", loopback_free_port());
    const char *const urls[] = {url, "http://nowhere.invalid/", "https://127.0.0.1:1/"};
    for (size_t i = 0; i < TS_ARRAY_LEN(urls); i++) {
        struct seen s = {.rig = &r};
        start(&s, urls[i], "{}");
        run_until(&r, &s.dones);
        assert_int_equal(s.end, TS_FETCH_UNREACHABLE);
        assert_int_equal(s.heads, 0);
        assert_true(strlen(s.detail) > 0);
        ts_buf_free(&s.body);
    }
    teardown_rig(&r);
}

/* A listener whose queue is full: the kernel answers no further SYN. */
static int full_listener(int clients[static 2], char *url, size_t size)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof(addr);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 2; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(clients[i], (struct sockaddr *)&addr, sizeof(addr));
    }
    (void)snprintf(url, size, "http://127.0.0.1:%d", ntohs(addr.sin_port));
    return fd;
}

static void a_connection_that_is_not_accepted_in_time_is_unreachable(void **state)
{
    (void)state;
    struct rig r;
    char url[64];
    int clients[2];
    setup_rig(&r, serve_ok, NULL);
    int fd = full_listener(clients, url, sizeof(url));
    struct seen s = {.rig = &r};
    int64_t before_us = ts_now_us();
    start(&s, url, NULL);
    run_until(&r, &s.dones);
    int64_t took_us = ts_now_us() - before_us;
    assert_int_equal(s.end, TS_FETCH_UNREACHABLE);
    assert_true(took_us > 400000 && took_us < 1500000);
    ts_buf_free(&s.body);
    for (int i = 0; i < 2; i++)
        (void)close(clients[i]);
    (void)close(fd);
    teardown_rig(&r);
}

/* Serves one request per connection and then closes it although it promised to keep it. */
static void serve_once_then_close_late(struct loopback_conn *c)
{
    if (!loopback_read(c))
        return;
    (void)loopback_send(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    if (c->index == 0) { /* the second request on it gets no byte */
        if (loopback_read(c))
            loopback_reset(c);
    }
}

static void a_kept_connection_that_died_is_replaced_without_a_failure(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_once_then_close_late, NULL);
    for (int i = 0; i < 2; i++) {
        struct seen s = {.rig = &r};
        start(&s, r.server->url, "{\"n\":1}");
        run_until(&r, &s.dones);
        assert_int_equal(s.end, TS_FETCH_COMPLETE);
        assert_string_equal(ts_buf_text(&s.body), "hello");
        ts_buf_free(&s.body);
    }
    assert_int_equal(atomic_load(&r.server->accepted), 2);
    assert_int_equal(atomic_load(&r.server->requests), 3); /* the one in the middle was lost */
    teardown_rig(&r);
}

static void a_cancelled_fetch_is_closed_within_milliseconds_in_every_phase(void **state)
{
    (void)state;
    const struct {
        const char *name;
        loopback_fn *serve;
        enum act act;
        int wait_ms;
    } cases[] = {
        {"waiting for the head", serve_silence, NOTHING, 60},
        {"head there, no body", serve_head_only, NOTHING, 60},
        {"in mid-stream", serve_one_chunk, NOTHING, 60},
        {"from within head()", serve_head_only, CANCEL_IN_HEAD, 0},
        {"from within body()", serve_one_chunk, CANCEL_IN_BODY, 0},
    };
    int late = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        setup_rig(&r, cases[i].serve, NULL);
        struct seen s = {.rig = &r, .act = cases[i].act};
        start(&s, r.server->url, "{}");
        if (cases[i].act == NOTHING) {
            run_for(&r, cases[i].wait_ms);
            s.acted_us = ts_now_us();
            ts_fetch_cancel(s.fetch);
        }
        run_until_closed(&r);
        int64_t took_us = atomic_load(&r.server->closed_us) - s.acted_us;
        run_for(&r, 20);
        assert_int_equal(s.dones, 0);
        ts_buf_free(&s.body);
        teardown_rig(&r);
        if (took_us >= 20000) { /* or was the machine busy with something else? once more */
            print_message("%s: %d us\n", cases[i].name, (int)took_us);
            assert_true(++late < 5);
            i--;
        }
    }
}

static void a_fetch_may_be_cancelled_before_anything_happened_and_inside_done(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_ok, NULL);
    struct seen early = {.rig = &r};
    start(&early, r.server->url, NULL);
    ts_fetch_cancel(early.fetch);
    run_for(&r, 30);
    assert_int_equal(early.heads + early.dones, 0);
    struct seen late = {.rig = &r, .act = CANCEL_IN_DONE};
    start(&late, r.server->url, NULL);
    run_until(&r, &late.dones);
    ts_buf_free(&late.body);
    teardown_rig(&r);
}

static void a_fetch_started_from_within_an_event_runs(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_ok, NULL);
    struct seen second = {.rig = &r};
    struct seen first = {.rig = &r, .start_in_head = &second, .act = CANCEL_IN_HEAD};
    start(&first, r.server->url, "{}");
    run_until(&r, &second.dones);
    assert_int_equal(second.end, TS_FETCH_COMPLETE);
    assert_string_equal(ts_buf_text(&second.body), "hello");
    assert_int_equal(first.dones, 0);
    ts_buf_free(&first.body);
    ts_buf_free(&second.body);
    teardown_rig(&r);
}

static void a_paused_fetch_takes_no_bytes_and_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_endless, NULL);
    struct seen s = {.rig = &r};
    start(&s, r.server->url, NULL);
    run_for(&r, 50);
    ts_fetch_pause(s.fetch);
    size_t had = s.bytes;
    run_for(&r, 100);
    assert_true(had > 0);
    assert_int_equal(s.bytes, had);
    int64_t sent = -1;
    for (int i = 0; i < 40 && sent != atomic_load(&r.server->sent_bytes); i++) {
        sent = atomic_load(&r.server->sent_bytes);
        run_for(&r, 100); /* the kernel's buffers between us fill up first */
    }
    assert_int_equal(atomic_load(&r.server->sent_bytes), sent); /* TCP holds the server back */
    ts_fetch_resume(s.fetch);
    assert_int_equal(s.bytes, had); /* never from within resume() */
    run_for(&r, 50);
    assert_true(s.bytes > had);
    ts_fetch_pause(s.fetch);
    run_for(&r, 20);
    ts_fetch_cancel(s.fetch);
    ts_buf_free(&s.body);
    teardown_rig(&r);
}

static void a_flood_leaves_turns_to_others(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_endless, NULL);
    struct seen s = {.rig = &r};
    size_t most = 0;
    start(&s, r.server->url, NULL);
    for (int i = 0; i < 100; i++) {
        size_t had = s.bytes;
        (void)usleep(5000); /* the kernel's buffers fill up */
        turn(&r, 20);
        most = s.bytes - had > most ? s.bytes - had : most;
    }
    assert_in_range(most, 8 * 1024, 40 * 1024); /* sockets and libcurl's timer: 16 KiB each */
    ts_fetch_cancel(s.fetch);
    ts_buf_free(&s.body);
    teardown_rig(&r);
}

static void serve_two_chunks(struct loopback_conn *c)
{
    while (loopback_read(c)) {
        (void)loopback_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        (void)loopback_chunk(c, "hello");
        loopback_sleep(30);
        if (!loopback_chunk(c, "rest") || !loopback_send(c, "0\r\n\r\n"))
            return;
    }
}

static void a_released_fetch_leaves_its_connection_to_the_next(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_two_chunks, NULL);
    struct seen first = {.rig = &r, .act = RELEASE_IN_BODY};
    start(&first, r.server->url, NULL);
    run_until(&r, &first.bodies);
    run_for(&r, 50);
    assert_int_equal(first.bodies, 1);
    assert_int_equal(first.dones, 0);
    struct seen second = {.rig = &r};
    start(&second, r.server->url, NULL);
    run_until(&r, &second.dones);
    assert_true(second.times.reused);
    assert_int_equal(atomic_load(&r.server->accepted), 1);
    ts_buf_free(&first.body);
    ts_buf_free(&second.body);
    teardown_rig(&r);
}

static void a_released_fetch_that_never_ends_is_closed(void **state)
{
    (void)state;
    loopback_fn *const serves[] = {serve_one_chunk, serve_endless};
    for (size_t i = 0; i < TS_ARRAY_LEN(serves); i++) {
        struct rig r;
        setup_rig(&r, serves[i], NULL);
        struct seen s = {.rig = &r, .act = RELEASE_IN_BODY};
        start(&s, r.server->url, NULL);
        run_until(&r, &s.bodies);
        run_for(&r, 50);
        if (serves[i] == serve_one_chunk)
            run_until_closed(&r);
        assert_int_equal(s.bodies, 1);
        ts_buf_free(&s.body);
        teardown_rig(&r);
    }
}

static void what_still_drains_goes_down_with_the_loop(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_one_chunk, NULL);
    struct seen s = {.rig = &r, .act = RELEASE_IN_BODY};
    start(&s, r.server->url, NULL);
    run_until(&r, &s.bodies);
    run_for(&r, 50);
    assert_int_equal(s.bodies, 1);
    ts_buf_free(&s.body);
    teardown_rig(&r);
}

static void a_url_that_libcurl_refuses_is_an_error_at_once_or_at_the_end(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_ok, NULL);
    const char *const urls[] = {"file:///etc/passwd", "gopher://127.0.0.1/", "http://"};
    for (size_t i = 0; i < TS_ARRAY_LEN(urls); i++) {
        struct seen s = {.rig = &r};
        start(&s, urls[i], NULL);
        run_until(&r, &s.dones);
        assert_int_equal(s.heads, 0);
        assert_int_not_equal(s.end, TS_FETCH_COMPLETE);
        ts_buf_free(&s.body);
    }
    teardown_rig(&r);
}

/* Else libcurl reads 16 KiB into a buffer of one: it keeps the buffer and forgets its size. */
static void a_handle_that_found_no_server_still_reads_no_more_than_its_buffer_holds(void **state)
{
    (void)state;
    struct rig r;
    setup_rig(&r, serve_endless, NULL);
    struct seen lost = {.rig = &r};
    start(&lost, "http://nowhere.invalid/", NULL);
    run_until(&r, &lost.dones);
    assert_int_equal(lost.end, TS_FETCH_UNREACHABLE);
    struct seen s = {.rig = &r};
    start(&s, r.server->url, NULL);
    while (s.bytes < 100000)
        turn(&r, 20);
    assert_in_range(s.largest, 1, 1024);
    ts_fetch_cancel(s.fetch);
    ts_buf_free(&s.body);
    teardown_rig(&r);
}

static int global_setup(void **state)
{
    (void)state;
    return ts_upstream_global_init() == TS_OK ? 0 : -1;
}

static int global_teardown(void **state)
{
    (void)state;
    ts_upstream_global_deinit();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_brings_head_body_and_end_and_keeps_its_connection),
        cmocka_unit_test(a_request_carries_our_headers_and_body_and_no_expect),
        cmocka_unit_test(each_fault_of_a_server_has_its_name),
        cmocka_unit_test(a_server_that_is_not_there_is_unreachable),
        cmocka_unit_test(a_connection_that_is_not_accepted_in_time_is_unreachable),
        cmocka_unit_test(a_kept_connection_that_died_is_replaced_without_a_failure),
        cmocka_unit_test(a_cancelled_fetch_is_closed_within_milliseconds_in_every_phase),
        cmocka_unit_test(a_fetch_may_be_cancelled_before_anything_happened_and_inside_done),
        cmocka_unit_test(a_fetch_started_from_within_an_event_runs),
        cmocka_unit_test(a_paused_fetch_takes_no_bytes_and_goes_on_where_it_stopped),
        cmocka_unit_test(a_flood_leaves_turns_to_others),
        cmocka_unit_test(a_released_fetch_leaves_its_connection_to_the_next),
        cmocka_unit_test(a_released_fetch_that_never_ends_is_closed),
        cmocka_unit_test(what_still_drains_goes_down_with_the_loop),
        cmocka_unit_test(a_url_that_libcurl_refuses_is_an_error_at_once_or_at_the_end),
        cmocka_unit_test(a_handle_that_found_no_server_still_reads_no_more_than_its_buffer_holds),
    };
    return cmocka_run_group_tests(tests, global_setup, global_teardown);
}
