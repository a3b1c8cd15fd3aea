/* `touchstone export`: the calls, or what was learnt from them, as a file. */
#ifndef TS_SERVER_EXPORT_COMMAND_H
#define TS_SERVER_EXPORT_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_export_options[];
extern const char ts_export_text[];

int ts_export_command(const struct ts_options *o);

#endif
