#include "analytics/scores.h"

#include <math.h>

struct ts_interval ts_wilson95(int64_t k, int64_t n)
{
    if (n <= 0)
        return (struct ts_interval){.low = 0, .high = 1};
    const double z = 1.959963984540054; /* the normal quantile of 0.975 */
    double trials = (double)n;
    double p = (double)k / trials;
    double centre = p + z * z / (2 * trials);
    double spread = z * sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials));
    double scale = 1 + z * z / trials;
    /* Exactly 0 and 1 at the ends, where rounding would leave a trace. */
    return (struct ts_interval){.low = k == 0 ? 0 : (centre - spread) / scale,
                                .high = k == n ? 1 : (centre + spread) / scale};
}

double ts_speed_score(double avg_response_us)
{
    if (isnan(avg_response_us))
        return avg_response_us;
    double per_cent_lost = avg_response_us / 1000 / 100;
    return per_cent_lost >= 100 ? 0 : 100 - per_cent_lost;
}

double ts_quality_score(const struct ts_figures *f)
{
    const struct {
        double weight;
        double score;
    } parts[] = {
        {0.4, f->success_rate},
        {0.4, f->satisfaction_rate},
        {0.2, ts_speed_score(f->avg_response_us)},
    };
    double weight = 0;
    double score = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(parts); i++) {
        if (isnan(parts[i].score))
            continue;
        weight += parts[i].weight;
        score += parts[i].weight * parts[i].score;
    }
    return weight > 0 ? score / weight : (double)NAN;
}

static double certainty(int64_t k, int64_t n)
{
    struct ts_interval i = ts_wilson95(k, n);
    return 1 - (i.high - i.low);
}

double ts_confidence(const struct ts_figures *f)
{
    int64_t n = f->successes + f->failures;
    double size = n >= 100 ? 1 : (double)n / 100;
    double success = certainty(f->successes, n);
    double satisfaction = certainty(f->up, f->up + f->down); /* 0 where nobody rated */
    return 100 * (0.5 * size + 0.3 * success + 0.2 * satisfaction);
}
