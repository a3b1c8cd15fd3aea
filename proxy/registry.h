/*
 * The servers there are, how they are, and which models they have: shared by all loops.
 *
 * Providers are fixed at start; their models and state are replaced by discovery. Readers get
 * copies or hold the registry's lock (a leaf, over no I/O) for a walk.
 *
 * Thread: any, unless said otherwise.
 */
#ifndef TS_PROXY_REGISTRY_H
#define TS_PROXY_REGISTRY_H

#include "proxy/breaker.h"
#include "proxy/provider.h"

enum ts_provider_state {
    TS_PROVIDER_UNKNOWN, /* not asked yet */
    TS_PROVIDER_UP,
    TS_PROVIDER_LOADING, /* answers 503 while it loads a model */
    TS_PROVIDER_DOWN,
};
const char *ts_provider_state_name(enum ts_provider_state s);

struct ts_registry;

TS_NODISCARD enum ts_err ts_registry_new(struct ts_registry **out);
void ts_registry_free(struct ts_registry *r);

/* Thread: startup only. Copies the strings; a slash or /v1 at the end of the base URL goes away.
 * Errors: CONFIG (a name twice, a bad URL, too many), NOMEM. */
TS_NODISCARD enum ts_err ts_registry_add(struct ts_registry *r,
                                         const struct ts_provider *p,
                                         struct ts_error *err);

/* Thread: startup only. A model's price, on one provider or (NULL) on all. Copies the names.
 * Errors: CONFIG (a provider that there is not; too many), NOMEM. */
enum { TS_MAX_MODEL_PRICES = 256 };
TS_NODISCARD enum ts_err ts_registry_add_price(struct ts_registry *r,
                                               const char *model,
                                               const char *provider,
                                               const struct ts_price *price,
                                               struct ts_error *err);

/*
 * Nano-dollars of a call at a provider, or TS_UNKNOWN. By tokens where there is a price for them:
 * the model's on that server, the model's anywhere, the server's, or, at a cloud's own address, the
 * published one. Else, on an own machine that costs so much an hour, by the share of time
 * (ts_registry_share_us()) that the call has had.
 */
int64_t ts_registry_cost(const struct ts_registry *r,
                         const struct ts_provider *p,
                         const struct ts_call *call,
                         int64_t share_us);

int ts_registry_count(const struct ts_registry *r);
const struct ts_provider *ts_registry_provider(const struct ts_registry *r, int index);

/* What discovery found: takes the list's contents. @models may be NULL: those known are kept, to be
 * asked for as a last resort. @why: what is wrong, for people; or NULL.
 * Return: whether other models are listed than before. */
bool ts_registry_update(struct ts_registry *r,
                        int provider,
                        enum ts_provider_state state,
                        struct ts_model_list *models,
                        const char *why);

/* Thread: startup only. @changed is called, over no lock, whenever a provider's state, breaker or
 * list of models has changed; on whatever thread changed it. */
void ts_registry_watch(struct ts_registry *r, void (*changed)(void *ctx, int provider), void *ctx);

/* Something of it has changed that others than the registry know, its breaker: those who watch are
 * told. Over no lock. */
void ts_registry_tell(const struct ts_registry *r, int provider);

/* How busy it says it is. */
void ts_registry_set_load(struct ts_registry *r, int provider, const struct ts_server_load *load);

/* A call could not reach it, or reached it again. */
void ts_registry_mark(struct ts_registry *r, int provider, bool reachable, const char *why);

/* A clock that runs only while calls of ours are at the provider, and the slower the more of them:
 * what it shows at a call's end less what it showed at its beginning is the call's share of the
 * machine's time. Microseconds. */
int64_t ts_registry_share_us(struct ts_registry *r, int provider);

struct ts_provider_status {
    enum ts_provider_state state;
    int in_flight; /* calls at the server now, and those that wait for a place */
    int waiting;
    enum ts_breaker_state breaker;
    struct ts_server_load load; /* as it last said */
    int models;
    int64_t checked_ms; /* Unix; 0: never */
    char why[160];
};
struct ts_provider_status ts_registry_status(struct ts_registry *r, int provider);

/* Calls fn for each model of each provider that is up or loading, in provider order, under the
 * lock: fn must not call the registry. */
typedef void ts_model_fn(void *ctx, const struct ts_provider *p, const struct ts_model *m);
void ts_registry_each_model(struct ts_registry *r, ts_model_fn *fn, void *ctx);

/* -- routing ---------------------------------------------------------------------------------- */

/* Why a server is among the targets. */
enum ts_target_rank {
    TS_TARGET_WANTED, /* the model that was asked for */
    TS_TARGET_LISTED, /* the request's list or TOUCHSTONE_FALLBACK names it */
    TS_TARGET_ANY,    /* nobody named it: TOUCHSTONE_FALLBACK=auto */
    TS_TARGET_DOWN,   /* for whatever reason, but its server is known to be down */
};

/* One place a call can go. */
struct ts_target {
    const struct ts_provider *provider;
    const char *model; /* in the arena of the asker */
    enum ts_target_rank rank;
};

struct ts_targets {
    struct ts_target at[TS_MAX_TARGETS];
    int count;
};

struct ts_route_policy {
    const char *const *fallback; /* TOUCHSTONE_FALLBACK as `provider/model` names, or NULL */
    int fallback_count;
    bool fallback_auto; /* any healthy local model after the named ones */
    bool local_only;
};

/* What somebody wants to be led to, and how far the way may go. Borrowed but for the arena. */
struct ts_route_ask {
    const char *model;
    const struct ts_call_labels *labels;
    const struct ts_route_policy *policy;
    struct ts_arena *arena; /* gets the names of the targets' models */
    bool looked;            /* a discovery round has just ended: what is not there is not there */
};

/**
 * ts_route() - the servers to try for a model name, in order
 *
 * The name is an exact discovered model first (for Ollama without a tag also `:latest`), then
 * `provider/model`. After the servers of that model: the request's own fallback list, then the
 * policy's; servers that are down come behind all others. A cloud server comes in only where the
 * name or a list names it. Where a named server has never been seen, not even in a round that has
 * just ended, the lists take its place.
 * Return: TS_OK; TS_ERR_MODEL_NOT_FOUND (the caller may force one discovery round and ask again);
 * TS_ERR_UPSTREAM_UNREACHABLE when there is no server at all; NOMEM.
 */
TS_NODISCARD enum ts_err ts_route(struct ts_registry *r,
                                  const struct ts_route_ask *ask,
                                  struct ts_targets *out,
                                  struct ts_error *err);

#endif
