/* `touchstone sync --duckdb FILE`: brings a copy of the calls in DuckDB up to date. */
#ifndef TS_SERVER_SYNC_COMMAND_H
#define TS_SERVER_SYNC_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_sync_options[];
extern const char ts_sync_text[];

int ts_sync_command(const struct ts_options *o);

#endif
