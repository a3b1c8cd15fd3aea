/*
 * The identity of a call: when it was accepted and a running number, in one integer.
 *
 *   id = (Unix ms when accepted << 20) | sequence
 *
 * It orders calls by time, so the primary key of the store is also its time index. People and
 * programs see it as a UUID of version 8 (RFC 9562):
 *
 *   tttttttt-tttt-8sss-vSSx-xxxxxxxxxxxx     t: 48 bits of ms; s, S: 20 bits of sequence;
 *                                            x: 54 random bits, the same for all ids of a store
 */
#ifndef TS_BASE_ID_H
#define TS_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_ID_SEQ_BITS = 20, TS_ID_TEXT_SIZE = 37 };

/* A source of ids, shared by all loops. Thread: any. */
struct ts_id_source {
    _Atomic int64_t last;
};

/* The next id: max(last + 1, now << 20). Strictly rising, also when the clock steps back. */
int64_t ts_id_next(struct ts_id_source *s, int64_t now_ms);

/* No id at or below @floor is handed out from now on (the newest id in the store). */
void ts_id_raise(struct ts_id_source *s, int64_t floor);

/* When the call was accepted, in Unix ms. */
static inline int64_t ts_id_ms(int64_t id)
{
    return id >> TS_ID_SEQ_BITS;
}

/* The smallest id of a millisecond. */
static inline int64_t ts_id_from_ms(int64_t unix_ms)
{
    return (int64_t)((uint64_t)unix_ms << TS_ID_SEQ_BITS);
}

/* Writes the public form. @tag: the store's 54 random bits. Returns @out. */
char *ts_id_format(int64_t id, uint64_t tag, char out[static TS_ID_TEXT_SIZE]);

/* Reads the public form, in either case; the tag is given back, not judged. */
bool ts_id_parse(const char *text, size_t len, int64_t *id, uint64_t *tag);

#endif
