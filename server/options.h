/*
 * The words behind a command: its options, read by the command's own table, and its operands.
 *
 *     --format csv   --format=csv   -f csv   --force   FILE   -   -- -odd-name
 *
 * Words that are settings (server/settings.h) are put aside for ts_config_load(). Every error names
 * the word and, for an unknown one, what may have been meant.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_OPTIONS_H
#define TS_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { TS_MAX_OPTIONS = 24 };

struct ts_option {
    const char *name;  /* without the dashes; NULL ends a table */
    const char *value; /* what stands for its value in the help; NULL: a switch */
    const char *help;
    char letter; /* also `-o`; 0: none */
};

/* Which words a command takes, and how many operands. */
struct ts_option_rules {
    const char *command;
    const struct ts_option *options; /* NULL: none */
    bool all_settings;               /* else only those that find the database: --config, --db */
    int least;                       /* operands */
    int most;
};

struct ts_options {
    const struct ts_option_rules *rules;
    const char *values[TS_MAX_OPTIONS]; /* in the order of the table; NULL: not given */
    const char **operands;              /* ends with NULL */
    int operand_count;
    const char **settings; /* for ts_config_load(); ends with NULL */
    int setting_words;
};

/* @args: the words behind the command's name; ends with NULL. They must outlive @out.
 * Errors: INVALID_PARAMETER, NOMEM. */
TS_NODISCARD enum ts_err ts_options_read(const struct ts_option_rules *rules,
                                         char **args,
                                         struct ts_options *out,
                                         struct ts_error *err);
void ts_options_deinit(struct ts_options *o);

/* The value of an option of the table; "" of a switch; NULL: not given. */
const char *ts_option(const struct ts_options *o, const char *name);

struct ts_number_option {
    const char *name;
    int64_t min;
    int64_t max;
    int64_t absent;
};

/* A whole number. Errors: INVALID_PARAMETER. */
TS_NODISCARD enum ts_err ts_option_number(const struct ts_options *o,
                                          struct ts_number_option which,
                                          int64_t *out,
                                          struct ts_error *err);

/* One of @choices ("csv|ndjson"), as its position; -1: not given. Errors: INVALID_PARAMETER. */
TS_NODISCARD enum ts_err ts_option_choice(const struct ts_options *o,
                                          const char *name,
                                          const char *choices,
                                          int *out,
                                          struct ts_error *err);

#endif
