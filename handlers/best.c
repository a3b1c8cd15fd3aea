/* The best model of each task: by evidence where there is some, by rules where there is none. */
#include <math.h>
#include <string.h>

#include "analytics/verdict.h"
#include "base/json.h"
#include "handlers/figures.h"

enum { DATA_FROM_CALLS = 5, MAX_ALTERNATIVES = 5 };

/* The models of one task: those with data as arms, all of them as candidates for the rules. */
struct field {
    const struct ts_group *groups[TS_MAX_ARMS]; /* of the arms */
    struct ts_arm arms[TS_MAX_ARMS];
    int arm_count;
    struct ts_candidate seen[TS_MAX_ARMS];
    int seen_count;
};

static void add_group(struct field *f, const struct ts_group *g)
{
    if (f->seen_count < TS_MAX_ARMS)
        f->seen[f->seen_count++] =
            (struct ts_candidate){.model = g->model, .provider = g->provider, .local = true};
    const struct ts_evidence *e = &g->figures.evidence;
    bool called = g->figures.successes + g->figures.failures > 0;
    if (!called || e->trials < DATA_FROM_CALLS || f->arm_count == TS_MAX_ARMS)
        return;
    f->groups[f->arm_count] = g;
    f->arms[f->arm_count++] =
        (struct ts_arm){.evidence = *e, .speed_score = ts_speed_score(g->figures.avg_response_us)};
}

static json_t *num4(double v)
{
    return ts_json_num(round(v * 10000) / 10000);
}

static json_t *standing_json(const struct ts_group *g, const struct ts_standing *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
                     "model",
                     ts_json_text(g->model),
                     "provider",
                     ts_json_text(g->provider),
                     "qualityScore",
                     ts_json_num2(ts_quality_score(&g->figures)),
                     "confidence",
                     ts_json_num2(ts_confidence(&g->figures)),
                     "sampleSize",
                     (json_int_t)g->figures.evidence.trials,
                     "pBest",
                     num4(s->p_best),
                     "expectedLoss",
                     num4(s->expected_loss));
}

static json_t *by_data(const char *task, const struct field *f)
{
    struct ts_ranking r;
    ts_rank(f->arms, f->arm_count, &r);
    json_auto_t *best = standing_json(f->groups[r.standings[0].arm], &r.standings[0]);
    json_auto_t *others = json_array();
    for (int i = 1; i < r.count && i <= MAX_ALTERNATIVES; i++) {
        const struct ts_standing *s = &r.standings[i];
        if (json_array_append_new(others, standing_json(f->groups[s->arm], s)) != 0)
            return NULL;
    }
    json_auto_t *about = json_pack("{s:o, s:s, s:s, s:o, s:O}",
                                   "taskType",
                                   ts_json_text(task),
                                   "basis",
                                   "data",
                                   "verdict",
                                   ts_verdict_name(r.verdict),
                                   "callsNeeded",
                                   ts_json_int(r.calls_needed),
                                   "alternatives",
                                   others);
    return about != NULL && json_object_update(about, best) == 0 ? json_incref(about) : NULL;
}

static json_t *by_rules(const char *task,
                        const struct field *f,
                        const struct ts_candidates *healthy)
{
    const struct ts_candidate *from = healthy->count > 0 ? healthy->at : f->seen;
    int count = healthy->count > 0 ? healthy->count : f->seen_count;
    int i = ts_rules_choose(from, count, task, TS_COMPLEXITY_UNKNOWN, TS_PRIORITY_BALANCED);
    return json_pack("{s:o, s:o, s:o, s:s, s:s, s:n, s:n, s:i, s:n, s:n, s:n, s:[]}",
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
                     "pBest",
                     "expectedLoss",
                     "callsNeeded",
                     "alternatives");
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
        struct field f = {.arm_count = 0};
        for (int i = 0; i < models.count; i++) {
            if (strcmp(models.at[i].task_type, task) == 0)
                add_group(&f, &models.at[i]);
        }
        json_t *best = f.arm_count > 0 ? by_data(task, &f) : by_rules(task, &f, healthy);
        if (json_array_append_new(list, best) != 0)
            return NULL;
    }
    return json_incref(list);
}
