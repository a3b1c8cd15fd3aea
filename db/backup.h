/*
 * A copy of the database, made by the writer between its batches.
 *
 * The copy is made through the connection that writes: SQLite then puts what is written meanwhile
 * into both files, so the copy never has to begin anew and is of the moment when it ends. A step is
 * some hundred pages, a millisecond or two for those who wait behind it.
 *
 * Thread: the writer's, unless said otherwise. Only db/ includes this.
 */
#ifndef TS_DB_BACKUP_H
#define TS_DB_BACKUP_H

#include <sqlite3.h>

#include "db/store.h"

struct ts_backup {
    struct ts_store_backup *_Atomic job; /* NULL: none is asked for; taken by any thread */
    sqlite3 *to;
    sqlite3_backup *run; /* NULL: not begun */
    bool blocked;        /* another process has the file's lock */
};

/* Begins what was asked for, or goes on with it. */
void ts_backup_step(struct ts_store *s);

/* Ends it without a copy; nothing if there is none. Before the writer's connection is closed. */
void ts_backup_abandon(struct ts_store *s, const struct ts_error *why);

/* How long the next step may wait; -1: there is none. */
int64_t ts_backup_idle_us(const struct ts_store *s);

#endif
