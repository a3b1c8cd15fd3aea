/*
 * SQL that a person wrote, on a connection that only reads.
 *
 * What SQLite itself is asked before a statement is accepted: SELECT, EXPLAIN and the pragmas that
 * tell about the schema pass; whatever would write, attach, load or change the connection is
 * refused. All statements of a text see the same moment.
 */
#ifndef TS_DB_CONSOLE_H
#define TS_DB_CONSOLE_H

#include "base/slice.h"
#include "db/readonly.h"

enum ts_cell_type { TS_CELL_NULL, TS_CELL_INTEGER, TS_CELL_REAL, TS_CELL_TEXT, TS_CELL_BLOB };

struct ts_cell {
    enum ts_cell_type type;
    int64_t integer;
    double real;
    struct ts_slice bytes; /* text (perhaps not UTF-8) and blobs; valid for the call */
};

/* Where the rows go. A result other than TS_OK ends the run with it. */
struct ts_console_sink {
    /* Before the rows of each statement that has columns. */
    enum ts_err (*begin)(void *ctx, const char *const *names, int count, struct ts_error *err);
    enum ts_err (*row)(void *ctx, const struct ts_cell *cells, int count, struct ts_error *err);
    /* After them. */
    enum ts_err (*end)(void *ctx, struct ts_error *err);
    void *ctx;
};

/**
 * ts_console_run() - run every statement of a text, one after another
 * @at: where in @sql the fault lies, in bytes; -1: nowhere in particular
 *
 * Errors: INVALID_FIELD (no statement, wrong SQL, one that does not only read),
 * STORAGE_UNAVAILABLE, NOMEM, and what the sink says. Rows before the error went to the sink.
 */
TS_NODISCARD enum ts_err ts_console_run(struct ts_readonly *r,
                                        const char *sql,
                                        const struct ts_console_sink *sink,
                                        int64_t *at,
                                        struct ts_error *err);

#endif
