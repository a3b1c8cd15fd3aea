#include "server/check_command.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "db/check.h"
#include "server/commands.h"
#include "server/reading.h"

const char ts_check_text[] = "Looks at every page, at what rows refer to, at ids and names, and "
                             "compares model_stats and the\n"
                             "roll-ups with the calls, and the counts of clones with the attempts. "
                             "It only reads, also beside\n"
                             "a running server. Exit status 0: sound; 65: not, and the lines on "
                             "standard output say what is\n"
                             "wrong.\n";

static void say_part(void *ctx, const char *name, int done, int total)
{
    const bool *terminal = ctx;
    if (*terminal)
        (void)fprintf(stderr, "\r\033[Kchecking %s (%d of %d)", name, done + 1, total);
}

static void wipe(bool terminal)
{
    if (terminal)
        (void)fputs("\r\033[K", stderr);
}

static void say_fault(void *ctx, const char *what)
{
    const bool *terminal = ctx;
    wipe(*terminal);
    (void)puts(what);
}

int ts_check_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    TS_AUTO(ts_reading_auto) struct ts_reading *reading = NULL;
    if (ts_reading_open(o, &reading, &err) != TS_OK)
        return ts_command_fail(&err);
    bool terminal = isatty(STDERR_FILENO) == 1;
    const struct ts_check_sink sink = {.part = say_part, .fault = say_fault, .ctx = &terminal};
    int faults = 0;
    enum ts_err e = ts_check_database(ts_reading_db(reading), &sink, &faults, &err);
    wipe(terminal);
    if (e != TS_OK)
        return ts_command_fail(&err);
    if (faults == 0) {
        (void)printf("%s: sound\n", ts_reading_path(reading));
        return EX_OK;
    }
    (void)fprintf(stderr,
                  "touchstone: %s: %d fault%s found; keep a copy of the file and its -wal before "
                  "anything else\n",
                  ts_reading_path(reading),
                  faults,
                  faults == 1 ? "" : "s");
    return EX_DATAERR;
}
