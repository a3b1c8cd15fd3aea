#include "server/demo_command.h"

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

const struct ts_option ts_demo_command_options[] = {
    {"port", "N", "listen on 127.0.0.1:N", '\0'},
    {"days", "N", "days of made-up history, 0 to 365; default 30", '\0'},
    {"seed", "N", "another past; default 1", '\0'},
    {"no-traffic", NULL, "no new calls while it runs", '\0'},
    {NULL, NULL, NULL, '\0'},
};

struct options {
    struct ts_demo_options demo;
    char listen[LISTEN_SIZE]; /* "": not given */
    const char **rest;        /* options of the server; ends with NULL */
};

static enum ts_err read_options(struct options *out,
                                const struct ts_options *o,
                                struct ts_error *err)
{
    const struct ts_demo_options usual = TS_DEMO_OPTIONS_INIT;
    int64_t seed = 0;
    int64_t days = 0;
    int64_t port = 0;
    enum ts_err e = ts_option_number(
        o, (struct ts_number_option){"seed", 0, INT64_MAX, (int64_t)usual.seed}, &seed, err);
    if (e == TS_OK)
        e = ts_option_number(
            o, (struct ts_number_option){"days", 0, TS_DEMO_MAX_DAYS, usual.days}, &days, err);
    if (e == TS_OK)
        e = ts_option_number(o, (struct ts_number_option){"port", 0, 65535, -1}, &port, err);
    *out = (struct options){.rest = o->settings};
    out->demo = (struct ts_demo_options){
        .seed = (uint64_t)seed,
        .days = (int)days,
        .traffic = ts_option(o, "no-traffic") == NULL,
    };
    if (port >= 0)
        (void)snprintf(out->listen, sizeof(out->listen), "127.0.0.1:%d", (int)port);
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

int ts_demo_command(const struct ts_options *given)
{
    struct ts_error err = TS_ERROR_INIT;
    struct options o;
    return read_options(&o, given, &err) == TS_OK ? run(&o, &err) : ts_command_fail(&err);
}
