#include "analytics/insights.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { ENOUGH = 20 };

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
    case TS_INSIGHT_COSTLY:
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

/* -- costly habits ----------------------------------------------------------------------------- */

static double mean_cost(const struct ts_group *g)
{
    const struct ts_spread *s = &g->figures.cost_usd;
    return s->sum / (double)s->n;
}

/* Of the mean cost of a call: its standard error is that of the normal distribution. */
static struct ts_interval cost_interval(const struct ts_group *g)
{
    const struct ts_spread *s = &g->figures.cost_usd;
    double n = (double)s->n;
    double mean = s->sum / n;
    double variance = fmax(0, s->squares / n - mean * mean) / (n - 1);
    double reach = 1.959964 * sqrt(variance);
    return (struct ts_interval){fmax(0, mean - reach), mean + reach};
}

/* Whether @kind shows that @a is worse than @b. */
static bool shown_worse(enum ts_insight_kind kind,
                        const struct ts_group *a,
                        const struct ts_group *b)
{
    struct measured of_a = measure(kind, &a->figures);
    struct measured of_b = measure(kind, &b->figures);
    return of_a.n >= ENOUGH && of_b.n >= ENOUGH && of_a.interval.high < of_b.interval.low;
}

static bool is_habit(const struct ts_group *dear, const struct ts_group *cheap, double times)
{
    return cost_interval(dear).low > times * cost_interval(cheap).high &&
           !shown_worse(TS_INSIGHT_MORE_RELIABLE, cheap, dear) &&
           !shown_worse(TS_INSIGHT_PREFERRED, cheap, dear);
}

static bool is_priced(const struct ts_group *g, const char *task)
{
    return of_task(g, task) && g->figures.cost_usd.n >= ENOUGH && calls_of(&g->figures) >= ENOUGH;
}

/* For each model of the task, against the cheapest that does no worse. */
static void find_habits(struct list *l,
                        struct ts_groups models,
                        const struct ts_group *task,
                        double times)
{
    for (int i = 0; i < models.count; i++) {
        const struct ts_group *dear = &models.at[i];
        const struct ts_group *best = NULL;
        for (int k = 0; is_priced(dear, task->task_type) && k < models.count; k++) {
            const struct ts_group *cheap = &models.at[k];
            if (is_priced(cheap, task->task_type) && is_habit(dear, cheap, times) &&
                (best == NULL || mean_cost(cheap) < mean_cost(best)))
                best = cheap;
        }
        if (best == NULL)
            continue;
        double share = 1 - mean_cost(best) / mean_cost(dear);
        double weight = share * (double)calls_of(&dear->figures);
        tell(l,
             &(struct ts_insight){
                 .kind = TS_INSIGHT_COSTLY, .subject = dear, .other = best, .weight = weight});
    }
}

/* -- warnings ---------------------------------------------------------------------------------- */

static void warn(struct list *l, enum ts_insight_kind kind, const struct ts_group *g)
{
    double weight = (double)calls_of(&g->figures);
    tell(l, &(struct ts_insight){.kind = kind, .subject = g, .other = NULL, .weight = weight});
}

static void warn_of_task(struct list *l,
                         const struct ts_group *task,
                         const struct ts_insight_limits *limits)
{
    const struct ts_figures *f = &task->figures;
    int64_t calls = calls_of(f);
    if (calls < ENOUGH)
        return;
    if (f->avg_response_us >= limits->slow_us)
        warn(l, TS_INSIGHT_SLOW_TASK, task);
    if (ts_wilson95(f->successes, calls).high < limits->low_success)
        warn(l, TS_INSIGHT_LOW_SUCCESS, task);
}

int ts_insights_find(struct ts_groups models,
                     struct ts_groups tasks,
                     struct ts_groups all,
                     const struct ts_insight_limits *limits,
                     struct ts_insight *out,
                     int max)
{
    struct list l = {.at = out, .max = max};
    if (all.count > 0) {
        const struct ts_figures *f = &all.at[0].figures;
        int64_t rated = f->up + f->down;
        if (rated >= ENOUGH && ts_wilson95(f->up, rated).high < limits->low_satisfaction)
            warn(&l, TS_INSIGHT_LOW_SATISFACTION, &all.at[0]);
    }
    for (int i = 0; i < tasks.count; i++) {
        warn_of_task(&l, &tasks.at[i], limits);
        compare_models(&l, TS_INSIGHT_FASTER, models, &tasks.at[i]);
        compare_models(&l, TS_INSIGHT_MORE_RELIABLE, models, &tasks.at[i]);
        compare_models(&l, TS_INSIGHT_PREFERRED, models, &tasks.at[i]);
        find_habits(&l, models, &tasks.at[i], limits->costly_times);
    }
    return l.count;
}
