/* The best model of each task: by evidence where there is some, by rules where there is none. */
#include "analytics/best.h"
#include "base/json.h"
#include "handlers/figures.h"

enum { MAX_ALTERNATIVES = 5 };

static json_t *by_data(const char *task, const struct ts_best *b)
{
    const struct ts_ranking *ranking = &b->r.ranking;
    const struct ts_standing *places = ranking->standings;
    json_auto_t *best = ts_standing_json(b->options[places[0].arm].group, &places[0]);
    json_auto_t *others = json_array();
    for (int i = 1; i < ranking->count && i <= MAX_ALTERNATIVES; i++) {
        const struct ts_group *g = b->options[places[i].arm].group;
        if (json_array_append_new(others, ts_standing_json(g, &places[i])) != 0)
            return NULL;
    }
    json_auto_t *about = json_pack("{s:o, s:s, s:s, s:o, s:O}",
                                   "taskType",
                                   ts_json_text(task),
                                   "basis",
                                   "data",
                                   "verdict",
                                   ts_verdict_name(ranking->verdict),
                                   "callsNeeded",
                                   ts_json_int(ranking->calls_needed),
                                   "alternatives",
                                   others);
    return about != NULL && json_object_update(about, best) == 0 ? json_incref(about) : NULL;
}

/* Among the models that are up, or else those that the task was given to. */
static json_t *by_rules(const char *task,
                        const struct ts_best *b,
                        const struct ts_candidates *healthy)
{
    struct ts_candidate seen[TS_MAX_ARMS];
    for (int i = 0; i < b->count; i++)
        seen[i] = (struct ts_candidate){.model = b->options[i].group->model,
                                        .provider = b->options[i].group->provider,
                                        .local = true};
    const struct ts_candidate *from = healthy->count > 0 ? healthy->at : seen;
    int count = healthy->count > 0 ? healthy->count : b->count;
    int i = ts_rules_choose(from, count, task, TS_COMPLEXITY_UNKNOWN, TS_PRIORITY_BALANCED);
    return json_pack("{s:o, s:o, s:o, s:s, s:s, s:n, s:n, s:i, s:n, s:n, s:n, s:n, s:n, s:[]}",
                     "taskType",
                     ts_json_text(task),
                     "model",
                     ts_json_text(i >= 0 ? from[i].model : NULL),
                     "provider",
                     ts_json_text(i >= 0 ? from[i].provider : NULL),
                     "basis",
                     "rules",
                     "verdict",
                     ts_verdict_name(TS_VERDICT_INSUFFICIENT),
                     "qualityScore",
                     "confidence",
                     "sampleSize",
                     0,
                     "effectiveSampleSize",
                     "interval",
                     "pBest",
                     "expectedLoss",
                     "callsNeeded",
                     "alternatives");
}

static bool is_local(const void *registry, const char *provider)
{
    return ts_provider_is_local(registry, provider);
}

json_t *ts_best_json(struct ts_groups models,
                     struct ts_groups tasks,
                     const struct ts_candidates *healthy)
{
    const struct ts_locality where = {.is_local = is_local, .ctx = healthy->registry};
    json_auto_t *list = json_array();
    for (int t = 0; t < tasks.count; t++) {
        const char *task = tasks.at[t].task_type;
        if (tasks.at[t].figures.total_calls == 0)
            continue;
        struct ts_best b;
        ts_best_of_task(models, task, where, TS_PRIORITY_BALANCED, &b);
        json_t *best = b.by_data ? by_data(task, &b) : by_rules(task, &b, healthy);
        if (json_array_append_new(list, best) != 0)
            return NULL;
    }
    return json_incref(list);
}
