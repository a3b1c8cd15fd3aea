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

/* Something needs a person's attention, or no longer does. */
struct ts_alert {
    const char *kind; /* "database", "spool" */
    bool over;
    const char *message;
};
void ts_watch_alert(const struct ts_services *s, const struct ts_alert *a);

#endif
