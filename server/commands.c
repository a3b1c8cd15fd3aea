#include "server/commands.h"

#include <jansson.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "analytics/code_quality.h"
#include "base/buf.h"
#include "db/store.h"
#include "handlers/metrics.h"
#include "proxy/upstream.h"
#include "server/backup_command.h"
#include "server/check_command.h"
#include "server/cleanup_command.h"
#include "server/config.h"
#include "server/demo_command.h"
#include "server/export_command.h"
#include "server/import_command.h"
#include "server/rebuild_command.h"
#include "server/report_command.h"
#include "server/serve.h"
#include "server/sql_command.h"
#include "server/sync_command.h"

enum { PAGE_MAX_BYTES = 64 * 1024, OPTION_COLUMN = 30 };

/* The row of a command that takes @more: its table of options and its operands. */
#define COMMAND(id, ...)                                                                           \
    {                                                                                              \
        .name = (id), .rules.command = (id), __VA_ARGS__                                           \
    }

static const struct ts_command commands[] = {
    COMMAND("serve",
            .help = "run the server (the default)",
            .operands = "",
            .rules.all_settings = true,
            .run = ts_serve_command),
    COMMAND("demo",
            .help = "run it on simulated models and sample data, in a temporary folder",
            .operands = "",
            .rules.options = ts_demo_command_options,
            .rules.all_settings = true,
            .run = ts_demo_command),
    COMMAND("report",
            .help = "write a benchmark report of the models, for a pull request or to print",
            .operands = "",
            .text = ts_report_command_text,
            .rules.options = ts_report_command_options,
            .run = ts_report_command),
    COMMAND("sql",
            .help = "ask the database a question in SQL",
            .operands = "SQL|-",
            .text = ts_sql_command_text,
            .rules.options = ts_sql_command_options,
            .rules.most = 1,
            .run = ts_sql_command),
    COMMAND("import",
            .help = "add calls from a file: CSV, NDJSON or JSON",
            .operands = "FILE|-",
            .text = ts_import_text,
            .rules.options = ts_import_options,
            .rules.least = 1,
            .rules.most = 1,
            .run = ts_import_command),
    COMMAND("export",
            .help = "write calls as CSV, NDJSON or JSON",
            .operands = "",
            .text = ts_export_text,
            .rules.options = ts_export_options,
            .run = ts_export_command),
    COMMAND("backup",
            .help = "copy the whole database, also while a server writes to it",
            .operands = "FILE",
            .text = ts_backup_text,
            .rules.options = ts_backup_options,
            .rules.least = 1,
            .rules.most = 1,
            .run = ts_backup_command),
    COMMAND("sync",
            .help = "bring a copy of the calls in DuckDB up to date",
            .operands = "",
            .text = ts_sync_text,
            .rules.options = ts_sync_options,
            .run = ts_sync_command),
    COMMAND("rebuild-rollups",
            .help = "make the analytics' roll-ups anew from the calls",
            .operands = "",
            .text = ts_rebuild_text,
            .run = ts_rebuild_command),
    COMMAND("check",
            .help = "look whether the database is sound",
            .operands = "",
            .text = ts_check_text,
            .run = ts_check_command),
    COMMAND("cleanup",
            .help = "delete old calls now",
            .operands = "",
            .text = ts_cleanup_text,
            .rules.options = ts_cleanup_options,
            .run = ts_cleanup_command),
};

const struct ts_command *ts_commands(int *count)
{
    *count = (int)TS_ARRAY_LEN(commands);
    return commands;
}

/* -- failing ----------------------------------------------------------------------------------- */

static const struct {
    enum ts_err code;
    int status;
} statuses[] = {
    {TS_ERR_INVALID_PARAMETER, EX_USAGE},
    {TS_ERR_INVALID_JSON, EX_DATAERR},
    {TS_ERR_INVALID_FIELD, EX_DATAERR},
    {TS_ERR_FOREIGN_FILE, EX_DATAERR},
    {TS_ERR_IN_USE, EX_UNAVAILABLE},
    {TS_ERR_DRAINING, EX_UNAVAILABLE},
    {TS_ERR_OVERLOADED, EX_UNAVAILABLE},
    {TS_ERR_CLIENT_GONE, EX_UNAVAILABLE},
    {TS_ERR_NOT_FOUND, EX_UNAVAILABLE},
    {TS_ERR_IO, EX_IOERR},
    {TS_ERR_STORAGE_UNAVAILABLE, EX_IOERR},
    {TS_ERR_CONFIG, EX_CONFIG},
    {TS_ERR_NOMEM, EX_OSERR},
};

static int exit_status(enum ts_err code)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(statuses); i++) {
        if (statuses[i].code == code)
            return statuses[i].status;
    }
    return EX_SOFTWARE;
}

int ts_command_fail(const struct ts_error *err)
{
    (void)fprintf(stderr, "touchstone: %s\n", err->text);
    return exit_status(err->code);
}

/* -- --help and --version ---------------------------------------------------------------------- */

static void print_settings(struct ts_buf *out)
{
    ts_buf_puts(out,
                "\nOptions of the server. Each is also an environment variable (in brackets) and "
                "a\nline of the configuration file (max_in_flight = 100):\n"
                "  --config FILE               $XDG_CONFIG_HOME/touchstone/touchstone.ini, else "
                "/etc/touchstone/touchstone.ini\n");
    ts_config_print_options(out);
}

static void print_usage(struct ts_buf *out)
{
    ts_buf_puts(out, "Usage: touchstone [command] [--option value ...]\n\nCommands:\n");
    for (size_t i = 0; i < TS_ARRAY_LEN(commands); i++)
        ts_buf_printf(out, "  %-16s %s\n", commands[i].name, commands[i].help);
    ts_buf_puts(out, "\n`touchstone COMMAND --help` tells more of each.\n");
    print_settings(out);
    ts_buf_puts(
        out,
        "\n  -h, --help                  this text; --help=man, --help=env, --help=metrics and "
        "--help=prices print\n                              the manual page, an .env file, "
        "the metrics and what calls cost\n  -V, --version               versions\n");
}

static void print_option(struct ts_buf *out, const struct ts_option *o)
{
    char left[64];
    char letter[8] = "";
    if (o->letter != '\0')
        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    (void)snprintf(left,
                   sizeof(left),
                   "  %s--%s%s%s",
                   letter,
                   o->name,
                   o->value != NULL ? " " : "",
                   o->value != NULL ? o->value : "");
    bool fits = strlen(left) < OPTION_COLUMN;
    ts_buf_printf(out, "%-*s", OPTION_COLUMN, left);
    if (!fits)
        ts_buf_printf(out, "\n%*s", OPTION_COLUMN, "");
    ts_buf_printf(out, "%s\n", o->help);
}

static void print_command(struct ts_buf *out, const struct ts_command *c)
{
    const struct ts_option_rules *r = &c->rules;
    ts_buf_printf(out,
                  "Usage: touchstone %s [--option value ...]%s%s\n\ntouchstone %s: %s.\n",
                  c->name,
                  *c->operands != '\0' ? " " : "",
                  c->operands,
                  c->name,
                  c->help);
    if (c->text != NULL)
        ts_buf_printf(out, "\n%s", c->text);
    if (r->options != NULL)
        ts_buf_puts(out, "\nOptions:\n");
    for (int i = 0; r->options != NULL && r->options[i].name != NULL; i++)
        print_option(out, &r->options[i]);
    if (r->all_settings) {
        print_settings(out);
        return;
    }
    ts_buf_puts(out,
                "\nWhere the database is (also by TOUCHSTONE_DB and the configuration file):\n"
                "  --db FILE                   default $XDG_STATE_HOME/touchstone/touchstone.db\n"
                "  --config FILE               default $XDG_CONFIG_HOME/touchstone/touchstone.ini, "
                "else\n                              /etc/touchstone/touchstone.ini\n");
}

static int print(const struct ts_buf *text)
{
    if (!ts_buf_ok(text) || fwrite(text->data, 1, text->len, stdout) != text->len ||
        fflush(stdout) != 0)
        return EX_IOERR;
    return EX_OK;
}

static int print_page(void (*page)(struct ts_buf *out))
{
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(PAGE_MAX_BYTES);
    page(&text);
    return print(&text);
}

static int print_help(const struct ts_command *c)
{
    if (c == NULL)
        return print_page(print_usage);
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(PAGE_MAX_BYTES);
    print_command(&text, c);
    return print(&text);
}

/* Of the code that can be scored: a build may lack them. */
static void print_grammars(struct ts_buf *out)
{
    ts_buf_puts(out, "grammars");
    bool has_one = false;
    for (int l = 0; l < TS_CODE_LANGUAGE_COUNT_; l++) {
        enum ts_code_language language = (enum ts_code_language)l;
        if (!ts_code_has_grammar(language))
            continue;
        ts_buf_printf(out, " %s", ts_code_language_name(language));
        has_one = true;
    }
    ts_buf_puts(out, has_one ? "\n" : " none\n");
}

static void print_version(struct ts_buf *out)
{
    ts_buf_printf(out,
                  "touchstone %s\nlibmicrohttpd %s\n%s\nSQLite %s\njansson %s\nlibsodium %s\n",
                  TS_VERSION,
                  MHD_get_version(),
                  ts_upstream_version(),
                  ts_store_sqlite_version(),
                  jansson_version_str(),
                  sodium_version_string());
    print_grammars(out);
}

/* Runs the page that a word asks for; -1: it asks for none. @c: the command it stands behind, or
 * NULL. */
static int maybe_print(const struct ts_command *c, const char *word)
{
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
        return print_help(c);
    if (strcmp(word, "--help=man") == 0)
        return print_page(ts_config_print_man);
    if (strcmp(word, "--help=metrics") == 0)
        return print_page(ts_metrics_document);
    if (strcmp(word, "--help=prices") == 0)
        return print_page(ts_prices_document);
    if (strcmp(word, "--help=env") == 0)
        return print_page(ts_config_print_env);
    if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0)
        return print_page(print_version);
    return -1;
}

/* -- choosing ---------------------------------------------------------------------------------- */

static const struct ts_command *find(const char *name)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[TS_ARRAY_LEN(commands)];
    for (size_t i = 0; i < TS_ARRAY_LEN(commands); i++)
        names[i] = commands[i].name;
    const char *near = ts_nearest(name, names, (int)TS_ARRAY_LEN(names));
    (void)fprintf(stderr,
                  "touchstone: there is no command %.60s%s%s%s\n",
                  name,
                  near != NULL ? "; did you mean " : "; see --help",
                  near != NULL ? near : "",
                  near != NULL ? "?" : "");
    return EX_USAGE;
}

static int run(const struct ts_command *c, char **words)
{
    struct ts_error err = TS_ERROR_INIT;
    TS_AUTO(ts_options_deinit) struct ts_options o;
    enum ts_err e = ts_options_read(&c->rules, words, &o, &err);
    return e == TS_OK ? c->run(&o) : ts_command_fail(&err);
}

int ts_commands_main(int argc, char **argv)
{
    bool named = argc > 1 && argv[1][0] != '-';
    const struct ts_command *c = named ? find(argv[1]) : NULL;
    for (int i = named ? 2 : 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        int status = maybe_print(c, argv[i]);
        if (status >= 0)
            return status;
    }
    if (named && c == NULL)
        return unknown_command(argv[1]);
    return named ? run(c, argv + 2) : run(&commands[0], argc > 0 ? argv + 1 : argv);
}
