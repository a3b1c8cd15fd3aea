#include "server/serve.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/commands.h"
#include "server/notify.h"
#include "server/trim.h"

enum {
    TICK_MS = 10,          /* while waiting for the first round of discovery */
    FIRST_ROUND_MS = 1000, /* at most, before saying what was found */
    DRAIN_TICK_MS = 20,
};

/* -- the process ------------------------------------------------------------------------------ */

static void stop_signals(sigset_t *out)
{
    (void)sigemptyset(out);
    (void)sigaddset(out, SIGTERM);
    (void)sigaddset(out, SIGINT);
}

/* Before any thread starts: they inherit the mask, so that only the main thread sees signals. */
static enum ts_err prepare_process(struct ts_error *err)
{
    sigset_t stops;
    struct rlimit none = {0, 0};
    stop_signals(&stops);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)pthread_sigmask(SIG_BLOCK, &stops, NULL);
    (void)umask(077);
    (void)setrlimit(RLIMIT_CORE, &none); /* a core would hold keys and prompts */
    if (sodium_init() < 0)
        return ts_fail(err, TS_ERR_INTERNAL, "libsodium cannot be used on this machine");
    return ts_upstream_global_init();
}

/* Waits for a signal, @ms at most (-1: for ever). */
static bool wait_for_stop(int64_t ms)
{
    sigset_t stops;
    stop_signals(&stops);
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    for (;;) {
        int got = ms < 0 ? sigwaitinfo(&stops, NULL) : sigtimedwait(&stops, NULL, &wait);
        if (got > 0)
            return true;
        if (errno != EINTR)
            return false;
    }
}

/* -- what is said at the start ----------------------------------------------------------------- */

static void warn_of_idle_settings(const struct ts_config *c)
{
    for (int i = 0; i < TS_SETTING_COUNT_; i++) {
        enum ts_setting_id id = (enum ts_setting_id)i;
        char name[TS_SETTING_NAME_SIZE];
        if ((ts_setting(id)->flags & TS_SET_LATER) != 0 && ts_config_given(c, id))
            ts_log(TS_LOG_WARN, "%s has no effect in this version", ts_setting_env(id, "", name));
    }
}

/* "ollama (3 models), vllm (1 model)"; the number of servers that are up. */
static int list_servers(struct ts_registry *r, struct ts_buf *out)
{
    int up = 0;
    for (int i = 0; i < ts_registry_count(r); i++) {
        struct ts_provider_status s = ts_registry_status(r, i);
        if (s.state != TS_PROVIDER_UP && s.state != TS_PROVIDER_LOADING)
            continue;
        ts_buf_printf(out,
                      "%s%s (%d model%s)",
                      up++ > 0 ? ", " : "",
                      ts_registry_provider(r, i)->name,
                      s.models,
                      s.models == 1 ? "" : "s");
    }
    return up;
}

static void announce(struct ts_app *app, int64_t started_us)
{
    TS_AUTO(ts_buf_free) struct ts_buf servers = TS_BUF_INIT(4096);
    int up = list_servers(app->registry, &servers);
    struct ts_store_health health = ts_store_health(app->store);
    ts_log(TS_LOG_INFO,
           "touchstone %s listens on %s%s, dashboard %s%s/analytics/models, database %s%s%s, "
           "model servers: %s",
           TS_VERSION,
           app->listen_url,
           app->shared.base_path,
           app->listen_url,
           app->shared.base_path,
           app->db_path,
           health.writable ? "" : ": ",
           health.writable ? "" : health.why,
           up > 0 ? ts_buf_text(&servers) : "none");
    ts_log(TS_LOG_DEBUG, "started in %lld ms", (long long)((ts_now_us() - started_us) / 1000));
    if (up == 0)
        ts_log(TS_LOG_WARN,
               "no model server answers; start one (ollama serve), name one (OLLAMA_BASE_URL), or "
               "see `touchstone demo`");
}

/* -- the end ---------------------------------------------------------------------------------- */

/* Lets running answers end; a second signal or the end of patience breaks them off. */
static void drain(struct ts_app *app)
{
    int64_t patience_ms = ts_config_number(app->config, TS_SETTING_DRAIN_TIMEOUT_MS);
    int64_t until_us = ts_now_us() + patience_ms * 1000;
    bool aborted = false;
    ts_notify("STOPPING=1");
    ts_log(TS_LOG_INFO, "stopping: waiting for running answers");
    ts_app_drain(app);
    while (!ts_app_is_stopped(app)) {
        bool again = wait_for_stop(DRAIN_TICK_MS);
        if (!aborted && (again || ts_now_us() >= until_us)) {
            aborted = true;
            ts_app_abort(app);
        }
    }
}

static void run(struct ts_app *app, int64_t started_us)
{
    ts_notify("READY=1");
    bool stop = false;
    for (int waited = 0; !stop && !ts_discovery_done(app->discovery) && waited < FIRST_ROUND_MS;
         waited += TICK_MS)
        stop = wait_for_stop(TICK_MS);
    if (!stop) {
        announce(app, started_us);
        ts_trim_startup();
        (void)wait_for_stop(-1);
    }
    drain(app);
}

int ts_serve(const struct ts_config *config, const struct ts_app_hooks *hooks)
{
    int64_t started_us = ts_now_us();
    struct ts_error err = TS_ERROR_INIT;
    ts_log_init((enum ts_log_level)config->values[TS_SETTING_LOG].choice,
                (enum ts_log_format)config->values[TS_SETTING_LOG_FORMAT].choice);
    if (prepare_process(&err) != TS_OK)
        return ts_command_fail(&err);
    struct ts_app *app = calloc(1, sizeof(*app));
    if (app == NULL)
        return EX_OSERR;
    warn_of_idle_settings(config);
    enum ts_err e = ts_app_start(app, config, hooks, &err);
    if (e == TS_OK)
        run(app, started_us);
    else
        ts_app_drain(app); /* loops that did start */
    ts_app_stop(app);
    free(app);
    ts_upstream_global_deinit();
    return e == TS_OK ? EX_OK : ts_command_fail(&err);
}

int ts_serve_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return EX_OSERR;
    int status = ts_config_load(config, o->settings, (const char *const *)environ, &err) == TS_OK
                     ? ts_serve(config, NULL)
                     : ts_command_fail(&err);
    ts_config_deinit(config);
    free(config);
    return status;
}
