#include "base/varint.h"

enum { BITS = 7, MORE = 0x80, BYTES_MAX = 19 };

void ts_varint_put128(struct ts_buf *b, ts_u128 v)
{
    uint8_t bytes[BYTES_MAX];
    size_t n = 0;
    for (; v >= MORE; v >>= BITS)
        bytes[n++] = (uint8_t)(MORE | (v & (MORE - 1)));
    bytes[n++] = (uint8_t)v;
    ts_buf_put(b, bytes, n);
}

void ts_varint_put(struct ts_buf *b, uint64_t v)
{
    uint8_t bytes[BYTES_MAX];
    size_t n = 0;
    for (; v >= MORE; v >>= BITS)
        bytes[n++] = (uint8_t)(MORE | (v & (MORE - 1)));
    bytes[n++] = (uint8_t)v;
    ts_buf_put(b, bytes, n);
}

ts_u128 ts_varint_get128(struct ts_cursor *c)
{
    ts_u128 v = 0;
    for (unsigned shift = 0; shift < BYTES_MAX * BITS; shift += BITS) {
        if (c->bad || c->at == c->end)
            break;
        uint8_t byte = *c->at++;
        ts_u128 bits = byte & (MORE - 1);
        if (bits << shift >> shift != bits)
            break; /* beyond 128 bits */
        v |= bits << shift;
        if (!(byte & MORE))
            return v;
    }
    c->bad = true;
    return 0;
}

uint64_t ts_varint_get_long(struct ts_cursor *c)
{
    uint64_t v = 0;
    unsigned shift = 0;
    const uint8_t *at = c->at;
    for (; !c->bad && at < c->end && shift < 64; shift += BITS) {
        uint64_t byte = *at++;
        v |= (byte & (MORE - 1)) << shift;
        if (byte & MORE)
            continue;
        if (shift == 63 && byte > 1)
            break; /* beyond 64 bits */
        c->at = at;
        return v;
    }
    c->bad = true;
    return 0;
}
