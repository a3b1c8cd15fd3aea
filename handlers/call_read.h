/*
 * A call as somebody else's JSON tells of it: POST outcomes and the rows of an import.
 *
 * Required are taskType, model and success (or outcome). What is not told stays unknown. A call's
 * moment is its timestamp, else now. Its `id` makes the report idempotent: a public id of this
 * store means exactly that row, anything else is kept as the reporter's own name for the call (see
 * ts_store_import()).
 */
#ifndef TS_HANDLERS_CALL_READ_H
#define TS_HANDLERS_CALL_READ_H

#include <jansson.h>

#include "base/call.h"

/* What the calls of one report share. */
struct ts_call_reader {
    uint64_t id_tag; /* of the store's public ids */
    int64_t now_ms;
};

/* @index: in an array of calls, for the error; -1: there is none.
 * Errors: INVALID_FIELD (its param is the member), NOMEM. */
TS_NODISCARD enum ts_err ts_call_read(const struct ts_call_reader *r,
                                      json_t *value,
                                      int index,
                                      struct ts_call **out,
                                      struct ts_error *err);

#endif
