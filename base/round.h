/* Figures as they are shown: one place decides on the digits, so that all outputs agree. NaN stays
 * NaN. */
#ifndef TS_BASE_ROUND_H
#define TS_BASE_ROUND_H

#include <math.h>

/* Rates, scores, tokens: two decimals. */
static inline double ts_round2(double v)
{
    return round(v * 100.0) / 100.0;
}

/* Fractions: four decimals. */
static inline double ts_round4(double v)
{
    return round(v * 10000.0) / 10000.0;
}

/* Microseconds as milliseconds, to the microsecond. */
static inline double ts_round_ms(double us)
{
    return round(us) / 1000.0;
}

#endif
