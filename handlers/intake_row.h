/*
 * One row of a file as the JSON object that ts_call_read() takes. For intake.c.
 */
#ifndef TS_HANDLERS_INTAKE_ROW_H
#define TS_HANDLERS_INTAKE_ROW_H

#include <jansson.h>

#include "base/err.h"
#include "handlers/call_columns.h"

/* The columns of a CSV file, in its order. */
struct ts_intake_head {
    enum ts_call_column at[TS_CALL_COLUMN_COUNT_];
    int count;
};

/* Errors: INVALID_FIELD (an unknown or repeated column, or a needed one is missing). The record is
 * changed, here and below. */
TS_NODISCARD enum ts_err ts_intake_head_read(struct ts_intake_head *h,
                                             char delimiter,
                                             struct ts_slice record,
                                             struct ts_error *err);

/* Errors: INVALID_FIELD, INVALID_JSON, NOMEM. */
TS_NODISCARD enum ts_err ts_intake_row_from_csv(const struct ts_intake_head *h,
                                                char delimiter,
                                                struct ts_slice record,
                                                json_t **out,
                                                struct ts_error *err);
TS_NODISCARD enum ts_err ts_intake_row_from_json(struct ts_slice text,
                                                 json_t **out,
                                                 struct ts_error *err);

/* Finds the end of one JSON value, byte by byte, also over several pieces of it. */
struct ts_intake_scan {
    int depth;
    bool in_string;
    bool escaped;
};

/* How many bytes belong to the value, or 0: all of them do and the end is not among them. */
size_t ts_intake_scan(struct ts_intake_scan *s, const char *bytes, size_t len);

#endif
