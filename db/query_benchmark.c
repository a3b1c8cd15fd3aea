/* Benchmarks, and the figures of attempts that they are made of. */
#include <math.h>

#include "base/clock.h"
#include "base/json.h"
#include "db/clone_query.h"
#include "db/filter.h"
#include "db/parts.h"

static double figure(struct ts_stmt *s)
{
    bool known = sqlite3_column_type(s->stmt, s->read) != SQLITE_NULL;
    double value = ts_col_double(s);
    return known ? value : (double)NAN;
}

static json_t *hardware_json(const char *text)
{
    json_t *o = text != NULL ? json_loads(text, 0, NULL) : NULL;
    return o != NULL ? o : json_null();
}

json_t *ts_benchmark_json(const struct ts_benchmark *b, int64_t id)
{
    char date[TS_RFC3339_SIZE];
    return json_pack(
        "{s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:b}",
        "id",
        (json_int_t)id,
        "provider",
        b->provider,
        "model",
        b->model,
        "modelSize",
        ts_json_text(b->size),
        "websiteComplexity",
        ts_json_text(b->complexity),
        "attempts",
        ts_json_int(b->attempts),
        "calls",
        ts_json_int(b->calls),
        "avgGenerationTimeMs",
        ts_json_num2(b->avg_generation_ms),
        "avgCodeSizeBytes",
        ts_json_num2(b->avg_size_bytes),
        "successRate",
        ts_json_num2(b->success_rate),
        "avgCodeQualityScore",
        ts_json_num2(b->quality),
        "avgUserSatisfaction",
        ts_json_num2(b->satisfaction),
        "tokensPerSecond",
        ts_json_num2(b->tokens_per_second),
        "hardwareSpecs",
        hardware_json(b->hardware_json),
        "benchmarkDate",
        ts_rfc3339(b->at_ms, date),
        "notes",
        ts_json_text(b->notes),
        "sample",
        b->sample);
}

/* The texts are the statement's, valid until its next step. */
static json_t *row_json(struct ts_stmt *s, int64_t id)
{
    struct ts_benchmark b = {.provider = ts_col_text(s)};
    b.model = ts_col_text(s);
    b.size = ts_col_text(s);
    b.complexity = ts_col_text(s);
    b.attempts = ts_col_known(s);
    b.calls = ts_col_known(s);
    b.avg_generation_ms = figure(s);
    b.avg_size_bytes = figure(s);
    b.success_rate = figure(s);
    b.quality = figure(s);
    b.satisfaction = figure(s);
    b.tokens_per_second = figure(s);
    b.hardware_json = ts_col_text(s);
    struct ts_slice date = ts_slice_str(ts_col_text(s));
    (void)ts_rfc3339_parse(date.at, date.len, &b.at_ms);
    b.notes = ts_col_text(s);
    b.sample = ts_col_i64(s) != 0;
    return ts_benchmark_json(&b, id);
}

enum ts_err ts_query_benchmarks(struct ts_reader_conn *c,
                                const struct ts_benchmark_filter *f,
                                struct ts_clone_page *page,
                                json_t **out,
                                struct ts_error *err)
{
    json_auto_t *rows = json_array();
    TS_LEASE(s, c->conn, TS_SQL_BENCHMARK_PAGE);
    ts_bind_i64(&s, page->before != 0 ? page->before : INT64_MAX);
    ts_bind_text(&s, f->model);
    ts_bind_text(&s, f->provider);
    ts_bind_text(&s, f->complexity);
    ts_bind_i64(&s, page->limit + 1);
    enum ts_step step = TS_DONE;
    int64_t last = 0;
    page->next = 0;
    while ((step = ts_step(&s)) == TS_ROW) {
        if (json_array_size(rows) == (size_t)page->limit) {
            page->next = last;
            break;
        }
        last = ts_col_i64(&s);
        if (json_array_append_new(rows, row_json(&s, last)) != 0)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for a list");
    }
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    *out = json_incref(rows);
    return TS_OK;
}

enum ts_err ts_query_clone_figures(struct ts_reader_conn *c,
                                   const struct ts_benchmark_filter *f,
                                   const struct ts_site_limits *limits,
                                   enum ts_err (*row)(void *ctx,
                                                      const struct ts_clone_figures *f,
                                                      struct ts_error *err),
                                   void *ctx,
                                   struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_FIGURES);
    ts_bind_text(&s, f->model);
    ts_bind_text(&s, f->provider);
    ts_bind_i64(&s, limits->medium_from);
    ts_bind_i64(&s, limits->complex_from);
    enum ts_step step = TS_DONE;
    enum ts_err e = TS_OK;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        struct ts_clone_figures r = {.provider = ts_col_text(&s)};
        r.model = ts_col_text(&s);
        int64_t class = ts_col_i64(&s);
        r.complexity = class < 0 ? TS_COMPLEXITY_UNKNOWN : (enum ts_complexity) class;
        r.attempts = ts_col_i64(&s);
        r.avg_generation_ms = figure(&s);
        r.avg_size_bytes = figure(&s);
        r.success_rate = figure(&s);
        r.quality = figure(&s);
        e = row(ctx, &r, err);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}
