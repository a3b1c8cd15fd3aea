/*
 * A table of rows as CSV, NDJSON, JSON or Markdown, written row by row.
 *
 * CSV has the columns' SQL names in its first line and is safe for spreadsheets (base/csv.h); JSON
 * has the members of the API, in an object with the list under its plural name. Unknown is an
 * empty cell, and null.
 */
#ifndef TS_HANDLERS_TABLE_WRITE_H
#define TS_HANDLERS_TABLE_WRITE_H

#include "base/buf.h"
#include "handlers/call_columns.h"

#define TS_TABLE_FORMATS "csv|ndjson|json|md" /* in this order */
enum ts_table_format { TS_TABLE_CSV, TS_TABLE_NDJSON, TS_TABLE_JSON, TS_TABLE_MD };

struct ts_table_column {
    const char *member;
    const char *column;
    enum ts_column_kind kind;
};

/* Text and JSON in `text` (NULL: unknown), other kinds in `number` (TS_UNKNOWN), RATE and REAL in
 * `real` (NaN). */
struct ts_table_cell {
    const char *text;
    int64_t number;
    double real;
};

struct ts_table {
    enum ts_table_format format;
    const char *plural; /* "calls" */
    const struct ts_table_column *columns;
    int count;
    int64_t rows; /* written so far */
};

void ts_table_begin(const struct ts_table *t, struct ts_buf *out);
void ts_table_row(struct ts_table *t, const struct ts_table_cell *cells, struct ts_buf *out);
void ts_table_end(const struct ts_table *t, struct ts_buf *out);

/* For Content-Type, and for the name of a file. */
const char *ts_table_content_type(enum ts_table_format format);
const char *ts_table_extension(enum ts_table_format format);

/* The format of that name, or -1. */
int ts_table_format_find(const char *name);

#endif
