/*
 * The control verb of a clean-up (server/verbs.h): deletes calls past the retention now.
 *
 *     {"verb":"cleanup"}  ->  {"deleted":1200,"before":"2026-08-30T00:00:00.000Z"}
 *
 * `before` is null where the server keeps everything.
 */
#ifndef TS_SERVER_CLEANUP_VERB_H
#define TS_SERVER_CLEANUP_VERB_H

#include "server/verbs.h"

ts_verb_fn ts_cleanup_verb;

#endif
