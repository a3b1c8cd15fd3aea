/*
 * A model server for measuring: it streams tokens on an exact schedule and costs next to nothing.
 *
 * One thread, one epoll, a heap of streams by the time of their next token. Every token is a write
 * of its own, as a real server flushes it. Requests say how many tokens they want and when
 * (wire.h). GET /bench/log tells when each marked stream started, ended or lost its client, and
 * forgets it.
 *
 * HTTP is read only as far as well-formed clients on the same machine need it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "bench/net.h"
#include "bench/wire.h"

enum { EVENTS = 512, MAX_REQUEST = 1 << 20, MAX_OUT = 64 << 20, NS_PER_US = 1000 };

struct conn {
    int fd;
    uint32_t slot; /* in the heap + 1; 0: nothing due */
    int64_t due_ns;
    int64_t started_ns;
    const struct bench_wire *wire; /* of the running stream; NULL between requests */
    struct bench_plan plan;
    int64_t sent; /* tokens */
    struct ts_buf in;
    struct ts_buf out; /* what the peer has not taken yet */
    bool dead;
    struct conn *next_dead;
};

struct mock {
    int epoll_fd;
    int listen_fd;
    struct bench_wire wires[BENCH_WIRES];
    struct bench_plan defaults;
    struct conn **heap;
    uint32_t due;
    uint32_t heap_cap;
    struct conn *dead; /* freed at the end of the turn: later events may still name them */
    struct ts_buf log;
};

/* -- the heap of streams by due time ---------------------------------------------------------- */

static void heap_put(struct mock *m, uint32_t i, struct conn *c)
{
    m->heap[i] = c;
    c->slot = i + 1;
}

static void heap_up(struct mock *m, uint32_t i, struct conn *c)
{
    for (; i > 0 && m->heap[(i - 1) / 2]->due_ns > c->due_ns; i = (i - 1) / 2)
        heap_put(m, i, m->heap[(i - 1) / 2]);
    heap_put(m, i, c);
}

static void heap_down(struct mock *m, uint32_t i, struct conn *c)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < m->due && m->heap[child + 1]->due_ns < m->heap[child]->due_ns)
            child++;
        if (child >= m->due || m->heap[child]->due_ns >= c->due_ns)
            break;
        heap_put(m, i, m->heap[child]);
        i = child;
    }
    heap_put(m, i, c);
}

static void schedule(struct mock *m, struct conn *c, int64_t due_ns)
{
    c->due_ns = due_ns;
    if (c->slot != 0) { /* only ever moved to a later time */
        heap_down(m, c->slot - 1, c);
        return;
    }
    if (m->due == m->heap_cap) {
        m->heap_cap = m->heap_cap == 0 ? 1024 : 2 * m->heap_cap;
        m->heap = realloc(m->heap, m->heap_cap * sizeof(struct conn *));
        if (m->heap == NULL)
            bench_no_memory();
    }
    heap_up(m, m->due++, c);
}

static void unschedule(struct mock *m, struct conn *c)
{
    if (c->slot == 0)
        return;
    uint32_t i = c->slot - 1;
    c->slot = 0;
    struct conn *moved = m->heap[--m->due];
    if (moved == c)
        return;
    heap_down(m, i, moved);
    heap_up(m, moved->slot - 1, moved);
}

/* -- connections ------------------------------------------------------------------------------ */

static void log_stream(struct mock *m, const struct conn *c, const char *what)
{
    if (c->wire != NULL && c->plan.id != 0)
        ts_buf_printf(
            &m->log, "%s %lld %lld\n", what, (long long)c->plan.id, (long long)bench_now_ns());
}

static void drop(struct mock *m, struct conn *c)
{
    if (c->dead)
        return;
    log_stream(m, c, "gone");
    unschedule(m, c);
    (void)close(c->fd);
    c->dead = true;
    c->next_dead = m->dead;
    m->dead = c;
}

static void watch(const struct mock *m, struct conn *c, int op, uint32_t extra)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | extra, .data.ptr = c};
    (void)epoll_ctl(m->epoll_fd, op, c->fd, &e);
}

/* Sends now what goes; the rest waits for the peer. */
static void send_bytes(struct mock *m, struct conn *c, const char *bytes, size_t len)
{
    ssize_t n = c->out.len == 0 ? send(c->fd, bytes, len, MSG_NOSIGNAL) : 0;
    if (n < 0 && errno != EAGAIN) {
        drop(m, c);
        return;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == len)
        return;
    if (c->out.len == 0)
        watch(m, c, EPOLL_CTL_MOD, EPOLLOUT);
    ts_buf_put(&c->out, bytes + done, len - done);
}

static void reply(struct mock *m, struct conn *c, int status, const char *body, size_t len)
{
    char head[160];
    int n =
        snprintf(head,
                 sizeof(head),
                 "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                 status,
                 status == 200 ? "OK" : "Not Found",
                 len);
    struct ts_buf whole = TS_BUF_INIT(MAX_OUT);
    ts_buf_put(&whole, head, (size_t)n);
    ts_buf_put(&whole, body, len);
    send_bytes(m, c, whole.data, whole.len);
    ts_buf_free(&whole);
}

/* -- streams ---------------------------------------------------------------------------------- */

static void send_with_head(struct mock *m, struct conn *c, const struct bench_frame *f)
{
    struct ts_buf both = TS_BUF_INIT(MAX_OUT);
    ts_buf_puts(&both, c->wire->head);
    ts_buf_put(&both, f->bytes, f->len);
    send_bytes(m, c, both.data, both.len);
    ts_buf_free(&both);
}

static void start_stream(struct mock *m, struct conn *c, const struct bench_wire *w, char *body)
{
    c->wire = w;
    c->plan = bench_plan_read(body, &m->defaults);
    c->sent = 0;
    c->started_ns = bench_now_ns();
    log_stream(m, c, "start");
    if (w->head_at_once)
        send_with_head(m, c, &w->role);
    if (!c->dead)
        schedule(m, c, c->started_ns + c->plan.delay_us * NS_PER_US);
}

static void send_frame(struct mock *m, struct conn *c, struct bench_frame *f)
{
    bench_frame_stamp(f, bench_now_ns());
    if (c->sent > 0 || c->wire->head_at_once)
        send_bytes(m, c, f->bytes, f->len);
    else
        send_with_head(m, c, f);
}

static void read_requests(struct mock *m, struct conn *c);

/* The time of the next token, or of the end, has come. */
static void stream_step(struct mock *m, struct conn *c)
{
    if (c->sent < c->plan.tokens) {
        send_frame(m, c, &m->wires[c->wire - m->wires].token);
        c->sent++;
        if (c->dead)
            return;
        int64_t next = c->due_ns + c->plan.interval_us * NS_PER_US;
        if (c->out.len > 0) { /* goes on when the peer has taken it */
            unschedule(m, c);
            c->due_ns = next;
        } else {
            schedule(m, c, c->plan.interval_us > 0 ? next : bench_now_ns());
        }
        return;
    }
    struct bench_frame last;
    c->wire->finish(&c->plan, bench_now_ns() - c->started_ns, &last);
    unschedule(m, c);
    send_frame(m, c, &last);
    if (c->dead)
        return;
    log_stream(m, c, "end");
    c->wire = NULL;
    read_requests(m, c);
}

static void run_due(struct mock *m)
{
    int64_t now = bench_now_ns();
    while (m->due > 0 && m->heap[0]->due_ns <= now)
        stream_step(m, m->heap[0]);
}

/* -- requests --------------------------------------------------------------------------------- */

static void answer(struct mock *m, struct conn *c, char *head, char *body)
{
    char *path = strchr(head, ' ');
    size_t len = path != NULL ? strcspn(++path, " ?") : 0;
    if (len == 10 && memcmp(path, "/bench/log", len) == 0) {
        reply(m, c, 200, ts_buf_text(&m->log), m->log.len);
        ts_buf_clear(&m->log);
        return;
    }
    for (size_t i = 0; i < BENCH_WIRES; i++) {
        const struct bench_wire *w = &m->wires[i];
        if (strlen(w->path) == len && memcmp(w->path, path, len) == 0) {
            start_stream(m, c, w, body);
            return;
        }
    }
    const char *text = bench_static_answer(path, len);
    const char *none = "{\"error\":\"not found\"}";
    reply(m, c, text != NULL ? 200 : 404, text != NULL ? text : none, strlen(text ? text : none));
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at != NULL ? (size_t)strtoull(at + 17, NULL, 10) : 0;
}

/* Serves what is complete in the buffer, one request at a time. */
static void read_requests(struct mock *m, struct conn *c)
{
    while (!c->dead && c->wire == NULL && c->in.len > 0) {
        char *end = strstr(c->in.data, "\r\n\r\n");
        if (end == NULL)
            return;
        *end = '\0';
        size_t head_len = (size_t)(end - c->in.data) + 4;
        size_t body_len = content_length(c->in.data);
        if (body_len > MAX_REQUEST || c->in.len - head_len < body_len) {
            *end = '\r';
            return;
        }
        char *body = end + 4;
        char after = body[body_len];
        body[body_len] = '\0';
        answer(m, c, c->in.data, body);
        if (c->dead)
            return;
        body[body_len] = after;
        ts_buf_drop(&c->in, head_len + body_len);
    }
}

static void on_readable(struct mock *m, struct conn *c)
{
    if (!ts_buf_reserve(&c->in, 2048)) {
        drop(m, c);
        return;
    }
    ssize_t n = recv(c->fd, c->in.data + c->in.len, 2048, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        drop(m, c);
        return;
    }
    c->in.len += n > 0 ? (size_t)n : 0;
    c->in.data[c->in.len] = '\0';
    read_requests(m, c);
}

static void on_writable(struct mock *m, struct conn *c)
{
    ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        if (errno != EAGAIN)
            drop(m, c);
        return;
    }
    ts_buf_drop(&c->out, (size_t)n);
    if (c->out.len > 0)
        return;
    watch(m, c, EPOLL_CTL_MOD, 0);
    if (c->wire != NULL && c->slot == 0)
        schedule(m, c, c->due_ns);
}

static void on_accept(struct mock *m)
{
    for (;;) {
        int fd = accept4(m->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct conn *c = calloc(1, sizeof(*c));
        if (c == NULL)
            bench_no_memory();
        bench_nodelay(fd);
        c->fd = fd;
        c->in = TS_BUF_INIT(MAX_REQUEST + 65536);
        c->out = TS_BUF_INIT(MAX_OUT);
        watch(m, c, EPOLL_CTL_ADD, 0);
    }
}

static void on_event(struct mock *m, const struct epoll_event *e)
{
    struct conn *c = e->data.ptr;
    if (c == NULL) {
        on_accept(m);
        return;
    }
    if (!c->dead && (e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        drop(m, c);
    if (!c->dead && (e->events & EPOLLIN) != 0)
        on_readable(m, c);
    if (!c->dead && (e->events & EPOLLOUT) != 0)
        on_writable(m, c);
}

static void reap(struct mock *m)
{
    while (m->dead != NULL) {
        struct conn *c = m->dead;
        m->dead = c->next_dead;
        ts_buf_free(&c->in);
        ts_buf_free(&c->out);
        free(c);
    }
}

int main(int argc, char **argv)
{
    struct mock m = {.defaults = {.tokens = 64, .interval_us = 20000}, .log = TS_BUF_INIT(MAX_OUT)};
    int port = argc > 1 ? (int)bench_number("port", argv[1], 0, 65535) : 0;
    if (argc > 2)
        m.defaults.tokens = bench_number("tokens", argv[2], 0, INT32_MAX);
    if (argc > 3)
        m.defaults.interval_us = bench_number("interval_us", argv[3], 0, INT32_MAX);
    if (argc > 4)
        m.defaults.delay_us = bench_number("delay_us", argv[4], 0, INT32_MAX);
    bench_raise_limits();
    bench_wires(m.wires);
    m.listen_fd = bench_listen(&port);
    m.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (m.listen_fd < 0 || m.epoll_fd < 0) {
        perror("mock: cannot listen");
        return 69;
    }
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    (void)epoll_ctl(m.epoll_fd, EPOLL_CTL_ADD, m.listen_fd, &e);
    (void)printf("%d\n", port);
    (void)fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = bench_wait(m.epoll_fd, events, EVENTS, m.due > 0 ? m.heap[0]->due_ns : -1);
        for (int i = 0; i < n; i++)
            on_event(&m, &events[i]);
        run_due(&m);
        reap(&m);
    }
}
