#include "server/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/limits.h"

enum {
    TICK_US = 1000 * 1000,
    REFUSAL_BYTES = 512,
    UNSENT_BYTES = 64 * 1024, /* in the kernel, of one connection, before the client takes any */
};

static const int64_t patience_us[] = {
    [TS_WAIT_HEAD] = INT64_C(1000) * TS_HEAD_DEADLINE_MS,
    [TS_WAIT_IDLE] = INT64_C(1000) * (TS_KEEPALIVE_S * 1000 + TS_HEAD_DEADLINE_MS),
    [TS_WAIT_BODY] = INT64_C(1000) * TS_BODY_DEADLINE_MS,
};

void ts_connection_refuse(int fd, int status, const char *reason, const char *code)
{
    char body[REFUSAL_BYTES / 2];
    char answer[REFUSAL_BYTES];
    int n = snprintf(
        body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, reason);
    n = snprintf(answer,
                 sizeof(answer),
                 "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
                 "%sContent-Length: %d\r\n\r\n%s",
                 status,
                 reason,
                 status == 503 ? "Retry-After: 1\r\n" : "",
                 n,
                 body);
    ssize_t sent = send(fd, answer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* whoever does not read it is cut without a word */
    (void)shutdown(fd, SHUT_RDWR);
}

static void unlink_from(struct ts_connections *all, struct ts_connection *c)
{
    if (c->waiting == TS_WAIT_NONE)
        return;
    struct ts_connection_list *list = &all->lists[c->waiting];
    *(c->prev != NULL ? &c->prev->next : &list->first) = c->next;
    *(c->next != NULL ? &c->next->prev : &list->last) = c->prev;
    c->prev = NULL;
    c->next = NULL;
    c->waiting = TS_WAIT_NONE;
}

static void sweep(struct ts_connections *all, enum ts_waiting what, int64_t now_us)
{
    struct ts_connection *c = all->lists[what].first;
    while (c != NULL && now_us - c->since_us >= patience_us[what]) {
        unlink_from(all, c);
        ts_connection_refuse(c->fd, 408, "Request Timeout", "request_timeout");
        c = all->lists[what].first;
    }
}

/* All it sent was read, and it has closed its side. */
static bool has_left(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/*
 * Edge-triggered and without EPOLLRDHUP, libmicrohttpd misses a close that arrives together with
 * the last bytes; shutting down our side as well makes an event that it does not miss.
 */
static void sweep_gone(struct ts_connections *all, enum ts_waiting what)
{
    struct ts_connection *next = NULL;
    for (struct ts_connection *c = all->lists[what].first; c != NULL; c = next) {
        next = c->next;
        if (!has_left(c->fd))
            continue;
        unlink_from(all, c);
        (void)shutdown(c->fd, SHUT_RDWR);
    }
}

static void on_tick(struct ts_timer *t)
{
    struct ts_connections *all = TS_CONTAINER(t, struct ts_connections, tick);
    int64_t now_us = ts_poller_now(all->poller);
    for (int what = 0; what < TS_WAIT_NONE; what++)
        sweep(all, (enum ts_waiting)what, now_us);
    sweep_gone(all, TS_WAIT_HEAD);
    sweep_gone(all, TS_WAIT_BODY);
    if (all->count > 0) /* the heap has room: this timer just left it */
        (void)!ts_timer_set(all->poller, t, now_us + TICK_US);
}

void ts_connections_init(struct ts_connections *all, struct ts_poller *p)
{
    *all = (struct ts_connections){.poller = p, .tick.fn = on_tick};
}

void ts_connections_deinit(struct ts_connections *all)
{
    ts_timer_clear(all->poller, &all->tick);
}

/* Else the kernel takes megabytes for a client that does not read, out of memory that all
 * connections of the machine share. Where the system has no such limit there is none. */
static void limit_unsent(int fd)
{
    int bytes = UNSENT_BYTES;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

struct ts_connection *ts_connection_new(struct ts_connections *all, int fd)
{
    struct ts_connection *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    limit_unsent(fd);
    *c = (struct ts_connection){.fd = fd, .waiting = TS_WAIT_NONE};
    if (!ts_timer_is_set(&all->tick) &&
        ts_timer_set(all->poller, &all->tick, ts_poller_now(all->poller) + TICK_US) != TS_OK) {
        free(c);
        return NULL;
    }
    all->count++;
    ts_connection_wait(all, c, TS_WAIT_HEAD);
    return c;
}

void ts_connection_free(struct ts_connections *all, struct ts_connection *c)
{
    if (c == NULL)
        return;
    unlink_from(all, c);
    all->count--;
    free(c);
}

void ts_connection_wait(struct ts_connections *all, struct ts_connection *c, enum ts_waiting what)
{
    unlink_from(all, c);
    c->waiting = what;
    c->since_us = ts_poller_now(all->poller);
    if (what == TS_WAIT_NONE)
        return;
    struct ts_connection_list *list = &all->lists[what];
    c->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = c;
    list->last = c;
}
