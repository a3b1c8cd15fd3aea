#include "server/db_path.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

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

enum ts_err ts_command_config(const struct ts_options *o, struct ts_config *c, struct ts_error *err)
{
    enum ts_err e = ts_config_load(c, o->settings, (const char *const *)environ, err);
    if (e != TS_OK)
        return e;
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that left is an error like others */
    (void)umask(077);
    bool asked = ts_config_given(c, TS_SETTING_LOG);
    ts_log_init(asked ? (enum ts_log_level)c->values[TS_SETTING_LOG].choice : TS_LOG_WARN,
                (enum ts_log_format)c->values[TS_SETTING_LOG_FORMAT].choice);
    return TS_OK;
}

struct ts_store_options ts_db_options(const struct ts_config *c, const char *path)
{
    return (struct ts_store_options){
        .path = path,
        .durability = c->values[TS_SETTING_DURABILITY].choice == 0 ? TS_DURABILITY_FULL
                                                                   : TS_DURABILITY_NORMAL,
        .readers = (int)ts_config_number(c, TS_SETTING_READERS),
        .required = ts_config_on(c, TS_SETTING_DB_REQUIRED),
        .retention_days = ts_config_number(c, TS_SETTING_RETENTION_DAYS),
        .clone_retention_days = ts_config_number(c, TS_SETTING_CLONE_RETENTION_DAYS),
    };
}
