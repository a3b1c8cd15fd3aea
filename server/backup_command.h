/* `touchstone backup FILE`: a copy of the whole database. */
#ifndef TS_SERVER_BACKUP_COMMAND_H
#define TS_SERVER_BACKUP_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_backup_options[];
extern const char ts_backup_text[];

int ts_backup_command(const struct ts_options *o);

#endif
