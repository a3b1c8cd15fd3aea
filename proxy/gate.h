/*
 * The gate: the last thing on a stream's way to its client.
 *
 * Bytes come in as parts of events. Whole events pass; an unfinished one is kept back until its end
 * is there, so that an event can still be dropped and a terminating one held. While the gate is
 * closed (the client has seen no head yet), what passes waits inside.
 *
 *   part()     bytes of an event that goes on
 *   pass()     the last bytes of an event that goes to the client
 *   drop()     the event does not
 *   keep()     the event ends the stream: it stays here until flush()
 *
 * Memory: TS_GATE_BYTES of waiting events and as much of an unfinished one. Of a longer event the
 * oldest bytes flow, and the newest stay, so that the client cannot complete it before we know what
 * it is.
 */
#ifndef TS_PROXY_GATE_H
#define TS_PROXY_GATE_H

#include "base/buf.h"
#include "base/slice.h"
#include "proxy/client.h"

struct ts_gate {
    struct ts_client *client; /* NULL: gone; everything is swallowed */
    struct ts_buf waiting;    /* whole events, while closed */
    struct ts_buf event;      /* the unfinished, or the kept one */
    bool open;
    bool leaked; /* the beginning of the unfinished event has left */
};

void ts_gate_init(struct ts_gate *g, struct ts_client *client);
void ts_gate_deinit(struct ts_gate *g);

/* Forgets what waits and what is unfinished: the next attempt begins. */
void ts_gate_reset(struct ts_gate *g);

/* Lets through what waits and all that follows. */
void ts_gate_open(struct ts_gate *g);

void ts_gate_part(struct ts_gate *g, struct ts_slice bytes);
void ts_gate_pass(struct ts_gate *g, struct ts_slice bytes);
void ts_gate_drop(struct ts_gate *g, struct ts_slice bytes);
void ts_gate_keep(struct ts_gate *g, struct ts_slice bytes);

/* Forgets the unfinished event; what has left of it is closed off with @line_end. */
void ts_gate_abandon(struct ts_gate *g, struct ts_slice line_end);

/* Lets the kept event go. The gate is open. */
void ts_gate_flush(struct ts_gate *g);

/* Whether a closed gate keeps back all that it should: time to open it. */
bool ts_gate_is_full(const struct ts_gate *g);

/* Bytes were lost for lack of memory; none has left the gate. */
bool ts_gate_has_lost(const struct ts_gate *g);

#endif
