#include "handlers/auto_model.h"

#include <string.h>

#include "base/buf.h"

enum { MAX_CANDIDATES = 1024 }; /* models looked at; those of later servers are left out */

bool ts_is_auto_model(const char *model)
{
    return strcmp(model, "auto") == 0 || strncmp(model, "auto:", 5) == 0;
}

/* A cloud is for `auto` only where no local server is in use: not up, and not configured either. */
static bool local_in_use(struct ts_registry *r)
{
    for (int i = 0; i < ts_registry_count(r); i++) {
        const struct ts_provider *p = ts_registry_provider(r, i);
        enum ts_provider_state state = ts_registry_status(r, i).state;
        if (p->kind->local &&
            (p->configured || state == TS_PROVIDER_UP || state == TS_PROVIDER_LOADING))
            return true;
    }
    return false;
}

struct collection {
    struct ts_candidates *out;
    bool local_only;
    bool failed;
};

static void collect(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    struct collection *c = ctx;
    if (c->out->count == MAX_CANDIDATES || (c->local_only && !p->kind->local))
        return;
    struct ts_candidate *slot = &c->out->at[c->out->count];
    *slot = (struct ts_candidate){
        .model = ts_arena_str(c->out->arena, m->name),
        .provider = p->name,
        .parameter_size = ts_arena_str(c->out->arena, m->parameter_size),
        .local = p->kind->local,
        .loaded = m->loaded,
    };
    if (slot->model == NULL)
        c->failed = true;
    else
        c->out->count++;
}

static enum ts_err list_models(const struct ts_services *s,
                               bool local_only,
                               struct ts_arena *arena,
                               struct ts_candidates *out)
{
    *out = (struct ts_candidates){.arena = arena, .registry = s->registry};
    out->at = ts_arena_alloc(arena, MAX_CANDIDATES * sizeof(*out->at));
    if (out->at == NULL)
        return TS_ERR_NOMEM;
    struct collection c = {.out = out, .local_only = local_only};
    ts_registry_each_model(s->registry, collect, &c);
    return c.failed ? TS_ERR_NOMEM : TS_OK;
}

enum ts_err ts_healthy_models(const struct ts_services *s,
                              struct ts_arena *arena,
                              struct ts_candidates *out)
{
    bool local_only = s->policy.local_only || local_in_use(s->registry);
    return list_models(s, local_only, arena, out);
}

enum ts_err ts_reachable_models(const struct ts_services *s,
                                struct ts_arena *arena,
                                struct ts_candidates *out)
{
    return list_models(s, s->policy.local_only, arena, out);
}

const struct ts_provider *ts_provider_named(const struct ts_registry *r, const char *name)
{
    for (int i = 0; r != NULL && i < ts_registry_count(r); i++) {
        if (strcmp(ts_registry_provider(r, i)->name, name) == 0)
            return ts_registry_provider(r, i);
    }
    return NULL;
}

bool ts_provider_is_local(const struct ts_registry *r, const char *name)
{
    const struct ts_provider *p = ts_provider_named(r, name);
    return p != NULL && p->kind->local;
}

static enum ts_err priority_of(const struct ts_genreq *q,
                               enum ts_priority *out,
                               struct ts_error *err)
{
    const char *name = q->model[4] == ':' ? q->model + 5 : q->labels.priority;
    *out = TS_PRIORITY_BALANCED;
    if (name == NULL || ts_priority_parse(ts_slice_str(name), out))
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_FIELD,
                         "model",
                         "'auto:%.40s' is none of auto:speed, auto:quality, auto:cost, "
                         "auto:balanced",
                         name);
}

/* The name the router takes for exactly that model on that server. */
static const char *full_name(struct ts_arena *arena, const struct ts_candidate *c)
{
    struct ts_buf name = TS_BUF_INIT(4 * TS_MAX_MODEL);
    ts_buf_printf(&name, "%s/%s", c->provider, c->model);
    const char *kept = ts_buf_ok(&name) ? ts_arena_str(arena, ts_buf_text(&name)) : NULL;
    ts_buf_free(&name);
    return kept;
}

enum ts_err ts_auto_model(const struct ts_services *s,
                          struct ts_genreq *q,
                          const char *task_type,
                          enum ts_complexity complexity,
                          const char **out,
                          struct ts_error *err)
{
    enum ts_priority priority;
    enum ts_err rc = priority_of(q, &priority, err);
    if (rc != TS_OK)
        return rc;
    struct ts_arena arena = TS_ARENA_INIT(1024 * 1024);
    struct ts_candidates models;
    if (ts_healthy_models(s, &arena, &models) != TS_OK) {
        ts_arena_free(&arena);
        return ts_fail(err, TS_ERR_NOMEM, "no memory to choose a model");
    }
    int chosen = ts_rules_choose(models.at, models.count, task_type, complexity, priority);
    if (chosen >= 0)
        *out = full_name(&q->arena, &models.at[chosen]);
    bool kept = chosen < 0 || *out != NULL;
    ts_arena_free(&arena);
    if (chosen < 0)
        return ts_fail(err, TS_ERR_MODEL_NOT_FOUND, "there is no model to choose from");
    return kept ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to choose a model");
}
