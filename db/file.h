/*
 * The database file as a file: its folder, its lock, and whether it is ours at all.
 *
 * Nothing here changes a file that is not ours: its first page is read before SQLite sees it.
 */
#ifndef TS_DB_FILE_H
#define TS_DB_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { TS_FILE_APPLICATION_ID = 0x54534442 }; /* "TSDB", as migration 1 sets it */

/**
 * ts_file_lock() - make this process the one that uses the database at @path
 * @fd: the lock, held until it is closed; on `<path>.lock`, created with mode 0600
 *
 * Creates missing folders (mode 0700).
 * Errors: IN_USE (another store holds it), STORAGE_UNAVAILABLE (no folder, no permission).
 */
TS_NODISCARD enum ts_err ts_file_lock(const char *path, int *fd, struct ts_error *err);

/* The tag of public ids, kept in the lock's file so that a start without the database (locked,
 * unreadable) gives out ids of the same tag. False: none is there. */
bool ts_file_read_tag(int lock_fd, uint64_t *tag);
void ts_file_write_tag(int lock_fd, uint64_t tag);

/**
 * ts_file_check() - whether @path may be opened as our database
 *
 * OK for an empty file and for one of ours of this or an older version; a missing one is created,
 * with mode 0600. Not while a connection to it is open: closing a file lets go of SQLite's locks.
 * Errors: FOREIGN_FILE (another program's, or a newer version's), STORAGE_UNAVAILABLE (unreadable).
 */
TS_NODISCARD enum ts_err ts_file_check(const char *path, struct ts_error *err);

/* Whether the last process that used @path stopped without closing it. */
bool ts_file_was_left_open(const char *path);

#endif
