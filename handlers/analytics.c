/* GET /api/analytics/models: everything there is to say about a slice of the calls. */
#include <stdlib.h>
#include <string.h>

#include "handlers/change.h"
#include "handlers/figures.h"
#include "handlers/handlers.h"
#include "handlers/question.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum { MAX_BUCKETS = 10000, MAX_GROUPS = 10000 };

/* What one pass over the calls collects, by position; of the window before only the first ones. */
enum grouping {
    ALL,
    BY_MODEL,
    BY_TASK,
    BY_PROVIDER,
    ASKED,
    GROUPINGS_BEFORE,
    BY_TIME = GROUPINGS_BEFORE,
    BY_MODEL_AND_TASK,
    GROUPINGS
};

struct analytics {
    struct ts_ask ask;
    struct ts_question about;
    unsigned group_by; /* TS_BY_*; 0: no groups were asked for */
    bool compare;      /* with the window before */
    struct ts_arena arena;
    struct ts_candidates healthy;
};

/* -- the question ----------------------------------------------------------------------------- */

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

static enum ts_err read_compare(const struct ts_exchange *x,
                                struct analytics *q,
                                struct ts_error *err)
{
    const char *text = ts_arg(x, "compare");
    q->compare = text != NULL;
    if (text == NULL || strcmp(text, "previous") == 0)
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "compare",
                         "compare can only be previous, the window before, not '%.40s'",
                         text);
}

static enum ts_err read_query(const struct ts_exchange *x,
                              struct analytics *q,
                              struct ts_error *err)
{
    static const char *const allowed[] = {TS_QUESTION_ARGS, "group_by", "compare", NULL};
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_question_args(x, &q->about, err);
    if (rc == TS_OK)
        rc = read_group_by(x, q, err);
    if (rc == TS_OK)
        rc = read_compare(x, q, err);
    if (rc == TS_OK && ts_healthy_models(x->services, &q->arena, &q->healthy) != TS_OK)
        rc = ts_fail(err, TS_ERR_NOMEM, "no memory for a query");
    return rc;
}

/* Rules choose among the models that are up. */
static struct ts_etag etag_of(const struct ts_exchange *x, const struct analytics *q)
{
    struct ts_etag e = ts_question_etag(x, &q->about);
    for (int i = 0; i < q->healthy.count; i++) {
        ts_etag_add_text(&e, q->healthy.at[i].provider);
        ts_etag_add_text(&e, q->healthy.at[i].model);
    }
    return e;
}

/* -- the figures, on a reader thread ---------------------------------------------------------- */

/* What is collected: the groupings by their numbers. */
static void list_groupings(const struct analytics *q, unsigned out[static GROUPINGS])
{
    const unsigned groupings[GROUPINGS] = {
        [ALL] = 0,
        [BY_MODEL] = TS_BY_MODEL,
        [BY_TASK] = TS_BY_TASK,
        [BY_PROVIDER] = TS_BY_PROVIDER,
        [ASKED] = q->group_by,
        [BY_TIME] = TS_BY_TIME,
        [BY_MODEL_AND_TASK] = TS_BY_MODEL | TS_BY_TASK,
    };
    memcpy(out, groupings, sizeof(groupings));
}

static struct ts_groups groups(const struct ts_aggregate *a, enum grouping which)
{
    struct ts_groups g;
    g.at = ts_aggregate_groups(a, (int)which, &g.count);
    return g;
}

static enum ts_err check_size(const struct ts_aggregate *a, struct ts_error *err)
{
    if (groups(a, ASKED).count <= MAX_GROUPS)
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "group_by",
                         "these are more than %d groups; group by less, or take a wider bucket or "
                         "a shorter window",
                         MAX_GROUPS);
}

/* -- the answer ------------------------------------------------------------------------------- */

static json_t *summary_json(const struct ts_aggregate *a)
{
    const struct ts_figures none = ts_no_figures();
    struct ts_groups all = groups(a, ALL);
    return ts_figures_json(all.count > 0 ? &all.at[0].figures : &none, TS_FIGURES_SUMMARY);
}

static json_t *answer(const struct analytics *q,
                      const struct ts_aggregate *a,
                      const struct ts_span *span)
{
    struct ts_groups models = groups(a, BY_MODEL_AND_TASK);
    struct ts_groups tasks = groups(a, BY_TASK);
    json_auto_t *body = json_pack(
        "{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "window",
        ts_question_window_json(&q->about),
        "filters",
        ts_filter_json(&q->about.filter),
        "demo",
        q->ask.x->services->demo,
        "summary",
        summary_json(a),
        "byModel",
        ts_groups_json(groups(a, BY_MODEL), TS_BY_MODEL, NULL),
        "byTaskType",
        ts_groups_json(tasks, TS_BY_TASK, NULL),
        "byProvider",
        ts_groups_json(groups(a, BY_PROVIDER), TS_BY_PROVIDER, NULL),
        "trends",
        ts_trends_json(groups(a, BY_TIME), &span->buckets, span->first, span->last),
        "recommendations",
        ts_advice_json(models, tasks, groups(a, ALL), &q->ask.x->services->insight_limits),
        "bestByTask",
        ts_best_json(models, tasks, &q->healthy));
    if (body != NULL && q->group_by != 0 &&
        json_object_set_new(
            body, "groups", ts_groups_json(groups(a, ASKED), q->group_by, &span->buckets)) != 0)
        return NULL;
    return json_incref(body);
}

/* Beside the summary and each group: what it was in the window before. Buckets of time have no
 * other that they would be compared with. */
static bool put_changes(const struct analytics *q, const struct ts_aggregate *before, json_t *body)
{
    const struct {
        const char *list;
        enum grouping grouping;
        unsigned dimensions;
    } lists[] = {
        {"byModel", BY_MODEL, TS_BY_MODEL},
        {"byTaskType", BY_TASK, TS_BY_TASK},
        {"byProvider", BY_PROVIDER, TS_BY_PROVIDER},
        {"groups", ASKED, q->group_by},
    };
    json_t *summary = json_object_get(body, "summary");
    bool ok = ts_change_put(body, summary, summary_json(before));
    for (size_t i = 0; ok && i < TS_ARRAY_LEN(lists); i++) {
        json_t *list = json_object_get(body, lists[i].list);
        if (list != NULL && !(lists[i].dimensions & TS_BY_TIME))
            ok = ts_changes_put(list, groups(before, lists[i].grouping), lists[i].dimensions);
    }
    return ok;
}

static enum ts_err compare(const struct analytics *q,
                           struct ts_reader_conn *c,
                           const struct ts_gathering *all,
                           json_t *body,
                           struct ts_error *err)
{
    const struct ts_call_filter before = ts_question_before(&q->about);
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    struct ts_gathering first = *all;
    first.count = GROUPINGS_BEFORE;
    enum ts_err rc = ts_gather(c, &before, &first, &a, err);
    if (rc == TS_OK && !put_changes(q, a, body))
        rc = ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
    return rc;
}

static enum ts_err put_facets(struct ts_reader_conn *c, json_t *body, struct ts_error *err)
{
    json_t *facets = NULL;
    enum ts_err rc = ts_query_facets(c, &facets, err);
    if (rc == TS_OK && json_object_set_new(body, "facets", facets) != 0)
        rc = ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
    return rc;
}

static enum ts_err ask(struct ts_ask *base,
                       struct ts_reader_conn *c,
                       json_t **out,
                       struct ts_error *err)
{
    const struct analytics *q = TS_CONTAINER(base, struct analytics, ask);
    TS_AUTO(ts_zone_auto) struct ts_zone *zone = NULL;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    unsigned groupings[GROUPINGS];
    struct ts_span span;
    enum ts_err rc = ts_zone_load(q->about.tz, &zone, err);
    if (rc == TS_OK)
        rc = ts_question_span(&q->about, zone, MAX_BUCKETS, &span, err);
    list_groupings(q, groupings);
    const struct ts_gathering all = {.groupings = groupings,
                                     .count = GROUPINGS,
                                     .now_ms = q->about.now_ms,
                                     .buckets = &span.buckets};
    if (rc == TS_OK)
        rc = ts_gather(c, &q->about.filter, &all, &a, err);
    if (rc == TS_OK)
        rc = check_size(a, err);
    if (rc != TS_OK)
        return rc;
    json_auto_t *body = answer(q, a, &span);
    if (body == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
    rc = put_facets(c, body, err);
    if (rc == TS_OK && q->compare)
        rc = compare(q, c, &all, body, err);
    *out = json_incref(body);
    return rc;
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
        const struct ts_etag etag = etag_of(x, q);
        ts_ask_unless_known(x, &q->ask, &etag);
        return;
    }
    ts_reply_error(x, &err);
    free_query(&q->ask);
}
