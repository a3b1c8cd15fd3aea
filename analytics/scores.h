/*
 * Scores of the interface: quality, speed, confidence, and the interval behind them.
 */
#ifndef TS_ANALYTICS_SCORES_H
#define TS_ANALYTICS_SCORES_H

#include "analytics/aggregate.h"

struct ts_interval {
    double low;
    double high;
};

/* Wilson 95 % interval of k successes in n, as fractions; [0, 1] for n = 0. */
struct ts_interval ts_wilson95(int64_t k, int64_t n);

/* max(0, 100 - min(100, avg_response_ms / 100)); NaN for NaN. */
double ts_speed_score(double avg_response_us);

/* 40 % success + 40 % satisfaction + 20 % speed; a part that is NaN drops out and the other weights
 * are scaled up. NaN when all are unknown. */
double ts_quality_score(const struct ts_figures *f);

/* 100 (0.5 min(1, n/100) + 0.3 (1 - width of success) + 0.2 (1 - width of satisfaction, 0 if
 * unrated)) */
double ts_confidence(const struct ts_figures *f);

#endif
