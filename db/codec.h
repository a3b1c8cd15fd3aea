/*
 * A call as bytes, for the spool.
 *
 * One table lists the members of struct ts_call and of struct ts_attempt; encoder and decoder walk
 * it. New members go to its end: a record written by an older version has fewer of them, and the
 * rest stays unknown.
 *
 * Thread: any.
 */
#ifndef TS_DB_CODEC_H
#define TS_DB_CODEC_H

#include "base/buf.h"
#include "base/call.h"

/* Appends; check ts_buf_ok(). */
void ts_codec_encode(const struct ts_call *call, struct ts_buf *out);

/* Errors: IO (not such bytes), NOMEM. */
TS_NODISCARD enum ts_err ts_codec_decode(const char *bytes, size_t len, struct ts_call **out);

#endif
