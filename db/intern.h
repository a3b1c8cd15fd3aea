/*
 * Texts that repeat, stored once: a call's row holds numbers, tables `label` and `series` the
 * names.
 *
 * A small cache of what was looked up last spares the searches. A rolled-back transaction may have
 * taken the numbers of new names back, so the cache is dropped then.
 *
 * Names of series come from outside: at most TS_NEW_SERIES_A_DAY of them become series on one day.
 * What comes after is counted together under the model TS_OTHER, so that totals stay true; the
 * label of the model that was asked for keeps its name.
 *
 * Thread: the writer's, inside its transaction.
 */
#ifndef TS_DB_INTERN_H
#define TS_DB_INTERN_H

#include "base/call.h"
#include "db/conn.h"

struct ts_intern;

TS_NODISCARD enum ts_err ts_intern_new(struct ts_intern **out);
void ts_intern_free(struct ts_intern *in);

/* Forgets everything. After every rollback and with every new connection. */
void ts_intern_drop(struct ts_intern *in);

/* The number of a text; TS_UNKNOWN for NULL. Errors: as ts_stmt_fail(). */
TS_NODISCARD enum ts_err ts_intern_label(
    struct ts_intern *in, struct ts_conn *c, const char *text, int64_t *id, struct ts_error *err);

enum { TS_NEW_SERIES_A_DAY = 2000 };
#define TS_OTHER "__other__"

/* From now on sets the bit of each label that is handed out, up to number @count; NULL: no more. */
void ts_intern_watch(struct ts_intern *in, uint8_t *given, int64_t count);

struct ts_series_key {
    const char *provider;
    const char *model;
    const char *task_type;
    enum ts_complexity complexity;
};
TS_NODISCARD enum ts_err ts_intern_series(struct ts_intern *in,
                                          struct ts_conn *c,
                                          const struct ts_series_key *key,
                                          int64_t *id,
                                          struct ts_error *err);

#endif
