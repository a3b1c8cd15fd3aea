#include "db/retention.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/parts.h"
#include "db/transact.h"

enum {
    FIRST_LOOK_US = 5 * 1000 * 1000, /* after the start, which has better things to do */
    LOOK_EVERY_US = 1800 * 1000 * 1000,

    /* A commit that comes at a bad moment waits for one step: its work, its own commit, and now and
     * then the checkpoint in that. */
    STEP_WORK_US = 1500,
    STEP_AIM_US = 4000, /* with its commit */
    CHUNK_FIRST = 64,
    CHUNK_MIN = 16,
    CHUNK_MAX = 4096,
    LOOK_UP_ROWS = 8, /* between two looks at the clock and the queue */
    OTHERS_FOR_US = 1000 * 1000,
    WAIT_US = 200 * 1000,
    OTHERS_SHARE = 4, /* of the disk's time, for each part of ours, while others commit */
};

void ts_retention_init(struct ts_retention *r, int64_t keep_days)
{
    *r = (struct ts_retention){
        .keep_days = keep_days, .chunk = CHUNK_FIRST, .due_us = ts_now_us() + FIRST_LOOK_US};
}

static void set_phase(struct ts_retention *r, enum ts_retention_phase to)
{
    switch (r->phase) {
    case TS_RETENTION_IDLE:
        assert(to == TS_RETENTION_DELETING);
        break;
    case TS_RETENTION_DELETING:
        assert(to == TS_RETENTION_SHRINKING || to == TS_RETENTION_IDLE);
        break;
    case TS_RETENTION_SHRINKING:
        assert(to == TS_RETENTION_IDLE);
        break;
    }
    r->phase = to;
}

/* -- one transaction -------------------------------------------------------------------------- */

/* Whether a step that began at @start_us has to make room for others. */
static bool is_over(struct ts_store *s, int64_t start_us)
{
    return ts_now_us() - start_us >= STEP_WORK_US || ts_inbox_waiting(&s->inbox) > 0;
}

/* False in @out: no row is old enough. */
static enum ts_err delete_oldest(struct ts_store *s, bool *out, struct ts_error *err)
{
    struct ts_conn *c = s->writer.conn;
    TS_LEASE(q, c, TS_SQL_EXPIRED_DELETE);
    ts_bind_i64(&q, s->writer.retention.below_id);
    if (ts_step(&q) != TS_DONE)
        return ts_stmt_fail(&q, err, "deleting an old call");
    *out = sqlite3_changes(c->db) > 0;
    return TS_OK;
}

/* The oldest call that is to go; TS_UNKNOWN: there is none. */
static enum ts_err find_oldest(struct ts_store *s, int64_t *id, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_EXPIRED_OLDEST);
    ts_bind_i64(&q, ts_id_from_ms(s->writer.retention.before_ms));
    if (ts_step(&q) != TS_ROW)
        return ts_stmt_fail(&q, err, "looking for old calls");
    *id = ts_col_known(&q);
    return TS_OK;
}

struct step {
    int done;   /* rows or pages */
    bool more;  /* there may be others */
    bool waits; /* for cells that are not made yet */
};

/* The oldest day's turn: whatever was derived from its calls has to live without them from now on.
 * Its hour cells go at once, some thousand of them; those of many days would take too long. */
static enum ts_err open_day(struct ts_store *s, struct step *out, struct ts_error *err)
{
    struct ts_retention *r = &s->writer.retention;
    int64_t oldest = TS_UNKNOWN;
    enum ts_err e = find_oldest(s, &oldest, err);
    out->more = oldest != TS_UNKNOWN;
    if (e != TS_OK || !out->more)
        return e;
    int64_t below = ts_day_start(ts_day_of(oldest) + 1);
    e = ts_rollup_expire(s->writer.rollup, s->writer.conn, &below, err);
    if (e == TS_OK)
        e = ts_sweep_note(s, err);
    out->waits = below <= oldest;
    r->below_id = out->waits ? 0 : below;
    return e;
}

static enum ts_err delete_some(struct ts_store *s, struct step *out, struct ts_error *err)
{
    struct ts_retention *r = &s->writer.retention;
    int64_t start_us = ts_now_us();
    bool found = true;
    enum ts_err e = TS_OK;
    while (e == TS_OK && out->done < r->chunk) {
        e = delete_oldest(s, &found, err);
        if (e != TS_OK || !found)
            break;
        out->done++;
        if (out->done >= CHUNK_MIN && out->done % LOOK_UP_ROWS == 0 && is_over(s, start_us))
            break;
    }
    if (!found)
        r->below_id = 0; /* that day is gone */
    out->more = true;
    return e;
}

/* Moves pages from the file's end into its gaps; the statement stops after each of them. */
static enum ts_err shrink_some(struct ts_store *s, struct step *out, struct ts_error *err)
{
    int64_t start_us = ts_now_us();
    TS_LEASE(q, s->writer.conn, TS_SQL_SHRINK);
    for (;;) {
        switch (ts_step(&q)) {
        case TS_ROW:
            break;
        case TS_DONE:
            return TS_OK;
        case TS_FAILED:
            return ts_stmt_fail(&q, err, "making the file smaller");
        }
        out->done++;
        if (out->done % LOOK_UP_ROWS == 0 && is_over(s, start_us))
            break;
    }
    out->more = true;
    return TS_OK;
}

/* -- a round ---------------------------------------------------------------------------------- */

static void settle(struct ts_retention *r, enum ts_err result, const struct ts_error *why)
{
    struct ts_store_cleanup *asked = r->asked;
    if (asked == NULL)
        return;
    r->asked = NULL;
    ts_job_settle(&asked->job, result, why);
}

static void end_round(struct ts_store *s)
{
    struct ts_retention *r = &s->writer.retention;
    if (r->deleted > 0)
        ts_logf(
            TS_LOG_INFO,
            TS_LOG_FIELDS(TS_LOG_INT("calls", r->deleted), TS_LOG_INT("keep_days", r->keep_days)),
            "old calls deleted");
    if (r->deleted > 0)
        ts_sweep_hurry(s);
    set_phase(r, TS_RETENTION_IDLE);
    r->due_us = ts_now_us() + LOOK_EVERY_US;
    settle(r, TS_OK, NULL);
}

/* Whole UTC days: a day is either all there or only in what was summed up. */
static int64_t horizon_ms(int64_t keep_days)
{
    int64_t ms = ts_wall_ms() - keep_days * TS_DAY_MS;
    return ms > 0 ? ms - ms % TS_DAY_MS : 0;
}

static enum ts_err tidy(struct ts_store *s, struct ts_error *err)
{
    enum ts_err e = ts_tx_begin(s, err);
    if (e == TS_OK)
        e = ts_sync_tidy(s, err);
    return ts_tx_end(s, e, err);
}

static void start_round(struct ts_store *s, struct ts_error *err)
{
    struct ts_retention *r = &s->writer.retention;
    r->due_us = ts_now_us() + LOOK_EVERY_US;
    if (tidy(s, err) != TS_OK)
        return;
    r->asked = ts_inbox_take_cleanup(&s->inbox);
    int64_t days = r->asked != NULL && r->asked->keep_days > 0 ? r->asked->keep_days : r->keep_days;
    int64_t oldest = TS_UNKNOWN;
    r->before_ms = horizon_ms(days);
    r->below_id = 0;
    r->deleted = 0;
    if (r->asked != NULL) {
        r->asked->before_ms = days > 0 ? r->before_ms : TS_UNKNOWN;
        r->asked->deleted = 0;
    }
    if (days > 0 && find_oldest(s, &oldest, err) != TS_OK)
        return;
    if (oldest == TS_UNKNOWN) {
        settle(r, TS_OK, NULL);
        return;
    }
    set_phase(r, TS_RETENTION_DELETING);
    r->due_us = ts_now_us();
}

/* While others commit, most of the time is theirs: what delays them is less a step than the
 * checkpoints that many steps lead to. */
static void pace(struct ts_store *s, const struct step *step, int64_t took_us)
{
    struct ts_retention *r = &s->writer.retention;
    int64_t now_us = ts_now_us();
    if (s->state.commits != r->commits + 1)
        r->others_us = now_us;
    r->commits = s->state.commits;
    r->due_us = now_us - r->others_us < OTHERS_FOR_US ? now_us + OTHERS_SHARE * took_us : now_us;
    if (took_us > STEP_AIM_US && r->chunk / 2 >= CHUNK_MIN)
        r->chunk /= 2;
    else if (took_us < STEP_AIM_US && step->done >= r->chunk && r->chunk < CHUNK_MAX)
        r->chunk += r->chunk / 4;
}

static void count_deleted(struct ts_store *s, int rows)
{
    struct ts_retention *r = &s->writer.retention;
    r->deleted += rows;
    s->state.expired_rows += rows;
    if (r->asked != NULL)
        r->asked->deleted += rows;
}

static bool is_called_off(const struct ts_retention *r)
{
    return r->asked != NULL && r->asked->stop;
}

/* Whether a quarter of the file is gaps. */
static bool is_wasteful(struct ts_store *s)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_FREE_PAGES);
    if (ts_step(&q) != TS_ROW)
        return false;
    int64_t free_pages = ts_col_i64(&q);
    return free_pages > 0 && free_pages * 4 > ts_col_i64(&q);
}

/* One transaction of the phase. */
static enum ts_err step(struct ts_store *s, struct step *out, struct ts_error *err)
{
    enum ts_err e = ts_tx_begin(s, err);
    if (e == TS_OK && s->writer.retention.phase == TS_RETENTION_SHRINKING)
        e = shrink_some(s, out, err);
    else if (e == TS_OK && s->writer.retention.below_id == 0)
        e = open_day(s, out, err);
    else if (e == TS_OK)
        e = delete_some(s, out, err);
    return ts_tx_end(s, e, err);
}

static void go_on(struct ts_store *s, struct ts_error *err)
{
    struct ts_retention *r = &s->writer.retention;
    struct step did = {0};
    int64_t start_us = ts_now_us();
    if (step(s, &did, err) != TS_OK)
        return;
    pace(s, &did, ts_now_us() - start_us);
    if (did.waits)
        r->due_us = ts_now_us() + WAIT_US;
    if (r->phase == TS_RETENTION_DELETING)
        count_deleted(s, did.done);
    if (did.more && !is_called_off(r))
        return;
    if (r->phase == TS_RETENTION_DELETING && is_wasteful(s))
        set_phase(r, TS_RETENTION_SHRINKING);
    else
        end_round(s);
}

void ts_retention_turn(struct ts_store *s)
{
    struct ts_retention *r = &s->writer.retention;
    if (ts_retention_wait_us(s) > 0)
        return;
    struct ts_error err = TS_ERROR_INIT;
    if (r->phase == TS_RETENTION_IDLE)
        start_round(s, &err);
    else
        go_on(s, &err);
    if (err.code == TS_OK)
        return;
    ts_tx_trouble(s, &err);
    ts_retention_break(s, &err);
}

void ts_retention_hurry(struct ts_store *s)
{
    s->writer.retention.due_us = ts_now_us();
}

int64_t ts_retention_wait_us(struct ts_store *s)
{
    const struct ts_retention *r = &s->writer.retention;
    if (r->phase == TS_RETENTION_IDLE && ts_inbox_has_cleanup(&s->inbox))
        return 0;
    int64_t left = r->due_us - ts_now_us();
    return left > 0 ? left : 0;
}

void ts_retention_break(struct ts_store *s, const struct ts_error *why)
{
    struct ts_retention *r = &s->writer.retention;
    settle(r, TS_ERR_STORAGE_UNAVAILABLE, why);
    while ((r->asked = ts_inbox_take_cleanup(&s->inbox)) != NULL)
        settle(r, TS_ERR_STORAGE_UNAVAILABLE, why);
    if (r->phase != TS_RETENTION_IDLE)
        set_phase(r, TS_RETENTION_IDLE);
    r->due_us = ts_now_us() + FIRST_LOOK_US;
}
