/* Watching calls: the relay's observer, which counts what ends and tells of it live. */
#ifndef TS_HANDLERS_WATCH_H
#define TS_HANDLERS_WATCH_H

#include "handlers/services.h"
#include "proxy/observer.h"

struct ts_observer ts_watch_calls(const struct ts_services *s);

#endif
