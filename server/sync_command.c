#include "server/sync_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/commands.h"
#include "server/db_path.h"
#include "server/session.h"
#include "server/sync_copy.h"

const struct ts_option ts_sync_options[] = {
    {.name = "duckdb", .value = "FILE", .help = "the copy; default TOUCHSTONE_SYNC_DUCKDB"},
    {.name = "library",
     .value = "FILE",
     .help = "libduckdb.so; default TOUCHSTONE_DUCKDB_LIBRARY, else where the system has it"},
    {.name = "files", .help = "write files for DuckDB to load, also where the library is there"},
    {.name = "full", .help = "begin anew, whatever the copy has"},
    {.name = NULL},
};

/* clang-format off */
const char ts_sync_text[] =
    "FILE is a DuckDB database of its own: calls, their failed attempts, all-time statistics, and the\n"
    "views that people read (docs/data.md). The first sync copies everything; later ones what came,\n"
    "changed (ratings) or was deleted since, wherever the last one stopped. It works beside a running\n"
    "server, which it gives way to, and without one. Prompts and answers are not copied.\n"
    "\n"
    "DuckDB's library writes FILE where it is installed. Else the rows wait in the folder FILE.sync,\n"
    "and the command is printed by which DuckDB loads them; it can be run again without harm.\n";
/* clang-format on */

/* The server's threads come first, for the processor and for the disk. */
static void give_way(void)
{
    enum { WHO_PROCESS = 1, CLASS_BEST_EFFORT = 2, CLASS_SHIFT = 13, LAST = 7 }; /* ioprio_set(2) */
    (void)setpriority(PRIO_PROCESS, 0, 19);
    (void)syscall(SYS_ioprio_set, WHO_PROCESS, 0, (CLASS_BEST_EFFORT << CLASS_SHIFT) | LAST);
}

static const char *either(const struct ts_options *o,
                          const char *option,
                          const struct ts_config *c,
                          enum ts_setting_id setting)
{
    const char *given = ts_option(o, option);
    return given != NULL                         ? given
           : *ts_config_text(c, setting) != '\0' ? ts_config_text(c, setting)
                                                 : NULL;
}

/* As one word of a shell. */
static void print_word(const char *text)
{
    (void)putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            (void)fputs("'\\''", stdout);
        else
            (void)putchar(*text);
    }
    (void)putchar('\'');
}

static void tell(const struct ts_sync_load *load, const struct ts_sync_result *r, int64_t took_us)
{
    const char *script = ts_sync_load_script(load);
    (void)printf("%s: %lld calls%s, %lld changes in %.2f s\n",
                 ts_sync_load_file(load),
                 (long long)r->calls,
                 r->anew ? ", from the beginning" : "",
                 (long long)r->changes,
                 (double)took_us / 1e6);
    if (script == NULL || ts_sync_load_waiting(load) == 0)
        return;
    (void)printf("DuckDB's library is not used here; this loads what is new:\nduckdb ");
    print_word(ts_sync_load_file(load));
    (void)printf(" < ");
    print_word(script);
    (void)putchar('\n');
}

static enum ts_err sync_to(const struct ts_options *o,
                           const struct ts_config *c,
                           struct ts_error *err)
{
    TS_AUTO(ts_session_auto) struct ts_session *session = NULL;
    TS_AUTO(ts_sync_load_auto) struct ts_sync_load *load = NULL;
    TS_AUTO(ts_readonly_auto) struct ts_readonly *db = NULL;
    struct ts_sync_result result;
    int64_t start_us = ts_now_us();
    const struct ts_sync_place place = {
        .file = either(o, "duckdb", c, TS_SETTING_SYNC_DUCKDB),
        .library = either(o, "library", c, TS_SETTING_DUCKDB_LIBRARY),
        .by_files = ts_option(o, "files") != NULL,
    };
    if (place.file == NULL)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "where to is missing: --duckdb FILE, or TOUCHSTONE_SYNC_DUCKDB");
    enum ts_err e = ts_session_open(c, false, &session, err);
    if (e == TS_OK)
        e = ts_sync_load_open(&place, &load, err);
    if (e == TS_OK)
        e = ts_readonly_open(ts_session_db(session), &db, err);
    if (e == TS_OK)
        e = ts_sync_copy(session, db, load, ts_option(o, "full") != NULL, &result, err);
    if (e == TS_OK)
        tell(load, &result, ts_now_us() - start_us);
    return e;
}

int ts_sync_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return EX_OSERR;
    give_way();
    enum ts_err e = ts_command_config(o, config, &err);
    if (e == TS_OK)
        e = sync_to(o, config, &err);
    ts_config_deinit(config);
    free(config);
    return e == TS_OK ? EX_OK : ts_command_fail(&err);
}
