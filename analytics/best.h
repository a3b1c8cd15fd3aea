/*
 * The best model of one task, out of groups by model: what recommendations, reports and the SQL
 * function answer with.
 */
#ifndef TS_ANALYTICS_BEST_H
#define TS_ANALYTICS_BEST_H

#include "analytics/insights.h"
#include "analytics/recommend.h"
#include "base/buf.h"

/* Whether a provider is on this machine or in this house; asked for every name that calls carry. */
struct ts_locality {
    bool (*is_local)(const void *ctx, const char *provider);
    const void *ctx;
};

struct ts_best {
    struct ts_contender options[TS_MAX_ARMS]; /* the models of the task */
    int count;
    bool by_data; /* else no model has calls enough, and `r` is not filled */
    struct ts_recommendation r;
};

/* @models: groups by model, or by model and task type, of which those of @task_type count; without
 * calls of their own (attempts alone) too. */
void ts_best_of_task(struct ts_groups models,
                     const char *task_type,
                     struct ts_locality where,
                     enum ts_priority priority,
                     struct ts_best *out);

/* Why, as the end of "X, because ..." for people: "93.1 % of its 120 calls of coding were good; it
 * beats every other model". Only by data. */
void ts_best_explain(const struct ts_contender *options,
                     const struct ts_ranking *ranking,
                     const char *task_type,
                     enum ts_priority priority,
                     struct ts_buf *out);

#endif
