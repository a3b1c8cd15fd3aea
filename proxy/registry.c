#include "proxy/registry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "proxy/registry_entry.h"

enum { STRINGS_MAX_BYTES = 256 * 1024 };

const char *ts_provider_state_name(enum ts_provider_state s)
{
    switch (s) {
    case TS_PROVIDER_UNKNOWN:
        return "unknown";
    case TS_PROVIDER_UP:
        return "up";
    case TS_PROVIDER_LOADING:
        return "loading";
    case TS_PROVIDER_DOWN:
        return "down";
    }
    abort();
}

enum ts_err ts_registry_new(struct ts_registry **out)
{
    struct ts_registry *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return TS_ERR_NOMEM;
    (void)pthread_mutex_init(&r->lock, NULL);
    r->arena = TS_ARENA_INIT(STRINGS_MAX_BYTES);
    *out = r;
    return TS_OK;
}

void ts_registry_free(struct ts_registry *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < r->count; i++)
        ts_model_list_deinit(&r->entries[i].models);
    ts_arena_free(&r->arena);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

/* -- startup ----------------------------------------------------------------------------------- */

/* What is left of a base URL without slashes and /v1 at its end; absent if it is none. A user name
 * would end up in logs, a query or fragment would swallow the path behind it. */
static struct ts_slice base_of(const char *url)
{
    size_t n = strlen(url);
    size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    while (n > scheme && url[n - 1] == '/')
        n--;
    if (n > scheme + 3 && memcmp(url + n - 3, "/v1", 3) == 0)
        n -= 3;
    while (n > scheme && url[n - 1] == '/')
        n--;
    bool ok = scheme > 0 && n > scheme && url[scheme] != '/' && url[scheme] != ':';
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f ||
            strchr("@?#\"\\", url[i]) != NULL)
            ok = false;
    }
    return ok ? (struct ts_slice){.at = url, .len = n} : (struct ts_slice){0};
}

enum ts_err ts_registry_add(struct ts_registry *r,
                            const struct ts_provider *p,
                            struct ts_error *err)
{
    if (r->count == TS_MAX_PROVIDERS)
        return ts_fail(err, TS_ERR_CONFIG, "more than %d providers", TS_MAX_PROVIDERS);
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->entries[i].provider.name, p->name) == 0)
            return ts_fail(err, TS_ERR_CONFIG, "two providers named %s", p->name);
    }
    struct ts_slice base = base_of(p->base_url);
    if (base.at == NULL)
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "provider %s: the base URL must be http:// or https:// and a host, without "
                       "user name, query or fragment",
                       p->name);
    struct ts_registry_entry *e = &r->entries[r->count];
    e->load = TS_SERVER_LOAD_UNKNOWN;
    e->provider = *p;
    e->provider.index = r->count;
    e->breaker = TS_BREAKER_INIT;
    e->dice = arc4random();
    e->budget = TS_BUDGET_INIT;
    e->places.limit = p->max_concurrency;
    e->provider.name = ts_arena_str(&r->arena, p->name);
    e->provider.base_url = ts_arena_copy(&r->arena, base);
    e->provider.api_key = ts_arena_str(&r->arena, p->api_key);
    if (e->provider.name == NULL || e->provider.base_url == NULL ||
        (p->api_key != NULL && e->provider.api_key == NULL))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for provider %s", p->name);
    r->count++;
    return TS_OK;
}

static bool is_provider(const struct ts_registry *r, const char *name)
{
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->entries[i].provider.name, name) == 0)
            return true;
    }
    return false;
}

enum ts_err ts_registry_add_price(struct ts_registry *r,
                                  const char *model,
                                  const char *provider,
                                  const struct ts_price *price,
                                  struct ts_error *err)
{
    if (provider != NULL && !is_provider(r, provider))
        return ts_fail(err, TS_ERR_CONFIG, "there is no provider %.64s", provider);
    if (r->price_count == TS_MAX_MODEL_PRICES)
        return ts_fail(err, TS_ERR_CONFIG, "more than %d prices", TS_MAX_MODEL_PRICES);
    if (r->prices == NULL)
        r->prices = ts_arena_alloc(&r->arena, TS_MAX_MODEL_PRICES * sizeof(r->prices[0]));
    if (r->prices == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for prices");
    struct ts_model_price *p = &r->prices[r->price_count];
    *p = (struct ts_model_price){.model = ts_arena_str(&r->arena, model),
                                 .provider = ts_arena_str(&r->arena, provider),
                                 .price = *price};
    if (p->model == NULL || (provider != NULL && p->provider == NULL))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for prices");
    r->price_count++;
    return TS_OK;
}

/* A model's own price; one for that server goes before one for all. */
static const struct ts_price *model_price(const struct ts_registry *r,
                                          const struct ts_provider *p,
                                          const char *model)
{
    const struct ts_price *found = NULL;
    for (int i = 0; i < r->price_count; i++) {
        const struct ts_model_price *m = &r->prices[i];
        if (strcmp(m->model, model) != 0)
            continue;
        if (m->provider != NULL && strcmp(m->provider, p->name) == 0)
            return &m->price;
        if (m->provider == NULL && found == NULL)
            found = &m->price;
    }
    return found;
}

/* Published prices are of the cloud itself, not of whoever else speaks like it. */
static struct ts_price published_price(const struct ts_provider *p, const struct ts_call *call)
{
    int64_t prompt = ts_tokens_prompt(&call->tokens);
    if (p->kind->local || strcmp(p->base_url, p->kind->default_base_url) != 0)
        return TS_PRICE_UNKNOWN;
    return ts_price_published(p->kind->id == TS_KIND_ANTHROPIC ? TS_PRICES_ANTHROPIC
                                                               : TS_PRICES_OPENAI,
                              call->model,
                              prompt);
}

int64_t ts_registry_cost(const struct ts_registry *r,
                         const struct ts_provider *p,
                         const struct ts_call *call,
                         int64_t share_us)
{
    const struct ts_price *own = call->model != NULL ? model_price(r, p, call->model) : NULL;
    struct ts_price price = own != NULL ? *own : p->price;
    if (!ts_price_is_known(&price) && call->model != NULL)
        price = published_price(p, call);
    int64_t cost = ts_price_of_tokens(&price, call);
    if (cost == TS_UNKNOWN && p->kind->local && p->price_per_hour_usd >= 0)
        cost = ts_price_of_time(p->price_per_hour_usd, share_us);
    return cost;
}

int ts_registry_count(const struct ts_registry *r)
{
    return r->count;
}

const struct ts_provider *ts_registry_provider(const struct ts_registry *r, int index)
{
    assert(index >= 0 && index < r->count);
    return &r->entries[index].provider;
}

/* -- what changes ------------------------------------------------------------------------------ */

static struct ts_registry_entry *entry(struct ts_registry *r, int index)
{
    assert(index >= 0 && index < r->count);
    return &r->entries[index];
}

static void set_why(struct ts_registry_entry *e, const char *why)
{
    (void)snprintf(e->why, sizeof(e->why), "%s", why != NULL ? why : "");
}

static bool same_names(const struct ts_model_list *a, const struct ts_model_list *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++) {
        if (strcmp(a->models[i].name, b->models[i].name) != 0)
            return false;
    }
    return true;
}

void ts_registry_watch(struct ts_registry *r, void (*changed)(void *ctx, int provider), void *ctx)
{
    r->changed = changed;
    r->changed_ctx = ctx;
}

void ts_registry_tell(const struct ts_registry *r, int provider)
{
    if (r->changed != NULL)
        r->changed(r->changed_ctx, provider);
}

bool ts_registry_update(struct ts_registry *r,
                        int provider,
                        enum ts_provider_state state,
                        struct ts_model_list *models,
                        const char *why)
{
    struct ts_registry_entry *e = entry(r, provider);
    struct ts_model_list old = {0};
    int64_t now_ms = ts_wall_ms();
    bool news = false;
    bool other_state = false;
    {
        TS_GUARD(&r->lock);
        if (models != NULL) {
            news = !same_names(&e->models, models);
            old = e->models;
            e->models = *models;
        }
        other_state = e->state != state;
        e->state = state;
        e->checked_ms = now_ms;
        set_why(e, why);
    }
    ts_model_list_deinit(&old);
    if (models != NULL)
        *models = (struct ts_model_list){0};
    if (news || other_state)
        ts_registry_tell(r, provider);
    return news;
}

void ts_registry_set_load(struct ts_registry *r, int provider, const struct ts_server_load *load)
{
    struct ts_registry_entry *e = entry(r, provider);
    TS_GUARD(&r->lock);
    e->load = *load;
}

void ts_registry_mark(struct ts_registry *r, int provider, bool reachable, const char *why)
{
    struct ts_registry_entry *e = entry(r, provider);
    enum ts_provider_state before;
    enum ts_provider_state after;
    {
        TS_GUARD(&r->lock);
        before = e->state;
        if (!reachable)
            e->state = TS_PROVIDER_DOWN;
        else if (e->state == TS_PROVIDER_DOWN || e->state == TS_PROVIDER_UNKNOWN)
            e->state = TS_PROVIDER_UP;
        after = e->state;
        if (after != before || !reachable)
            set_why(e, reachable ? NULL : why);
    }
    if (after != before)
        ts_registry_tell(r, provider);
}

int64_t ts_registry_share_us(struct ts_registry *r, int provider)
{
    struct ts_registry_entry *e = entry(r, provider);
    int64_t now_us = ts_now_us();
    TS_GUARD(&r->lock);
    ts_registry_advance_share(e, now_us);
    return (int64_t)e->share_us;
}

struct ts_provider_status ts_registry_status(struct ts_registry *r, int provider)
{
    const struct ts_registry_entry *e = entry(r, provider);
    struct ts_provider_status s = {0};
    TS_GUARD(&r->lock);
    s.state = e->state;
    s.in_flight = e->places.taken;
    s.waiting = e->places.waiting;
    s.breaker = e->breaker.state;
    s.load = e->load;
    s.models = e->models.count;
    s.checked_ms = e->checked_ms;
    memcpy(s.why, e->why, sizeof(s.why));
    return s;
}

void ts_registry_each_model(struct ts_registry *r, ts_model_fn *fn, void *ctx)
{
    TS_GUARD(&r->lock);
    for (int i = 0; i < r->count; i++) {
        const struct ts_registry_entry *e = &r->entries[i];
        if (e->state != TS_PROVIDER_UP && e->state != TS_PROVIDER_LOADING)
            continue;
        for (int m = 0; m < e->models.count; m++)
            fn(ctx, &e->provider, &e->models.models[m]);
    }
}
