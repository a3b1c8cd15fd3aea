/*
 * DuckDB, from its shared library where there is one: found at run time, never linked.
 *
 * Of its C API only what a sync needs is declared (duckdb.h of version 1.0 and later; all of it is
 * in the stable part). One connection, one thread, little memory: it works beside a server.
 *
 * Thread: one at a time.
 */
#ifndef TS_SERVER_DUCKDB_H
#define TS_SERVER_DUCKDB_H

#include "base/buf.h"

struct ts_duckdb;

/**
 * ts_duckdb_open() - load the library, open the database at @file
 * @library: its path; NULL: libduckdb.so, where the system looks for libraries
 *
 * Errors: NOT_FOUND (there is no library), CONFIG (it is none, or too old), IN_USE (another process
 * has the file), FOREIGN_FILE, IO, NOMEM; the text names the file and the remedy.
 */
TS_NODISCARD enum ts_err ts_duckdb_open(const char *library,
                                        const char *file,
                                        struct ts_duckdb **out,
                                        struct ts_error *err);
void ts_duckdb_close(struct ts_duckdb *d);
TS_DEFINE_AUTO(ts_duckdb_auto, struct ts_duckdb, ts_duckdb_close)

/* "v1.5.6" */
const char *ts_duckdb_version(const struct ts_duckdb *d);

/* Runs statements. Errors: IO (the disk is full or fails), FOREIGN_FILE (what they met is not what
 * a sync left), with DuckDB's words. */
TS_NODISCARD enum ts_err ts_duckdb_run(struct ts_duckdb *d, const char *sql, struct ts_error *err);

/* The same, and the first value of the last one; nothing is appended for NULL or no row. */
TS_NODISCARD enum ts_err ts_duckdb_text(struct ts_duckdb *d,
                                        const char *sql,
                                        struct ts_buf *out,
                                        struct ts_error *err);

#endif
