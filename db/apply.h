/*
 * What one job does to the database, inside a transaction that the writer has opened.
 *
 * ts_apply_call() is the one place where a row enters the database; whatever is derived from rows
 * (model_stats, roll-ups) changes there and nowhere else, and only if the row was new.
 *
 * Thread: the writer's.
 */
#ifndef TS_DB_APPLY_H
#define TS_DB_APPLY_H

#include "db/conn.h"
#include "db/intern.h"
#include "db/rollup.h"
#include "db/store.h"

/* @inserted: false if a call of that id was there already (then nothing changes). Errors: as
 * ts_stmt_fail(); the transaction must then be rolled back. */
TS_NODISCARD enum ts_err ts_apply_call(struct ts_conn *c,
                                       struct ts_intern *in,
                                       struct ts_rollup *rollup,
                                       const struct ts_call *call,
                                       bool *inserted,
                                       struct ts_error *err);

/* The same for a call of an import, which gets its id here if it has no final one. @inserted: false
 * too if the call was reported before under its external id. */
TS_NODISCARD enum ts_err ts_apply_import(struct ts_conn *c,
                                         struct ts_intern *in,
                                         struct ts_rollup *rollup,
                                         struct ts_call *call,
                                         bool *inserted,
                                         struct ts_error *err);

/* Notes that the rows of @source up to @row are in the database; TS_UNKNOWN: forgets it. */
TS_NODISCARD enum ts_err ts_apply_import_mark(struct ts_conn *c,
                                              const char *source,
                                              int64_t row,
                                              struct ts_error *err);

/* Sets r->id and r->previous. Errors: NOT_FOUND, CONVERSATION_NOT_FOUND (nothing changed), else as
 * ts_stmt_fail(). */
TS_NODISCARD enum ts_err ts_apply_rating(struct ts_conn *c,
                                         struct ts_rollup *rollup,
                                         struct ts_store_rating *r,
                                         struct ts_error *err);

#endif
