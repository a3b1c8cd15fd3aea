/*
 * GET /api/analytics/models/ranked, /demote and /ab-candidates: the learner's all-time records of a
 * task, and what they say by plain rules.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "handlers/figures.h"
#include "handlers/filter.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum {
    RECORDS_MAX_BYTES = 16 * 1024 * 1024,
    RANKED_FROM_CALLS = 3,
    MIN_SAMPLES_MAX = 1000000000,
};

struct lesson;

/* The answer, from the records in order of rank. */
typedef json_t *lesson_fn(const struct lesson *l, const struct ts_records *records);

struct lesson {
    struct ts_ask ask;
    struct ts_call_filter filter; /* the task type, and the model */
    int64_t min_samples;
    lesson_fn *answer;
    struct ts_arena arena;
};

/* -- the answers, on a reader thread ---------------------------------------------------------- */

static json_t *ranked_json(const struct lesson *l, const struct ts_records *records)
{
    json_auto_t *list = json_array();
    for (int i = 0; i < records->count; i++) {
        const struct ts_record *r = &records->at[i];
        if (ts_record_calls(r) < l->min_samples)
            continue;
        json_t *line = json_pack("{s:o, s:I, s:I, s:I, s:o, s:I, s:f, s:o}",
                                 "model",
                                 ts_json_text(r->model),
                                 "successes",
                                 (json_int_t)r->successes,
                                 "failures",
                                 (json_int_t)r->failures,
                                 "timeouts",
                                 (json_int_t)r->timeouts,
                                 "successRate",
                                 ts_json_num2(100 * ts_record_rate(r)),
                                 "totalTokens",
                                 (json_int_t)r->total_tokens,
                                 "totalCost",
                                 r->total_cost,
                                 "lastUsed",
                                 ts_json_text(r->last_used));
        if (json_array_append_new(list, line) != 0)
            return NULL;
    }
    return json_pack("{s:s, s:O}", "taskType", l->filter.task_type, "ranked", list);
}

static json_t *demotion_reason(const struct ts_record *r, const struct ts_demotion *d)
{
    double high = 100 * ts_record_interval(r).high;
    double bar = 100 * d->threshold;
    switch (d->reason) {
    case TS_TOO_FEW_CALLS:
        return json_sprintf("it has %" PRId64 " calls; a model is not judged below %d",
                            ts_record_calls(r),
                            TS_LEARNER_ENOUGH);
    case TS_BELOW_HALF:
        return json_sprintf("it succeeds at most %.2f %% of the time (95 %%), less than half",
                            high);
    case TS_BELOW_BEST:
        return json_sprintf("it succeeds at most %.2f %% of the time (95 %%), %s at least %.2f %%",
                            high,
                            d->best->model,
                            bar);
    case TS_HOLDS:
        break;
    }
    return json_sprintf(
        "it may succeed up to %.2f %% of the time (95 %%), not below %.2f %%", high, bar);
}

static int find_record(const struct ts_records *records, const char *model)
{
    for (int i = 0; i < records->count; i++) {
        if (strcmp(records->at[i].model, model) == 0)
            return i;
    }
    return -1;
}

static json_t *demote_json(const struct lesson *l, const struct ts_records *records)
{
    int i = find_record(records, l->filter.model);
    const struct ts_record none = {.model = l->filter.model};
    const struct ts_record *r = i >= 0 ? &records->at[i] : &none;
    const struct ts_demotion d =
        i >= 0 ? ts_demote(records->at, records->count, i) : ts_demote(&none, 1, 0);
    return json_pack("{s:s, s:o, s:b, s:o, s:o, s:I, s:o, s:o}",
                     "taskType",
                     l->filter.task_type,
                     "model",
                     ts_json_text(r->model),
                     "demote",
                     d.demote,
                     "reason",
                     demotion_reason(r, &d),
                     "successRate",
                     ts_json_num2(100 * ts_record_rate(r)),
                     "n",
                     (json_int_t)ts_record_calls(r),
                     "threshold",
                     ts_json_num2(100 * d.threshold),
                     "interval",
                     ts_interval_json(ts_record_interval(r)));
}

static json_t *contender_json(const struct ts_record *r)
{
    return json_pack("{s:o, s:o, s:I, s:o}",
                     "model",
                     ts_json_text(r->model),
                     "successRate",
                     ts_json_num2(100 * ts_record_rate(r)),
                     "n",
                     (json_int_t)ts_record_calls(r),
                     "interval",
                     ts_interval_json(ts_record_interval(r)));
}

static json_t *candidates_json(const struct lesson *l, const struct ts_records *records)
{
    int best = ts_incumbent(records->at, records->count);
    json_auto_t *list = json_array();
    for (int i = 0; i < records->count; i++) {
        const struct ts_record *r = &records->at[i];
        if (i == best || !ts_is_challenger(&records->at[best], r))
            continue;
        json_auto_t *line = contender_json(r);
        const char *why = ts_record_calls(r) < TS_LEARNER_ENOUGH ? "few_calls" : "overlap";
        if (line == NULL || json_object_set_new(line, "reason", json_string(why)) != 0 ||
            json_array_append(list, line) != 0)
            return NULL;
    }
    return json_pack("{s:s, s:o, s:O}",
                     "taskType",
                     l->filter.task_type,
                     "incumbent",
                     best >= 0 ? contender_json(&records->at[best]) : json_null(),
                     "challengers",
                     list);
}

/* -- asking ----------------------------------------------------------------------------------- */

static enum ts_err ask(struct ts_ask *base,
                       struct ts_reader_conn *c,
                       json_t **out,
                       struct ts_error *err)
{
    struct lesson *l = TS_CONTAINER(base, struct lesson, ask);
    struct ts_records records = {.arena = &l->arena};
    enum ts_err rc = ts_query_records(c, l->filter.task_type, &records, err);
    if (rc != TS_OK)
        return rc;
    ts_records_sort(records.at, records.count);
    *out = l->answer(l, &records);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
}

static void free_lesson(struct ts_ask *base)
{
    struct lesson *l = TS_CONTAINER(base, struct lesson, ask);
    ts_arena_free(&l->arena);
    free(l);
}

/* @allowed begins with the parameters that must be there, @required of them. */
static enum ts_err read_args(const struct ts_exchange *x,
                             const char *const *allowed,
                             int required,
                             struct lesson *l,
                             struct ts_error *err)
{
    enum ts_err rc = ts_args_check(x, allowed, err);
    for (int i = 0; rc == TS_OK && i < required; i++)
        rc = ts_arg_require(x, allowed[i], err);
    if (rc == TS_OK)
        rc = ts_filter_args(x, &l->filter, err);
    if (rc == TS_OK)
        rc = ts_arg_int(x,
                        "min_samples",
                        (struct ts_whole){1, MIN_SAMPLES_MAX, RANKED_FROM_CALLS},
                        &l->min_samples,
                        err);
    return rc;
}

static void start(struct ts_exchange *x,
                  const char *const *allowed,
                  int required,
                  lesson_fn *answer)
{
    struct ts_error err = TS_ERROR_INIT;
    struct lesson *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
        ts_reply_error(x, &err);
        return;
    }
    l->arena = TS_ARENA_INIT(RECORDS_MAX_BYTES);
    l->answer = answer;
    l->ask.ask = ask;
    l->ask.free = free_lesson;
    if (read_args(x, allowed, required, l, &err) == TS_OK) {
        ts_ask_start(x, &l->ask);
        return;
    }
    ts_reply_error(x, &err);
    free_lesson(&l->ask);
}

void ts_handle_ranked(struct ts_exchange *x)
{
    static const char *const allowed[] = {"task_type", "min_samples", NULL};
    start(x, allowed, 1, ranked_json);
}

void ts_handle_demote(struct ts_exchange *x)
{
    static const char *const allowed[] = {"task_type", "model", NULL};
    start(x, allowed, 2, demote_json);
}

void ts_handle_ab_candidates(struct ts_exchange *x)
{
    static const char *const allowed[] = {"task_type", NULL};
    start(x, allowed, 1, candidates_json);
}
