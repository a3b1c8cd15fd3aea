#include "analytics/beta.h"

#include <math.h>

enum { FRACTION_STEPS = 20000, HALVINGS = 48 };

double ts_beta_mean(struct ts_beta d)
{
    return d.a / (d.a + d.b);
}

double ts_beta_sd(struct ts_beta d)
{
    double all = d.a + d.b;
    return sqrt(d.a * d.b / (all + 1)) / all;
}

/* One step of Lentz's method for continued fractions; the numerator is @term. */
static double advance(double term, double *c, double *d)
{
    const double tiny = 1e-300;
    *d = 1 + term * *d;
    *c = 1 + term / *c;
    if (fabs(*d) < tiny)
        *d = tiny;
    if (fabs(*c) < tiny)
        *c = tiny;
    *d = 1 / *d;
    return *c * *d;
}

/* The continued fraction of the incomplete beta function; converges fast for x < (a+1)/(a+b+2). */
static double fraction(struct ts_beta p, double x)
{
    double c = 1;
    double d = 1 / (1 - (p.a + p.b) * x / (p.a + 1)); /* not 0: see above */
    double value = d;
    for (int m = 1; m < FRACTION_STEPS; m++) {
        double even = m * (p.b - m) * x / ((p.a + 2 * m - 1) * (p.a + 2 * m));
        double odd = -(p.a + m) * (p.a + p.b + m) * x / ((p.a + 2 * m) * (p.a + 2 * m + 1));
        value *= advance(even, &c, &d);
        double step = advance(odd, &c, &d);
        value *= step;
        if (fabs(step - 1) < 1e-15)
            break;
    }
    return value;
}

/* ln of 1 / B(a, b). */
static double log_scale(struct ts_beta p)
{
    int sign;
    return lgamma_r(p.a + p.b, &sign) - lgamma_r(p.a, &sign) - lgamma_r(p.b, &sign);
}

static double cdf(struct ts_beta p, double scale, double x)
{
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(scale + p.a * log(x) + p.b * log1p(-x));
    if (x < (p.a + 1) / (p.a + p.b + 2))
        return front * fraction(p, x) / p.a;
    return 1 - front * fraction((struct ts_beta){.a = p.b, .b = p.a}, 1 - x) / p.b;
}

double ts_beta_cdf(struct ts_beta d, double x)
{
    return cdf(d, log_scale(d), x);
}

static double quantile(struct ts_beta d, double scale, double share)
{
    double low = 0;
    double high = 1;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (cdf(d, scale, middle) < share)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

struct ts_interval ts_beta_interval95(struct ts_beta d)
{
    double scale = log_scale(d);
    return (struct ts_interval){.low = quantile(d, scale, 0.025),
                                .high = quantile(d, scale, 0.975)};
}
