#include <math.h>
#include <stdio.h>

#include "base/id.h"
#include "bench/net.h"
#include "bench/seed.h"

enum { MODELS_PER_PROVIDER = 5, TASKS = 8, USERS = 200, CALLS_PER_CONVERSATION = 8 };

static const struct {
    const char *name;
    const char *dialect;
    double nano_usd_per_token; /* 0: nobody knows */
} providers[] = {{"ollama", "ollama", 0},
                 {"vllm", "openai", 0},
                 {"openai", "openai", 600},
                 {"anthropic", "anthropic", 3000}};

static const char *const tasks[TASKS] = {"general_chat",
                                         "coding",
                                         "analysis",
                                         "reasoning",
                                         "creative",
                                         "file_processing",
                                         "function_calling",
                                         "other"};
static const char *const segments[] = {"free", "pro", "enterprise"};
static const char *const projects[] = {"{\"project\":\"apollo\"}", "{\"project\":\"zeus\"}"};

/* -- chance ----------------------------------------------------------------------------------- */

/* Vigna's SplitMix64. */
static uint64_t next(struct bench_team *t)
{
    uint64_t z = t->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* In [0, 1). */
static double chance(struct bench_team *t)
{
    return (double)(next(t) >> 11) * 0x1p-53;
}

static bool in_of_100(struct bench_team *t, double percent)
{
    return chance(t) * 100 < percent;
}

static int64_t below(struct bench_team *t, int64_t n)
{
    return (int64_t)(chance(t) * (double)n);
}

/* Log-normal around @median, by Box and Muller. */
static int64_t around(struct bench_team *t, double median, double sigma)
{
    double normal = sqrt(-2 * log(1 - chance(t))) * cos(2 * M_PI * chance(t));
    return (int64_t)(median * exp(sigma * normal)) + 1;
}

/* -- one call --------------------------------------------------------------------------------- */

static const char *keep(struct ts_call *c, const char *text)
{
    const char *copy = ts_arena_str(&c->arena, text);
    if (copy == NULL)
        bench_no_memory();
    return copy;
}

static const char *numbered(struct ts_call *c, const char *what, int64_t n)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%s-%lld", what, (long long)n);
    return keep(c, text);
}

/* A few models take most of the calls: the square of a chance. */
static int64_t pick_model(struct bench_team *t)
{
    double u = chance(t);
    return (int64_t)(u * u * MODELS_PER_PROVIDER * (double)TS_ARRAY_LEN(providers));
}

static void set_outcome(struct bench_team *t, struct ts_call *c, int64_t model)
{
    double u = chance(t) * 100;
    double bad = 2 + (double)model / 4;
    c->outcome = u < bad       ? TS_OUTCOME_UPSTREAM_ERROR
                 : u < bad + 1 ? TS_OUTCOME_TIMEOUT
                 : u < bad + 2 ? TS_OUTCOME_UPSTREAM_CUT
                 : u < bad + 5 ? TS_OUTCOME_CANCELLED
                               : TS_OUTCOME_DONE;
    if (c->outcome == TS_OUTCOME_DONE) {
        c->finish_reason = in_of_100(t, 90) ? "stop" : "length";
    } else if (c->outcome != TS_OUTCOME_CANCELLED) {
        c->error = c->outcome == TS_OUTCOME_TIMEOUT        ? TS_ERR_UPSTREAM_TIMEOUT
                   : c->outcome == TS_OUTCOME_UPSTREAM_CUT ? TS_ERR_UPSTREAM_INTERRUPTED
                                                           : TS_ERR_UPSTREAM_REFUSED;
    }
}

static void set_phases(struct bench_team *t, struct ts_call *c, int64_t model)
{
    struct ts_phases *p = &c->phases;
    p->total_us = around(t, 4e5 + 1.5e5 * (double)model, 0.7) * (int64_t)c->complexity;
    p->queue_us = in_of_100(t, 95) ? 0 : around(t, 2e4, 1);
    p->connect_us = in_of_100(t, 95) ? 0 : around(t, 400, 0.5);
    p->load_us = in_of_100(t, 1) ? around(t, 3e6, 0.4) : TS_UNKNOWN;
    c->cold = ts_phases_cold(p);
    p->first_byte_us = p->total_us * (10 + below(t, 20)) / 100;
    p->overhead_us = around(t, 150, 0.4);
    c->streamed = in_of_100(t, 80);
    if (!c->streamed || (c->outcome == TS_OUTCOME_UPSTREAM_ERROR && in_of_100(t, 90)))
        return;
    p->ttft_us = p->first_byte_us + below(t, 2000);
    p->first_visible_us = p->ttft_us;
    p->decode_us = p->total_us - p->ttft_us;
    p->max_stall_us = p->decode_us / (3 + below(t, 30));
}

static void set_tokens(struct bench_team *t, struct ts_call *c, double nano_usd_per_token)
{
    if (in_of_100(t, 4))
        return;
    c->tokens_source = TS_TOKENS_PROVIDER;
    if (in_of_100(t, 1)) {
        c->tokens.unsplit = around(t, 900, 0.8);
        return;
    }
    c->tokens.input = around(t, 600, 1);
    c->tokens.output = around(t, 220, 0.8);
    if (in_of_100(t, 10))
        c->tokens.cache_read = around(t, 300, 0.5);
    if (nano_usd_per_token > 0)
        c->cost_nano_usd =
            (int64_t)(nano_usd_per_token * (double)(c->tokens.input + 4 * c->tokens.output));
}

static void set_people(struct bench_team *t, struct ts_call *c)
{
    if (in_of_100(t, 60)) {
        c->user_id = numbered(c, "user", below(t, USERS));
        c->user_segment = segments[below(t, (int64_t)TS_ARRAY_LEN(segments))];
    }
    if (in_of_100(t, 25))
        c->conversation_id = numbered(c, "conversation", t->made / 4 / CALLS_PER_CONVERSATION);
    if (in_of_100(t, 20))
        c->tags_json = projects[below(t, (int64_t)TS_ARRAY_LEN(projects))];
}

/* Another server of the same provider was tried first. */
static void add_attempt(struct bench_team *t, struct ts_call *c, int64_t provider)
{
    struct ts_attempt *a = ts_call_add_attempt(c);
    if (a == NULL)
        bench_no_memory();
    *a = (struct ts_attempt){
        .provider = c->provider,
        .model = numbered(c, providers[provider].name, 1 + below(t, MODELS_PER_PROVIDER)),
        .cause = TS_ERR_UPSTREAM_UNREACHABLE,
        .status = TS_UNKNOWN,
        .duration_us = around(t, 1000, 0.5),
        .wait_us = 0};
}

struct bench_called bench_team_call(struct bench_team *t)
{
    struct ts_call *c = ts_call_new();
    if (c == NULL)
        bench_no_memory();
    int64_t model = pick_model(t);
    int64_t provider = model % (int64_t)TS_ARRAY_LEN(providers);
    double at = ((double)t->made + chance(t)) / (double)t->rows;
    c->id = ts_id_from_ms(t->first_ms + (int64_t)(at * (double)t->span_ms)) + (t->made & 0xff);
    c->provider = providers[provider].name;
    c->dialect = providers[provider].dialect;
    c->model = numbered(c, c->provider, 1 + model / (int64_t)TS_ARRAY_LEN(providers));
    c->task_type = tasks[below(t, TASKS)];
    c->complexity = (enum ts_complexity)(TS_COMPLEXITY_SIMPLE + below(t, 3));
    c->classified = in_of_100(t, 70);
    set_outcome(t, c, model);
    set_phases(t, c, model);
    set_tokens(t, c, providers[provider].nano_usd_per_token);
    set_people(t, c);
    if (in_of_100(t, 0.5))
        add_attempt(t, c, provider);
    t->made++;
    bool rated = c->outcome != TS_OUTCOME_CANCELLED && in_of_100(t, 8);
    int thumb = in_of_100(t, 85 - (double)model) ? 1 : -1;
    return (struct bench_called){.call = c, .rating = rated ? thumb : 0};
}

struct bench_team bench_team_of(uint64_t seed, int64_t rows, int64_t first_ms, int64_t span_ms)
{
    return (struct bench_team){
        .state = seed, .first_ms = first_ms, .span_ms = span_ms, .rows = rows};
}
