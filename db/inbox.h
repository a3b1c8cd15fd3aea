/*
 * What waits for the writer, and where each live row is.
 *
 *                  record()                 take()                 committed: settled, freed
 *        caller ------------> live lane -------------> being written -----------------------> gone
 *                                 |                        |    |
 *                 too long there  |      commit failed     |    | too long there: a copy
 *                                 v                        v    v
 *                             spooler  <------------------------+      settled when it is synced
 *
 * A row's job is settled once, by whoever takes it off the row first, under the lock. Changes
 * (ratings and the like) and imports have lanes of their own and go behind the live rows that were
 * there before them.
 *
 * Thread: any. The lock is a leaf, held over no I/O.
 */
#ifndef TS_DB_INBOX_H
#define TS_DB_INBOX_H

#include <pthread.h>

#include "base/buf.h"
#include "db/sample.h"
#include "db/store.h"

struct ts_row {
    struct ts_call *call;
    struct ts_store_job *job; /* NULL: settled */
    int64_t since_us;
    struct ts_row *next;
};

struct ts_row_list {
    struct ts_row *first;
    struct ts_row **last;
    int count;
};

struct ts_post_list {
    struct ts_post *first;
    struct ts_post **last;
    int count;
};

/* That wait for the writer; more are dropped. */
enum { TS_MAX_SAMPLES = 64 };

struct ts_inbox {
    pthread_mutex_t lock;
    pthread_cond_t for_writer;
    pthread_cond_t for_spooler;

    struct ts_row_list live;
    struct ts_row_list writing;  /* changed by the writer only; its jobs by the spooler too */
    struct ts_row_list overflow; /* for the spooler */
    struct ts_post_list changes; /* ratings and the like: jobs with an apply() */
    struct ts_post_list imports;
    struct ts_post_list cleanups;

    int64_t live_us;        /* when a live row came last */
    int64_t imports_due_us; /* no import is taken before */

    struct ts_store_sample samples[TS_MAX_SAMPLES];
    int sample_count;

    int spilling; /* rows on their way into the spool, in overflow or in the spooler's hands */

    bool nudged; /* the writer has to look at the spool, or at doubts */
    bool writer_waits;
    bool spooler_sleeps; /* until something is pending */
    bool stopping;
    bool writer_gone;
};

void ts_inbox_init(struct ts_inbox *b);
void ts_inbox_deinit(struct ts_inbox *b);

void ts_inbox_put_row(struct ts_inbox *b, struct ts_row *row);
void ts_inbox_put_change(struct ts_inbox *b, struct ts_post *change);
void ts_inbox_put_cleanup(struct ts_inbox *b, struct ts_post *cleanup);
void ts_inbox_put_sample(struct ts_inbox *b, const struct ts_store_sample *sample);
/* False: the writer is gone, and nothing was taken. */
bool ts_inbox_put_import(struct ts_inbox *b, struct ts_post *import);
void ts_inbox_stop(struct ts_inbox *b);
int64_t ts_inbox_waiting(struct ts_inbox *b);

/* -- the writer's side ------------------------------------------------------------------------ */

/* What the writer takes in one turn; the rows are in b->writing. */
struct ts_work {
    struct ts_post *changes;
    struct ts_post *import;
};

/* Waits for work, at most @wait_us (-1: as long as it takes). False: stopped, and nothing left. */
bool ts_inbox_take(struct ts_inbox *b, int64_t wait_us, struct ts_work *out);

/* An import took so long. While live rows come, four times as long (half a second at most) belongs
 * to them before the next one: most then find the writer free, and wait for their own commit alone.
 */
void ts_inbox_rest_imports(struct ts_inbox *b, int64_t took_us);

/* The samples that wait; how many. */
int ts_inbox_take_samples(struct ts_inbox *b, struct ts_store_sample out[static TS_MAX_SAMPLES]);

/* A cleanup that nobody has begun, or NULL. */
struct ts_store_cleanup *ts_inbox_take_cleanup(struct ts_inbox *b);
bool ts_inbox_has_cleanup(struct ts_inbox *b);

/* The rows being written: off the list, with the jobs that are still to be settled. */
struct ts_row *ts_inbox_written(struct ts_inbox *b);

/* The first of them only; NULL if there is none. */
struct ts_row *ts_inbox_written_one(struct ts_inbox *b);

/* The rows being written go to the spooler; those it has copied already are dropped. */
void ts_inbox_spill(struct ts_inbox *b);

void ts_inbox_writer_gone(struct ts_inbox *b);

/* -- the spooler's side ----------------------------------------------------------------------- */

/* In one turn: copies are made under the lock; what does not fit into the spool fails by turns. */
enum { TS_SPILL_COPIES = 64, TS_SPILL_ROWS = 64 };

struct ts_spill {
    struct ts_row *rows;                        /* now the spooler's */
    struct ts_buf *batch;                       /* framed copies of rows the writer still holds */
    struct ts_store_job *jobs[TS_SPILL_COPIES]; /* of those copies */
    int copied;
    int64_t newest_id;
};

/* Waits until rows have to be spooled. False: the writer is gone and nothing is left. */
bool ts_inbox_take_spill(struct ts_inbox *b, struct ts_spill *out);

/* The spool has what was taken (or it is lost). */
void ts_inbox_spilled(struct ts_inbox *b, int rows);

/* The writer has to look around. */
void ts_inbox_nudge(struct ts_inbox *b);

/* Whether rows are on their way into the spool. */
bool ts_inbox_spilling(struct ts_inbox *b);

void ts_row_free(struct ts_row *row);

/* Opens a job's latch, or runs its post on its home, or here. The job is its owner's again. */
void ts_job_settle(struct ts_store_job *job, enum ts_err result, const struct ts_error *why);

#endif
