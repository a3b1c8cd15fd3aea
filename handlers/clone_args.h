/* What the routes of sites, attempts and benchmarks have in common. Thread: the loop's. */
#ifndef TS_HANDLERS_CLONE_ARGS_H
#define TS_HANDLERS_CLONE_ARGS_H

#include "db/clone_query.h"
#include "handlers/exchange.h"
#include "handlers/reply.h"

/* `limit` and `cursor` of a list. Errors: INVALID_PARAMETER. */
TS_NODISCARD enum ts_err ts_clone_page_args(const struct ts_exchange *x,
                                            struct ts_clone_page *page,
                                            struct ts_error *err);

/* {<name>: @rows, "nextCursor"}; takes @rows, which may be NULL. NULL without memory. */
json_t *ts_clone_page_json(const char *name, json_t *rows, const struct ts_clone_page *page);

/* The number in the path, of a @what ("clone attempt"). Errors: NOT_FOUND: there is no such number.
 */
TS_NODISCARD enum ts_err ts_clone_id_arg(const struct ts_exchange *x,
                                         const char *what,
                                         int64_t *id,
                                         struct ts_error *err);

/* One of the words that a parameter may be; NULL in @out where it is absent. @words ends with NULL.
 * Errors: INVALID_PARAMETER, which names them. */
TS_NODISCARD enum ts_err ts_word_arg(const struct ts_exchange *x,
                                     const char *key,
                                     const char *const *words,
                                     const char **out,
                                     struct ts_error *err);

#endif
