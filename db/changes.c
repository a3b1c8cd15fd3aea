/*
 * Small changes beside the rows of calls: ratings, comparisons, votes. Each is applied in the
 * transaction of the live rows that came before it; its job's result is settled after the commit.
 */
#include "base/clock.h"
#include "db/apply.h"
#include "db/comparison.h"
#include "db/parts.h"

/* -- ratings ----------------------------------------------------------------------------------- */

bool ts_rows_are_spooled(struct ts_store *s)
{
    struct ts_spool *spool = s->spool;
    return ts_inbox_spilling(&s->inbox) || (spool != NULL && ts_spool_state(spool).rows > 0);
}

enum ts_err ts_change_rate(struct ts_store *s, struct ts_store_job *job, struct ts_error *err)
{
    struct ts_store_rating *r = TS_CONTAINER(job, struct ts_store_rating, job);
    bool spooled = ts_rows_are_spooled(s);
    enum ts_err e = TS_ERR_NOT_FOUND;
    if (r->id != 0 || !spooled)
        e = ts_apply_rating(s->writer.conn, s->writer.rollup, r, &r->job.error);
    bool absent = e == TS_ERR_NOT_FOUND || e == TS_ERR_CONVERSATION_NOT_FOUND;
    if (e != TS_OK && !absent) {
        *err = r->job.error;
        return e;
    }
    if (absent && spooled)
        e = ts_fail(&r->job.error,
                    TS_ERR_STORAGE_UNAVAILABLE,
                    "the call may still wait in the spool; try again");
    r->job.result = e;
    return TS_OK;
}

/* -- comparisons ------------------------------------------------------------------------------- */

enum ts_err ts_change_compare(struct ts_store *s, struct ts_store_job *job, struct ts_error *err)
{
    const struct ts_store_comparison *c = TS_CONTAINER(job, struct ts_store_comparison, job);
    {
        TS_LEASE(q, s->writer.conn, TS_SQL_COMPARISON_INSERT);
        ts_bind_i64(&q, c->id);
        if (ts_step(&q) != TS_DONE)
            return ts_stmt_fail(&q, err, "storing a comparison");
    }
    for (int i = 0; i < c->count; i++) {
        TS_LEASE(q, s->writer.conn, TS_SQL_COMPARISON_PANE_INSERT);
        ts_bind_i64(&q, c->id);
        ts_bind_i64(&q, i);
        ts_bind_i64(&q, c->call_ids[i]);
        if (ts_step(&q) != TS_DONE)
            return ts_stmt_fail(&q, err, "storing a pane of a comparison");
    }
    job->result = TS_OK;
    return TS_OK;
}

/* Looks the comparison up. The job's result is what is wrong with the vote. */
static enum ts_err check_vote(struct ts_store *s, struct ts_store_vote *v, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_COMPARISON_FIND);
    ts_bind_i64(&q, v->id);
    switch (ts_step(&q)) {
    case TS_ROW:
        break;
    case TS_DONE:
        v->job.result = ts_fail(&v->job.error, TS_ERR_NOT_FOUND, "there is no such comparison");
        return TS_OK;
    case TS_FAILED:
        return ts_stmt_fail(&q, err, "looking for a comparison");
    }
    int64_t panes = ts_col_i64(&q);
    v->voted_before = ts_col_i64(&q) != 0;
    v->previous = (int)ts_col_i64(&q);
    v->job.result = TS_OK;
    if (v->winner >= panes)
        v->job.result = ts_fail_param(&v->job.error,
                                      TS_ERR_INVALID_FIELD,
                                      "winner",
                                      "winner must be a pane from 0 to %d, or \"tie\"",
                                      (int)panes - 1);
    return TS_OK;
}

enum ts_err ts_change_vote(struct ts_store *s, struct ts_store_job *job, struct ts_error *err)
{
    struct ts_store_vote *v = TS_CONTAINER(job, struct ts_store_vote, job);
    enum ts_err rc = check_vote(s, v, err);
    if (rc != TS_OK || job->result != TS_OK)
        return rc;
    TS_LEASE(q, s->writer.conn, TS_SQL_COMPARISON_VOTE);
    ts_bind_i64(&q, v->id);
    ts_bind_i64(&q, v->winner);
    ts_bind_i64(&q, ts_wall_ms());
    ts_bind_text(&q, v->comment);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "storing a vote");
}
