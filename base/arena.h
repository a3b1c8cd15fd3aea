/*
 * Memory that lives as long as one request or one record: many small pieces, freed together.
 *
 * Bounded: beyond @max bytes (all pieces added up) an allocation fails like any other.
 */
#ifndef TS_BASE_ARENA_H
#define TS_BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct ts_arena_block;

struct ts_arena {
    struct ts_arena_block *head;
    size_t used;
    size_t max;
};

#define TS_ARENA_INIT(maximum) ((struct ts_arena){.max = (maximum)})

/* Zeroed, aligned for any type; NULL if there is no memory or the maximum is reached. */
void *ts_arena_alloc(struct ts_arena *a, size_t size);

/* A NUL-terminated copy; NULL for an absent slice too. */
char *ts_arena_copy(struct ts_arena *a, struct ts_slice s);
char *ts_arena_str(struct ts_arena *a, const char *s);

/* Frees everything; the arena may be used again. */
void ts_arena_free(struct ts_arena *a);

#endif
