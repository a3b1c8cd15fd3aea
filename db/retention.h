/*
 * Retention: calls older than the limit go away, a few milliseconds of deleting at a time.
 *
 * A round deletes what is older than a whole UTC day's beginning, oldest first, in transactions
 * between the writer's batches. Their size follows the time that they take, each is cut short when
 * a row waits, and while others commit, the disk is theirs for four times as long after each. When
 * a quarter of the file is free pages, the file is then made smaller in the same steps.
 *
 * It goes day by day. Before the first call of a day goes, the roll-ups are told that the day is
 * not whole any more, and its hour cells go; a day whose cells are not made yet is waited for.
 *
 * Thread: the writer's.
 */
#ifndef TS_DB_RETENTION_H
#define TS_DB_RETENTION_H

#include "db/store.h"

enum ts_retention_phase { TS_RETENTION_IDLE, TS_RETENTION_DELETING, TS_RETENTION_SHRINKING };

struct ts_retention {
    int64_t keep_days; /* 0: for ever */
    enum ts_retention_phase phase;
    int64_t due_us;    /* when to go on, or to look again */
    int64_t before_ms; /* of this round */
    int64_t below_id;  /* of the day whose turn it is; 0: the next one has to be found */
    int64_t deleted;   /* in this round */
    int chunk;         /* rows in the next transaction, at most */
    int64_t commits;   /* the store's, after the last step */
    int64_t others_us; /* when somebody else was last seen to commit */
    struct ts_store_cleanup *asked; /* who waits for this round; NULL: nobody */
};

void ts_retention_init(struct ts_retention *r, int64_t keep_days);

/* One step, if one is due; no transaction is open. */
void ts_retention_turn(struct ts_store *s);

/* The next round begins now. */
void ts_retention_hurry(struct ts_store *s);

/* Until the next step, 0 or more. */
int64_t ts_retention_wait_us(struct ts_store *s);

/* The writer stops, or cannot write: whoever waits for a round is told so. */
void ts_retention_break(struct ts_store *s, const struct ts_error *why);

#endif
