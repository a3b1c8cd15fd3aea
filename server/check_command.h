/* `touchstone check`: whether a database is sound; 0, or 65 with what is wrong. */
#ifndef TS_SERVER_CHECK_COMMAND_H
#define TS_SERVER_CHECK_COMMAND_H

#include "server/options.h"

extern const char ts_check_text[];
int ts_check_command(const struct ts_options *o);

#endif
