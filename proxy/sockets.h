/*
 * The sockets of libcurl, watched from their first use to their end.
 *
 * A connection that is kept stays watched while nobody uses it. A server that sends more than its
 * answer's own length leaves bytes on the connection, and libcurl would take them for the next
 * answer: one call would get what belongs to another. So a parked connection that has something to
 * read is emptied and shut down. libcurl then finds it dead when it wants it again, and opens
 * another. Used and parked ones wait for the same events, so that a call on a kept connection
 * changes nothing in the kernel.
 *
 * Thread: the loop's.
 */
#ifndef TS_PROXY_SOCKETS_H
#define TS_PROXY_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/poller.h"

struct ts_socket;

/* Something happened on a socket in use. */
typedef void ts_sockets_fn(void *ctx, int fd, unsigned events);

struct ts_sockets {
    struct ts_poller *poller;
    ts_sockets_fn *fn;
    void *ctx;
    struct ts_socket **by_fd; /* grows with the highest descriptor; the entries stay */
    size_t count;
};

void ts_sockets_init(struct ts_sockets *s, struct ts_poller *p, ts_sockets_fn *fn, void *ctx);
void ts_sockets_deinit(struct ts_sockets *s);

/* A connection was opened, and is about to be closed: only those that were opened are parked.
 * Without memory it is used all the same, but not parked. */
void ts_sockets_opened(struct ts_sockets *s, int fd);
void ts_sockets_closing(struct ts_sockets *s, int fd);

/* It is used from now on, and waits for @events, of which there is one at least. */
TS_NODISCARD enum ts_err ts_sockets_use(struct ts_sockets *s, int fd, unsigned events);

/* Nobody waits for anything on it now. @park: and what comes belongs to nobody. */
void ts_sockets_leave(struct ts_sockets *s, int fd, bool park);

#endif
