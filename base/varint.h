/*
 * Whole numbers in as few bytes as they need: seven bits a byte, least first, the top bit set on
 * all but the last (LEB128). And a cursor over bytes that are not to be trusted.
 */
#ifndef TS_BASE_VARINT_H
#define TS_BASE_VARINT_H

#include "base/buf.h"

/* Sums of squares need more than 64 bits. */
__extension__ typedef unsigned __int128 ts_u128;

/* What is left to read. Once anything was wrong (too short, too large), it stays wrong and reads 0:
 * a reader may take a whole record and look once. */
struct ts_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct ts_cursor ts_cursor_of(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    return (struct ts_cursor){.at = at, .end = len > 0 ? at + len : at};
}

static inline size_t ts_cursor_left(const struct ts_cursor *c)
{
    return (size_t)(c->end - c->at);
}

void ts_varint_put(struct ts_buf *b, uint64_t v);
void ts_varint_put128(struct ts_buf *b, ts_u128 v);

uint64_t ts_varint_get_long(struct ts_cursor *c);

/* Most are short. */
static inline uint64_t ts_varint_get(struct ts_cursor *c)
{
    if (!c->bad && c->at < c->end && *c->at < 0x80)
        return *c->at++;
    return ts_varint_get_long(c);
}

ts_u128 ts_varint_get128(struct ts_cursor *c);

/* A count, a sum or a time: one above INT64_MAX is bad. */
static inline int64_t ts_varint_get_i64(struct ts_cursor *c)
{
    uint64_t v = ts_varint_get(c);
    if (v <= INT64_MAX)
        return (int64_t)v;
    c->bad = true;
    return 0;
}

#endif
