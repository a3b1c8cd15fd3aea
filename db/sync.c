#include "db/sync.h"

#include "base/clock.h"
#include "db/parts.h"

enum {
    STALE_DAYS = 30,
    PRUNE_ROWS = 2000, /* in a transaction that live rows wait for: some milliseconds */
};

enum ts_err ts_sync_note(struct ts_store *s, int64_t call_id, struct ts_error *err)
{
    if (call_id > s->writer.sync_mark)
        return TS_OK;
    TS_LEASE(q, s->writer.conn, TS_SQL_SYNC_NOTE);
    ts_bind_i64(&q, call_id);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "noting a change for copies");
}

enum ts_err ts_sync_read_mark(struct ts_conn *c, int64_t *mark, struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_SYNC_MARK);
    if (ts_step(&q) != TS_ROW)
        return ts_stmt_fail(&q, err, "reading what copies have");
    *mark = ts_col_i64(&q);
    return TS_OK;
}

static enum ts_err prune(struct ts_store *s, bool *more, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_SYNC_PRUNE);
    ts_bind_i64(&q, PRUNE_ROWS);
    if (ts_step(&q) != TS_DONE)
        return ts_stmt_fail(&q, err, "forgetting changes that every copy has");
    *more = sqlite3_changes(s->writer.conn->db) == PRUNE_ROWS;
    return TS_OK;
}

static enum ts_err drop_stale(struct ts_store *s, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_SYNC_DROP_STALE);
    ts_bind_i64(&q, ts_wall_ms() - STALE_DAYS * TS_DAY_MS);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "forgetting copies left behind");
}

enum ts_err ts_sync_tidy(struct ts_store *s, struct ts_error *err)
{
    bool more = false;
    enum ts_err e = drop_stale(s, err);
    if (e == TS_OK)
        e = ts_sync_read_mark(s->writer.conn, &s->writer.sync_mark, err);
    return e == TS_OK ? prune(s, &more, err) : e;
}

/* -- a turn ------------------------------------------------------------------------------------ */

static enum ts_err look_up(struct ts_store *s, struct ts_store_sync *t, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_SYNC_KNOWN);
    ts_bind_text(&q, t->target);
    ts_bind_i64(&q, t->turn);
    ts_bind_i64(&q, ts_id_from_ms(ts_wall_ms()));
    if (ts_step(&q) != TS_ROW)
        return ts_stmt_fail(&q, err, "looking up a copy");
    bool found = ts_col_i64(&q) != 0;
    t->known = found && t->turn != 0;
    t->mark = ts_col_i64(&q);
    t->next_turn = ts_col_i64(&q);
    t->seq = ts_col_i64(&q);
    return TS_OK;
}

enum ts_err ts_sync_apply_begin(struct ts_store *s, struct ts_store_job *job, struct ts_error *err)
{
    struct ts_store_sync *t = TS_CONTAINER(job, struct ts_store_sync, job);
    enum ts_err e = drop_stale(s, err);
    if (e == TS_OK)
        e = look_up(s, t, err);
    if (e != TS_OK)
        return e;
    TS_LEASE(q, s->writer.conn, t->known ? TS_SQL_SYNC_AGAIN : TS_SQL_SYNC_ANEW);
    ts_bind_text(&q, t->target);
    if (t->known)
        ts_bind_i64(&q, t->turn);
    ts_bind_text(&q, t->place);
    ts_bind_i64(&q, t->mark);
    if (!t->known)
        ts_bind_i64(&q, t->seq);
    ts_bind_i64(&q, t->next_turn);
    ts_bind_i64(&q, ts_wall_ms());
    if (ts_step(&q) != TS_DONE)
        return ts_stmt_fail(&q, err, "noting a copy");
    if (t->mark > s->writer.sync_mark)
        s->writer.sync_mark = t->mark; /* too high after a rollback does no harm */
    job->result = TS_OK;
    return TS_OK;
}

enum ts_err ts_sync_apply_done(struct ts_store *s, struct ts_store_job *job, struct ts_error *err)
{
    struct ts_store_sync_done *d = TS_CONTAINER(job, struct ts_store_sync_done, job);
    {
        TS_LEASE(q, s->writer.conn, TS_SQL_SYNC_DONE);
        ts_bind_text(&q, d->target);
        ts_bind_i64(&q, d->turn);
        ts_bind_i64(&q, d->seq);
        ts_bind_i64(&q, ts_wall_ms());
        if (ts_step(&q) != TS_DONE)
            return ts_stmt_fail(&q, err, "noting how far a copy is");
    }
    job->result = TS_OK;
    return prune(s, &d->more, err);
}
