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

/* -- strata ----------------------------------------------------------------------------------- */

static double polynomial(const double *coefficients, int count, double x)
{
    double sum = 0;
    for (int i = count - 1; i >= 0; i--)
        sum = sum * x + coefficients[i];
    return sum;
}

/* The normal quantile: Wichura's PPND7 (AS 241, 1988), good to 1e-6 for p in [1e-10, 1 - 1e-10]. */
static double normal_quantile(double p)
{
    static const double inner[][4] = {{3.3871327179, 50.434271938, 159.29113202, 59.109374720},
                                      {1, 17.895169469, 78.757757664, 67.187563600}};
    static const double outer[][4] = {{1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103},
                                      {1, 0.73700164250, 0.12021132975, 0}};
    double off = p - 0.5;
    if (fabs(off) <= 0.425) {
        double x = 0.180625 - off * off;
        return off * polynomial(inner[0], 4, x) / polynomial(inner[1], 4, x);
    }
    double x = sqrt(-log(off < 0 ? p : 1 - p)) - 1.6;
    double z = polynomial(outer[0], 4, x) / polynomial(outer[1], 4, x);
    return off < 0 ? -z : z;
}

void ts_strata_init(struct ts_strata *s)
{
    for (int i = 0; i < TS_STRATA; i++)
        s->normal[i] = normal_quantile((i + 0.5) / TS_STRATA);
}

struct ts_stream ts_strata_stream(const struct ts_strata *s, struct ts_random *r)
{
    uint64_t bits = next_u64(&r->state);
    return (struct ts_stream){
        .strata = s,
        .factors = {(uint32_t)(bits & 0xffff) | 1, (uint32_t)(bits >> 16 & 0xffff) | 1},
        .offset = (uint32_t)(bits >> 32 & 0xffff)};
}

static const double cube_from = 5; /* the least shape for which the cube is good to 0.2 % */

struct ts_beta_stream ts_strata_beta(const struct ts_strata *s,
                                     struct ts_random *r,
                                     double a,
                                     double b)
{
    struct ts_beta_stream out = {.shapes = {a, b}};
    for (int i = 0; i < 2; i++) {
        out.streams[i] = ts_strata_stream(s, r);
        out.middles[i] = 1 - 1 / (9 * out.shapes[i]);
        out.widths[i] = 3 * sqrt(out.shapes[i]);
    }
    return out;
}

static double gamma_at(const struct ts_beta_stream *s, int i, struct ts_random *r, uint32_t round)
{
    double shape = s->shapes[i];
    if (shape < cube_from)
        return draw_gamma(r, shape);
    double root = s->middles[i] + ts_stream_normal(&s->streams[i], round) / s->widths[i];
    return root > 0 ? shape * root * root * root : 0;
}

double ts_beta_stream_draw(const struct ts_beta_stream *s, struct ts_random *r, uint32_t round)
{
    double x = gamma_at(s, 0, r, round);
    double y = gamma_at(s, 1, r, round);
    return x + y > 0 ? x / (x + y) : 0.5;
}
