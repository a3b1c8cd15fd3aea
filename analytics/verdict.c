#include "analytics/verdict.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    DRAWS = 2000,
    PROVISIONAL_BELOW = 20,
    LEADER_WITHOUT_FAILURE_NEEDS = 100, /* calls before a spotless record counts */
    GOLDEN_STEPS = 60,
};

static const double prior_calls = 10;
static const double quality_weight = 0.8;
static const double speed_weight = 0.2;
static const double error_rate = 0.05;
static const double same_within = 0.05; /* of quality */

static const char *const verdict_names[] = {
#define X(id, name) [TS_VERDICT_##id] = name,
    TS_VERDICT_TABLE(X)
#undef X
};

const char *ts_verdict_name(enum ts_verdict v)
{
    assert(v < TS_VERDICT_COUNT_);
    return verdict_names[v];
}

/* -- draws ------------------------------------------------------------------------------------ */

static uint64_t next_u64(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* In (0, 1): the logarithm of it is finite. */
static double next_unit(uint64_t *state)
{
    return ((double)(next_u64(state) >> 12) + 0.5) / 4503599627370496.0; /* 2^52 */
}

static double next_normal(uint64_t *state) /* Box and Muller */
{
    double r = sqrt(-2 * log(next_unit(state)));
    return r * cos(2 * M_PI * next_unit(state));
}

/* Marsaglia and Tsang; shapes below 1 by way of shape + 1. */
static double next_gamma(uint64_t *state, double shape)
{
    double boost = shape < 1 ? pow(next_unit(state), 1 / shape) : 1;
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = next_normal(state);
        double v = (1 + c * x) * (1 + c * x) * (1 + c * x);
        if (v > 0 && log(next_unit(state)) < x * x / 2 + d - d * v + d * log(v))
            return boost * d * v;
    }
}

/* -- posteriors ------------------------------------------------------------------------------- */

struct posterior {
    double a;
    double b;
    double speed; /* its part of the utility */
};

static double mean_quality(const struct posterior *p)
{
    return p->a / (p->a + p->b);
}

/* What models of the task do on average. */
static double prior_mean(const struct ts_arm *arms, int count)
{
    double good = 1;
    double all = 2;
    for (int i = 0; i < count; i++) {
        good += arms[i].evidence.weight_good;
        all += arms[i].evidence.weight;
    }
    return good / all;
}

static double mean_speed(const struct ts_arm *arms, int count)
{
    double sum = 0;
    int known = 0;
    for (int i = 0; i < count; i++) {
        if (isnan(arms[i].speed_score))
            continue;
        sum += arms[i].speed_score;
        known++;
    }
    return known > 0 ? sum / known : 0;
}

static void find_posteriors(const struct ts_arm *arms, int count, struct posterior *out)
{
    double mu = prior_mean(arms, count);
    double speed = mean_speed(arms, count);
    for (int i = 0; i < count; i++) {
        const struct ts_evidence *e = &arms[i].evidence;
        double bad = e->weight > e->weight_good ? e->weight - e->weight_good : 0;
        double score = isnan(arms[i].speed_score) ? speed : arms[i].speed_score;
        out[i] = (struct posterior){.a = prior_calls * mu + e->weight_good,
                                    .b = prior_calls * (1 - mu) + bad,
                                    .speed = speed_weight * score / 100};
    }
}

static double effective_n(const struct ts_evidence *e)
{
    return e->weight_squares > 0 ? e->weight * e->weight / e->weight_squares : 0;
}

/* Fills p_best and expected_loss of standings that are still in the order of the arms. */
static void draw(const struct posterior *p, int count, struct ts_standing *standings)
{
    uint64_t state = 1;
    for (int round = 0; round < DRAWS; round++) {
        double utility[TS_MAX_ARMS];
        int best = 0;
        for (int i = 0; i < count; i++) {
            double good = next_gamma(&state, p[i].a);
            utility[i] = quality_weight * good / (good + next_gamma(&state, p[i].b)) + p[i].speed;
            if (utility[i] > utility[best])
                best = i;
        }
        standings[best].p_best += 1.0 / DRAWS;
        for (int i = 0; i < count; i++)
            standings[i].expected_loss += (utility[best] - utility[i]) / DRAWS;
    }
}

/* The chance that two arms' utilities are so close that the difference does not matter. */
static double chance_of_same(const struct posterior *x, const struct posterior *y)
{
    uint64_t state = 2;
    int same = 0;
    for (int round = 0; round < DRAWS; round++) {
        double gx = next_gamma(&state, x->a);
        double gy = next_gamma(&state, y->a);
        double qx = gx / (gx + next_gamma(&state, x->b));
        double qy = gy / (gy + next_gamma(&state, y->b));
        double difference = quality_weight * (qx - qy) + x->speed - y->speed;
        same += fabs(difference) <= quality_weight * same_within;
    }
    return (double)same / DRAWS;
}

/* -- the test --------------------------------------------------------------------------------- */

static double kl(double p, double q)
{
    const double edge = 1e-12;
    q = q < edge ? edge : q > 1 - edge ? 1 - edge : q;
    double left = p > 0 ? p * log(p / q) : 0;
    double right = p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0;
    return left + right;
}

struct pair {
    double n1;
    double p1;
    double n2;
    double p2;
    double handicap;
};

static double cost(const struct pair *r, double p)
{
    return r->n1 * kl(r->p1, p) + r->n2 * kl(r->p2, p + r->handicap);
}

double ts_glr(const struct ts_evidence *a, const struct ts_evidence *b, double handicap)
{
    if (a->trials == 0 || b->trials == 0)
        return 0;
    const struct pair r = {.n1 = (double)a->trials,
                           .p1 = (double)a->good / (double)a->trials,
                           .n2 = (double)b->trials,
                           .p2 = (double)b->good / (double)b->trials,
                           .handicap = handicap};
    if (r.p1 + handicap <= r.p2)
        return 0;
    double low = handicap < 0 ? -handicap : 0; /* p and p + handicap are both rates */
    double high = handicap > 0 ? 1 - handicap : 1;
    const double golden = 0.6180339887498949;
    for (int step = 0; step < GOLDEN_STEPS && low < high; step++) {
        double left = high - golden * (high - low);
        double right = low + golden * (high - low);
        if (cost(&r, left) < cost(&r, right))
            high = right;
        else
            low = left;
    }
    return cost(&r, (low + high) / 2);
}

/* -- the verdict ------------------------------------------------------------------------------ */

static int compare_standings(const void *pa, const void *pb)
{
    const struct ts_standing *a = pa;
    const struct ts_standing *b = pb;
    if (a->provisional != b->provisional)
        return a->provisional ? 1 : -1;
    if (a->utility != b->utility)
        return a->utility > b->utility ? -1 : 1;
    return (a->arm > b->arm) - (a->arm < b->arm);
}

/* Whether the best one beats each of the first @judged. */
static bool best_beats_all(const struct ts_arm *arms,
                           const struct posterior *p,
                           const struct ts_standing *standings,
                           int judged)
{
    const struct ts_evidence *best = &arms[standings[0].arm].evidence;
    if (best->good == best->trials && best->trials < LEADER_WITHOUT_FAILURE_NEEDS)
        return false;
    double trials = 0;
    for (int i = 0; i < judged; i++)
        trials += (double)arms[standings[i].arm].evidence.trials;
    double bar = log((judged - 1) * (1 + log(trials)) / error_rate);
    for (int i = 1; i < judged; i++) {
        int other = standings[i].arm;
        double faster = (p[standings[0].arm].speed - p[other].speed) / quality_weight;
        if (ts_glr(best, &arms[other].evidence, faster) <= bar)
            return false;
    }
    return true;
}

/* A test of 5 % error and 80 % power needs 15.7 q (1 - q) / gap^2 calls of each. */
static int64_t calls_needed(const struct ts_arm *arms, const struct ts_standing *two)
{
    double q = (two[0].quality + two[1].quality) / 2;
    double gap = fabs(two[0].utility - two[1].utility) / quality_weight;
    if (gap < 0.01)
        return TS_UNKNOWN; /* it would take ten thousands, and would not matter */
    double each = ceil(15.7 * q * (1 - q) / (gap * gap));
    int64_t needed = 0;
    for (int i = 0; i < 2; i++) {
        double n = (double)arms[two[i].arm].evidence.trials;
        double to_be_judged = PROVISIONAL_BELOW - two[i].effective_n;
        double more = fmax(each - n, to_be_judged);
        needed += more > 0 ? (int64_t)ceil(more) : 0;
    }
    return needed > 0 ? needed : TS_UNKNOWN;
}

static enum ts_verdict judge(const struct ts_arm *arms,
                             const struct posterior *p,
                             const struct ts_standing *standings,
                             int judged)
{
    if (judged < 2)
        return TS_VERDICT_INSUFFICIENT;
    if (chance_of_same(&p[standings[0].arm], &p[standings[1].arm]) >= 1 - error_rate)
        return TS_VERDICT_EQUIVALENT;
    return best_beats_all(arms, p, standings, judged) ? TS_VERDICT_RECOMMEND
                                                      : TS_VERDICT_INSUFFICIENT;
}

void ts_rank(const struct ts_arm *arms, int count, struct ts_ranking *out)
{
    assert(count > 0 && count <= TS_MAX_ARMS);
    struct posterior p[TS_MAX_ARMS];
    find_posteriors(arms, count, p);
    *out = (struct ts_ranking){.count = count, .calls_needed = TS_UNKNOWN};
    int judged = 0;
    for (int i = 0; i < count; i++) {
        double n = effective_n(&arms[i].evidence);
        out->standings[i] =
            (struct ts_standing){.arm = i,
                                 .provisional = n < PROVISIONAL_BELOW,
                                 .effective_n = n,
                                 .quality = mean_quality(&p[i]),
                                 .utility = quality_weight * mean_quality(&p[i]) + p[i].speed};
        judged += n >= PROVISIONAL_BELOW;
    }
    draw(p, count, out->standings);
    qsort(out->standings, (size_t)count, sizeof(out->standings[0]), compare_standings);
    out->verdict = judge(arms, p, out->standings, judged);
    if (out->verdict == TS_VERDICT_INSUFFICIENT && count >= 2)
        out->calls_needed = calls_needed(arms, out->standings);
}
