/* The best model of each task: by evidence where there is some, by rules where there is none. */
#include <string.h>

#include "base/json.h"
#include "handlers/figures.h"

enum { MAX_ALTERNATIVES = 5 };

/* The models of one task: as options for the data, as candidates for the rules. */
struct field {
    struct ts_option options[TS_MAX_ARMS];
    struct ts_candidate seen[TS_MAX_ARMS];
    int count;
};

static json_t *by_data(const char *task, const struct field *f, const struct ts_recommendation *r)
{
    const struct ts_standing *places = r->ranking.standings;
    json_auto_t *best = ts_standing_json(f->options[places[0].arm].group, &places[0]);
    json_auto_t *others = json_array();
    for (int i = 1; i < r->ranking.count && i <= MAX_ALTERNATIVES; i++) {
        const struct ts_group *g = f->options[places[i].arm].group;
        if (json_array_append_new(others, ts_standing_json(g, &places[i])) != 0)
            return NULL;
    }
    json_auto_t *about = json_pack("{s:o, s:s, s:s, s:o, s:O}",
                                   "taskType",
                                   ts_json_text(task),
                                   "basis",
                                   "data",
                                   "verdict",
                                   ts_verdict_name(r->ranking.verdict),
                                   "callsNeeded",
                                   ts_json_int(r->ranking.calls_needed),
                                   "alternatives",
                                   others);
    return about != NULL && json_object_update(about, best) == 0 ? json_incref(about) : NULL;
}

static json_t *by_rules(const char *task,
                        const struct field *f,
                        const struct ts_candidates *healthy)
{
    const struct ts_candidate *from = healthy->count > 0 ? healthy->at : f->seen;
    int count = healthy->count > 0 ? healthy->count : f->count;
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

static void add_group(struct field *f, const struct ts_group *g, const struct ts_registry *registry)
{
    f->options[f->count] =
        (struct ts_option){.group = g, .local = ts_provider_is_local(registry, g->provider)};
    f->seen[f->count++] =
        (struct ts_candidate){.model = g->model, .provider = g->provider, .local = true};
}

json_t *ts_best_json(struct ts_groups models,
                     struct ts_groups tasks,
                     const struct ts_candidates *healthy)
{
    json_auto_t *list = json_array();
    for (int t = 0; t < tasks.count; t++) {
        const char *task = tasks.at[t].task_type;
        if (tasks.at[t].figures.total_calls == 0)
            continue;
        struct field f = {.count = 0};
        for (int i = 0; i < models.count && f.count < TS_MAX_ARMS; i++) {
            if (strcmp(models.at[i].task_type, task) == 0)
                add_group(&f, &models.at[i], healthy->registry);
        }
        struct ts_recommendation r;
        json_t *best = ts_recommend(f.options, f.count, TS_PRIORITY_BALANCED, &r)
                           ? by_data(task, &f, &r)
                           : by_rules(task, &f, healthy);
        if (json_array_append_new(list, best) != 0)
            return NULL;
    }
    return json_incref(list);
}
