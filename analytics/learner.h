/*
 * The learner: what all-time outcomes of a task say about its models, by plain rules.
 */
#ifndef TS_ANALYTICS_LEARNER_H
#define TS_ANALYTICS_LEARNER_H

#include "analytics/scores.h"

/* A model's outcomes for one task, as the table model_stats keeps them. */
struct ts_record {
    const char *model;
    int64_t successes;
    int64_t failures; /* timeouts included */
    int64_t timeouts;
    int64_t total_tokens;
    double total_cost;     /* US dollars */
    const char *last_used; /* RFC 3339 in UTC, or NULL */
};

enum { TS_LEARNER_ENOUGH = 10 }; /* calls below which nothing is held against a model */

int64_t ts_record_calls(const struct ts_record *r);

/* Successes among its calls, 0 to 1; NaN without calls. */
double ts_record_rate(const struct ts_record *r);

/* Its Wilson 95 % interval. */
struct ts_interval ts_record_interval(const struct ts_record *r);

/* Orders by rate, of equal ones by calls, then by last use, then by name. */
void ts_records_sort(struct ts_record *records, int count);

enum ts_demotion_reason { TS_TOO_FEW_CALLS, TS_BELOW_HALF, TS_BELOW_BEST, TS_HOLDS };

struct ts_demotion {
    bool demote;
    enum ts_demotion_reason reason;
    double threshold;             /* what the upper bound is held against, 0 to 1 */
    const struct ts_record *best; /* the alternative with the highest lower bound, or NULL */
};

/* Whether the model at @index should go: from 10 calls on, when its interval ends below one half or
 * below where that of the best alternative begins. */
struct ts_demotion ts_demote(const struct ts_record *records, int count, int index);

/* The model best proven: the one with the highest lower bound; -1 where there is none. */
int ts_incumbent(const struct ts_record *records, int count);

/* Whether the one may yet turn out as good as the incumbent: their intervals overlap, or it has too
 * few calls to tell. */
bool ts_is_challenger(const struct ts_record *incumbent, const struct ts_record *r);

#endif
