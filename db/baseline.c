#include "db/baseline.h"

#include "base/call.h"
#include "base/clock.h"

struct source {
    int64_t id; /* TS_UNKNOWN: there is none */
    int64_t imported_ms;
};

static enum ts_err found_source(struct ts_stmt *q, struct source *out, struct ts_error *err)
{
    *out = (struct source){.id = TS_UNKNOWN};
    enum ts_step step = ts_step(q);
    if (step == TS_FAILED)
        return ts_stmt_fail(q, err, "looking for an earlier import");
    if (step == TS_ROW) {
        out->id = ts_col_i64(q);
        out->imported_ms = ts_col_i64(q);
    }
    return TS_OK;
}

static enum ts_err find_by_content(struct ts_conn *c,
                                   const struct ts_baseline *b,
                                   struct source *out,
                                   struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_SOURCE_BY_CONTENT);
    ts_bind_blob(&q, b->hash, sizeof(b->hash));
    return found_source(&q, out, err);
}

static enum ts_err find_by_path(struct ts_conn *c,
                                const struct ts_baseline *b,
                                struct source *out,
                                struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_SOURCE_BY_PATH);
    ts_bind_text(&q, b->path);
    return found_source(&q, out, err);
}

/* A statement whose only parameter is the source. */
static enum ts_err run_of(struct ts_conn *c, enum ts_sql what, int64_t source, struct ts_error *err)
{
    TS_LEASE(q, c, what);
    ts_bind_i64(&q, source);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, ts_sql_queries[what].name);
}

static enum ts_err put_source(struct ts_conn *c,
                              const struct ts_baseline *b,
                              int64_t now_ms,
                              struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_SOURCE_PUT);
    ts_bind_text(&q, b->path);
    ts_bind_blob(&q, b->hash, sizeof(b->hash));
    ts_bind_i64(&q, now_ms);
    ts_bind_i64(&q, b->count);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "storing an import");
}

static enum ts_err put_entry(struct ts_conn *c,
                             int64_t source,
                             const struct ts_baseline_entry *n,
                             struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_BASELINE_PUT);
    ts_bind_i64(&q, source);
    ts_bind_text(&q, n->task_type);
    ts_bind_text(&q, n->model);
    ts_bind_i64(&q, n->successes);
    ts_bind_i64(&q, n->failures);
    ts_bind_i64(&q, n->timeouts);
    ts_bind_i64(&q, n->total_tokens);
    ts_bind_double(&q, n->total_cost);
    ts_bind_text(&q, n->last_used);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "storing imported figures");
}

/* What the source gave before is taken back. */
static enum ts_err take_back(struct ts_conn *c, int64_t source, struct ts_error *err)
{
    enum ts_err e = run_of(c, TS_SQL_BASELINE_SUBTRACT, source, err);
    return e == TS_OK ? run_of(c, TS_SQL_BASELINE_FORGET, source, err) : e;
}

static enum ts_err give(struct ts_conn *c,
                        const struct ts_baseline *b,
                        int64_t source,
                        struct ts_error *err)
{
    enum ts_err e = TS_OK;
    for (int i = 0; e == TS_OK && i < b->count; i++)
        e = put_entry(c, source, &b->entries[i], err);
    if (e == TS_OK)
        e = run_of(c, TS_SQL_BASELINE_ADD, source, err);
    return e == TS_OK ? ts_conn_run(c, TS_SQL_STATS_PRUNE, err) : e;
}

enum ts_err ts_baseline_apply(struct ts_conn *c,
                              const struct ts_baseline *b,
                              enum ts_baseline_change *change,
                              int64_t *imported_ms,
                              struct ts_error *err)
{
    struct source known;
    enum ts_err e = find_by_content(c, b, &known, err);
    *change = TS_BASELINE_KNOWN;
    *imported_ms = known.imported_ms;
    if (e != TS_OK || known.id != TS_UNKNOWN)
        return e;
    e = find_by_path(c, b, &known, err);
    if (e != TS_OK)
        return e;
    *change = known.id != TS_UNKNOWN ? TS_BASELINE_REPLACED : TS_BASELINE_NEW;
    *imported_ms = ts_wall_ms();
    if (known.id != TS_UNKNOWN)
        e = take_back(c, known.id, err);
    if (e == TS_OK)
        e = put_source(c, b, *imported_ms, err);
    if (e == TS_OK)
        e = find_by_path(c, b, &known, err);
    return e == TS_OK ? give(c, b, known.id, err) : e;
}
