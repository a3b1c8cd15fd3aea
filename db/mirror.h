/*
 * What a copy in a column store reads: rows as CSV, in pieces of bounded size.
 *
 * A kind is what a change names: calls, with everything that hangs on them. A table of the copy
 * belongs to a kind, and its rows are known by that kind's ids. Columns come in the order of
 * schema/duckdb.sql; NULL is an empty cell, every text stands in quotes, and what is not UTF-8 is
 * replaced.
 *
 * Each piece is read in a transaction of its own (ts_readonly_begin()), some ten milliseconds: the
 * log beside the database can then shrink between them.
 *
 * Thread: one at a time, as the connection.
 */
#ifndef TS_DB_MIRROR_H
#define TS_DB_MIRROR_H

#include "base/buf.h"
#include "db/readonly.h"

enum ts_mirror_kind {
    TS_MIRROR_CALLS,
    TS_MIRROR_WEBSITES,
    TS_MIRROR_CLONES,
    TS_MIRROR_BENCHMARKS,
    TS_MIRROR_KIND_COUNT_
};

/* Where changes are noted: those of calls for copies that are known (db/sync.h), the others always,
 * new rows with them, so that a copy that begins anew reads them from 0 on. */
enum ts_mirror_log { TS_MIRROR_LOG_CALLS, TS_MIRROR_LOG_CLONES, TS_MIRROR_LOG_COUNT_ };

struct ts_mirror_table {
    const char *name; /* in the copy */
    const char *key;  /* its column that has the kind's id */
    enum ts_mirror_kind kind;
};

/* The tables, those of a kind together; the number of them. */
int ts_mirror_tables(const struct ts_mirror_table **out);

enum ts_mirror_log ts_mirror_log_of(enum ts_mirror_kind kind);

/* How many rows of the kind, with what hangs on them, make a piece. */
int ts_mirror_limit(enum ts_mirror_kind kind);

/* Prepares the connection. Errors: NOMEM, STORAGE_UNAVAILABLE. */
TS_NODISCARD enum ts_err ts_mirror_prepare(struct ts_readonly *r, struct ts_error *err);

struct ts_mirror_position {
    int64_t seq[TS_MIRROR_LOG_COUNT_]; /* of the newest change */
    int64_t whole_from; /* calls below this id may have gone for their age, without a change */
    uint64_t tag;       /* of public ids */
};

/* A stretch of ids or of changes: behind @after up to @end; @count: how many there are. */
struct ts_mirror_piece {
    int64_t after;
    int64_t end;
    int64_t count; /* 0: there is nothing; @end is @after then */
};

/* Errors of all of these: STORAGE_UNAVAILABLE, NOMEM. */
TS_NODISCARD enum ts_err ts_mirror_position(struct ts_readonly *r,
                                            struct ts_mirror_position *out,
                                            struct ts_error *err);

/* The next piece of the calls behind piece->after, not beyond @mark. */
TS_NODISCARD enum ts_err ts_mirror_next_calls(struct ts_readonly *r,
                                              int64_t mark,
                                              struct ts_mirror_piece *piece,
                                              struct ts_error *err);

/* The next piece of the changes behind piece->after; @more: others follow. */
TS_NODISCARD enum ts_err ts_mirror_next_changes(struct ts_readonly *r,
                                                enum ts_mirror_log log,
                                                struct ts_mirror_piece *piece,
                                                bool *more,
                                                struct ts_error *err);

enum { TS_MIRROR_MAX_CHANGES = 50000 };

/* The ids of a kind that a piece of the changes names, each once. */
TS_NODISCARD enum ts_err ts_mirror_changed(struct ts_readonly *r,
                                           enum ts_mirror_kind kind,
                                           const struct ts_mirror_piece *changes,
                                           int64_t ids[static TS_MIRROR_MAX_CHANGES],
                                           int *count,
                                           struct ts_error *err);

/* Appends the rows of a table whose ids are in the piece. @rows: added to. */
TS_NODISCARD enum ts_err ts_mirror_rows(struct ts_readonly *r,
                                        int table,
                                        const struct ts_mirror_piece *piece,
                                        struct ts_buf *csv,
                                        int64_t *rows,
                                        struct ts_error *err);

/* Appends the ids of calls below @id that are still there, a line each. @rows: added to. */
TS_NODISCARD enum ts_err ts_mirror_kept(
    struct ts_readonly *r, int64_t id, struct ts_buf *csv, int64_t *rows, struct ts_error *err);

/* Appends model_stats, all of it. */
TS_NODISCARD enum ts_err ts_mirror_stats(struct ts_readonly *r,
                                         struct ts_buf *csv,
                                         struct ts_error *err);

#endif
