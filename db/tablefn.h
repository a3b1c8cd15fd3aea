/*
 * Table-valued functions of a connection: `SELECT * FROM name(arg, ...)`, answered by C.
 *
 * A function fills all its rows when the query starts; arguments are hidden columns, as SQLite's
 * own table-valued functions have them.
 */
#ifndef TS_DB_TABLEFN_H
#define TS_DB_TABLEFN_H

#include "base/arena.h"
#include "db/conn.h"
#include "db/console.h"

enum { TS_MAX_TABLEFN_ARGS = 4 };

/* One query of a function. */
struct ts_tablefn_call {
    void *ctx;                                /* of ts_tablefn_add() */
    sqlite3_value *args[TS_MAX_TABLEFN_ARGS]; /* NULL: not given */
    struct ts_arena arena;                    /* for texts of cells; lives as long as the rows */
    struct ts_cell *cells;                    /* of all rows, one after another */
    int64_t rows;
    int columns;
    int64_t room;
    bool failed; /* memory ran out on the way: the rows are not to be trusted */
};

struct ts_tablefn {
    const char *name;
    const char *const *columns;
    int column_count;
    const char *const *args;
    int arg_count;
    enum ts_err (*fill)(struct ts_tablefn_call *call, struct ts_error *err);
};

/* @fn and @ctx outlive the connection. Errors: NOMEM, INTERNAL. */
TS_NODISCARD enum ts_err ts_tablefn_add(struct ts_conn *c,
                                        const struct ts_tablefn *fn,
                                        void *ctx,
                                        struct ts_error *err);

/* A text as a cell, NULL for NULL. */
struct ts_cell ts_tablefn_text(struct ts_tablefn_call *call, const char *s);

/* Room for the cells of one more row, all NULL; NULL: no memory. */
struct ts_cell *ts_tablefn_row(struct ts_tablefn_call *call);

#endif
