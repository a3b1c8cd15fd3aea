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

/* The most telling so far, the first of them first. */
struct list {
    struct ts_insight *at;
    int count;
    int max;
};

static bool more_telling(const struct ts_insight *a, const struct ts_insight *b)
{
    bool warning = ts_insight_is_warning(a->kind);
    if (warning != ts_insight_is_warning(b->kind))
        return warning;
    return a->weight > b->weight;
}

static bool same_name(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* That a model is the faster one is one fact, however many tasks show it. */
static bool same_fact(const struct ts_insight *a, const struct ts_insight *b)
{
    if (a->kind != b->kind)
        return false;
    if (ts_insight_is_warning(a->kind))
        return same_name(a->subject->task_type, b->subject->task_type);
    return same_name(a->subject->model, b->subject->model) &&
           same_name(a->subject->provider, b->subject->provider);
}

static void remove_at(struct list *l, int i)
{
    l->count--;
    memmove(&l->at[i], &l->at[i + 1], (size_t)(l->count - i) * sizeof(l->at[0]));
}

static void tell(struct list *l, const struct ts_insight *new)
{
    for (int i = 0; i < l->count; i++) {
        if (!same_fact(&l->at[i], new))
            continue;
        if (!more_telling(new, &l->at[i]))
            return;
        remove_at(l, i);
        break;
    }
    int place = l->count;
    while (place > 0 && more_telling(new, &l->at[place - 1]))
        place--;
    if (place == l->max)
        return;
    if (l->count == l->max)
        l->count--;
    memmove(&l->at[place + 1], &l->at[place], (size_t)(l->count - place) * sizeof(l->at[0]));
    l->at[place] = *new;
    l->count++;
}

static int64_t calls_of(const struct ts_figures *f)
{
    return f->successes + f->failures;
}

/* A figure of a group as an interval in which higher is better, over @n observations. */
struct measured {
    double value;
    struct ts_interval interval;
    int64_t n;
};

static struct measured measure(enum ts_insight_kind kind, const struct ts_figures *f)
{
    int64_t calls = calls_of(f);
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

/* The share of the time, of the failures or of the thumbs down at @worse that @better spares. */
static double spared(enum ts_insight_kind kind, double better, double worse)
{
    bool time = kind == TS_INSIGHT_FASTER; /* measured as its negative; else a rate in per cent */
    double left = time ? -better : 100 - better;
    double trouble = time ? -worse : 100 - worse;
    return trouble > 0 ? 1 - left / trouble : 0;
}

/* The best model of the task at this, against the busiest one that it truly beats. */
static void compare_models(struct list *l,
                           enum ts_insight_kind kind,
                           struct ts_groups models,
                           const struct ts_group *task)
{
    const struct ts_group *best = NULL;
    struct measured top = {.value = -HUGE_VAL};
    for (int i = 0; i < models.count; i++) {
        const struct ts_group *g = &models.at[i];
        struct measured m = measure(kind, &g->figures);
        if (of_task(g, task->task_type) && m.n >= ENOUGH && m.value > top.value) {
            best = g;
            top = m;
        }
    }
    for (int i = 0; best != NULL && i < models.count; i++) {
        const struct ts_group *g = &models.at[i];
        struct measured m = measure(kind, &g->figures);
        if (!of_task(g, task->task_type) || m.n < ENOUGH || m.interval.high >= top.interval.low)
            continue;
        double weight = spared(kind, top.value, m.value) * (double)calls_of(&task->figures);
        tell(l, &(struct ts_insight){.kind = kind, .subject = best, .other = g, .weight = weight});
        return;
    }
}

static void warn(struct list *l, enum ts_insight_kind kind, const struct ts_group *g)
{
    double weight = (double)calls_of(&g->figures);
    tell(l, &(struct ts_insight){.kind = kind, .subject = g, .other = NULL, .weight = weight});
}

static void warn_of_task(struct list *l, const struct ts_group *task)
{
    const struct ts_figures *f = &task->figures;
    int64_t calls = calls_of(f);
    if (calls < ENOUGH)
        return;
    if (f->avg_response_us >= slow_us)
        warn(l, TS_INSIGHT_SLOW_TASK, task);
    if (ts_wilson95(f->successes, calls).high < low_success)
        warn(l, TS_INSIGHT_LOW_SUCCESS, task);
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
            warn(&l, TS_INSIGHT_LOW_SATISFACTION, &all.at[0]);
    }
    for (int i = 0; i < tasks.count; i++) {
        warn_of_task(&l, &tasks.at[i]);
        compare_models(&l, TS_INSIGHT_FASTER, models, &tasks.at[i]);
        compare_models(&l, TS_INSIGHT_MORE_RELIABLE, models, &tasks.at[i]);
        compare_models(&l, TS_INSIGHT_PREFERRED, models, &tasks.at[i]);
    }
    return l.count;
}
