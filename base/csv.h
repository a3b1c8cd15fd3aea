/*
 * CSV as RFC 4180 has it, safe for spreadsheets.
 *
 * A spreadsheet runs a cell that begins with = + - @ or a tab or a carriage return. Text that does
 * so, and is no plain number, is written with an apostrophe in front; so is text that already looks
 * like that ("'=x"), so that taking one apostrophe away gives every text back exactly.
 */
#ifndef TS_BASE_CSV_H
#define TS_BASE_CSV_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends one cell, with the quotes and the apostrophe that it needs. */
void ts_csv_put(struct ts_buf *out, const char *text, size_t len);

/* The text of a cell that ts_csv_put() wrote, without the apostrophe. */
struct ts_slice ts_csv_unguard(struct ts_slice cell);

/* Whether text is a number as JSON or C has it: "-12", "+3.5", "1e6". */
bool ts_csv_is_number(struct ts_slice text);

/* -- reading ---------------------------------------------------------------------------------- */

/* Finds the end of a record, byte by byte, also over several pieces of it. */
struct ts_csv_scan {
    char delimiter;
    enum { TS_CSV_START, TS_CSV_PLAIN, TS_CSV_QUOTED, TS_CSV_CLOSED } state;
};

/* Feeds bytes; returns how many belong to the record, its line feed included, or 0: all of them do
 * and the end is not among them. */
size_t ts_csv_scan(struct ts_csv_scan *s, const char *bytes, size_t len);

/**
 * ts_csv_cell() - take the next cell off a whole record
 * @record: moves behind the cell and its delimiter; its `at` becomes NULL behind the last cell
 * @cell:   points into the record, which is changed where quotes are doubled
 *
 * Return: NULL, or what is wrong with the cell.
 */
const char *ts_csv_cell(char delimiter, struct ts_slice *record, struct ts_slice *cell);

#endif
