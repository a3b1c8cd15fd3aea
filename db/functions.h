/*
 * The functions of document 003 for a person's SQL, answered by the same code as the JSON API:
 *
 *     SELECT * FROM get_best_model_for_task('coding', 'quality');
 *     SELECT * FROM get_model_performance_summary(30);
 *     SELECT cleanup_old_performance_data();
 */
#ifndef TS_DB_FUNCTIONS_H
#define TS_DB_FUNCTIONS_H

#include "analytics/best.h"
#include "db/readonly.h"

/* What the functions need to know; outlives the connection. */
struct ts_functions {
    struct ts_locality where;
    int64_t now_ms; /* windows end here */
    /* Has somebody who may write delete old calls; how many went. NULL: there is no such function.
     */
    enum ts_err (*cleanup)(void *ctx, int64_t *deleted, struct ts_error *err);
    void *cleanup_ctx;
    struct ts_reader_conn *conn; /* set by ts_functions_add() */
};

/* Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_functions_add(struct ts_readonly *r,
                                          struct ts_functions *f,
                                          struct ts_error *err);

#endif
