/*
 * The client's side of a stream (proxy/client.h) on a libmicrohttpd connection.
 *
 * libmicrohttpd sends the head. Once it asks for the first piece of the body, its connection is
 * suspended and the sink writes the chunks to the socket itself, everything of one turn in one
 * send(); resuming a connection per token would cost a walk over all suspended ones. At the end the
 * connection is resumed and libmicrohttpd closes the body and goes on with keep-alive. HTTP/1.0
 * clients (no chunks) get every piece through libmicrohttpd instead ("library").
 *
 *   IDLE --begin--> BEGUN --first read--> OPEN --end or cut, and all sent--> OVER
 *     |________________respond, client gone, stalled______________________________^
 *
 * The buffer:   [....raw....][head room][payload]
 *   raw      framed bytes that the socket did not take yet
 *   payload  bytes of this turn; their size line is written into the head room when they leave
 *
 * Thread: the loop's.
 */
#ifndef TS_SERVER_SINK_H
#define TS_SERVER_SINK_H

#include <stdint.h>

#include "base/poller.h"
#include "proxy/client.h"

struct ts_request;

enum ts_sink_state { TS_SINK_IDLE, TS_SINK_BEGUN, TS_SINK_OPEN, TS_SINK_OVER };
enum ts_sink_finish { TS_SINK_GOES_ON, TS_SINK_ENDS, TS_SINK_CUT };

struct ts_sink {
    struct ts_client client;
    struct ts_request *request;
    int fd; /* the connection's */
    struct ts_watch watch;
    struct ts_timer stall;
    enum ts_sink_state state;
    enum ts_sink_finish finish; /* what the relay asked for; done when all is sent */
    bool in_use;                /* client() was called: there is somebody to tell */
    bool library;
    bool corked;   /* the head waits in the socket for the first piece of the body */
    bool blocked;  /* the socket was full; its EPOLLOUT goes on */
    bool broken;   /* a send or an allocation failed: dropped at the next flush */
    bool was_high; /* `drained` is owed */

    char *bytes;
    size_t cap;
    size_t raw_at;
    size_t raw_end;
    size_t payload_at; /* raw_end + head room, while there is payload */
    size_t payload_end;

    bool is_dirty;
    struct ts_sink *next_dirty;
};

/* Makes the sink of a request that a handler has asked for; watches for the client's leaving. */
void ts_sink_init(struct ts_sink *s, struct ts_request *r);
void ts_sink_deinit(struct ts_sink *s);

/* Sends what has gathered; called by the loop for dirty sinks. */
void ts_sink_flush(struct ts_sink *s);

/* The client is considered gone: tells the relay and closes the connection. */
void ts_sink_drop(struct ts_sink *s);

#endif
