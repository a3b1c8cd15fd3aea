/* GET /api/analytics/models: everything there is to say about a slice of the calls. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/figures.h"
#include "handlers/filter.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum { MAX_BUCKETS = 10000 };

/* What one pass over the rows collects, by position. */
enum grouping { ALL, BY_MODEL, BY_TASK, BY_PROVIDER, BY_TIME, BY_MODEL_AND_TASK, ASKED, GROUPINGS };

struct analytics {
    struct ts_ask ask;
    struct ts_call_filter filter;
    int64_t now_ms;
    int64_t days; /* -1: the window was given by its ends */
    const char *tz;
    enum ts_bucket_unit unit;
    unsigned group_by; /* TS_BY_*; 0: no groups were asked for */
    struct ts_arena arena;
    struct ts_candidates healthy;
};

/* -- the question ----------------------------------------------------------------------------- */

static enum ts_err read_bucket(const struct ts_exchange *x,
                               struct analytics *q,
                               struct ts_error *err)
{
    const char *text = ts_arg(x, "bucket");
    q->unit = TS_BUCKET_DAY;
    if (text == NULL)
        return TS_OK;
    for (int i = 0; i < TS_BUCKET_COUNT_; i++) {
        if (strcmp(text, ts_bucket_unit_name((enum ts_bucket_unit)i)) == 0) {
            q->unit = (enum ts_bucket_unit)i;
            return TS_OK;
        }
    }
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "bucket",
                         "bucket must be hour, day, week or month, not '%.40s'",
                         text);
}

static unsigned dimension(struct ts_slice name)
{
    static const struct {
        const char *name;
        unsigned dimension;
    } dimensions[] = {{"model", TS_BY_MODEL},
                      {"task_type", TS_BY_TASK},
                      {"provider", TS_BY_PROVIDER},
                      {"time", TS_BY_TIME}};
    for (size_t i = 0; i < TS_ARRAY_LEN(dimensions); i++) {
        if (ts_slice_is(name, dimensions[i].name))
            return dimensions[i].dimension;
    }
    return 0;
}

/* "model", or two names with a comma between. */
static enum ts_err read_group_by(const struct ts_exchange *x,
                                 struct analytics *q,
                                 struct ts_error *err)
{
    const char *text = ts_arg(x, "group_by");
    if (text == NULL)
        return TS_OK;
    const char *comma = strchr(text, ',');
    struct ts_slice first = {.at = text,
                             .len = comma != NULL ? (size_t)(comma - text) : strlen(text)};
    unsigned a = dimension(first);
    unsigned b = comma != NULL ? dimension(ts_slice_str(comma + 1)) : a;
    q->group_by = a | b;
    if (a != 0 && b != 0 && (comma == NULL || a != b))
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "group_by",
                         "group_by takes one or two different ones of model, task_type, provider, "
                         "time, not '%.60s'",
                         text);
}

static enum ts_err read_query(const struct ts_exchange *x,
                              struct analytics *q,
                              struct ts_error *err)
{
    static const char *const allowed[] = {
        TS_FILTER_ARGS, "days", "from", "to", "bucket", "tz", "group_by", NULL};
    q->now_ms = ts_wall_ms();
    q->tz = ts_arg(x, "tz") != NULL ? ts_arg(x, "tz") : "UTC";
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_filter_args(x, &q->filter, err);
    if (rc == TS_OK)
        rc = ts_window_args(x, q->now_ms, &q->filter, &q->days, err);
    if (rc == TS_OK)
        rc = read_bucket(x, q, err);
    if (rc == TS_OK)
        rc = read_group_by(x, q, err);
    if (rc == TS_OK && ts_healthy_models(x->services, &q->arena, &q->healthy) != TS_OK)
        rc = ts_fail(err, TS_ERR_NOMEM, "no memory for a query");
    return rc;
}

/* -- the answer, on a reader thread ----------------------------------------------------------- */

/* The buckets of the window; an error if there are too many to list. */
struct span {
    struct ts_buckets buckets;
    int64_t first;
    int64_t last;
};

static enum ts_err find_span(const struct analytics *q,
                             const struct ts_zone *zone,
                             struct span *out,
                             struct ts_error *err)
{
    out->buckets = (struct ts_buckets){.zone = zone, .unit = q->unit};
    out->first = ts_bucket_of(&out->buckets, q->filter.from_ms);
    out->last = ts_bucket_of(&out->buckets, q->filter.to_ms - 1);
    int count = 0;
    for (int64_t b = out->first; b <= out->last; b = ts_bucket_next(&out->buckets, b)) {
        if (++count > MAX_BUCKETS)
            return ts_fail_param(err,
                                 TS_ERR_INVALID_PARAMETER,
                                 "bucket",
                                 "the window has more than %d buckets of one %s; take a wider "
                                 "bucket or a shorter window",
                                 MAX_BUCKETS,
                                 ts_bucket_unit_name(q->unit));
    }
    return TS_OK;
}

static enum ts_err collect(const struct analytics *q,
                           struct ts_reader_conn *c,
                           const struct span *span,
                           struct ts_aggregate **out,
                           struct ts_error *err)
{
    const unsigned groupings[GROUPINGS] = {
        [ALL] = 0,
        [BY_MODEL] = TS_BY_MODEL,
        [BY_TASK] = TS_BY_TASK,
        [BY_PROVIDER] = TS_BY_PROVIDER,
        [BY_TIME] = TS_BY_TIME,
        [BY_MODEL_AND_TASK] = TS_BY_MODEL | TS_BY_TASK,
        [ASKED] = q->group_by,
    };
    int64_t judged_ms = q->filter.to_ms < q->now_ms ? q->filter.to_ms : q->now_ms;
    int count = q->group_by != 0 ? GROUPINGS : ASKED;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    if (ts_aggregate_new(groupings, count, judged_ms, ts_bucket_of, &span->buckets, &a) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    enum ts_err rc = ts_query_calls(c, &q->filter, a, err);
    if (rc != TS_OK)
        return rc;
    if (ts_aggregate_finish(a) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    *out = TS_TAKE(a);
    return TS_OK;
}

static struct ts_groups groups(const struct ts_aggregate *a, enum grouping which)
{
    struct ts_groups g;
    g.at = ts_aggregate_groups(a, (int)which, &g.count);
    return g;
}

static json_t *window_json(const struct analytics *q)
{
    char from[TS_RFC3339_SIZE];
    char to[TS_RFC3339_SIZE];
    return json_pack("{s:s, s:s, s:o, s:o, s:s}",
                     "from",
                     ts_rfc3339(q->filter.from_ms, from),
                     "to",
                     ts_rfc3339(q->filter.to_ms, to),
                     "days",
                     ts_json_int(q->days),
                     "tz",
                     ts_json_text(q->tz),
                     "bucket",
                     ts_bucket_unit_name(q->unit));
}

static json_t *answer(const struct analytics *q,
                      const struct ts_aggregate *a,
                      const struct span *span)
{
    const struct ts_figures none = ts_no_figures();
    struct ts_groups all = groups(a, ALL);
    struct ts_groups models = groups(a, BY_MODEL_AND_TASK);
    struct ts_groups tasks = groups(a, BY_TASK);
    json_auto_t *body =
        json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                  "window",
                  window_json(q),
                  "filters",
                  ts_filter_json(&q->filter),
                  "demo",
                  q->ask.x->services->demo,
                  "summary",
                  ts_figures_json(all.count > 0 ? &all.at[0].figures : &none, TS_FIGURES_SUMMARY),
                  "byModel",
                  ts_groups_json(groups(a, BY_MODEL), TS_BY_MODEL, NULL),
                  "byTaskType",
                  ts_groups_json(tasks, TS_BY_TASK, NULL),
                  "byProvider",
                  ts_groups_json(groups(a, BY_PROVIDER), TS_BY_PROVIDER, NULL),
                  "trends",
                  ts_trends_json(groups(a, BY_TIME), &span->buckets, span->first, span->last),
                  "recommendations",
                  ts_advice_json(models, tasks, all),
                  "bestByTask",
                  ts_best_json(models, tasks, &q->healthy));
    if (body != NULL && q->group_by != 0 &&
        json_object_set_new(
            body, "groups", ts_groups_json(groups(a, ASKED), q->group_by, &span->buckets)) != 0)
        return NULL;
    return json_incref(body);
}

static enum ts_err ask(struct ts_ask *base,
                       struct ts_reader_conn *c,
                       json_t **out,
                       struct ts_error *err)
{
    const struct analytics *q = TS_CONTAINER(base, struct analytics, ask);
    TS_AUTO(ts_zone_auto) struct ts_zone *zone = NULL;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    struct span span;
    enum ts_err rc = ts_zone_load(q->tz, &zone, err);
    if (rc == TS_OK)
        rc = find_span(q, zone, &span, err);
    if (rc == TS_OK)
        rc = collect(q, c, &span, &a, err);
    if (rc != TS_OK)
        return rc;
    *out = answer(q, a, &span);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
}

static void free_query(struct ts_ask *base)
{
    struct analytics *q = TS_CONTAINER(base, struct analytics, ask);
    ts_arena_free(&q->arena);
    free(q);
}

void ts_handle_analytics(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct analytics *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
        ts_reply_error(x, &err);
        return;
    }
    q->arena = TS_ARENA_INIT(1024 * 1024);
    q->ask.ask = ask;
    q->ask.free = free_query;
    if (read_query(x, q, &err) == TS_OK) {
        ts_ask_start(x, &q->ask);
        return;
    }
    ts_reply_error(x, &err);
    free_query(&q->ask);
}
