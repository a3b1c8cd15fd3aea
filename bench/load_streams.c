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

enum { EVENTS = 512, NS_PER_MS = 1000000 };

struct stream {
    int fd; /* -1: not open */
    struct bench_reply reply;
};

struct run {
    const struct bench_load *l;
    int epoll_fd;
    struct stream *streams;
    int64_t opened;
    int64_t running;
    int64_t failed;
    int64_t tokens;
    int64_t started_ns;
    int64_t begin_ns; /* of the steady window; 0: not yet */
    int64_t end_ns;
    int64_t read_ns;
    struct bench_samples delay; /* of tokens within the window */
    struct bench_samples last;  /* of ends: the server's last write -> its line here */
};

static void on_mark(void *ctx, char kind, int64_t server_ns)
{
    struct run *r = ctx;
    r->tokens += kind == '@';
    if (r->begin_ns != 0 && r->end_ns == 0)
        bench_samples_add(kind == '@' ? &r->delay : &r->last, r->read_ns - server_ns);
}

static bool ask(const struct run *r, const struct stream *s)
{
    char request[BENCH_REQUEST_BYTES];
    size_t len = bench_request(r->l, 0, request, sizeof(request));
    return send(s->fd, request, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void stop(struct run *r, struct stream *s)
{
    if (s->reply.state != BENCH_REPLY_DONE || s->reply.status != 200)
        r->failed++;
    (void)close(s->fd);
    s->fd = -1;
    r->running--;
}

static void open_stream(struct run *r)
{
    struct stream *s = &r->streams[r->opened++];
    s->fd = bench_connect(r->l->port, true);
    if (s->fd < 0) {
        r->failed++;
        return;
    }
    r->running++;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, s->fd, &e) != 0 || !ask(r, s))
        stop(r, s);
}

static void on_readable(struct run *r, struct stream *s)
{
    char bytes[65536];
    ssize_t n = recv(s->fd, bytes, sizeof(bytes), 0);
    r->read_ns = bench_now_ns();
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        bench_reply_feed(&s->reply, bytes, (size_t)n, on_mark, r);
    bool again = r->l->again != 0 && r->end_ns == 0 && s->reply.state == BENCH_REPLY_DONE &&
                 s->reply.status == 200;
    if (again)
        bench_reply_reset(&s->reply);
    if (n <= 0 || (again ? !ask(r, s) : s->reply.state >= BENCH_REPLY_DONE))
        stop(r, s);
}

static void say(const struct run *r, const char *what)
{
    (void)printf("{\"at\":\"%s\",\"tokens\":%lld,\"running\":%lld}\n",
                 what,
                 (long long)r->tokens,
                 (long long)r->running);
    (void)fflush(stdout);
}

/* Opens what is due, begins and ends the window; returns when it wants to be called again. */
static int64_t keep_time(struct run *r)
{
    const struct bench_load *l = r->l;
    int64_t now = bench_now_ns();
    int64_t ramp = l->ramp_ms * NS_PER_MS;
    while (r->opened < l->streams && now - r->started_ns >= ramp * r->opened / l->streams)
        open_stream(r);
    if (r->opened < l->streams)
        return r->started_ns + ramp * r->opened / l->streams;
    /* One more interval, so that each stream has had its first token. */
    int64_t begin = r->started_ns + ramp + l->plan.interval_us * 1000;
    if (now < begin)
        return begin;
    if (r->begin_ns == 0) {
        r->begin_ns = now;
        say(r, "begin");
    }
    int64_t end = r->begin_ns + l->window_ms * NS_PER_MS;
    if (now >= end && r->end_ns == 0) {
        r->end_ns = now;
        say(r, "end");
    }
    return r->end_ns == 0 ? end : -1;
}

static int report(struct run *r)
{
    int64_t whole = bench_now_ns() - r->started_ns;
    int64_t window = r->end_ns - r->begin_ns;
    (void)printf("{\"at\":\"done\",");
    bench_samples_print(&r->delay, "delay_us");
    bench_samples_print(&r->last, "last_us");
    (void)printf("\"tokens\":%lld,\"failed\":%lld,\"window_s\":%.6f,\"whole_s\":%.6f}\n",
                 (long long)r->tokens,
                 (long long)r->failed,
                 (double)(window > 0 ? window : 0) / 1e9,
                 (double)whole / 1e9);
    bench_samples_free(&r->delay);
    bench_samples_free(&r->last);
    free(r->streams);
    (void)close(r->epoll_fd);
    return r->failed > 0 ? 1 : 0;
}

int bench_load_streams(const struct bench_load *l)
{
    struct run r = {.l = l, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    r.streams = calloc((size_t)l->streams, sizeof(r.streams[0]));
    if (r.epoll_fd < 0 || r.streams == NULL)
        return 71;
    r.started_ns = bench_now_ns();
    for (;;) {
        int64_t due = keep_time(&r);
        if (r.running == 0 && r.opened == l->streams)
            break;
        struct epoll_event events[EVENTS];
        int n = bench_wait(r.epoll_fd, events, EVENTS, due);
        for (int i = 0; i < n; i++)
            on_readable(&r, events[i].data.ptr);
    }
    if (r.end_ns == 0)
        r.end_ns = bench_now_ns();
    return report(&r);
}
