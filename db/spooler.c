/* The thread that puts rows into the spool while the database does not take them. */
#include "base/limits.h"
#include "db/parts.h"

static void settle_copies(struct ts_spill *spill, enum ts_err result, const struct ts_error *why)
{
    for (int i = 0; i < spill->copied; i++) {
        spill->jobs[i]->spooled = result == TS_OK;
        ts_job_settle(spill->jobs[i], result, why);
    }
}

static void settle_rows(struct ts_row *rows, enum ts_err result, const struct ts_error *why)
{
    while (rows != NULL) {
        struct ts_row *row = rows;
        rows = row->next;
        row->job->spooled = result == TS_OK;
        ts_job_settle(row->job, result, why);
        ts_row_free(row);
    }
}

static int frame_rows(struct ts_spill *spill)
{
    int count = 0;
    for (struct ts_row *row = spill->rows; row != NULL; row = row->next, count++) {
        ts_spool_frame(spill->batch, row->call);
        spill->newest_id = row->call->id > spill->newest_id ? row->call->id : spill->newest_id;
    }
    return count;
}

static enum ts_err append(struct ts_store *s,
                          const struct ts_spill *spill,
                          int rows,
                          struct ts_error *err)
{
    struct ts_spool *spool = s->spool;
    if (spool == NULL)
        return ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "%s cannot be opened", s->spool_path);
    return ts_spool_append(spool, spill->batch, rows, spill->newest_id, err);
}

static void handle(struct ts_store *s, struct ts_spill *spill)
{
    int rows = frame_rows(spill) + spill->copied;
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err result = append(s, spill, rows, &err);
    if (result != TS_OK)
        ts_state_lost(&s->state, rows, err.text);
    else /* before the nudge: the writer's next commit says that it is over */
        ts_state_late(&s->state);
    ts_inbox_spilled(&s->inbox, rows);
    settle_copies(spill, result, &err);
    settle_rows(spill->rows, result, &err);
}

void *ts_spooler_main(void *store)
{
    struct ts_store *s = store;
    struct ts_buf batch = TS_BUF_INIT(2 * (size_t)TS_SPOOL_MAX_BYTES);
    struct ts_spill spill = {.batch = &batch};
    while (ts_inbox_take_spill(&s->inbox, &spill)) {
        handle(s, &spill);
        ts_buf_clear(&batch);
        spill = (struct ts_spill){.batch = &batch};
    }
    ts_buf_free(&batch);
    return NULL;
}
