/*
 * GET /api/analytics/models/latency: how the times of a slice are spread, as a curve of quantiles
 * and as a heat map of time by bands of time.
 */
#include <stdlib.h>

#include "analytics/bands.h"
#include "base/json.h"
#include "handlers/figures.h"
#include "handlers/handlers.h"
#include "handlers/question.h"
#include "handlers/reply.h"

enum { MAX_BUCKETS = 1000, MAX_BANDS = 40 };

enum grouping { ALL, BY_TIME, GROUPINGS };

struct latency {
    struct ts_ask ask;
    struct ts_question about;
};

/* Which of a group's two times. */
typedef const struct ts_sketch *sketch_fn(const struct ts_group *g);

static const struct ts_sketch *response_of(const struct ts_group *g)
{
    return g->response;
}

static const struct ts_sketch *ttft_of(const struct ts_group *g)
{
    return g->ttft;
}

/* -- the curve -------------------------------------------------------------------------------- */

/* In tenths of a percent: dense where services are judged. */
static const int64_t quantiles[] = {0,   10,  50,  100, 200, 250, 300, 400, 500, 600, 700,
                                    750, 800, 850, 900, 950, 980, 990, 995, 999, 1000};

static json_t *curve_json(const struct ts_sketch *s)
{
    json_auto_t *points = json_array();
    for (size_t i = 0; s->n > 0 && i < TS_ARRAY_LEN(quantiles); i++) {
        int64_t rank = (int64_t)(((ts_u128)s->n * (ts_u128)quantiles[i] + 999) / 1000);
        json_t *ms = ts_time_json(ts_sketch_at_rank(s, rank > 0 ? rank : 1));
        json_t *point = json_pack("{s:f, s:o}", "percentile", (double)quantiles[i] / 10, "ms", ms);
        if (json_array_append_new(points, point) != 0)
            return NULL;
    }
    return json_incref(points);
}

/* -- the heat map ----------------------------------------------------------------------------- */

/* Edges are no whole microseconds; nine digits behind the point tell them apart. */
static json_t *edge_json(const struct ts_bands *b, int i)
{
    return ts_json_num(ts_bands_edge_us(b, i) / 1000);
}

static json_t *bands_json(const struct ts_bands *b)
{
    json_auto_t *list = json_array();
    for (int i = 0; i < b->count; i++) {
        json_t *over = i == 0 && b->first == 0 ? json_integer(0) : edge_json(b, i);
        json_t *band = json_pack("{s:o, s:o}", "over", over, "upTo", edge_json(b, i + 1));
        if (json_array_append_new(list, band) != 0)
            return NULL;
    }
    return json_incref(list);
}

/* One bucket; @s NULL: nothing is in it. */
static json_t *row_json(const struct ts_bands *b, const char *date, const struct ts_sketch *s)
{
    int64_t counts[MAX_BANDS] = {0};
    if (s != NULL)
        ts_bands_count(b, s, counts);
    json_auto_t *list = json_array();
    for (int i = 0; i < b->count; i++) {
        if (json_array_append_new(list, json_integer(counts[i])) != 0)
            return NULL;
    }
    return json_pack("{s:s, s:O}", "date", date, "counts", list);
}

static json_t *rows_json(const struct ts_bands *b,
                         struct ts_groups groups,
                         const struct ts_span *span,
                         sketch_fn *sketch)
{
    json_auto_t *list = json_array();
    int i = 0;
    for (int64_t at = span->first; at <= span->last; at = ts_bucket_next(&span->buckets, at)) {
        char date[TS_BUCKET_NAME_SIZE];
        while (i < groups.count && groups.at[i].bucket < at)
            i++;
        bool there = i < groups.count && groups.at[i].bucket == at;
        const struct ts_sketch *s = there ? sketch(&groups.at[i]) : NULL;
        json_t *row = row_json(b, ts_bucket_name(&span->buckets, at, date), s);
        if (json_array_append_new(list, row) != 0)
            return NULL;
    }
    return json_incref(list);
}

/* -- the answer, on a reader thread ----------------------------------------------------------- */

static struct ts_groups groups(const struct ts_aggregate *a, enum grouping which)
{
    struct ts_groups g;
    g.at = ts_aggregate_groups(a, (int)which, &g.count);
    return g;
}

static json_t *spread_json(const struct ts_aggregate *a,
                           const struct ts_span *span,
                           sketch_fn *sketch)
{
    const struct ts_sketch none = {.n = 0};
    struct ts_groups all = groups(a, ALL);
    const struct ts_sketch *s = all.count > 0 ? sketch(&all.at[0]) : &none;
    const struct ts_bands bands = ts_bands_of(s, MAX_BANDS);
    return json_pack("{s:I, s:o, s:o, s:o}",
                     "count",
                     (json_int_t)s->n,
                     "curve",
                     curve_json(s),
                     "bands",
                     bands_json(&bands),
                     "buckets",
                     rows_json(&bands, groups(a, BY_TIME), span, sketch));
}

static enum ts_err ask(struct ts_ask *base,
                       struct ts_reader_conn *c,
                       json_t **out,
                       struct ts_error *err)
{
    static const unsigned groupings[GROUPINGS] = {[ALL] = 0, [BY_TIME] = TS_BY_TIME};
    const struct latency *q = TS_CONTAINER(base, struct latency, ask);
    TS_AUTO(ts_zone_auto) struct ts_zone *zone = NULL;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    struct ts_span span;
    enum ts_err rc = ts_zone_load(q->about.tz, &zone, err);
    if (rc == TS_OK)
        rc = ts_question_span(&q->about, zone, MAX_BUCKETS, &span, err);
    const struct ts_gathering g = {.groupings = groupings,
                                   .count = GROUPINGS,
                                   .now_ms = q->about.now_ms,
                                   .buckets = &span.buckets};
    if (rc == TS_OK)
        rc = ts_gather(c, &q->about.filter, &g, &a, err);
    if (rc != TS_OK)
        return rc;
    *out = json_pack("{s:o, s:o, s:o, s:o}",
                     "window",
                     ts_question_window_json(&q->about),
                     "filters",
                     ts_filter_json(&q->about.filter),
                     "responseTime",
                     spread_json(a, &span, response_of),
                     "ttft",
                     spread_json(a, &span, ttft_of));
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the answer");
}

static void free_query(struct ts_ask *base)
{
    free(TS_CONTAINER(base, struct latency, ask));
}

void ts_handle_latency(struct ts_exchange *x)
{
    static const char *const allowed[] = {TS_QUESTION_ARGS, NULL};
    struct ts_error err = TS_ERROR_INIT;
    struct latency *q = calloc(1, sizeof(*q));
    enum ts_err rc = q != NULL ? ts_args_check(x, allowed, &err)
                               : ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
    if (rc == TS_OK)
        rc = ts_question_args(x, &q->about, &err);
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        free(q);
        return;
    }
    q->ask.ask = ask;
    q->ask.free = free_query;
    const struct ts_etag etag = ts_question_etag(x, &q->about);
    ts_ask_unless_known(x, &q->ask, &etag);
}
