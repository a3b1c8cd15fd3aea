/*
 * Which model servers there are, from the configuration.
 *
 * A local kind is named by its base URL, by X_ENABLED=on or by a [provider.NAME]. With none named,
 * all four are looked for at their usual addresses (TOUCHSTONE_DISCOVERY=off: none is). A cloud
 * provider exists when there is a key for it.
 */
#ifndef TS_SERVER_PROVIDERS_H
#define TS_SERVER_PROVIDERS_H

#include "proxy/registry.h"
#include "server/config.h"

/* Errors: CONFIG, NOMEM. */
TS_NODISCARD enum ts_err ts_providers_add(struct ts_registry *r,
                                          const struct ts_config *c,
                                          struct ts_error *err);

#endif
