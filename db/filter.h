/* The filters that every query over a slice of the calls takes, as parameters 1 to 8. */
#ifndef TS_DB_FILTER_H
#define TS_DB_FILTER_H

#include "db/conn.h"
#include "db/query.h"

/* Binds the ids of the window and the filters on columns of `call`; text is borrowed. */
void ts_filter_bind(struct ts_stmt *s,
                    const struct ts_call_filter *f,
                    int64_t from_id,
                    int64_t to_id);

/* A query that failed: STORAGE_UNAVAILABLE or NOMEM, also where it ran out of time. */
enum ts_err ts_filter_fail(struct ts_stmt *s, struct ts_error *err);

#endif
