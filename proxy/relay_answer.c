/* What the client gets: heads with what we know, errors in its dialect, and the end. */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proxy/relay_impl.h"

enum { ANSWER_HEADERS = 48 };

/* The headers of an answer and the texts that they point to. */
struct answer_head {
    struct ts_head head;
    struct ts_header headers[ANSWER_HEADERS];
    int count;
    char attempts[TS_DECIMAL_BYTES];
    char overhead[TS_DECIMAL_BYTES];
    char retry_after[TS_DECIMAL_BYTES];
    char timing[448]; /* ten phases of 40 bytes at most */
    size_t timing_len;
};

static void add(struct answer_head *h, const char *name, const char *value)
{
    if (h->count < ANSWER_HEADERS - 1) /* the last one stays empty: it ends the list */
        h->headers[h->count++] = (struct ts_header){name, value};
}

static void put_timing(struct answer_head *h, const char *text, size_t n)
{
    if (n < sizeof(h->timing) - h->timing_len) { /* room for the NUL too */
        memcpy(h->timing + h->timing_len, text, n);
        h->timing_len += n;
    }
}

static void add_timing(struct answer_head *h, const char *name, int64_t us)
{
    char ms[TS_DECIMAL_BYTES];
    char rest[TS_DECIMAL_BYTES]; /* 1000 to 1999: its last three digits */
    if (us == TS_UNKNOWN)
        return;
    size_t ms_len = ts_decimal(ms, us / 1000);
    size_t rest_len = ts_decimal(rest, us % 1000 + 1000);
    if (h->timing_len > 0)
        put_timing(h, ", ", 2);
    put_timing(h, name, strlen(name));
    put_timing(h, ";dur=", 5);
    put_timing(h, ms, ms_len);
    rest[0] = '.';
    put_timing(h, rest, rest_len);
}

/* Every phase that is known by now: of a whole answer all of them, of a stream those that end with
 * its first token. */
static void add_phases(struct ts_relay *r, struct answer_head *h, int64_t overhead_us)
{
    struct ts_phases p = r->phases;
    if (p.total_us == TS_UNKNOWN)
        ts_relay_measure(r, &p);
    add_timing(h, "queue", p.queue_us);
    add_timing(h, "connect", p.connect_us);
    add_timing(h, "load", p.load_us);
    add_timing(h, "first_byte", p.first_byte_us);
    add_timing(h, "ttft", p.ttft_us);
    add_timing(h, "first_visible", p.first_visible_us);
    add_timing(h, "overhead", overhead_us);
    if (p.total_us != TS_UNKNOWN) {
        add_timing(h, "decode", p.decode_us);
        add_timing(h, "max_stall", p.max_stall_us);
        add_timing(h, "total", p.total_us);
    }
    if (h->timing_len > 0)
        add(h, "Server-Timing", h->timing);
}

static void add_facts(struct ts_relay *r, struct answer_head *h)
{
    int64_t overhead_us = r->overhead_us;
    if (r->state == RELAY_STREAMING && !r->begun) /* the first content is on its way */
        overhead_us += ts_now_us() - r->read_us;
    (void)ts_decimal(h->attempts, r->tries);
    (void)ts_decimal(h->overhead, overhead_us);
    add(h, "X-Touchstone-Request-Id", r->public_id);
    if (r->try.target != NULL) {
        add(h, "X-Touchstone-Provider", r->try.target->provider->name);
        add(h, "X-Touchstone-Model", r->try.target->model);
    }
    add(h, "X-Touchstone-Attempts", h->attempts);
    add(h, "X-Touchstone-Overhead-Us", h->overhead);
    add_phases(r, h, overhead_us);
}

static void make_head(struct ts_relay *r, struct answer_head *h, int status, const char *type)
{
    size_t at = 0;
    struct ts_header passed;
    *h = (struct answer_head){0};
    add_facts(r, h);
    while (ts_relay_passed_header(r, &at, &passed))
        add(h, passed.name, passed.value);
    h->head = (struct ts_head){.status = status, .content_type = type, .headers = h->headers};
}

void ts_relay_begin(struct ts_relay *r)
{
    struct answer_head h;
    make_head(r, &h, 200, r->dialect->stream_type);
    add(&h, "X-Accel-Buffering", "no"); /* nginx would keep the tokens together */
    add(&h, "Cache-Control", "no-store, no-transform");
    r->begun = true;
    r->quiet_us = ts_now_us();
    r->client->ops->begin(r->client, &h.head);
}

/* Ours are used up: a client library that tries again would only multiply the load. It may where
 * nobody was asked, for lack of a place. */
static void add_advice(struct ts_relay *r, struct answer_head *h, enum ts_err code)
{
    bool overloaded = code == TS_ERR_OVERLOADED;
    int64_t after_ms = r->retry_after_ms;
    add(h, "x-should-retry", overloaded && r->tries == 0 ? "true" : "false");
    if (!overloaded && (code != TS_ERR_UPSTREAM_RATE_LIMITED || after_ms == TS_UNKNOWN))
        return;
    int64_t s = (after_ms + 999) / 1000;
    (void)ts_decimal(h->retry_after, s > 1 ? s : 1);
    add(h, "Retry-After", h->retry_after);
}

/* What the upstream blames on the request keeps its status; the words of the dialect follow it. */
static enum ts_err code_of_status(int status)
{
    switch (status) {
    case 404:
        return TS_ERR_MODEL_NOT_FOUND;
    case 413:
        return TS_ERR_BODY_TOO_LARGE;
    default:
        return TS_ERR_INVALID_FIELD;
    }
}

void ts_relay_keep_refusal(struct ts_relay *r, const struct ts_error *err, int status)
{
    struct ts_error told = *err;
    if (status != 0)
        told.code = code_of_status(status);
    r->refused = err->code;
    r->status = status != 0 ? status : ts_err_status(err->code);
    ts_buf_clear(&r->out);
    ts_write_error_body(r->dialect->family, &told, r->public_id, &r->out);
}

void ts_relay_keep_error(struct ts_relay *r, const struct ts_error *err)
{
    struct ts_slice line_end =
        r->dialect->framing == TS_FRAMING_SSE ? TS_SLICE_LIT("\n\n") : TS_SLICE_LIT("\n");
    if (r->try.own_error_event) /* the upstream's own words, in the client's dialect already */
        return;
    TS_AUTO(ts_buf_free) struct ts_buf event = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
    ts_write_error_event(r->dialect, err, r->public_id, &event);
    struct ts_slice bytes = {.at = event.data, .len = event.len};
    ts_gate_abandon(&r->gate, line_end);
    ts_gate_keep(&r->gate, bytes);
}

void ts_relay_finish_client(struct ts_relay *r)
{
    struct ts_client *c = r->client;
    r->client = NULL;
    if (c == NULL)
        return;
    if (r->begun) {
        ts_gate_flush(&r->gate);
        c->ops->end(c);
    } else {
        struct answer_head h;
        make_head(r, &h, r->status, "application/json");
        add(&h, "Cache-Control", "no-store");
        if (r->refused != TS_OK)
            add_advice(r, &h, r->refused);
        c->ops->respond(c, &h.head, ts_buf_text(&r->out), r->out.len);
    }
    r->gate.client = NULL;
}
