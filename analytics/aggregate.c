#include "analytics/aggregate.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    NAMES_MAX_BYTES = 16 * 1024 * 1024, /* all distinct names together */
    FIRST_SLOTS = 64,
    WEIGHT_BITS = 40, /* a weight is a whole number of 2^-40: sums do not depend on their order */
};

struct member {
    struct ts_group key; /* the figures are filled in at the end */
    uint64_t hash;
    struct ts_digest cell;
    ts_u128 weight; /* of its trials, in 2^-40; of the good ones; and their squares, in 2^-80 */
    ts_u128 weight_good;
    ts_u128 weight_squares;
};

/* The groups of one grouping, in order of appearance, and an open-addressed index of them. A
 * grouping is fed, or it adds up the groups of a finer one at the end. */
struct grouping {
    unsigned dimensions;
    int source; /* the finer one; -1: it is fed */
    bool is_added_up;
    struct member *members;
    size_t count;
    size_t cap;
    uint32_t *slots; /* index into members + 1; 0: free */
    size_t slot_count;
    uint32_t
        *of_series; /* likewise, by series, in the bucket that was last; 0: not looked up yet */
    int64_t bucket;
    struct ts_group *sorted;
};

/* Distinct names, each kept once: afterwards equal names are equal pointers. */
struct names {
    const char **slots;
    size_t slot_count;
    size_t count;
    struct ts_arena arena;
};

struct ts_aggregate {
    struct grouping groupings[TS_MAX_GROUPINGS];
    int count;
    int64_t judged_day;
    ts_bucket_fn *bucket;
    const void *bucket_ctx;
    struct names names;
    struct ts_agg_names *series;
    int series_count;
    int series_cap;
};

/* -- names ------------------------------------------------------------------------------------ */

static uint64_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

static const char **name_slot(const char **slots, size_t slot_count, const char *text)
{
    size_t i = mix(hash_text(text)) & (slot_count - 1);
    while (slots[i] != NULL && strcmp(slots[i], text) != 0)
        i = (i + 1) & (slot_count - 1);
    return &slots[i];
}

static enum ts_err grow_names(struct names *n)
{
    size_t slot_count = n->slot_count == 0 ? FIRST_SLOTS : n->slot_count * 2;
    const char **slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return TS_ERR_NOMEM;
    for (size_t i = 0; i < n->slot_count; i++) {
        if (n->slots[i] != NULL)
            *name_slot(slots, slot_count, n->slots[i]) = n->slots[i];
    }
    free(n->slots);
    n->slots = slots;
    n->slot_count = slot_count;
    return TS_OK;
}

/* The kept copy of @text into @out. */
static enum ts_err intern(struct names *n, const char *text, const char **out)
{
    *out = NULL;
    if (text == NULL)
        return TS_OK;
    if ((n->count + 1) * 2 > n->slot_count && grow_names(n) != TS_OK)
        return TS_ERR_NOMEM;
    const char **slot = name_slot(n->slots, n->slot_count, text);
    if (*slot == NULL) {
        *slot = ts_arena_str(&n->arena, text);
        n->count += *slot != NULL;
    }
    *out = *slot;
    return *out != NULL ? TS_OK : TS_ERR_NOMEM;
}

static enum ts_err grow_series(struct ts_aggregate *a)
{
    int cap = a->series_cap == 0 ? FIRST_SLOTS : a->series_cap * 2;
    struct ts_agg_names *series = realloc(a->series, (size_t)cap * sizeof(*series));
    if (series == NULL)
        return TS_ERR_NOMEM;
    a->series = series;
    for (int i = 0; i < a->count; i++) {
        struct grouping *g = &a->groupings[i];
        uint32_t *of_series = g->source >= 0 ? NULL : calloc((size_t)cap, sizeof(*of_series));
        if (g->source < 0 && of_series == NULL)
            return TS_ERR_NOMEM;
        free(g->of_series);
        g->of_series = of_series;
    }
    a->series_cap = cap;
    return TS_OK;
}

enum ts_err ts_aggregate_series(struct ts_aggregate *a,
                                const struct ts_agg_names *names,
                                int *series)
{
    struct ts_agg_names kept;
    if (intern(&a->names, names->model, &kept.model) != TS_OK ||
        intern(&a->names, names->provider, &kept.provider) != TS_OK ||
        intern(&a->names, names->task_type, &kept.task_type) != TS_OK)
        return TS_ERR_NOMEM;
    if (a->series_count == a->series_cap && grow_series(a) != TS_OK)
        return TS_ERR_NOMEM;
    *series = a->series_count++;
    a->series[*series] = kept;
    return TS_OK;
}

/* -- groups ----------------------------------------------------------------------------------- */

static uint64_t hash_key(const struct ts_group *k)
{
    uint64_t h = mix((uint64_t)(uintptr_t)k->model);
    h = mix(h ^ (uint64_t)(uintptr_t)k->provider);
    h = mix(h ^ (uint64_t)(uintptr_t)k->task_type);
    return mix(h ^ (uint64_t)k->bucket);
}

static bool same_key(const struct ts_group *a, const struct ts_group *b)
{
    return a->model == b->model && a->provider == b->provider && a->task_type == b->task_type &&
           a->bucket == b->bucket;
}

static enum ts_err grow_slots(struct grouping *g)
{
    size_t slot_count = g->slot_count == 0 ? FIRST_SLOTS : g->slot_count * 2;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return TS_ERR_NOMEM;
    for (size_t i = 0; i < g->count; i++) {
        size_t s = g->members[i].hash & (slot_count - 1);
        while (slots[s] != 0)
            s = (s + 1) & (slot_count - 1);
        slots[s] = (uint32_t)i + 1;
    }
    free(g->slots);
    g->slots = slots;
    g->slot_count = slot_count;
    return TS_OK;
}

static enum ts_err grow_members(struct grouping *g)
{
    size_t cap = g->cap == 0 ? FIRST_SLOTS / 2 : g->cap * 2;
    struct member *members = realloc(g->members, cap * sizeof(*members));
    if (members == NULL)
        return TS_ERR_NOMEM;
    g->members = members;
    g->cap = cap;
    return TS_OK;
}

/* The group of that key, made where there is none yet; NULL without memory. */
static struct member *find_member(struct grouping *g, const struct ts_group *key)
{
    if ((g->count + 1) * 2 > g->slot_count && grow_slots(g) != TS_OK)
        return NULL;
    uint64_t hash = hash_key(key);
    size_t s = hash & (g->slot_count - 1);
    for (; g->slots[s] != 0; s = (s + 1) & (g->slot_count - 1)) {
        struct member *m = &g->members[g->slots[s] - 1];
        if (same_key(&m->key, key))
            return m;
    }
    if (g->count == g->cap && grow_members(g) != TS_OK)
        return NULL;
    g->members[g->count] = (struct member){.key = *key, .hash = hash, .cell = TS_DIGEST_INIT};
    g->slots[s] = (uint32_t)++g->count;
    return &g->members[g->count - 1];
}

/* Of a key in every dimension, the group that a grouping takes it for. */
static struct member *member_of(struct grouping *g, const struct ts_group *full)
{
    struct ts_group key = {.bucket = INT64_MIN};
    if (g->dimensions & TS_BY_MODEL)
        key.model = full->model;
    if (g->dimensions & (TS_BY_MODEL | TS_BY_PROVIDER))
        key.provider = full->provider;
    if (g->dimensions & TS_BY_TASK)
        key.task_type = full->task_type;
    if (g->dimensions & TS_BY_TIME)
        key.bucket = full->bucket;
    return find_member(g, &key);
}

/* The group that calls of @series at that moment are in. */
static struct member *member_at(struct ts_aggregate *a,
                                struct grouping *g,
                                int series,
                                int64_t at_ms)
{
    int64_t bucket = INT64_MIN;
    if (g->dimensions & TS_BY_TIME)
        bucket = a->bucket(a->bucket_ctx, at_ms);
    if (bucket != g->bucket) {
        memset(g->of_series, 0, (size_t)a->series_cap * sizeof(*g->of_series));
        g->bucket = bucket;
    }
    if (g->of_series[series] != 0)
        return &g->members[g->of_series[series] - 1];
    const struct ts_agg_names *n = &a->series[series];
    const struct ts_group full = {
        .model = n->model, .provider = n->provider, .task_type = n->task_type, .bucket = bucket};
    struct member *m = member_of(g, &full);
    if (m != NULL)
        g->of_series[series] = (uint32_t)(m - g->members) + 1;
    return m;
}

/* -- calls ------------------------------------------------------------------------------------ */

static enum ts_agg_part part_of(const struct grouping *g)
{
    return g->dimensions & TS_BY_TIME ? TS_AGG_TIMED : TS_AGG_TIMELESS;
}

static bool is_fed(const struct grouping *g, unsigned parts)
{
    return g->source < 0 && (parts & part_of(g));
}

/* In units of 2^-WEIGHT_BITS. Calls of the future are not worth more than fresh ones. */
static uint64_t weight_of(const struct ts_aggregate *a, int64_t at_ms)
{
    int64_t age_days = a->judged_day - at_ms / TS_DAY_MS;
    double share = age_days > 0 ? exp2(-(double)age_days / TS_EVIDENCE_HALF_LIFE_DAYS) : 1;
    return (uint64_t)llround(ldexp(share, WEIGHT_BITS));
}

static void weigh(struct member *m, int64_t trials, int64_t good, uint64_t weight)
{
    m->weight += (ts_u128)trials * weight;
    m->weight_good += (ts_u128)good * weight;
    m->weight_squares += (ts_u128)trials * weight * weight;
}

enum ts_err ts_aggregate_add(struct ts_aggregate *a, unsigned parts, const struct ts_agg_row *row)
{
    int64_t at_ms = ts_id_ms(row->id);
    uint64_t weight = weight_of(a, at_ms);
    for (int i = 0; i < a->count; i++) {
        if (!is_fed(&a->groupings[i], parts))
            continue;
        struct member *m = member_at(a, &a->groupings[i], row->series, at_ms);
        if (m == NULL)
            return TS_ERR_NOMEM;
        const struct ts_tally *t = &m->cell.tally;
        int64_t trials = ts_tally_trials(t);
        int64_t good = t->good;
        if (ts_digest_add(&m->cell, row) != TS_OK)
            return TS_ERR_NOMEM;
        weigh(m, ts_tally_trials(t) - trials, t->good - good, weight);
    }
    return TS_OK;
}

enum ts_err ts_aggregate_attempt(struct ts_aggregate *a, unsigned parts, int series, int64_t at_ms)
{
    for (int i = 0; i < a->count; i++) {
        if (!is_fed(&a->groupings[i], parts))
            continue;
        struct member *m = member_at(a, &a->groupings[i], series, at_ms);
        if (m == NULL)
            return TS_ERR_NOMEM;
        ts_digest_add_attempt(&m->cell);
        weigh(m, 1, 0, weight_of(a, at_ms));
    }
    return TS_OK;
}

enum ts_err ts_aggregate_add_cell(struct ts_aggregate *a,
                                  unsigned parts,
                                  int series,
                                  int64_t at_ms,
                                  const struct ts_digest_view *cell)
{
    uint64_t weight = weight_of(a, at_ms);
    for (int i = 0; i < a->count; i++) {
        if (!is_fed(&a->groupings[i], parts))
            continue;
        struct member *m = member_at(a, &a->groupings[i], series, at_ms);
        if (m == NULL)
            return TS_ERR_NOMEM;
        enum ts_err e = ts_digest_merge_view(&m->cell, cell);
        if (e != TS_OK)
            return e;
        weigh(m, ts_tally_trials(&cell->tally), cell->tally.good, weight);
    }
    return TS_OK;
}

unsigned ts_aggregate_parts(const struct ts_aggregate *a)
{
    unsigned parts = 0;
    for (int i = 0; i < a->count; i++)
        parts |= part_of(&a->groupings[i]);
    return parts;
}

bool ts_aggregate_times_all(const struct ts_aggregate *a)
{
    for (int i = 0; i < a->count; i++) {
        unsigned dimensions = a->groupings[i].dimensions;
        if ((dimensions & TS_BY_TIME) && dimensions != TS_BY_TIME)
            return false;
    }
    return true;
}

bool ts_aggregate_one_bucket(const struct ts_aggregate *a, int64_t from_ms, int64_t to_ms)
{
    return a->bucket == NULL ||
           a->bucket(a->bucket_ctx, from_ms) == a->bucket(a->bucket_ctx, to_ms - 1);
}

/* -- figures ---------------------------------------------------------------------------------- */

/* The median and the ranks between which the true one lies with 95 %, whatever the distribution:
 * each value is below it with probability one half, so their number is binomial. */
static void finish_median(struct ts_sketch_walk *times, struct ts_figures *f)
{
    double n = (double)times->sketch->n;
    double reach = 1.959963984540054 * sqrt(n);
    double low = floor((n - reach) / 2);
    double high = ceil(1 + (n + reach) / 2);
    bool known = low >= 1 && high <= n;
    f->median_low_us = known ? ts_sketch_walk_rank(times, (int64_t)low) : (double)NAN;
    f->median_response_us = ts_sketch_walk_percentile(times, 50);
    f->median_high_us = known ? ts_sketch_walk_rank(times, (int64_t)high) : (double)NAN;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static int64_t if_known(int64_t n, int64_t sum)
{
    return n > 0 ? sum : TS_UNKNOWN;
}

static void finish_times(const struct ts_digest *c, struct ts_figures *f)
{
    struct ts_sketch_walk response = {.sketch = &c->response};
    struct ts_sketch_walk ttft = {.sketch = &c->ttft};
    f->avg_response_us = ratio((double)c->response.sum, (double)c->response.n);
    f->min_response_us = ts_sketch_walk_percentile(&response, 0);
    f->max_response_us = ts_sketch_walk_percentile(&response, 100);
    finish_median(&response, f);
    f->p95_response_us = ts_sketch_walk_percentile(&response, 95);
    f->p99_response_us = ts_sketch_walk_percentile(&response, 99);
    f->median_ttft_us = ts_sketch_walk_percentile(&ttft, 50);
    f->p95_ttft_us = ts_sketch_walk_percentile(&ttft, 95);
    f->tokens_per_second = ratio((double)c->tally.timed_tokens * 1e6, (double)c->tally.timed_us);
    f->cold = (struct ts_spread){.n = c->tally.cold, .sum = (double)c->tally.cold_us};
}

static void finish_amounts(const struct ts_tally *t, struct ts_figures *f)
{
    f->input_tokens = if_known(t->input_n, t->input_tokens);
    f->output_tokens = if_known(t->output_n, t->output_tokens);
    f->total_tokens = if_known(t->tokens_n, ts_tally_tokens(t));
    f->total_cost_nano_usd = if_known(t->cost_n, t->cost_nano_usd);
    f->tokens = (struct ts_spread){
        .n = t->tokens_n, .sum = (double)ts_tally_tokens(t), .squares = (double)t->tokens_squares};
    f->cost_usd = (struct ts_spread){.n = t->cost_n,
                                     .sum = (double)t->cost_nano_usd * 1e-9,
                                     .squares = (double)t->cost_squares * 1e-18};
    f->avg_tokens = ratio(f->tokens.sum, (double)t->tokens_n);
}

static void finish_member(struct member *m)
{
    const struct ts_tally *t = &m->cell.tally;
    struct ts_figures *f = &m->key.figures;
    int64_t successes = ts_tally_successes(t);
    *f = (struct ts_figures){
        .total_calls = t->calls,
        .successes = successes,
        .failures = t->failures,
        .timeouts = t->timeouts,
        .cancelled = t->cancelled,
        .failed_attempts = t->failed_attempts,
        .up = t->up,
        .down = t->down,
        .last_used_ms = t->last_ms,
        .success_rate = 100 * ratio((double)successes, (double)(successes + t->failures)),
        .satisfaction_rate = 100 * ratio((double)t->up, (double)(t->up + t->down)),
        .evidence = {.trials = ts_tally_trials(t),
                     .good = t->good,
                     .weight = ldexp((double)m->weight, -WEIGHT_BITS),
                     .weight_good = ldexp((double)m->weight_good, -WEIGHT_BITS),
                     .weight_squares = ldexp((double)m->weight_squares, -2 * WEIGHT_BITS)},
    };
    finish_times(&m->cell, f);
    finish_amounts(t, f);
    m->key.response = &m->cell.response;
    m->key.ttft = &m->cell.ttft;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int compare_groups(const void *pa, const void *pb)
{
    const struct ts_group *a = pa;
    const struct ts_group *b = pb;
    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    if (a->figures.total_calls != b->figures.total_calls)
        return a->figures.total_calls > b->figures.total_calls ? -1 : 1;
    int order = compare_text(a->model, b->model);
    if (order == 0)
        order = compare_text(a->provider, b->provider);
    return order != 0 ? order : compare_text(a->task_type, b->task_type);
}

/* A grouping that was not fed: the groups of the finer one, added up, and of that one first. */
static enum ts_err add_up(struct ts_aggregate *a, struct grouping *g)
{
    if (g->source < 0 || g->is_added_up)
        return TS_OK;
    struct grouping *from = &a->groupings[g->source];
    g->is_added_up = true;
    if (add_up(a, from) != TS_OK)
        return TS_ERR_NOMEM;
    for (size_t i = 0; i < from->count; i++) {
        const struct member *part = &from->members[i];
        struct member *m = member_of(g, &part->key);
        if (m == NULL || ts_digest_merge(&m->cell, &part->cell) != TS_OK)
            return TS_ERR_NOMEM;
        m->weight += part->weight;
        m->weight_good += part->weight_good;
        m->weight_squares += part->weight_squares;
    }
    return TS_OK;
}

static enum ts_err finish_grouping(struct grouping *g)
{
    g->sorted = calloc(g->count > 0 ? g->count : 1, sizeof(*g->sorted));
    if (g->sorted == NULL)
        return TS_ERR_NOMEM;
    for (size_t i = 0; i < g->count; i++) {
        finish_member(&g->members[i]);
        g->sorted[i] = g->members[i].key;
    }
    qsort(g->sorted, g->count, sizeof(*g->sorted), compare_groups);
    return TS_OK;
}

enum ts_err ts_aggregate_finish(struct ts_aggregate *a)
{
    for (int i = 0; i < a->count; i++) {
        if (add_up(a, &a->groupings[i]) != TS_OK)
            return TS_ERR_NOMEM;
    }
    for (int i = 0; i < a->count; i++) {
        if (finish_grouping(&a->groupings[i]) != TS_OK)
            return TS_ERR_NOMEM;
    }
    return TS_OK;
}

const struct ts_group *ts_aggregate_groups(const struct ts_aggregate *a, int i, int *count)
{
    assert(i >= 0 && i < a->count && a->groupings[i].sorted != NULL);
    *count = (int)a->groupings[i].count;
    return a->groupings[i].sorted;
}

/* -- life ------------------------------------------------------------------------------------- */

/* All that a grouping knows; a model's group knows its provider as well. */
static unsigned detail(unsigned dimensions)
{
    return dimensions & TS_BY_MODEL ? dimensions | TS_BY_PROVIDER : dimensions;
}

/* Whether @g can be added up from @from, with or without time like it. Of two that say the same,
 * the first is fed. */
static bool is_finer(const struct ts_aggregate *a, int from, int g)
{
    unsigned fine = detail(a->groupings[from].dimensions);
    unsigned coarse = detail(a->groupings[g].dimensions);
    if (part_of(&a->groupings[from]) != part_of(&a->groupings[g]) || (coarse & ~fine) != 0)
        return false;
    return fine != coarse || from < g;
}

/* Of the finer ones the coarsest, which has the fewest groups to add up; -1: none is finer. */
static int source_of(const struct ts_aggregate *a, int g)
{
    int best = -1;
    for (int i = 0; i < a->count; i++) {
        if (i != g && is_finer(a, i, g) && (best < 0 || is_finer(a, best, i)))
            best = i;
    }
    return best;
}

enum ts_err ts_aggregate_new(const unsigned *groupings,
                             int count,
                             int64_t judged_ms,
                             ts_bucket_fn *bucket,
                             const void *bucket_ctx,
                             struct ts_aggregate **out)
{
    assert(count > 0 && count <= TS_MAX_GROUPINGS);
    struct ts_aggregate *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return TS_ERR_NOMEM;
    a->count = count;
    a->judged_day = judged_ms / TS_DAY_MS;
    a->bucket = bucket;
    a->bucket_ctx = bucket_ctx;
    a->names.arena = TS_ARENA_INIT(NAMES_MAX_BYTES);
    for (int i = 0; i < count; i++) {
        assert(bucket != NULL || !(groupings[i] & TS_BY_TIME));
        a->groupings[i].dimensions = groupings[i];
        a->groupings[i].bucket = INT64_MIN;
    }
    for (int i = 0; i < count; i++)
        a->groupings[i].source = source_of(a, i);
    *out = a;
    return TS_OK;
}

static void free_members(struct grouping *g)
{
    for (size_t i = 0; i < g->count; i++)
        ts_digest_free(&g->members[i].cell);
    free(g->members);
    free(g->slots);
    free(g->sorted);
    g->members = NULL;
    g->slots = NULL;
    g->sorted = NULL;
    g->count = g->cap = g->slot_count = 0;
    g->is_added_up = false;
}

void ts_aggregate_clear(struct ts_aggregate *a)
{
    for (int i = 0; i < a->count; i++) {
        struct grouping *g = &a->groupings[i];
        free_members(g);
        if (g->of_series != NULL)
            memset(g->of_series, 0, (size_t)a->series_cap * sizeof(*g->of_series));
    }
}

void ts_aggregate_free(struct ts_aggregate *a)
{
    if (a == NULL)
        return;
    for (int i = 0; i < a->count; i++) {
        free_members(&a->groupings[i]);
        free(a->groupings[i].of_series);
    }
    ts_arena_free(&a->names.arena);
    free(a->names.slots);
    free(a->series);
    free(a);
}
