/* `auto`: a model chosen for the task, by the rules of analytics/rules.h. */
#ifndef TS_HANDLERS_AUTO_MODEL_H
#define TS_HANDLERS_AUTO_MODEL_H

#include "analytics/rules.h"
#include "handlers/services.h"

/* "auto", or "auto:" and a priority (checked by ts_auto_model()). */
bool ts_is_auto_model(const char *model);

/**
 * ts_auto_model() - the model that `auto` means for this request, as "provider/model"
 * @out: in the request's arena
 *
 * Chooses among the models of the local servers; among all where no local server is in use. A
 * priority behind "auto:" wins over the request's label.
 * Errors: INVALID_FIELD (no such priority), MODEL_NOT_FOUND (nothing to choose from), NOMEM.
 */
TS_NODISCARD enum ts_err ts_auto_model(const struct ts_services *s,
                                       struct ts_genreq *q,
                                       const char *task_type,
                                       enum ts_complexity complexity,
                                       const char **out,
                                       struct ts_error *err);

/* The models of the servers that are up, as candidates for rules: only local ones where a local
 * server is in use. Text in @arena. */
struct ts_candidates {
    struct ts_candidate *at;
    int count;
    struct ts_arena *arena;
    const struct ts_registry *registry; /* that they are from */
};
TS_NODISCARD enum ts_err ts_healthy_models(const struct ts_services *s,
                                           struct ts_arena *arena,
                                           struct ts_candidates *out);

/* The same without that rule about clouds: what may be named to a person, though `auto` would not
 * take it. */
TS_NODISCARD enum ts_err ts_reachable_models(const struct ts_services *s,
                                             struct ts_arena *arena,
                                             struct ts_candidates *out);

/* The server of that name, or NULL: reported calls name any. @r may be NULL. Thread: any. */
const struct ts_provider *ts_provider_named(const struct ts_registry *r, const char *name);
bool ts_provider_is_local(const struct ts_registry *r, const char *name);

#endif
