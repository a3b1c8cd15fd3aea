/*
 * The Beta distribution: what is believed about a rate after some good and some bad calls.
 */
#ifndef TS_ANALYTICS_BETA_H
#define TS_ANALYTICS_BETA_H

#include "analytics/scores.h"

struct ts_beta {
    double a; /* good, prior included; above 0 */
    double b; /* bad, likewise */
};

double ts_beta_mean(struct ts_beta d);
double ts_beta_sd(struct ts_beta d);

/* The chance of a rate of at most @x. */
double ts_beta_cdf(struct ts_beta d, double x);

/* The interval that leaves 2.5 % on either side. */
struct ts_interval ts_beta_interval95(struct ts_beta d);

#endif
