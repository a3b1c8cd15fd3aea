/*
 * Watching: what happens to calls, servers and the store, counted and told live.
 *
 * Texts of prompts and answers never pass here.
 */
#ifndef TS_HANDLERS_WATCH_H
#define TS_HANDLERS_WATCH_H

#include "handlers/services.h"
#include "proxy/observer.h"

/* The relays' observer. Thread: any. */
struct ts_observer ts_watch_calls(const struct ts_services *s);

/* From now on changes of the registry's servers are told. Thread: startup only. */
void ts_watch_providers(const struct ts_services *s);

/* From now on an alert is told when the database stops to take rows, and when that is over. Thread:
 * startup only. */
void ts_watch_store(const struct ts_services *s);

#endif
