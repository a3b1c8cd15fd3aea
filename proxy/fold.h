/*
 * Folding what a server of the client's own dialect streamed: members that we do not know go along.
 *
 * Thread: any; no state.
 */
#ifndef TS_PROXY_FOLD_H
#define TS_PROXY_FOLD_H

#include "base/buf.h"
#include "base/jscan.h"

/* The object that was kept; of type NONE where there is none. Borrows from @b. */
struct ts_jvalue ts_fold_document(const struct ts_buf *b);

/* The data of an event with one data line, which all servers send; absent where there is none. */
struct ts_slice ts_fold_data(struct ts_slice raw);

/* `,"key":value` for the members of @object that are not null, but for those of @but (ends with
 * NULL) and those that @already has. */
void ts_fold_members(struct ts_buf *out,
                     struct ts_jvalue object,
                     struct ts_jvalue already,
                     const char *const *but);

#endif
