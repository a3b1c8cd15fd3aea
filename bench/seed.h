/*
 * The calls of tools/bench analytics: an invented team's, the same ones for the same seed.
 *
 * 20 models on 4 providers, 8 kinds of task, 3 complexities, evenly over the time; log-normal
 * times, failures, cancelled calls, ratings, tokens, cost, all phases, some users, conversations,
 * tags and rescued attempts. What no server would know is unknown here too.
 */
#ifndef TS_BENCH_SEED_H
#define TS_BENCH_SEED_H

#include "base/call.h"

struct bench_team {
    uint64_t state; /* of the random numbers */
    int64_t first_ms;
    int64_t span_ms;
    int64_t rows;
    int64_t made;
};

/* One call and what its user said about it later (0: nothing). */
struct bench_called {
    struct ts_call *call;
    int rating;
};

/* Calls of @rows moments, rising, from @first_ms on. */
struct bench_team bench_team_of(uint64_t seed, int64_t rows, int64_t first_ms, int64_t span_ms);

/* The next call; exits without memory. */
struct bench_called bench_team_call(struct bench_team *t);

#endif
