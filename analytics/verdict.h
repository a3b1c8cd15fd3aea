/*
 * Which of several models is best for a task, and whether the evidence carries saying so.
 *
 * A model's utility is 0.8 of its quality and 0.2 of its speed score: the quality score of the
 * interface, with ratings and outcomes merged into one rate. Quality is a Beta posterior over calls
 * weighed by age; its prior is what all models of the task do on average, worth 10 calls, so that a
 * model with few calls is drawn towards the others instead of winning by luck.
 *
 * The verdict is not read off the posterior, which would cry wolf to who looks often:
 *
 *   equivalent     with 95 % the two best are within 5 points of quality of each other
 *   recommend      the best beats every other by a likelihood-ratio test that stays valid however
 *                  often one looks (Bernoulli, 5 % error), differences in speed counted in
 *   insufficient   neither, or fewer than two models with an effective sample of 20 calls
 *
 * Everything is deterministic: the draws have a fixed seed.
 */
#ifndef TS_ANALYTICS_VERDICT_H
#define TS_ANALYTICS_VERDICT_H

#include "analytics/aggregate.h"

enum { TS_MAX_ARMS = 64 };

/* X(enum suffix, name in answers) */
#define TS_VERDICT_TABLE(X)                                                                        \
    X(INSUFFICIENT, "insufficient")                                                                \
    X(EQUIVALENT, "equivalent")                                                                    \
    X(RECOMMEND, "recommend")

enum ts_verdict {
#define X(id, name) TS_VERDICT_##id,
    TS_VERDICT_TABLE(X)
#undef X
        TS_VERDICT_COUNT_
};

const char *ts_verdict_name(enum ts_verdict v);

struct ts_arm {
    struct ts_evidence evidence;
    double speed_score; /* 0 to 100; NaN: unknown, taken as the others' average */
};

/* One model's place. */
struct ts_standing {
    int arm;
    bool provisional;     /* effective sample below 20: behind all that are not */
    double effective_n;   /* Kish: (sum of weights)^2 / sum of squared weights */
    double quality;       /* posterior mean, 0 to 1 */
    double utility;       /* 0 to 1 */
    double p_best;        /* share of draws in which it was the best */
    double expected_loss; /* utility given up on average by taking it */
};

struct ts_ranking {
    struct ts_standing standings[TS_MAX_ARMS]; /* best first */
    int count;
    enum ts_verdict verdict;
    int64_t
        calls_needed; /* further calls of the two best that would tell; TS_UNKNOWN: cannot say */
};

/* @count: 1 to TS_MAX_ARMS. */
void ts_rank(const struct ts_arm *arms, int count, struct ts_ranking *out);

/*
 * The likelihood-ratio statistic against "a's rate is at most b's rate less @handicap": the least
 * n1 kl(k1/n1, p) + n2 kl(k2/n2, p + handicap) over p. 0 where the rates do not contradict that.
 */
double ts_glr(const struct ts_evidence *a, const struct ts_evidence *b, double handicap);

#endif
