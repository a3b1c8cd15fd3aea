/* GET /api/ps: the models in memory, of all servers. Ollama's are asked now; others hold what they
 * list. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/handlers.h"
#include "handlers/services.h"

enum { ANSWER_MAX_BYTES = 256 * 1024, PATIENCE_MS = 2000 };

struct gathering;

/* One server being asked. */
struct asked {
    struct gathering *all;
    struct ts_fetch *fetch; /* NULL: answered, or not asked */
    int status;
    struct ts_buf body;
};

struct gathering {
    struct ts_exchange *x;
    struct ts_timer patience;
    struct ts_deferred freeing;
    int open; /* not answered yet */
    bool starting;
    struct asked of[TS_MAX_PROVIDERS];
};

/* -- the answer -------------------------------------------------------------------------------- */

static void add_loaded(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    json_t *models = ctx;
    if (!m->loaded || p->kind->id == TS_KIND_OLLAMA)
        return;
    json_t *model = json_pack("{s:o, s:o, s:I, s:s, s:{}}",
                              "name",
                              ts_json_text(m->name),
                              "model",
                              ts_json_text(m->name),
                              "size",
                              (json_int_t)(m->size_bytes != TS_UNKNOWN ? m->size_bytes : 0),
                              "digest",
                              m->digest != NULL ? m->digest : "",
                              "details");
    if (m->context_length != TS_UNKNOWN)
        (void)json_object_set_new(model, "context_length", json_integer(m->context_length));
    (void)json_array_append_new(models, model);
}

static void add_answer(json_t *models, const struct asked *a)
{
    json_auto_t *answer = a->status == 200 && ts_buf_ok(&a->body)
                              ? json_loadb(ts_buf_text(&a->body), a->body.len, 0, NULL)
                              : NULL;
    (void)json_array_extend(models, json_object_get(answer, "models"));
}

static void free_deferred(struct ts_deferred *d)
{
    free(TS_CONTAINER(d, struct gathering, freeing));
}

static void finish(struct gathering *g)
{
    struct ts_exchange *x = g->x;
    json_t *models = json_array();
    ts_timer_clear(x->poller, &g->patience);
    for (int i = 0; i < TS_MAX_PROVIDERS; i++) {
        if (g->of[i].fetch != NULL)
            ts_fetch_cancel(g->of[i].fetch);
        if (g->of[i].all != NULL)
            add_answer(models, &g->of[i]);
        ts_buf_free(&g->of[i].body);
    }
    ts_registry_each_model(x->services->registry, add_loaded, models);
    g->freeing.fn = free_deferred;
    ts_poller_defer(x->poller, &g->freeing);
    ts_reply_json(x, 200, json_pack("{s:o}", "models", models));
}

/* -- asking ------------------------------------------------------------------------------------ */

static void on_head(void *ctx, int status, const char *content_type)
{
    struct asked *a = ctx;
    (void)content_type;
    a->status = status;
}

static void on_body(void *ctx, const char *bytes, size_t n)
{
    struct asked *a = ctx;
    ts_buf_put(&a->body, bytes, n);
}

static void on_done(void *ctx, enum ts_fetch_end end, const char *detail)
{
    struct asked *a = ctx;
    struct gathering *g = a->all;
    (void)detail;
    a->fetch = NULL;
    if (end != TS_FETCH_COMPLETE)
        a->status = 0;
    if (--g->open == 0 && !g->starting)
        finish(g);
}

static void on_timer(struct ts_timer *t)
{
    finish(TS_CONTAINER(t, struct gathering, patience)); /* without those that are silent */
}

static void ask(struct gathering *g, const struct ts_provider *p)
{
    static const struct ts_fetch_events events = {on_head, on_body, on_done};
    struct asked *a = &g->of[p->index];
    TS_AUTO(ts_buf_free) struct ts_buf url = TS_BUF_INIT(4096);
    TS_AUTO(ts_buf_free) struct ts_buf key = TS_BUF_INIT(4096);
    struct ts_header headers[3] = {{"Via", g->x->relay_env->via}};
    *a = (struct asked){.all = g, .body = TS_BUF_INIT(ANSWER_MAX_BYTES)};
    ts_buf_printf(&url, "%s/api/ps", p->base_url);
    if (p->api_key != NULL) {
        ts_buf_printf(&key, "%s%s", p->kind->key_prefix, p->api_key);
        headers[1] = (struct ts_header){p->kind->key_header, ts_buf_text(&key)};
    }
    const struct ts_fetch_request req = {
        .method = "GET",
        .url = ts_buf_text(&url),
        .headers = headers,
        .connect_timeout_ms = p->connect_timeout_ms,
    };
    if (ts_buf_ok(&url) && ts_buf_ok(&key) &&
        ts_fetch_start(g->x->relay_env->upstream, &req, &events, a, &a->fetch, NULL) == TS_OK)
        g->open++;
}

void ts_handle_ollama_ps(struct ts_exchange *x)
{
    struct ts_registry *r = x->services->registry;
    struct gathering *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        ts_reply_json(x, 200, NULL);
        return;
    }
    g->x = x;
    g->starting = true;
    g->patience.fn = on_timer;
    for (int i = 0; i < ts_registry_count(r); i++) {
        const struct ts_provider *p = ts_registry_provider(r, i);
        if (p->kind->id == TS_KIND_OLLAMA && ts_registry_status(r, i).state == TS_PROVIDER_UP)
            ask(g, p);
    }
    g->starting = false;
    int64_t due_us = ts_now_us() + INT64_C(1000) * PATIENCE_MS;
    if (g->open == 0 || ts_timer_set(x->poller, &g->patience, due_us) != TS_OK)
        finish(g);
}
