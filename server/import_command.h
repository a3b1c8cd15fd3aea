/* `touchstone import FILE|-`: calls that were made elsewhere, or exported from another database. */
#ifndef TS_SERVER_IMPORT_COMMAND_H
#define TS_SERVER_IMPORT_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_import_options[];
extern const char ts_import_text[];

int ts_import_command(const struct ts_options *o);

#endif
