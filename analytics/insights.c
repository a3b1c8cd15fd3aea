#include "analytics/insights.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { ENOUGH = 20 };
static const double slow_us = 8e6;
static const double low_success = 0.95;
static const double low_satisfaction = 0.70;

static const struct {
    const char *name;
    bool warning;
} kinds[] = {
#define X(id, name, warning) [TS_INSIGHT_##id] = {name, warning},
    TS_INSIGHT_TABLE(X)
#undef X
};

const char *ts_insight_name(enum ts_insight_kind k)
{
    assert(k < TS_INSIGHT_COUNT_);
    return kinds[k].name;
}

bool ts_insight_is_warning(enum ts_insight_kind k)
{
    assert(k < TS_INSIGHT_COUNT_);
    return kinds[k].warning;
}

struct list {
    struct ts_insight *at;
    int count;
    int max;
};

static void tell(struct list *l,
                 enum ts_insight_kind kind,
                 const struct ts_group *subject,
                 const struct ts_group *other)
{
    if (l->count < l->max)
        l->at[l->count++] = (struct ts_insight){.kind = kind, .subject = subject, .other = other};
}

/* A figure of a group as an interval in which higher is better, over @n observations. */
struct measured {
    double value;
    struct ts_interval interval;
    int64_t n;
};

static struct measured measure(enum ts_insight_kind kind, const struct ts_figures *f)
{
    int64_t calls = f->successes + f->failures;
    switch (kind) {
    case TS_INSIGHT_MORE_RELIABLE:
        return (struct measured){f->success_rate, ts_wilson95(f->successes, calls), calls};
    case TS_INSIGHT_PREFERRED:
        return (struct measured){
            f->satisfaction_rate, ts_wilson95(f->up, f->up + f->down), f->up + f->down};
    case TS_INSIGHT_FASTER:
        return (struct measured){-f->median_response_us,
                                 {.low = -f->median_high_us, .high = -f->median_low_us},
                                 isnan(f->median_low_us) ? 0 : calls};
    case TS_INSIGHT_SLOW_TASK:
    case TS_INSIGHT_LOW_SUCCESS:
    case TS_INSIGHT_LOW_SATISFACTION:
    case TS_INSIGHT_COUNT_:
        break;
    }
    return (struct measured){(double)NAN, {0, 1}, 0};
}

static bool of_task(const struct ts_group *g, const char *task)
{
    return strcmp(g->task_type, task) == 0;
}

/* The best model of the task at this, against the busiest one that it truly beats. */
static void compare_models(struct list *l,
                           enum ts_insight_kind kind,
                           struct ts_groups models,
                           const char *task)
{
    const struct ts_group *best = NULL;
    struct measured top = {.value = -HUGE_VAL};
    for (int i = 0; i < models.count; i++) {
        const struct ts_group *g = &models.at[i];
        struct measured m = measure(kind, &g->figures);
        if (of_task(g, task) && m.n >= ENOUGH && m.value > top.value) {
            best = g;
            top = m;
        }
    }
    const struct ts_group *beaten = NULL;
    for (int i = 0; best != NULL && i < models.count && beaten == NULL; i++) {
        const struct ts_group *g = &models.at[i];
        struct measured m = measure(kind, &g->figures);
        if (of_task(g, task) && m.n >= ENOUGH && m.interval.high < top.interval.low)
            beaten = g;
    }
    if (beaten != NULL)
        tell(l, kind, best, beaten);
}

static void warn_of_task(struct list *l, const struct ts_group *task)
{
    const struct ts_figures *f = &task->figures;
    int64_t calls = f->successes + f->failures;
    if (calls < ENOUGH)
        return;
    if (f->avg_response_us >= slow_us)
        tell(l, TS_INSIGHT_SLOW_TASK, task, NULL);
    if (ts_wilson95(f->successes, calls).high < low_success)
        tell(l, TS_INSIGHT_LOW_SUCCESS, task, NULL);
}

int ts_insights_find(struct ts_groups models,
                     struct ts_groups tasks,
                     struct ts_groups all,
                     struct ts_insight *out,
                     int max)
{
    struct list l = {.at = out, .max = max};
    if (all.count > 0) {
        const struct ts_figures *f = &all.at[0].figures;
        int64_t rated = f->up + f->down;
        if (rated >= ENOUGH && ts_wilson95(f->up, rated).high < low_satisfaction)
            tell(&l, TS_INSIGHT_LOW_SATISFACTION, &all.at[0], NULL);
    }
    for (int i = 0; i < tasks.count; i++) {
        warn_of_task(&l, &tasks.at[i]);
        compare_models(&l, TS_INSIGHT_FASTER, models, tasks.at[i].task_type);
        compare_models(&l, TS_INSIGHT_MORE_RELIABLE, models, tasks.at[i].task_type);
        compare_models(&l, TS_INSIGHT_PREFERRED, models, tasks.at[i].task_type);
    }
    return l.count;
}
