/*
 * How a fetch lives:
 *
 *   start -> [joins libcurl] -> head -> body* -> done -> freed
 *                 any time: cancel -> freed;  release -> drained in the background -> freed
 *
 * libcurl refuses to add or remove transfers from within its own callbacks, and every event here is
 * raised from one. So `inside` counts how deep we are in libcurl; what is asked for meanwhile is
 * put on the list of chores and done as soon as libcurl has returned, still in the same call. A
 * cancelled fetch also makes its callbacks fail, so that libcurl drops the connection by itself.
 */
#include "proxy/upstream.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proxy/sockets.h"

enum {
    IDLE_HANDLES = 128, /* easy handles kept for reuse; each holds a read buffer */
    READ_BYTES = 1024,
    TURN_BYTES = 16 * 1024, /* of one answer in a turn of the loop; then others have theirs */
};

struct ts_upstream {
    struct ts_poller *poller;
    CURLM *multi;
    struct ts_timer timer; /* libcurl's */
    bool in_timer;
    struct ts_timer chore_timer;
    int inside; /* > 0: libcurl is below us on the stack */
    struct ts_fetch *chores;
    struct ts_fetch *draining;
    struct ts_sockets sockets;
    CURL *idle[IDLE_HANDLES];
    int idle_count;
};

struct ts_fetch {
    struct ts_upstream *upstream;
    CURL *easy;
    struct curl_slist *headers;
    const struct ts_fetch_events *events;
    void *ctx;
    size_t request_bytes; /* of its body */
    size_t head_bytes;
    size_t drained_bytes;

    bool joined;    /* libcurl's multi handle knows it */
    bool dead;      /* cancelled: no event may follow */
    bool released;  /* drained in the background: no event may follow */
    bool head_done; /* the final head was complete */
    bool head_too_big;
    int64_t turn_us;             /* of the loop's turn in which bytes came last */
    size_t turn_bytes;           /* that came in it */
    struct ts_timer yield_timer; /* goes on after others had their turn */

    bool paused;      /* the asker wants no bytes */
    bool curl_paused; /* and libcurl was told so */

    bool queued; /* on the list of chores */
    struct ts_fetch *next_chore;
    struct ts_fetch **drain_link; /* what points here on the list of the draining ones */
    struct ts_fetch *next_drain;
    struct ts_timer drain_timer;
    char detail[CURL_ERROR_SIZE];
};

enum ts_err ts_upstream_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? TS_OK : TS_ERR_NOMEM;
}

void ts_upstream_global_deinit(void)
{
    curl_global_cleanup();
}

const char *ts_upstream_version(void)
{
    return curl_version();
}

/* -- the end of a fetch ----------------------------------------------------------------------- */

static void unlink_drain(struct ts_fetch *f)
{
    if (f->drain_link == NULL)
        return;
    *f->drain_link = f->next_drain;
    if (f->next_drain != NULL)
        f->next_drain->drain_link = f->drain_link;
    f->drain_link = NULL;
}

/* False: the handle still has a read buffer, as after a name that was not found. libcurl then keeps
 * the buffer, forgets its size, and would read more into it than it holds. */
static bool set_buffers(CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)READ_BYTES) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)READ_BYTES) == CURLE_OK;
}

static void keep_or_free_handle(struct ts_upstream *u, CURL *easy)
{
    if (u->idle_count < IDLE_HANDLES) {
        curl_easy_reset(easy); /* forgets the headers, and with them the key */
        if (set_buffers(easy)) {
            u->idle[u->idle_count++] = easy;
            return;
        }
    }
    curl_easy_cleanup(easy);
}

static CURL *take_or_make_handle(struct ts_upstream *u)
{
    if (u->idle_count > 0)
        return u->idle[--u->idle_count];
    CURL *easy = curl_easy_init();
    if (easy != NULL && !set_buffers(easy)) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

/* Outside libcurl only. Closes the connection unless the transfer is complete. */
static void fetch_free(struct ts_fetch *f)
{
    struct ts_upstream *u = f->upstream;
    assert(!f->queued);
    if (f->joined) {
        assert(u->inside == 0);
        u->inside++; /* the socket callback may run */
        (void)curl_multi_remove_handle(u->multi, f->easy);
        u->inside--;
    }
    unlink_drain(f);
    ts_timer_clear(u->poller, &f->drain_timer);
    ts_timer_clear(u->poller, &f->yield_timer);
    keep_or_free_handle(u, f->easy);
    curl_slist_free_all(f->headers);
    free(f);
}

/* What libcurl's verdict means for us. 28 can only be the connect timeout, and 27 is how libcurl
 * says that a header line was too long for its buffer. */
static enum ts_fetch_end end_of(const struct ts_fetch *f, CURLcode code)
{
    if (f->head_too_big)
        return TS_FETCH_INVALID;
    switch ((int)code) {
    case CURLE_OK:
        return TS_FETCH_COMPLETE;
    case CURLE_PARTIAL_FILE:
        return TS_FETCH_TRUNCATED;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 or garbage */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
        return TS_FETCH_INVALID;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2_STREAM:
        return TS_FETCH_BROKEN;
    default: /* names, connecting, TLS */
        return f->head_done ? TS_FETCH_BROKEN : TS_FETCH_UNREACHABLE;
    }
}

static void finish(struct ts_fetch *f, CURLcode code)
{
    bool silent = f->dead || f->released;
    f->dead = true;
    if (!silent) {
        const char *detail = f->detail[0] != '\0' ? f->detail : curl_easy_strerror(code);
        f->events->done(f->ctx, end_of(f, code), detail);
    }
    if (!f->queued) /* else the chore finds it dead and frees it */
        fetch_free(f);
}

/* -- events from libcurl ---------------------------------------------------------------------- */

/* Called per line, 1xx heads and trailers included; anything but n fails the transfer. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    (void)size; /* 1 */
    struct ts_fetch *f = ctx;
    if (f->dead)
        return 0;
    f->head_bytes += n;
    if (f->head_bytes > TS_MAX_UPSTREAM_HEAD_BYTES) {
        f->head_too_big = true;
        return 0;
    }
    bool blank = n > 0 && (line[0] == '\r' || line[0] == '\n');
    if (!blank || f->head_done || f->released)
        return n;
    long status = 0;
    char *type = NULL;
    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return n;
    (void)curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
    f->head_done = true;
    f->events->head(f->ctx, (int)status, type);
    return f->dead ? 0 : n;
}

/* libcurl reads as long as the server sends, and a server that sends faster than its client reads
 * would have the loop for itself: after some bytes the answer rests until the others had their
 * turn. */
static bool must_yield(struct ts_fetch *f, size_t n)
{
    struct ts_poller *p = f->upstream->poller;
    int64_t now_us = ts_poller_now(p);
    if (f->turn_us != now_us) {
        f->turn_us = now_us;
        f->turn_bytes = 0;
    }
    f->turn_bytes += n;
    return f->turn_bytes > TURN_BYTES && ts_timer_set(p, &f->yield_timer, now_us + 1) == TS_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    (void)size; /* 1 */
    struct ts_fetch *f = ctx;
    if (f->dead || n == 0)
        return 0;
    if (f->released) {
        f->drained_bytes += n;
        return f->drained_bytes > TS_FETCH_DRAIN_BYTES ? 0 : n;
    }
    if (f->paused || must_yield(f, n)) {
        f->curl_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    f->events->body(f->ctx, bytes, n);
    return f->dead ? 0 : n;
}

/* -- chores ----------------------------------------------------------------------------------- */

static bool join(struct ts_fetch *f)
{
    struct ts_upstream *u = f->upstream;
    u->inside++; /* the timer callback runs */
    f->joined = curl_multi_add_handle(u->multi, f->easy) == CURLM_OK;
    u->inside--;
    return f->joined;
}

static void unpause(struct ts_fetch *f)
{
    struct ts_upstream *u = f->upstream;
    f->curl_paused = false;
    u->inside++; /* the bytes that waited come from within this call */
    CURLcode code = curl_easy_pause(f->easy, CURLPAUSE_CONT);
    u->inside--;
    if (code != CURLE_OK && !f->dead)
        finish(f, code);
}

static void run_chore(struct ts_fetch *f)
{
    if (f->dead)
        fetch_free(f);
    else if (!f->joined && !join(f))
        finish(f, CURLE_FAILED_INIT);
    else if (f->curl_paused && !f->paused)
        unpause(f);
}

/* Everything that had to wait until libcurl returned. Chores may make new chores. */
static void after_libcurl(struct ts_upstream *u)
{
    for (;;) {
        struct ts_fetch *f = u->chores;
        if (f != NULL) {
            u->chores = f->next_chore;
            f->queued = false;
            run_chore(f);
            continue;
        }
        int left = 0;
        CURLMsg *msg = curl_multi_info_read(u->multi, &left);
        if (msg == NULL)
            return;
        CURLcode code = msg->data.result;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &f);
        finish(f, code);
    }
}

static void chore(struct ts_fetch *f)
{
    struct ts_upstream *u = f->upstream;
    if (!f->queued) {
        f->queued = true;
        f->next_chore = u->chores;
        u->chores = f;
    }
    /* Outside libcurl nobody looks at the list before the timer does; without memory for that it
     * is done here and now, callbacks and all. */
    if (u->inside == 0 &&
        ts_timer_set(u->poller, &u->chore_timer, ts_poller_now(u->poller)) != TS_OK)
        after_libcurl(u);
}

static void on_chore_timer(struct ts_timer *t)
{
    after_libcurl(TS_CONTAINER(t, struct ts_upstream, chore_timer));
}

/* -- sockets and the timer -------------------------------------------------------------------- */

static void drive(struct ts_upstream *u, curl_socket_t fd, int events)
{
    int running = 0;
    u->inside++;
    (void)curl_multi_socket_action(u->multi, fd, events, &running);
    u->inside--;
    after_libcurl(u);
}

static void on_socket_event(void *ctx, int fd, unsigned events)
{
    int bits = 0;
    /* A peer that is gone shows as something to read: the end of the stream, or the error. */
    if ((events & (TS_POLL_IN | TS_POLL_GONE)) != 0)
        bits |= CURL_CSELECT_IN;
    if ((events & TS_POLL_OUT) != 0)
        bits |= CURL_CSELECT_OUT;
    drive(ctx, fd, bits);
}

static unsigned interest(int what)
{
    unsigned events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= TS_POLL_IN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= TS_POLL_OUT;
    return events;
}

/* libcurl drops the socket of a transfer that is paused as well: what comes there has an owner. */
static bool is_paused(CURL *easy)
{
    struct ts_fetch *f = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &f);
    return f != NULL && f->curl_paused;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)socket_ctx;
    struct ts_upstream *u = ctx;
    unsigned events = interest(what);
    if (events != 0)
        return ts_sockets_use(&u->sockets, fd, events) == TS_OK ? 0 : -1;
    ts_sockets_leave(&u->sockets, fd, !is_paused(easy));
    return 0;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose; /* never an accepted one */
    struct ts_upstream *u = ctx;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0)
        ts_sockets_opened(&u->sockets, fd);
    return fd;
}

static int on_close(void *ctx, curl_socket_t fd)
{
    struct ts_upstream *u = ctx;
    ts_sockets_closing(&u->sockets, fd);
    return close(fd);
}

/* libcurl asks for 0 ms when it has work at hand. That is done in this turn, except for what the
 * timer itself brings up, so that no transfer can keep the loop from its descriptors. */
static int on_timer_request(CURLM *multi, long wait_ms, void *ctx)
{
    (void)multi;
    struct ts_upstream *u = ctx;
    if (wait_ms < 0) {
        ts_timer_clear(u->poller, &u->timer);
        return 0;
    }
    int64_t now_us = u->in_timer ? ts_now_us() : ts_poller_now(u->poller);
    return ts_timer_set(u->poller, &u->timer, now_us + wait_ms * 1000) == TS_OK ? 0 : -1;
}

static void on_timer(struct ts_timer *t)
{
    struct ts_upstream *u = TS_CONTAINER(t, struct ts_upstream, timer);
    u->in_timer = true;
    drive(u, CURL_SOCKET_TIMEOUT, 0);
    u->in_timer = false;
}

/* -- life of the whole ------------------------------------------------------------------------ */

enum ts_err ts_upstream_new(struct ts_poller *p, struct ts_upstream **out, struct ts_error *err)
{
    struct ts_upstream *u = calloc(1, sizeof(*u));
    CURLM *multi = curl_multi_init();
    if (u == NULL || multi == NULL) {
        free(u);
        (void)curl_multi_cleanup(multi);
        return ts_fail(err, TS_ERR_NOMEM, "no memory for libcurl");
    }
    u->poller = p;
    ts_sockets_init(&u->sockets, p, on_socket_event, u);
    u->multi = multi;
    u->timer.fn = on_timer;
    u->chore_timer.fn = on_chore_timer;
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, u);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_request);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, u);
    *out = u;
    return TS_OK;
}

void ts_upstream_free(struct ts_upstream *u)
{
    if (u == NULL)
        return;
    while (u->draining != NULL)
        fetch_free(u->draining);
    assert(u->chores == NULL);
    u->inside++;
    for (int i = 0; i < u->idle_count; i++)
        curl_easy_cleanup(u->idle[i]);
    (void)curl_multi_cleanup(u->multi);
    u->inside--;
    ts_sockets_deinit(&u->sockets);
    ts_timer_clear(u->poller, &u->timer);
    ts_timer_clear(u->poller, &u->chore_timer);
    free(u);
}

/* -- starting --------------------------------------------------------------------------------- */

static enum ts_err add_headers(struct ts_fetch *f, const struct ts_fetch_request *req)
{
    /* Without this libcurl waits a second for "100 Continue" on large bodies. */
    f->headers = curl_slist_append(NULL, "Expect:");
    bool ok = f->headers != NULL;
    for (const struct ts_header *h = req->headers; ok && h != NULL && h->name != NULL; h++) {
        struct ts_buf line = TS_BUF_INIT(TS_MAX_HEAD_BYTES);
        ts_buf_printf(&line, "%s: %s", h->name, h->value);
        ok = ts_buf_ok(&line) && curl_slist_append(f->headers, ts_buf_text(&line)) != NULL;
        ts_buf_free(&line);
    }
    return ok ? TS_OK : TS_ERR_NOMEM;
}

static bool set_request(struct ts_fetch *f, const struct ts_fetch_request *req)
{
    CURL *e = f->easy;
    if (curl_easy_setopt(e, CURLOPT_URL, req->url) != CURLE_OK)
        return false;
    if (strncmp(req->url, "https:", 6) != 0)
        (void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (req->body.at != NULL) {
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body.at);
    }
    if (strcmp(req->method, "HEAD") == 0)
        (void)curl_easy_setopt(e, CURLOPT_NOBODY, 1L); /* else it would wait for one */
    else if (strcmp(req->method, req->body.at != NULL ? "POST" : "GET") != 0)
        (void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method);
    (void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, (long)req->fresh_connection);
    (void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)req->connect_timeout_ms);
    return true;
}

/* What holds for every request. Redirects, netrc and TLS checks are as libcurl has them by default:
 * none, none, on. */
static void set_policy(struct ts_fetch *f)
{
    CURL *e = f->easy;
    (void)curl_easy_setopt(e, CURLOPT_PRIVATE, f);
    (void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->detail);
    (void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
    (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, f->upstream);
    (void)curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    (void)curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, f->upstream);
    (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(e, CURLOPT_PROXY, ""); /* a stray http_proxy would get the key */
    (void)curl_easy_setopt(e, CURLOPT_USERAGENT, "touchstone/" TS_VERSION);
    (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers);
}

static void on_drain_timer(struct ts_timer *t)
{
    ts_fetch_cancel(TS_CONTAINER(t, struct ts_fetch, drain_timer));
}

static void on_yield_timer(struct ts_timer *t)
{
    struct ts_fetch *f = TS_CONTAINER(t, struct ts_fetch, yield_timer);
    struct ts_upstream *u = f->upstream;
    if (f->dead || f->queued || f->paused || !f->curl_paused)
        return; /* whoever paused it, or did more, looks after it */
    unpause(f);
    after_libcurl(u);
}

static struct ts_fetch *fetch_new(struct ts_upstream *u)
{
    struct ts_fetch *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->easy = take_or_make_handle(u);
    if (f->easy == NULL) {
        free(f);
        return NULL;
    }
    f->upstream = u;
    f->drain_timer.fn = on_drain_timer;
    f->yield_timer.fn = on_yield_timer;
    return f;
}

enum ts_err ts_fetch_start(struct ts_upstream *u,
                           const struct ts_fetch_request *req,
                           const struct ts_fetch_events *events,
                           void *ctx,
                           struct ts_fetch **out,
                           struct ts_error *err)
{
    struct ts_fetch *f = fetch_new(u);
    if (f == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a request");
    f->events = events;
    f->ctx = ctx;
    f->request_bytes = req->body.len;
    if (add_headers(f, req) != TS_OK) {
        fetch_free(f);
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a request");
    }
    set_policy(f);
    if (!set_request(f, req)) {
        fetch_free(f);
        return ts_fail(err, TS_ERR_UPSTREAM_UNREACHABLE, "libcurl refuses the URL %s", req->url);
    }
    if (u->inside > 0) {
        chore(f);
    } else if (!join(f)) {
        fetch_free(f);
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a request");
    }
    *out = f;
    return TS_OK;
}

/* -- steering --------------------------------------------------------------------------------- */

void ts_fetch_cancel(struct ts_fetch *f)
{
    if (f->dead)
        return;
    f->dead = true;
    if (f->upstream->inside > 0)
        chore(f);
    else if (!f->queued)
        fetch_free(f);
}

void ts_fetch_release(struct ts_fetch *f)
{
    struct ts_upstream *u = f->upstream;
    if (f->dead)
        return;
    int64_t due_us = ts_poller_now(u->poller) + TS_FETCH_DRAIN_MS * INT64_C(1000);
    if (ts_timer_set(u->poller, &f->drain_timer, due_us) != TS_OK) {
        ts_fetch_cancel(f);
        return;
    }
    f->released = true;
    f->next_drain = u->draining;
    f->drain_link = &u->draining;
    if (u->draining != NULL)
        u->draining->drain_link = &f->next_drain;
    u->draining = f;
    ts_fetch_resume(f);
}

void ts_fetch_pause(struct ts_fetch *f)
{
    f->paused = true;
}

void ts_fetch_resume(struct ts_fetch *f)
{
    f->paused = false;
    if (f->curl_paused)
        chore(f);
}

/* -- what is known of it ---------------------------------------------------------------------- */

static int64_t info_us(const struct ts_fetch *f, CURLINFO what)
{
    curl_off_t us = 0;
    return curl_easy_getinfo(f->easy, what, &us) == CURLE_OK ? (int64_t)us : 0;
}

struct ts_fetch_times ts_fetch_times(const struct ts_fetch *f)
{
    struct ts_fetch_times t = {.connect_us = -1, .sent_us = -1, .answered = f->head_bytes > 0};
    long connects = 0;
    int64_t sent_us = info_us(f, CURLINFO_PRETRANSFER_TIME_T);
    int64_t tcp_us = info_us(f, CURLINFO_CONNECT_TIME_T);
    int64_t tls_us = info_us(f, CURLINFO_APPCONNECT_TIME_T);
    (void)curl_easy_getinfo(f->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (sent_us > 0) {
        t.sent_us = sent_us;
        t.reused = connects == 0;
    }
    if (t.reused)
        t.connect_us = 0;
    else if (tcp_us > 0)
        t.connect_us = tls_us > tcp_us ? tls_us : tcp_us;
    return t;
}

/* Before an answer libcurl may have to send it all again, on a fresh connection. */
bool ts_fetch_is_sent(const struct ts_fetch *f)
{
    curl_off_t sent = 0;
    (void)curl_easy_getinfo(f->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return f->head_done && sent >= (curl_off_t)f->request_bytes;
}

const char *ts_fetch_header(const struct ts_fetch *f, const char *name)
{
    struct curl_header *h = NULL;
    if (curl_easy_header(f->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return NULL;
    return h->value;
}

void ts_fetch_each_header(const struct ts_fetch *f,
                          void (*fn)(void *ctx, const char *name, const char *value),
                          void *ctx)
{
    struct curl_header *h = curl_easy_nextheader(f->easy, CURLH_HEADER, -1, NULL);
    for (; h != NULL; h = curl_easy_nextheader(f->easy, CURLH_HEADER, -1, h))
        fn(ctx, h->name, h->value);
}
