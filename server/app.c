#include "server/app.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "handlers/clone_rejudge.h"
#include "handlers/idempotency.h"
#include "handlers/running.h"
#include "handlers/watch.h"
#include "server/db_path.h"
#include "server/insight_limits.h"
#include "server/providers.h"
#include "server/recorder.h"

enum { APP_MAX_BYTES = 64 * 1024 };

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
}

/* -- lists in settings ------------------------------------------------------------------------ */

/* The trimmed, lower-cased parts of a comma list, in the arena. */
struct parts {
    const char **at;
    int count;
};

static char *lower_copy(struct ts_arena *a, const char *at, size_t n)
{
    while (n > 0 && *at == ' ') {
        at++;
        n--;
    }
    while (n > 0 && at[n - 1] == ' ')
        n--;
    char *copy = ts_arena_copy(a, (struct ts_slice){at, n});
    for (char *c = copy; c != NULL && *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    return copy;
}

static enum ts_err split(struct ts_arena *a,
                         const char *list,
                         struct parts *out,
                         struct ts_error *err)
{
    size_t most = 1;
    for (const char *c = list; *c != '\0'; c++)
        most += *c == ',';
    out->count = 0;
    out->at = ts_arena_alloc(a, most * sizeof(const char *));
    if (out->at == NULL)
        return no_memory(err);
    for (const char *at = list;;) {
        size_t n = strcspn(at, ",");
        char *part = lower_copy(a, at, n);
        if (part == NULL)
            return no_memory(err);
        if (*part != '\0')
            out->at[out->count++] = part;
        if (at[n] == '\0')
            return TS_OK;
        at += n + 1;
    }
}

/* -- the guard's policy ----------------------------------------------------------------------- */

static struct ts_host_rule server_name_rule(char *name)
{
    char *colon = strrchr(name, ':');
    bool has_port = colon != NULL && strchr(colon, ']') == NULL;
    if (!has_port)
        return (struct ts_host_rule){name, TS_PORT_ANY};
    *colon = '\0';
    return (struct ts_host_rule){name, (int)strtol(colon + 1, NULL, 10)};
}

/* Loopback, the addresses listened on, TOUCHSTONE_SERVER_NAMES. */
static enum ts_err make_hosts(struct ts_app *app, struct ts_error *err)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "[::1]"};
    struct parts names;
    enum ts_err e =
        split(&app->arena, ts_config_text(app->config, TS_SETTING_SERVER_NAMES), &names, err);
    if (e != TS_OK)
        return e;
    size_t most = TS_ARRAY_LEN(loopback) + (size_t)app->addresses.count + (size_t)names.count;
    struct ts_host_rule *rules = ts_arena_alloc(&app->arena, most * sizeof(*rules));
    if (rules == NULL)
        return no_memory(err);
    int n = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(loopback); i++)
        rules[n++] = (struct ts_host_rule){loopback[i], TS_PORT_OURS};
    for (int i = 0; i < app->addresses.count; i++) {
        if (!app->addresses.at[i].wildcard)
            rules[n++] = (struct ts_host_rule){app->addresses.at[i].host, TS_PORT_OURS};
    }
    for (int i = 0; i < names.count; i++) {
        char *copy = ts_arena_str(&app->arena, names.at[i]);
        if (copy == NULL)
            return no_memory(err);
        rules[n++] = server_name_rule(copy);
    }
    app->shared.guard.hosts = rules;
    app->shared.guard.host_count = n;
    return TS_OK;
}

static enum ts_err make_ports(struct ts_app *app, struct ts_error *err)
{
    int *ports = ts_arena_alloc(&app->arena, (size_t)app->addresses.count * sizeof(int));
    if (ports == NULL)
        return no_memory(err);
    for (int i = 0; i < app->addresses.count; i++)
        ports[i] = app->addresses.at[i].port;
    app->shared.guard.ports = ports;
    app->shared.guard.port_count = app->addresses.count;
    return TS_OK;
}

static enum ts_err make_guard(struct ts_app *app, struct ts_error *err)
{
    struct ts_guard_policy *p = &app->shared.guard;
    const char *key = ts_config_text(app->config, TS_SETTING_API_KEY);
    struct parts origins;
    enum ts_err e = make_hosts(app, err);
    if (e == TS_OK)
        e = make_ports(app, err);
    if (e == TS_OK)
        e = split(&app->arena, ts_config_text(app->config, TS_SETTING_CORS_ORIGINS), &origins, err);
    if (e != TS_OK)
        return e;
    p->cors_origins = origins.at;
    p->cors_count = origins.count;
    p->has_key = *key != '\0';
    if (p->has_key)
        ts_guard_hash_key(ts_slice_str(key), p->key_hash);
    return TS_OK;
}

static enum ts_err read_proxies(struct ts_app *app, struct ts_error *err)
{
    const char *text = ts_config_text(app->config, TS_SETTING_TRUSTED_PROXIES);
    return *text == '\0' ? TS_OK : ts_networks_parse(text, &app->shared.trusted_proxies, err);
}

/* "" or "/ai": no slash behind. */
static enum ts_err make_base_path(struct ts_app *app, struct ts_error *err)
{
    const char *text = ts_config_text(app->config, TS_SETTING_BASE_PATH);
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '/')
        n--;
    char *path = ts_arena_copy(&app->arena, (struct ts_slice){text, n});
    if (path == NULL)
        return no_memory(err);
    app->shared.base_path = path;
    return TS_OK;
}

/* -- listening -------------------------------------------------------------------------------- */

static enum ts_err read_addresses(struct ts_app *app, struct ts_error *err)
{
    const char *text = ts_config_text(app->config, TS_SETTING_LISTEN);
    bool has_key = *ts_config_text(app->config, TS_SETTING_API_KEY) != '\0';
    enum ts_err e = ts_listen_parse(text, &app->addresses, err);
    for (int i = 0; e == TS_OK && i < app->addresses.count; i++) {
        const struct ts_address *a = &app->addresses.at[i];
        if (!a->loopback && !has_key)
            e = ts_fail_param(err,
                              TS_ERR_CONFIG,
                              "listen",
                              "%.80s: %s:%d can be reached from other machines: set "
                              "TOUCHSTONE_API_KEY, or listen on 127.0.0.1",
                              app->config->values[TS_SETTING_LISTEN].where,
                              a->host,
                              a->port);
    }
    return e;
}

/* @out: the sockets of all loops, loop by loop. The first of an address must find it free. */
static enum ts_err open_sockets(struct ts_app *app, int *out, struct ts_error *err)
{
    int n = app->addresses.count;
    for (int i = 0; i < app->loop_count * n; i++) {
        enum ts_err e = ts_listen_open(&app->addresses.at[i % n], i < n, &out[i], err);
        if (e != TS_OK)
            return e;
    }
    const struct ts_address *a = &app->addresses.at[0];
    bool six = a->sock.any.sa_family == AF_INET6;
    (void)snprintf(app->listen_url,
                   sizeof(app->listen_url),
                   "http://%s:%d",
                   a->wildcard ? (six ? "[::1]" : "127.0.0.1") : a->host,
                   a->port);
    return TS_OK;
}

/* -- the store -------------------------------------------------------------------------------- */

static enum ts_err open_store(struct ts_app *app, struct ts_error *err)
{
    const struct ts_config *c = app->config;
    enum ts_err e = ts_db_path(c, app->db_path, err);
    if (e != TS_OK)
        return e;
    struct ts_store_options options = ts_db_options(c, app->db_path);
    if (app->hooks == NULL) { /* figures of a demonstration are its own */
        options.learner_json = ts_config_text(c, TS_SETTING_LEARNER_JSON);
        options.learner_json_named = ts_config_given(c, TS_SETTING_LEARNER_JSON);
    }
    e = ts_store_open(&options, &app->store, err);
    if (e == TS_OK)
        ts_id_raise(&app->ids, ts_store_newest_id(app->store));
    return e;
}

/* Without it the server serves; only commands cannot reach it. */
static void open_control(struct ts_app *app)
{
    struct ts_error why = TS_ERROR_INIT;
    const struct ts_verb_env env = {
        .store = app->store,
        .db_path = app->db_path,
        .retention_days = ts_config_number(app->config, TS_SETTING_RETENTION_DAYS),
    };
    if (ts_control_start(&env, &app->control, &why) != TS_OK)
        ts_log(TS_LOG_WARN, "%s", why.text);
}

/* -- routing ---------------------------------------------------------------------------------- */

static enum ts_err make_policy(struct ts_app *app, struct ts_error *err)
{
    struct ts_route_policy *p = &app->services.policy;
    struct parts names;
    enum ts_err e =
        split(&app->arena, ts_config_text(app->config, TS_SETTING_FALLBACK), &names, err);
    if (e != TS_OK)
        return e;
    p->local_only = ts_config_on(app->config, TS_SETTING_LOCAL_ONLY);
    p->fallback = names.at;
    for (int i = 0; i < names.count; i++) {
        if (strcmp(names.at[i], "auto") == 0)
            p->fallback_auto = true;
        else if (strcmp(names.at[i], "off") != 0)
            names.at[p->fallback_count++] = names.at[i];
    }
    return TS_OK;
}

static void make_services(struct ts_app *app)
{
    struct ts_services *s = &app->services;
    s->store = app->store;
    s->running = app->running;
    s->idempotency = app->idempotency;
    s->meters = app->meters;
    s->live = app->live;
    s->registry = app->registry;
    s->ids = &app->ids;
    ts_classifier_init(&app->classifier);
    s->classifier = &app->classifier;
    s->insight_limits = ts_insight_limits(app->config);
    s->site_limits = (struct ts_site_limits){
        .medium_from = ts_config_number(app->config, TS_SETTING_CLONE_MEDIUM_WORDS),
        .complex_from = ts_config_number(app->config, TS_SETTING_CLONE_COMPLEX_WORDS),
    };
    s->id_tag = ts_store_tag(app->store);
    randombytes_buf(s->preview_key, sizeof(s->preview_key));
    s->version = TS_VERSION;
    s->listen_url = app->listen_url;
    s->base_path = app->shared.base_path;
    s->tracking = ts_config_on(app->config, TS_SETTING_TRACKING);
    s->capture = s->tracking ? (enum ts_capture)app->config->values[TS_SETTING_CAPTURE].choice
                             : TS_CAPTURE_NONE;
    s->demo = app->hooks != NULL;
    s->max_in_flight = (int)ts_config_number(app->config, TS_SETTING_MAX_IN_FLIGHT);
    s->in_flight = &app->in_flight;
    s->draining = &app->shared.draining;
    s->started_ms = ts_wall_ms();
}

/* -- loops ------------------------------------------------------------------------------------ */

static enum ts_err make_loops(struct ts_app *app, const int *sockets, struct ts_error *err)
{
    int n = app->addresses.count;
    struct ts_record_sink sink = {.record = ts_recorder_record, .ctx = app->store};
    for (int i = 0; i < app->loop_count; i++) {
        enum ts_err e = ts_loop_new(&app->shared, sink, &app->loops[i], err);
        for (int j = 0; e == TS_OK && j < n; j++)
            e = ts_loop_listen(app->loops[i], sockets[i * n + j], err);
        if (e != TS_OK)
            return e;
    }
    struct ts_loop *first = app->loops[0];
    enum ts_err e =
        ts_discovery_new(app->registry, first->upstream, first->poller, &app->discovery, err);
    if (e != TS_OK)
        return e;
    app->services.discovery = app->discovery;
    ts_discovery_start(app->discovery);
    for (int i = 0; e == TS_OK && i < app->loop_count; i++)
        e = ts_loop_start(app->loops[i], err);
    return e;
}

static enum ts_err look_at_hardware(struct ts_app *app, struct ts_error *err)
{
    const struct ts_hardware_options options = {
        .registry = app->registry,
        .store = app->services.tracking ? app->store : NULL,
        .in_flight = &app->in_flight,
    };
    enum ts_err e = ts_hardware_start(&options, &app->hardware, err);
    app->services.hardware = app->hardware;
    return e;
}

static enum ts_err add_providers(struct ts_app *app, struct ts_error *err)
{
    return app->hooks != NULL ? app->hooks->providers(app->hooks->ctx, app->registry, err)
                              : ts_providers_add(app->registry, app->config, err);
}

static enum ts_err start_with(struct ts_app *app, int *sockets, struct ts_error *err)
{
    enum ts_err e = open_sockets(app, sockets, err);
    if (e == TS_OK)
        e = make_guard(app, err);
    if (e == TS_OK)
        e = make_policy(app, err);
    if (e == TS_OK)
        e = ts_registry_new(&app->registry);
    if (e == TS_OK)
        e = ts_running_new(&app->running);
    if (e == TS_OK)
        e = ts_idempotency_new(&app->idempotency);
    if (e == TS_OK)
        e = ts_meters_new(&app->meters);
    if (e == TS_OK)
        e = ts_live_new(&app->live);
    if (e == TS_OK)
        e = add_providers(app, err);
    if (e == TS_OK)
        e = open_store(app, err);
    if (e == TS_OK && app->hooks != NULL)
        e = app->hooks->stored(app->hooks->ctx, app->store, err);
    if (e != TS_OK)
        return e;
    open_control(app);
    make_services(app);
    ts_watch_providers(&app->services);
    ts_watch_store(&app->services);
    e = look_at_hardware(app, err);
    if (e == TS_OK)
        e = ts_sync_timer_start(app->config, app->db_path, &app->sync_timer, err);
    if (e == TS_OK)
        e = make_loops(app, sockets, err);
    if (e == TS_OK && app->hooks != NULL)
        e = app->hooks->serving(app->hooks->ctx, app, err);
    if (e == TS_OK)
        ts_clone_rejudge(&app->services);
    return e;
}

enum ts_err ts_app_start(struct ts_app *app,
                         const struct ts_config *config,
                         const struct ts_app_hooks *hooks,
                         struct ts_error *err)
{
    *app = (struct ts_app){.config = config, .hooks = hooks, .arena = TS_ARENA_INIT(APP_MAX_BYTES)};
    app->shared.services = &app->services;
    app->shared.library_streams = config->values[TS_SETTING_STREAM_PATH].choice == 1;
    app->shared.connection_limit = ts_listen_raise_limit();
    app->loop_count = (int)ts_config_number(config, TS_SETTING_LOOPS);
    enum ts_err e = make_base_path(app, err);
    if (e == TS_OK)
        e = read_addresses(app, err);
    if (e == TS_OK)
        e = read_proxies(app, err);
    if (e != TS_OK)
        return e;
    int sockets[TS_MAX_LOOPS * TS_MAX_LISTEN] = {0};
    return start_with(app, sockets, err);
}

/* -- the end ---------------------------------------------------------------------------------- */

void ts_app_drain(struct ts_app *app)
{
    if (app->hooks != NULL)
        app->hooks->stopping(app->hooks->ctx);
    atomic_store(&app->shared.draining, true);
    if (app->live != NULL)
        ts_live_close(app->live);
    for (int i = 0; i < app->loop_count && app->loops[i] != NULL; i++)
        ts_loop_drain(app->loops[i]);
}

void ts_app_abort(struct ts_app *app)
{
    for (int i = 0; i < app->loop_count && app->loops[i] != NULL; i++)
        ts_loop_abort(app->loops[i]);
}

bool ts_app_is_stopped(const struct ts_app *app)
{
    for (int i = 0; i < app->loop_count && app->loops[i] != NULL; i++) {
        if (app->loops[i]->started && !atomic_load(&app->loops[i]->stopped))
            return false;
    }
    return true;
}

void ts_app_stop(struct ts_app *app)
{
    for (int i = 0; i < app->loop_count && app->loops[i] != NULL; i++)
        ts_loop_join(app->loops[i]);
    ts_hardware_stop(app->hardware);
    if (app->discovery != NULL)
        ts_discovery_free(app->discovery);
    ts_sync_timer_stop(app->sync_timer);
    ts_control_stop(app->control);
    if (app->store != NULL)
        ts_store_close(app->store); /* its last answers go to the loops' mailboxes */
    for (int i = 0; i < app->loop_count; i++)
        ts_loop_free(app->loops[i]);
    ts_running_free(app->running);
    ts_idempotency_free(app->idempotency);
    ts_meters_free(app->meters);
    ts_live_free(app->live);
    if (app->registry != NULL)
        ts_registry_free(app->registry);
    ts_arena_free(&app->arena);
}
