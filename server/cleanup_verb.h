/*
 * The control verb of a clean-up (server/verbs.h): deletes calls past the retention now.
 *
 *     {"verb":"cleanup","days":30}  ->  {"deleted":1200,"before":"2026-08-30T00:00:00.000Z"}
 *
 * Without `days`, or where they are null, those of TOUCHSTONE_RETENTION_DAYS. `before` is null
 * where everything is kept.
 */
#ifndef TS_SERVER_CLEANUP_VERB_H
#define TS_SERVER_CLEANUP_VERB_H

#include "server/verbs.h"

enum { TS_CLEANUP_DAYS_MAX = 36500 };

ts_verb_fn ts_cleanup_verb;

#endif
