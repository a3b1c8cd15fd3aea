/*
 * Which of several models is best for a task, and whether the evidence carries saying so.
 *
 * A model's utility is a weighed sum of its quality, its speed and its thrift, each 0 to 1. Quality
 * is a Beta posterior over calls weighed by age; its prior is what all models of the task do on
 * average, worth 10 calls, so that a model with few calls is drawn towards the others instead of
 * winning by luck. Speed is 1 - log10(T / least T), not below 0: ten times the fastest scores
 * nothing; times are log-normal and drawn towards their average likewise. Thrift is the same of
 * cost. What no model knows drops out, and the other weights are scaled up.
 *
 * The verdict is not read off the posterior, which would cry wolf to who looks often:
 *
 *   equivalent     with 95 % the two best are within 0.025 of utility of each other
 *   recommend      the best beats every other by a likelihood-ratio test of quality that stays
 *                  valid however often one looks (5 % error); speed and cost count in it by what
 *                  confidence sequences, just as lasting, leave of their differences
 *   insufficient   neither, or fewer than two models with an effective sample of 20 calls
 *
 * Everything is deterministic: the draws have a fixed seed.
 */
#ifndef TS_ANALYTICS_VERDICT_H
#define TS_ANALYTICS_VERDICT_H

#include "analytics/beta.h"

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

/* What else counts beside quality: positive quantities of which less is better. */
enum ts_trait_kind { TS_TRAIT_TIME, TS_TRAIT_COST, TS_TRAIT_COUNT_ };

/* How much each part counts; quality above 0, all together 1. */
struct ts_weights {
    double quality;
    double traits[TS_TRAIT_COUNT_];
};

/* Such a quantity, as its decimal logarithm. */
struct ts_trait {
    double n;    /* calls that tell it; 0: unknown */
    double mean; /* or the median */
    double sd;   /* of one call: the mean's error is sd / sqrt(n) */
};

struct ts_arm {
    struct ts_evidence evidence;
    struct ts_trait traits[TS_TRAIT_COUNT_];
};

/* How many fresh calls the evidence is worth, by Kish: (sum of weights)^2 / sum of squared weights.
 * Below the limit a model is provisional, and no verdict rests on it. */
enum { TS_PROVISIONAL_BELOW = 20 };
double ts_effective_n(const struct ts_evidence *e);

/* One model's place. */
struct ts_standing {
    int arm;
    bool provisional;       /* too small a sample for a verdict */
    double effective_n;     /* ts_effective_n() */
    struct ts_beta quality; /* the posterior */
    double utility;         /* 0 to 1, at the means */
    double cautious;        /* that less one deviation of the quality: the order of rank */
    double p_best;          /* share of draws in which it was the best */
    double expected_loss;   /* utility given up on average by taking it */
};

struct ts_ranking {
    struct ts_standing standings[TS_MAX_ARMS]; /* best first */
    int count;
    enum ts_verdict verdict;
    int64_t
        calls_needed; /* further calls of the two best that would tell; TS_UNKNOWN: cannot say */
};

/* @count: 1 to TS_MAX_ARMS. */
void ts_rank(const struct ts_arm *arms, int count, struct ts_weights w, struct ts_ranking *out);

/* The test of `recommend` alone: the arm that beats every other, or -1. */
int ts_proven_best(const struct ts_arm *arms, int count, struct ts_weights w);

/*
 * The likelihood-ratio statistic against "a's rate is at most b's rate less @handicap": the least
 * n1 kl(k1/n1, p) + n2 kl(k2/n2, p + handicap) over p. 0 where the rates do not contradict that.
 */
double ts_glr(const struct ts_evidence *a, const struct ts_evidence *b, double handicap);

/* Half the width of a 99 % confidence sequence for the mean: it holds at every n at once
 * (Waudby-Smith and others, 2024, as an asymptotic one). Infinite for n = 0. */
double ts_lasting_margin(double n, double sd);

#endif
