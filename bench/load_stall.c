#include "bench/load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/net.h"
#include "bench/reply.h"

/* A reader that stopped: it has room for little, and reads nothing. */
enum { ROOM_BYTES = 4096, NS_PER_MS = 1000000, LOOK_MS = 20, LOOKS_PER_WORD = 10 };

static bool arrive(const struct bench_load *l, int *fd)
{
    char request[BENCH_REQUEST_BYTES];
    size_t len = bench_request(l, 0, request, sizeof(request));
    int room = ROOM_BYTES;
    *fd = bench_connect(l->port, false);
    if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) != 0)
        return false;
    return send(*fd, request, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void sleep_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};
    (void)nanosleep(&t, NULL);
}

static void say(const char *what, int64_t open)
{
    (void)printf("{\"at\":\"%s\",\"open\":%lld}\n", what, (long long)open);
    (void)fflush(stdout);
}

/* How many the server has not closed or reset. */
static int64_t still_open(struct pollfd *clients, int64_t count)
{
    int64_t open = 0;
    for (int64_t i = 0; i < count; i++)
        clients[i].revents = 0;
    (void)poll(clients, (nfds_t)count, 0);
    for (int64_t i = 0; i < count; i++)
        open += (clients[i].revents & (POLLHUP | POLLERR | POLLRDHUP)) == 0;
    return open;
}

int bench_load_stall(const struct bench_load *l)
{
    struct pollfd *clients = calloc((size_t)l->streams, sizeof(*clients));
    int64_t failed = 0;
    if (clients == NULL)
        bench_no_memory();
    for (int64_t i = 0; i < l->streams; i++) {
        clients[i].events = POLLRDHUP;
        failed += !arrive(l, &clients[i].fd);
        sleep_ms(l->ramp_ms / l->streams);
    }
    int64_t open = still_open(clients, l->streams);
    say("begin", open);
    int64_t start_ns = bench_now_ns();
    for (int64_t said = 0; open > 0 && bench_now_ns() - start_ns < l->window_ms * NS_PER_MS;) {
        sleep_ms(LOOK_MS);
        int64_t now = still_open(clients, l->streams);
        if (now != open || ++said % LOOKS_PER_WORD == 0)
            say("open", now);
        open = now;
    }
    for (int64_t i = 0; i < l->streams; i++)
        (void)close(clients[i].fd);
    free(clients);
    (void)printf(
        "{\"at\":\"done\",\"open\":%lld,\"failed\":%lld}\n", (long long)open, (long long)failed);
    return failed > 0 ? 1 : 0;
}
