#include "db/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/comparison.h"
#include "db/file.h"
#include "db/migrate.h"
#include "db/parts.h"
#include "db/sync.h"

/* -- opening the database --------------------------------------------------------------------- */

static enum ts_err take_files(struct ts_store *s, struct ts_error *err)
{
    if (s->lock_fd < 0) {
        enum ts_err locked = ts_file_lock(s->path, &s->lock_fd, err);
        if (locked != TS_OK)
            return locked;
        uint64_t tag = 0;
        if (ts_file_read_tag(s->lock_fd, &tag))
            s->tag = tag;
    }
    if (s->spool != NULL)
        return TS_OK;
    struct ts_spool *spool = NULL;
    enum ts_err e = ts_spool_open(s->spool_path, &spool, err);
    if (e == TS_OK)
        s->spool = spool;
    return e;
}

static enum ts_err read_identity(struct ts_store *s, struct ts_conn *c, struct ts_error *err)
{
    TS_LEASE(tag, c, TS_SQL_TAG_GET);
    if (ts_step(&tag) != TS_ROW)
        return ts_stmt_fail(&tag, err, "reading the tag of this database");
    TS_LEASE(newest, c, TS_SQL_NEWEST_ID);
    if (ts_step(&newest) != TS_ROW)
        return ts_stmt_fail(&newest, err, "reading the newest call");
    int64_t in_file = ts_col_i64(&newest);
    struct ts_spool *spool = s->spool;
    int64_t in_spool = ts_spool_state(spool).newest_id;
    s->tag = (uint64_t)ts_col_i64(&tag);
    s->newest_id = in_file > in_spool ? in_file : in_spool;
    return TS_OK;
}

/* A new file takes the tag under which ids may have been given out already. */
static enum ts_err name_file(struct ts_store *s, struct ts_conn *c, struct ts_error *err)
{
    TS_LEASE(set, c, TS_SQL_TAG_SET);
    ts_bind_i64(&set, (int64_t)s->tag);
    return ts_step(&set) == TS_DONE ? TS_OK : ts_stmt_fail(&set, err, "naming the database");
}

static enum ts_err open_writer(struct ts_store *s, struct ts_conn **out, struct ts_error *err)
{
    TS_AUTO(ts_conn_auto) struct ts_conn *c = NULL;
    bool created = false;
    enum ts_err e = ts_conn_open(s->path, TS_SQL_WRITER, &c, err);
    if (e == TS_OK)
        e = ts_conn_prepare(c, TS_SQL_OPENER, err);
    if (e == TS_OK)
        e = ts_migrate(c, s->path, &created, err);
    if (e == TS_OK && s->durability == TS_DURABILITY_NORMAL)
        e = ts_conn_script(c, ts_sql_pragmas_normal, err);
    if (e == TS_OK)
        e = ts_conn_prepare(c, TS_SQL_WRITER, err);
    if (e == TS_OK && created)
        e = name_file(s, c, err);
    if (e == TS_OK)
        e = read_identity(s, c, err);
    if (e == TS_OK)
        *out = TS_TAKE(c);
    return e;
}

enum ts_err ts_store_attach(struct ts_store *s, struct ts_error *err)
{
    TS_AUTO(ts_conn_auto) struct ts_conn *c = NULL;
    enum ts_err e = take_files(s, err);
    if (e == TS_OK)
        e = ts_file_check(s->path, err);
    if (e != TS_OK)
        return e;
    s->left_open = ts_file_was_left_open(s->path);
    e = open_writer(s, &c, err);
    if (e == TS_OK)
        e = ts_sync_read_mark(c, &s->writer.sync_mark, err);
    if (e == TS_OK)
        e = ts_readers_open(&s->readers, err);
    if (e != TS_OK)
        return e;
    ts_file_write_tag(s->lock_fd, s->tag);
    c->patience_us = TS_WRITER_PATIENCE_US;
    c->cancel = &s->stopping;
    ts_intern_drop(s->writer.intern);
    ts_rollup_drop(s->writer.rollup);
    s->writer.conn = TS_TAKE(c);
    return TS_OK;
}

/* -- the store -------------------------------------------------------------------------------- */

static uint64_t random_tag(void)
{
    uint64_t tag = 0;
    if (getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
        tag = (uint64_t)ts_wall_ms();
    return tag >> 10;
}

static enum ts_err new_store(const struct ts_store_options *o,
                             struct ts_store **out,
                             struct ts_error *err)
{
    TS_AUTO(ts_store_auto) struct ts_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the store");
    s->lock_fd = -1;
    s->durability = o->durability;
    s->tag = random_tag(); /* until the database has told its own */
    ts_state_init(&s->state);
    ts_inbox_init(&s->inbox);
    ts_care_init(&s->care);
    ts_retention_init(&s->writer.retention, o->retention_days);
    ts_clone_retention_init(&s->writer.clones, o->clone_retention_days);
    ts_sweep_init(&s->sweep);
    enum ts_err e = ts_readers_init(&s->readers, s, o->readers, err);
    if (e == TS_OK)
        e = ts_space_init(&s->space, o->path, err);
    if (e == TS_OK)
        e = ts_old_learner_init(&s->old_learner, o->learner_json, o->learner_json_named, err);
    if (e != TS_OK)
        return e;
    s->path = strdup(o->path);
    if (s->path == NULL || asprintf(&s->spool_path, "%s.spool", o->path) < 0 ||
        ts_intern_new(&s->writer.intern) != TS_OK || ts_rollup_new(&s->writer.rollup) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the store");
    *out = TS_TAKE(s);
    return TS_OK;
}

static enum ts_err start_threads(struct ts_store *s, struct ts_error *err)
{
    enum ts_err e = ts_readers_start(&s->readers, err);
    if (e != TS_OK)
        return e;
    if (s->left_open) {
        s->check = (struct ts_query){.post.fn = ts_check_done, .run = ts_check_run};
        ts_readers_put(&s->readers, &s->check);
    }
    if (pthread_create(&s->spooler, NULL, ts_spooler_main, s) != 0)
        return ts_fail(err, TS_ERR_IO, "cannot start the spooler's thread");
    s->spooler_started = true;
    if (pthread_create(&s->writer.thread, NULL, ts_writer_main, s) != 0)
        return ts_fail(err, TS_ERR_IO, "cannot start the writer's thread");
    s->writer.started = true;
    ts_care_start(s);
    return TS_OK;
}

enum ts_err ts_store_open(const struct ts_store_options *o,
                          struct ts_store **out,
                          struct ts_error *err)
{
    TS_AUTO(ts_store_auto) struct ts_store *s = NULL;
    enum ts_err e = new_store(o, &s, err);
    if (e != TS_OK)
        return e;
    assert(s != NULL);
    struct ts_error why = TS_ERROR_INIT;
    e = ts_store_attach(s, &why);
    if (e == TS_ERR_STORAGE_UNAVAILABLE && !o->required) {
        s->writer.trouble = true;
        ts_state_bad(&s->state, why.text);
    } else if (e != TS_OK) {
        return ts_fail(err, e == TS_ERR_STORAGE_UNAVAILABLE ? TS_ERR_IO : e, "%s", why.text);
    }
    e = start_threads(s, err);
    if (e != TS_OK)
        return e;
    *out = TS_TAKE(s);
    return TS_OK;
}

void ts_store_close(struct ts_store *s)
{
    if (s == NULL)
        return;
    s->stopping = true;
    ts_inbox_stop(&s->inbox);
    if (s->writer.started)
        (void)pthread_join(s->writer.thread, NULL);
    else
        ts_inbox_writer_gone(&s->inbox);
    if (s->spooler_started)
        (void)pthread_join(s->spooler, NULL);
    ts_readers_stop(&s->readers); /* their connections go before the one that checkpoints */
    ts_conn_close(s->writer.conn);
    ts_intern_free(s->writer.intern);
    ts_rollup_free(s->writer.rollup);
    ts_spool_close(s->spool);
    ts_inbox_deinit(&s->inbox);
    ts_old_learner_deinit(&s->old_learner);
    ts_sweep_deinit(&s->sweep);
    ts_space_deinit(&s->space);
    (void)pthread_mutex_destroy(&s->state.lock);
    (void)pthread_mutex_destroy(&s->care.lock);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s->spool_path);
    free(s->path);
    free(s);
}

const char *ts_store_sqlite_version(void)
{
    return sqlite3_libversion();
}

int64_t ts_store_newest_id(const struct ts_store *s)
{
    return s->newest_id;
}

uint64_t ts_store_tag(const struct ts_store *s)
{
    return s->tag;
}

/* -- taking jobs ------------------------------------------------------------------------------ */

void ts_store_record(struct ts_store *s, struct ts_call *call, struct ts_store_job *job)
{
    job->spooled = false;
    struct ts_row *row = malloc(sizeof(*row));
    if (row == NULL) {
        struct ts_error why = TS_ERROR_INIT;
        (void)ts_fail(&why, TS_ERR_STORAGE_UNAVAILABLE, "no memory for a row");
        ts_state_lost(&s->state, 1, why.text);
        ts_call_free(call);
        ts_job_settle(job, TS_ERR_STORAGE_UNAVAILABLE, &why);
        return;
    }
    *row = (struct ts_row){.call = call, .job = job};
    ts_inbox_put_row(&s->inbox, row);
}

void ts_store_import(struct ts_store *s, struct ts_store_import *import)
{
    import->job.apply = NULL;
    import->accepted = 0;
    import->duplicates = 0;
    (void)ts_inbox_put_import(&s->inbox, &import->job.post);
}

static void put_change(struct ts_store *s,
                       struct ts_store_job *job,
                       enum ts_err (*apply)(struct ts_store *,
                                            struct ts_store_job *,
                                            struct ts_error *))
{
    job->apply = apply;
    ts_inbox_put_change(&s->inbox, &job->post);
}

void ts_store_rate(struct ts_store *s, struct ts_store_rating *rating)
{
    put_change(s, &rating->job, ts_change_rate);
}

void ts_store_compare(struct ts_store *s, struct ts_store_comparison *comparison)
{
    put_change(s, &comparison->job, ts_change_compare);
}

void ts_store_vote(struct ts_store *s, struct ts_store_vote *vote)
{
    put_change(s, &vote->job, ts_change_vote);
}

void ts_store_sync_begin(struct ts_store *s, struct ts_store_sync *sync)
{
    put_change(s, &sync->job, ts_sync_apply_begin);
}

void ts_store_sync_done(struct ts_store *s, struct ts_store_sync_done *done)
{
    put_change(s, &done->job, ts_sync_apply_done);
}

static void put_alone(struct ts_store *s,
                      struct ts_store_job *job,
                      enum ts_err (*apply)(struct ts_store *,
                                           struct ts_store_job *,
                                           struct ts_error *))
{
    job->apply = apply;
    if (ts_inbox_put_import(&s->inbox, &job->post))
        return;
    struct ts_error why = TS_ERROR_INIT;
    (void)ts_fail(&why, TS_ERR_STORAGE_UNAVAILABLE, "the store is being closed");
    ts_job_settle(job, TS_ERR_STORAGE_UNAVAILABLE, &why);
}

void ts_store_website(struct ts_store *s, struct ts_store_website *w)
{
    put_alone(s, &w->job, ts_clone_apply_website);
}

void ts_store_clone(struct ts_store *s, struct ts_store_clone *c)
{
    put_alone(s, &c->job, ts_clone_apply);
}

void ts_store_clone_quality(struct ts_store *s, struct ts_store_clone_quality *q)
{
    put_alone(s, &q->job, ts_clone_apply_quality);
}

void ts_store_benchmarks(struct ts_store *s, struct ts_store_benchmarks *b)
{
    put_alone(s, &b->job, ts_clone_apply_benchmarks);
}

void ts_store_clone_samples(struct ts_store *s, struct ts_store_clone_samples *c)
{
    put_alone(s, &c->job, ts_clone_apply_samples);
}

void ts_store_clone_delete(struct ts_store *s, struct ts_store_clone_delete *d)
{
    put_alone(s, &d->job, ts_clone_apply_delete);
}

void ts_store_cleanup(struct ts_store *s, struct ts_store_cleanup *cleanup)
{
    ts_inbox_put_cleanup(&s->inbox, &cleanup->job.post);
}

void ts_store_sample(struct ts_store *s, const struct ts_store_sample *sample)
{
    ts_inbox_put_sample(&s->inbox, sample);
}

void ts_store_query(struct ts_store *s, struct ts_query *q)
{
    ts_readers_put(&s->readers, q);
}
