#include "bench/load.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/net.h"
#include "bench/reply.h"
#include "bench/samples.h"

struct seq {
    struct bench_samples first; /* request sent -> first token here */
    struct bench_samples last;  /* the server's last write -> its line here */
    int64_t sent_ns;
    int64_t read_ns;
    bool waiting;
};

static void on_mark(void *ctx, char kind, int64_t server_ns)
{
    struct seq *s = ctx;
    if (kind == '#')
        bench_samples_add(&s->last, s->read_ns - server_ns);
    else if (s->waiting)
        bench_samples_add(&s->first, s->read_ns - s->sent_ns);
    s->waiting = false;
}

/* One request and its whole answer; false when the connection did not live to the end. */
static bool exchange(struct seq *s, int fd, const char *request, size_t len, struct bench_reply *r)
{
    bench_reply_reset(r);
    s->waiting = true;
    s->sent_ns = bench_now_ns();
    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        return false;
    while (r->state != BENCH_REPLY_DONE) {
        char bytes[16384];
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        s->read_ns = bench_now_ns();
        if (n <= 0)
            return false;
        bench_reply_feed(r, bytes, (size_t)n, on_mark, s);
        if (r->state == BENCH_REPLY_BROKEN)
            return false;
    }
    return r->status == 200;
}

int bench_load_seq(const struct bench_load *l)
{
    struct seq s = {.waiting = false};
    struct bench_reply reply = {0};
    char request[BENCH_REQUEST_BYTES];
    size_t len = bench_request(l, 0, request, sizeof(request));
    int fd = bench_connect(l->port, false);
    int64_t failed = fd < 0;
    for (int64_t i = 0; i < l->requests && fd >= 0; i++) {
        if (exchange(&s, fd, request, len, &reply))
            continue;
        failed++;
        (void)close(fd);
        fd = failed < 10 ? bench_connect(l->port, false) : -1;
    }
    if (fd >= 0)
        (void)close(fd);
    (void)printf("{");
    bench_samples_print(&s.first, "ttft_us");
    bench_samples_print(&s.last, "last_us");
    (void)printf("\"tokens\":%lld,\"failed\":%lld}\n", (long long)reply.tokens, (long long)failed);
    bench_samples_free(&s.first);
    bench_samples_free(&s.last);
    return failed > 0 ? 1 : 0;
}
