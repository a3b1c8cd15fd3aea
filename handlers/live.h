/*
 * What happens now, told to everybody who listens: the hub behind GET /api/events.
 *
 *   call or server  --publish-->  ring  --one post per loop-->  each loop's listeners
 *
 * The ring is bounded in events and bytes. A listener is a position in it: who falls behind what
 * the ring holds is told so (`gap`) and goes on with the oldest event that is left, so that slow
 * listeners cost nothing. Of a call's progress only the newest is kept.
 *
 * Ids ascend and go on after a restart, so that a position from before it is a gap and never
 * mistaken.
 *
 * Thread: any; one lock, a leaf, over no I/O. Listeners live on the loop of their exchange.
 */
#ifndef TS_HANDLERS_LIVE_H
#define TS_HANDLERS_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/poller.h"
#include "proxy/client.h"

enum {
    TS_LIVE_EVENTS = 2048,              /* that a listener may be behind */
    TS_LIVE_BYTES = 1024 * 1024,        /* of all of them */
    TS_LIVE_EVENT_MAX_BYTES = 8 * 1024, /* of one */
    TS_LIVE_LISTENERS = 1024,
    TS_LIVE_LOOPS = 64,
    TS_LIVE_PING_MS = 15000,
};

struct ts_live;

TS_NODISCARD enum ts_err ts_live_new(struct ts_live **out);

/* After the loops are gone. */
void ts_live_free(struct ts_live *l);

/**
 * ts_live_publish() - an event for all
 * @name: "call.started"
 * @data: its JSON, borrowed. One that failed to be written, or is too long, is left out.
 *
 * Return: its id, for ts_live_replace(); 0 if there is none.
 */
int64_t ts_live_publish(struct ts_live *l, const char *name, const struct ts_buf *data);

/* The event of that id (0: none) is out of date: who has not read it yet never will. */
void ts_live_replace(struct ts_live *l, int64_t id);

/* Whether anybody listens. */
bool ts_live_is_heard(const struct ts_live *l);
int ts_live_listeners(const struct ts_live *l);

/* The server shuts down: every listener is let go, and nobody new gets in. */
void ts_live_close(struct ts_live *l);

/* -- listening --------------------------------------------------------------------------------- */

struct ts_listener_spot; /* a loop's */

struct ts_listening {
    struct ts_poller *poller;
    void (*ended)(void *ctx); /* the client is finished, one turn later; never from a call below */
    void *ctx;

    /* the hub's */
    struct ts_client *client;
    struct ts_listener_spot *spot;
    int64_t at; /* the last id that was sent, or passed over */
    bool over;
    struct ts_deferred deferred;
    struct ts_listening *next;
    struct ts_listening **link;
};

/* A place for one more listener, with poller, ended and ctx set; ts_live_listen() must follow.
 * Errors: OVERLOADED, DRAINING, NOMEM. */
TS_NODISCARD enum ts_err ts_live_admit(struct ts_live *l,
                                       struct ts_listening *who,
                                       struct ts_error *err);

/* Begins the stream. @after: the last id that the client has seen; 0: from now on. */
void ts_live_listen(struct ts_listening *who, struct ts_client *client, int64_t after);

#endif
