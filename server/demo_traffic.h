/*
 * A few made-up people who use `touchstone demo`: they send prompts through the real relay, read
 * the answers, rate some and walk away from others, so that the page moves.
 */
#ifndef TS_SERVER_DEMO_TRAFFIC_H
#define TS_SERVER_DEMO_TRAFFIC_H

#include <stdint.h>

#include "base/err.h"

struct ts_demo_traffic;

/* @port, @base_path: where touchstone listens on 127.0.0.1. Errors: NOMEM, IO. */
TS_NODISCARD enum ts_err ts_demo_traffic_start(int port,
                                               const char *base_path,
                                               uint64_t seed,
                                               struct ts_demo_traffic **out,
                                               struct ts_error *err);

/* They leave, mid-sentence; waits for their threads, a second at most. */
void ts_demo_traffic_stop(struct ts_demo_traffic *t);

#endif
