/*
 * Copies of the calls elsewhere, as the writer knows them: what changed for which of them.
 *
 * A copy follows calls by their ids, which are the moments when calls were accepted. A call that
 * ends late, is reported late, rated or deleted has an id that a copy may have passed: those, and
 * only those, are noted as changes, in the transaction that makes them. Without a copy nothing is
 * noted; with one, a new call costs a comparison.
 *
 * A sync is a turn with a random number. The copy stores the number with its rows, the database
 * before and after: if they do not agree (the copy or the database was put back from a backup, the
 * copy was away for 30 days), what the copy has cannot be trusted, and it begins anew.
 *
 * Thread: any; the results come with the jobs.
 */
#ifndef TS_DB_SYNC_H
#define TS_DB_SYNC_H

#include "db/store.h"

/* Begins a turn. Results: TS_OK, STORAGE_UNAVAILABLE. */
struct ts_store_sync {
    struct ts_store_job job;
    const char *target; /* in: the copy's own name, random */
    const char *place;  /* in: where it is, for people */
    int64_t turn;       /* in: the turn that it had last; 0: none */
    bool known;         /* out: its rows are what that turn left; else it begins anew */
    int64_t mark;      /* out: calls up to here are to be copied; later changes of them are noted */
    int64_t seq;       /* out: the newest change; a copy that begins anew needs none up to here */
    int64_t next_turn; /* out: what the copy is to store */
};
void ts_store_sync_begin(struct ts_store *s, struct ts_store_sync *sync);

/* The copy has it all: changes that every copy has are forgotten, some thousand at a time. */
struct ts_store_sync_done {
    struct ts_store_job job;
    const char *target;
    int64_t turn; /* in: next_turn of the beginning */
    int64_t seq;  /* in: the change up to which the copy has them */
    bool more;    /* out: there are more to be forgotten; ask again */
};
void ts_store_sync_done(struct ts_store *s, struct ts_store_sync_done *done);

#endif
