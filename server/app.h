/*
 * The whole server, wired: configuration -> providers -> store -> services -> loops.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_APP_H
#define TS_SERVER_APP_H

#include "analytics/classify.h"
#include "server/config.h"
#include "server/control.h"
#include "server/db_path.h"
#include "server/loop.h"
#include "server/sync_timer.h"

enum { TS_MAX_LOOPS = 64 };

struct ts_app {
    const struct ts_config *config;
    const struct ts_app_hooks *hooks; /* or NULL */
    struct ts_address_list addresses;
    char db_path[TS_DB_PATH_SIZE];
    char listen_url[96]; /* where a browser on this machine finds it */
    struct ts_arena arena;

    struct ts_registry *registry;
    struct ts_running *running;
    struct ts_idempotency *idempotency;
    struct ts_meters *meters;
    struct ts_live *live;
    struct ts_hardware *hardware;
    struct ts_store *store;
    struct ts_control *control;       /* NULL: commands cannot reach this server */
    struct ts_sync_timer *sync_timer; /* NULL: syncs are for others to begin */
    struct ts_discovery *discovery;
    struct ts_id_source ids;
    struct ts_classifier classifier;
    _Atomic int in_flight;
    struct ts_services services;
    struct ts_shared shared;
    struct ts_loop *loops[TS_MAX_LOOPS];
    int loop_count;
};

/* What `touchstone demo` puts into the start and the end; all on the main thread. */
struct ts_app_hooks {
    /* The model servers, in place of those of the configuration. */
    enum ts_err (*providers)(void *ctx, struct ts_registry *r, struct ts_error *err);
    /* The store is open; nothing is listening yet. */
    enum ts_err (*stored)(void *ctx, struct ts_store *s, struct ts_error *err);
    /* Requests are accepted. */
    enum ts_err (*serving)(void *ctx, const struct ts_app *app, struct ts_error *err);
    /* Told to stop: before running answers are waited for. */
    void (*stopping)(void *ctx);
    void *ctx;
};

/**
 * ts_app_start() - bring everything up
 * @hooks: NULL: a plain server; else every page says that its figures are simulated
 *
 * Binds first, so that nothing is touched when another instance runs.
 * Errors: CONFIG, IN_USE, FOREIGN_FILE, IO, NOMEM. Call ts_app_stop() in any case.
 */
TS_NODISCARD enum ts_err ts_app_start(struct ts_app *app,
                                      const struct ts_config *config,
                                      const struct ts_app_hooks *hooks,
                                      struct ts_error *err);

/* Stop accepting and let running answers end. */
void ts_app_drain(struct ts_app *app);

/* Do not wait for them any longer. */
void ts_app_abort(struct ts_app *app);

/* All loops have ended. */
bool ts_app_is_stopped(const struct ts_app *app);

/* Joins the loops, which must have been drained; commits what is queued; frees everything. */
void ts_app_stop(struct ts_app *app);

#endif
