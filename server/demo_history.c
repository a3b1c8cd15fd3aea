#include "server/demo_history.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "server/demo_model.h"

enum {
    CALLS_PER_DAY = 240,
    BATCH = 500,
    MS_PER_HOUR = 3600 * 1000,
    MS_PER_DAY = 24 * MS_PER_HOUR,
    TIMEOUT_US = TS_DEMO_FIRST_TOKEN_TIMEOUT_MS * 1000,
};

/* -- waiting for the store -------------------------------------------------------------------- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t settled;
    int pending;
    enum ts_err result; /* the first that is not TS_OK */
    struct ts_error error;
};

static void settle(struct waiter *w, const struct ts_store_job *job)
{
    TS_GUARD(&w->lock);
    if (job->result != TS_OK && w->result == TS_OK) {
        w->result = job->result;
        w->error = job->error;
    }
    w->pending--;
    (void)pthread_cond_signal(&w->settled);
}

static void wait_all(struct waiter *w)
{
    TS_GUARD(&w->lock);
    while (w->pending > 0)
        (void)pthread_cond_wait(&w->settled, &w->lock);
}

struct import {
    struct ts_store_import import;
    struct waiter *waiter;
};

struct rating {
    struct ts_store_rating rating;
    struct waiter *waiter;
};

static void on_imported(struct ts_post *p)
{
    struct import *i = TS_CONTAINER(p, struct import, import.job.post);
    settle(i->waiter, &i->import.job);
}

static void on_rated(struct ts_post *p)
{
    struct rating *r = TS_CONTAINER(p, struct rating, rating.job.post);
    settle(r->waiter, &r->rating.job);
}

/* -- one call --------------------------------------------------------------------------------- */

static double busy(int64_t unix_ms)
{
    static const double by_hour[24] = {.10, .06, .05, .05, .06, .08, .15, .35, .70, .95, 1.0, .95,
                                       .75, .85, 1.0, .95, .90, .75, .55, .45, .40, .35, .25, .15};
    int64_t day = unix_ms / MS_PER_DAY;
    int weekday = (int)((day + 3) % 7); /* 1970-01-01 was a Thursday; 0: Monday */
    double share = by_hour[unix_ms % MS_PER_DAY / MS_PER_HOUR];
    return weekday >= 5 ? 0.35 * share : share;
}

/* A time in the last @days days, rather when people work. */
static int64_t draw_time(struct ts_dice *d, int days, int64_t now_ms)
{
    int64_t at = now_ms;
    for (int tries = 0; tries < 12; tries++) {
        at = now_ms - 1 - (int64_t)(ts_dice_share(d) * days * (double)MS_PER_DAY);
        if (ts_dice_share(d) < busy(at))
            break;
    }
    return at;
}

/* Bad times of a server, in days before now. Older ones first. */
static const struct incident {
    enum ts_demo_server_id server;
    double from_days;
    double to_days;
    double slower;
    double failing;
} incidents[] = {
    {TS_DEMO_LMSTUDIO, 17.5, 16.5, 1.0, 0.85}, /* an outage of a day */
    {TS_DEMO_LLAMACPP, 12.0, 8.0, 4.0, 0.03},  /* something else takes half of the machine */
};

/* The model as it was at that time. */
static struct ts_demo_model model_at(const struct ts_demo_model *m, int64_t at_ms, int64_t now_ms)
{
    struct ts_demo_model then = *m;
    double days = (double)(now_ms - at_ms) / (double)MS_PER_DAY;
    for (size_t i = 0; i < TS_ARRAY_LEN(incidents); i++) {
        const struct incident *bad = &incidents[i];
        if (bad->server != m->server || days > bad->from_days || days <= bad->to_days)
            continue;
        then.ttft_ms *= bad->slower;
        then.tokens_per_s /= bad->slower;
        then.failing = bad->failing;
    }
    return then;
}

static const struct ts_demo_model *draw_model(struct ts_dice *d, int task)
{
    double weights[TS_DEMO_MODELS];
    for (int i = 0; i < TS_DEMO_MODELS; i++)
        weights[i] = ts_demo_models[i].share[task];
    return &ts_demo_models[ts_dice_pick(d, weights, TS_DEMO_MODELS)];
}

static const char *const failure_text[] = {
    [TS_OUTCOME_DONE] = NULL,
    [TS_OUTCOME_CANCELLED] = NULL,
    [TS_OUTCOME_UPSTREAM_CUT] = "the stream ended without its finish marker (simulated)",
    [TS_OUTCOME_UPSTREAM_ERROR] = "simulated failure of the model runner",
    [TS_OUTCOME_TIMEOUT] = "no token within the time limit (simulated)",
};

/* What a call is about, and when. */
struct errand {
    int task;
    enum ts_complexity complexity;
    int64_t at_ms;
    int64_t now_ms;
};

static struct ts_demo_throw throw_call(struct ts_dice *d,
                                       const struct ts_demo_model *m,
                                       const struct errand *e)
{
    const struct ts_demo_model then = model_at(m, e->at_ms, e->now_ms);
    return ts_demo_throw(d, &then, e->complexity);
}

/* The first server failed before its first token and another one took over. */
static void rescue(struct ts_dice *d,
                   struct ts_call *c,
                   const struct errand *e,
                   const struct ts_demo_model **model,
                   struct ts_demo_throw *t)
{
    const struct ts_demo_model *other = draw_model(d, e->task);
    if (t->outcome != TS_OUTCOME_UPSTREAM_ERROR || other->server == (*model)->server ||
        ts_dice_share(d) < 0.3)
        return;
    struct ts_attempt *attempt = ts_call_add_attempt(c);
    if (attempt == NULL)
        return;
    *attempt = (struct ts_attempt){
        .provider = ts_demo_kind((*model)->server)->name,
        .model = (*model)->name,
        .cause = t->error,
        .error_text = failure_text[t->outcome],
        .status = 500,
        .duration_us = t->ttft_us,
        .wait_us = 0,
    };
    c->requested_model = (*model)->name;
    *model = other;
    *t = throw_call(d, other, e);
}

static void set_timing(struct ts_dice *d, struct ts_call *c, const struct ts_demo_throw *t)
{
    struct ts_phases *p = &c->phases;
    int64_t lost = c->attempt_count > 0 ? c->attempts[0].duration_us : 0;
    int64_t first = lost + t->ttft_us;
    p->queue_us = 0;
    p->connect_us = ts_dice_share(d) < 0.2 ? (int64_t)ts_dice_around(d, 120, 0.4) : 0;
    p->load_us = t->cold ? t->load_us : TS_UNKNOWN;
    p->overhead_us = (int64_t)ts_dice_around(d, 85, 0.3);
    if (t->output == 0) {
        p->total_us = t->outcome == TS_OUTCOME_TIMEOUT ? lost + TIMEOUT_US : first;
        p->first_byte_us = t->outcome == TS_OUTCOME_TIMEOUT ? TS_UNKNOWN : first;
        return;
    }
    p->first_byte_us = first;
    p->ttft_us = first;
    p->first_visible_us = first;
    p->decode_us = (t->output - 1) * t->gap_us;
    p->max_stall_us = t->output > 1 ? t->gap_us + (int64_t)ts_dice_around(d, 9000, 0.8) : 0;
    p->total_us = first + p->decode_us + t->gap_us;
}

static void set_people(struct ts_dice *d, struct ts_call *c)
{
    static const struct {
        const char *user;
        const char *segment;
        const char *tags;
    } people[] = {
        {"ana", "engineering", "{\"project\":\"atlas\"}"},
        {"ben", "engineering", "{\"project\":\"borealis\"}"},
        {"chloe", "support", "{\"project\":\"helpdesk\"}"},
        {"dmitri", "research", "{\"project\":\"atlas\"}"},
        {"esra", "research", NULL},
        {"felix", "support", "{\"project\":\"helpdesk\"}"},
    };
    static const double often[] = {9, 7, 6, 4, 4, 3};
    int who = ts_dice_pick(d, often, (int)TS_ARRAY_LEN(often));
    c->user_id = people[who].user;
    c->user_segment = people[who].segment;
    c->tags_json = people[who].tags;
    char text[64];
    (void)snprintf(text, sizeof(text), "demo-%04x", (unsigned)(ts_dice_next(d) % 2400));
    c->conversation_id = ts_arena_str(&c->arena, text);
}

/* A reader who has seen enough: what came so far counts, how it would have ended nobody knows. */
static void maybe_leave(struct ts_dice *d, struct ts_demo_throw *t)
{
    if (t->outcome != TS_OUTCOME_DONE || ts_dice_share(d) >= 0.025)
        return;
    t->outcome = TS_OUTCOME_CANCELLED;
    t->error = TS_ERR_CLIENT_GONE;
    t->output = 1 + (int64_t)((double)(t->output - 1) * ts_dice_share(d));
}

struct made {
    struct ts_call *call;
    int rating; /* 0: none */
};

/* By the same rule as for real calls; the time is the last server's alone. */
static int64_t cost_of(const struct ts_demo_model *m, const struct ts_call *c)
{
    int64_t lost = c->attempt_count > 0 ? c->attempts[0].duration_us : 0;
    return ts_price_of_time(ts_demo_price_per_hour(m->server), c->phases.total_us - lost);
}

static void set_result(struct ts_dice *d,
                       struct ts_call *c,
                       const struct ts_demo_model *model,
                       const struct ts_demo_throw *t)
{
    c->provider = ts_demo_kind(model->server)->name;
    c->model = model->name;
    c->outcome = t->outcome;
    c->error = t->error;
    c->error_text = failure_text[t->outcome];
    c->finish_reason = t->outcome == TS_OUTCOME_DONE ? "stop" : NULL;
    c->cold = t->cold;
    set_timing(d, c, t);
    c->tokens.input = 8 + (int64_t)ts_dice_around(d, 140 * (double)c->complexity, 0.7);
    c->tokens.output = t->output;
    c->tokens_source = t->outcome == TS_OUTCOME_DONE ? TS_TOKENS_PROVIDER : TS_TOKENS_COUNTED;
    c->cost_nano_usd = cost_of(model, c);
}

static struct errand draw_errand(struct ts_dice *d, int days, int64_t now_ms)
{
    static const double tasks[TS_TASK_COUNT_] = {26, 24, 12, 9, 11, 7, 6, 5};
    static const double complexities[] = {0, 45, 38, 17};
    struct ts_dice clock = {.state = ts_dice_next(d)}; /* throws more or less often, by the hour */
    return (struct errand){
        .task = ts_dice_pick(d, tasks, TS_TASK_COUNT_),
        .complexity = (enum ts_complexity)ts_dice_pick(d, complexities, TS_COMPLEXITY_COUNT_),
        .at_ms = draw_time(&clock, days, now_ms),
        .now_ms = now_ms,
    };
}

/* Call number @n of the history. NULL without memory. */
static struct made make_call(uint64_t seed, int n, int days, int64_t now_ms)
{
    struct ts_dice dice = {.state = seed + (uint64_t)n * UINT64_C(0xd1342543de82ef95)};
    struct ts_dice *d = &dice;
    struct ts_call *c = ts_call_new();
    if (c == NULL)
        return (struct made){.call = NULL};
    const struct errand e = draw_errand(d, days, now_ms);
    c->task_type = ts_task_name((enum ts_task)e.task);
    c->complexity = e.complexity;
    c->classified = true;
    c->dialect = "ollama";
    c->streamed = true;
    c->simulated = true;
    const struct ts_demo_model *model = draw_model(d, e.task);
    struct ts_demo_throw t = throw_call(d, model, &e);
    rescue(d, c, &e, &model, &t);
    maybe_leave(d, &t);
    set_result(d, c, model, &t);
    set_people(d, c);
    bool rated = ts_dice_share(d) < 0.38 && t.outcome == TS_OUTCOME_DONE;
    int rating = ts_dice_share(d) < model->liked[e.task] ? 1 : -1;
    c->id = ts_id_from_ms(e.at_ms) | (int64_t)(ts_dice_next(d) & ((1 << TS_ID_SEQ_BITS) - 1));
    return (struct made){.call = c, .rating = rated ? rating : 0};
}

/* -- all of them ------------------------------------------------------------------------------ */

struct history {
    struct ts_store *store;
    struct waiter waiter;
    struct rating *ratings; /* room for one per call */
    int rating_count;
};

static enum ts_err write_batch(struct history *h, struct ts_call **calls, int count)
{
    struct import import = {
        .import = {.job.post.fn = on_imported, .calls = calls, .count = count},
        .waiter = &h->waiter,
    };
    h->waiter.pending = 1;
    ts_store_import(h->store, &import.import);
    wait_all(&h->waiter);
    return h->waiter.result;
}

static enum ts_err write_calls(struct history *h, uint64_t seed, int days, int64_t now_ms)
{
    int total = days * CALLS_PER_DAY;
    for (int done = 0; done < total;) {
        struct ts_call *calls[BATCH];
        int count = 0;
        for (; count < BATCH && done < total; done++) {
            struct made m = make_call(seed, done, days, now_ms);
            if (m.call == NULL)
                break; /* a shorter history is no worse a demo */
            calls[count++] = m.call;
            if (m.rating != 0)
                h->ratings[h->rating_count++] = (struct rating){
                    .rating = {.job.post.fn = on_rated, .id = m.call->id, .rating = m.rating},
                    .waiter = &h->waiter,
                };
        }
        if (count == 0)
            return TS_ERR_NOMEM;
        enum ts_err e = write_batch(h, calls, count);
        if (e != TS_OK)
            return e;
    }
    return TS_OK;
}

static enum ts_err write_ratings(struct history *h)
{
    h->waiter.pending = h->rating_count;
    for (int i = 0; i < h->rating_count; i++)
        ts_store_rate(h->store, &h->ratings[i].rating);
    wait_all(&h->waiter);
    return h->waiter.result;
}

enum ts_err ts_demo_history(
    struct ts_store *s, uint64_t seed, int days, int64_t now_ms, struct ts_error *err)
{
    if (days == 0)
        return TS_OK;
    struct history h = {.store = s};
    h.ratings = calloc((size_t)days * CALLS_PER_DAY, sizeof(h.ratings[0]));
    if (h.ratings == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the sample calls");
    (void)pthread_mutex_init(&h.waiter.lock, NULL);
    (void)pthread_cond_init(&h.waiter.settled, NULL);
    enum ts_err e = write_calls(&h, seed, days, now_ms);
    if (e == TS_OK)
        e = write_ratings(&h);
    (void)pthread_cond_destroy(&h.waiter.settled);
    (void)pthread_mutex_destroy(&h.waiter.lock);
    free(h.ratings);
    return e == TS_OK ? TS_OK
                      : ts_fail(err, e, "cannot write the sample calls: %s", h.waiter.error.text);
}
