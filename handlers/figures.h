/* Figures as the interface tells them: the JSON of groups, trends, advice and best models. */
#ifndef TS_HANDLERS_FIGURES_H
#define TS_HANDLERS_FIGURES_H

#include "analytics/insights.h"
#include "analytics/recommend.h"
#include "handlers/auto_model.h"
#include "handlers/bucket.h"

/* Microseconds as milliseconds with three decimals, as single calls tell them; null for NaN. */
json_t *ts_time_json(double us);

/* How much of it: FULL adds extremes, token sums, scores and lastUsed to the summary's fields. */
enum ts_figures_size { TS_FIGURES_SUMMARY, TS_FIGURES_FULL };

/* New reference; NULL without memory. */
json_t *ts_figures_json(const struct ts_figures *f, enum ts_figures_size size);

/* Figures of no calls: counts of 0, everything else unknown. */
struct ts_figures ts_no_figures(void);

/* The groups as objects of their keys (by @dimensions) and figures; those without calls are left
 * out. @buckets names the time; NULL where time is no dimension. */
json_t *ts_groups_json(struct ts_groups groups,
                       unsigned dimensions,
                       const struct ts_buckets *buckets);

/* One object a bucket from @first to @last, also where there were no calls. */
json_t *ts_trends_json(struct ts_groups groups,
                       const struct ts_buckets *buckets,
                       int64_t first,
                       int64_t last);

/* Sentences with the numbers behind them. */
json_t *ts_advice_json(struct ts_groups models,
                       struct ts_groups tasks,
                       struct ts_groups all,
                       const struct ts_insight_limits *limits);

/* A fraction with four decimals; null for NaN. */
json_t *ts_share_json(double v);

/* An interval of rates, as percentages. */
json_t *ts_interval_json(struct ts_interval i);

/* A model's place in a ranking, with its scores. */
json_t *ts_standing_json(const struct ts_group *g, const struct ts_standing *s);

/* The best model of each task that had calls: by data from 5 calls on, by rules among @healthy (or
 * else among the models seen) before. */
json_t *ts_best_json(struct ts_groups models,
                     struct ts_groups tasks,
                     const struct ts_candidates *healthy);

#endif
