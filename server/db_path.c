#include "server/db_path.h"

#include <stdio.h>
#include <stdlib.h>

enum ts_err ts_db_path(const struct ts_config *c,
                       char out[static TS_DB_PATH_SIZE],
                       struct ts_error *err)
{
    const char *named = ts_config_text(c, TS_SETTING_DB);
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n = 0;
    if (*named != '\0')
        n = snprintf(out, TS_DB_PATH_SIZE, "%s", named);
    else if (state != NULL && *state == '/')
        n = snprintf(out, TS_DB_PATH_SIZE, "%s/touchstone/touchstone.db", state);
    else if (home != NULL && *home == '/')
        n = snprintf(out, TS_DB_PATH_SIZE, "%s/.local/state/touchstone/touchstone.db", home);
    else
        return ts_fail_param(
            err, TS_ERR_CONFIG, "db", "no HOME to keep the database under: set TOUCHSTONE_DB");
    return n < TS_DB_PATH_SIZE
               ? TS_OK
               : ts_fail_param(err, TS_ERR_CONFIG, "db", "TOUCHSTONE_DB is too long");
}

struct ts_store_options ts_db_options(const struct ts_config *c, const char *path)
{
    return (struct ts_store_options){
        .path = path,
        .durability = c->values[TS_SETTING_DURABILITY].choice == 0 ? TS_DURABILITY_FULL
                                                                   : TS_DURABILITY_NORMAL,
        .readers = (int)ts_config_number(c, TS_SETTING_READERS),
        .required = ts_config_on(c, TS_SETTING_DB_REQUIRED),
    };
}
