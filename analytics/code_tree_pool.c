#include "analytics/code_tree_pool.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

struct ts_code_block {
    struct ts_code_block *next;
    struct ts_code_block *before;
    size_t len;
    max_align_t data[];
};

/* The library's hooks carry no argument: this is how they find their parse. */
static _Thread_local struct ts_code_pool *current; /* allowed: see above */
static pthread_once_t hooked = PTHREAD_ONCE_INIT;

static TS_NORETURN void jump(struct ts_code_pool *p, enum ts_code_verdict why)
{
    p->why = why;
    longjmp(p->out, 1);
}

static struct ts_code_block *block_of(void *data)
{
    return (struct ts_code_block *)(void *)((char *)data - offsetof(struct ts_code_block, data));
}

static void link_block(struct ts_code_pool *p, struct ts_code_block *b)
{
    b->before = NULL;
    b->next = p->blocks;
    if (b->next != NULL)
        b->next->before = b;
    p->blocks = b;
    p->bytes += b->len;
}

static void unlink_block(struct ts_code_pool *p, struct ts_code_block *b)
{
    if (b->before != NULL)
        b->before->next = b->next;
    else
        p->blocks = b->next;
    if (b->next != NULL)
        b->next->before = b->before;
    p->bytes -= b->len;
}

static void *take(size_t len)
{
    struct ts_code_pool *p = current;
    assert(p != NULL);
    if (len > p->block_max || len > TS_CODE_POOL_BYTES - p->bytes)
        jump(p, TS_CODE_TOO_COSTLY);
    struct ts_code_block *b = malloc(sizeof(*b) + len);
    if (b == NULL)
        jump(p, TS_CODE_NO_MEMORY);
    b->len = len;
    link_block(p, b);
    return b->data;
}

static void *take_zeroed(size_t count, size_t size)
{
    size_t len = 0;
    if (__builtin_mul_overflow(count, size, &len))
        len = SIZE_MAX;
    return memset(take(len), 0, len);
}

static void give_back(void *data)
{
    if (data == NULL)
        return;
    unlink_block(current, block_of(data));
    free(block_of(data));
}

static void *take_again(void *data, size_t len)
{
    void *moved = take(len);
    if (data != NULL) {
        size_t kept = block_of(data)->len < len ? block_of(data)->len : len;
        memcpy(moved, data, kept);
    }
    give_back(data);
    return moved;
}

static void hook(void)
{
    ts_set_allocator(take, take_zeroed, take_again, give_back);
}

void ts_code_pool_open(struct ts_code_pool *p)
{
    assert(current == NULL);
    (void)pthread_once(&hooked, hook);
    current = p;
}

void ts_code_pool_close(struct ts_code_pool *p)
{
    while (p->blocks != NULL) {
        struct ts_code_block *next = p->blocks->next;
        free(p->blocks);
        p->blocks = next;
    }
    p->bytes = 0;
    current = NULL;
}
