/*
 * One prompt beside several models, as the store keeps it.
 *
 * Thread: any, as all of db/store.h; the results come with the jobs.
 */
#ifndef TS_DB_COMPARISON_H
#define TS_DB_COMPARISON_H

#include "db/store.h"

/*
 * Which calls answer one prompt beside each other, and which of the answers somebody took for the
 * best. Results: TS_OK, STORAGE_UNAVAILABLE; of a vote also NOT_FOUND, and INVALID_FIELD for a pane
 * that the comparison does not have.
 */
enum { TS_MAX_PANES = 4, TS_VOTE_TIE = -1 };

struct ts_store_comparison {
    struct ts_store_job job;
    int64_t id;
    int64_t call_ids[TS_MAX_PANES];
    int count;
};
void ts_store_compare(struct ts_store *s, struct ts_store_comparison *comparison);

struct ts_store_vote {
    struct ts_store_job job;
    int64_t id;
    int winner;          /* a pane, or TS_VOTE_TIE */
    const char *comment; /* or NULL */
    bool voted_before;   /* out */
    int previous;        /* out: the winner until now, if so */
};
void ts_store_vote(struct ts_store *s, struct ts_store_vote *vote);

#endif
