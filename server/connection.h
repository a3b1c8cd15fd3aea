/*
 * Client connections that owe us something, and the sweeper that ends their delay.
 *
 * libmicrohttpd's own timeout starts anew with every byte, so a client may drip a request for ever.
 * Here each connection stands in the list of what it is waited for, oldest first; once a second the
 * overdue ones get a 408 and are shut down, which the daemon then notices by itself.
 *
 * Thread: the loop's.
 */
#ifndef TS_SERVER_CONNECTION_H
#define TS_SERVER_CONNECTION_H

#include <stdint.h>

#include "base/poller.h"

enum ts_waiting {
    TS_WAIT_HEAD, /* new: the request's head is due in TS_HEAD_DEADLINE_MS */
    TS_WAIT_IDLE, /* kept alive: may rest, then the head is due */
    TS_WAIT_BODY, /* the head is there: the body is due in TS_BODY_DEADLINE_MS */
    TS_WAIT_NONE, /* it is our turn */
};

struct ts_connection {
    int fd;
    enum ts_waiting waiting;
    int64_t since_us;
    struct ts_connection *prev;
    struct ts_connection *next;
};

struct ts_connection_list {
    struct ts_connection *first; /* waits longest */
    struct ts_connection *last;
};

struct ts_connections {
    struct ts_poller *poller;
    struct ts_timer tick;
    struct ts_connection_list lists[TS_WAIT_NONE];
    int count;
};

void ts_connections_init(struct ts_connections *all, struct ts_poller *p);
void ts_connections_deinit(struct ts_connections *all); /* none may be left */

/* NULL without memory. */
struct ts_connection *ts_connection_new(struct ts_connections *all, int fd);
void ts_connection_free(struct ts_connections *all, struct ts_connection *c);

/* It is waited for something else from now on. */
void ts_connection_wait(struct ts_connections *all, struct ts_connection *c, enum ts_waiting what);

/* Refuses a connection that no request was read from: the answer if it fits, then the end. */
void ts_connection_refuse(int fd, int status, const char *reason, const char *code);

#endif
