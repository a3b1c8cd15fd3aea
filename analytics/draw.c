#include "analytics/draw.h"

#include <math.h>

static uint64_t next_u64(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double ts_draw_unit(struct ts_random *r)
{
    return ((double)(next_u64(&r->state) >> 12) + 0.5) / 4503599627370496.0; /* 2^52 */
}

double ts_draw_normal(struct ts_random *r) /* Marsaglia's polar method */
{
    if (r->has_spare) {
        r->has_spare = false;
        return r->spare;
    }
    for (;;) {
        double x = 2 * ts_draw_unit(r) - 1;
        double y = 2 * ts_draw_unit(r) - 1;
        double s = x * x + y * y;
        if (s >= 1 || s == 0)
            continue;
        double scale = sqrt(-2 * log(s) / s);
        r->spare = y * scale;
        r->has_spare = true;
        return x * scale;
    }
}

/* Marsaglia and Tsang; shapes below 1 by way of shape + 1. The first test spares most logarithms.
 */
static double draw_gamma(struct ts_random *r, double shape)
{
    double boost = shape < 1 ? pow(ts_draw_unit(r), 1 / shape) : 1;
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = ts_draw_normal(r);
        double v = (1 + c * x) * (1 + c * x) * (1 + c * x);
        if (v <= 0)
            continue;
        double u = ts_draw_unit(r);
        if (u < 1 - 0.0331 * x * x * x * x || log(u) < x * x / 2 + d - d * v + d * log(v))
            return boost * d * v;
    }
}

double ts_draw_beta(struct ts_random *r, double a, double b)
{
    double x = draw_gamma(r, a);
    return x / (x + draw_gamma(r, b));
}
