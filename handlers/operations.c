/* How the service is: health, readiness, version, servers, and the description of the interface. */
#include "base/clock.h"
#include "base/json.h"
#include "handlers/handlers.h"
#include "handlers/services.h"
#include "schema/openapi.h"

enum { STARTING_AT_MOST_MS = 1000 };

/* An answer that is the same every time. */
static void say(struct ts_exchange *x, const char *json, size_t len)
{
    const struct ts_head head = {.status = 200, .content_type = "application/json"};
    x->ops->respond_static(x, &head, json, len);
}

void ts_handle_healthz(struct ts_exchange *x)
{
    static const char alive[] = "{\"status\":\"ok\"}";
    say(x, alive, sizeof(alive) - 1);
}

void ts_handle_version(struct ts_exchange *x)
{
    static const char version[] = "{\"name\":\"touchstone\",\"version\":\"" TS_VERSION "\"}";
    say(x, version, sizeof(version) - 1);
}

void ts_handle_openapi(struct ts_exchange *x)
{
    say(x, ts_openapi_json, ts_openapi_json_len);
}

/* -- readiness -------------------------------------------------------------------------------- */

static bool starting(const struct ts_services *s)
{
    return !ts_discovery_done(s->discovery) && ts_wall_ms() - s->started_ms < STARTING_AT_MOST_MS;
}

struct troubles {
    json_t *parts;   /* names */
    json_t *reasons; /* name -> why */
};

static void trouble(struct troubles *t, const char *part, json_t *why)
{
    (void)json_array_append_new(t->parts, json_string(part));
    (void)json_object_set_new(t->reasons, part, why);
}

static void look_at_store(const struct ts_services *s, struct troubles *t)
{
    struct ts_store_health h = ts_store_health(s->store);
    if (!h.writable || h.damaged)
        trouble(t, "database", ts_json_text(h.why));
    if (h.spooled_rows > 0 || h.lost_rows > 0)
        trouble(t,
                "spool",
                json_sprintf("%lld rows wait to be written, %lld were lost",
                             (long long)h.spooled_rows,
                             (long long)h.lost_rows));
}

/* A server that the user named must be up; of those looked for at default addresses, one. */
static void look_at_upstreams(const struct ts_services *s, struct troubles *t)
{
    int up = 0;
    int named_down = 0;
    for (int i = 0; i < ts_registry_count(s->registry); i++) {
        struct ts_provider_status status = ts_registry_status(s->registry, i);
        bool is_up = status.state == TS_PROVIDER_UP || status.state == TS_PROVIDER_LOADING;
        up += is_up;
        named_down += !is_up && ts_registry_provider(s->registry, i)->configured;
    }
    if (named_down > 0)
        trouble(t, "upstreams", json_sprintf("%d of the configured servers are down", named_down));
    else if (up == 0)
        trouble(t, "upstreams", json_string("no model server was found"));
}

void ts_handle_readyz(struct ts_exchange *x)
{
    const struct ts_services *s = x->services;
    if (atomic_load_explicit(s->draining, memory_order_relaxed)) {
        ts_reply_json(x, 503, json_pack("{s:s}", "status", "draining"));
        return;
    }
    if (starting(s)) {
        ts_reply_json(x, 503, json_pack("{s:s}", "status", "starting"));
        return;
    }
    struct troubles t = {.parts = json_array(), .reasons = json_object()};
    look_at_store(s, &t);
    look_at_upstreams(s, &t);
    const char *status = json_array_size(t.parts) > 0 ? "degraded" : "ok";
    ts_reply_json(
        x,
        200,
        json_pack("{s:s, s:o, s:o}", "status", status, "degraded", t.parts, "reasons", t.reasons));
}

/* -- servers ---------------------------------------------------------------------------------- */

static json_t *provider_json(struct ts_registry *r, int i)
{
    const struct ts_provider *p = ts_registry_provider(r, i);
    struct ts_provider_status status = ts_registry_status(r, i);
    char checked[TS_RFC3339_SIZE];
    return json_pack(
        "{s:o, s:s, s:s, s:b, s:b, s:b, s:[], s:i, s:i, s:s, s:o, s:o}",
        "name",
        ts_json_text(p->name),
        "kind",
        p->kind->name,
        "state",
        ts_provider_state_name(status.state),
        "local",
        p->kind->local,
        "configured",
        p->configured,
        "simulated",
        p->simulated,
        "models",
        "inFlight",
        status.in_flight,
        "waiting",
        status.waiting,
        "breaker",
        ts_breaker_state_name(status.breaker),
        "checkedAt",
        ts_json_text(status.checked_ms > 0 ? ts_rfc3339(status.checked_ms, checked) : NULL),
        "why",
        ts_json_text(status.why[0] != '\0' ? status.why : NULL));
}

static json_t *model_json(const struct ts_model *m)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
                     "name",
                     ts_json_text(m->name),
                     "family",
                     ts_json_text(m->family),
                     "parameterSize",
                     ts_json_text(m->parameter_size),
                     "quantization",
                     ts_json_text(m->quantization),
                     "sizeBytes",
                     ts_json_int(m->size_bytes),
                     "contextLength",
                     ts_json_int(m->context_length),
                     "loaded",
                     m->loaded);
}

/* @ctx: the array of providers, in the registry's order. */
static void add_model(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    json_t *provider = json_array_get(ctx, (size_t)p->index);
    (void)json_array_append_new(json_object_get(provider, "models"), model_json(m));
}

void ts_handle_providers(struct ts_exchange *x)
{
    struct ts_error err;
    static const char *const no_args[] = {NULL};
    if (ts_args_check(x, no_args, &err) != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    struct ts_registry *r = x->services->registry;
    json_t *list = json_array();
    for (int i = 0; i < ts_registry_count(r); i++)
        (void)json_array_append_new(list, provider_json(r, i));
    ts_registry_each_model(r, add_model, list);
    ts_reply_json(x, 200, json_pack("{s:o}", "providers", list));
}
