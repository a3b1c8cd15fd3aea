/* The registry's inside, for registry.c, route.c and admission.c only. */
#ifndef TS_PROXY_REGISTRY_ENTRY_H
#define TS_PROXY_REGISTRY_ENTRY_H

#include <pthread.h>

#include "proxy/breaker.h"
#include "proxy/budget.h"
#include "proxy/places.h"
#include "proxy/registry.h"

struct ts_registry_entry {
    struct ts_provider provider; /* const after startup; the rest is under the lock */
    enum ts_provider_state state;
    struct ts_model_list models;
    struct ts_breaker breaker; /* these three: admission.h */
    struct ts_budget budget;
    struct ts_places places;
    double share_us; /* up to share_at_us: ts_registry_share_us() */
    int64_t share_at_us;
    struct ts_server_load load;
    int64_t checked_ms;
    uint64_t dice; /* the state of its random numbers */
    char why[sizeof(((struct ts_provider_status *)0)->why)];
};

struct ts_model_price {
    const char *model;
    const char *provider; /* NULL: on all */
    struct ts_price price;
};

struct ts_registry {
    pthread_mutex_t lock;          /* a leaf, over no I/O */
    struct ts_arena arena;         /* the providers' strings */
    struct ts_model_price *prices; /* const after startup, like the next */
    int price_count;
    int count;
    void (*changed)(void *ctx, int provider); /* const after startup; NULL: nobody watches */
    void *changed_ctx;
    struct ts_registry_entry entries[TS_MAX_PROVIDERS];
};

/* Under the lock, before the number of places taken changes. */
static inline void ts_registry_advance_share(struct ts_registry_entry *e, int64_t now_us)
{
    if (e->places.taken > 0 && now_us > e->share_at_us)
        e->share_us += (double)(now_us - e->share_at_us) / e->places.taken;
    e->share_at_us = now_us;
}

#endif
