#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "db/parts.h"

void ts_state_init(struct ts_store_state *st)
{
    *st = (struct ts_store_state){.writable = true, .lost_told_us = INT64_MIN / 2};
    (void)pthread_mutex_init(&st->lock, NULL);
}

void ts_state_good(struct ts_store_state *st)
{
    bool was_bad = false;
    {
        TS_GUARD(&st->lock);
        was_bad = !st->writable;
        st->writable = true;
        st->why[0] = '\0';
    }
    if (!was_bad)
        return;
    ts_log(TS_LOG_INFO, "the database takes rows again");
    if (st->watcher.changed != NULL)
        st->watcher.changed(st->watcher.ctx, true, "the database takes rows again");
}

void ts_state_bad(struct ts_store_state *st, const char *why)
{
    bool was_good = false;
    {
        TS_GUARD(&st->lock);
        was_good = st->writable;
        st->writable = false;
        (void)snprintf(st->why, sizeof(st->why), "%s", why);
    }
    if (!was_good)
        return;
    ts_logf(TS_LOG_ERROR,
            TS_LOG_FIELDS(TS_LOG_STR("why", why)),
            "the database takes no rows; they wait in the spool");
    if (st->watcher.changed != NULL)
        st->watcher.changed(st->watcher.ctx, false, why);
}

void ts_state_late(struct ts_store_state *st)
{
    if (st->writable)
        ts_state_bad(st, "the database has taken no rows for a second");
}

/* At most a line a second: a full spool loses rows by the thousand. */
void ts_state_lost(struct ts_store_state *st, int64_t rows, const char *why)
{
    int64_t total = atomic_fetch_add(&st->lost_rows, rows) + rows;
    int64_t now_us = ts_now_us();
    int64_t last_us = st->lost_told_us;
    if (now_us - last_us < 1000000 ||
        !atomic_compare_exchange_strong(&st->lost_told_us, &last_us, now_us))
        return;
    ts_logf(TS_LOG_ERROR,
            TS_LOG_FIELDS(TS_LOG_INT("rows_since_start", total), TS_LOG_STR("why", why)),
            "rows lost");
}

void ts_state_damaged(struct ts_store_state *st, const char *what)
{
    {
        TS_GUARD(&st->lock);
        (void)snprintf(st->damage, sizeof(st->damage), "the database is damaged: %s", what);
    }
    ts_logf(TS_LOG_ERROR,
            TS_LOG_FIELDS(TS_LOG_STR("found", what)),
            "the database is damaged; copy it aside before anything else (docs/database.md)");
}

void ts_state_room(struct ts_store_state *st, const char *why)
{
    bool was_low = false;
    {
        TS_GUARD(&st->lock);
        was_low = st->room[0] != '\0';
        (void)snprintf(st->room, sizeof(st->room), "%s", why);
    }
    if (!was_low && *why != '\0')
        ts_log(TS_LOG_WARN, "%s", why);
    else if (was_low && *why == '\0')
        ts_log(TS_LOG_INFO, "the disk has room again");
}

/* -- the check after an unclean stop ---------------------------------------------------------- */

/* As long as it takes: it holds up nobody, and a shutdown interrupts it. */
enum ts_err ts_check_run(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    struct ts_store *s = TS_CONTAINER(q, struct ts_store, check);
    c->conn->deadline_us = 0;
    TS_LEASE(check, c->conn, TS_SQL_QUICK_CHECK);
    if (ts_step(&check) != TS_ROW)
        return ts_stmt_fail(&check, err, "checking the database");
    const char *found = ts_col_text(&check);
    if (found == NULL || strcmp(found, "ok") != 0)
        ts_state_damaged(&s->state, found != NULL ? found : "unknown");
    else
        ts_log(TS_LOG_INFO, "the database was not closed the last time; it is sound");
    return TS_OK;
}

void ts_check_done(struct ts_post *post)
{
    const struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    if (q->result != TS_OK)
        ts_logf(TS_LOG_WARN,
                TS_LOG_FIELDS(TS_LOG_STR("why", q->error.text)),
                "the check of the database did not end");
}

struct ts_store_health ts_store_health(struct ts_store *s)
{
    struct ts_store_health h = {
        .lost_rows = s->state.lost_rows,
        .committed_rows = s->state.committed_rows,
        .commits = s->state.commits,
        .last_commit_us = s->state.last_commit_us,
        .expired_rows = s->state.expired_rows,
        .queued = ts_inbox_waiting(&s->inbox),
        .rollups_due = ts_care_due(s),
        .rollups_asked = s->care.asked,
    };
    struct ts_spool *spool = s->spool;
    if (spool != NULL) {
        struct ts_spool_state sp = ts_spool_state(spool);
        h.spooled_rows = sp.rows;
        h.spooled_bytes = sp.bytes;
    }
    TS_GUARD(&s->state.lock);
    h.writable = s->state.writable;
    h.damaged = s->state.damage[0] != '\0';
    h.low_space = s->state.room[0] != '\0';
    const char *why = !h.writable ? s->state.why : h.damaged ? s->state.damage : s->state.room;
    (void)snprintf(h.why, sizeof(h.why), "%s", why);
    return h;
}

void ts_store_watch(struct ts_store *s, struct ts_store_watcher watcher)
{
    s->state.watcher = watcher;
}
