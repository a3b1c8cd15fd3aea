/* How the service is: health, readiness, version, and the description of the interface. */
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
    if (!h.writable || h.damaged || h.low_space)
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
