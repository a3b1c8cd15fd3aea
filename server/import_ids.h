/*
 * Names for rows that have none: what a row says, hashed, so that the same row imported again is
 * known again.
 *
 * Rows of one file that say exactly the same are different calls: the second is "...-2". They are
 * counted among the last TS_IMPORT_WINDOW different rows, in fixed memory; equal rows farther apart
 * than that are taken for the same call.
 */
#ifndef TS_SERVER_IMPORT_IDS_H
#define TS_SERVER_IMPORT_IDS_H

#include <jansson.h>

#include "base/err.h"

enum { TS_IMPORT_WINDOW = 64 * 1024, TS_IMPORT_ID_SIZE = 64 };

struct ts_import_ids;

TS_NODISCARD enum ts_err ts_import_ids_new(struct ts_import_ids **out);
void ts_import_ids_free(struct ts_import_ids *ids);
TS_DEFINE_AUTO(ts_import_ids_auto, struct ts_import_ids, ts_import_ids_free)

/* Gives a row without an id its name; call it for every row of the file, in order. Errors: NOMEM.
 */
TS_NODISCARD enum ts_err ts_import_ids_give(struct ts_import_ids *ids, json_t *row);

#endif
