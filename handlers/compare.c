/*
 * GET /api/analytics/models/compare: two models side by side, and whether their success rates tell
 * them apart. A model on several servers counts as one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/figures.h"
#include "handlers/handlers.h"
#include "handlers/question.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum { A, B, SIDES };

static const char *const side_names[SIDES] = {"a", "b"};

struct comparison {
    struct ts_ask ask;
    struct ts_call_filter filter; /* its model is set for each side */
    const char *models[SIDES];
    int64_t now_ms;
    int64_t days;
};

/* -- the answer, on a reader thread ----------------------------------------------------------- */

static enum ts_err load(const struct comparison *q,
                        int side,
                        struct ts_reader_conn *c,
                        struct ts_figures *out,
                        struct ts_error *err)
{
    static const unsigned all[] = {0};
    struct ts_call_filter filter = q->filter;
    filter.model = q->models[side];
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    const struct ts_gathering g = {.groupings = all, .count = 1, .now_ms = q->now_ms};
    enum ts_err rc = ts_gather(c, &filter, &g, &a, err);
    if (rc != TS_OK)
        return rc;
    int count = 0;
    const struct ts_group *group = ts_aggregate_groups(a, 0, &count);
    *out = count > 0 ? group->figures : ts_no_figures();
    return TS_OK;
}

static json_t *side_json(const char *model, const struct ts_figures *f)
{
    int64_t trials = f->successes + f->failures;
    double cost = f->cost_usd.n > 0 ? f->cost_usd.sum / (double)f->cost_usd.n : (double)NAN;
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "model",
                     ts_json_text(model),
                     "trials",
                     (json_int_t)trials,
                     "wins",
                     (json_int_t)f->successes,
                     "successRate",
                     ts_json_num2(f->success_rate),
                     "interval",
                     ts_interval_json(ts_wilson95(f->successes, trials)),
                     "avgTokens",
                     ts_json_num2(f->avg_tokens),
                     "avgCost",
                     ts_json_num(cost),
                     "p50",
                     ts_time_json(f->median_response_us),
                     "p95",
                     ts_time_json(f->p95_response_us));
}

/* Trials and wins as they are shown, each as good as any other. */
static struct ts_arm arm_of(const struct ts_figures *f)
{
    double trials = (double)(f->successes + f->failures);
    return (struct ts_arm){.evidence = {.trials = f->successes + f->failures,
                                        .good = f->successes,
                                        .weight = trials,
                                        .weight_good = (double)f->successes,
                                        .weight_squares = trials}};
}

static json_t *answer(const struct comparison *q, const struct ts_figures sides[static SIDES])
{
    const struct ts_arm arms[SIDES] = {arm_of(&sides[A]), arm_of(&sides[B])};
    const struct ts_weights by_success = {.quality = 1};
    struct ts_ranking r;
    ts_rank(arms, SIDES, by_success, &r);
    bool decided = r.verdict == TS_VERDICT_RECOMMEND;
    return json_pack("{s:o, s:I, s:o, s:o, s:s, s:o, s:o, s:o}",
                     "taskType",
                     ts_json_text(q->filter.task_type),
                     "days",
                     (json_int_t)q->days,
                     "a",
                     side_json(q->models[A], &sides[A]),
                     "b",
                     side_json(q->models[B], &sides[B]),
                     "verdict",
                     ts_verdict_name(r.verdict),
                     "winner",
                     ts_json_text(decided ? q->models[r.standings[0].arm] : NULL),
                     "pBest",
                     ts_share_json(r.standings[0].p_best),
                     "callsNeeded",
                     ts_json_int(r.calls_needed));
}

static enum ts_err ask(struct ts_ask *base,
                       struct ts_reader_conn *c,
                       json_t **out,
                       struct ts_error *err)
{
    const struct comparison *q = TS_CONTAINER(base, struct comparison, ask);
    struct ts_figures sides[SIDES];
    for (int i = 0; i < SIDES; i++) {
        enum ts_err rc = load(q, i, c, &sides[i], err);
        if (rc != TS_OK)
            return rc;
    }
    *out = answer(q, sides);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
}

/* -- asking ----------------------------------------------------------------------------------- */

static enum ts_err read_args(const struct ts_exchange *x,
                             struct comparison *q,
                             struct ts_error *err)
{
    static const char *const allowed[] = {"a", "b", "task_type", "days", NULL};
    q->now_ms = ts_wall_ms();
    enum ts_err rc = ts_args_check(x, allowed, err);
    for (int i = 0; rc == TS_OK && i < SIDES; i++) {
        q->models[i] = ts_arg(x, side_names[i]);
        rc = ts_arg_require(x, side_names[i], err);
    }
    if (rc == TS_OK)
        rc = ts_filter_args(x, &q->filter, err);
    if (rc == TS_OK)
        rc = ts_window_args(x, q->now_ms, &q->filter, &q->days, err);
    if (rc == TS_OK && strcmp(q->models[A], q->models[B]) == 0)
        rc = ts_fail_param(
            err, TS_ERR_INVALID_PARAMETER, "b", "b is the model that a is; name another");
    return rc;
}

static void free_comparison(struct ts_ask *base)
{
    free(TS_CONTAINER(base, struct comparison, ask));
}

void ts_handle_compare(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct comparison *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
        ts_reply_error(x, &err);
        return;
    }
    q->ask.ask = ask;
    q->ask.free = free_comparison;
    if (read_args(x, q, &err) == TS_OK) {
        ts_ask_start(x, &q->ask);
        return;
    }
    ts_reply_error(x, &err);
    free_comparison(&q->ask);
}
