#include "proxy/gate.h"

#include <assert.h>

#include "base/limits.h"

enum { KEPT_CAP = 2048 }; /* of an empty buffer; a bigger one is given back */

void ts_gate_init(struct ts_gate *g, struct ts_client *client)
{
    /* Room for the read that goes beyond the limit: it is moved on at once. */
    *g = (struct ts_gate){
        .client = client,
        .waiting = TS_BUF_INIT(4 * TS_GATE_BYTES),
        .event = TS_BUF_INIT(4 * TS_GATE_BYTES),
    };
}

void ts_gate_deinit(struct ts_gate *g)
{
    ts_buf_free(&g->waiting);
    ts_buf_free(&g->event);
}

void ts_gate_reset(struct ts_gate *g)
{
    ts_gate_deinit(g);
    g->leaked = false;
}

static void empty(struct ts_buf *b)
{
    if (b->cap > KEPT_CAP)
        ts_buf_free(b);
    else
        ts_buf_clear(b);
}

static void out(struct ts_gate *g, const char *bytes, size_t n)
{
    if (n == 0 || g->client == NULL)
        return;
    if (g->open)
        g->client->ops->write(g->client, bytes, n);
    else
        ts_buf_put(&g->waiting, bytes, n);
}

static void out_event(struct ts_gate *g, struct ts_slice rest)
{
    out(g, g->event.data, g->event.len);
    out(g, rest.at, rest.len);
    empty(&g->event);
    g->leaked = false;
}

void ts_gate_open(struct ts_gate *g)
{
    g->open = true;
    out(g, g->waiting.data, g->waiting.len);
    ts_buf_free(&g->waiting);
}

/* Keeps the newest TS_GATE_BYTES of the event; what is older flows. */
static void trim(struct ts_gate *g)
{
    if (g->event.len <= TS_GATE_BYTES)
        return;
    size_t n = g->event.len - TS_GATE_BYTES;
    out(g, g->event.data, n);
    ts_buf_drop(&g->event, n);
    g->leaked = true;
}

/* A read is far shorter than the buffer's maximum, so only lack of memory can fail here: then the
 * bytes flow, because losing them would be worse than an event that cannot be held. */
static void add(struct ts_gate *g, struct ts_slice bytes)
{
    ts_buf_put(&g->event, bytes.at, bytes.len);
    if (ts_buf_ok(&g->event)) {
        trim(g);
        return;
    }
    g->event.error = TS_OK;
    out_event(g, bytes);
    g->leaked = true;
}

void ts_gate_part(struct ts_gate *g, struct ts_slice bytes)
{
    if (bytes.len > 0)
        add(g, bytes);
}

void ts_gate_pass(struct ts_gate *g, struct ts_slice bytes)
{
    out_event(g, bytes);
}

void ts_gate_drop(struct ts_gate *g, struct ts_slice bytes)
{
    if (g->leaked) { /* too late: its beginning has left */
        out_event(g, bytes);
        return;
    }
    empty(&g->event);
}

void ts_gate_keep(struct ts_gate *g, struct ts_slice bytes)
{
    add(g, bytes);
}

void ts_gate_abandon(struct ts_gate *g, struct ts_slice line_end)
{
    empty(&g->event);
    if (g->leaked)
        out(g, line_end.at, line_end.len);
    g->leaked = false;
}

void ts_gate_flush(struct ts_gate *g)
{
    struct ts_slice nothing = {0};
    assert(g->open);
    out_event(g, nothing);
}

bool ts_gate_is_full(const struct ts_gate *g)
{
    return !g->open && (g->waiting.len > TS_GATE_BYTES || g->leaked);
}

bool ts_gate_has_lost(const struct ts_gate *g)
{
    return !g->open && !ts_buf_ok(&g->waiting);
}
