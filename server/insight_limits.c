#include "server/insight_limits.h"

struct ts_insight_limits ts_insight_limits(const struct ts_config *c)
{
    return (struct ts_insight_limits){
        .slow_us = (double)ts_config_number(c, TS_SETTING_INSIGHT_SLOW_MS) * 1e3,
        .low_success = (double)ts_config_number(c, TS_SETTING_INSIGHT_LOW_SUCCESS) / 100,
        .low_satisfaction = (double)ts_config_number(c, TS_SETTING_INSIGHT_LOW_SATISFACTION) / 100,
        .costly_times = (double)ts_config_number(c, TS_SETTING_INSIGHT_COSTLY_TIMES),
    };
}
