#include "proxy/discovery.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum { URL_MAX_BYTES = 4096 };

/* One provider's GET, and what was last said about it in the log. */
struct probe {
    struct ts_discovery *discovery;
    int provider;
    struct ts_fetch *fetch; /* NULL: not running */
    bool running;           /* in this round */
    bool mute;              /* it let the last round wait until its patience ended */
    bool other;             /* its list was found to be another one than before */
    struct ts_timer timer;
    struct ts_buf body;
    int status;
    char server[32];
    int64_t asked_us; /* 0: never */
    bool listed;      /* the list is there; what it is asked now is its load */
    int question;     /* of its kind's further ones */
    struct ts_model_list models;
    struct ts_server_load load;
    enum ts_provider_state logged;
};

struct ts_discovery {
    struct ts_registry *registry;
    struct ts_upstream *upstream;
    struct ts_poller *poller;
    struct ts_timer next;  /* the next round */
    struct ts_timer grace; /* of servers that were mute */
    struct probe probes[TS_MAX_PROVIDERS];
    int running; /* probes under way, and 1 while they are being started */
    int64_t started_us;
    int64_t ended_us;
    _Atomic bool done;

    pthread_mutex_t lock; /* guards what follows; a leaf */
    struct ts_discovery_wait *waiting;
    uint64_t round;      /* the newest */
    uint64_t over;       /* the newest that nobody needs to wait for */
    bool woken;          /* wake is on its way */
    bool dying;          /* who wakes it frees it */
    struct ts_post wake; /* to the discovery's own loop */
};

/* -- who waits --------------------------------------------------------------------------------- */

static bool is_grace_over(const struct ts_discovery *d, int64_t now_us)
{
    return now_us - d->started_us >= TS_DISCOVERY_GRACE_MS * INT64_C(1000);
}

/* Whether every server has told its models, or has failed to. */
static bool is_decided(const struct ts_discovery *d)
{
    bool grace_over = is_grace_over(d, ts_now_us());
    for (int i = 0; i < TS_MAX_PROVIDERS; i++) {
        const struct probe *p = &d->probes[i];
        if (p->running && !p->listed && !(p->mute && grace_over))
            return false;
    }
    return true;
}

static void post_waiter(struct ts_discovery_wait *w, uint64_t round, bool over)
{
    w->round = round;
    w->over = over;
    ts_poller_post(w->home, &w->post); /* it is the waiter's again */
}

/* There is news, or there will be none. */
static void answer_waiters(struct ts_discovery *d, bool over)
{
    struct ts_discovery_wait *w = NULL;
    uint64_t round = 0;
    {
        TS_GUARD(&d->lock);
        w = d->waiting;
        d->waiting = NULL;
        round = d->round;
        if (over)
            d->over = round;
    }
    while (w != NULL) {
        struct ts_discovery_wait *next = w->next;
        post_waiter(w, round, over);
        w = next;
    }
}

/* -- the end of a round ------------------------------------------------------------------------ */

static void set_next(struct ts_discovery *d, int64_t due_us)
{
    /* Once set, the timer only moves, and moving cannot fail. */
    if (ts_timer_set(d->poller, &d->next, due_us) != TS_OK)
        ts_log(TS_LOG_ERROR, "no memory for the timer of the discovery: it has stopped");
}

static void leave_round(struct ts_discovery *d)
{
    if (--d->running > 0)
        return;
    ts_timer_clear(d->poller, &d->grace);
    d->ended_us = ts_now_us();
    set_next(d, d->ended_us + TS_DISCOVERY_EVERY_MS * INT64_C(1000));
    atomic_store_explicit(&d->done, true, memory_order_release);
    answer_waiters(d, true);
}

/* -- the end of a probe ------------------------------------------------------------------------ */

/* Says once what is new: a server that appears, changes or goes away. That nothing listens at an
 * address which nobody configured is no news. */
static void log_news(struct probe *p,
                     enum ts_provider_state state,
                     bool other_models,
                     const char *why)
{
    const struct ts_provider *provider = ts_registry_provider(p->discovery->registry, p->provider);
    struct ts_provider_status s = ts_registry_status(p->discovery->registry, p->provider);
    const struct ts_log_field *fields = TS_LOG_FIELDS(TS_LOG_STR("provider", provider->name),
                                                      TS_LOG_STR("url", provider->base_url),
                                                      TS_LOG_INT("models", s.models),
                                                      TS_LOG_STR("why", why));
    bool news = state != p->logged;
    bool was_there = p->logged == TS_PROVIDER_UP || p->logged == TS_PROVIDER_LOADING;
    p->logged = state;
    switch (state) {
    case TS_PROVIDER_UP:
        if (news)
            ts_logf(TS_LOG_INFO, fields, "model server found");
        else if (other_models)
            ts_logf(TS_LOG_INFO, fields, "model server has other models");
        break;
    case TS_PROVIDER_LOADING:
        if (news)
            ts_logf(TS_LOG_INFO, fields, "model server is loading");
        break;
    case TS_PROVIDER_DOWN:
        if (news && (was_there || provider->configured))
            ts_logf(TS_LOG_WARN, fields, "model server is not available");
        break;
    case TS_PROVIDER_UNKNOWN:
        break;
    }
}

/* The probe is over. Takes the contents of @models, which may be NULL. */
static void conclude(struct probe *p,
                     enum ts_provider_state state,
                     struct ts_model_list *models,
                     const char *why)
{
    struct ts_discovery *d = p->discovery;
    p->fetch = NULL;
    ts_timer_clear(d->poller, &p->timer);
    ts_buf_free(&p->body);
    ts_registry_set_load(d->registry, p->provider, &p->load);
    bool other = ts_registry_update(d->registry, p->provider, state, models, why) || p->other;
    log_news(p, state, other, why);
    p->running = false;
    p->other = false;
    if (d->running > 1)
        answer_waiters(d, is_decided(d));
    leave_round(d);
}

/* Those who wait for a model do not wait until the server has told how busy it is. Takes the
 * contents of @models. */
static void publish(struct probe *p, struct ts_model_list *models)
{
    struct ts_discovery *d = p->discovery;
    p->other = ts_registry_update(d->registry, p->provider, TS_PROVIDER_UP, models, NULL);
    answer_waiters(d, is_decided(d));
}

static void conclude_down(struct probe *p, const char *fmt, ...) TS_PRINTF(2, 3);
static void conclude_down(struct probe *p, const char *fmt, ...)
{
    char why[sizeof(((struct ts_provider_status *)0)->why)];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    conclude(p, TS_PROVIDER_DOWN, NULL, why);
}

static enum ts_err start_fetch(struct probe *p,
                               const struct ts_provider *provider,
                               const char *path);

static void conclude_up(struct probe *p)
{
    conclude(p, TS_PROVIDER_UP, &p->models, NULL);
}

/* Asks what is left to be asked; then the probe is over. */
static void ask_further(struct probe *p)
{
    const struct ts_provider *provider = ts_registry_provider(p->discovery->registry, p->provider);
    const struct ts_load_question *q = provider->kind->load;
    for (; q != NULL && q[p->question].path != NULL; p->question++) {
        ts_buf_clear(&p->body);
        p->status = 0;
        if (start_fetch(p, provider, q[p->question].path) == TS_OK)
            return;
    }
    conclude_up(p);
}

static void take_load(struct probe *p, const struct ts_provider *provider)
{
    struct ts_slice body = {.at = ts_buf_text(&p->body), .len = p->body.len};
    provider->kind->load[p->question].take(body, &p->models, &p->load);
    p->load.told_ms = ts_wall_ms();
}

/* Whether the list is wanted before the rest: somebody waits, or the server was not there. */
static bool is_urgent(const struct probe *p)
{
    struct ts_discovery *d = p->discovery;
    struct ts_provider_status s = ts_registry_status(d->registry, p->provider);
    TS_GUARD(&d->lock);
    return d->waiting != NULL || s.state != TS_PROVIDER_UP;
}

static void take_list(struct probe *p, const struct ts_provider *provider)
{
    const struct ts_kind *kind = provider->kind;
    json_auto_t *answer = json_loadb(ts_buf_text(&p->body), p->body.len, 0, NULL);
    const char *server = p->server[0] != '\0' ? p->server : NULL;
    if (!json_is_object(answer) || (!provider->configured && !kind->is_this(answer, server))) {
        conclude_down(p, "what answers there does not look like %s", kind->name);
        return;
    }
    if (ts_model_list_init(&p->models) != TS_OK) {
        conclude_down(p, "no memory for its list of models");
        return;
    }
    kind->list_models(answer, &p->models);
    p->listed = true;
    struct ts_model_list early;
    if (kind->load != NULL && is_urgent(p) && ts_model_list_init(&early) == TS_OK) {
        kind->list_models(answer, &early);
        publish(p, &early);
    }
    int64_t due_us = ts_now_us() + TS_DISCOVERY_LOAD_TIMEOUT_MS * INT64_C(1000);
    if (ts_timer_set(p->discovery->poller, &p->timer, due_us) == TS_OK)
        ask_further(p);
    else
        conclude_up(p);
}

static void on_done(void *ctx, enum ts_fetch_end end, const char *detail)
{
    struct probe *p = ctx;
    const struct ts_provider *provider = ts_registry_provider(p->discovery->registry, p->provider);
    p->fetch = NULL; /* freed when this returns */
    p->mute = false;
    if (p->listed) {
        if (end == TS_FETCH_COMPLETE && p->status == 200)
            take_load(p, provider);
        p->question++;
        ask_further(p);
    } else if (end != TS_FETCH_COMPLETE)
        conclude_down(p, "%s", detail);
    else if (p->status == 200)
        take_list(p, provider);
    else if (p->status == 503 && (provider->configured || strcmp(p->server, "llama.cpp") == 0))
        conclude(p, TS_PROVIDER_LOADING, NULL, "it is loading a model");
    else if (p->status == 401 || p->status == 403)
        conclude_down(p, "it refuses the key (status %d)", p->status);
    else
        conclude_down(p, "GET %s: status %d", provider->kind->models_path, p->status);
}

static void on_head(void *ctx, int status, const char *content_type)
{
    (void)content_type;
    struct probe *p = ctx;
    const char *server = ts_fetch_header(p->fetch, "Server");
    p->status = status;
    (void)snprintf(p->server, sizeof(p->server), "%s", server != NULL ? server : "");
}

static void on_body(void *ctx, const char *bytes, size_t n)
{
    struct probe *p = ctx;
    ts_buf_put(&p->body, bytes, n);
    if (ts_buf_ok(&p->body))
        return;
    ts_fetch_cancel(p->fetch);
    if (p->listed)
        conclude_up(p);
    else
        conclude_down(p, "its list of models is longer than %d bytes", TS_MAX_MODEL_LIST_BYTES);
}

static void on_timeout(struct ts_timer *t)
{
    struct probe *p = TS_CONTAINER(t, struct probe, timer);
    ts_fetch_cancel(p->fetch);
    p->mute = !p->listed;
    if (p->listed)
        conclude_up(p);
    else
        conclude_down(p, "no answer within %d ms", TS_DISCOVERY_TIMEOUT_MS);
}

/* -- a round ----------------------------------------------------------------------------------- */

static enum ts_err start_fetch(struct probe *p,
                               const struct ts_provider *provider,
                               const char *path)
{
    static const struct ts_fetch_events events = {on_head, on_body, on_done};
    const struct ts_kind *kind = provider->kind;
    TS_AUTO(ts_buf_free) struct ts_buf url = TS_BUF_INIT(URL_MAX_BYTES);
    TS_AUTO(ts_buf_free) struct ts_buf key = TS_BUF_INIT(URL_MAX_BYTES);
    struct ts_header headers[4] = {0};
    int n = 0;
    ts_buf_printf(&url, "%s%s", provider->base_url, path);
    if (provider->api_key != NULL) {
        ts_buf_printf(&key, "%s%s", kind->key_prefix, provider->api_key);
        headers[n++] = (struct ts_header){kind->key_header, ts_buf_text(&key)};
    }
    for (const struct ts_header *h = kind->headers; h != NULL && h->name != NULL && n < 3; h++)
        headers[n++] = *h;
    if (!ts_buf_ok(&url) || !ts_buf_ok(&key))
        return TS_ERR_NOMEM;
    struct ts_fetch_request req = {
        .method = "GET",
        .url = ts_buf_text(&url),
        .headers = headers,
        .connect_timeout_ms = provider->connect_timeout_ms, /* the timer ends what takes longer */
    };
    return ts_fetch_start(p->discovery->upstream, &req, &events, p, &p->fetch, NULL);
}

static void start_probe(struct probe *p, int64_t now_us)
{
    struct ts_discovery *d = p->discovery;
    const struct ts_provider *provider = ts_registry_provider(d->registry, p->provider);
    d->running++;
    p->running = true;
    p->listed = false;
    p->question = 0;
    p->load = TS_SERVER_LOAD_UNKNOWN;
    p->asked_us = now_us;
    p->status = 0;
    p->server[0] = '\0';
    p->body = TS_BUF_INIT(TS_MAX_MODEL_LIST_BYTES);
    int64_t due_us = now_us + TS_DISCOVERY_TIMEOUT_MS * INT64_C(1000);
    if (ts_timer_set(d->poller, &p->timer, due_us) != TS_OK ||
        start_fetch(p, provider, provider->kind->models_path) != TS_OK)
        conclude_down(p, "the request could not be made");
}

/* Local servers are asked in each round, clouds now and then. */
static bool is_due(struct probe *p, int64_t now_us)
{
    const struct ts_provider *provider = ts_registry_provider(p->discovery->registry, p->provider);
    struct ts_provider_status s = ts_registry_status(p->discovery->registry, p->provider);
    int64_t every_ms =
        s.state == TS_PROVIDER_UP ? TS_DISCOVERY_CLOUD_EVERY_MS : TS_DISCOVERY_CLOUD_EVERY_MS / 10;
    return provider->kind->local || p->asked_us == 0 || now_us - p->asked_us >= every_ms * 1000;
}

static void start_round(struct ts_discovery *d)
{
    if (d->running > 0)
        return;
    int64_t now_us = ts_now_us();
    d->running = 1;
    d->started_us = now_us;
    {
        TS_GUARD(&d->lock);
        d->round++;
    }
    /* Without it those who wait do so until the end. */
    (void)!ts_timer_set(d->poller, &d->grace, now_us + TS_DISCOVERY_GRACE_MS * INT64_C(1000));
    for (int i = 0; i < ts_registry_count(d->registry); i++) {
        if (is_due(&d->probes[i], now_us))
            start_probe(&d->probes[i], now_us);
    }
    leave_round(d);
}

static void on_grace(struct ts_timer *t)
{
    struct ts_discovery *d = TS_CONTAINER(t, struct ts_discovery, grace);
    if (is_decided(d))
        answer_waiters(d, true);
}

static void on_next(struct ts_timer *t)
{
    start_round(TS_CONTAINER(t, struct ts_discovery, next));
}

/* -- who asks ---------------------------------------------------------------------------------- */

static void destroy(struct ts_discovery *d)
{
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

/* On the discovery's loop. Names that nobody knows must not turn into a storm of GETs. */
static void on_wake(struct ts_post *post)
{
    struct ts_discovery *d = TS_CONTAINER(post, struct ts_discovery, wake);
    bool dying = false;
    {
        TS_GUARD(&d->lock);
        d->woken = false;
        dying = d->dying;
    }
    if (dying) {
        destroy(d);
        return;
    }
    int64_t now_us = ts_now_us();
    int64_t due_us = d->ended_us + TS_DISCOVERY_PAUSE_MS * INT64_C(1000);
    if (d->running == 0)
        set_next(d, due_us > now_us ? due_us : now_us);
    else if (is_decided(d))
        answer_waiters(d, true);
}

void ts_discovery_refresh(struct ts_discovery *d, struct ts_discovery_wait *w)
{
    TS_GUARD(&d->lock);
    if (w->round != 0 && w->round <= d->over) { /* its round ended while it looked at the news */
        post_waiter(w, w->round, true);
        return;
    }
    w->next = d->waiting;
    d->waiting = w;
    if (d->woken)
        return;
    d->woken = true;
    ts_poller_post(d->poller, &d->wake);
}

bool ts_discovery_done(const struct ts_discovery *d)
{
    return atomic_load_explicit(&d->done, memory_order_acquire);
}

/* -- life -------------------------------------------------------------------------------------- */

enum ts_err ts_discovery_new(struct ts_registry *r,
                             struct ts_upstream *u,
                             struct ts_poller *p,
                             struct ts_discovery **out,
                             struct ts_error *err)
{
    struct ts_discovery *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the discovery");
    d->registry = r;
    d->upstream = u;
    d->poller = p;
    d->next.fn = on_next;
    d->grace.fn = on_grace;
    d->wake.fn = on_wake;
    (void)pthread_mutex_init(&d->lock, NULL);
    for (int i = 0; i < TS_MAX_PROVIDERS; i++) {
        d->probes[i].discovery = d;
        d->probes[i].provider = i;
        d->probes[i].timer.fn = on_timeout;
    }
    *out = d;
    return TS_OK;
}

void ts_discovery_start(struct ts_discovery *d)
{
    start_round(d);
}

void ts_discovery_free(struct ts_discovery *d)
{
    if (d == NULL)
        return;
    ts_timer_clear(d->poller, &d->next);
    ts_timer_clear(d->poller, &d->grace);
    for (int i = 0; i < TS_MAX_PROVIDERS; i++) {
        struct probe *p = &d->probes[i];
        if (p->fetch != NULL)
            ts_fetch_cancel(p->fetch);
        ts_timer_clear(d->poller, &p->timer);
        ts_buf_free(&p->body);
        ts_model_list_deinit(&p->models);
    }
    answer_waiters(d, true);
    bool woken = false;
    {
        TS_GUARD(&d->lock);
        d->dying = true;
        woken = d->woken;
    }
    if (!woken)
        destroy(d);
}
