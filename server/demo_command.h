/*
 * `touchstone demo`: the real server on simulated models and a made-up past, in a temporary folder
 * that goes with it. Options beside its own are those of `serve`.
 */
#ifndef TS_SERVER_DEMO_COMMAND_H
#define TS_SERVER_DEMO_COMMAND_H

#include "server/options.h"

extern const struct ts_option ts_demo_command_options[];

int ts_demo_command(const struct ts_options *given);

#endif
