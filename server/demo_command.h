/*
 * `touchstone demo [--port N] [--days N] [--seed N] [--no-traffic]`: the real server on simulated
 * models and a made-up past, in a temporary folder that goes with it.
 *
 * Other options are those of `serve`.
 */
#ifndef TS_SERVER_DEMO_COMMAND_H
#define TS_SERVER_DEMO_COMMAND_H

int ts_demo_command(int argc, char **argv);

#endif
