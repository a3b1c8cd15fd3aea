#include "server/sink.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "server/answer.h"
#include "server/loop.h"
#include "server/request.h"

enum {
    HEAD_ROOM = 20,             /* the longest size line: 16 digits and "\r\n", and some */
    TAIL_ROOM = 2,              /* the chunk's last "\r\n" */
    FIRST_CAP = 256,            /* holds what a turn usually brings */
    KEPT_CAP = 2048,            /* of an empty buffer; a bigger one is given back */
    SEND_NOW_BYTES = 16 * 1024, /* do not gather more in one turn */
    READ_BLOCK_BYTES = 1024,    /* libmicrohttpd's, for HTTP/1.0 */
};

static struct ts_sink *sink_of(struct ts_client *c)
{
    return TS_CONTAINER(c, struct ts_sink, client);
}

static struct ts_poller *poller_of(const struct ts_sink *s)
{
    return s->request->loop->poller;
}

static size_t payload_len(const struct ts_sink *s)
{
    return s->payload_end - s->payload_at;
}

static size_t pending(const struct ts_sink *s)
{
    return s->raw_end - s->raw_at + payload_len(s);
}

static void mark_dirty(struct ts_sink *s)
{
    if (s->is_dirty)
        return;
    s->is_dirty = true;
    s->next_dirty = s->request->loop->dirty;
    s->request->loop->dirty = s;
}

static void forget_bytes(struct ts_sink *s)
{
    s->raw_at = s->raw_end = s->payload_at = s->payload_end = 0;
    if (s->cap > KEPT_CAP || s->state == TS_SINK_OVER) {
        free(s->bytes);
        s->bytes = NULL;
        s->cap = 0;
    }
}

/* Keeps the head, which libmicrohttpd sends, from leaving before the first token: they are written
 * within one turn, and one packet is one wake-up of the client instead of two. */
static void set_cork(struct ts_sink *s, bool on)
{
#ifdef TCP_CORK
    int value = on;
    if (s->corked != on)
        (void)setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
    s->corked = on;
#else
    (void)s;
    (void)on;
#endif
}

/* The sink is finished: the connection is libmicrohttpd's again. */
static void set_over(struct ts_sink *s)
{
    s->state = TS_SINK_OVER;
    set_cork(s, false);
    ts_poller_unwatch(poller_of(s), &s->watch);
    ts_timer_clear(poller_of(s), &s->stall);
    forget_bytes(s);
}

/* -- the buffer ------------------------------------------------------------------------------- */

static bool reserve(struct ts_sink *s, size_t n)
{
    size_t need = s->payload_end + n + TAIL_ROOM;
    if (need <= s->cap)
        return true;
    size_t cap = s->cap < FIRST_CAP ? FIRST_CAP : s->cap * 2;
    while (cap < need)
        cap *= 2;
    char *bytes = realloc(s->bytes, cap);
    if (bytes == NULL)
        return false;
    s->bytes = bytes;
    s->cap = cap;
    return true;
}

static bool append(struct ts_sink *s, const char *bytes, size_t n)
{
    if (payload_len(s) == 0)
        s->payload_at = s->payload_end = s->raw_end + HEAD_ROOM;
    if (!reserve(s, n))
        return false;
    memcpy(s->bytes + s->payload_end, bytes, n);
    s->payload_end += n;
    return true;
}

/* Writes the size line of a chunk so that it ends at @end; returns its length. By hand: this runs
 * for every token. */
static size_t put_size_line(char *end, size_t size)
{
    char *at = end;
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = "0123456789abcdef"[size & 15U];
        size >>= 4;
    } while (size > 0);
    return (size_t)(end - at);
}

/* Makes the payload a chunk and part of the raw bytes. */
static void frame(struct ts_sink *s)
{
    if (payload_len(s) == 0)
        return;
    size_t n = put_size_line(s->bytes + s->payload_at, payload_len(s));
    memcpy(s->bytes + s->payload_end, "\r\n", TAIL_ROOM);
    if (s->raw_at == s->raw_end) {
        s->raw_at = s->payload_at - n;
    } else { /* close the gap that the size line left: only on a connection that was blocked */
        size_t gap = HEAD_ROOM - n;
        memmove(s->bytes + s->raw_at + gap, s->bytes + s->raw_at, s->raw_end - s->raw_at);
        s->raw_at += gap;
    }
    s->raw_end = s->payload_end + TAIL_ROOM;
    s->payload_at = s->payload_end = s->raw_end;
}

/* -- direct writing --------------------------------------------------------------------------- */

static void wait_for_room(struct ts_sink *s)
{
    s->blocked = true;
    ts_poller_rewatch(poller_of(s), &s->watch, TS_POLL_OUT | TS_POLL_EDGE);
    if (!ts_timer_is_set(&s->stall))
        (void)!ts_timer_set(poller_of(s),
                            &s->stall,
                            ts_poller_now(poller_of(s)) + INT64_C(1000) * TS_WRITE_STALL_MS);
}

/* Sends all there is. False: the connection failed. The last bytes wait for the end of the chunked
 * body, which libmicrohttpd writes within the turn: one packet, one wake-up of the client. */
static bool send_all(struct ts_sink *s)
{
    frame(s);
    size_t len = s->raw_end - s->raw_at;
    if (len == 0)
        return true;
    int more = s->finish == TS_SINK_ENDS ? MSG_MORE : 0;
    ssize_t sent = send(s->fd, s->bytes + s->raw_at, len, MSG_NOSIGNAL | MSG_DONTWAIT | more);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    if (sent > 0) {
        s->raw_at += (size_t)sent;
        ts_timer_clear(poller_of(s), &s->stall); /* progress */
    }
    if (s->raw_at == s->raw_end)
        forget_bytes(s);
    else
        wait_for_room(s);
    return true;
}

static void tell_drained(struct ts_sink *s)
{
    if (!s->was_high || pending(s) > TS_STREAM_LOW_BYTES || s->finish != TS_SINK_GOES_ON)
        return;
    s->was_high = false;
    if (s->client.events != NULL)
        s->client.events->drained(s->client.events_ctx);
}

static void flush_direct(struct ts_sink *s)
{
    if (!s->blocked && !send_all(s)) {
        ts_sink_drop(s);
        return;
    }
    set_cork(s, false);
    bool cut = s->finish == TS_SINK_CUT; /* what the socket does not take now is lost with it */
    if (cut || (s->finish == TS_SINK_ENDS && pending(s) == 0)) {
        set_over(s);
        ts_request_resume(s->request);
        return;
    }
    tell_drained(s);
}

void ts_sink_flush(struct ts_sink *s)
{
    if (s->broken)
        ts_sink_drop(s);
    if (s->state != TS_SINK_OPEN)
        return;
    if (!s->library) {
        flush_direct(s);
        return;
    }
    if (pending(s) > 0 || s->finish != TS_SINK_GOES_ON)
        ts_request_resume(s->request);
    tell_drained(s);
}

/* -- libmicrohttpd's side --------------------------------------------------------------------- */

static ssize_t last_word(struct ts_sink *s)
{
    if (s->state != TS_SINK_OVER)
        set_over(s);
    return s->finish == TS_SINK_ENDS ? MHD_CONTENT_READER_END_OF_STREAM
                                     : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_library(struct ts_sink *s, char *buf, size_t max)
{
    size_t n = payload_len(s) < max ? payload_len(s) : max;
    if (n == 0) {
        if (s->finish != TS_SINK_GOES_ON)
            return last_word(s);
        ts_request_suspend(s->request);
        return 0;
    }
    memcpy(buf, s->bytes + s->payload_at, n);
    s->payload_at += n;
    if (payload_len(s) == 0)
        forget_bytes(s);
    mark_dirty(s); /* for `drained`, outside libmicrohttpd */
    return (ssize_t)n;
}

static ssize_t read_body(void *cls, uint64_t pos, char *buf, size_t max)
{
    (void)pos;
    struct ts_sink *s = cls;
    if (s->state == TS_SINK_OVER)
        return last_word(s);
    s->state = TS_SINK_OPEN;
    if (s->library)
        return read_library(s, buf, max);
    ts_request_suspend(s->request);
    mark_dirty(s);
    return 0;
}

/* -- the client leaves, or takes nothing ------------------------------------------------------- */

void ts_sink_drop(struct ts_sink *s)
{
    if (!s->in_use || s->state == TS_SINK_OVER)
        return;
    bool finished = s->finish != TS_SINK_GOES_ON;
    s->finish = TS_SINK_CUT;
    set_over(s);
    if (!finished && s->client.events != NULL)
        s->client.events->gone(s->client.events_ctx);
    if (!s->request->answered) /* nobody reads it, but libmicrohttpd wants one to end */
        ts_request_answer(s->request, ts_answer_nothing(), ts_err_status(TS_ERR_CLIENT_GONE));
    else
        ts_request_resume(s->request);
}

static void on_socket(struct ts_watch *w, unsigned events)
{
    struct ts_sink *s = TS_CONTAINER(w, struct ts_sink, watch);
    if ((events & TS_POLL_GONE) != 0) {
        ts_sink_drop(s);
        return;
    }
    if ((events & TS_POLL_OUT) != 0) {
        s->blocked = false;
        ts_sink_flush(s);
    }
}

static void on_stall(struct ts_timer *t)
{
    ts_sink_drop(TS_CONTAINER(t, struct ts_sink, stall));
}

/* -- the relay's side ------------------------------------------------------------------------- */

static void sink_begin(struct ts_client *c, const struct ts_head *head)
{
    struct ts_sink *s = sink_of(c);
    if (s->state != TS_SINK_IDLE)
        return;
    s->state = TS_SINK_BEGUN;
    /* To HEAD libmicrohttpd would send the end of a chunked body, which there must not be. */
    bool has_body = s->request->facts.method != TS_HEAD;
    struct MHD_Response *response =
        !has_body ? ts_answer_nothing()
                  : MHD_create_response_from_callback(
                        MHD_SIZE_UNKNOWN, s->library ? READ_BLOCK_BYTES : 1, read_body, s, NULL);
    if (response != NULL && !ts_answer_head(response, s->request, head)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    set_cork(s, has_body && !s->library && response != NULL);
    ts_request_answer(s->request, response, head->status);
}

static void sink_write(struct ts_client *c, const char *bytes, size_t n)
{
    struct ts_sink *s = sink_of(c);
    if (s->state == TS_SINK_OVER || s->finish != TS_SINK_GOES_ON || s->broken || n == 0)
        return;
    assert(s->state != TS_SINK_IDLE);
    mark_dirty(s);
    bool direct = s->state == TS_SINK_OPEN && !s->library;
    if (!append(s, bytes, n) ||
        (direct && !s->blocked && payload_len(s) >= SEND_NOW_BYTES && !send_all(s)))
        s->broken = true; /* told at the flush: `gone` never comes out of a call to the sink */
    if (pending(s) > TS_STREAM_LOW_BYTES)
        s->was_high = true;
}

static size_t sink_pending(const struct ts_client *c)
{
    return pending(TS_CONTAINER_CONST(c, struct ts_sink, client));
}

static void finish_as(struct ts_client *c, enum ts_sink_finish how)
{
    struct ts_sink *s = sink_of(c);
    if (s->state == TS_SINK_OVER || s->finish != TS_SINK_GOES_ON)
        return;
    s->finish = how;
    mark_dirty(s);
}

static void sink_end(struct ts_client *c)
{
    finish_as(c, TS_SINK_ENDS);
}

static void sink_cut(struct ts_client *c)
{
    finish_as(c, TS_SINK_CUT);
}

static void sink_respond(struct ts_client *c,
                         const struct ts_head *head,
                         const char *body,
                         size_t n)
{
    struct ts_sink *s = sink_of(c);
    if (s->state != TS_SINK_IDLE)
        return;
    set_over(s);
    ts_request_respond(s->request, head, body, n, MHD_RESPMEM_MUST_COPY);
}

static const struct ts_client_ops sink_ops = {
    .begin = sink_begin,
    .write = sink_write,
    .pending = sink_pending,
    .end = sink_end,
    .cut = sink_cut,
    .respond = sink_respond,
};

void ts_sink_init(struct ts_sink *s, struct ts_request *r)
{
    bool library = r->facts.http10 || r->loop->shared->library_streams;
    *s = (struct ts_sink){
        .client.ops = &sink_ops,
        .request = r,
        .fd = ts_request_fd(r),
        .watch = {.fn = on_socket, .fd = -1},
        .stall.fn = on_stall,
        .in_use = true,
        .library = library,
    };
    /* Without the watch (no memory) a client that leaves is noticed by the next write. */
    (void)!ts_poller_watch(poller_of(s), &s->watch, s->fd, TS_POLL_EDGE);
}

void ts_sink_deinit(struct ts_sink *s)
{
    if (!s->in_use)
        return;
    set_over(s);
    if (s->is_dirty) {
        struct ts_sink **at = &s->request->loop->dirty;
        while (*at != s)
            at = &(*at)->next_dirty;
        *at = s->next_dirty;
    }
    s->in_use = false;
}
