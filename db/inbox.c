#include "db/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/thread.h"
#include "db/spool.h"

enum {
    SPOOLER_TICK_US = 200 * 1000,
    LIVE_US = 500 * 1000, /* a live row so long ago: more of them are coming */
    REST_SHARE = 4,       /* of the time an import took */
    REST_MAX_US = 500 * 1000,
};

void ts_row_free(struct ts_row *row)
{
    ts_call_free(row->call);
    free(row);
}

void ts_job_settle(struct ts_store_job *job, enum ts_err result, const struct ts_error *why)
{
    job->result = result;
    if (result != TS_OK && why != NULL)
        job->error = *why;
    if (job->latch != NULL)
        ts_latch_open(job->latch);
    else if (job->home != NULL)
        ts_poller_post(job->home, &job->post);
    else
        job->post.fn(&job->post);
}

/* -- lists ------------------------------------------------------------------------------------ */

static void rows_init(struct ts_row_list *l)
{
    *l = (struct ts_row_list){.last = &l->first};
}

static void rows_add(struct ts_row_list *l, struct ts_row *row)
{
    row->next = NULL;
    *l->last = row;
    l->last = &row->next;
    l->count++;
}

static struct ts_row *rows_take_all(struct ts_row_list *l)
{
    struct ts_row *first = l->first;
    rows_init(l);
    return first;
}

static struct ts_row *rows_take_first(struct ts_row_list *l)
{
    struct ts_row *row = l->first;
    if (row == NULL)
        return NULL;
    l->first = row->next;
    l->count--;
    if (l->first == NULL)
        rows_init(l);
    row->next = NULL;
    return row;
}

static void posts_init(struct ts_post_list *l)
{
    *l = (struct ts_post_list){.last = &l->first};
}

static void posts_add(struct ts_post_list *l, struct ts_post *p)
{
    p->next = NULL;
    *l->last = p;
    l->last = &p->next;
    l->count++;
}

static struct ts_post *posts_take_all(struct ts_post_list *l)
{
    struct ts_post *first = l->first;
    posts_init(l);
    return first;
}

static struct ts_post *posts_take_first(struct ts_post_list *l)
{
    struct ts_post *p = l->first;
    if (p == NULL)
        return NULL;
    l->first = p->next;
    l->count--;
    if (l->first == NULL)
        posts_init(l);
    p->next = NULL;
    return p;
}

/* -- everybody's side ------------------------------------------------------------------------- */

void ts_inbox_init(struct ts_inbox *b)
{
    *b = (struct ts_inbox){0};
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->for_writer, &attr);
    (void)pthread_cond_init(&b->for_spooler, &attr);
    (void)pthread_condattr_destroy(&attr);
    rows_init(&b->live);
    rows_init(&b->writing);
    rows_init(&b->overflow);
    posts_init(&b->changes);
    posts_init(&b->imports);
    posts_init(&b->cleanups);
}

void ts_inbox_deinit(struct ts_inbox *b)
{
    (void)pthread_cond_destroy(&b->for_writer);
    (void)pthread_cond_destroy(&b->for_spooler);
    (void)pthread_mutex_destroy(&b->lock);
}

static void wake_writer(struct ts_inbox *b)
{
    if (!b->writer_waits)
        return;
    b->writer_waits = false;
    (void)pthread_cond_signal(&b->for_writer);
}

static void wake_spooler(struct ts_inbox *b)
{
    b->spooler_sleeps = false;
    (void)pthread_cond_signal(&b->for_spooler);
}

void ts_inbox_put_row(struct ts_inbox *b, struct ts_row *row)
{
    TS_GUARD(&b->lock);
    row->since_us = ts_now_us();
    b->live_us = row->since_us;
    rows_add(&b->live, row);
    wake_writer(b);
    if (b->spooler_sleeps)
        wake_spooler(b);
}

void ts_inbox_put_change(struct ts_inbox *b, struct ts_post *change)
{
    TS_GUARD(&b->lock);
    posts_add(&b->changes, change);
    wake_writer(b);
}

bool ts_inbox_put_import(struct ts_inbox *b, struct ts_post *import)
{
    TS_GUARD(&b->lock);
    if (b->writer_gone)
        return false;
    posts_add(&b->imports, import);
    wake_writer(b);
    return true;
}

void ts_inbox_put_sample(struct ts_inbox *b, const struct ts_store_sample *sample)
{
    TS_GUARD(&b->lock);
    if (b->sample_count == TS_MAX_SAMPLES)
        return;
    b->samples[b->sample_count++] = *sample;
    b->nudged = true;
    wake_writer(b);
}

void ts_inbox_put_cleanup(struct ts_inbox *b, struct ts_post *cleanup)
{
    TS_GUARD(&b->lock);
    posts_add(&b->cleanups, cleanup);
    b->nudged = true;
    wake_writer(b);
}

void ts_inbox_stop(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    b->stopping = true;
    b->writer_waits = false;
    (void)pthread_cond_broadcast(&b->for_writer);
}

int64_t ts_inbox_waiting(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    return b->live.count + b->writing.count + b->overflow.count + b->changes.count +
           b->imports.count;
}

/* Waits until woken or, with @wait_us >= 0, so long; false when the time is over. */
static bool wait_for(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t wait_us)
{
    if (wait_us < 0) {
        (void)pthread_cond_wait(cond, lock);
        return true;
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_us % 1000000 * 1000;
    until.tv_sec += wait_us / 1000000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}

/* -- the writer's side ------------------------------------------------------------------------ */

static bool import_is_due(const struct ts_inbox *b)
{
    return b->imports.first != NULL && (b->stopping || ts_now_us() >= b->imports_due_us);
}

static bool has_work(const struct ts_inbox *b)
{
    return b->live.first != NULL || b->changes.first != NULL || import_is_due(b) || b->nudged;
}

/* @wait_us, or until an import that waits is due. */
static int64_t wait_at_most(const struct ts_inbox *b, int64_t wait_us)
{
    if (b->imports.first == NULL)
        return wait_us;
    int64_t left_us = b->imports_due_us - ts_now_us();
    left_us = left_us > 0 ? left_us : 0;
    return wait_us < 0 || left_us < wait_us ? left_us : wait_us;
}

bool ts_inbox_take(struct ts_inbox *b, int64_t wait_us, struct ts_work *out)
{
    TS_GUARD(&b->lock);
    bool waiting = wait_us != 0;
    while (waiting && !has_work(b) && !b->stopping) {
        b->writer_waits = true;
        waiting = wait_for(&b->for_writer, &b->lock, wait_at_most(b, wait_us));
    }
    b->writer_waits = false;
    b->nudged = false;
    struct ts_row *row = NULL;
    while ((row = rows_take_first(&b->live)) != NULL)
        rows_add(&b->writing, row);
    out->changes = posts_take_all(&b->changes);
    out->import = import_is_due(b) ? posts_take_first(&b->imports) : NULL;
    return !b->stopping || b->writing.first != NULL || out->changes != NULL || out->import != NULL;
}

void ts_inbox_rest_imports(struct ts_inbox *b, int64_t took_us)
{
    TS_GUARD(&b->lock);
    int64_t now_us = ts_now_us();
    bool live = b->live_us != 0 && now_us - b->live_us < LIVE_US;
    int64_t rest_us = REST_SHARE * took_us;
    rest_us = rest_us < REST_MAX_US ? rest_us : REST_MAX_US;
    b->imports_due_us = live ? now_us + rest_us : 0;
}

int ts_inbox_take_samples(struct ts_inbox *b, struct ts_store_sample out[static TS_MAX_SAMPLES])
{
    TS_GUARD(&b->lock);
    int count = b->sample_count;
    memcpy(out, b->samples, (size_t)count * sizeof(out[0]));
    b->sample_count = 0;
    return count;
}

struct ts_store_cleanup *ts_inbox_take_cleanup(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    struct ts_post *post = posts_take_first(&b->cleanups);
    return post != NULL ? TS_CONTAINER(post, struct ts_store_cleanup, job.post) : NULL;
}

bool ts_inbox_has_cleanup(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    return b->cleanups.first != NULL;
}

struct ts_row *ts_inbox_written(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    return rows_take_all(&b->writing);
}

struct ts_row *ts_inbox_written_one(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    return rows_take_first(&b->writing);
}

static void spill(struct ts_inbox *b, struct ts_row *row)
{
    b->spilling++;
    rows_add(&b->overflow, row);
}

void ts_inbox_spill(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    struct ts_row *row = NULL;
    while ((row = rows_take_first(&b->writing)) != NULL) {
        if (row->job == NULL)
            ts_row_free(row);
        else
            spill(b, row);
    }
    wake_spooler(b);
}

void ts_inbox_writer_gone(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    b->writer_gone = true;
    wake_spooler(b);
}

/* -- the spooler's side ----------------------------------------------------------------------- */

/* Copies what the writer has held for too long; CPU work only, a few microseconds a row. */
static void copy_late(struct ts_inbox *b, int64_t late_us, struct ts_spill *out)
{
    for (struct ts_row *row = b->writing.first; row != NULL; row = row->next) {
        if (row->job == NULL || row->since_us > late_us)
            continue;
        if (out->copied == TS_SPILL_COPIES)
            return;
        ts_spool_frame(out->batch, row->call);
        out->newest_id = row->call->id > out->newest_id ? row->call->id : out->newest_id;
        out->jobs[out->copied++] = TS_TAKE(row->job);
        b->spilling++;
    }
}

static bool take_late(struct ts_inbox *b, struct ts_spill *out)
{
    int64_t late_us = ts_now_us() - TS_SPOOL_AFTER_MS * INT64_C(1000);
    while (b->live.first != NULL && b->live.first->since_us <= late_us)
        spill(b, rows_take_first(&b->live));
    struct ts_row **last = &out->rows;
    for (int n = 0; n < TS_SPILL_ROWS && b->overflow.first != NULL; n++) {
        *last = rows_take_first(&b->overflow);
        last = &(*last)->next;
    }
    copy_late(b, late_us, out);
    return out->rows != NULL || out->copied > 0;
}

bool ts_inbox_take_spill(struct ts_inbox *b, struct ts_spill *out)
{
    TS_GUARD(&b->lock);
    for (;;) {
        if (take_late(b, out))
            return true;
        if (b->writer_gone)
            return false;
        b->spooler_sleeps = b->live.first == NULL && b->writing.first == NULL;
        (void)wait_for(&b->for_spooler, &b->lock, b->spooler_sleeps ? -1 : SPOOLER_TICK_US);
    }
}

void ts_inbox_spilled(struct ts_inbox *b, int rows)
{
    TS_GUARD(&b->lock);
    b->spilling -= rows;
    b->nudged = true;
    wake_writer(b);
}

void ts_inbox_nudge(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    b->nudged = true;
    wake_writer(b);
}

bool ts_inbox_spilling(struct ts_inbox *b)
{
    TS_GUARD(&b->lock);
    return b->spilling > 0;
}
