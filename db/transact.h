/*
 * The writer's transactions: begun, ended, and what follows when one fails.
 *
 * Thread: the writer's.
 */
#ifndef TS_DB_TRANSACT_H
#define TS_DB_TRANSACT_H

#include "base/err.h"

struct ts_store;

/* Errors: STORAGE_UNAVAILABLE (no database is open, or it does not take writes). */
TS_NODISCARD enum ts_err ts_tx_begin(struct ts_store *s, struct ts_error *err);

/* Ends the transaction, also one that did not begin, whose work ended with @e: commits after TS_OK,
 * else rolls back and returns @e. */
TS_NODISCARD enum ts_err ts_tx_end(struct ts_store *s, enum ts_err e, struct ts_error *err);

/* Whether the failure was the rows' own fault, as against the file's or the disk's. */
bool ts_tx_is_rows_fault(enum ts_err e);

/* From now on rows go to the spool, until a probe succeeds. */
void ts_tx_trouble(struct ts_store *s, const struct ts_error *why);

#endif
