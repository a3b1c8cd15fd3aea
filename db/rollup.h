/*
 * Roll-ups, the writer's side: every call is counted in six cells in the transaction that stores
 * it.
 *
 * The cells are those of its hour and its day, each for its series, for its family, and for all
 * series together (db/cells.h). Cells in use are kept in memory and written once, before the
 * commit. What is in memory is ahead of the file until then: after a rollback or a failed commit
 * all of it is dropped.
 *
 * What had to be settled:
 *
 *  - A cell is exact but for its two sketches: counts, sums, squares, least and largest of response
 *    time and time to first token, tokens by kind, cost, ratings, evidence (analytics/digest.h).
 *  - A call counts at the moment it was accepted, whenever it ends or is reported: late and
 * imported calls go into the cells of their own hour and day.
 *  - A rating changes the cells of its call by the difference, in memory if they are there, so that
 * the same thumb again changes nothing and no later write undoes it. Where the hour's cells are
 * gone with their calls, there is no call to rate either.
 *  - Cells can be made anew only from calls, and only of days of which every call is still there.
 *    ts_rollup_expire() remembers from where on that is so; before it, day cells are all there is,
 * and nothing here ever touches them again, but for calls that are imported into such a day.
 *  - A day whose cells cannot be trusted (not made yet, undecodable, miscounted, calls deleted one
 * by one) is due: readers take it from its calls, and the writer makes its cells anew, some
 * thousand calls at a time, between other work. Calls before the day's next_id are in its cells.
 *  - Attempts count in the series of their own server and model, which attempt.series_id names.
 *
 * Thread: the writer's. Every function but new, free and drop runs inside a write transaction,
 * which is to be rolled back if one fails. Errors: as ts_stmt_fail().
 */
#ifndef TS_DB_ROLLUP_H
#define TS_DB_ROLLUP_H

#include "db/cells.h"

struct ts_rollup;

/* Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_rollup_new(struct ts_rollup **out);
void ts_rollup_free(struct ts_rollup *r);

/* Forgets everything: the transaction that it belonged to is gone. */
void ts_rollup_drop(struct ts_rollup *r);

/* Counts a call that was just inserted. @row->series: its series_id. */
TS_NODISCARD enum ts_err ts_rollup_call(struct ts_rollup *r,
                                        struct ts_conn *c,
                                        const struct ts_agg_row *row,
                                        struct ts_error *err);

/* Counts a failed attempt of that call against @series_id. */
TS_NODISCARD enum ts_err ts_rollup_attempt(struct ts_rollup *r,
                                           struct ts_conn *c,
                                           int64_t call_id,
                                           int64_t series_id,
                                           struct ts_error *err);

/* The thumb of a call changes. */
struct ts_rerating {
    int64_t call_id;
    int64_t series_id;
    enum ts_outcome outcome;
    int before;
    int after;
};
TS_NODISCARD enum ts_err ts_rollup_rate(struct ts_rollup *r,
                                        struct ts_conn *c,
                                        const struct ts_rerating *rating,
                                        struct ts_error *err);

/* Writes every cell that changed. Last thing before the commit. */
TS_NODISCARD enum ts_err ts_rollup_flush(struct ts_rollup *r,
                                         struct ts_conn *c,
                                         struct ts_error *err);

/* -- making cells anew ------------------------------------------------------------------------ */

/* Days that are due; after a drop, as far as is known: read again by the next function. */
int ts_rollup_due(const struct ts_rollup *r);

/* Makes a day due: its cells are wrong, or calls of it are being deleted one by one. @done: false
 * if its calls are not all there any more, and nothing was changed. */
TS_NODISCARD enum ts_err ts_rollup_doubt(
    struct ts_rollup *r, struct ts_conn *c, int64_t day, bool *done, struct ts_error *err);

/* The same for every day that can be made anew. */
TS_NODISCARD enum ts_err ts_rollup_doubt_all(struct ts_rollup *r,
                                             struct ts_conn *c,
                                             struct ts_error *err);

/* A part of what is due, the newest day first; a transaction's worth. */
TS_NODISCARD enum ts_err ts_rollup_step(struct ts_rollup *r,
                                        struct ts_conn *c,
                                        struct ts_error *err);

/**
 * ts_rollup_expire() - calls are being deleted from the oldest on
 * @below_id: in: calls below it are to go; out: those that may, which are fewer while days are due
 *
 * In the transaction that deletes them. Hour cells of days that are wholly below go as well, day
 * cells stay.
 */
TS_NODISCARD enum ts_err ts_rollup_expire(struct ts_rollup *r,
                                          struct ts_conn *c,
                                          int64_t *below_id,
                                          struct ts_error *err);

#endif
