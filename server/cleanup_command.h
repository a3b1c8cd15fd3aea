/* `touchstone cleanup`: old calls are deleted now, by whoever holds the database. */
#ifndef TS_SERVER_CLEANUP_COMMAND_H
#define TS_SERVER_CLEANUP_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_cleanup_options[];
extern const char ts_cleanup_text[];
int ts_cleanup_command(const struct ts_options *o);

#endif
