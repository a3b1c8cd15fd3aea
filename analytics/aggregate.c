#include "analytics/aggregate.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MAX_BYTES = 16 * 1024 * 1024, /* all distinct names together */
    FIRST_SLOTS = 64,
    FIRST_SAMPLES = 16,
};

/* A growing list of measured values; percentiles need them all. */
struct samples {
    int64_t *at;
    size_t count;
    size_t cap;
};

struct cell {
    struct ts_group key; /* figures: counts while rows come in, the rest at the end */
    uint64_t hash;
    struct samples response;
    struct samples ttft;
    int64_t response_sum_us;
    int64_t timed_tokens; /* output tokens of calls whose decode time is known */
    int64_t timed_us;
};

/* The groups of one grouping: cells in order of appearance, and an open-addressed index of them. */
struct grouping {
    unsigned dimensions;
    struct cell *cells;
    size_t count;
    size_t cap;
    uint32_t *slots; /* index into cells + 1; 0: free */
    size_t slot_count;
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
    int64_t now_ms;
    ts_bucket_fn *bucket;
    const void *bucket_ctx;
    struct names names;
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

/* The kept copy of @text; NULL only without memory. */
static const char *intern(struct names *n, const char *text)
{
    if ((n->count + 1) * 2 > n->slot_count && grow_names(n) != TS_OK)
        return NULL;
    const char **slot = name_slot(n->slots, n->slot_count, text);
    if (*slot == NULL) {
        *slot = ts_arena_str(&n->arena, text);
        n->count += *slot != NULL;
    }
    return *slot;
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
        size_t s = g->cells[i].hash & (slot_count - 1);
        while (slots[s] != 0)
            s = (s + 1) & (slot_count - 1);
        slots[s] = (uint32_t)i + 1;
    }
    free(g->slots);
    g->slots = slots;
    g->slot_count = slot_count;
    return TS_OK;
}

static enum ts_err grow_cells(struct grouping *g)
{
    size_t cap = g->cap == 0 ? FIRST_SLOTS / 2 : g->cap * 2;
    struct cell *cells = realloc(g->cells, cap * sizeof(*cells));
    if (cells == NULL)
        return TS_ERR_NOMEM;
    g->cells = cells;
    g->cap = cap;
    return TS_OK;
}

static struct cell new_cell(const struct ts_group *key, uint64_t hash)
{
    struct cell c = {.key = *key, .hash = hash};
    c.key.figures = (struct ts_figures){.input_tokens = TS_UNKNOWN,
                                        .output_tokens = TS_UNKNOWN,
                                        .total_tokens = TS_UNKNOWN,
                                        .total_cost_nano_usd = TS_UNKNOWN,
                                        .last_used_ms = TS_UNKNOWN};
    return c;
}

/* The cell of that key, made where there is none yet; NULL without memory. */
static struct cell *find_cell(struct grouping *g, const struct ts_group *key)
{
    if ((g->count + 1) * 2 > g->slot_count && grow_slots(g) != TS_OK)
        return NULL;
    uint64_t hash = hash_key(key);
    size_t s = hash & (g->slot_count - 1);
    for (; g->slots[s] != 0; s = (s + 1) & (g->slot_count - 1)) {
        struct cell *c = &g->cells[g->slots[s] - 1];
        if (same_key(&c->key, key))
            return c;
    }
    if (g->count == g->cap && grow_cells(g) != TS_OK)
        return NULL;
    g->cells[g->count] = new_cell(key, hash);
    g->slots[s] = (uint32_t)++g->count;
    return &g->cells[g->count - 1];
}

/* The row's key in every dimension; a grouping takes from it what it groups by. */
static enum ts_err full_key(struct ts_aggregate *a,
                            const struct ts_agg_row *row,
                            struct ts_group *key)
{
    key->model = intern(&a->names, row->model);
    key->provider = intern(&a->names, row->provider);
    key->task_type = intern(&a->names, row->task_type);
    key->bucket = a->bucket != NULL ? a->bucket(a->bucket_ctx, ts_id_ms(row->id)) : INT64_MIN;
    bool kept = key->model != NULL && key->provider != NULL && key->task_type != NULL;
    return kept ? TS_OK : TS_ERR_NOMEM;
}

static struct cell *cell_of(struct grouping *g, const struct ts_group *full)
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
    return find_cell(g, &key);
}

/* -- rows ------------------------------------------------------------------------------------- */

static enum ts_err add_sample(struct samples *s, int64_t v)
{
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? FIRST_SAMPLES : s->cap * 2;
        int64_t *at = realloc(s->at, cap * sizeof(*at));
        if (at == NULL)
            return TS_ERR_NOMEM;
        s->at = at;
        s->cap = cap;
    }
    s->at[s->count++] = v;
    return TS_OK;
}

/* Sums of outside numbers stop at the largest value instead of wrapping. */
static int64_t sum(int64_t a, int64_t b)
{
    int64_t out = 0;
    return __builtin_add_overflow(a, b, &out) ? INT64_MAX : out;
}

static void add_known(int64_t *total, int64_t v)
{
    if (v != TS_UNKNOWN)
        *total = *total == TS_UNKNOWN ? v : sum(*total, v);
}

static void add_to_spread(struct ts_spread *s, int64_t v, double unit)
{
    if (v == TS_UNKNOWN)
        return;
    double x = (double)v * unit;
    s->n++;
    s->sum += x;
    s->squares += x * x;
}

static void add_tokens(struct cell *c, const struct ts_agg_row *row)
{
    struct ts_figures *f = &c->key.figures;
    add_known(&f->input_tokens, row->input_tokens);
    add_known(&f->output_tokens, row->output_tokens);
    add_known(&f->total_tokens, row->input_tokens);
    add_known(&f->total_tokens, row->output_tokens);
    add_known(&f->total_tokens, row->unsplit_tokens);
    int64_t tokens = TS_UNKNOWN;
    add_known(&tokens, row->input_tokens);
    add_known(&tokens, row->output_tokens);
    add_known(&tokens, row->unsplit_tokens);
    add_to_spread(&f->tokens, tokens, 1);
    if (row->output_tokens != TS_UNKNOWN && row->decode_us > 0) {
        c->timed_tokens = sum(c->timed_tokens, row->output_tokens);
        c->timed_us = sum(c->timed_us, row->decode_us);
    }
}

static enum ts_err add_times(struct cell *c, const struct ts_agg_row *row)
{
    if (row->response_us != TS_UNKNOWN) {
        if (add_sample(&c->response, row->response_us) != TS_OK)
            return TS_ERR_NOMEM;
        c->response_sum_us = sum(c->response_sum_us, row->response_us);
    }
    if (row->ttft_us != TS_UNKNOWN)
        return add_sample(&c->ttft, row->ttft_us);
    return TS_OK;
}

static void add_trial(struct ts_evidence *e, bool good, double weight)
{
    e->trials++;
    e->good += good;
    e->weight += weight;
    e->weight_good += good ? weight : 0;
    e->weight_squares += weight * weight;
}

static double weight_of(const struct ts_aggregate *a, int64_t at_ms)
{
    double age = at_ms < a->now_ms ? (double)(a->now_ms - at_ms) : 0;
    return exp2(-age / (double)TS_EVIDENCE_HALF_LIFE_MS);
}

static enum ts_err add_to_cell(struct cell *c, const struct ts_agg_row *row, double weight)
{
    struct ts_figures *f = &c->key.figures;
    f->total_calls++;
    if (ts_id_ms(row->id) > f->last_used_ms)
        f->last_used_ms = ts_id_ms(row->id);
    if (row->outcome == TS_OUTCOME_CANCELLED) {
        f->cancelled++;
        return TS_OK;
    }
    bool success = row->outcome == TS_OUTCOME_DONE;
    f->successes += success;
    f->failures += !success;
    f->timeouts += row->outcome == TS_OUTCOME_TIMEOUT;
    f->up += row->rating > 0;
    f->down += row->rating < 0;
    add_trial(&f->evidence, row->rating != 0 ? row->rating > 0 : success, weight);
    add_tokens(c, row);
    add_known(&f->total_cost_nano_usd, row->cost_nano_usd);
    add_to_spread(&f->cost_usd, row->cost_nano_usd, 1e-9);
    return add_times(c, row);
}

enum ts_err ts_aggregate_add(struct ts_aggregate *a, const struct ts_agg_row *row)
{
    struct ts_group key;
    if (full_key(a, row, &key) != TS_OK)
        return TS_ERR_NOMEM;
    double weight = weight_of(a, ts_id_ms(row->id));
    for (int i = 0; i < a->count; i++) {
        struct cell *c = cell_of(&a->groupings[i], &key);
        if (c == NULL || add_to_cell(c, row, weight) != TS_OK)
            return TS_ERR_NOMEM;
    }
    return TS_OK;
}

enum ts_err ts_aggregate_attempt(struct ts_aggregate *a, const struct ts_agg_row *attempt)
{
    struct ts_group key;
    if (full_key(a, attempt, &key) != TS_OK)
        return TS_ERR_NOMEM;
    double weight = weight_of(a, ts_id_ms(attempt->id));
    for (int i = 0; i < a->count; i++) {
        struct cell *c = cell_of(&a->groupings[i], &key);
        if (c == NULL)
            return TS_ERR_NOMEM;
        c->key.figures.failed_attempts++;
        add_trial(&c->key.figures.evidence, false, weight);
    }
    return TS_OK;
}

/* -- figures ---------------------------------------------------------------------------------- */

static int compare_i64(const void *pa, const void *pb)
{
    const int64_t *a = pa;
    const int64_t *b = pb;
    return (*a > *b) - (*a < *b);
}

/* Nearest rank: the smallest value with at least @percent of all values at or below it. In whole
 * numbers, since ceil(q * n) in floating point is one too high for some n. */
static double percentile(const struct samples *sorted, size_t percent)
{
    if (sorted->count == 0)
        return (double)NAN;
    size_t rank = (sorted->count * percent + 99) / 100;
    return (double)sorted->at[rank - 1];
}

/* The ranks between which the true median lies with 95 %, whatever the distribution: each value is
 * below it with probability one half, so their number is binomial. */
static void median_interval(const struct samples *sorted, struct ts_figures *f)
{
    double n = (double)sorted->count;
    double reach = 1.959963984540054 * sqrt(n);
    double low = floor((n - reach) / 2);
    double high = ceil(1 + (n + reach) / 2);
    bool known = low >= 1 && high <= n;
    f->median_low_us = known ? (double)sorted->at[(size_t)low - 1] : (double)NAN;
    f->median_high_us = known ? (double)sorted->at[(size_t)high - 1] : (double)NAN;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static void sort_samples(struct samples *s)
{
    if (s->count > 1)
        qsort(s->at, s->count, sizeof(*s->at), compare_i64);
}

static void finish_cell(struct cell *c)
{
    struct ts_figures *f = &c->key.figures;
    sort_samples(&c->response);
    sort_samples(&c->ttft);
    f->avg_response_us = ratio((double)c->response_sum_us, (double)c->response.count);
    f->min_response_us = c->response.count > 0 ? (double)c->response.at[0] : (double)NAN;
    f->max_response_us = percentile(&c->response, 100);
    f->median_response_us = percentile(&c->response, 50);
    median_interval(&c->response, f);
    f->p95_response_us = percentile(&c->response, 95);
    f->p99_response_us = percentile(&c->response, 99);
    f->median_ttft_us = percentile(&c->ttft, 50);
    f->p95_ttft_us = percentile(&c->ttft, 95);
    f->tokens_per_second = ratio((double)c->timed_tokens * 1e6, (double)c->timed_us);
    f->avg_tokens = ratio((double)f->total_tokens, (double)f->tokens.n);
    f->success_rate = 100 * ratio((double)f->successes, (double)(f->successes + f->failures));
    f->satisfaction_rate = 100 * ratio((double)f->up, (double)(f->up + f->down));
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

static enum ts_err finish_grouping(struct grouping *g)
{
    g->sorted = calloc(g->count > 0 ? g->count : 1, sizeof(*g->sorted));
    if (g->sorted == NULL)
        return TS_ERR_NOMEM;
    for (size_t i = 0; i < g->count; i++) {
        finish_cell(&g->cells[i]);
        g->sorted[i] = g->cells[i].key;
    }
    qsort(g->sorted, g->count, sizeof(*g->sorted), compare_groups);
    return TS_OK;
}

enum ts_err ts_aggregate_finish(struct ts_aggregate *a)
{
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

enum ts_err ts_aggregate_new(const unsigned *groupings,
                             int count,
                             int64_t now_ms,
                             ts_bucket_fn *bucket,
                             const void *bucket_ctx,
                             struct ts_aggregate **out)
{
    assert(count > 0 && count <= TS_MAX_GROUPINGS);
    struct ts_aggregate *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return TS_ERR_NOMEM;
    a->count = count;
    a->now_ms = now_ms;
    a->bucket = bucket;
    a->bucket_ctx = bucket_ctx;
    a->names.arena = TS_ARENA_INIT(NAMES_MAX_BYTES);
    for (int i = 0; i < count; i++) {
        assert(bucket != NULL || !(groupings[i] & TS_BY_TIME));
        a->groupings[i].dimensions = groupings[i];
    }
    *out = a;
    return TS_OK;
}

static void free_grouping(struct grouping *g)
{
    for (size_t i = 0; i < g->count; i++) {
        free(g->cells[i].response.at);
        free(g->cells[i].ttft.at);
    }
    free(g->cells);
    free(g->slots);
    free(g->sorted);
}

void ts_aggregate_free(struct ts_aggregate *a)
{
    if (a == NULL)
        return;
    for (int i = 0; i < a->count; i++)
        free_grouping(&a->groupings[i]);
    ts_arena_free(&a->names.arena);
    free(a->names.slots);
    free(a);
}
