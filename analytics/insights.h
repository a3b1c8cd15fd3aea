/*
 * What is worth telling about a slice of calls: differences between models that are real at their
 * sample size, and figures below what people accept (struct ts_insight_limits).
 *
 * A difference is told where both models have 20 calls (ratings) of the task and their 95 %
 * intervals are apart: Wilson's for rates, that of the ranks for the median time. A model that
 * wins at several tasks in the same way is told of once, where it weighs most.
 *
 * A costly habit is a model that is used for a task although another costs so many times less a
 * call that the 95 % intervals of the mean costs show it, and neither success nor satisfaction
 * shows that the cheaper one is worse.
 */
#ifndef TS_ANALYTICS_INSIGHTS_H
#define TS_ANALYTICS_INSIGHTS_H

#include "analytics/scores.h"
#include "base/buf.h"

/* X(enum suffix, name in answers, a warning) */
#define TS_INSIGHT_TABLE(X)                                                                        \
    X(FASTER, "faster", false)                                                                     \
    X(MORE_RELIABLE, "more_reliable", false)                                                       \
    X(PREFERRED, "preferred", false)                                                               \
    X(COSTLY, "costly_habit", false)                                                               \
    X(SLOW_TASK, "slow_task", true)                                                                \
    X(LOW_SUCCESS, "low_success", true)                                                            \
    X(LOW_SATISFACTION, "low_satisfaction", true)

enum ts_insight_kind {
#define X(id, name, warning) TS_INSIGHT_##id,
    TS_INSIGHT_TABLE(X)
#undef X
        TS_INSIGHT_COUNT_
};

const char *ts_insight_name(enum ts_insight_kind k);
bool ts_insight_is_warning(enum ts_insight_kind k);

/* FASTER: @subject's median time against @other's; MORE_RELIABLE and PREFERRED: its success and
 * satisfaction rate. COSTLY: its cost a call against that of @other, the cheaper one. The rest is
 * about @subject alone; @other is NULL. */
struct ts_insight {
    enum ts_insight_kind kind;
    const struct ts_group *subject;
    const struct ts_group *other;
    double weight; /* a difference: the share of trouble spared, times calls of the task */
};

/* A sentence with the numbers in it, without a full stop. */
void ts_insight_say(const struct ts_insight *i, struct ts_buf *out);

struct ts_insight_limits {
    double slow_us;     /* of an average answer */
    double low_success; /* as fractions */
    double low_satisfaction;
    double costly_times; /* the price of the other */
};

/* Groups of one grouping, as ts_aggregate_groups() gives them. */
struct ts_groups {
    const struct ts_group *at;
    int count;
};

/**
 * ts_insights_find() - look through groups for what is worth telling
 * @models: groups by model and task type
 * @tasks:  groups by task type
 * @all:    the group of all calls, or none
 * @limits: from where on figures are told
 * @out:    room for @max
 *
 * Return: how many were written: the most telling ones, warnings before the rest, then by weight.
 */
int ts_insights_find(struct ts_groups models,
                     struct ts_groups tasks,
                     struct ts_groups all,
                     const struct ts_insight_limits *limits,
                     struct ts_insight *out,
                     int max);

#endif
