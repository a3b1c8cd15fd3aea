/*
 * Event loops over real sockets: bodies in, answers and streams out, clients that leave, are slow
 * or speak HTTP/1.0, and the end. The handlers here are the test's own; libmicrohttpd and the sink
 * are the real ones. Every stream is run on both ways of writing it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "server/loop.h"
#include "server/request.h"

enum { LOOPS = 2, WAIT_US = 10 * 1000 * 1000, LINE = 1000, CROWD = 120 };

/* -- handlers --------------------------------------------------------------------------------- */

static struct {
    _Atomic int started;
    _Atomic int ended; /* streams that went to their end */
    _Atomic int gone;  /* streams whose client was told to be gone */
    _Atomic size_t most_pending;
} seen;

/* A stream of numbered lines: ?n= lines, one every ?every= us (0: as fast as it goes), the first
 * after ?wait= us, ?cut=1 to break it off. */
struct stream {
    struct ts_exchange *x;
    struct ts_client *client;
    struct ts_timer timer;
    int sent;
    int lines;
    int every_us;
    bool cut;
    bool begun;
    bool paused;
};

static int arg(const struct ts_exchange *x, const char *key)
{
    for (int i = 0; i < x->arg_count; i++) {
        if (strcmp(x->args[i].key, key) == 0)
            return (int)strtol(x->args[i].value, NULL, 10);
    }
    return 0;
}

static void free_stream(struct stream *s)
{
    ts_timer_clear(s->x->poller, &s->timer);
    s->x->ops->finish(s->x);
    free(s);
}

static void write_line(struct stream *s)
{
    char line[LINE + 1];
    (void)snprintf(line, sizeof(line), "%0*d\n", LINE - 1, s->sent++);
    s->client->ops->write(s->client, line, LINE);
    size_t pending = s->client->ops->pending(s->client);
    if (pending > atomic_load(&seen.most_pending))
        atomic_store(&seen.most_pending, pending);
    s->paused = pending > TS_STREAM_HIGH_BYTES;
}

static void go_on(struct stream *s)
{
    while (s->sent < s->lines && !s->paused) {
        write_line(s);
        if (s->every_us > 0 && s->sent < s->lines) {
            assert_int_equal(ts_timer_set(s->x->poller, &s->timer, ts_now_us() + s->every_us),
                             TS_OK);
            return;
        }
    }
    if (s->sent < s->lines)
        return; /* paused */
    (s->cut ? s->client->ops->cut : s->client->ops->end)(s->client);
    (void)atomic_fetch_add(&seen.ended, 1);
    free_stream(s);
}

static void on_stream_timer(struct ts_timer *t)
{
    struct stream *s = TS_CONTAINER(t, struct stream, timer);
    const struct ts_head head = {.status = 200, .content_type = "text/plain"};
    if (!s->begun)
        s->client->ops->begin(s->client, &head);
    s->begun = true;
    go_on(s);
}

static void on_stream_gone(void *ctx)
{
    (void)atomic_fetch_add(&seen.gone, 1);
    free_stream(ctx);
}

static void on_stream_drained(void *ctx)
{
    struct stream *s = ctx;
    if (!s->paused)
        return;
    s->paused = false;
    if (!ts_timer_is_set(&s->timer))
        go_on(s);
}

static const struct ts_client_events stream_events = {on_stream_gone, on_stream_drained};

static void handle_stream(struct ts_exchange *x)
{
    struct stream *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    *s = (struct stream){.x = x,
                         .client = x->ops->client(x),
                         .timer.fn = on_stream_timer,
                         .lines = arg(x, "n"),
                         .every_us = arg(x, "every"),
                         .cut = arg(x, "cut") != 0};
    s->client->events = &stream_events;
    s->client->events_ctx = s;
    (void)atomic_fetch_add(&seen.started, 1);
    assert_int_equal(ts_timer_set(x->poller, &s->timer, ts_now_us() + arg(x, "wait")), TS_OK);
}

static void handle_echo(struct ts_exchange *x)
{
    const struct ts_head head = {.status = 200, .content_type = "text/plain"};
    x->ops->respond(x, &head, x->body.at, x->body.len);
}

static const struct ts_route_entry routes[] = {
    {TS_GET, "/stream", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", handle_stream},
    {TS_POST, "/echo", TS_ROUTE_GENERATE, TS_SCOPE_READ, "touchstone", handle_echo},
};

/* In place of the program's own table: the linker takes the first. */
enum ts_err ts_route_find(enum ts_method method,
                          const char *path,
                          const struct ts_route_entry **out,
                          struct ts_slice params[static TS_MAX_PATH_PARAMS],
                          char allow[static 64])
{
    (void)params;
    for (size_t i = 0; i < TS_ARRAY_LEN(routes); i++) {
        *out = &routes[i];
        if (strcmp(routes[i].path, path) != 0)
            continue;
        if (routes[i].method == method || (method == TS_HEAD && routes[i].method == TS_GET))
            return TS_OK;
        (void)snprintf(allow, 64, "POST");
        return TS_ERR_METHOD_NOT_ALLOWED;
    }
    return TS_ERR_NOT_FOUND;
}

/* -- the server under test --------------------------------------------------------------------- */

struct server {
    struct ts_shared shared;
    struct ts_services services;
    struct ts_id_source ids;
    struct ts_loop *loops[LOOPS];
    int port;
};

static void no_record(void *ctx, struct ts_call *call, struct ts_ticket *ticket)
{
    (void)ctx;
    (void)call;
    (void)ticket;
    fail_msg("nothing here is recorded");
}

static struct server *start_server(bool library, int limit)
{
    static const struct ts_host_rule host = {"localhost", TS_PORT_OURS};
    struct ts_address_list at;
    struct server *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    assert_int_equal(ts_listen_parse("127.0.0.1:0", &at, NULL), TS_OK);
    s->services.ids = &s->ids;
    assert_int_equal(ts_meters_new(&s->services.meters), TS_OK);
    s->shared.services = &s->services;
    s->shared.base_path = "";
    s->shared.library_streams = library;
    s->shared.connection_limit = limit;
    s->shared.guard = (struct ts_guard_policy){.hosts = &host, .host_count = 1};
    for (int i = 0; i < LOOPS; i++) {
        int fd = -1;
        struct ts_record_sink sink = {.record = no_record};
        assert_int_equal(ts_loop_new(&s->shared, sink, &s->loops[i], NULL), TS_OK);
        assert_int_equal(ts_listen_open(&at.at[0], i == 0, &fd, NULL), TS_OK);
        assert_int_equal(ts_loop_listen(s->loops[i], fd, NULL), TS_OK);
    }
    s->port = at.at[0].port;
    for (int i = 0; i < LOOPS; i++)
        assert_int_equal(ts_loop_start(s->loops[i], NULL), TS_OK);
    seen.started = seen.ended = seen.gone = 0;
    seen.most_pending = 0;
    return s;
}

static bool is_stopped(const struct server *s)
{
    for (int i = 0; i < LOOPS; i++) {
        if (!atomic_load(&s->loops[i]->stopped))
            return false;
    }
    return true;
}

static void drain_server(struct server *s)
{
    atomic_store(&s->shared.draining, true);
    for (int i = 0; i < LOOPS; i++)
        ts_loop_drain(s->loops[i]);
}

static void stop_server(struct server *s)
{
    for (int i = 0; i < LOOPS; i++)
        ts_loop_join(s->loops[i]);
    assert_int_equal(s->shared.body_bytes, 0);
    for (int i = 0; i < LOOPS; i++)
        ts_loop_free(s->loops[i]);
    ts_meters_free(s->services.meters);
    free(s);
}

/* Waits until a counter has reached a value. */
static void await(const _Atomic int *counter, int value)
{
    int64_t until = ts_now_us() + WAIT_US;
    while (atomic_load(counter) < value && ts_now_us() < until)
        (void)usleep(1000);
    assert_int_equal(atomic_load(counter), value);
}

/* -- clients ---------------------------------------------------------------------------------- */

static int dial(const struct server *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    struct timeval wait = {.tv_sec = WAIT_US / 1000000};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void ask_stream(int fd, const char *method, const char *query, int minor)
{
    char text[256];
    (void)snprintf(text,
                   sizeof(text),
                   "%s /stream?%s HTTP/1.%d\r\nHost: localhost\r\n\r\n",
                   method,
                   query,
                   minor);
    say(fd, text);
}

/* Everything up to the end of the connection, or up to what ends in @end. */
struct text {
    char *at;
    size_t len;
    bool closed;
};

static struct text hear(int fd, const char *end)
{
    struct text t = {0};
    size_t cap = 0;
    size_t n = end != NULL ? strlen(end) : 0;
    for (;;) {
        if (cap - t.len < 65536) {
            cap += 1 << 20;
            t.at = realloc(t.at, cap + 1);
            assert_non_null(t.at);
        }
        ssize_t got = recv(fd, t.at + t.len, cap - t.len, 0);
        t.closed = got == 0 || (got < 0 && errno == ECONNRESET);
        if (got < 0 && !t.closed)
            fail_msg("nothing heard for %d s", WAIT_US / 1000000);
        t.len += got > 0 ? (size_t)got : 0;
        t.at[t.len] = '\0';
        if (t.closed || (n > 0 && t.len >= n && memcmp(t.at + t.len - n, end, n) == 0))
            return t;
    }
}

/* The chunks of a body put together, in place; -1 where it breaks off. */
static long unchunk(char *body)
{
    char *to = body;
    for (char *from = body;;) {
        char *end = NULL;
        unsigned long n = strtoul(from, &end, 16);
        if (end == from || strncmp(end, "\r\n", 2) != 0)
            return -1;
        if (n == 0)
            return to - body;
        from = end + 2;
        if (strlen(from) < n + 2 || memcmp(from + n, "\r\n", 2) != 0)
            return -1;
        memmove(to, from, n);
        to += n;
        from += n + 2;
    }
}

static char *body_of(const struct text *t)
{
    char *blank = strstr(t->at, "\r\n\r\n");
    assert_non_null(blank);
    return blank + 4;
}

static void check_lines(const char *body, long len, int lines)
{
    assert_int_equal(len, (long)lines * LINE);
    for (int i = 0; i < lines; i++)
        assert_int_equal(strtol(body + (ptrdiff_t)i * LINE, NULL, 10), i);
}

/* -- tests ------------------------------------------------------------------------------------ */

static const bool ways[] = {false, true}; /* direct, by the library */

static void a_stream_arrives_whole_and_the_connection_goes_on(void **state)
{
    (void)state;
    for (size_t way = 0; way < TS_ARRAY_LEN(ways); way++) {
        struct server *s = start_server(ways[way], 1000);
        int fd = dial(s);
        static const char *const queries[] = {"n=3&every=2000", "n=4000", "n=1&wait=2000", "n=0"};
        static const int lines[] = {3, 4000, 1, 0};
        for (size_t i = 0; i < TS_ARRAY_LEN(queries); i++) {
            ask_stream(fd, "GET", queries[i], 1);
            struct text t = hear(fd, "0\r\n\r\n");
            assert_false(t.closed);
            assert_non_null(strstr(t.at, "Transfer-Encoding: chunked\r\n"));
            char *body = body_of(&t);
            check_lines(body, unchunk(body), lines[i]);
            free(t.at);
        }
        say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
        struct text t = hear(fd, "hello");
        free(t.at);
        (void)close(fd);
        drain_server(s);
        stop_server(s);
        assert_int_equal(seen.ended, TS_ARRAY_LEN(queries));
        assert_int_equal(seen.gone, 0);
    }
}

static void a_client_of_http_1_0_gets_the_bytes_until_the_end(void **state)
{
    (void)state;
    struct server *s = start_server(false, 1000);
    int fd = dial(s);
    ask_stream(fd, "GET", "n=500", 0);
    struct text t = hear(fd, NULL);
    assert_null(strstr(t.at, "chunked"));
    char *body = body_of(&t);
    check_lines(body, (long)(t.len - (size_t)(body - t.at)), 500);
    free(t.at);
    (void)close(fd);
    drain_server(s);
    stop_server(s);
}

static void head_gets_the_head_and_nothing_that_could_be_taken_for_more(void **state)
{
    (void)state;
    struct server *s = start_server(false, 1000);
    int fd = dial(s);
    ask_stream(fd, "HEAD", "n=5&every=1000", 1);
    say(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nend");
    struct text t = hear(fd, "end");
    assert_int_equal(strncmp(body_of(&t), "HTTP/1.1 200", 12), 0); /* the next answer */
    free(t.at);
    (void)close(fd);
    await(&seen.gone, 1); /* nobody reads it */
    drain_server(s);
    stop_server(s);
}

static void a_stream_that_is_cut_has_no_good_end(void **state)
{
    (void)state;
    for (size_t way = 0; way < TS_ARRAY_LEN(ways); way++) {
        struct server *s = start_server(ways[way], 1000);
        int fd = dial(s);
        ask_stream(fd, "GET", "n=5&cut=1&every=500", 1);
        struct text t = hear(fd, NULL);
        assert_true(t.closed);
        assert_null(strstr(t.at, "\r\n0\r\n"));
        assert_non_null(strstr(t.at, "0004\n")); /* what was written before is there */
        free(t.at);
        (void)close(fd);
        drain_server(s);
        stop_server(s);
    }
}

static void a_slow_reader_gets_all_and_costs_little(void **state)
{
    (void)state;
    for (size_t way = 0; way < TS_ARRAY_LEN(ways); way++) {
        struct server *s = start_server(ways[way], 1000);
        int fd = dial(s);
        int small = 64 * 1024;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        ask_stream(fd, "GET", "n=8000", 1);
        (void)usleep(300 * 1000);
        assert_int_equal(seen.ended, 0); /* 8 MB do not fit into the kernel */
        struct text t = hear(fd, "0\r\n\r\n");
        char *body = body_of(&t);
        check_lines(body, unchunk(body), 8000);
        assert_true(seen.most_pending <= TS_STREAM_HIGH_BYTES + LINE);
        free(t.at);
        (void)close(fd);
        drain_server(s);
        stop_server(s);
    }
}

static void a_client_that_leaves_is_told_of_once_in_every_phase(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        bool read_first; /* leaves when something has come */
    } phases[] = {
        {"n=5&wait=60000000", false},  /* before the answer has begun */
        {"n=100000&every=1000", true}, /* between two lines */
        {"n=2&every=60000000", true},  /* in a long silence */
        {"n=100000", true},            /* while the socket is full */
        {"n=3&wait=1", false},         /* at about the time it begins */
    };
    for (size_t way = 0; way < TS_ARRAY_LEN(ways); way++) {
        struct server *s = start_server(ways[way], 1000);
        for (size_t i = 0; i < TS_ARRAY_LEN(phases); i++) {
            int fd = dial(s);
            char byte = 0;
            ask_stream(fd, "GET", phases[i].query, 1);
            if (phases[i].read_first)
                assert_int_equal(recv(fd, &byte, 1, 0), 1);
            else
                await(&seen.started, (int)i + 1);
            (void)close(fd);
        }
        int64_t until = ts_now_us() + WAIT_US;
        while (seen.gone + seen.ended < (int)TS_ARRAY_LEN(phases) && ts_now_us() < until)
            (void)usleep(1000);
        assert_int_equal(seen.gone + seen.ended, TS_ARRAY_LEN(phases));
        assert_true(seen.gone >= (int)TS_ARRAY_LEN(phases) - 1); /* the last may have been faster */
        drain_server(s);
        stop_server(s);
    }
}

static void bodies_come_whole_up_to_the_limit(void **state)
{
    (void)state;
    struct server *s = start_server(false, 1000);
    size_t n = 3 * 1000 * 1000;
    char *bytes = malloc(n + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('a' + i % 23);
    bytes[n - 1] = '!';
    bytes[n] = '\0';
    int fd = dial(s);
    char head[128];
    (void)snprintf(head,
                   sizeof(head),
                   "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
                   n);
    say(fd, head);
    say(fd, bytes);
    struct text t = hear(fd, "!");
    assert_string_equal(body_of(&t), bytes);
    free(t.at);
    say(fd,
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2;x=y\r\nd!\r\n0\r\n\r\n");
    t = hear(fd, "abcd!");
    free(t.at);
    (void)close(fd);
    free(bytes);
    drain_server(s);
    stop_server(s);
}

static void beyond_the_limit_of_connections_a_client_is_told(void **state)
{
    (void)state;
    struct server *s = start_server(false, 90);
    static const char request[] =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";
    int fds[CROWD];
    int refused = 0;
    for (int i = 0; i < CROWD; i++) {
        fds[i] = dial(s);
        (void)send(fds[i], request, strlen(request), MSG_NOSIGNAL); /* may be refused already */
        char answer[13] = "";
        (void)recv(fds[i], answer, 12, MSG_WAITALL);
        refused += strcmp(answer, "HTTP/1.1 200") != 0;
        assert_true(strcmp(answer, "HTTP/1.1 200") == 0 || strcmp(answer, "HTTP/1.1 503") == 0 ||
                    answer[0] == '\0'); /* reset while it was still asking */
    }
    assert_true(refused > 0 && refused < CROWD);
    for (int i = 0; i < CROWD; i++)
        (void)close(fds[i]);
    drain_server(s);
    stop_server(s);
}

static void draining_lets_streams_end_and_takes_nobody_new(void **state)
{
    (void)state;
    struct server *s = start_server(false, 1000);
    int fd = dial(s);
    int idle = dial(s);
    ask_stream(fd, "GET", "n=20&every=20000", 1);
    await(&seen.started, 1);
    drain_server(s);
    struct text t = hear(fd, "0\r\n\r\n");
    char *body = body_of(&t);
    check_lines(body, unchunk(body), 20);
    free(t.at);
    t = hear(idle, NULL);
    assert_true(t.closed && t.len == 0);
    free(t.at);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_not_equal(connect(late, (const struct sockaddr *)&to, sizeof(to)), 0);
    (void)close(late);
    (void)close(fd);
    (void)close(idle);
    stop_server(s);
}

static void an_abort_ends_what_would_go_on_for_ever(void **state)
{
    (void)state;
    struct server *s = start_server(false, 1000);
    int fd = dial(s);
    int waiting = dial(s);
    ask_stream(fd, "GET", "n=100000&every=60000000", 1);
    ask_stream(waiting, "GET", "n=1&wait=60000000", 1);
    await(&seen.started, 2);
    drain_server(s);
    (void)usleep(50 * 1000);
    assert_false(is_stopped(s));
    int64_t start = ts_now_us();
    for (int i = 0; i < LOOPS; i++)
        ts_loop_abort(s->loops[i]);
    stop_server(s);
    assert_true(ts_now_us() - start < 5 * 1000 * 1000);
    assert_int_equal(seen.gone, 2);
    (void)close(fd);
    (void)close(waiting);
}

static void *leave_at_random(void *arg)
{
    const struct server *s = arg;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    for (int i = 0; i < CROWD / 4; i++) {
        char query[64];
        int fd = dial(s);
        (void)snprintf(query,
                       sizeof(query),
                       "n=%d&every=%d&wait=%d",
                       rand_r(&seed) % 300,
                       rand_r(&seed) % 3 == 0 ? 100 : 0,
                       rand_r(&seed) % 2000);
        ask_stream(fd, "GET", query, rand_r(&seed) % 2);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        (void)poll(&p, 1, rand_r(&seed) % 5);
        char some[4096];
        for (int n = rand_r(&seed) % 40; n > 0 && recv(fd, some, sizeof(some), MSG_DONTWAIT) > 0;)
            n--;
        (void)close(fd);
    }
    return NULL;
}

static void a_crowd_that_leaves_at_random_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t way = 0; way < TS_ARRAY_LEN(ways); way++) {
        struct server *s = start_server(ways[way], 1000);
        pthread_t threads[4];
        for (size_t i = 0; i < TS_ARRAY_LEN(threads); i++)
            assert_int_equal(pthread_create(&threads[i], NULL, leave_at_random, s), 0);
        for (size_t i = 0; i < TS_ARRAY_LEN(threads); i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        drain_server(s);
        stop_server(s);
        assert_int_equal(seen.gone + seen.ended, seen.started);
    }
}

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    return ts_upstream_global_init() == TS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ts_upstream_global_deinit();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_arrives_whole_and_the_connection_goes_on),
        cmocka_unit_test(a_client_of_http_1_0_gets_the_bytes_until_the_end),
        cmocka_unit_test(head_gets_the_head_and_nothing_that_could_be_taken_for_more),
        cmocka_unit_test(a_stream_that_is_cut_has_no_good_end),
        cmocka_unit_test(a_slow_reader_gets_all_and_costs_little),
        cmocka_unit_test(a_client_that_leaves_is_told_of_once_in_every_phase),
        cmocka_unit_test(bodies_come_whole_up_to_the_limit),
        cmocka_unit_test(beyond_the_limit_of_connections_a_client_is_told),
        cmocka_unit_test(draining_lets_streams_end_and_takes_nobody_new),
        cmocka_unit_test(an_abort_ends_what_would_go_on_for_ever),
        cmocka_unit_test(a_crowd_that_leaves_at_random_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
