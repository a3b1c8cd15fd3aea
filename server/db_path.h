/* Where the database is and how it is opened, from the configuration: for the server and for
 * commands. */
#ifndef TS_SERVER_DB_PATH_H
#define TS_SERVER_DB_PATH_H

#include "db/store.h"
#include "server/config.h"
#include "server/options.h"

enum { TS_DB_PATH_SIZE = 1024 };

/* Errors: CONFIG. */
TS_NODISCARD enum ts_err ts_db_path(const struct ts_config *c,
                                    char out[static TS_DB_PATH_SIZE],
                                    struct ts_error *err);

/* A command's configuration, from its words; also sets up the process and its log (warnings only,
 * unless a level was asked for). Errors: as ts_config_load(). Deinit @c in any case. */
TS_NODISCARD enum ts_err ts_command_config(const struct ts_options *o,
                                           struct ts_config *c,
                                           struct ts_error *err);

/* @path is borrowed. */
struct ts_store_options ts_db_options(const struct ts_config *c, const char *path);

#endif
