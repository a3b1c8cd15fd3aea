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
    int64_t checked_ms;
    char why[sizeof(((struct ts_provider_status *)0)->why)];
};

struct ts_registry {
    pthread_mutex_t lock;  /* a leaf, over no I/O */
    struct ts_arena arena; /* the providers' strings */
    int count;
    void (*changed)(void *ctx, int provider); /* const after startup; NULL: nobody watches */
    void *changed_ctx;
    struct ts_registry_entry entries[TS_MAX_PROVIDERS];
};

#endif
