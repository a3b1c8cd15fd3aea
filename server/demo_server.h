/*
 * One simulated model server on a free loopback port: real sockets, real wire formats, made-up
 * answers.
 *
 * Streams only: the relay never asks for anything else. A thread per connection is plenty here.
 */
#ifndef TS_SERVER_DEMO_SERVER_H
#define TS_SERVER_DEMO_SERVER_H

#include "server/demo_model.h"

struct ts_demo_server;

/* Errors: IO, NOMEM. */
TS_NODISCARD enum ts_err ts_demo_server_start(enum ts_demo_server_id id,
                                              uint64_t seed,
                                              struct ts_demo_server **out,
                                              struct ts_error *err);

/* Cuts what is streaming; waits for the threads. */
void ts_demo_server_stop(struct ts_demo_server *s);

int ts_demo_server_port(const struct ts_demo_server *s);

#endif
