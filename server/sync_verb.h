/*
 * Control verbs of `touchstone sync`: a copy's turn with the store (db/sync.h).
 *
 *     {"verb":"sync-begin","target":"f00d","place":"/data/x.duckdb","turn":0}
 *        -> {"known":false,"mark":1849...,"seq":12,"turn":81...}
 *     {"verb":"sync-done","target":"f00d","turn":81...,"seq":12} -> {}
 */
#ifndef TS_SERVER_SYNC_VERB_H
#define TS_SERVER_SYNC_VERB_H

#include "server/verbs.h"

ts_verb_fn ts_sync_begin_verb;
ts_verb_fn ts_sync_done_verb;

#endif
