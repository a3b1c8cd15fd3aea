/*
 * A few made-up people who use `touchstone demo`: they send prompts through the real relay, read
 * the answers, rate some and walk away from others, so that the page moves.
 */
#ifndef TS_SERVER_DEMO_TRAFFIC_H
#define TS_SERVER_DEMO_TRAFFIC_H

#include <stdint.h>

#include "server/listen.h"

struct ts_demo_traffic;

/* @at, @base_path: where touchstone listens. Errors: NOMEM, IO. */
TS_NODISCARD enum ts_err ts_demo_traffic_start(const struct ts_address *at,
                                               const char *base_path,
                                               uint64_t seed,
                                               struct ts_demo_traffic **out,
                                               struct ts_error *err);

/* They leave, mid-sentence; waits for their threads, a second at most. */
void ts_demo_traffic_stop(struct ts_demo_traffic *t);

#endif
