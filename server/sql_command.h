/*
 * `touchstone sql`: a person's question to the database, and nothing but questions.
 */
#ifndef TS_SERVER_SQL_COMMAND_H
#define TS_SERVER_SQL_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_sql_command_options[];
extern const char ts_sql_command_text[];

int ts_sql_command(const struct ts_options *o);

#endif
