/*
 * The spool: a bounded file of calls that could not be committed yet.
 *
 * Records are appended and fsynced in batches, read from the front, and the file is emptied when
 * all of them are in the database. Inserting is idempotent, so a crash between the two costs
 * nothing. Each record carries a length and a checksum; what a crash tore off at the end is cut off
 * when the file is opened, and damage in the middle loses the damaged records only.
 *
 *   record = magic, payload length, CRC-32C of the payload (4 bytes each, little-endian), payload
 *
 * Room for the whole file is reserved on the disk, so that a full disk does not stop it.
 *
 * Thread: any; a lock of its own is held over the disk, so the loops never call it.
 */
#ifndef TS_DB_SPOOL_H
#define TS_DB_SPOOL_H

#include "base/buf.h"
#include "base/call.h"

struct ts_spool;

/* Opens or creates @path with mode 0600. Errors: STORAGE_UNAVAILABLE, NOMEM. */
TS_NODISCARD enum ts_err ts_spool_open(const char *path,
                                       struct ts_spool **out,
                                       struct ts_error *err);
void ts_spool_close(struct ts_spool *s);

/* Appends one encoded record (db/codec.h) to @batch. */
void ts_spool_frame(struct ts_buf *batch, const struct ts_call *call);

/**
 * ts_spool_append() - write a batch of framed records and sync it
 * @rows: how many
 *
 * All or nothing. Errors: STORAGE_UNAVAILABLE (full, or the disk's fault).
 */
TS_NODISCARD enum ts_err ts_spool_append(struct ts_spool *s,
                                         const struct ts_buf *batch,
                                         int rows,
                                         int64_t newest_id,
                                         struct ts_error *err);

/* The next calls behind *offset (0: the front), at most @max, which the caller then owns; moves
 * *offset behind them. Returns how many; 0 at the end. Damaged records are skipped and counted. */
int ts_spool_read(struct ts_spool *s, int64_t *offset, struct ts_call **out, int max);

/* Empties the file unless something was appended behind @offset. */
TS_NODISCARD enum ts_err ts_spool_clear(struct ts_spool *s,
                                        int64_t offset,
                                        bool *emptied,
                                        struct ts_error *err);

struct ts_spool_state {
    int64_t rows;
    int64_t bytes;
    int64_t damaged_bytes; /* skipped since it was opened */
    int64_t newest_id;
};
struct ts_spool_state ts_spool_state(struct ts_spool *s);

#endif
