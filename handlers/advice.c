/* Insights as sentences with their numbers. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "handlers/figures.h"

enum { MAX_ADVICE = 8, TASK_NAME_SIZE = 64, SENTENCE_MAX_BYTES = 2048 };

/* "coding" as a sentence begins with it: "Coding tasks". */
static void capital(char *text)
{
    if (text != NULL && text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
}

/* "general_chat" as people read it: "general chat". */
static const char *words(const char *task_type, char out[static TASK_NAME_SIZE])
{
    (void)snprintf(out, TASK_NAME_SIZE, "%s", task_type != NULL ? task_type : "");
    for (char *c = strchr(out, '_'); c != NULL; c = strchr(c, '_'))
        *c = ' ';
    return out;
}

static int64_t calls(const struct ts_figures *f)
{
    return f->successes + f->failures;
}

static void say(const struct ts_insight *i, struct ts_buf *out)
{
    const struct ts_group *s = i->subject;
    const struct ts_group *o = i->other;
    const struct ts_figures *f = &s->figures;
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
    case TS_INSIGHT_SLOW_TASK:
        ts_buf_printf(out,
                      "%s tasks are slow (%.1f s on average); shorter prompts or a faster model "
                      "would help",
                      task,
                      f->avg_response_us / 1e6);
        capital(out->data);
        return;
    case TS_INSIGHT_LOW_SUCCESS:
        ts_buf_printf(out,
                      "%s tasks succeed in %.1f %% of calls only (%lld of %lld)",
                      task,
                      f->success_rate,
                      (long long)f->successes,
                      (long long)calls(f));
        capital(out->data);
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

static json_t *numbers(const struct ts_group *g)
{
    const struct ts_figures *f = &g->figures;
    return json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}",
                     "model",
                     ts_json_text(g->model),
                     "provider",
                     ts_json_text(g->provider),
                     "n",
                     (json_int_t)calls(f),
                     "rated",
                     (json_int_t)(f->up + f->down),
                     "avgResponseTime",
                     ts_time_json(f->avg_response_us),
                     "medianResponseTime",
                     ts_time_json(f->median_response_us),
                     "successRate",
                     ts_json_num2(f->success_rate),
                     "satisfactionRate",
                     ts_json_num2(f->satisfaction_rate));
}

static json_t *advice_json(const struct ts_insight *i)
{
    struct ts_buf sentence = TS_BUF_INIT(SENTENCE_MAX_BYTES);
    say(i, &sentence);
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

json_t *ts_advice_json(struct ts_groups models, struct ts_groups tasks, struct ts_groups all)
{
    struct ts_insight found[MAX_ADVICE];
    int count = ts_insights_find(models, tasks, all, found, MAX_ADVICE);
    json_auto_t *list = json_array();
    for (int i = 0; i < count; i++) {
        if (json_array_append_new(list, advice_json(&found[i])) != 0)
            return NULL;
    }
    return json_incref(list);
}
