/*
 * GET and POST /api/analytics/models/recommend: which model to take for some work.
 *
 * By the figures of the task's calls from 5 calls of a model on, else by rules. Models that calls
 * were reported of take part whoever serves them; one of a server of ours only while that is up and
 * lists it.
 */
#include <stdlib.h>
#include <string.h>

#include "analytics/best.h"
#include "base/json.h"
#include "handlers/figures.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"
#include "handlers/wish.h"

enum {
    MAX_ALTERNATIVES = 5,
    SEGMENT_NEEDS = 20, /* calls of each of two models, to go by a segment alone */
    REASON_MAX_BYTES = 1024,
};

struct question {
    struct ts_ask ask;
    struct ts_wish wish;
    struct ts_arena arena;
    struct ts_candidates healthy;   /* what rules choose from */
    struct ts_candidates reachable; /* what may be named for its figures */
};

/* -- what may be named ------------------------------------------------------------------------ */

static bool is_reachable(const struct question *q, const struct ts_group *g)
{
    if (ts_provider_named(q->reachable.registry, g->provider) == NULL)
        return true; /* reported: we do not know its server */
    for (int i = 0; i < q->reachable.count; i++) {
        const struct ts_candidate *c = &q->reachable.at[i];
        if (strcmp(c->model, g->model) == 0 && strcmp(c->provider, g->provider) == 0)
            return true;
    }
    return false;
}

struct options {
    struct ts_contender at[TS_MAX_ARMS];
    int count;
    bool pooled; /* over all users, not one segment */
};

static void list_options(const struct question *q, struct ts_groups groups, struct options *out)
{
    out->count = 0;
    for (int i = 0; i < groups.count && out->count < TS_MAX_ARMS; i++) {
        const struct ts_group *g = &groups.at[i];
        if (!ts_wish_allows(&q->wish, g->provider, g->model) || !is_reachable(q, g))
            continue;
        out->at[out->count++] = (struct ts_contender){
            .group = g, .local = ts_provider_is_local(q->reachable.registry, g->provider)};
    }
}

static bool segment_suffices(const struct options *o)
{
    int known = 0;
    for (int i = 0; i < o->count; i++)
        known += o->at[i].group->figures.evidence.trials >= SEGMENT_NEEDS;
    return known >= 2;
}

static enum ts_err load(const struct question *q,
                        const struct ts_call_filter *filter,
                        struct ts_reader_conn *c,
                        struct ts_aggregate **out,
                        struct ts_error *err)
{
    static const unsigned by_model[] = {TS_BY_MODEL};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    if (ts_aggregate_new(by_model, 1, q->wish.now_ms, NULL, NULL, &a) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    enum ts_err rc = ts_query_calls(c, filter, a, err);
    if (rc != TS_OK)
        return rc;
    if (ts_aggregate_finish(a) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    *out = TS_TAKE(a);
    return TS_OK;
}

/* The options of the segment where its calls suffice, else of everybody. */
static enum ts_err load_options(const struct question *q,
                                struct ts_reader_conn *c,
                                struct ts_aggregate **figures,
                                struct options *out,
                                struct ts_error *err)
{
    struct ts_call_filter filter = q->wish.filter;
    struct ts_groups groups;
    for (;;) {
        enum ts_err rc = load(q, &filter, c, figures, err);
        if (rc != TS_OK)
            return rc;
        groups.at = ts_aggregate_groups(*figures, 0, &groups.count);
        list_options(q, groups, out);
        out->pooled = filter.user_segment == NULL;
        if (out->pooled || segment_suffices(out))
            return TS_OK;
        ts_aggregate_free(TS_TAKE(*figures));
        filter.user_segment = NULL;
    }
}

/* -- the answer ------------------------------------------------------------------------------- */

static json_t *metrics_json(const struct ts_figures *f)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:I}",
                     "avgResponseTime",
                     ts_time_json(f->avg_response_us),
                     "successRate",
                     ts_json_num2(f->success_rate),
                     "satisfactionRate",
                     ts_json_num2(f->satisfaction_rate),
                     "qualityScore",
                     ts_json_num2(ts_quality_score(f)),
                     "sampleSize",
                     (json_int_t)f->evidence.trials);
}

static json_t *question_json(const struct question *q, const struct options *o)
{
    return json_pack("{s:s, s:o, s:s, s:o, s:b}",
                     "taskType",
                     q->wish.filter.task_type,
                     "complexity",
                     ts_json_text(ts_complexity_name(q->wish.complexity)),
                     "priority",
                     ts_priority_name(q->wish.priority),
                     "userSegment",
                     ts_json_text(q->wish.filter.user_segment),
                     "pooled",
                     o->pooled);
}

static json_t *reason_json(const struct question *q,
                           const struct options *o,
                           const struct ts_ranking *r)
{
    struct ts_buf text = TS_BUF_INIT(REASON_MAX_BYTES);
    ts_best_explain(o->at, r, q->wish.filter.task_type, q->wish.priority, &text);
    json_t *json = ts_buf_ok(&text) ? ts_json_textn(ts_buf_text(&text), text.len) : NULL;
    ts_buf_free(&text);
    return json;
}

static json_t *by_data(const struct question *q,
                       const struct options *o,
                       const struct ts_recommendation *r)
{
    const struct ts_standing *places = r->ranking.standings;
    const struct ts_group *best = o->at[places[0].arm].group;
    json_auto_t *others = json_array();
    for (int i = 1; i < r->ranking.count && i <= MAX_ALTERNATIVES; i++) {
        const struct ts_group *g = o->at[places[i].arm].group;
        if (json_array_append_new(others, ts_standing_json(g, &places[i])) != 0)
            return NULL;
    }
    json_auto_t *place = ts_standing_json(best, &places[0]);
    json_auto_t *answer = json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:O}",
                                    "basis",
                                    "data",
                                    "verdict",
                                    ts_verdict_name(r->ranking.verdict),
                                    "callsNeeded",
                                    ts_json_int(r->ranking.calls_needed),
                                    "costBasis",
                                    r->by_tokens ? "tokens" : "money",
                                    "reason",
                                    reason_json(q, o, &r->ranking),
                                    "metrics",
                                    metrics_json(&best->figures),
                                    "alternatives",
                                    others);
    bool ok = answer != NULL && place != NULL && json_object_update(answer, place) == 0;
    return ok ? json_incref(answer) : NULL;
}

/* Adds a candidate, if it may be named. */
static void offer(const struct question *q, struct ts_candidates *to, struct ts_candidate c)
{
    if (ts_wish_allows(&q->wish, c.provider, c.model))
        to->at[to->count++] = c;
}

/* What rules choose from: models that are up, else models that were seen, else the names given. */
static enum ts_err list_candidates(struct question *q,
                                   const struct options *o,
                                   struct ts_candidates *out)
{
    size_t room =
        (size_t)q->reachable.count + (size_t)o->count + json_array_size(q->wish.wanted) + 1;
    *out = (struct ts_candidates){.arena = &q->arena};
    out->at = ts_arena_alloc(&q->arena, room * sizeof(*out->at));
    if (out->at == NULL)
        return TS_ERR_NOMEM;
    for (int i = 0; i < q->healthy.count; i++)
        offer(q, out, q->healthy.at[i]);
    for (int i = 0; out->count == 0 && i < q->reachable.count && q->wish.wanted != NULL; i++)
        offer(q, out, q->reachable.at[i]);
    if (out->count > 0)
        return TS_OK;
    for (int i = 0; i < o->count; i++)
        offer(q,
              out,
              (struct ts_candidate){.model = o->at[i].group->model,
                                    .provider = o->at[i].group->provider,
                                    .local = o->at[i].local});
    size_t i;
    json_t *name;
    if (out->count > 0)
        return TS_OK;
    json_array_foreach(q->wish.wanted, i, name)
    {
        out->at[out->count++] = (struct ts_candidate){.model = json_string_value(name)};
    }
    return TS_OK;
}

static const struct ts_figures *figures_of(const struct options *o, const struct ts_candidate *c)
{
    for (int i = 0; i < o->count; i++) {
        const struct ts_group *g = o->at[i].group;
        if (c->provider != NULL && strcmp(g->model, c->model) == 0 &&
            strcmp(g->provider, c->provider) == 0)
            return &g->figures;
    }
    return NULL;
}

static json_t *by_rules(const struct question *q,
                        const struct options *o,
                        const struct ts_candidates *from)
{
    int i = ts_rules_choose(
        from->at, from->count, q->wish.filter.task_type, q->wish.complexity, q->wish.priority);
    const struct ts_candidate none = {.model = NULL};
    const struct ts_candidate *c = i >= 0 ? &from->at[i] : &none;
    const struct ts_figures unknown = ts_no_figures();
    const struct ts_figures *seen = i >= 0 ? figures_of(o, c) : NULL;
    const struct ts_figures *f = seen != NULL ? seen : &unknown;
    json_t *reason = i >= 0 ? json_sprintf("no model has %d calls of %s yet: chosen by its size, "
                                           "its name and where it runs",
                                           TS_DATA_FROM_CALLS,
                                           q->wish.filter.task_type)
                            : json_string("there is no model to choose from");
    return json_pack("{s:o, s:o, s:s, s:s, s:n, s:o, s:n, s:n, s:n, s:I, s:n, s:n, s:n, s:n, s:o, "
                     "s:[]}",
                     "model",
                     ts_json_text(c->model),
                     "provider",
                     ts_json_text(c->provider),
                     "basis",
                     "rules",
                     "verdict",
                     ts_verdict_name(TS_VERDICT_INSUFFICIENT),
                     "costBasis",
                     "reason",
                     reason,
                     "confidence",
                     "qualityScore",
                     "callsNeeded",
                     "sampleSize",
                     (json_int_t)f->evidence.trials,
                     "effectiveSampleSize",
                     "interval",
                     "pBest",
                     "expectedLoss",
                     "metrics",
                     metrics_json(f),
                     "alternatives");
}

static enum ts_err ask(struct ts_ask *base,
                       struct ts_reader_conn *c,
                       json_t **out,
                       struct ts_error *err)
{
    struct question *q = TS_CONTAINER(base, struct question, ask);
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *figures = NULL;
    struct options options;
    struct ts_recommendation r;
    struct ts_candidates candidates;
    enum ts_err rc = load_options(q, c, &figures, &options, err);
    if (rc != TS_OK)
        return rc;
    if (list_candidates(q, &options, &candidates) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the models");
    json_auto_t *answer = ts_recommend(options.at, options.count, q->wish.priority, &r)
                              ? by_data(q, &options, &r)
                              : by_rules(q, &options, &candidates);
    json_auto_t *asked = question_json(q, &options);
    if (answer == NULL || asked == NULL || json_object_update(answer, asked) != 0)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
    *out = json_incref(answer);
    return TS_OK;
}

static void free_question(struct ts_ask *base)
{
    struct question *q = TS_CONTAINER(base, struct question, ask);
    ts_wish_free(&q->wish);
    ts_arena_free(&q->arena);
    free(q);
}

static enum ts_err read_question(const struct ts_exchange *x,
                                 struct question *q,
                                 struct ts_error *err)
{
    enum ts_err rc = ts_wish_read(x, &q->wish, err);
    if (rc == TS_OK && (ts_healthy_models(x->services, &q->arena, &q->healthy) != TS_OK ||
                        ts_reachable_models(x->services, &q->arena, &q->reachable) != TS_OK))
        rc = ts_fail(err, TS_ERR_NOMEM, "no memory for a query");
    return rc;
}

void ts_handle_recommend(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct question *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
        ts_reply_error(x, &err);
        return;
    }
    q->arena = TS_ARENA_INIT(1024 * 1024);
    q->ask.ask = ask;
    q->ask.free = free_question;
    if (read_question(x, q, &err) == TS_OK) {
        ts_ask_start(x, &q->ask);
        return;
    }
    ts_reply_error(x, &err);
    free_question(&q->ask);
}
