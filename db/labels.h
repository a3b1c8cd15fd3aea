/*
 * Names that no call has any more: users, conversations, tags of calls that were deleted for their
 * age. They are personal, and they would add up.
 *
 * After a round of retention a reader goes through all calls, some thousand at a time and for a
 * fifth of the time, and marks the labels that they name; the writer marks those that it hands out
 * meanwhile. What neither has marked is deleted, in short steps. meta.labels_due keeps a sweep from
 * being forgotten.
 *
 * Thread: the writer's, but for the reading.
 */
#ifndef TS_DB_LABELS_H
#define TS_DB_LABELS_H

#include "db/store.h"

enum ts_sweep_phase { TS_SWEEP_IDLE, TS_SWEEP_READING, TS_SWEEP_DELETING };

struct ts_sweep {
    enum ts_sweep_phase phase;
    int64_t due_us;  /* 0: a piece is being read */
    int64_t reason;  /* meta.labels_due when it began */
    int64_t count;   /* labels up to this number are judged */
    uint8_t *used;   /* a bit each: the reader's marks */
    uint8_t *given;  /* the writer's */
    int64_t at;      /* the call, or the label, that was looked at last */
    bool more;       /* calls behind it */
    int64_t took_us; /* to read the last piece */
    struct ts_query query;
    _Atomic bool is_read;
};

void ts_sweep_init(struct ts_sweep *w);
void ts_sweep_deinit(struct ts_sweep *w);

/* One step, if one is due; no transaction is open. */
void ts_sweep_turn(struct ts_store *s);

/* Until the next step; -1: when the reader is done. */
int64_t ts_sweep_wait_us(const struct ts_store *s);

/* Calls are being deleted: a sweep is due. Inside the transaction that deletes them. */
TS_NODISCARD enum ts_err ts_sweep_note(struct ts_store *s, struct ts_error *err);

/* They are deleted. */
void ts_sweep_hurry(struct ts_store *s);

#endif
