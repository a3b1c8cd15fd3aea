#include "db/functions.h"

#include <math.h>

#include "base/clock.h"
#include "base/round.h"
#include "db/parts.h"
#include "db/tablefn.h"

enum { REASON_MAX_BYTES = 1024 };

/* -- cells ------------------------------------------------------------------------------------ */

static struct ts_cell whole(int64_t v)
{
    return (struct ts_cell){.type = v == TS_UNKNOWN ? TS_CELL_NULL : TS_CELL_INTEGER, .integer = v};
}

static struct ts_cell real(double v)
{
    return (struct ts_cell){.type = isfinite(v) ? TS_CELL_REAL : TS_CELL_NULL, .real = v};
}

static struct ts_cell moment(struct ts_tablefn_call *call, int64_t ms)
{
    char when[TS_RFC3339_SIZE];
    return ts_tablefn_text(call, ms != TS_UNKNOWN ? ts_rfc3339(ms, when) : NULL);
}

static struct ts_cell usd(int64_t nano)
{
    return real(nano != TS_UNKNOWN ? (double)nano / 1e9 : (double)NAN);
}

/* -- arguments -------------------------------------------------------------------------------- */

static const char *arg_text(const struct ts_tablefn_call *call, int i)
{
    return call->args[i] != NULL ? (const char *)sqlite3_value_text(call->args[i]) : NULL;
}

static enum ts_err arg_days(const struct ts_tablefn_call *call, int64_t *out, struct ts_error *err)
{
    *out = TS_DEFAULT_DAYS;
    if (call->args[0] == NULL)
        return TS_OK;
    *out = sqlite3_value_int64(call->args[0]);
    bool good = sqlite3_value_numeric_type(call->args[0]) == SQLITE_INTEGER && *out >= 1 &&
                *out <= TS_MAX_DAYS;
    return good ? TS_OK
                : ts_fail(err,
                          TS_ERR_INVALID_PARAMETER,
                          "days must be a whole number from 1 to %d",
                          TS_MAX_DAYS);
}

static enum ts_err arg_priority(const struct ts_tablefn_call *call,
                                enum ts_priority *out,
                                struct ts_error *err)
{
    const char *name = arg_text(call, 1);
    *out = TS_PRIORITY_BALANCED;
    if (name == NULL || ts_priority_parse(ts_slice_str(name), out))
        return TS_OK;
    return ts_fail(err,
                   TS_ERR_INVALID_PARAMETER,
                   "the priority must be balanced, speed, quality or cost, not '%.40s'",
                   name);
}

/* -- figures ---------------------------------------------------------------------------------- */

static enum ts_err load(const struct ts_functions *x,
                        struct ts_call_filter *filter,
                        int64_t days,
                        struct ts_aggregate **out,
                        struct ts_error *err)
{
    static const unsigned by_model[] = {TS_BY_MODEL};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    ts_filter_last_days(filter, x->now_ms, days);
    enum ts_err e = ts_aggregate_new(by_model, 1, x->now_ms, NULL, NULL, &a);
    if (e == TS_OK)
        e = ts_query_calls(x->conn, filter, a, err);
    if (e == TS_OK)
        e = ts_aggregate_finish(a);
    if (e != TS_OK)
        return e;
    *out = TS_TAKE(a);
    return TS_OK;
}

static struct ts_groups groups_of(const struct ts_aggregate *a)
{
    struct ts_groups g;
    g.at = ts_aggregate_groups(a, 0, &g.count);
    return g;
}

/* -- get_model_performance_summary(days) --------------------------------------------------------
 */

/* X(column, cell): of the group *g with the figures *f. */
#define SUMMARY_COLUMNS(X)                                                                         \
    X(model, ts_tablefn_text(call, g->model))                                                      \
    X(provider, ts_tablefn_text(call, g->provider))                                                \
    X(total_calls, whole(f->total_calls))                                                          \
    X(successful_calls, whole(f->successes))                                                       \
    X(failed_calls, whole(f->failures))                                                            \
    X(timeouts, whole(f->timeouts))                                                                \
    X(cancelled, whole(f->cancelled))                                                              \
    X(failed_attempts, whole(f->failed_attempts))                                                  \
    X(success_rate, real(ts_round2(f->success_rate)))                                              \
    X(avg_response_ms, real(ts_round_ms(f->avg_response_us)))                                      \
    X(min_response_ms, real(ts_round_ms(f->min_response_us)))                                      \
    X(max_response_ms, real(ts_round_ms(f->max_response_us)))                                      \
    X(median_response_ms, real(ts_round_ms(f->median_response_us)))                                \
    X(p95_response_ms, real(ts_round_ms(f->p95_response_us)))                                      \
    X(p99_response_ms, real(ts_round_ms(f->p99_response_us)))                                      \
    X(median_ttft_ms, real(ts_round_ms(f->median_ttft_us)))                                        \
    X(p95_ttft_ms, real(ts_round_ms(f->p95_ttft_us)))                                              \
    X(tokens_per_second, real(ts_round2(f->tokens_per_second)))                                    \
    X(avg_tokens, real(ts_round2(f->avg_tokens)))                                                  \
    X(input_tokens, whole(f->input_tokens))                                                        \
    X(output_tokens, whole(f->output_tokens))                                                      \
    X(total_tokens, whole(f->total_tokens))                                                        \
    X(total_cost_usd, usd(f->total_cost_nano_usd))                                                 \
    X(thumbs_up, whole(f->up))                                                                     \
    X(thumbs_down, whole(f->down))                                                                 \
    X(satisfaction_rate, real(ts_round2(f->satisfaction_rate)))                                    \
    X(quality_score, real(ts_round2(ts_quality_score(f))))                                         \
    X(speed_score, real(ts_round2(ts_speed_score(f->avg_response_us))))                            \
    X(confidence, real(ts_round2(ts_confidence(f))))                                               \
    X(last_used, moment(call, f->last_used_ms))

#define X(column, cell) #column,
static const char *const summary_columns[] = {SUMMARY_COLUMNS(X)};
#undef X

static enum ts_err add_summary(struct ts_tablefn_call *call, const struct ts_group *g)
{
    const struct ts_figures *f = &g->figures;
    struct ts_cell *row = ts_tablefn_row(call);
    if (row == NULL)
        return TS_ERR_NOMEM;
#define X(column, cell) cell,
    const struct ts_cell cells[] = {SUMMARY_COLUMNS(X)};
#undef X
    for (size_t i = 0; i < TS_ARRAY_LEN(cells); i++)
        row[i] = cells[i];
    return TS_OK;
}

static enum ts_err fill_summary(struct ts_tablefn_call *call, struct ts_error *err)
{
    const struct ts_functions *x = call->ctx;
    struct ts_call_filter everything = {.model = NULL};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    int64_t days = 0;
    enum ts_err e = arg_days(call, &days, err);
    if (e == TS_OK)
        e = load(x, &everything, days, &a, err);
    if (e != TS_OK)
        return e;
    struct ts_groups groups = groups_of(a);
    for (int i = 0; e == TS_OK && i < groups.count; i++) {
        if (groups.at[i].figures.total_calls > 0)
            e = add_summary(call, &groups.at[i]);
    }
    return e;
}

static const char *const summary_args[] = {"days"};

static const struct ts_tablefn summary = {
    .name = "get_model_performance_summary",
    .columns = summary_columns,
    .column_count = TS_ARRAY_LEN(summary_columns),
    .args = summary_args,
    .arg_count = TS_ARRAY_LEN(summary_args),
    .fill = fill_summary,
};

/* -- get_best_model_for_task(task, priority) -----------------------------------------------------
 */

/* One answer: a model by data, with its place among the others, or by rules. */
struct choice {
    const char *model;
    const char *provider;
    const struct ts_figures *figures; /* NULL: it has none */
    const struct ts_standing *place;  /* NULL: by rules */
    const struct ts_recommendation *r;
    struct ts_interval interval;
    const char *reason;
};

/* X(column, cell): of the choice *c; what only the data can tell is NULL by rules. */
#define BEST_COLUMNS(X)                                                                            \
    X(model, ts_tablefn_text(call, c->model))                                                      \
    X(provider, ts_tablefn_text(call, c->provider))                                                \
    X(basis, ts_tablefn_text(call, c->place != NULL ? "data" : "rules"))                           \
    X(verdict, ts_tablefn_text(call, verdict_of(c)))                                               \
    X(confidence, real(c->place != NULL ? ts_round2(ts_confidence(f)) : unknown))                  \
    X(avg_response_ms, real(f != NULL ? ts_round_ms(f->avg_response_us) : unknown))                \
    X(success_rate, real(f != NULL ? ts_round2(f->success_rate) : unknown))                        \
    X(satisfaction_rate, real(f != NULL ? ts_round2(f->satisfaction_rate) : unknown))              \
    X(quality_score, real(f != NULL ? ts_round2(ts_quality_score(f)) : unknown))                   \
    X(sample_size, whole(f != NULL ? f->evidence.trials : 0))                                      \
    X(effective_sample_size, real(c->place != NULL ? ts_round2(c->place->effective_n) : unknown))  \
    X(interval_low, real(c->place != NULL ? ts_round2(100 * c->interval.low) : unknown))           \
    X(interval_high, real(c->place != NULL ? ts_round2(100 * c->interval.high) : unknown))         \
    X(p_best, real(c->place != NULL ? ts_round4(c->place->p_best) : unknown))                      \
    X(expected_loss, real(c->place != NULL ? ts_round4(c->place->expected_loss) : unknown))        \
    X(calls_needed, whole(c->place != NULL ? c->r->ranking.calls_needed : TS_UNKNOWN))             \
    X(reason, ts_tablefn_text(call, c->reason))

#define X(column, cell) #column,
static const char *const best_columns[] = {BEST_COLUMNS(X)};
#undef X

static const char *verdict_of(const struct choice *c)
{
    return ts_verdict_name(c->place != NULL ? c->r->ranking.verdict : TS_VERDICT_INSUFFICIENT);
}

static enum ts_err add_choice(struct ts_tablefn_call *call, const struct choice *c)
{
    const double unknown = (double)NAN;
    const struct ts_figures *f = c->figures;
    struct ts_cell *row = ts_tablefn_row(call);
    if (row == NULL)
        return TS_ERR_NOMEM;
#define X(column, cell) cell,
    const struct ts_cell cells[] = {BEST_COLUMNS(X)};
#undef X
    for (size_t i = 0; i < TS_ARRAY_LEN(cells); i++)
        row[i] = cells[i];
    return TS_OK;
}

static enum ts_err add_by_data(struct ts_tablefn_call *call,
                               const struct ts_best *b,
                               const char *task,
                               enum ts_priority priority)
{
    const struct ts_standing *first = &b->r.ranking.standings[0];
    const struct ts_group *g = b->options[first->arm].group;
    TS_AUTO(ts_buf_free) struct ts_buf reason = TS_BUF_INIT(REASON_MAX_BYTES);
    ts_best_explain(b->options, &b->r.ranking, task, priority, &reason);
    if (!ts_buf_ok(&reason))
        return TS_ERR_NOMEM;
    const struct choice c = {.model = g->model,
                             .provider = g->provider,
                             .figures = &g->figures,
                             .place = first,
                             .r = &b->r,
                             .interval = ts_beta_interval95(first->quality),
                             .reason = ts_buf_text(&reason)};
    return add_choice(call, &c);
}

/* Among the models that were used for the task, or else for anything. */
static enum ts_err add_by_rules(struct ts_tablefn_call *call,
                                struct ts_groups from,
                                bool of_task,
                                const char *task,
                                enum ts_priority priority)
{
    const struct ts_functions *x = call->ctx;
    struct ts_candidate candidates[TS_MAX_ARMS];
    int count = 0;
    for (int i = 0; i < from.count && count < TS_MAX_ARMS; i++)
        candidates[count++] =
            (struct ts_candidate){.model = from.at[i].model,
                                  .provider = from.at[i].provider,
                                  .local = x->where.is_local(x->where.ctx, from.at[i].provider)};
    int i = ts_rules_choose(candidates, count, task, TS_COMPLEXITY_UNKNOWN, priority);
    if (i < 0)
        return TS_OK;
    const struct choice c = {.model = candidates[i].model,
                             .provider = candidates[i].provider,
                             .figures = of_task ? &from.at[i].figures : NULL,
                             .reason =
                                 "no model has calls enough of this task: chosen by its size, "
                                 "its name and where it runs"};
    return add_choice(call, &c);
}

static enum ts_err choose(struct ts_tablefn_call *call,
                          const char *task,
                          enum ts_priority priority,
                          struct ts_error *err)
{
    const struct ts_functions *x = call->ctx;
    struct ts_call_filter of_task = {.task_type = task};
    struct ts_call_filter of_any = {.task_type = NULL};
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *all = NULL;
    enum ts_err e = load(x, &of_task, TS_DEFAULT_DAYS, &a, err);
    if (e != TS_OK)
        return e;
    struct ts_best b;
    ts_best_of_task(groups_of(a), task, x->where, priority, &b);
    if (b.by_data)
        return add_by_data(call, &b, task, priority);
    if (b.count > 0)
        return add_by_rules(call, groups_of(a), true, task, priority);
    e = load(x, &of_any, TS_DEFAULT_DAYS, &all, err);
    return e == TS_OK ? add_by_rules(call, groups_of(all), false, task, priority) : e;
}

static enum ts_err fill_best(struct ts_tablefn_call *call, struct ts_error *err)
{
    const char *task = arg_text(call, 0);
    enum ts_priority priority = TS_PRIORITY_BALANCED;
    if (task == NULL)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "it needs a task, as in get_best_model_for_task('coding', 'quality')");
    enum ts_err e = arg_priority(call, &priority, err);
    return e == TS_OK ? choose(call, task, priority, err) : e;
}

static const char *const best_args[] = {"task_type", "priority"};

static const struct ts_tablefn best = {
    .name = "get_best_model_for_task",
    .columns = best_columns,
    .column_count = TS_ARRAY_LEN(best_columns),
    .args = best_args,
    .arg_count = TS_ARRAY_LEN(best_args),
    .fill = fill_best,
};

/* -- cleanup_old_performance_data() ---------------------------------------------------------------
 */

static void cleanup(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    const struct ts_functions *f = sqlite3_user_data(ctx);
    struct ts_error err = TS_ERROR_INIT;
    int64_t deleted = 0;
    if (f->cleanup(f->cleanup_ctx, &deleted, &err) == TS_OK)
        sqlite3_result_int64(ctx, deleted);
    else
        sqlite3_result_error(ctx, err.text, -1);
}

/* For what a person writes only: a view of the file cannot call it. */
static enum ts_err add_cleanup(struct ts_functions *f, struct ts_error *err)
{
    int rc = sqlite3_create_function(f->conn->conn->db,
                                     "cleanup_old_performance_data",
                                     0,
                                     SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                     f,
                                     cleanup,
                                     NULL,
                                     NULL);
    return rc == SQLITE_OK ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a function");
}

enum ts_err ts_functions_add(struct ts_readonly *r, struct ts_functions *f, struct ts_error *err)
{
    f->conn = ts_readonly_conn(r);
    enum ts_err e = ts_tablefn_add(f->conn->conn, &summary, f, err);
    if (e == TS_OK)
        e = ts_tablefn_add(f->conn->conn, &best, f, err);
    return e == TS_OK && f->cleanup != NULL ? add_cleanup(f, err) : e;
}
