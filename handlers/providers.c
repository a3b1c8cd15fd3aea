/* GET /api/providers: the model servers as they are now, and what the last day's calls there were
 * like. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "db/query.h"
#include "handlers/figures.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum { SUMMARY_MS = 24 * 3600 * 1000 };

/* null where the server tells nothing of it. */
static json_t *load_json(const struct ts_server_load *l)
{
    char when[TS_RFC3339_SIZE];
    if (l->told_ms == 0)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
                     "running",
                     ts_json_int(l->running),
                     "waiting",
                     ts_json_int(l->waiting),
                     "slots",
                     ts_json_int(l->slots),
                     "cacheUsage",
                     ts_json_num(l->cache_share >= 0 ? l->cache_share : (double)NAN),
                     "gpuMemoryBytes",
                     ts_json_int(l->gpu_bytes),
                     "at",
                     ts_json_text(ts_rfc3339(l->told_ms, when)));
}

static json_t *share(double v)
{
    return ts_json_num2(v >= 0 ? v : (double)NAN);
}

static json_t *bytes(int64_t v)
{
    return ts_json_int(v >= 0 ? v : TS_UNKNOWN);
}

/* null for servers that are not on this machine, and before anybody has looked. */
static json_t *hardware_json(const struct ts_services *s, int i)
{
    char when[TS_RFC3339_SIZE];
    if (s->hardware == NULL)
        return json_null();
    struct ts_hardware_look l = ts_hardware_last(s->hardware, i);
    if (l.at_ms == 0 || l.process.memory_bytes < 0)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "cpuPercent",
                     share(l.process.cpu_percent),
                     "memoryBytes",
                     bytes(l.process.memory_bytes),
                     "hostCpuPercent",
                     share(l.machine.cpu_percent),
                     "hostMemoryBytes",
                     bytes(l.machine.memory_bytes),
                     "hostMemoryTotalBytes",
                     bytes(l.machine.memory_total_bytes),
                     "gpuPercent",
                     share(l.gpu.percent),
                     "gpuMemoryBytes",
                     bytes(l.gpu.memory_bytes),
                     "gpuMemoryTotalBytes",
                     bytes(l.gpu.memory_total_bytes),
                     "at",
                     ts_json_text(ts_rfc3339(l.at_ms, when)));
}

static json_t *provider_json(const struct ts_services *s, int i)
{
    struct ts_registry *r = s->registry;
    const struct ts_provider *p = ts_registry_provider(r, i);
    struct ts_provider_status status = ts_registry_status(r, i);
    char checked[TS_RFC3339_SIZE];
    return json_pack(
        "{s:o, s:s, s:s, s:b, s:b, s:b, s:[], s:i, s:i, s:s, s:o, s:o, s:o, s:o, s:n}",
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
        ts_json_text(status.why[0] != '\0' ? status.why : NULL),
        "load",
        load_json(&status.load),
        "hardware",
        hardware_json(s, i),
        "summary");
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

static json_t *list_providers(const struct ts_services *s)
{
    struct ts_registry *r = s->registry;
    json_t *list = json_array();
    for (int i = 0; i < ts_registry_count(r); i++)
        (void)json_array_append_new(list, provider_json(s, i));
    ts_registry_each_model(r, add_model, list);
    return list;
}

/* -- the last day ------------------------------------------------------------------------------ */

struct asking {
    struct ts_query query;
    struct ts_exchange *x;
    struct ts_call_filter filter;
    json_t *summaries; /* by the provider's name */
};

static enum ts_err read_summaries(struct asking *a, struct ts_reader_conn *c, struct ts_error *err)
{
    static const unsigned groupings[] = {TS_BY_PROVIDER};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *all = NULL;
    if (ts_aggregate_new(groupings, 1, a->filter.to_ms, NULL, NULL, &all) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    enum ts_err rc = ts_query_calls(c, &a->filter, all, err);
    if (rc == TS_OK && ts_aggregate_finish(all) != TS_OK)
        rc = ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    int count = 0;
    const struct ts_group *at = rc == TS_OK ? ts_aggregate_groups(all, 0, &count) : NULL;
    for (int i = 0; i < count; i++)
        (void)json_object_set_new(
            a->summaries, at[i].provider, ts_figures_json(&at[i].figures, TS_FIGURES_SUMMARY));
    return rc;
}

static enum ts_err run(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    return read_summaries(TS_CONTAINER(q, struct asking, query), c, err);
}

/* Without the database the servers are told all the same; their figures are null then. */
static void settled(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct asking *a = TS_CONTAINER(q, struct asking, query);
    json_t *list = list_providers(a->x->services);
    const struct ts_figures none = ts_no_figures();
    size_t i = 0;
    json_t *provider = NULL;
    json_array_foreach(list, i, provider)
    {
        const char *name = json_string_value(json_object_get(provider, "name"));
        json_t *summary = json_object_get(a->summaries, name);
        if (summary != NULL)
            (void)json_object_set(provider, "summary", summary);
        else if (q->result == TS_OK)
            (void)json_object_set_new(
                provider, "summary", ts_figures_json(&none, TS_FIGURES_SUMMARY));
    }
    ts_reply_json(a->x, 200, json_pack("{s:o}", "providers", list));
    json_decref(a->summaries);
    free(a);
}

void ts_handle_providers(struct ts_exchange *x)
{
    struct ts_error err;
    static const char *const no_args[] = {NULL};
    if (ts_args_check(x, no_args, &err) != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    struct asking *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
        ts_reply_error(x, &err);
        return;
    }
    int64_t now_ms = ts_wall_ms();
    a->x = x;
    a->summaries = json_object();
    a->filter = (struct ts_call_filter){.from_ms = now_ms - SUMMARY_MS, .to_ms = now_ms + 1};
    a->query.post.fn = settled;
    a->query.home = x->poller;
    a->query.run = run;
    ts_store_query(x->services->store, &a->query);
}
