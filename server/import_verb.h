/*
 * The control verbs of an import (server/verbs.h):
 *
 *     {"verb":"import-begin","source":"9f2c..."}                       ->
 * {"row":120000,"keepDays":90}
 *     {"verb":"import","source":"9f2c...","row":120000,"calls":[...]}  ->
 * {"accepted":..,"duplicates":..}
 *
 * A source is a file by its content. `row` counts its rows before these calls; the answer to
 * import-begin says how many of them are in the database from an import that was cut short, and
 * after how many days calls are deleted (0: never). With
 * "last":true the source is done and forgotten. The calls of one request are all fit or none is
 * written; they are written in small batches, so that live rows never wait long behind them.
 */
#ifndef TS_SERVER_IMPORT_VERB_H
#define TS_SERVER_IMPORT_VERB_H

#include "server/verbs.h"

enum { TS_IMPORT_MAX_CALLS = 1000 };

ts_verb_fn ts_import_begin_verb;
ts_verb_fn ts_import_verb;

#endif
