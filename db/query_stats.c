/* The learner's records of one task. */
#include "base/arena.h"
#include "db/filter.h"
#include "db/parts.h"
#include "db/query.h"

enum { FIRST_RECORDS = 32 };

static enum ts_err grow(struct ts_records *r, int *room, struct ts_error *err)
{
    if (r->count < *room)
        return TS_OK;
    int more = *room == 0 ? FIRST_RECORDS : *room * 2;
    struct ts_record *at = ts_arena_alloc(r->arena, (size_t)more * sizeof(*at));
    if (at == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the records of the models");
    for (int i = 0; i < r->count; i++)
        at[i] = r->at[i];
    r->at = at;
    *room = more;
    return TS_OK;
}

static enum ts_err add(struct ts_records *r, struct ts_stmt *s, struct ts_error *err)
{
    struct ts_record record = {.model = ts_arena_str(r->arena, ts_col_text(s))};
    record.successes = ts_col_i64(s);
    record.failures = ts_col_i64(s);
    record.timeouts = ts_col_i64(s);
    record.total_tokens = ts_col_i64(s);
    record.total_cost = ts_col_double(s);
    const char *last_used = ts_col_text(s);
    record.last_used = ts_arena_str(r->arena, last_used);
    if (record.model == NULL || (last_used != NULL && record.last_used == NULL))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the records of the models");
    r->at[r->count++] = record;
    return TS_OK;
}

enum ts_err ts_query_records(struct ts_reader_conn *c,
                             const char *task_type,
                             struct ts_records *out,
                             struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_STATS_OF_TASK);
    ts_bind_text(&s, task_type);
    int room = 0;
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    out->at = NULL;
    out->count = 0;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        e = grow(out, &room, err);
        if (e == TS_OK)
            e = add(out, &s, err);
    }
    return e == TS_OK && step == TS_FAILED ? ts_filter_fail(&s, err) : e;
}
