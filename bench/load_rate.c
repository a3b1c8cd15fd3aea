#include "bench/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/net.h"
#include "bench/reply.h"
#include "bench/samples.h"

enum { EVENTS = 256, NS_PER_MS = 1000000 };

struct client {
    int fd;
    int64_t sent_ns;
    struct bench_reply reply;
};

struct rate {
    char request[512];
    size_t len;
    int64_t done;
    int64_t failed;
    struct bench_samples took;
};

static void no_mark(void *ctx, char kind, int64_t server_ns)
{
    (void)ctx;
    (void)kind;
    (void)server_ns;
}

static void ask(struct rate *r, struct client *c)
{
    bench_reply_reset(&c->reply);
    c->sent_ns = bench_now_ns();
    if (send(c->fd, r->request, r->len, MSG_NOSIGNAL) != (ssize_t)r->len)
        r->failed++;
}

static void on_readable(struct rate *r, struct client *c)
{
    char bytes[16384];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        bench_reply_feed(&c->reply, bytes, (size_t)n, no_mark, NULL);
    if (n <= 0 || c->reply.state == BENCH_REPLY_BROKEN) {
        r->failed++;
        (void)close(c->fd); /* leaves the epoll set, too */
        c->fd = -1;
        return;
    }
    if (c->reply.state != BENCH_REPLY_DONE)
        return;
    r->failed += c->reply.status != 200;
    r->done++;
    if (r->done % 16 == 0)
        bench_samples_add(&r->took, bench_now_ns() - c->sent_ns);
    ask(r, c);
}

static bool connect_all(struct rate *r,
                        int epoll_fd,
                        struct client *clients,
                        const struct bench_load *l)
{
    for (int64_t i = 0; i < l->streams; i++) {
        clients[i].fd = bench_connect(l->port, true);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &clients[i]};
        if (clients[i].fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &e) != 0)
            return false;
        ask(r, &clients[i]);
    }
    return true;
}

int bench_load_rate(const struct bench_load *l)
{
    struct rate r = {.done = 0};
    int n = snprintf(r.request,
                     sizeof(r.request),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                     l->path,
                     l->port);
    r.len = n > 0 && (size_t)n < sizeof(r.request) ? (size_t)n : 0;
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc((size_t)l->streams, sizeof(clients[0]));
    int64_t begin = bench_now_ns();
    if (r.len == 0 || clients == NULL || epoll_fd < 0 || !connect_all(&r, epoll_fd, clients, l)) {
        perror("bench-load rate");
        return 69;
    }
    int64_t end = begin + l->window_ms * NS_PER_MS;
    while (bench_now_ns() < end && r.failed < 100) {
        struct epoll_event events[EVENTS];
        int got = bench_wait(epoll_fd, events, EVENTS, end);
        for (int i = 0; i < got; i++)
            on_readable(&r, events[i].data.ptr);
    }
    double seconds = (double)(bench_now_ns() - begin) / 1e9;
    (void)printf("{");
    bench_samples_print(&r.took, "took_us");
    (void)printf("\"requests\":%lld,\"per_s\":%.0f,\"failed\":%lld}\n",
                 (long long)r.done,
                 (double)r.done / seconds,
                 (long long)r.failed);
    bench_samples_free(&r.took);
    for (int64_t i = 0; i < l->streams; i++) {
        if (clients[i].fd >= 0)
            (void)close(clients[i].fd);
    }
    free(clients);
    (void)close(epoll_fd);
    return r.failed > 0 ? 1 : 0;
}
