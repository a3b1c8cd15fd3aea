/*
 * The control verb of a backup (server/verbs.h):
 *
 *     {"verb":"backup","to":"/srv/copy.db","force":false}  -> {"bytes":57344}
 *
 * The copy is made beside its place, synced, opened, gone through from end to end, and only then
 * put there; whatever was there stays until that moment, and without force also after it.
 */
#ifndef TS_SERVER_BACKUP_VERB_H
#define TS_SERVER_BACKUP_VERB_H

#include "server/verbs.h"

ts_verb_fn ts_backup_verb;

#endif
