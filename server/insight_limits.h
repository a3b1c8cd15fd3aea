/* From which figures on an insight is told, from the configuration: for the server and for
 * commands. */
#ifndef TS_SERVER_INSIGHT_LIMITS_H
#define TS_SERVER_INSIGHT_LIMITS_H

#include "analytics/insights.h"
#include "server/config.h"

struct ts_insight_limits ts_insight_limits(const struct ts_config *c);

#endif
