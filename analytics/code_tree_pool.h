/*
 * The memory of one parse: bounded, and dropped as a whole.
 *
 * libtree-sitter trusts its texts in two ways that we cannot. It ends the process when it gets no
 * memory; and 0.20.7 counts a node's children in 16 bits, so that a node with 65536 of them (an
 * error over as many open brackets) corrupts the heap. Here a request that is too much leaves the
 * parse by longjmp() instead, and no block is large enough for so many children. What the parser
 * held is in the pool, so nothing of it has to be deleted, before or after a jump.
 */
#ifndef TS_ANALYTICS_CODE_TREE_POOL_H
#define TS_ANALYTICS_CODE_TREE_POOL_H

#include <setjmp.h>

#include "analytics/code_quality.h"

enum {
    TS_CODE_POOL_BYTES = 64 * 1024 * 1024,
    TS_CODE_POOL_BLOCK_BYTES = 65535 * 8, /* one child is a pointer */
};

struct ts_code_block;

/* Begins zeroed but for block_max. */
struct ts_code_pool {
    struct ts_code_block *blocks;
    size_t bytes;
    size_t block_max;         /* larger ones are refused */
    enum ts_code_verdict why; /* of the jump */
    jmp_buf out;              /* where a request that fails goes to; set before the first one */
};

/* From here on the parser takes what it needs from @p, on this thread, until the pool is closed.
 * One pool a thread. */
void ts_code_pool_open(struct ts_code_pool *p);

/* Frees all that was taken. */
void ts_code_pool_close(struct ts_code_pool *p);

#endif
