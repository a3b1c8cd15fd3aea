/*
 * The care of roll-ups: whether cells agree with the calls, and what is done where they do not.
 *
 * After the start every day's cells are compared with its calls, newest first, one day at a time:
 * read by a reader, put there by the writer when it is time, so that nobody sleeps through the
 * pauses. Days found wrong, there or in a query, are doubts, which the writer settles by making
 * them due (db/rollup.h).
 *
 * Thread: as said; what no thread is named for is the check's alone.
 */
#ifndef TS_DB_CARE_H
#define TS_DB_CARE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/store.h"

/* Days whose cells somebody found wrong, on their way to the writer. */
enum { TS_DOUBTS_MAX = 64 };

struct ts_care {
    pthread_mutex_t lock; /* a leaf */
    int64_t days[TS_DOUBTS_MAX];
    int count;
    bool all;  /* every day */
    int taken; /* of the days, the first, in the transaction that is open */
    bool all_taken;
    struct ts_query check;        /* goes through the days, newest first, one at a time */
    int64_t check_before_day;     /* where it is */
    int64_t check_took_us;        /* the last day */
    _Atomic int64_t check_due_us; /* of the next day; 0: at work, or at the end */
    int64_t faults;               /* days that it found wrong */
    _Atomic int due;              /* days that are still to be made anew */
    _Atomic int asked;            /* as many were due when all were asked for last */
};

void ts_care_init(struct ts_care *care);

/* Starts to compare cells with calls, day by day. */
void ts_care_start(struct ts_store *s);

/* Goes on with that, and how long until then; -1: not before it is nudged. Thread: the writer's. */
void ts_care_turn(struct ts_store *s);
int64_t ts_care_wait_us(const struct ts_store *s);

/* The cells of @day are wrong: the writer is to make them anew. Thread: any. */
void ts_care_doubt(struct ts_store *s, int64_t day);
void ts_care_doubt_all(struct ts_store *s);

bool ts_care_pending(struct ts_store *s);

/* Days that are still to be made anew; while doubts have not been looked at, at least one. */
int ts_care_due(struct ts_store *s);

/* Makes due what is in doubt, in the open transaction. Thread: the writer's. */
TS_NODISCARD enum ts_err ts_care_settle(struct ts_store *s, struct ts_error *err);

/* That was committed. */
void ts_care_settled(struct ts_store *s);

#endif
