/*
 * The calls of a file, row by row, as ts_call_read() takes them: CSV, NDJSON or JSON.
 *
 * Memory is bounded by the longest row (TS_INTAKE_ROW_BYTES). Names of fields may be the members of
 * the API or the columns of SQL, in every format; what the documents' table
 * model_performance_metrics exports fits: 1 and t for true, JSON as text, times without a zone are
 * UTC, no success means cancelled. A row must tell its moment.
 *
 * Thread: one at a time.
 */
#ifndef TS_HANDLERS_INTAKE_H
#define TS_HANDLERS_INTAKE_H

#include <jansson.h>
#include <sys/types.h>

#include "base/err.h"

enum { TS_INTAKE_ROW_BYTES = 1024 * 1024 };

#define TS_INTAKE_FORMATS "csv|ndjson|json" /* in this order */
enum ts_intake_format { TS_INTAKE_CSV, TS_INTAKE_NDJSON, TS_INTAKE_JSON, TS_INTAKE_BY_CONTENT };

struct ts_intake_source {
    /* At most @n bytes; 0: the end; -1: errno tells. */
    ssize_t (*read)(void *ctx, char *bytes, size_t n);
    void *ctx;
};

struct ts_intake;

TS_NODISCARD enum ts_err ts_intake_new(struct ts_intake_source source,
                                       enum ts_intake_format format,
                                       struct ts_intake **out);
void ts_intake_free(struct ts_intake *in);
TS_DEFINE_AUTO(ts_intake_auto, struct ts_intake, ts_intake_free)

enum ts_intake_step {
    TS_INTAKE_ROW,
    TS_INTAKE_BAD,    /* this row cannot be used; the next one may */
    TS_INTAKE_FAILED, /* nor can anything behind it */
    TS_INTAKE_END,
};

/* @row: a new reference. @err: what is wrong, without the line. */
enum ts_intake_step ts_intake_next(struct ts_intake *in, json_t **row, struct ts_error *err);

/* Where the row of the last step begins, counted from 1. */
int64_t ts_intake_line(const struct ts_intake *in);

/* What it turned out to be, once a row was asked for. */
enum ts_intake_format ts_intake_format(const struct ts_intake *in);
const char *ts_intake_format_name(enum ts_intake_format format);

#endif
