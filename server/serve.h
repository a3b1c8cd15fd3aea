/* `touchstone serve`: the server in the foreground, from start to an orderly end. */
#ifndef TS_SERVER_SERVE_H
#define TS_SERVER_SERVE_H

#include "server/app.h"
#include "server/options.h"

/* Runs until SIGTERM or SIGINT; returns the exit status. @hooks: as for ts_app_start(). */
int ts_serve(const struct ts_config *config, const struct ts_app_hooks *hooks);

/* The command: reads the configuration and serves. */
int ts_serve_command(const struct ts_options *o);

#endif
