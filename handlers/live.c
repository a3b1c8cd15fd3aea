#include "handlers/live.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/thread.h"

enum { BATCH_BYTES = 16 * 1024 };

_Static_assert((int)BATCH_BYTES >= (int)TS_LIVE_EVENT_MAX_BYTES, "a batch holds any event");

struct event {
    char *text; /* NULL: replaced by a newer one */
    size_t len;
};

/* A loop on which somebody listens. */
struct ts_listener_spot {
    struct ts_live *live;
    struct ts_poller *poller;
    struct ts_listening *first; /* the loop's alone, as is what follows */
    struct ts_timer ping;
    struct ts_post post;
    bool posted; /* under the lock: it is on its way to the loop */
};

struct ts_live {
    pthread_mutex_t lock;
    int64_t first_id; /* of the oldest event in the ring */
    int64_t next_id;
    size_t bytes;
    struct event ring[TS_LIVE_EVENTS]; /* at id % TS_LIVE_EVENTS */
    struct ts_listener_spot *spots[TS_LIVE_LOOPS];
    int spot_count;
    _Atomic int listeners;
    _Atomic bool closed;
};

enum ts_err ts_live_new(struct ts_live **out)
{
    struct ts_live *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return TS_ERR_NOMEM;
    (void)pthread_mutex_init(&l->lock, NULL);
    l->first_id = l->next_id = ts_wall_ms() * 1000; /* a server tells less than 10^6 a second */
    *out = l;
    return TS_OK;
}

void ts_live_free(struct ts_live *l)
{
    if (l == NULL)
        return;
    for (int i = 0; i < TS_LIVE_EVENTS; i++)
        free(l->ring[i].text);
    for (int i = 0; i < l->spot_count; i++)
        free(l->spots[i]);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

bool ts_live_is_heard(const struct ts_live *l)
{
    return ts_live_listeners(l) > 0;
}

int ts_live_listeners(const struct ts_live *l)
{
    return atomic_load_explicit(&l->listeners, memory_order_relaxed);
}

/* -- the ring -----------------------------------------------------------------------------------
 */

static struct event *event_at(struct ts_live *l, int64_t id)
{
    return &l->ring[id % TS_LIVE_EVENTS];
}

static void forget(struct ts_live *l, int64_t id)
{
    struct event *e = event_at(l, id);
    l->bytes -= e->len;
    free(e->text);
    *e = (struct event){0};
}

static void make_room(struct ts_live *l, size_t len)
{
    while (l->first_id < l->next_id &&
           (l->next_id - l->first_id == TS_LIVE_EVENTS || l->bytes + len > TS_LIVE_BYTES))
        forget(l, l->first_id++);
}

/* Under the lock: every loop with a listener looks into the ring. */
static void wake_all(struct ts_live *l)
{
    for (int i = 0; i < l->spot_count; i++) {
        struct ts_listener_spot *s = l->spots[i];
        if (s->posted)
            continue;
        s->posted = true;
        ts_poller_post(s->poller, &s->post);
    }
}

int64_t ts_live_publish(struct ts_live *l, const char *name, const struct ts_buf *data)
{
    struct ts_buf text = TS_BUF_INIT(TS_LIVE_EVENT_MAX_BYTES);
    if (!ts_buf_ok(data))
        return 0;
    TS_GUARD(&l->lock);
    int64_t id = l->next_id;
    (void)!ts_buf_reserve(&text, data->len + strlen(name) + 64);
    ts_buf_puts(&text, "id: ");
    ts_buf_put_int(&text, id);
    ts_buf_puts(&text, "\nevent: ");
    ts_buf_puts(&text, name);
    ts_buf_puts(&text, "\ndata: ");
    ts_buf_put(&text, data->data, data->len);
    ts_buf_puts(&text, "\n\n");
    if (!ts_buf_ok(&text)) {
        ts_buf_free(&text);
        return 0;
    }
    make_room(l, text.len);
    *event_at(l, id) = (struct event){.text = text.data, .len = text.len};
    l->bytes += text.len;
    l->next_id++;
    if (ts_live_is_heard(l) && !atomic_load(&l->closed))
        wake_all(l);
    return id;
}

void ts_live_replace(struct ts_live *l, int64_t id)
{
    TS_GUARD(&l->lock);
    if (id >= l->first_id && id < l->next_id)
        forget(l, id);
}

/* -- listening ----------------------------------------------------------------------------------
 */

/* Puts what follows after *at into @out, as much as fits, and moves *at. */
static void copy_events(struct ts_live *l, int64_t *at, struct ts_buf *out)
{
    TS_GUARD(&l->lock);
    if (*at < l->first_id - 1 || *at >= l->next_id) {
        int64_t resume = l->first_id - 1;
        ts_buf_printf(out,
                      "id: %" PRId64 "\nevent: gap\ndata: {\"after\":%" PRId64
                      ",\"resumesAfter\":%" PRId64 "}\n\n",
                      resume,
                      *at,
                      resume);
        *at = resume;
    }
    while (*at + 1 < l->next_id) {
        const struct event *e = event_at(l, *at + 1);
        if (e->text != NULL && out->len + e->len > out->max)
            return;
        if (e->text != NULL)
            ts_buf_put(out, e->text, e->len);
        (*at)++;
    }
}

static void end_listening(struct ts_listening *who);

/* Writes until all is told or the client has enough for now. */
static void tell(struct ts_listening *who, struct ts_buf *batch)
{
    while (!who->over && who->client->ops->pending(who->client) < TS_STREAM_HIGH_BYTES) {
        ts_buf_clear(batch);
        copy_events(who->spot->live, &who->at, batch);
        if (batch->len == 0)
            return;
        if (!ts_buf_ok(batch)) {
            who->client->ops->cut(who->client);
            end_listening(who);
            return;
        }
        who->client->ops->write(who->client, batch->data, batch->len);
    }
}

static void say(struct ts_listening *who, const char *text)
{
    if (!who->over && who->client->ops->pending(who->client) < TS_STREAM_HIGH_BYTES)
        who->client->ops->write(who->client, text, strlen(text));
}

static void arm_ping(struct ts_listener_spot *s)
{
    int64_t due_us = ts_now_us() + TS_LIVE_PING_MS * INT64_C(1000);
    if (s->first != NULL && ts_timer_set(s->poller, &s->ping, due_us) != TS_OK)
        ts_log(TS_LOG_WARN, "no memory for pings to those who listen to events");
}

static void on_ping(struct ts_timer *t)
{
    struct ts_listener_spot *s = TS_CONTAINER(t, struct ts_listener_spot, ping);
    for (struct ts_listening *who = s->first; who != NULL; who = who->next)
        say(who, ": ping\n\n");
    arm_ping(s);
}

static void on_wake(struct ts_post *post)
{
    struct ts_listener_spot *s = TS_CONTAINER(post, struct ts_listener_spot, post);
    bool closed = atomic_load(&s->live->closed);
    TS_AUTO(ts_buf_free) struct ts_buf batch = TS_BUF_INIT(BATCH_BYTES);
    {
        TS_GUARD(&s->live->lock);
        s->posted = false;
    }
    for (struct ts_listening *who = s->first, *next = NULL; who != NULL; who = next) {
        next = who->next;
        tell(who, &batch);
        if (!closed || who->over)
            continue;
        who->client->ops->end(who->client);
        end_listening(who);
    }
}

static void tell_ended(struct ts_deferred *d)
{
    struct ts_listening *who = TS_CONTAINER(d, struct ts_listening, deferred);
    who->ended(who->ctx);
}

static void end_listening(struct ts_listening *who)
{
    struct ts_listener_spot *s = who->spot;
    who->over = true;
    *who->link = who->next;
    if (who->next != NULL)
        who->next->link = who->link;
    if (s->first == NULL)
        ts_timer_clear(s->poller, &s->ping);
    atomic_fetch_sub(&s->live->listeners, 1);
    who->deferred.fn = tell_ended;
    ts_poller_defer(who->poller, &who->deferred);
}

static void on_gone(void *ctx)
{
    struct ts_listening *who = ctx;
    if (!who->over)
        end_listening(who);
}

static void on_drained(void *ctx)
{
    struct ts_listening *who = ctx;
    TS_AUTO(ts_buf_free) struct ts_buf batch = TS_BUF_INIT(BATCH_BYTES);
    if (!who->over)
        tell(who, &batch);
}

/* The spot of a loop, made where there is none. */
static struct ts_listener_spot *find_spot(struct ts_live *l, struct ts_poller *poller)
{
    TS_GUARD(&l->lock);
    for (int i = 0; i < l->spot_count; i++) {
        if (l->spots[i]->poller == poller)
            return l->spots[i];
    }
    struct ts_listener_spot *s = l->spot_count < TS_LIVE_LOOPS ? calloc(1, sizeof(*s)) : NULL;
    if (s == NULL)
        return NULL;
    s->live = l;
    s->poller = poller;
    s->post.fn = on_wake;
    s->ping.fn = on_ping;
    l->spots[l->spot_count++] = s;
    return s;
}

static void link_listening(struct ts_listening *who)
{
    struct ts_listener_spot *s = who->spot;
    who->over = false;
    who->next = s->first;
    who->link = &s->first;
    if (who->next != NULL)
        who->next->link = &who->next;
    s->first = who;
    if (who->next == NULL)
        arm_ping(s);
}

static int64_t newest_id(struct ts_live *l)
{
    TS_GUARD(&l->lock);
    return l->next_id - 1;
}

static void begin(struct ts_listening *who)
{
    static const struct ts_client_events events = {on_gone, on_drained};
    static const struct ts_header headers[] = {
        {"X-Accel-Buffering", "no"}, {"Cache-Control", "no-store, no-transform"}, {NULL, NULL}};
    static const struct ts_head head = {
        .status = 200, .content_type = "text/event-stream", .headers = headers};
    TS_AUTO(ts_buf_free) struct ts_buf batch = TS_BUF_INIT(BATCH_BYTES);
    who->client->events = &events;
    who->client->events_ctx = who;
    who->client->ops->begin(who->client, &head);
    say(who, "retry: 2000\n\n");
    tell(who, &batch);
}

enum ts_err ts_live_admit(struct ts_live *l, struct ts_listening *who, struct ts_error *err)
{
    if (atomic_load(&l->closed))
        return ts_fail(err, TS_ERR_DRAINING, "the server is shutting down");
    if (atomic_fetch_add(&l->listeners, 1) >= TS_LIVE_LISTENERS) {
        atomic_fetch_sub(&l->listeners, 1);
        return ts_fail(err, TS_ERR_OVERLOADED, "%d clients listen already", TS_LIVE_LISTENERS);
    }
    who->spot = find_spot(l, who->poller);
    if (who->spot != NULL)
        return TS_OK;
    atomic_fetch_sub(&l->listeners, 1);
    return ts_fail(err, TS_ERR_NOMEM, "no memory for a listener");
}

void ts_live_listen(struct ts_listening *who, struct ts_client *client, int64_t after)
{
    who->client = client;
    who->at = after != 0 ? after : newest_id(who->spot->live);
    link_listening(who);
    begin(who);
}

void ts_live_close(struct ts_live *l)
{
    TS_GUARD(&l->lock);
    atomic_store(&l->closed, true);
    wake_all(l);
}
