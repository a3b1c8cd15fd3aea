#include "server/demo_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/commands.h"
#include "server/demo.h"
#include "server/serve.h"

enum { LISTEN_SIZE = 32 };

static enum ts_err on_providers(void *ctx, struct ts_registry *r, struct ts_error *err)
{
    return ts_demo_register(ctx, r, err);
}

static enum ts_err on_stored(void *ctx, struct ts_store *s, struct ts_error *err)
{
    return ts_demo_fill(ctx, s, err);
}

static enum ts_err on_serving(void *ctx, const struct ts_app *app, struct ts_error *err)
{
    (void)printf("touchstone demo: simulated models, made-up calls. Open %s%s/analytics/models\n"
                 "Ctrl-C ends it and removes everything.\n",
                 app->listen_url,
                 app->shared.base_path);
    (void)fflush(stdout);
    return ts_demo_start_traffic(ctx, &app->addresses.at[0], app->shared.base_path, err);
}

static void on_stopping(void *ctx)
{
    ts_demo_stop(ctx);
}

/* -- options ---------------------------------------------------------------------------------- */

struct options {
    struct ts_demo_options demo;
    char listen[LISTEN_SIZE]; /* "": not given */
    const char **rest;        /* options of the server; ends with NULL */
    int rest_count;
};

static enum ts_err read_number(
    const char *name, const char *text, int64_t max, int64_t *out, struct ts_error *err)
{
    char *end = NULL;
    errno = 0;
    long long v = text != NULL ? strtoll(text, &end, 10) : 0;
    if (text == NULL || end == text || *end != '\0' || errno != 0 || v < 0 || v > max)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "%s needs a number from 0 to %lld",
                       name,
                       (long long)max);
    *out = v;
    return TS_OK;
}

/* The value of `--name=VALUE` or `--name VALUE` at argv[*i]; *i moves to its last word. False: it
 * is another option. */
static bool take_value(char **argv, int *i, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] != '\0' && argv[*i][n] != '='))
        return false;
    *value = argv[*i][n] == '=' ? argv[*i] + n + 1 : argv[++*i];
    if (*value == NULL)
        --*i; /* the end: keep the caller's loop in bounds */
    return true;
}

static enum ts_err read_option(struct options *o, char **argv, int *i, struct ts_error *err)
{
    const char *value = NULL;
    int64_t number = 0;
    enum ts_err e = TS_OK;
    if (strcmp(argv[*i], "--no-traffic") == 0) {
        o->demo.traffic = false;
    } else if (take_value(argv, i, "--seed", &value)) {
        e = read_number("--seed", value, INT64_MAX, &number, err);
        o->demo.seed = (uint64_t)number;
    } else if (take_value(argv, i, "--days", &value)) {
        e = read_number("--days", value, TS_DEMO_MAX_DAYS, &number, err);
        o->demo.days = (int)number;
    } else if (take_value(argv, i, "--port", &value)) {
        e = read_number("--port", value, 65535, &number, err);
        (void)snprintf(o->listen, sizeof(o->listen), "127.0.0.1:%d", (int)number);
    } else {
        o->rest[o->rest_count++] = argv[*i];
    }
    return e;
}

static enum ts_err read_options(struct options *o, int argc, char **argv, struct ts_error *err)
{
    o->demo = TS_DEMO_OPTIONS_INIT;
    o->rest = calloc((size_t)argc + 1, sizeof(o->rest[0]));
    if (o->rest == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    enum ts_err e = TS_OK;
    for (int i = 1; e == TS_OK && i < argc; i++)
        e = read_option(o, argv, &i, err);
    return e;
}

/* What of the environment is about this server; ends with NULL. The rest names real model servers
 * and their keys, which have no place among made-up ones. */
static const char **own_environment(void)
{
    static const char prefix[] = "TOUCHSTONE_";
    size_t n = 0;
    while (environ[n] != NULL)
        n++;
    const char **own = calloc(n + 1, sizeof(*own));
    for (size_t i = 0, k = 0; own != NULL && i < n; i++) {
        if (strncmp(environ[i], prefix, sizeof(prefix) - 1) == 0)
            own[k++] = environ[i];
    }
    return own;
}

/* Of a file, too, nothing counts that would mix real things with made-up ones. */
static enum ts_err override(struct ts_config *c,
                            const struct options *o,
                            const char *db,
                            struct ts_error *err)
{
    const struct ts_origin demo = {.source = TS_FROM_FLAG, .where = "touchstone demo"};
    enum ts_err e = TS_OK;
    if (o->listen[0] != '\0')
        e = ts_config_set(c, TS_SETTING_LISTEN, o->listen, demo, err);
    else if (c->values[TS_SETTING_LISTEN].source == TS_FROM_FILE)
        e = ts_config_set(c, TS_SETTING_LISTEN, "127.0.0.1:8420", demo, err);
    if (e == TS_OK)
        e = ts_config_set(c, TS_SETTING_API_KEY, "", demo, err);
    if (e == TS_OK)
        e = ts_config_set(c, TS_SETTING_DB, db, demo, err);
    return e;
}

static enum ts_err configure(struct ts_config *c,
                             const struct options *o,
                             const char *db,
                             struct ts_error *err)
{
    const char **environment = own_environment();
    if (environment == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    enum ts_err e = ts_config_load(c, o->rest, environment, err);
    free(environment);
    return e == TS_OK ? override(c, o, db, err) : e;
}

static int run(const struct options *o, struct ts_error *err)
{
    TS_AUTO(ts_demo_auto) struct ts_demo *demo = NULL;
    struct ts_config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return EX_OSERR;
    enum ts_err e = ts_demo_new(&o->demo, &demo, err);
    if (e == TS_OK)
        e = configure(config, o, ts_demo_db_path(demo), err);
    const struct ts_app_hooks hooks = {
        .providers = on_providers,
        .stored = on_stored,
        .serving = on_serving,
        .stopping = on_stopping,
        .ctx = demo,
    };
    int status = e == TS_OK ? ts_serve(config, &hooks) : ts_command_fail(err);
    ts_config_deinit(config);
    free(config);
    return status;
}

int ts_demo_command(int argc, char **argv)
{
    struct ts_error err = TS_ERROR_INIT;
    struct options o = {.rest_count = 0};
    int status =
        read_options(&o, argc, argv, &err) == TS_OK ? run(&o, &err) : ts_command_fail(&err);
    free(o.rest);
    return status;
}
