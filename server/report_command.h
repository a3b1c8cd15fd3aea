/* `touchstone report`: the benchmark report of a slice, on stdout. */
#ifndef TS_SERVER_REPORT_COMMAND_H
#define TS_SERVER_REPORT_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_report_command_options[];
extern const char ts_report_command_text[];

int ts_report_command(const struct ts_options *o);

#endif
