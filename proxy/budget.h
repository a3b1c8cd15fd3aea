/*
 * The retry budget of one model server: retries are a fifth of its calls in the last 10 s at most,
 * but three are always allowed. A server in trouble is not driven deeper into it.
 *
 * What is budgeted is asking the same server again. Moving on to another server is not: every
 * server is asked at most once by each call before, and its breaker ends that.
 *
 * Pure state, time is passed in. Thread: the owner's lock.
 */
#ifndef TS_PROXY_BUDGET_H
#define TS_PROXY_BUDGET_H

#include <stdbool.h>

#include "base/attr.h"
#include "proxy/window.h"

enum { TS_BUDGET_WINDOW_MS = 10 * 1000, TS_BUDGET_PERCENT = 20, TS_BUDGET_LEAST = 3 };

struct ts_budget {
    struct ts_window calls; /* marked: retries */
};

#define TS_BUDGET_INIT ((struct ts_budget){.calls = TS_WINDOW_INIT(TS_BUDGET_WINDOW_MS)})

/* A call goes to the server; retries too. */
void ts_budget_call(struct ts_budget *b, int64_t now_us);

/* A call would ask it again. Return: it may, and that is counted. */
TS_NODISCARD bool ts_budget_retry(struct ts_budget *b, int64_t now_us);

#endif
