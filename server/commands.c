#include "server/commands.h"

#include <jansson.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "db/store.h"
#include "proxy/upstream.h"
#include "server/config.h"
#include "server/demo_command.h"
#include "server/serve.h"

enum { PAGE_MAX_BYTES = 64 * 1024 };

static const struct ts_command commands[] = {
    {"serve", "run the server (the default)", ts_serve_command},
    {"demo", "run it on simulated models and sample data, in a temporary folder", ts_demo_command},
};

const struct ts_command *ts_commands(int *count)
{
    *count = (int)TS_ARRAY_LEN(commands);
    return commands;
}

static int exit_status(enum ts_err code)
{
    if (code == TS_ERR_INVALID_PARAMETER)
        return EX_USAGE;
    if (code == TS_ERR_CONFIG)
        return EX_CONFIG;
    if (code == TS_ERR_IN_USE)
        return EX_UNAVAILABLE;
    if (code == TS_ERR_FOREIGN_FILE)
        return EX_DATAERR;
    if (code == TS_ERR_IO)
        return EX_IOERR;
    return EX_SOFTWARE;
}

int ts_command_fail(const struct ts_error *err)
{
    (void)fprintf(stderr, "touchstone: %s\n", err->text);
    return exit_status(err->code);
}

/* -- --help and --version ---------------------------------------------------------------------- */

static void print_usage(struct ts_buf *out)
{
    ts_buf_puts(out, "Usage: touchstone [command] [--option value ...]\n\nCommands:\n");
    for (size_t i = 0; i < TS_ARRAY_LEN(commands); i++)
        ts_buf_printf(out, "  %-16s %s\n", commands[i].name, commands[i].help);
    ts_buf_puts(out,
                "\nOptions of the server. Each is also an environment variable (in brackets) and "
                "a\nline of the configuration file (max_in_flight = 100):\n"
                "  --config FILE               $XDG_CONFIG_HOME/touchstone/touchstone.ini, else "
                "/etc/touchstone/touchstone.ini\n");
    ts_config_print_options(out);
    ts_buf_puts(out,
                "\n  -h, --help                  this text; --help=man and --help=env print the "
                "manual page and an .env file\n  -V, --version               versions\n");
}

static int print_page(void (*page)(struct ts_buf *out))
{
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(PAGE_MAX_BYTES);
    page(&text);
    if (!ts_buf_ok(&text) || fwrite(text.data, 1, text.len, stdout) != text.len ||
        fflush(stdout) != 0)
        return EX_IOERR;
    return EX_OK;
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
}

/* Runs the page that an argument asks for; -1: it asks for none. */
static int maybe_print(const char *arg)
{
    if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0)
        return print_page(print_usage);
    if (strcmp(arg, "--help=man") == 0)
        return print_page(ts_config_print_man);
    if (strcmp(arg, "--help=env") == 0)
        return print_page(ts_config_print_env);
    if (strcmp(arg, "-V") == 0 || strcmp(arg, "--version") == 0)
        return print_page(print_version);
    return -1;
}

/* -- choosing ---------------------------------------------------------------------------------- */

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

int ts_commands_main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int status = maybe_print(argv[i]);
        if (status >= 0)
            return status;
    }
    if (argc < 2 || argv[1][0] == '-')
        return commands[0].run(argc, argv);
    for (size_t i = 0; i < TS_ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return unknown_command(argv[1]);
}
