/*
 * The made-up past of `touchstone demo`: some thousand calls, rated and failed like real ones, all
 * marked as simulated.
 */
#ifndef TS_SERVER_DEMO_HISTORY_H
#define TS_SERVER_DEMO_HISTORY_H

#include "db/store.h"

/**
 * ts_demo_history() - write @days days of calls that end at @now_ms
 *
 * The same seed gives the same calls; only their times go by @now_ms, and with them who meets the
 * two bad times of the third and the second week: an outage, and a server that is slow for days.
 * Thread: startup only; waits until everything is committed. Errors: those of the store, NOMEM.
 */
TS_NODISCARD enum ts_err ts_demo_history(
    struct ts_store *s, uint64_t seed, int days, int64_t now_ms, struct ts_error *err);

#endif
