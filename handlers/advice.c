/* Insights as sentences with their numbers. */
#include <math.h>

#include "base/json.h"
#include "handlers/figures.h"

enum { MAX_ADVICE = 8, SENTENCE_MAX_BYTES = 2048 };

/* USD, to the billionth; null where the cost of no call is known. */
static json_t *cost_json(const struct ts_figures *f)
{
    const struct ts_spread *s = &f->cost_usd;
    return s->n > 0 ? json_real(round(s->sum / (double)s->n * 1e9) / 1e9) : json_null();
}

static json_t *numbers(const struct ts_group *g)
{
    const struct ts_figures *f = &g->figures;
    return json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o}",
                     "model",
                     ts_json_text(g->model),
                     "provider",
                     ts_json_text(g->provider),
                     "n",
                     (json_int_t)(f->successes + f->failures),
                     "rated",
                     (json_int_t)(f->up + f->down),
                     "avgResponseTime",
                     ts_time_json(f->avg_response_us),
                     "medianResponseTime",
                     ts_time_json(f->median_response_us),
                     "successRate",
                     ts_json_num2(f->success_rate),
                     "satisfactionRate",
                     ts_json_num2(f->satisfaction_rate),
                     "costPerCall",
                     cost_json(f));
}

static json_t *advice_json(const struct ts_insight *i)
{
    struct ts_buf sentence = TS_BUF_INIT(SENTENCE_MAX_BYTES);
    ts_insight_say(i, &sentence);
    json_t *message = ts_json_textn(ts_buf_text(&sentence), sentence.len);
    ts_buf_free(&sentence);
    json_t *evidence = numbers(i->subject);
    if (i->other != NULL)
        (void)json_object_set_new(evidence, "comparedWith", numbers(i->other));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}",
                     "kind",
                     ts_insight_name(i->kind),
                     "severity",
                     ts_insight_is_warning(i->kind) ? "warning" : "info",
                     "message",
                     message,
                     "taskType",
                     ts_json_text(i->subject->task_type),
                     "model",
                     ts_json_text(i->subject->model),
                     "evidence",
                     evidence);
}

json_t *ts_advice_json(struct ts_groups models,
                       struct ts_groups tasks,
                       struct ts_groups all,
                       const struct ts_insight_limits *limits)
{
    struct ts_insight found[MAX_ADVICE];
    int count = ts_insights_find(models, tasks, all, limits, found, MAX_ADVICE);
    json_auto_t *list = json_array();
    for (int i = 0; i < count; i++) {
        if (json_array_append_new(list, advice_json(&found[i])) != 0)
            return NULL;
    }
    return json_incref(list);
}
