/*
 * What attempts add up to. All of it is read from counts that the triggers of the tables keep, so
 * that the time it takes goes by models, months and sites, not by attempts.
 */
#include <math.h>

#include "base/json.h"
#include "db/clone_query.h"
#include "db/filter.h"
#include "db/parts.h"

static json_t *share_json(double scale, int64_t part, int64_t whole)
{
    return whole > 0 ? ts_json_num2(scale * (double)part / (double)whole) : json_null();
}

/* The ten columns that all of these queries begin with, into an object. */
static bool put_sums(json_t *o, struct ts_stmt *s)
{
    int64_t attempts = ts_col_i64(s);
    int64_t successes = ts_col_i64(s);
    int64_t timed = ts_col_i64(s);
    int64_t time_ms = ts_col_i64(s);
    int64_t sized = ts_col_i64(s);
    int64_t size_bytes = ts_col_i64(s);
    int64_t judged = ts_col_i64(s);
    int64_t quality_cents = ts_col_i64(s);
    int64_t samples = ts_col_i64(s);
    const char *last = ts_col_text(s);
    json_t *figures[] = {
        json_integer(attempts),
        json_integer(successes),
        share_json(100, successes, attempts),
        share_json(1, time_ms, timed),
        share_json(1, size_bytes, sized),
        share_json(0.01, quality_cents, judged),
        json_integer(samples),
    };
    static const char *const names[] = {"totalAttempts",
                                        "successfulAttempts",
                                        "successRate",
                                        "avgGenerationTimeMs",
                                        "avgCodeSizeBytes",
                                        "avgQualityScore",
                                        "samples"};
    bool ok = true;
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++)
        ok = json_object_set_new(o, names[i], figures[i]) == 0 && ok;
    return json_object_set_new(o, "lastUsed", ts_json_text(last)) == 0 && ok;
}

enum ts_err ts_query_clone_stats(struct ts_reader_conn *c,
                                 const char *model,
                                 json_t **out,
                                 struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_STATS);
    ts_bind_text(&s, model);
    if (ts_step(&s) != TS_ROW)
        return ts_filter_fail(&s, err);
    json_auto_t *o = json_object();
    if (!put_sums(o, &s))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for statistics");
    *out = json_incref(o);
    return TS_OK;
}

/* -- groups ------------------------------------------------------------------------------------ */

/* What a group is of, from the columns behind the sums. */
typedef bool put_names_fn(json_t *o, struct ts_stmt *s);

static enum ts_err read_groups(struct ts_stmt *s,
                               put_names_fn *put_names,
                               json_t **out,
                               struct ts_error *err)
{
    json_auto_t *groups = json_array();
    enum ts_step step = TS_DONE;
    while ((step = ts_step(s)) == TS_ROW) {
        json_auto_t *sums = json_object();
        json_auto_t *o = json_object();
        bool ok = put_sums(sums, s) && put_names(o, s) && json_object_update(o, sums) == 0 &&
                  json_array_append(groups, o) == 0;
        if (!ok)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for statistics");
    }
    if (step == TS_FAILED)
        return ts_filter_fail(s, err);
    *out = json_incref(groups);
    return TS_OK;
}

static bool put_text(json_t *o, const char *name, struct ts_stmt *s)
{
    return json_object_set_new(o, name, ts_json_text(ts_col_text(s))) == 0;
}

static bool put_count(json_t *o, const char *name, struct ts_stmt *s)
{
    return json_object_set_new(o, name, ts_json_int(ts_col_known(s))) == 0;
}

static bool put_model(json_t *o, struct ts_stmt *s)
{
    return put_text(o, "provider", s) && put_text(o, "model", s);
}

enum ts_err ts_query_clone_models(struct ts_reader_conn *c, json_t **out, struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_STATS_BY_MODEL);
    return read_groups(&s, put_model, out, err);
}

static bool put_provider(json_t *o, struct ts_stmt *s)
{
    return put_text(o, "provider", s) && put_count(o, "models", s);
}

enum ts_err ts_query_clone_providers(struct ts_reader_conn *c, json_t **out, struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_STATS_BY_PROVIDER);
    return read_groups(&s, put_provider, out, err);
}

static bool put_month(json_t *o, struct ts_stmt *s)
{
    return put_text(o, "month", s) && put_text(o, "provider", s);
}

enum ts_err ts_query_clone_months(struct ts_reader_conn *c,
                                  const char *from_month,
                                  json_t **out,
                                  struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_STATS_BY_MONTH);
    ts_bind_text(&s, from_month);
    return read_groups(&s, put_month, out, err);
}

static bool put_class(json_t *o, struct ts_stmt *s)
{
    enum ts_complexity class = (enum ts_complexity)ts_col_i64(s);
    return json_object_set_new(o, "complexity", ts_json_text(ts_complexity_name(class))) == 0 &&
           put_count(o, "websites", s);
}

enum ts_err ts_query_clone_complexity(struct ts_reader_conn *c,
                                      const struct ts_site_limits *limits,
                                      json_t **out,
                                      struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_STATS_BY_COMPLEXITY);
    ts_bind_i64(&s, limits->medium_from);
    ts_bind_i64(&s, limits->complex_from);
    return read_groups(&s, put_class, out, err);
}

static bool put_site(json_t *o, struct ts_stmt *s)
{
    return put_count(o, "id", s) && put_text(o, "url", s) && put_text(o, "domain", s) &&
           put_text(o, "title", s) && put_count(o, "wordCount", s);
}

/* A page's last row is one too many: it tells of a next page. */
static void end_page(struct ts_clone_page *page, json_t *rows)
{
    bool more = json_array_size(rows) > (size_t)page->limit;
    page->next = more ? page->before + page->limit : 0;
    if (more)
        (void)json_array_remove(rows, (size_t)page->limit);
}

enum ts_err ts_query_site_complexity(struct ts_reader_conn *c,
                                     const struct ts_site_limits *limits,
                                     struct ts_clone_page *page,
                                     json_t **out,
                                     struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_SITE_COMPLEXITY_PAGE);
    ts_bind_i64(&s, page->limit + 1);
    ts_bind_i64(&s, page->before);
    enum ts_err e = read_groups(&s, put_site, out, err);
    if (e != TS_OK)
        return e;
    end_page(page, *out);
    size_t i;
    json_t *row;
    json_array_foreach(*out, i, row)
    {
        const json_t *words = json_object_get(row, "wordCount");
        int64_t n = json_is_integer(words) ? (int64_t)json_integer_value(words) : TS_UNKNOWN;
        const char *name = ts_complexity_name(ts_site_complexity(limits, n));
        if (json_object_set_new(row, "complexity", ts_json_text(name)) != 0)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for statistics");
    }
    return TS_OK;
}

enum ts_err ts_query_clone_totals(struct ts_reader_conn *c, json_t **out, struct ts_error *err)
{
    static const char *const names[] = {"websites", "attempts", "benchmarks"};
    TS_LEASE(s, c->conn, TS_SQL_CLONE_TOTALS);
    if (ts_step(&s) != TS_ROW)
        return ts_filter_fail(&s, err);
    json_auto_t *all = json_object();
    json_auto_t *samples = json_object();
    bool ok = true;
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++)
        ok = json_object_set_new(all, names[i], json_integer(ts_col_i64(&s))) == 0 && ok;
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++)
        ok = json_object_set_new(samples, names[i], json_integer(ts_col_i64(&s))) == 0 && ok;
    if (!ok || json_object_set(all, "samples", samples) != 0)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for statistics");
    *out = json_incref(all);
    return TS_OK;
}
