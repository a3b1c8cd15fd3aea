/* `touchstone serve`: the server in the foreground, from start to an orderly end. */
#ifndef TS_SERVER_SERVE_H
#define TS_SERVER_SERVE_H

#include "server/app.h"

struct ts_serve_options {
    bool demo;
    /* Called once it accepts requests, on the main thread; may be NULL. */
    void (*ready)(void *ctx, struct ts_app *app);
    void *ctx;
};

/* Runs until SIGTERM or SIGINT; returns the exit status. */
int ts_serve(const struct ts_config *config, const struct ts_serve_options *options);

/* The command: reads the configuration and serves. */
int ts_serve_command(int argc, char **argv);

#endif
