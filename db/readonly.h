/*
 * The database as a command reads it: beside the server that writes it, or without one.
 *
 * The connection can neither write nor checkpoint, so that the one who writes stays the only one
 * who does (docs/database.md). A transaction sees one moment; while it lasts, the log beside the
 * file cannot shrink, so a long reading of a busy database is better done in pieces.
 *
 * Thread: one at a time.
 */
#ifndef TS_DB_READONLY_H
#define TS_DB_READONLY_H

#include "db/query.h"

struct ts_readonly;

/**
 * ts_readonly_open() - open the database at @path, which stays as it is
 *
 * Errors: IO (there is none), FOREIGN_FILE (not ours, a newer version's, or an older one's that a
 * start of the server has to bring up to date), STORAGE_UNAVAILABLE, NOMEM; the text names the path
 * and the remedy.
 */
TS_NODISCARD enum ts_err ts_readonly_open(const char *path,
                                          struct ts_readonly **out,
                                          struct ts_error *err);
void ts_readonly_close(struct ts_readonly *r);
TS_DEFINE_AUTO(ts_readonly_auto, struct ts_readonly, ts_readonly_close)

/* Between these, all queries see the same moment. Errors: STORAGE_UNAVAILABLE, NOMEM. */
TS_NODISCARD enum ts_err ts_readonly_begin(struct ts_readonly *r, struct ts_error *err);
void ts_readonly_end(struct ts_readonly *r);

/* For the functions of db/query.h. */
struct ts_reader_conn *ts_readonly_conn(struct ts_readonly *r);

#endif
