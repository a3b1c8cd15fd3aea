/*
 * Connections that are kept open, watched while nobody uses them.
 *
 * A server that sends more than its answer's own length leaves bytes on the connection, and libcurl
 * would take them for the next answer: one call would get what belongs to another. So a connection
 * that has something to read while it is parked is emptied and shut down. libcurl then finds it
 * dead when it wants it again, and opens another.
 *
 * Thread: the loop's.
 */
#ifndef TS_PROXY_PARKING_H
#define TS_PROXY_PARKING_H

#include <stddef.h>

#include "base/poller.h"

struct ts_parked;

struct ts_parking {
    struct ts_poller *poller;
    struct ts_parked **by_fd; /* grows with the highest descriptor; the entries stay */
    size_t count;
};

void ts_parking_init(struct ts_parking *p, struct ts_poller *poller);
void ts_parking_deinit(struct ts_parking *p);

/* A connection was opened, and is about to be closed: only those that were opened are parked.
 * Without memory it is used all the same, but not watched. */
void ts_parking_opened(struct ts_parking *p, int fd);
void ts_parking_closing(struct ts_parking *p, int fd);

/* Nobody uses it now; it is used again. */
void ts_parking_park(struct ts_parking *p, int fd);
void ts_parking_leave(struct ts_parking *p, int fd);

#endif
