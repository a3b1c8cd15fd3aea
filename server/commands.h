/*
 * Sub-commands: `touchstone NAME ...`. The table in commands.c is what --help lists, and each
 * command's own --help is printed from its row.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_COMMANDS_H
#define TS_SERVER_COMMANDS_H

#include "server/options.h"

struct ts_command {
    const char *name;
    const char *help;     /* one line */
    const char *operands; /* as the usage line names them: "FILE|-"; "" */
    const char *text;     /* further paragraphs of its own help, wrapped by hand at 100; or NULL */
    struct ts_option_rules rules;
    /* Returns the exit status (sysexits.h). */
    int (*run)(const struct ts_options *o);
};

const struct ts_command *ts_commands(int *count);

/* Picks the command (`serve` if none is named) and runs it; --help and --version everywhere. */
int ts_commands_main(int argc, char **argv);

/* Says what is wrong, in one line, and returns the exit status for it. */
int ts_command_fail(const struct ts_error *err);

#endif
