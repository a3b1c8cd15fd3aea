#include "bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "bench/net.h"
#include "bench/reply.h"
#include "bench/samples.h"

enum { MAX_LOG = 64 << 20, NS_PER_US = 1000 };

/* One client's life: connects at open_ns, leaves at leave_ns. */
struct leaver {
    int fd;
    int64_t open_ns;
    int64_t leave_ns;
    int64_t left_ns;
    bool before_token; /* left before the first token was due */
    bool reached;      /* the mock server saw the request */
    bool noticed;      /* and that its client left */
};

static void sleep_until(int64_t due_ns)
{
    struct timespec t = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

static bool arrive(struct leaver *v, const struct bench_load *l, int64_t id)
{
    char request[BENCH_REQUEST_BYTES];
    size_t len = bench_request(l, id, request, sizeof(request));
    v->fd = bench_connect(l->port, false);
    return v->fd >= 0 && send(v->fd, request, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* The mock server's log, from the mock itself. */
static bool fetch_log(int port, struct ts_buf *out)
{
    int fd = bench_connect(port, false);
    const char *ask = "GET /bench/log HTTP/1.1\r\nHost: mock\r\n\r\n";
    if (fd < 0 || send(fd, ask, strlen(ask), MSG_NOSIGNAL) < 0)
        return false;
    size_t need = SIZE_MAX;
    while (out->len < need && ts_buf_reserve(out, 65536)) {
        ssize_t n = recv(fd, out->data + out->len, 65536, 0);
        if (n <= 0)
            break;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        const char *body = strstr(out->data, "\r\n\r\n");
        const char *length = strstr(out->data, "Content-Length:");
        if (body != NULL && length != NULL)
            need = (size_t)(body + 4 - out->data) + (size_t)strtoull(length + 15, NULL, 10);
    }
    (void)close(fd);
    return out->len == need;
}

/* Reads "start|gone|end ID NS" lines into the clients they are about. */
static void read_log(const struct ts_buf *log,
                     struct leaver *all,
                     int64_t count,
                     struct bench_samples *before,
                     struct bench_samples *during)
{
    for (const char *line = strchr(log->data, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
        const char *word = line + 1;
        char *rest = NULL;
        const char *space = strchr(word, ' ');
        int64_t id = space != NULL ? strtoll(space, &rest, 10) : 0;
        if (id < 1 || id > count)
            continue;
        struct leaver *v = &all[id - 1];
        v->reached = true;
        if (strncmp(word, "gone ", 5) != 0)
            continue;
        v->noticed = true;
        bench_samples_add(v->before_token ? before : during, strtoll(rest, NULL, 10) - v->left_ns);
    }
}

static void report(struct leaver *all, int64_t count, const struct ts_buf *log)
{
    struct bench_samples before = {0};
    struct bench_samples during = {0};
    read_log(log, all, count, &before, &during);
    int64_t never = 0;
    int64_t open = 0;
    for (int64_t i = 0; i < count; i++) {
        never += !all[i].reached;
        open += all[i].reached && !all[i].noticed;
    }
    (void)printf("{");
    bench_samples_print(&before, "before_first_token_us");
    bench_samples_print(&during, "mid_stream_us");
    (void)printf("\"clients\":%lld,\"never_reached_upstream\":%lld,\"not_closed\":%lld}\n",
                 (long long)count,
                 (long long)never,
                 (long long)open);
    bench_samples_free(&before);
    bench_samples_free(&during);
}

/* Clients come one after the other, each after a random share of the span between two of them, so
 * that `streams` of them are open at a time on average. */
static void draw(struct leaver *all, const struct bench_load *l)
{
    uint64_t seed = 88172645463325252U;
    int64_t now = bench_now_ns() + 1000000;
    int64_t life = (l->plan.delay_us + 10 * l->plan.interval_us) * NS_PER_US;
    for (int64_t i = 0; i < l->requests; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        all[i].open_ns = now + i * life / l->streams / 2;
        int64_t stay = (int64_t)(seed % (uint64_t)life);
        all[i].leave_ns = all[i].open_ns + stay;
        all[i].before_token = stay < l->plan.delay_us * NS_PER_US;
    }
}

int bench_load_cancel(const struct bench_load *l)
{
    int64_t count = l->requests;
    struct leaver *all = calloc((size_t)count, sizeof(all[0]));
    if (all == NULL || l->plan.delay_us + l->plan.interval_us == 0 || l->streams == 0)
        return 64;
    draw(all, l);
    int64_t come = 0;
    for (int64_t left = 0; left < count; left++) {
        int64_t next = -1; /* who leaves next among those that are there, or that come before */
        for (;;) {
            next = -1;
            for (int64_t i = 0; i < come; i++) {
                if (all[i].left_ns == 0 && (next < 0 || all[i].leave_ns < all[next].leave_ns))
                    next = i;
            }
            if (come == count || (next >= 0 && all[next].leave_ns <= all[come].open_ns))
                break;
            sleep_until(all[come].open_ns);
            if (!arrive(&all[come], l, come + 1)) {
                perror("bench-load cancel");
                return 69;
            }
            come++;
        }
        sleep_until(all[next].leave_ns);
        all[next].left_ns = bench_now_ns();
        (void)close(all[next].fd);
    }
    sleep_until(bench_now_ns() + 1000000000);
    struct ts_buf log = TS_BUF_INIT(MAX_LOG);
    if (!fetch_log(l->mock_port, &log))
        return 69;
    report(all, count, &log);
    ts_buf_free(&log);
    free(all);
    return 0;
}
