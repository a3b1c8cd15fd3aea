#include "analytics/recommend.h"

#include <math.h>

static const double free_usd = 1e-6;     /* the logarithm of nothing */
static const double unmeasured_sd = 0.4; /* of log10, where there are too few to tell */
static const double normal_975 = 1.959963984540054;

struct ts_weights ts_priority_weights(enum ts_priority p)
{
    static const struct ts_weights weights[] = {
        [TS_PRIORITY_SPEED] = {.2, {[TS_TRAIT_TIME] = .7, [TS_TRAIT_COST] = .1}},
        [TS_PRIORITY_QUALITY] = {.8, {[TS_TRAIT_TIME] = .1, [TS_TRAIT_COST] = .1}},
        [TS_PRIORITY_COST] = {.2, {[TS_TRAIT_TIME] = .1, [TS_TRAIT_COST] = .7}},
        [TS_PRIORITY_BALANCED] = {.5, {[TS_TRAIT_TIME] = .25, [TS_TRAIT_COST] = .25}},
    };
    return weights[p];
}

bool ts_contender_has_data(const struct ts_contender *o)
{
    const struct ts_figures *f = &o->group->figures;
    return f->successes + f->failures > 0 && f->evidence.trials >= TS_DATA_FROM_CALLS;
}

/* The median and how far it may be off, from the ranks around it. */
static struct ts_trait time_of(const struct ts_figures *f)
{
    if (isnan(f->median_response_us))
        return (struct ts_trait){.n = 0};
    double n = (double)(f->successes + f->failures);
    double low = log10(fmax(f->median_low_us, 1));
    double high = log10(fmax(f->median_high_us, 1));
    bool told = !isnan(f->median_low_us) && !isnan(f->median_high_us);
    return (struct ts_trait){.n = n,
                             .mean = log10(fmax(f->median_response_us, 1)),
                             .sd =
                                 told ? (high - low) / (2 * normal_975) * sqrt(n) : unmeasured_sd};
}

struct ts_arm ts_arm_of(const struct ts_figures *f)
{
    return (struct ts_arm){.evidence = f->evidence, .traits = {[TS_TRAIT_TIME] = time_of(f)}};
}

/* What a good call takes, where a call takes @per_call: bad ones are paid as well. */
static struct ts_trait per_good_call(const struct ts_spread *per_call,
                                     const struct ts_evidence *e,
                                     double floor)
{
    if (per_call->n == 0)
        return (struct ts_trait){.n = 0};
    double n = (double)per_call->n;
    double mean = per_call->sum / n;
    double variance = n > 1 ? fmax(0, (per_call->squares - n * mean * mean) / (n - 1)) : 0;
    double good = ((double)e->good + 1) / ((double)e->trials + 2);
    if (mean <= floor)
        return (struct ts_trait){.n = n, .mean = log10(floor)};
    double relative = variance / (mean * mean) + (1 - good) / good;
    return (struct ts_trait){
        .n = n, .mean = log10(mean / good), .sd = n > 1 ? sqrt(relative) / M_LN10 : unmeasured_sd};
}

static struct ts_trait cost_of(const struct ts_contender *o, bool by_tokens)
{
    const struct ts_figures *f = &o->group->figures;
    if (by_tokens)
        return per_good_call(&f->tokens, &f->evidence, 1);
    if (f->cost_usd.n == 0 && o->local)
        return (struct ts_trait){.n = (double)f->evidence.trials, .mean = log10(free_usd)};
    return per_good_call(&f->cost_usd, &f->evidence, free_usd);
}

/*
 * Money tells models apart only where each has a price and some price is above nothing. A local
 * model without a price is free beside a cloud's; beside a local one that has a price, it is just
 * not priced, and not known is not nothing.
 */
static bool must_count_tokens(const struct ts_contender *options, int count)
{
    bool paid = false;
    bool local_priced = false;
    bool local_unpriced = false;
    for (int i = 0; i < count; i++) {
        const struct ts_spread *cost = &options[i].group->figures.cost_usd;
        if (!ts_contender_has_data(&options[i]))
            continue;
        if (cost->n == 0 && !options[i].local)
            return true;
        paid = paid || cost->sum > 0;
        local_priced = local_priced || (options[i].local && cost->n > 0);
        local_unpriced = local_unpriced || (options[i].local && cost->n == 0);
    }
    return !paid || (local_priced && local_unpriced);
}

bool ts_recommend(const struct ts_contender *options,
                  int count,
                  enum ts_priority priority,
                  struct ts_recommendation *out)
{
    struct ts_arm arms[TS_MAX_ARMS];
    int option_of[TS_MAX_ARMS];
    int n = 0;
    out->by_tokens = must_count_tokens(options, count);
    for (int i = 0; i < count && n < TS_MAX_ARMS; i++) {
        if (!ts_contender_has_data(&options[i]))
            continue;
        arms[n] = ts_arm_of(&options[i].group->figures);
        arms[n].traits[TS_TRAIT_COST] = cost_of(&options[i], out->by_tokens);
        option_of[n++] = i;
    }
    if (n == 0)
        return false;
    ts_rank(arms, n, ts_priority_weights(priority), &out->ranking);
    for (int i = 0; i < n; i++)
        out->ranking.standings[i].arm = option_of[out->ranking.standings[i].arm];
    return true;
}
