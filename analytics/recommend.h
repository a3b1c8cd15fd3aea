/*
 * The model to take for a task, from the figures of those that were used for it.
 *
 *   priority   quality  speed  cost
 *   speed        .2       .7    .1
 *   quality      .8       .1    .1
 *   cost         .2       .1    .7
 *   balanced     .5       .25   .25
 *
 * Speed is the median response time. Cost is money per good call, where local models cost nothing
 * unless some of them have a price; tokens per good call where some price is unknown or nothing
 * costs anything.
 */
#ifndef TS_ANALYTICS_RECOMMEND_H
#define TS_ANALYTICS_RECOMMEND_H

#include "analytics/rules.h"
#include "analytics/verdict.h"

enum { TS_DATA_FROM_CALLS = 5 }; /* a model with fewer takes no part */

struct ts_contender {
    const struct ts_group *group;
    bool local;
};

/* Whether it has calls enough to take part. */
bool ts_contender_has_data(const struct ts_contender *o);

struct ts_recommendation {
    struct ts_ranking ranking; /* its arms are indices of options */
    bool by_tokens;
};

struct ts_weights ts_priority_weights(enum ts_priority p);

/* Return: whether any option has data; of more than TS_MAX_ARMS, the first count. */
bool ts_recommend(const struct ts_contender *options,
                  int count,
                  enum ts_priority priority,
                  struct ts_recommendation *out);

/* A group's arm, without the cost. */
struct ts_arm ts_arm_of(const struct ts_figures *f);

#endif
