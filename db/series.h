/*
 * The series by number, with those that a query wants marked, so that the loops over calls and
 * cells join nothing.
 */
#ifndef TS_DB_SERIES_H
#define TS_DB_SERIES_H

#include "db/conn.h"
#include "db/query.h"

struct ts_series {
    bool known; /* false: no series of that number */
    bool wanted;
    bool first; /* of its family */
    int number; /* in the aggregate, where wanted */
};

struct ts_series_list {
    struct ts_series *at; /* by series_id */
    size_t count;
    int wanted; /* how many */
    int known;
};

/* Makes the wanted ones known to the aggregate. Errors: STORAGE_UNAVAILABLE, NOMEM. */
TS_NODISCARD enum ts_err ts_series_load(struct ts_conn *c,
                                        const struct ts_call_filter *f,
                                        struct ts_aggregate *agg,
                                        struct ts_series_list *out,
                                        struct ts_error *err);
void ts_series_free(struct ts_series_list *l);

/* NULL if it is not wanted. */
static inline const struct ts_series *ts_series_wanted(const struct ts_series_list *l, int64_t id)
{
    return id >= 0 && (size_t)id < l->count && l->at[id].wanted ? &l->at[id] : NULL;
}

#endif
