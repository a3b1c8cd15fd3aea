/*
 * `touchstone rebuild-rollups`: makes the roll-ups anew from the calls.
 *
 * Only of days whose calls are all there: what retention has left of older days is kept as it is.
 */
#ifndef TS_SERVER_REBUILD_COMMAND_H
#define TS_SERVER_REBUILD_COMMAND_H

#include "server/options.h"
#include "server/verbs.h"

extern const char ts_rebuild_text[];
int ts_rebuild_command(const struct ts_options *o);

/* {"verb":"rebuild-rollups"}: waits until it is done; {"days":90} */
enum ts_err ts_rebuild_verb(struct ts_verb_call *call, struct ts_error *err);

#endif
