#include "db/transact.h"

#include "base/clock.h"
#include "db/parts.h"

enum { PROBE_EVERY_US = 1000 * 1000, PROBE_PATIENCE_US = 100 * 1000 };

enum ts_err ts_tx_begin(struct ts_store *s, struct ts_error *err)
{
    if (s->writer.conn == NULL)
        return ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "the database is not open");
    return ts_conn_run(s->writer.conn, TS_SQL_WRITE_BEGIN, err);
}

/* New names and their numbers may be gone with the transaction, and roll-ups are ahead of the file.
 */
static void roll_back(struct ts_store_writer *w)
{
    if (w->conn != NULL)
        ts_conn_end(w->conn, TS_SQL_WRITE_ROLLBACK);
    ts_intern_drop(w->intern);
    ts_rollup_drop(w->rollup);
}

/* A commit into a file that somebody has deleted or replaced is none. */
static enum ts_err commit(struct ts_store *s, struct ts_error *err)
{
    struct ts_store_writer *w = &s->writer;
    int64_t start_us = ts_now_us();
    enum ts_err e = ts_conn_run(w->conn, TS_SQL_WRITE_COMMIT, err);
    if (e == TS_OK && ts_conn_file_moved(w->conn))
        e = ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "%s was deleted or replaced", s->path);
    if (e == TS_OK) {
        s->state.commits++;
        s->state.last_commit_us = ts_now_us() - start_us;
        if (!s->state.writable)
            ts_state_good(&s->state);
    }
    return e;
}

enum ts_err ts_tx_end(struct ts_store *s, enum ts_err e, struct ts_error *err)
{
    if (e == TS_OK)
        e = ts_rollup_flush(s->writer.rollup, s->writer.conn, err);
    if (e == TS_OK)
        e = commit(s, err);
    if (e != TS_OK)
        roll_back(&s->writer);
    return e;
}

bool ts_tx_is_rows_fault(enum ts_err e)
{
    return e == TS_ERR_INTERNAL;
}

/* A checkpoint makes the log smaller, if there is room to make it. */
static bool make_room(struct ts_store *s)
{
    if (!ts_space_give(s))
        return false;
    TS_LEASE(q, s->writer.conn, TS_SQL_CHECKPOINT);
    (void)ts_step(&q);
    return true;
}

void ts_tx_trouble(struct ts_store *s, const struct ts_error *why)
{
    struct ts_store_writer *w = &s->writer;
    if (!w->trouble && w->conn != NULL)
        w->conn->patience_us = PROBE_PATIENCE_US;
    w->trouble = true;
    bool is_full = w->conn != NULL && ts_conn_is_full(w->conn);
    w->probe_us = ts_now_us() + (is_full && make_room(s) ? 0 : PROBE_EVERY_US);
    ts_state_bad(&s->state, why->text);
}
