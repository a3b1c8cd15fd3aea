#include "analytics/best.h"

#include <string.h>

void ts_best_of_task(struct ts_groups models,
                     const char *task_type,
                     struct ts_locality where,
                     enum ts_priority priority,
                     struct ts_best *out)
{
    out->count = 0;
    for (int i = 0; i < models.count && out->count < TS_MAX_ARMS; i++) {
        const struct ts_group *g = &models.at[i];
        if (g->task_type != NULL && strcmp(g->task_type, task_type) != 0)
            continue;
        out->options[out->count++] =
            (struct ts_contender){.group = g, .local = where.is_local(where.ctx, g->provider)};
    }
    out->by_data = ts_recommend(out->options, out->count, priority, &out->r);
}

void ts_best_explain(const struct ts_contender *options,
                     const struct ts_ranking *r,
                     const char *task_type,
                     enum ts_priority priority,
                     struct ts_buf *out)
{
    const struct ts_evidence *e = &options[r->standings[0].arm].group->figures.evidence;
    ts_buf_printf(out,
                  "%.1f %% of its %lld calls of %s were good",
                  100 * (double)e->good / (double)e->trials,
                  (long long)e->trials,
                  task_type);
    switch (r->verdict) {
    case TS_VERDICT_RECOMMEND:
        ts_buf_printf(
            out, "; with the priority %s it beats every other model", ts_priority_name(priority));
        break;
    case TS_VERDICT_EQUIVALENT:
        ts_buf_printf(out,
                      "; the difference to %.200s is too small to matter",
                      options[r->standings[1].arm].group->model);
        break;
    case TS_VERDICT_INSUFFICIENT:
        ts_buf_puts(out,
                    r->count > 1 ? "; it leads, but not for certain yet"
                                 : "; no other model has calls to compare it with");
        break;
    case TS_VERDICT_COUNT_:
        break;
    }
}
