#include "base/id.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

static const uint64_t tag_mask = (UINT64_C(1) << 54) - 1;

int64_t ts_id_next(struct ts_id_source *s, int64_t now_ms)
{
    int64_t last = atomic_load_explicit(&s->last, memory_order_relaxed);
    int64_t next = 0;
    do {
        next = ts_id_from_ms(now_ms);
        next = next > last ? next : last + 1;
    } while (!atomic_compare_exchange_weak_explicit(
        &s->last, &last, next, memory_order_relaxed, memory_order_relaxed));
    return next;
}

void ts_id_raise(struct ts_id_source *s, int64_t floor)
{
    int64_t last = atomic_load_explicit(&s->last, memory_order_relaxed);
    while (last < floor && !atomic_compare_exchange_weak_explicit(
                               &s->last, &last, floor, memory_order_relaxed, memory_order_relaxed))
        continue;
}

char *ts_id_format(int64_t id, uint64_t tag, char out[static TS_ID_TEXT_SIZE])
{
    uint64_t u = (uint64_t)id;
    uint64_t ms = u >> TS_ID_SEQ_BITS;
    uint64_t seq = u & ((UINT64_C(1) << TS_ID_SEQ_BITS) - 1);
    /* the variant's two bits (10), the sequence's last eight, the tag */
    uint64_t low = UINT64_C(2) << 62 | (seq & 0xff) << 54 | (tag & tag_mask);
    (void)snprintf(out,
                   TS_ID_TEXT_SIZE,
                   "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   ms >> 16 & 0xffffffff,
                   ms & 0xffff,
                   seq >> 8,
                   low >> 48,
                   low & ((UINT64_C(1) << 48) - 1));
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool ts_id_parse(const char *text, size_t len, int64_t *id, uint64_t *tag)
{
    if (len != TS_ID_TEXT_SIZE - 1)
        return false;
    uint64_t half[2] = {0, 0};
    unsigned digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-')
                return false;
            continue;
        }
        int digit = hex_digit(text[i]);
        if (digit < 0)
            return false;
        half[digits / 16] = half[digits / 16] << 4 | (uint64_t)digit;
        digits++;
    }
    if ((half[0] >> 12 & 0xf) != 8 || half[1] >> 62 != 2)
        return false;
    uint64_t seq = (half[0] & 0xfff) << 8 | (half[1] >> 54 & 0xff);
    *id = (int64_t)(half[0] >> 16 << TS_ID_SEQ_BITS | seq);
    *tag = half[1] & tag_mask;
    return true;
}
