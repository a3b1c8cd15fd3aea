/*
 * The client's side of one generation, as the relay sees it: a sink.
 *
 * Declared here, implemented in server/ on top of libmicrohttpd. One call path:
 *   respond()                                   a whole answer, or an error before any byte
 *   begin() write()* end()                      a stream that ends well or with an error event
 *   begin() write()* cut()                      a stream that is broken off
 * After respond(), end(), cut() or gone the sink is finished and the relay does not touch it again.
 * Thread: the loop's.
 */
#ifndef TS_PROXY_CLIENT_H
#define TS_PROXY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct ts_header {
    const char *name;
    const char *value;
};

/* Status and headers of an answer. Borrowed for the call. */
struct ts_head {
    int status;
    const char *content_type;
    const struct ts_header *headers; /* further ones; ends with a NULL name; may be NULL */
};

struct ts_client;

struct ts_client_ops {
    /* Puts status and headers on the wire; the body will follow in pieces. */
    void (*begin)(struct ts_client *c, const struct ts_head *head);

    /* Takes a copy of the bytes; they leave together with whatever else this turn brings. Never
     * blocks. What the socket does not take waits, and pending() tells how much. */
    void (*write)(struct ts_client *c, const char *bytes, size_t n);
    size_t (*pending)(const struct ts_client *c);

    void (*end)(struct ts_client *c);
    void (*cut)(struct ts_client *c);
    void (*respond)(struct ts_client *c, const struct ts_head *head, const char *body, size_t n);
};

/* What the server tells the relay. Neither is called after end, cut or respond, nor from within one
 * of the operations above. */
struct ts_client_events {
    void (*gone)(void *ctx);    /* the client left: nothing can be written any more */
    void (*drained)(void *ctx); /* pending() fell to TS_STREAM_LOW_BYTES or below */
};

struct ts_client {
    const struct ts_client_ops *ops;
    const struct ts_client_events *events; /* set by the relay before it returns from start */
    void *events_ctx;
};

#endif
