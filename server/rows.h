/*
 * Rows of a query as text: for people as a table or a line a value, for programs as CSV or JSON.
 *
 * A table needs all rows to know its widths. It waits for so many as fit into a fixed amount of
 * memory; what comes after those streams at the widths found so far.
 */
#ifndef TS_SERVER_ROWS_H
#define TS_SERVER_ROWS_H

#include "base/arena.h"
#include "base/buf.h"
#include "db/console.h"

/* X(enum suffix, name on the command line) */
#define TS_ROWS_TABLE(X)                                                                           \
    X(TABLE, "table")                                                                              \
    X(CSV, "csv")                                                                                  \
    X(JSON, "json")                                                                                \
    X(NDJSON, "ndjson")                                                                            \
    X(LINE, "line")

enum ts_rows_format {
#define X(id, name) TS_ROWS_##id,
    TS_ROWS_TABLE(X)
#undef X
        TS_ROWS_COUNT_
};

#define TS_ROWS_FORMATS "table|csv|json|ndjson|line" /* in the order of the table */

struct ts_held_row;

struct ts_rows {
    enum ts_rows_format format;
    /* Takes the text; false: it could not be written. */
    bool (*write)(void *ctx, const char *text, size_t len);
    void *ctx;
    /* inside */
    struct ts_buf out;
    struct ts_arena names_arena;
    char **names;
    size_t *widths;
    int count;
    int results;  /* begun so far */
    int64_t rows; /* of this result */
    struct ts_arena held_arena;
    struct ts_held_row *held; /* newest first */
    bool streaming;           /* the widths are settled */
};

void ts_rows_init(struct ts_rows *r,
                  enum ts_rows_format format,
                  bool (*write)(void *ctx, const char *text, size_t len),
                  void *ctx);
void ts_rows_deinit(struct ts_rows *r);

/* The three are a ts_console_sink with a struct ts_rows as its ctx. Errors: IO, NOMEM. */
enum ts_err ts_rows_begin(void *rows, const char *const *names, int count, struct ts_error *err);
enum ts_err ts_rows_row(void *rows, const struct ts_cell *cells, int count, struct ts_error *err);
enum ts_err ts_rows_end(void *rows, struct ts_error *err);

#endif
