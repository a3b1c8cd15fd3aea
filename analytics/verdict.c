#include "analytics/verdict.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "analytics/draw.h"

enum {
    LEADER_WITHOUT_FAILURE_NEEDS = 100, /* calls before a spotless record counts */
    HALVINGS = 50,
};

static const double prior_calls = 10;
static const double prior_measured = 1; /* calls that the average time and cost are worth */
static const double error_rate = 0.05;
static const double margin_error_rate = 0.01;
static const double margin_best_at = 100; /* calls at which the margin is at its tightest */
static const double same_within = 0.025;  /* of utility */
static const double out_of_reach =
    3; /* deviations of both: they change places once in 100,000 draws */

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

/* -- posteriors ------------------------------------------------------------------------------- */

/* What is believed of an arm. */
struct belief {
    struct ts_beta quality;
    struct ts_trait traits[TS_TRAIT_COUNT_]; /* drawn towards the average, which n counts in */
};

struct field {
    const struct ts_arm *arms;
    int count;
    struct ts_weights weights; /* of the parts that are known, together 1 */
    struct belief beliefs[TS_MAX_ARMS];
    double least[TS_TRAIT_COUNT_]; /* of the beliefs' means */
};

/* What models of the task do on average. */
static double average_quality(const struct ts_arm *arms, int count)
{
    double good = 1;
    double all = 2;
    for (int i = 0; i < count; i++) {
        good += arms[i].evidence.weight_good;
        all += arms[i].evidence.weight;
    }
    return good / all;
}

static struct ts_beta quality_of(const struct ts_evidence *e, double average)
{
    double bad = e->weight > e->weight_good ? e->weight - e->weight_good : 0;
    return (struct ts_beta){.a = prior_calls * average + e->weight_good,
                            .b = prior_calls * (1 - average) + bad};
}

/* The average of the arms that know it; n is their number. */
static struct ts_trait average_trait(const struct ts_arm *arms, int count, int kind)
{
    struct ts_trait sum = {.n = 0};
    for (int i = 0; i < count; i++) {
        const struct ts_trait *t = &arms[i].traits[kind];
        sum.n += t->n > 0;
        sum.mean += t->n > 0 ? t->mean : 0;
        sum.sd += t->n > 0 ? t->sd : 0;
    }
    double n = sum.n > 0 ? sum.n : 1;
    return (struct ts_trait){.n = sum.n, .mean = sum.mean / n, .sd = sum.sd / n};
}

static struct ts_trait shrunk(const struct ts_trait *t, const struct ts_trait *average)
{
    double n = t->n + prior_measured;
    double sum = prior_measured * average->mean + (t->n > 0 ? t->n * t->mean : 0);
    return (struct ts_trait){.n = n, .mean = sum / n, .sd = t->n > 0 ? t->sd : average->sd};
}

/* The part of the utility that a trait earns, 0 to 1. */
static double earned(double log10_value, double least)
{
    double behind = log10_value - least;
    return behind <= 0 ? 1 : behind >= 1 ? 0 : 1 - behind;
}

static void believe_trait(struct field *f, int kind)
{
    const struct ts_trait average = average_trait(f->arms, f->count, kind);
    if (average.n == 0)
        f->weights.traits[kind] = 0;
    f->least[kind] = HUGE_VAL;
    for (int i = 0; i < f->count; i++) {
        struct ts_trait *t = &f->beliefs[i].traits[kind];
        *t = shrunk(&f->arms[i].traits[kind], &average);
        f->least[kind] = fmin(f->least[kind], t->mean);
    }
}

static void believe(struct field *f)
{
    double average = average_quality(f->arms, f->count);
    for (int i = 0; i < f->count; i++)
        f->beliefs[i].quality = quality_of(&f->arms[i].evidence, average);
    double known = f->weights.quality;
    for (int k = 0; k < TS_TRAIT_COUNT_; k++) {
        believe_trait(f, k);
        known += f->weights.traits[k];
    }
    f->weights.quality /= known;
    for (int k = 0; k < TS_TRAIT_COUNT_; k++)
        f->weights.traits[k] /= known;
}

static double mean_utility(const struct field *f, int arm)
{
    const struct belief *b = &f->beliefs[arm];
    double utility = f->weights.quality * ts_beta_mean(b->quality);
    for (int k = 0; k < TS_TRAIT_COUNT_; k++)
        utility += f->weights.traits[k] * earned(b->traits[k].mean, f->least[k]);
    return utility;
}

double ts_effective_n(const struct ts_evidence *e)
{
    return e->weight_squares > 0 ? e->weight * e->weight / e->weight_squares : 0;
}

/* -- draws ------------------------------------------------------------------------------------ */

/* The arms that take part in the draws. Those that no draw would put first are left out: it saves
 * most of the work where there are many calls. */
struct drawn {
    int arms[TS_MAX_ARMS];
    int places[TS_MAX_ARMS]; /* in the standings */
    int count;
    struct ts_random random;
    struct ts_strata strata;
    struct ts_beta_stream quality[TS_MAX_ARMS];
    struct ts_stream traits[TS_TRAIT_COUNT_][TS_MAX_ARMS];
    double errors[TS_TRAIT_COUNT_][TS_MAX_ARMS];
};

static double trait_error(const struct ts_trait *t)
{
    return t->sd / sqrt(t->n);
}

/* The standard deviation of what is believed of an arm's utility. */
static double utility_error(const struct field *f, int arm)
{
    const struct belief *b = &f->beliefs[arm];
    double quality = f->weights.quality * ts_beta_sd(b->quality);
    double sum = quality * quality;
    for (int k = 0; k < TS_TRAIT_COUNT_; k++) {
        double sd =
            f->weights.traits[k] > 0 ? f->weights.traits[k] * trait_error(&b->traits[k]) : 0;
        sum += sd * sd;
    }
    return sqrt(sum);
}

/* Whether an arm may have the least of a trait that the others are measured by. */
static bool may_be_least(const struct field *f, int arm, int kind)
{
    const struct ts_trait *t = &f->beliefs[arm].traits[kind];
    double low = t->mean - out_of_reach * trait_error(t);
    for (int i = 0; i < f->count; i++) {
        const struct ts_trait *other = &f->beliefs[i].traits[kind];
        if (other->mean + out_of_reach * trait_error(other) < low)
            return false;
    }
    return true;
}

static bool may_matter(const struct field *f, const struct ts_standing *s, double bar)
{
    if (s->utility + out_of_reach * utility_error(f, s->arm) >= bar)
        return true;
    for (int k = 0; k < TS_TRAIT_COUNT_; k++) {
        if (f->weights.traits[k] > 0 && may_be_least(f, s->arm, k))
            return true;
    }
    return false;
}

/* The first and the one at @second are always among them; the first is drawn first. */
static void choose_drawn(const struct field *f,
                         const struct ts_standing *standings,
                         int second,
                         struct drawn *out)
{
    double bar = 0;
    out->count = 0;
    for (int i = 0; i < f->count; i++)
        bar = fmax(bar, standings[i].utility - out_of_reach * utility_error(f, standings[i].arm));
    for (int i = 0; i < f->count; i++) {
        if (i != 0 && i != second && !may_matter(f, &standings[i], bar))
            continue;
        out->arms[out->count] = standings[i].arm;
        out->places[out->count++] = i;
    }
}

static void start_streams(const struct field *f, struct drawn *d)
{
    d->random = (struct ts_random){.state = 1};
    ts_strata_init(&d->strata);
    for (int i = 0; i < d->count; i++) {
        const struct ts_beta q = f->beliefs[d->arms[i]].quality;
        d->quality[i] = ts_strata_beta(&d->strata, &d->random, q.a, q.b);
        for (int k = 0; k < TS_TRAIT_COUNT_; k++) {
            d->traits[k][i] = ts_strata_stream(&d->strata, &d->random);
            d->errors[k][i] = trait_error(&f->beliefs[d->arms[i]].traits[k]);
        }
    }
}

/* One joint draw of their utilities. */
static void draw_utilities(const struct field *f, struct drawn *d, uint32_t round, double *utility)
{
    for (int i = 0; i < d->count; i++)
        utility[i] = f->weights.quality * ts_beta_stream_draw(&d->quality[i], &d->random, round);
    for (int k = 0; k < TS_TRAIT_COUNT_; k++) {
        if (f->weights.traits[k] <= 0)
            continue;
        double value[TS_MAX_ARMS];
        double least = HUGE_VAL;
        for (int i = 0; i < d->count; i++) {
            const struct ts_trait *t = &f->beliefs[d->arms[i]].traits[k];
            value[i] = t->mean + d->errors[k][i] * ts_stream_normal(&d->traits[k][i], round);
            least = fmin(least, value[i]);
        }
        for (int i = 0; i < d->count; i++)
            utility[i] += f->weights.traits[k] * earned(value[i], least);
    }
}

/* Of those that were not drawn, the loss is that of their means. */
static void lose_by_means(const struct field *f, struct ts_standing *standings, double best)
{
    for (int i = 0; i < f->count; i++) {
        if (standings[i].expected_loss < 0)
            standings[i].expected_loss = fmax(0, best - standings[i].utility);
    }
}

/* Fills p_best and expected_loss. Return: the chance that the first and the one at @second are so
 * close that the difference does not matter. */
static double draw(const struct field *f, struct ts_standing *standings, int second)
{
    struct drawn d;
    choose_drawn(f, standings, second, &d);
    start_streams(f, &d);
    for (int i = 0; i < f->count; i++)
        standings[i].expected_loss = -1;
    double losses[TS_MAX_ARMS] = {0};
    double utility[TS_MAX_ARMS] = {0};
    double best_utility = 0;
    int same = 0;
    for (uint32_t round = 0; round < TS_STRATA; round++) {
        draw_utilities(f, &d, round, utility);
        int best = 0;
        for (int i = 1; i < d.count; i++)
            best = utility[i] > utility[best] ? i : best;
        standings[d.places[best]].p_best += 1.0 / TS_STRATA;
        best_utility += utility[best] / TS_STRATA;
        for (int i = 0; i < d.count; i++) {
            losses[i] += (utility[best] - utility[i]) / TS_STRATA;
            same += d.places[i] == second && fabs(utility[0] - utility[i]) <= same_within;
        }
    }
    for (int i = 0; i < d.count; i++)
        standings[d.places[i]].expected_loss = losses[i];
    lose_by_means(f, standings, best_utility);
    return (double)same / TS_STRATA;
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

/* The slope of the cost, but for a positive factor: the sign is all that is asked. */
static double slope(const struct pair *r, double p)
{
    double q = p + r->handicap;
    return r->n1 * (p - r->p1) * q * (1 - q) + r->n2 * (q - r->p2) * p * (1 - p);
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
    if (handicap >= 1)
        return HUGE_VAL;                       /* no rate of b's makes up for it */
    double low = handicap < 0 ? -handicap : 0; /* p and p + handicap are both rates */
    double high = handicap > 0 ? 1 - handicap : 1;
    for (int step = 0; step < HALVINGS; step++) { /* the cost is convex */
        double middle = (low + high) / 2;
        *(slope(&r, middle) < 0 ? &low : &high) = middle;
    }
    return cost(&r, (low + high) / 2);
}

double ts_lasting_margin(double n, double sd)
{
    if (n <= 0)
        return HUGE_VAL;
    double spent = -2 * log(margin_error_rate);
    double rho = (spent + log(spent) + 1) / margin_best_at; /* squared */
    double reach = n * rho + 1;
    return sd * sqrt(reach / (n * n * rho) * log(reach / (margin_error_rate * margin_error_rate)));
}

/* What is sure of a's lead over b by speed and cost, in units of quality; mostly below 0 where
 * there is no difference. */
static double sure_lead(const struct field *f, int a, int b)
{
    double lead = 0;
    for (int k = 0; k < TS_TRAIT_COUNT_; k++) {
        const struct ts_trait *ta = &f->arms[a].traits[k];
        const struct ts_trait *tb = &f->arms[b].traits[k];
        if (f->weights.traits[k] <= 0)
            continue;
        double worst = ta->mean + ts_lasting_margin(ta->n, ta->sd);
        double best = tb->mean - ts_lasting_margin(tb->n, tb->sd);
        lead += f->weights.traits[k] * (earned(worst, f->least[k]) - earned(best, f->least[k]));
    }
    return lead / f->weights.quality;
}

/* -- the verdict ------------------------------------------------------------------------------ */

static int compare_standings(const void *pa, const void *pb)
{
    const struct ts_standing *a = pa;
    const struct ts_standing *b = pb;
    if (a->cautious != b->cautious)
        return a->cautious > b->cautious ? -1 : 1;
    return (a->arm > b->arm) - (a->arm < b->arm);
}

/* The place of the next best that is not provisional, or -1. */
static int runner_up(const struct field *f, const struct ts_standing *standings)
{
    for (int i = 1; i < f->count && !standings[0].provisional; i++) {
        if (!standings[i].provisional)
            return i;
    }
    return -1;
}

/* Whether the best one beats each that is not provisional. */
static bool best_beats_all(const struct field *f, const struct ts_standing *standings)
{
    const struct ts_evidence *best = &f->arms[standings[0].arm].evidence;
    if (runner_up(f, standings) < 0 ||
        (best->good == best->trials && best->trials < LEADER_WITHOUT_FAILURE_NEEDS))
        return false;
    double trials = 0;
    int others = -1;
    for (int i = 0; i < f->count; i++) {
        if (standings[i].provisional)
            continue;
        trials += (double)f->arms[standings[i].arm].evidence.trials;
        others++;
    }
    double bar = log(others * (1 + log(trials)) / error_rate);
    for (int i = 1; i < f->count; i++) {
        double lead = sure_lead(f, standings[0].arm, standings[i].arm);
        if (!standings[i].provisional &&
            ts_glr(best, &f->arms[standings[i].arm].evidence, lead) <= bar)
            return false;
    }
    return true;
}

/* The variance of what one call tells about an arm's utility. */
static double variance_of_a_call(const struct field *f, int arm)
{
    const struct belief *b = &f->beliefs[arm];
    double q = ts_beta_mean(b->quality);
    double sum = f->weights.quality * f->weights.quality * q * (1 - q);
    for (int k = 0; k < TS_TRAIT_COUNT_; k++) {
        double sd = f->weights.traits[k] > 0 ? f->weights.traits[k] * b->traits[k].sd : 0;
        sum += sd * sd;
    }
    return sum;
}

/* A test of 5 % error and 80 % power needs 15.7 variance / gap^2 calls of each. */
static int64_t calls_needed(const struct field *f, const struct ts_standing *two)
{
    double gap = fabs(two[0].utility - two[1].utility);
    if (gap < 0.005)
        return TS_UNKNOWN; /* it would take ten thousands, and would not matter */
    double variance = (variance_of_a_call(f, two[0].arm) + variance_of_a_call(f, two[1].arm)) / 2;
    double each = ceil(15.7 * variance / (gap * gap));
    int64_t needed = 0;
    for (int i = 0; i < 2; i++) {
        double n = (double)f->arms[two[i].arm].evidence.trials;
        double to_be_judged = TS_PROVISIONAL_BELOW - two[i].effective_n;
        double more = fmax(each - n, to_be_judged);
        needed += more > 0 ? (int64_t)ceil(more) : 0;
    }
    return needed > 0 ? needed : TS_UNKNOWN;
}

/* Fills the standings, best first. */
static void stand(const struct field *f, struct ts_standing *standings)
{
    for (int i = 0; i < f->count; i++) {
        double n = ts_effective_n(&f->arms[i].evidence);
        struct ts_beta quality = f->beliefs[i].quality;
        double utility = mean_utility(f, i);
        standings[i] = (struct ts_standing){
            .arm = i,
            .provisional = n < TS_PROVISIONAL_BELOW,
            .effective_n = n,
            .quality = quality,
            .utility = utility,
            .cautious = utility - f->weights.quality * ts_beta_sd(quality),
        };
    }
    qsort(standings, (size_t)f->count, sizeof(*standings), compare_standings);
}

int ts_proven_best(const struct ts_arm *arms, int count, struct ts_weights w)
{
    assert(count > 0 && count <= TS_MAX_ARMS);
    struct field f = {.arms = arms, .count = count, .weights = w};
    struct ts_standing standings[TS_MAX_ARMS];
    believe(&f);
    stand(&f, standings);
    return best_beats_all(&f, standings) ? standings[0].arm : -1;
}

void ts_rank(const struct ts_arm *arms, int count, struct ts_weights w, struct ts_ranking *out)
{
    assert(count > 0 && count <= TS_MAX_ARMS);
    struct field f = {.arms = arms, .count = count, .weights = w};
    *out = (struct ts_ranking){.count = count, .calls_needed = TS_UNKNOWN};
    believe(&f);
    stand(&f, out->standings);
    int second = runner_up(&f, out->standings);
    double same = draw(&f, out->standings, second);
    if (second > 0 && same >= 1 - error_rate)
        out->verdict = TS_VERDICT_EQUIVALENT;
    else if (best_beats_all(&f, out->standings))
        out->verdict = TS_VERDICT_RECOMMEND;
    else if (count >= 2)
        out->calls_needed = calls_needed(&f, out->standings);
}
