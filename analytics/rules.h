/*
 * Which model to take before there are figures: rules on size, name and place alone.
 *
 *   cost                                local before cloud, then the smallest
 *   speed, or a simple task             the smallest
 *   coding                              models named for code first, then as below
 *   quality, reasoning, or complex      the largest
 *   otherwise                           one that is in memory already, then the largest
 */
#ifndef TS_ANALYTICS_RULES_H
#define TS_ANALYTICS_RULES_H

#include "base/call.h"

/* X(enum suffix, name in requests) */
#define TS_PRIORITY_TABLE(X)                                                                       \
    X(BALANCED, "balanced")                                                                        \
    X(SPEED, "speed")                                                                              \
    X(QUALITY, "quality")                                                                          \
    X(COST, "cost")

enum ts_priority {
#define X(id, name) TS_PRIORITY_##id,
    TS_PRIORITY_TABLE(X)
#undef X
        TS_PRIORITY_COUNT_
};

const char *ts_priority_name(enum ts_priority p);
bool ts_priority_parse(struct ts_slice text, enum ts_priority *out);

/* A model that could be taken. */
struct ts_candidate {
    const char *model;
    const char *provider;
    const char *parameter_size; /* "7.6B" as its server tells it, or NULL: then its name may tell */
    bool local;
    bool loaded;
};

/* Thousands of millions of parameters, or 0 where neither size nor name tells. "8x7B" is 56. */
double ts_model_billions(const char *parameter_size, const char *name);

/* A model that makes vectors or ranks texts and answers nobody. */
bool ts_model_embeds(const char *name);

/* The index of the model to take, or -1 if none can answer. Of equals, the first. */
int ts_rules_choose(const struct ts_candidate *candidates,
                    int count,
                    const char *task_type,
                    enum ts_complexity complexity,
                    enum ts_priority priority);

#endif
