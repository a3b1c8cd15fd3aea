/*
 * Attempts, sites and benchmarks that go: asked for, or for their age.
 *
 * A step takes a few milliseconds, so that calls never wait for more; whoever asked puts the job
 * again. The counts of what is left follow by triggers, in the same transaction.
 */
#include "base/clock.h"
#include "base/log.h"
#include "db/parts.h"
#include "db/transact.h"

enum { STEP_US = 2000, FIRST_LOOK_US = 6 * 1000 * 1000 };
static const int64_t look_every_us = INT64_C(1800) * 1000 * 1000;

static bool is_over(int64_t start_us)
{
    return ts_now_us() - start_us >= STEP_US;
}

/* One attempt with its files. *@found: there was one. */
static enum ts_err delete_attempt(struct ts_conn *c,
                                  const struct ts_store_clone_delete *d,
                                  bool *found,
                                  struct ts_error *err)
{
    *found = false;
    if (d->before_ms != TS_UNKNOWN) {
        TS_LEASE(q, c, TS_SQL_CLONE_DELETE_OLD);
        ts_bind_i64(&q, d->before_ms);
        if (ts_step(&q) != TS_DONE)
            return ts_stmt_fail(&q, err, "deleting an old clone attempt");
        *found = sqlite3_changes(c->db) > 0;
    }
    if (*found || !d->samples)
        return TS_OK;
    TS_LEASE(q, c, TS_SQL_CLONE_DELETE_SAMPLE);
    if (ts_step(&q) != TS_DONE)
        return ts_stmt_fail(&q, err, "deleting a sample");
    *found = sqlite3_changes(c->db) > 0;
    return TS_OK;
}

/* The next site that can go; 0: there is none. */
static enum ts_err find_site(struct ts_conn *c,
                             const struct ts_store_clone_delete *d,
                             int64_t *id,
                             struct ts_error *err)
{
    bool by_age = d->before_ms != TS_UNKNOWN;
    TS_LEASE(q, c, by_age ? TS_SQL_WEBSITE_OLD : TS_SQL_WEBSITE_SAMPLE);
    ts_bind_i64(&q, d->after_website);
    if (by_age)
        ts_bind_i64(&q, d->before_ms);
    enum ts_step step = ts_step(&q);
    *id = step == TS_ROW ? ts_col_i64(&q) : 0;
    return step == TS_FAILED ? ts_stmt_fail(&q, err, "looking for websites to delete") : TS_OK;
}

static enum ts_err delete_site(struct ts_conn *c,
                               struct ts_store_clone_delete *d,
                               bool *found,
                               struct ts_error *err)
{
    int64_t id = 0;
    enum ts_err e = find_site(c, d, &id, err);
    *found = e == TS_OK && id != 0;
    if (!*found)
        return e;
    d->after_website = id;
    TS_LEASE(q, c, TS_SQL_WEBSITE_DELETE);
    ts_bind_i64(&q, id);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "deleting a website");
}

static enum ts_err delete_benchmarks(struct ts_conn *c,
                                     struct ts_store_clone_delete *d,
                                     struct ts_error *err)
{
    if (!d->samples)
        return TS_OK;
    TS_LEASE(q, c, TS_SQL_BENCHMARK_DELETE_SAMPLES);
    if (ts_step(&q) != TS_DONE)
        return ts_stmt_fail(&q, err, "deleting sample benchmarks");
    d->benchmarks += sqlite3_changes(c->db);
    return TS_OK;
}

/* Counts as it goes: a step that is not committed ends the job, and nobody reads its counts. */
static enum ts_err step(struct ts_conn *c, struct ts_store_clone_delete *d, struct ts_error *err)
{
    int64_t start_us = ts_now_us();
    bool found = true;
    enum ts_err e = TS_OK;
    d->more = true;
    while (e == TS_OK && found && !is_over(start_us)) {
        e = delete_attempt(c, d, &found, err);
        d->attempts += e == TS_OK && found;
    }
    if (e != TS_OK || found)
        return e;
    found = true;
    while (e == TS_OK && found && !is_over(start_us)) {
        e = delete_site(c, d, &found, err);
        d->websites += e == TS_OK && found;
    }
    if (e != TS_OK || found)
        return e;
    d->more = false;
    return delete_benchmarks(c, d, err);
}

enum ts_err ts_clone_apply_delete(struct ts_store *s,
                                  struct ts_store_job *job,
                                  struct ts_error *err)
{
    struct ts_store_clone_delete *d = TS_CONTAINER(job, struct ts_store_clone_delete, job);
    job->result = step(s->writer.conn, d, err);
    return job->result;
}

/* -- by age ------------------------------------------------------------------------------------ */

void ts_clone_retention_init(struct ts_clone_retention *r, int64_t keep_days)
{
    *r = (struct ts_clone_retention){.keep_days = keep_days, .due_us = ts_now_us() + FIRST_LOOK_US};
}

int64_t ts_clone_retention_wait_us(struct ts_store *s)
{
    const struct ts_clone_retention *r = &s->writer.clones;
    if (r->keep_days == 0)
        return -1;
    int64_t left = r->due_us - ts_now_us();
    return left > 0 ? left : 0;
}

static void begin_round(struct ts_clone_retention *r)
{
    int64_t before_ms = ts_wall_ms() - r->keep_days * TS_DAY_MS;
    r->round =
        (struct ts_store_clone_delete){.before_ms = before_ms > 0 ? before_ms : 0, .more = true};
}

static void end_round(struct ts_clone_retention *r)
{
    r->due_us = ts_now_us() + look_every_us;
    if (r->round.attempts + r->round.websites > 0)
        ts_logf(TS_LOG_INFO,
                TS_LOG_FIELDS(TS_LOG_INT("attempts", r->round.attempts),
                              TS_LOG_INT("websites", r->round.websites),
                              TS_LOG_INT("keep_days", r->keep_days)),
                "old website clones deleted");
}

void ts_clone_retention_turn(struct ts_store *s)
{
    struct ts_clone_retention *r = &s->writer.clones;
    if (ts_clone_retention_wait_us(s) != 0 || s->writer.conn == NULL)
        return;
    if (!r->round.more)
        begin_round(r);
    struct ts_error err = TS_ERROR_INIT;
    int64_t start_us = ts_now_us();
    enum ts_err e = ts_tx_begin(s, &err);
    if (e == TS_OK)
        e = step(s->writer.conn, &r->round, &err);
    if (ts_tx_end(s, e, &err) != TS_OK) {
        r->round.more = false;
        r->due_us = ts_now_us() + FIRST_LOOK_US;
        ts_tx_trouble(s, &err);
        return;
    }
    /* most of the disk's time is others' */
    r->due_us = ts_now_us() + 2 * (ts_now_us() - start_us);
    if (!r->round.more)
        end_round(r);
}
