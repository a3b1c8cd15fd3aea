/*
 * From a model name to the servers to try: a walk over the registry under its lock.
 *
 * Candidates are collected in groups (the model itself, then each name of the fallback lists); in a
 * group the better server comes first. Then all servers that are down move behind all others.
 */
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "proxy/registry.h"
#include "proxy/registry_entry.h"

struct candidate {
    const struct ts_registry_entry *entry;
    const struct ts_model *model;
    enum ts_target_rank rank;
};

/* Everything that may be tried, before the copy to the asker. */
struct plan {
    const struct ts_registry *registry;
    bool local_only;
    int64_t now_us;
    enum ts_target_rank rank; /* of what is being added */
    struct candidate at[TS_MAX_TARGETS];
    int count;
    bool cloud_held_back; /* the name is known, but only where nothing may be sent */
};

/* Ollama: a name without a tag means the tag "latest". */
static bool name_matches(const struct ts_registry_entry *e,
                         const struct ts_model *m,
                         const char *name)
{
    size_t n = strlen(name);
    if (strcmp(m->name, name) == 0)
        return true;
    return e->provider.kind->id == TS_KIND_OLLAMA && strchr(name, ':') == NULL &&
           strncmp(m->name, name, n) == 0 && strcmp(m->name + n, ":latest") == 0;
}

static const struct ts_model *find_model(const struct ts_registry_entry *e, const char *name)
{
    for (int i = 0; i < e->models.count; i++) {
        if (name_matches(e, &e->models.models[i], name))
            return &e->models.models[i];
    }
    return NULL;
}

/* -- which of two is tried first -------------------------------------------------------------- */

static int state_rank(const struct ts_registry_entry *e)
{
    switch (e->state) {
    case TS_PROVIDER_UP:
        return 0;
    case TS_PROVIDER_LOADING:
        return 1;
    case TS_PROVIDER_UNKNOWN:
        return 2;
    case TS_PROVIDER_DOWN:
        return 3;
    }
    return 3;
}

/* Failing at the moment, or told us to come later. */
static bool is_shut(const struct ts_registry_entry *e, int64_t now_us)
{
    return !ts_breaker_allows(&e->breaker, now_us) || now_us < e->breaker.not_before_us;
}

static double load(const struct ts_registry_entry *e)
{
    double weight = e->provider.weight > 0 ? e->provider.weight : 1.0;
    return (double)(e->places.taken + e->places.waiting) / weight;
}

/* A server that is well and has room comes first; of those one that has the model in memory, which
 * saves more than a short queue costs; then the one with less to do. Strictly: of equals the one
 * that was configured first stays first. */
static bool is_better(const struct plan *p, const struct candidate *x, const struct candidate *y)
{
    const struct ts_registry_entry *a = x->entry;
    const struct ts_registry_entry *b = y->entry;
    if (state_rank(a) != state_rank(b))
        return state_rank(a) < state_rank(b);
    if (is_shut(a, p->now_us) != is_shut(b, p->now_us))
        return is_shut(b, p->now_us);
    if (ts_places_has_room(&a->places) != ts_places_has_room(&b->places))
        return ts_places_has_room(&a->places);
    if (x->model->loaded != y->model->loaded)
        return x->model->loaded;
    return load(a) < load(b);
}

static bool has(const struct plan *p, const struct candidate *c)
{
    for (int i = 0; i < p->count; i++) {
        if (p->at[i].entry == c->entry && strcmp(p->at[i].model->name, c->model->name) == 0)
            return true;
    }
    return false;
}

/* Inserts into the group that begins at @from; the last falls out where there is no room. */
static void add(struct plan *p,
                int from,
                const struct ts_registry_entry *e,
                const struct ts_model *m)
{
    struct candidate c = {.entry = e, .model = m, .rank = p->rank};
    if (p->local_only && !e->provider.kind->local) {
        p->cloud_held_back = true;
        return;
    }
    if (has(p, &c))
        return;
    int at = p->count;
    while (at > from && is_better(p, &c, &p->at[at - 1]))
        at--;
    if (at == TS_MAX_TARGETS)
        return;
    if (p->count < TS_MAX_TARGETS)
        p->count++;
    memmove(&p->at[at + 1], &p->at[at], (size_t)(p->count - 1 - at) * sizeof(p->at[0]));
    p->at[at] = c;
}

/* -- groups ----------------------------------------------------------------------------------- */

/* The servers that list a model of that name; cloud servers only where no local one does, so that
 * a prompt meant for a local model does not leave the house. */
static bool add_exact(struct plan *p, const char *name, bool local)
{
    int from = p->count;
    bool found = false;
    for (int i = 0; i < p->registry->count; i++) {
        const struct ts_registry_entry *e = &p->registry->entries[i];
        const struct ts_model *m = e->provider.kind->local == local ? find_model(e, name) : NULL;
        if (m == NULL)
            continue;
        add(p, from, e, m);
        found = true;
    }
    return found;
}

/* `provider/model`: that server and no other. */
static const struct ts_registry_entry *named_provider(const struct ts_registry *r, const char *name)
{
    const char *slash = strchr(name, '/');
    for (int i = 0; slash != NULL && i < r->count; i++) {
        struct ts_slice prefix = {.at = name, .len = (size_t)(slash - name)};
        if (ts_slice_is(prefix, r->entries[i].provider.name))
            return &r->entries[i];
    }
    return NULL;
}

static bool add_named(struct plan *p, const char *name)
{
    if (add_exact(p, name, true) || add_exact(p, name, false))
        return true;
    const struct ts_registry_entry *e = named_provider(p->registry, name);
    const struct ts_model *m = e != NULL ? find_model(e, strchr(name, '/') + 1) : NULL;
    if (m == NULL)
        return false;
    add(p, p->count, e, m);
    return true;
}

/* Servers list models that embed or rank beside those that write. */
static bool writes_text(const struct ts_model *m)
{
    static const char *const others[] = {"embed", "rerank", "bge-", "minilm", "whisper"};
    for (size_t i = 0; i < TS_ARRAY_LEN(others); i++) {
        if (strstr(m->name, others[i]) != NULL)
            return false;
    }
    return m->family == NULL || strstr(m->family, "bert") == NULL;
}

/* Of each healthy local server one model, preferably one that is in memory. */
static void add_any_local(struct plan *p)
{
    int from = p->count;
    for (int i = 0; i < p->registry->count; i++) {
        const struct ts_registry_entry *e = &p->registry->entries[i];
        const struct ts_model *best = NULL;
        if (e->state != TS_PROVIDER_UP || !e->provider.kind->local)
            continue;
        for (int k = 0; k < e->models.count; k++) {
            const struct ts_model *m = &e->models.models[k];
            if (writes_text(m) && (best == NULL || (m->loaded && !best->loaded)))
                best = m;
        }
        if (best != NULL)
            add(p, from, e, best);
    }
}

/* -- the whole -------------------------------------------------------------------------------- */

static void down_last(struct plan *p)
{
    struct candidate down[TS_MAX_TARGETS];
    int kept = 0;
    int moved = 0;
    for (int i = 0; i < p->count; i++) {
        if (p->at[i].entry->state == TS_PROVIDER_DOWN)
            down[moved++] = p->at[i];
        else
            p->at[kept++] = p->at[i];
    }
    for (int i = 0; i < moved; i++) {
        p->at[kept + i] = down[i];
        p->at[kept + i].rank = TS_TARGET_DOWN;
    }
}

/* A server that is named and has never told its models: down since before we began. */
static bool is_unseen(const struct ts_registry_entry *e)
{
    return e != NULL && e->state != TS_PROVIDER_UP && e->models.count == 0;
}

static bool make_plan(struct plan *p, const struct ts_route_ask *ask)
{
    const struct ts_call_labels *labels = ask->labels;
    const struct ts_route_policy *policy = ask->policy;
    bool unseen = ask->looked && is_unseen(named_provider(p->registry, ask->model));
    if (!add_named(p, ask->model) && !unseen)
        return false;
    if (p->cloud_held_back && p->count == 0)
        return false;
    p->rank = TS_TARGET_LISTED;
    for (int i = 0; i < labels->fallback_count; i++)
        (void)add_named(p, labels->fallback[i]);
    for (int i = 0; i < policy->fallback_count; i++)
        (void)add_named(p, policy->fallback[i]);
    p->rank = TS_TARGET_ANY;
    if (policy->fallback_auto)
        add_any_local(p);
    down_last(p);
    return p->count > 0;
}

static enum ts_err not_found(const struct plan *p, const char *model, struct ts_error *err)
{
    const struct ts_registry *r = p->registry;
    const struct ts_registry_entry *named = named_provider(r, model);
    bool any = false;
    for (int i = 0; i < r->count; i++)
        any = any || r->entries[i].state == TS_PROVIDER_UP || r->entries[i].models.count > 0;
    if (!any)
        return ts_fail(err, TS_ERR_UPSTREAM_UNREACHABLE, "no model server is reachable");
    if (p->cloud_held_back)
        return ts_fail(err,
                       TS_ERR_MODEL_NOT_FOUND,
                       "model '%s' is only offered by a cloud provider, and nothing is sent to one "
                       "(local only)",
                       model);
    if (is_unseen(named))
        return ts_fail(err,
                       TS_ERR_UPSTREAM_UNREACHABLE,
                       "model server %s is not reachable",
                       named->provider.name);
    return ts_fail(err, TS_ERR_MODEL_NOT_FOUND, "model '%s' not found", model);
}

enum ts_err ts_route(struct ts_registry *r,
                     const struct ts_route_ask *ask,
                     struct ts_targets *out,
                     struct ts_error *err)
{
    struct plan p = {.registry = r, .local_only = ask->policy->local_only, .now_us = ts_now_us()};
    struct ts_targets targets = {0};
    TS_GUARD(&r->lock);
    if (!make_plan(&p, ask))
        return not_found(&p, ask->model, err);
    for (int i = 0; i < p.count; i++) {
        const char *name = ts_arena_str(ask->arena, p.at[i].model->name);
        if (name == NULL)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for the route");
        targets.at[targets.count++] = (struct ts_target){
            .provider = &p.at[i].entry->provider, .model = name, .rank = p.at[i].rank};
    }
    *out = targets;
    return TS_OK;
}
