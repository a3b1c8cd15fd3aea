/*
 * The writer: the one thread that changes the database.
 *
 * A turn takes everything that waits. Live rows and changes go into one transaction, then one
 * import, or other large work, into its own, then some of the spool, if it has any, then a step of
 * what can wait. When a write fails, the rows go to the spool and the thread tries again every
 * second, with one small write, until that succeeds.
 */
#include "base/clock.h"
#include "base/log.h"
#include "db/apply.h"
#include "db/parts.h"
#include "db/transact.h"

enum {
    DRAIN_ROWS = 256, /* of the spool in one transaction; live rows wait no longer than for these */
};

/* -- live rows and changes --------------------------------------------------------------------- */

/* @failure: why nothing of it was committed; NULL: each change has its own result. */
static void settle_changes(struct ts_post *changes, const struct ts_error *failure)
{
    while (changes != NULL) {
        struct ts_store_job *job = TS_CONTAINER(changes, struct ts_store_job, post);
        changes = changes->next;
        if (failure != NULL)
            ts_job_settle(job, TS_ERR_STORAGE_UNAVAILABLE, failure);
        else
            ts_job_settle(job, job->result, NULL);
    }
}

static void settle_row(struct ts_store *s, struct ts_row *row, const struct ts_error *failure)
{
    if (failure == NULL)
        s->state.committed_rows++;
    if (row->job != NULL)
        ts_job_settle(row->job, failure == NULL ? TS_OK : TS_ERR_STORAGE_UNAVAILABLE, failure);
    ts_row_free(row);
}

/* A row that is in the database already changes nothing. */
static enum ts_err apply_call(struct ts_store *s,
                              const struct ts_call *call,
                              bool *inserted,
                              struct ts_error *err)
{
    struct ts_store_writer *w = &s->writer;
    enum ts_err e = ts_apply_call(w->conn, w->intern, w->rollup, call, inserted, err);
    return e == TS_OK && *inserted ? ts_sync_note(s, call->id, err) : e;
}

static enum ts_err apply_batch(struct ts_store *s, struct ts_post *changes, struct ts_error *err)
{
    bool inserted = false;
    enum ts_err e = ts_tx_begin(s, err);
    for (struct ts_row *row = s->inbox.writing.first; e == TS_OK && row != NULL; row = row->next)
        e = apply_call(s, row->call, &inserted, err);
    for (struct ts_post *p = changes; e == TS_OK && p != NULL; p = p->next) {
        struct ts_store_job *job = TS_CONTAINER(p, struct ts_store_job, post);
        e = job->apply(s, job, err);
    }
    return ts_tx_end(s, e, err);
}

/* One call in a transaction of its own. */
static enum ts_err write_call(struct ts_store *s, const struct ts_call *call, struct ts_error *err)
{
    bool inserted = false;
    enum ts_err e = ts_tx_begin(s, err);
    if (e == TS_OK)
        e = apply_call(s, call, &inserted, err);
    return ts_tx_end(s, e, err);
}

/* Something in the batch does not go into the database: row by row, so that only that is lost. */
static enum ts_err write_singly(struct ts_store *s, struct ts_error *err)
{
    for (struct ts_row *row = s->inbox.writing.first; row != NULL; row = s->inbox.writing.first) {
        enum ts_err e = write_call(s, row->call, err);
        if (e != TS_OK && !ts_tx_is_rows_fault(e))
            return e;
        if (e != TS_OK)
            ts_state_lost(&s->state, 1, err->text);
        settle_row(s, ts_inbox_written_one(&s->inbox), e == TS_OK ? NULL : err);
    }
    return TS_OK;
}

static void write_live(struct ts_store *s, struct ts_post *changes)
{
    if (s->inbox.writing.first == NULL && changes == NULL)
        return;
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err e = apply_batch(s, changes, &err);
    if (e == TS_OK) {
        for (struct ts_row *row = ts_inbox_written(&s->inbox), *next = NULL; row != NULL;
             row = next) {
            next = row->next;
            settle_row(s, row, NULL);
        }
        settle_changes(changes, NULL);
        return;
    }
    if (ts_tx_is_rows_fault(e)) {
        settle_changes(changes, &err);
        changes = NULL;
        e = write_singly(s, &err);
    }
    if (e == TS_OK)
        return;
    ts_tx_trouble(s, &err);
    ts_inbox_spill(&s->inbox);
    settle_changes(changes, &err);
}

/* -- imports ---------------------------------------------------------------------------------- */

static void settle_import(struct ts_store_import *im,
                          enum ts_err result,
                          const struct ts_error *why)
{
    for (int i = 0; i < im->count; i++)
        ts_call_free(TS_TAKE(im->calls[i]));
    ts_job_settle(&im->job, result, why);
}

/* At most a thousand rows, some ten milliseconds: live rows wait no longer behind it. */
static void write_import(struct ts_store *s, struct ts_post *post)
{
    if (post == NULL)
        return;
    int64_t start_us = ts_now_us();
    struct ts_store_import *im = TS_CONTAINER(post, struct ts_store_import, job.post);
    struct ts_store_writer *w = &s->writer;
    struct ts_error err = TS_ERROR_INIT;
    int accepted = 0;
    enum ts_err e = ts_tx_begin(s, &err);
    for (int i = 0; e == TS_OK && i < im->count; i++) {
        bool inserted = false;
        e = ts_apply_import(w->conn, w->intern, w->rollup, im->calls[i], &inserted, &err);
        if (e == TS_OK && inserted)
            e = ts_sync_note(s, im->calls[i]->id, &err);
        accepted += inserted;
    }
    if (e == TS_OK && im->source != NULL)
        e = ts_apply_import_mark(w->conn, im->source, im->source_row, &err);
    e = ts_tx_end(s, e, &err);
    if (e == TS_OK) {
        im->accepted = accepted;
        im->duplicates = im->count - accepted;
        s->state.committed_rows += accepted;
    } else if (!ts_tx_is_rows_fault(e)) {
        ts_tx_trouble(s, &err);
        e = TS_ERR_STORAGE_UNAVAILABLE;
    }
    settle_import(im, e, &err);
    if (e == TS_OK)
        ts_inbox_rest_imports(&s->inbox, ts_now_us() - start_us);
}

/* -- what is larger than a change ---------------------------------------------------------------
 */

/* In a transaction of its own, and only it fails with it. */
static void write_alone(struct ts_store *s, struct ts_store_job *job)
{
    int64_t start_us = ts_now_us();
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err e = ts_tx_begin(s, &err);
    if (e == TS_OK)
        e = job->apply(s, job, &err);
    e = ts_tx_end(s, e, &err);
    if (e != TS_OK && !ts_tx_is_rows_fault(e)) {
        ts_tx_trouble(s, &err);
        e = TS_ERR_STORAGE_UNAVAILABLE;
    }
    if (e == TS_OK)
        ts_inbox_rest_imports(&s->inbox, ts_now_us() - start_us);
    ts_job_settle(job, e == TS_OK ? job->result : e, e == TS_OK ? NULL : &err);
}

static void write_large(struct ts_store *s, struct ts_post *post)
{
    struct ts_store_job *job = post != NULL ? TS_CONTAINER(post, struct ts_store_job, post) : NULL;
    if (job != NULL && job->apply != NULL)
        write_alone(s, job);
    else
        write_import(s, post);
}

static void refuse_large(struct ts_post *post, const struct ts_error *why)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    if (job->apply != NULL)
        ts_job_settle(job, TS_ERR_STORAGE_UNAVAILABLE, why);
    else
        settle_import(
            TS_CONTAINER(job, struct ts_store_import, job), TS_ERR_STORAGE_UNAVAILABLE, why);
}

/* -- the spool -------------------------------------------------------------------------------- */

static enum ts_err drain_batch(struct ts_store *s,
                               struct ts_call **calls,
                               int count,
                               struct ts_error *err)
{
    int accepted = 0;
    enum ts_err e = ts_tx_begin(s, err);
    for (int i = 0; e == TS_OK && i < count; i++) {
        bool inserted = false;
        e = apply_call(s, calls[i], &inserted, err);
        accepted += inserted;
    }
    e = ts_tx_end(s, e, err);
    if (e == TS_OK)
        s->state.committed_rows += accepted;
    return e;
}

static enum ts_err drain_singly(struct ts_store *s,
                                struct ts_call **calls,
                                int count,
                                struct ts_error *err)
{
    for (int i = 0; i < count; i++) {
        enum ts_err e = write_call(s, calls[i], err);
        if (e != TS_OK && !ts_tx_is_rows_fault(e))
            return e;
        if (e != TS_OK)
            ts_state_lost(&s->state, 1, err->text);
    }
    return TS_OK;
}

/* Empties the spool once everything in it is in the database. */
static void finish_drain(struct ts_store *s, struct ts_spool *spool)
{
    struct ts_error err = TS_ERROR_INIT;
    bool emptied = false;
    if (ts_spool_clear(spool, s->writer.drained, &emptied, &err) != TS_OK)
        ts_log(TS_LOG_WARN, "%s", err.text);
    if (emptied)
        s->writer.drained = 0;
}

static void drain(struct ts_store *s)
{
    struct ts_store_writer *w = &s->writer;
    struct ts_spool *spool = s->spool;
    if (spool == NULL || ts_spool_state(spool).rows == 0)
        return;
    struct ts_call *calls[DRAIN_ROWS];
    int64_t offset = w->drained;
    int count = ts_spool_read(spool, &offset, calls, DRAIN_ROWS);
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err e = drain_batch(s, calls, count, &err);
    if (ts_tx_is_rows_fault(e))
        e = drain_singly(s, calls, count, &err);
    for (int i = 0; i < count; i++)
        ts_call_free(calls[i]);
    if (e != TS_OK) {
        ts_tx_trouble(s, &err);
        return;
    }
    w->drained = offset;
    if (count < DRAIN_ROWS)
        finish_drain(s, spool);
}

/* -- roll-ups --------------------------------------------------------------------------------- */

/* A part of the cells that are to be made, when there is nothing better to do. */
static void make_cells(struct ts_store *s)
{
    struct ts_store_writer *w = &s->writer;
    if (w->conn == NULL || (ts_rollup_due(w->rollup) == 0 && !ts_care_pending(s)))
        return;
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err e = ts_tx_begin(s, &err);
    if (e == TS_OK)
        e = ts_care_settle(s, &err);
    if (e == TS_OK)
        e = ts_rollup_step(w->rollup, w->conn, &err);
    if (ts_tx_end(s, e, &err) != TS_OK)
        ts_tx_trouble(s, &err);
    else
        ts_care_settled(s);
}

/* -- trouble ---------------------------------------------------------------------------------- */

static enum ts_err probe_write(struct ts_store *s, struct ts_error *err)
{
    enum ts_err e = ts_tx_begin(s, err);
    if (e == TS_OK) {
        TS_LEASE(q, s->writer.conn, TS_SQL_PROBE_WRITE);
        ts_bind_i64(&q, ts_wall_ms());
        if (ts_step(&q) != TS_DONE)
            e = ts_stmt_fail(&q, err, "trying a write");
    }
    return ts_tx_end(s, e, err);
}

/* The readers first: the connection that checkpoints is the last to go. */
static void detach(struct ts_store *s)
{
    struct ts_error why = TS_ERROR_INIT;
    (void)ts_fail(&why, TS_ERR_STORAGE_UNAVAILABLE, "the database went away");
    ts_backup_abandon(s, &why);
    ts_readers_shut(&s->readers);
    ts_conn_close(TS_TAKE(s->writer.conn));
}

static void probe(struct ts_store *s)
{
    struct ts_store_writer *w = &s->writer;
    if (ts_now_us() < w->probe_us)
        return;
    struct ts_error err = TS_ERROR_INIT;
    if (w->conn != NULL && (ts_conn_is_broken(w->conn) || ts_conn_file_moved(w->conn)))
        detach(s);
    enum ts_err e = w->conn == NULL ? ts_store_attach(s, &err) : TS_OK;
    if (e == TS_OK)
        e = probe_write(s, &err);
    if (e != TS_OK) {
        ts_tx_trouble(s, &err);
        return;
    }
    w->trouble = false;
    w->conn->patience_us = TS_WRITER_PATIENCE_US;
}

static void refuse(struct ts_store *s, const struct ts_work *work)
{
    struct ts_error why = TS_ERROR_INIT;
    (void)ts_fail(&why, TS_ERR_STORAGE_UNAVAILABLE, "the database takes no writes at the moment");
    ts_inbox_spill(&s->inbox);
    ts_backup_abandon(s, &why);
    settle_changes(work->changes, &why);
    if (work->import != NULL)
        refuse_large(work->import, &why);
    ts_retention_break(s, &why);
}

/* -- the thread ------------------------------------------------------------------------------- */

/* The shorter wait; -1 is for ever. */
static int64_t sooner(int64_t a_us, int64_t b_us)
{
    return a_us < 0 || (b_us >= 0 && b_us < a_us) ? b_us : a_us;
}

/* Until the next thing that can wait is due. */
static int64_t upkeep_wait_us(struct ts_store *s)
{
    int64_t wait_us = sooner(ts_space_wait_us(s), ts_old_learner_wait_us(s));
    wait_us = sooner(wait_us, ts_sweep_wait_us(s));
    wait_us = sooner(wait_us, ts_backup_idle_us(s));
    wait_us = sooner(wait_us, ts_care_wait_us(s));
    wait_us = sooner(wait_us, ts_clone_retention_wait_us(s));
    return sooner(wait_us, ts_retention_wait_us(s));
}

/* What can wait, a step of each. */
static void take_care(struct ts_store *s)
{
    ts_space_turn(s);
    ts_care_turn(s);
    if (!s->writer.trouble)
        ts_old_learner_turn(s);
    if (!s->writer.trouble)
        ts_retention_turn(s);
    if (!s->writer.trouble)
        ts_clone_retention_turn(s);
    if (!s->writer.trouble)
        ts_sweep_turn(s);
    if (!s->writer.trouble)
        ts_backup_step(s);
}

/* How long there is nothing to do unless a job comes. */
static int64_t idle_us(struct ts_store *s)
{
    const struct ts_store_writer *w = &s->writer;
    if (w->trouble) {
        int64_t left = w->probe_us - ts_now_us();
        return left > 0 ? left : 0;
    }
    struct ts_spool *spool = s->spool;
    bool busy = (spool != NULL && ts_spool_state(spool).rows > 0) || ts_rollup_due(w->rollup) > 0;
    return busy ? 0 : upkeep_wait_us(s);
}

/* Whoever waits for something that will not be finished now is told so. */
static void break_off(struct ts_store *s)
{
    struct ts_error why = TS_ERROR_INIT;
    (void)ts_fail(&why, TS_ERR_STORAGE_UNAVAILABLE, "the store is being closed");
    ts_retention_break(s, &why);
    ts_backup_abandon(s, &why);
}

void *ts_writer_main(void *store)
{
    struct ts_store *s = store;
    struct ts_work work = {0};
    while (ts_inbox_take(&s->inbox, idle_us(s), &work)) {
        if (s->writer.trouble)
            probe(s);
        if (s->writer.trouble) {
            refuse(s, &work);
            ts_space_turn(s);
            continue;
        }
        write_live(s, work.changes);
        if (s->writer.trouble && work.import != NULL) {
            work.changes = NULL;
            refuse(s, &work);
            continue;
        }
        write_large(s, work.import);
        if (!s->writer.trouble)
            ts_samples_write(s);
        if (!s->writer.trouble)
            drain(s);
        if (!s->writer.trouble)
            make_cells(s);
        if (!s->stopping)
            take_care(s);
    }
    break_off(s);
    ts_inbox_writer_gone(&s->inbox);
    return NULL;
}
