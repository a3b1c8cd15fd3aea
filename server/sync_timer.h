/*
 * Every some minutes a sync of its own, in a process of its own: `touchstone sync` on this
 * database, which gives way to the server and returns its memory when it is done. DuckDB is never
 * loaded into the server.
 *
 * Thread: startup and shutdown only.
 */
#ifndef TS_SERVER_SYNC_TIMER_H
#define TS_SERVER_SYNC_TIMER_H

#include "server/config.h"

struct ts_sync_timer;

/**
 * ts_sync_timer_start() - as TOUCHSTONE_SYNC_MINUTES says
 * @db_path: borrowed, as the configuration
 * @out:     NULL where it says never
 *
 * Errors: CONFIG (minutes without a file), IO, NOMEM.
 */
TS_NODISCARD enum ts_err ts_sync_timer_start(const struct ts_config *c,
                                             const char *db_path,
                                             struct ts_sync_timer **out,
                                             struct ts_error *err);

/* Ends a sync that runs; it goes on there the next time. NULL: none. */
void ts_sync_timer_stop(struct ts_sync_timer *t);

#endif
