/*
 * Sub-commands: `touchstone NAME ...`. The table in commands.c is what --help lists.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_COMMANDS_H
#define TS_SERVER_COMMANDS_H

#include "base/err.h"

struct ts_command {
    const char *name;
    const char *help; /* one line */
    /* argv[0] is the command's name. Returns the exit status (sysexits.h). */
    int (*run)(int argc, char **argv);
};

const struct ts_command *ts_commands(int *count);

/* Picks the command (`serve` if none is named) and runs it; --help and --version everywhere. */
int ts_commands_main(int argc, char **argv);

/* Says what is wrong, in one line, and returns the exit status for it. */
int ts_command_fail(const struct ts_error *err);

#endif
