/*
 * What a recommendation is asked for: the work, the priority, and which models may be named.
 */
#ifndef TS_HANDLERS_WISH_H
#define TS_HANDLERS_WISH_H

#include "analytics/rules.h"
#include "handlers/filter.h"

/* Texts are borrowed from the exchange and from the body. */
struct ts_wish {
    json_t *body;                 /* of a POST */
    struct ts_call_filter filter; /* the window, the task type (always), the user segment */
    int64_t now_ms;
    enum ts_priority priority;
    enum ts_complexity complexity;
    json_t *wanted; /* the only names that may be given, a list; NULL: any */
};

/* Reads the query of a GET or the body of a POST. ts_wish_free() it in any case.
 * Errors: INVALID_PARAMETER, INVALID_FIELD, INVALID_JSON, NOMEM. */
TS_NODISCARD enum ts_err ts_wish_read(const struct ts_exchange *x,
                                      struct ts_wish *w,
                                      struct ts_error *err);
void ts_wish_free(struct ts_wish *w);

/* Whether the model may be named: any, or one of those wanted, as "model" or "provider/model". */
bool ts_wish_allows(const struct ts_wish *w, const char *provider, const char *model);

#endif
