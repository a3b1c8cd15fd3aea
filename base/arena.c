#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 256 - 48 }; /* of a call or a request, most use less */

struct ts_arena_block {
    struct ts_arena_block *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) char bytes[];
};

static struct ts_arena_block *add_block(struct ts_arena *a, size_t size)
{
    size_t cap = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct ts_arena_block *b = calloc(1, sizeof(*b) + cap);
    if (b == NULL)
        return NULL;
    b->cap = cap;
    b->next = a->head;
    a->head = b;
    return b;
}

void *ts_arena_alloc(struct ts_arena *a, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > a->max || a->used > a->max - size)
        return NULL;
    size = (size + align - 1) / align * align;
    struct ts_arena_block *b = a->head;
    if (b == NULL || b->cap - b->used < size)
        b = add_block(a, size);
    if (b == NULL)
        return NULL;
    void *p = b->bytes + b->used;
    b->used += size;
    a->used += size;
    return p;
}

char *ts_arena_copy(struct ts_arena *a, struct ts_slice s)
{
    if (s.at == NULL)
        return NULL;
    char *copy = ts_arena_alloc(a, s.len + 1);
    if (copy != NULL)
        memcpy(copy, s.at, s.len); /* the NUL is there: zeroed */
    return copy;
}

char *ts_arena_str(struct ts_arena *a, const char *s)
{
    return ts_arena_copy(a, ts_slice_str(s));
}

void ts_arena_free(struct ts_arena *a)
{
    while (a->head != NULL) {
        struct ts_arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->used = 0;
}
