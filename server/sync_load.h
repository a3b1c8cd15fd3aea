/*
 * Where a sync's rows go: into DuckDB at once, or into files that DuckDB loads later.
 *
 * Either way the same SQL (schema/duckdb.sql) is run over the same CSV files, which stand in the
 * folder FILE.sync beside the DuckDB file. With the library each load is a transaction of its own
 * and its files go with it. Without, loads are kept until DuckDB has said that it has them:
 *
 *     FILE.load.sql          what a person runs: duckdb FILE < FILE.load.sql
 *     FILE.sync/state.json   what the next sync begins with
 *     FILE.sync/12.sql       load 12, and its rows: 12-1.csv, 12-2.csv, ...
 *     FILE.sync/loaded.csv   the last load that DuckDB has, written by FILE.load.sql
 *
 * Loads are in order and each says what its rows are now, so that running them again changes
 * nothing.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_SYNC_LOAD_H
#define TS_SERVER_SYNC_LOAD_H

#include <jansson.h>

#include "base/buf.h"
#include "server/duckdb.h"

struct ts_sync_load;

struct ts_sync_place {
    const char *file;    /* of DuckDB; need not be there */
    const char *library; /* NULL: where the system looks */
    bool by_files;       /* without the library, though it is there */
};

/**
 * ts_sync_load_open() - find out which way it goes, and lock the place
 *
 * Without @library a missing one means files. Errors: NOT_FOUND, CONFIG (the library), IN_USE
 * (another sync, or another process has the file), FOREIGN_FILE, IO, NOMEM.
 */
TS_NODISCARD enum ts_err ts_sync_load_open(const struct ts_sync_place *place,
                                           struct ts_sync_load **out,
                                           struct ts_error *err);
void ts_sync_load_close(struct ts_sync_load *l);
TS_DEFINE_AUTO(ts_sync_load_auto, struct ts_sync_load, ts_sync_load_close)

/* The DuckDB file's absolute path. */
const char *ts_sync_load_file(const struct ts_sync_load *l);

/* What a person runs; NULL: nothing, DuckDB has it. */
const char *ts_sync_load_script(const struct ts_sync_load *l);

/* What the last load left; *out stays NULL where there was none that can be used. Errors: those of
 * reading. */
TS_NODISCARD enum ts_err ts_sync_load_state(struct ts_sync_load *l,
                                            json_t **out,
                                            struct ts_error *err);

/* The words between @ in a block of schema/duckdb.sql. */
struct ts_sync_words {
    const char *table;
    const char *key;
    const char *file;
    const char *state;
    int64_t after;
    int64_t end;
    int64_t batch;
    uint64_t tag;
};

/* Begins load @batch. @reset: the copy begins anew, loads before it do not matter. */
TS_NODISCARD enum ts_err ts_sync_load_begin(
    struct ts_sync_load *l, int64_t batch, bool reset, uint64_t tag, struct ts_error *err);

/* Runs a block, or puts it into the load's script. Errors: IO, FOREIGN_FILE, NOMEM. */
TS_NODISCARD enum ts_err ts_sync_load_run(struct ts_sync_load *l,
                                          const char *block,
                                          const struct ts_sync_words *words,
                                          struct ts_error *err);

/* A file of the load that is begun: opened, written in pieces, closed; *path, for the words, is the
 * load's until the file is dropped, which leaves it where DuckDB still has to read it. */
struct ts_sync_file {
    char *path; /* NULL: not open */
    int fd;
};
TS_NODISCARD enum ts_err ts_sync_file_open(struct ts_sync_load *l,
                                           struct ts_sync_file *f,
                                           struct ts_error *err);
TS_NODISCARD enum ts_err ts_sync_file_put(struct ts_sync_file *f,
                                          const struct ts_buf *bytes,
                                          struct ts_error *err);
TS_NODISCARD enum ts_err ts_sync_file_close(struct ts_sync_file *f, struct ts_error *err);
void ts_sync_file_drop(struct ts_sync_load *l, struct ts_sync_file *f);

/* Ends the load: DuckDB has it, or the files are whole. */
TS_NODISCARD enum ts_err ts_sync_load_commit(struct ts_sync_load *l,
                                             json_t *state,
                                             struct ts_error *err);

/* Loads that wait for DuckDB. */
int ts_sync_load_waiting(const struct ts_sync_load *l);

#endif
