#include "handlers/meters.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

enum { HASH_SLOTS = 4096, NAMES_MAX_BYTES = 512 * 1024 };

_Static_assert(HASH_SLOTS >= 2 * TS_METERS_SERIES, "a probe ends at an empty slot");

/* -- buckets ----------------------------------------------------------------------------------- */

/* OpenTelemetry's, and above them what slow models need. */
#define BOUNDS(name, ...)                                                                          \
    static const double name##_at[] = {__VA_ARGS__};                                               \
    _Static_assert(TS_ARRAY_LEN(name##_at) <= TS_HISTOGRAM_BOUNDS, "room for each bucket");        \
    const struct ts_bounds name = {name##_at, (int)TS_ARRAY_LEN(name##_at)}

BOUNDS(ts_bounds_duration,
       0.01,
       0.02,
       0.04,
       0.08,
       0.16,
       0.32,
       0.64,
       1.28,
       2.56,
       5.12,
       10.24,
       20.48,
       40.96,
       81.92,
       163.84,
       327.68);
BOUNDS(ts_bounds_first,
       0.001,
       0.005,
       0.01,
       0.02,
       0.04,
       0.06,
       0.08,
       0.1,
       0.25,
       0.5,
       0.75,
       1,
       2.5,
       5,
       7.5,
       10,
       30,
       60,
       120);
BOUNDS(ts_bounds_per_token, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5);
BOUNDS(ts_bounds_tokens,
       1,
       4,
       16,
       64,
       256,
       1024,
       4096,
       16384,
       65536,
       262144,
       1048576,
       4194304,
       16777216,
       67108864);
BOUNDS(ts_bounds_overhead,
       0.00001,
       0.000025,
       0.00005,
       0.0001,
       0.00025,
       0.0005,
       0.001,
       0.0025,
       0.005,
       0.01,
       0.1,
       1);

void ts_histogram_add(struct ts_histogram *h, const struct ts_bounds *b, double value)
{
    int i = 0;
    while (i < b->count && value > b->at[i])
        i++;
    h->buckets[i]++;
    h->count++;
    h->sum += value;
}

/* -- series ------------------------------------------------------------------------------------ */

/* Which labels come from outside: these become "__other__" when a set is full. */
struct set_shape {
    int labels;
    unsigned open; /* bit per label */
};

static const struct set_shape shapes[TS_METERS_SETS_] = {
    [TS_METERS_TIMES] = {4, 1U << 0 | 1U << 1},
    [TS_METERS_OUTCOMES] = {4, 1U << 0 | 1U << 1 | 1U << 2},
    [TS_METERS_USAGE] = {2, 1U << 0 | 1U << 1},
    [TS_METERS_ATTEMPTS] = {3, 1U << 0 | 1U << 1},
};

struct set {
    struct ts_meter_series **at;
    int count;
    int cap;
    uint16_t slots[HASH_SLOTS]; /* position + 1 */
};

/* Names of one sort that are told apart; what comes later is other. */
struct names {
    const char **at;
    int count;
    int max;
};

struct ts_meters {
    pthread_mutex_t lock;
    struct ts_arena arena; /* the names */
    struct names models;
    struct names tasks;
    struct set sets[TS_METERS_SETS_];
    _Atomic int64_t refusals[TS_ERR_COUNT_];
};

enum ts_err ts_meters_new(struct ts_meters **out)
{
    struct ts_meters *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return TS_ERR_NOMEM;
    m->arena = TS_ARENA_INIT(NAMES_MAX_BYTES);
    m->models = (struct names){.max = TS_METERS_MODELS};
    m->tasks = (struct names){.max = TS_METERS_TASKS};
    (void)pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return TS_OK;
}

void ts_meters_free(struct ts_meters *m)
{
    if (m == NULL)
        return;
    for (int i = 0; i < TS_METERS_SETS_; i++) {
        for (int k = 0; k < m->sets[i].count; k++)
            free(m->sets[i].at[k]);
        free(m->sets[i].at);
    }
    free(m->models.at);
    free(m->tasks.at);
    ts_arena_free(&m->arena);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

/* The one copy of a name, or TS_METERS_OTHER. */
static const char *intern(struct ts_meters *m, struct names *n, const char *name)
{
    if (name == NULL)
        return "";
    for (int i = 0; i < n->count; i++) {
        if (strcmp(n->at[i], name) == 0)
            return n->at[i];
    }
    if (n->at == NULL)
        n->at = calloc((size_t)n->max, sizeof(n->at[0]));
    const char *copy = n->at != NULL && n->count < n->max ? ts_arena_str(&m->arena, name) : NULL;
    if (copy == NULL)
        return TS_METERS_OTHER;
    return n->at[n->count++] = copy;
}

static uint32_t hash_labels(const char *const *labels, int count)
{
    uint32_t h = UINT32_C(2166136261); /* FNV-1a */
    for (int i = 0; i < count; i++) {
        assert(labels[i] != NULL);
        for (const char *c = labels[i]; *c != '\0'; c++)
            h = (h ^ (unsigned char)*c) * UINT32_C(16777619);
        h = (h ^ 0xffU) * UINT32_C(16777619);
    }
    return h;
}

static bool same_labels(const char *const *a, const char *const *b, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(a[i], b[i]) != 0)
            return false;
    }
    return true;
}

static bool grow(struct set *s)
{
    if (s->count < s->cap)
        return true;
    int cap = s->cap > 0 ? s->cap * 2 : 16;
    struct ts_meter_series **at = realloc(s->at, (size_t)cap * sizeof(struct ts_meter_series *));
    if (at == NULL)
        return false;
    s->at = at;
    s->cap = cap;
    return true;
}

/* The slot of the labels: theirs, or the empty one where they belong. */
static uint16_t *slot_of(struct set *s, const char *const *labels, int count)
{
    uint32_t i = hash_labels(labels, count) % HASH_SLOTS;
    while (s->slots[i] != 0 && !same_labels(s->at[s->slots[i] - 1]->labels, labels, count))
        i = (i + 1) % HASH_SLOTS;
    return &s->slots[i];
}

static struct ts_meter_series *add_series(struct set *s,
                                          uint16_t *slot,
                                          const char *const *labels,
                                          int count)
{
    struct ts_meter_series *new = grow(s) ? calloc(1, sizeof(*new)) : NULL;
    if (new == NULL)
        return NULL;
    memcpy(new->labels, labels, (size_t)count * sizeof(labels[0]));
    s->at[s->count++] = new;
    *slot = (uint16_t)s->count;
    return new;
}

/* The series of the labels, made where there is none; NULL without memory. Under the lock. The
 * labels are interned or constant. What is counted as other has room of its own. */
static struct ts_meter_series *series(struct ts_meters *m,
                                      enum ts_meter_set which,
                                      const char *const *labels)
{
    enum { ROOM_FOR_OTHERS = 256 }; /* outcomes, errors and operations: closed lists */
    struct set *s = &m->sets[which];
    const struct set_shape *shape = &shapes[which];
    uint16_t *slot = slot_of(s, labels, shape->labels);
    if (*slot != 0)
        return s->at[*slot - 1];
    if (s->count < TS_METERS_SERIES - ROOM_FOR_OTHERS)
        return add_series(s, slot, labels, shape->labels);
    const char *others[TS_METER_LABELS];
    for (int i = 0; i < shape->labels; i++)
        others[i] = (shape->open >> i & 1U) != 0 ? TS_METERS_OTHER : labels[i];
    slot = slot_of(s, others, shape->labels);
    if (*slot != 0)
        return s->at[*slot - 1];
    return s->count < TS_METERS_SERIES ? add_series(s, slot, others, shape->labels) : NULL;
}

bool ts_meters_get(struct ts_meters *m,
                   enum ts_meter_set set,
                   int index,
                   struct ts_meter_series *out)
{
    TS_GUARD(&m->lock);
    if (index >= m->sets[set].count)
        return false;
    *out = *m->sets[set].at[index];
    return true;
}

/* -- a call ------------------------------------------------------------------------------------ */

const char *ts_operation_name(const char *dialect)
{
    static const char *const names[][2] = {
        {"generate", "text_completion"},
        {"completions", "text_completion"},
        {"embed", "embeddings"},
        {"embeddings", "embeddings"},
    };
    const char *dot = dialect != NULL ? strchr(dialect, '.') : NULL;
    for (size_t i = 0; dot != NULL && i < TS_ARRAY_LEN(names); i++) {
        if (strcmp(dot + 1, names[i][0]) == 0)
            return names[i][1];
    }
    return "chat";
}

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

static void add_time(struct ts_histogram *h, const struct ts_bounds *b, int64_t us)
{
    if (us != TS_UNKNOWN)
        ts_histogram_add(h, b, seconds(us));
}

static int64_t known(int64_t v)
{
    return v != TS_UNKNOWN ? v : 0;
}

static void count_times(struct ts_meter_times *t, const struct ts_call *call)
{
    const struct ts_phases *p = &call->phases;
    const struct ts_token_counts *n = &call->tokens;
    add_time(&t->duration, &ts_bounds_duration, p->total_us);
    add_time(&t->first_token, &ts_bounds_first, p->ttft_us);
    add_time(&t->overhead, &ts_bounds_overhead, p->overhead_us);
    if (call->tokens_source != TS_TOKENS_PROVIDER)
        return; /* OpenTelemetry: without counts, no usage; never zeros */
    int64_t prompt = ts_tokens_prompt(n);
    if (prompt != TS_UNKNOWN)
        ts_histogram_add(&t->input_tokens, &ts_bounds_tokens, (double)prompt);
    if (n->output != TS_UNKNOWN)
        ts_histogram_add(&t->output_tokens, &ts_bounds_tokens, (double)n->output);
    if (n->output >= 2 && p->decode_us != TS_UNKNOWN)
        ts_histogram_add(
            &t->per_token, &ts_bounds_per_token, seconds(p->decode_us) / (double)(n->output - 1));
}

static void count_usage(struct ts_meter_usage *u, const struct ts_call *call)
{
    const struct ts_token_counts *t = &call->tokens;
    u->tokens.input += known(t->input);
    u->tokens.cache_read += known(t->cache_read);
    u->tokens.cache_write += known(t->cache_write);
    u->tokens.output += known(t->output);
    u->tokens.reasoning += known(t->reasoning);
    u->cost_nano_usd += known(call->cost_nano_usd);
    u->unpriced += call->cost_nano_usd == TS_UNKNOWN;
    u->cold += call->cold;
}

static const char *error_type(const struct ts_call *call)
{
    if (call->outcome == TS_OUTCOME_DONE)
        return "";
    return call->outcome == TS_OUTCOME_CANCELLED ? "cancelled" : ts_err_name(call->error);
}

static void count_attempts(struct ts_meters *m, const struct ts_call *call)
{
    for (int i = 0; i < call->attempt_count; i++) {
        const struct ts_attempt *a = &call->attempts[i];
        const char *by[TS_METER_LABELS] = {intern(m, &m->models, a->provider),
                                           intern(m, &m->models, a->model),
                                           ts_err_name(a->cause)};
        struct ts_meter_series *s = series(m, TS_METERS_ATTEMPTS, by);
        if (s != NULL)
            s->count++;
    }
}

void ts_meters_call(struct ts_meters *m, const char *dialect, const struct ts_call *call)
{
    TS_GUARD(&m->lock);
    const char *provider = intern(m, &m->models, call->provider);
    const char *model = intern(m, &m->models, call->model);
    const char *task = intern(m, &m->tasks, call->task_type);
    const char *by_time[] = {provider, model, ts_operation_name(dialect), error_type(call)};
    const char *by_outcome[] = {provider, model, task, ts_outcome_name(call->outcome)};
    const char *by_model[TS_METER_LABELS] = {provider, model};
    struct ts_meter_series *s = series(m, TS_METERS_TIMES, by_time);
    if (s != NULL)
        count_times(&s->times, call);
    s = series(m, TS_METERS_OUTCOMES, by_outcome);
    if (s != NULL)
        s->count++;
    s = series(m, TS_METERS_USAGE, by_model);
    if (s != NULL)
        count_usage(&s->usage, call);
    count_attempts(m, call);
}

/* -- refusals ---------------------------------------------------------------------------------- */

void ts_meters_refused(struct ts_meters *m, enum ts_err code)
{
    atomic_fetch_add_explicit(&m->refusals[code], 1, memory_order_relaxed);
}

int64_t ts_meters_refusals(const struct ts_meters *m, enum ts_err code)
{
    return atomic_load_explicit(&m->refusals[code], memory_order_relaxed);
}
