/* Insights as sentences with their numbers. */
#include <stdio.h>
#include <string.h>

#include "analytics/insights.h"

enum { TASK_NAME_SIZE = 64 };

/* "coding" as a sentence begins with it: "Coding tasks". */
static void capital(struct ts_buf *b, size_t at)
{
    if (at < b->len && b->data[at] >= 'a' && b->data[at] <= 'z')
        b->data[at] = (char)(b->data[at] - 'a' + 'A');
}

/* "general_chat" as people read it: "general chat". */
static const char *words(const char *task_type, char out[static TASK_NAME_SIZE])
{
    (void)snprintf(out, TASK_NAME_SIZE, "%s", task_type != NULL ? task_type : "");
    for (char *c = strchr(out, '_'); c != NULL; c = strchr(c, '_'))
        *c = ' ';
    return out;
}

static double cost(const struct ts_figures *f)
{
    return f->cost_usd.sum / (double)f->cost_usd.n;
}

static int64_t calls(const struct ts_figures *f)
{
    return f->successes + f->failures;
}

void ts_insight_say(const struct ts_insight *i, struct ts_buf *out)
{
    const struct ts_group *s = i->subject;
    const struct ts_group *o = i->other;
    const struct ts_figures *f = &s->figures;
    const size_t start = out->len;
    char name[TASK_NAME_SIZE];
    const char *task = words(s->task_type, name);
    switch (i->kind) {
    case TS_INSIGHT_FASTER:
        ts_buf_printf(out,
                      "%s is %.1fx faster than %s for %s tasks (median %.2f s against %.2f s)",
                      s->model,
                      o->figures.median_response_us / f->median_response_us,
                      o->model,
                      task,
                      f->median_response_us / 1e6,
                      o->figures.median_response_us / 1e6);
        return;
    case TS_INSIGHT_MORE_RELIABLE:
        ts_buf_printf(out,
                      "%s succeeds %.1f points more often than %s for %s tasks (%.1f %% "
                      "against %.1f %%)",
                      s->model,
                      f->success_rate - o->figures.success_rate,
                      o->model,
                      task,
                      f->success_rate,
                      o->figures.success_rate);
        return;
    case TS_INSIGHT_PREFERRED:
        ts_buf_printf(out,
                      "Users prefer %s to %s for %s tasks (%.1f %% satisfied against %.1f %%)",
                      s->model,
                      o->model,
                      task,
                      f->satisfaction_rate,
                      o->figures.satisfaction_rate);
        return;
    case TS_INSIGHT_COSTLY:
        ts_buf_printf(out,
                      "%s costs %.3g USD a call for %s tasks where %s costs %.3g USD and nothing "
                      "shows that it does worse (%.1f %% of its calls succeed, against %.1f %%)",
                      s->model,
                      cost(f),
                      task,
                      o->model,
                      cost(&o->figures),
                      o->figures.success_rate,
                      f->success_rate);
        return;
    case TS_INSIGHT_SLOW_TASK:
        ts_buf_printf(out,
                      "%s tasks are slow (%.1f s on average); shorter prompts or a faster model "
                      "would help",
                      task,
                      f->avg_response_us / 1e6);
        capital(out, start);
        return;
    case TS_INSIGHT_LOW_SUCCESS:
        ts_buf_printf(out,
                      "%s tasks succeed in %.1f %% of calls only (%lld of %lld)",
                      task,
                      f->success_rate,
                      (long long)f->successes,
                      (long long)calls(f));
        capital(out, start);
        return;
    case TS_INSIGHT_LOW_SATISFACTION:
        ts_buf_printf(out,
                      "User satisfaction is at %.1f %% (%lld of %lld ratings); review the quality "
                      "of the models",
                      f->satisfaction_rate,
                      (long long)f->up,
                      (long long)(f->up + f->down));
        return;
    case TS_INSIGHT_COUNT_:
        break;
    }
}
