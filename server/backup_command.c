#include "server/backup_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "server/commands.h"
#include "server/meter.h"
#include "server/session.h"

const struct ts_option ts_backup_options[] = {
    {"force", NULL, "replace FILE if it is there", '\0'},
    {NULL, NULL, NULL, '\0'},
};

/* clang-format off */
const char ts_backup_text[] =
    "FILE is a database of its own, of the moment when the copy ends. It appears when it is whole, is\n"
    "on the disk and has been read from end to end. While a server runs, that makes the copy, between\n"
    "its own writes; FILE must then be in a folder where the server may write.\n"
    "\n"
    "To restore: stop the server, put the copy in the database's place, and remove the files -wal,\n"
    "-shm and .spool beside it.\n";
/* clang-format on */

static void free_text(char **text)
{
    free(*text);
}

/* The path as another process finds it, to be freed; the file itself need not be there. */
static enum ts_err absolute(const char *name, char **out, struct ts_error *err)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name;
    if (*base == '\0')
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "%.200s names a folder, no file", name);
    size_t len = slash == NULL ? 0 : slash == name ? 1 : (size_t)(slash - name);
    TS_AUTO(free_text) char *folder = slash == NULL ? strdup(".") : strndup(name, len);
    TS_AUTO(free_text) char *real = folder != NULL ? realpath(folder, NULL) : NULL;
    if (folder == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a backup");
    if (real == NULL)
        return ts_fail(err, TS_ERR_IO, "cannot write %s: %s", name, strerrordesc_np(errno));
    if (asprintf(out, "%s/%s", strcmp(real, "/") == 0 ? "" : real, base) >= 0)
        return TS_OK;
    *out = NULL;
    return ts_fail(err, TS_ERR_NOMEM, "no memory for a backup");
}

static void on_progress(void *ctx, int64_t done, int64_t total)
{
    ts_meter_show(ctx, done, total > 0 ? (double)done / (double)total : -1);
}

static enum ts_err back_up(const struct ts_options *o, int64_t *bytes, struct ts_error *err)
{
    TS_AUTO(ts_session_auto) struct ts_session *s = NULL;
    json_auto_t *result = NULL;
    TS_AUTO(free_text) char *to = NULL;
    enum ts_err e = absolute(o->operands[0], &to, err);
    if (e == TS_OK)
        e = ts_session_start(o, false, &s, err);
    if (e != TS_OK)
        return e;
    struct ts_meter meter = ts_meter_start("copying", "pages", 0);
    const struct ts_session_listener listener = {.progress = on_progress, .ctx = &meter};
    bool force = ts_option(o, "force") != NULL;
    e = ts_session_ask(s,
                       json_pack("{s:s, s:s, s:b}", "verb", "backup", "to", to, "force", force),
                       &listener,
                       &result,
                       err);
    ts_meter_end(&meter);
    *bytes = json_integer_value(json_object_get(result, "bytes"));
    return e;
}

int ts_backup_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    int64_t bytes = 0;
    if (back_up(o, &bytes, &err) != TS_OK)
        return ts_command_fail(&err);
    (void)printf("%s: %lld bytes, whole and sound\n", o->operands[0], (long long)bytes);
    return EX_OK;
}
