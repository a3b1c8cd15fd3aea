#include "analytics/beta.h"

#include <math.h>

enum { FRACTION_STEPS = 20000, QUANTILE_STEPS = 60 };

double ts_beta_mean(struct ts_beta d)
{
    return d.a / (d.a + d.b);
}

double ts_beta_sd(struct ts_beta d)
{
    double all = d.a + d.b;
    return sqrt(d.a * d.b / (all + 1)) / all;
}

/*
 * The continued fraction of the incomplete beta function (DLMF 8.17.22), two steps a turn, by its
 * convergents: scaled so that the newest has the denominator 1, they take one division a turn where
 * Lentz's method takes four. Converges fast for x < (a+1)/(a+b+2).
 */
static double fraction(struct ts_beta p, double x)
{
    double before = 1; /* the convergent before, over its denominator; and that */
    double before_scale = 1;
    double value = 1;
    double scale = 1 - (p.a + p.b) * x / (p.a + 1); /* not 0: see above */
    for (int m = 1; m < FRACTION_STEPS; m++) {
        double at = p.a + 2 * m;
        double even = m * (p.b - m) * x / ((at - 1) * at);
        double odd = -(p.a + m) * (p.a + p.b + m) * x / (at * (at + 1));
        double middle = value + even * before;
        double middle_scale = scale + even * before_scale;
        double rescale = 1 / (middle_scale + odd * scale);
        double next = (middle + odd * value) * rescale;
        before = middle * rescale;
        before_scale = middle_scale * rescale;
        double last = m > 1 ? value : value / scale;
        value = next;
        scale = 1;
        if (fabs(next - last) < 1e-15 * fabs(next))
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

/* Near the quantile at @z deviations of the normal distribution (Abramowitz and Stegun 26.5.22). */
static double first_guess(struct ts_beta d, double z)
{
    if (d.a < 1 || d.b < 1)
        return fmin(fmax(ts_beta_mean(d) + z * ts_beta_sd(d), 0.01), 0.99);
    double of_a = 1 / (2 * d.a - 1);
    double of_b = 1 / (2 * d.b - 1);
    double bend = (z * z - 3) / 6;
    double harmonic = 2 / (of_a + of_b);
    double w = -z * sqrt(bend + harmonic) / harmonic -
               (of_b - of_a) * (bend + 5.0 / 6 - 2 / (3 * harmonic));
    return d.a / (d.a + d.b * exp(2 * w));
}

/* Halley's steps, which treble the digits, kept between what is known to be too low and too high:
 * where a step is small, the one after it would be nothing. */
static double quantile(struct ts_beta d, double scale, double share, double z)
{
    double low = 0;
    double high = 1;
    double x = first_guess(d, z);
    double sd = ts_beta_sd(d);
    for (int i = 0; i < QUANTILE_STEPS; i++) {
        double off = cdf(d, scale, x) - share;
        *(off < 0 ? &low : &high) = x;
        double slope = (d.a - 1) / x - (d.b - 1) / (1 - x);
        double newton = off / exp(scale + (d.a - 1) * log(x) + (d.b - 1) * log1p(-x));
        double next = x - newton / (1 - 0.5 * fmin(1, fmax(-1, newton * slope)));
        if (!(next >= low && next <= high))
            next = (low + high) / 2;
        double step = fabs(next - x);
        x = next;
        if (step <= 1e-5 * fmin(sd, fmin(x, 1 - x)))
            break;
    }
    return x;
}

struct ts_interval ts_beta_interval95(struct ts_beta d)
{
    const double z = 1.959963984540054; /* the normal quantile of 0.975 */
    double scale = log_scale(d);
    return (struct ts_interval){.low = quantile(d, scale, 0.025, -z),
                                .high = quantile(d, scale, 0.975, z)};
}
