/*
 * The wrapped allocators. One counter of live blocks, one of calls, and a set of the call stacks
 * seen; a mutex around them, since tests may run threads.
 */
#include "malloc_fail.h"

#include <execinfo.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void __real_free(void *p);

enum { STACK_DEPTH = 12, MAX_STACKS = 4096, NEVER = -1 };

static struct {
    pthread_mutex_t lock;
    /* for malloc_torture() */
    long countdown; /* allocations until one fails; NEVER */
    bool failed;
    long live;
    /* for the sweep */
    long fail_stack; /* the number of the call stack to fail; NEVER */
    bool and_after;
    long stacks;
    uint64_t seen[MAX_STACKS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .countdown = NEVER, .fail_stack = NEVER};

/* FNV-1a over the return addresses. Addresses change from run to run, the order in which stacks are
 * first seen does not. */
static uint64_t stack_hash(void)
{
    void *frames[STACK_DEPTH];
    int n = backtrace(frames, STACK_DEPTH);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < n; i++) {
        hash ^= (uint64_t)(uintptr_t)frames[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash == 0 ? 1 : hash;
}

/* True if the stack was not seen before. */
static bool stack_is_new(uint64_t hash)
{
    for (size_t probe = 0; probe < MAX_STACKS; probe++) {
        uint64_t *slot = &state.seen[(hash + probe) % MAX_STACKS];
        if (*slot == hash)
            return false;
        if (*slot == 0) {
            *slot = hash;
            state.stacks++;
            return true;
        }
    }
    return false;
}

static bool sweep_fails(void)
{
    bool fresh = stack_is_new(stack_hash());
    if (state.fail_stack == NEVER)
        return false;
    if (fresh && state.stacks == state.fail_stack)
        return true;
    return state.and_after && state.stacks > state.fail_stack;
}

static bool must_fail(void)
{
    pthread_mutex_lock(&state.lock);
    bool fails = sweep_fails();
    if (state.countdown != NEVER && state.countdown-- == 0) {
        state.countdown = NEVER;
        state.failed = fails = true;
    }
    pthread_mutex_unlock(&state.lock);
    return fails;
}

static void *count_live(void *p)
{
    if (p != NULL) {
        pthread_mutex_lock(&state.lock);
        state.live++;
        pthread_mutex_unlock(&state.lock);
    }
    return p;
}

void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    return must_fail() ? NULL : count_live(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : count_live(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
    if (must_fail())
        return NULL;
    void *fresh = __real_realloc(p, n);
    return p == NULL ? count_live(fresh) : fresh;
}

void *__wrap_aligned_alloc(size_t alignment, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return must_fail() ? NULL : count_live(__real_aligned_alloc(alignment, n));
}

char *__wrap_strndup(const char *s, size_t max);
char *__wrap_strndup(const char *s, size_t max)
{
    size_t n = strnlen(s, max);
    char *copy = must_fail() ? NULL : count_live(__real_malloc(n + 1));
    if (copy != NULL) {
        memcpy(copy, s, n);
        copy[n] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
    return __wrap_strndup(s, strlen(s));
}

void __wrap_free(void *p);
void __wrap_free(void *p)
{
    if (p != NULL) {
        pthread_mutex_lock(&state.lock);
        state.live--;
        pthread_mutex_unlock(&state.lock);
    }
    __real_free(p);
}

void malloc_torture(enum ts_err (*fn)(void *ctx), void *ctx)
{
    for (long n = 0;; n++) {
        long live = state.live;
        state.failed = false;
        state.countdown = n;
        enum ts_err err = fn(ctx);
        state.countdown = NEVER;
        if (state.live != live)
            fail_msg("allocation %ld failing: %ld blocks are left", n, state.live - live);
        if (!state.failed) {
            assert_int_equal(err, TS_OK);
            return;
        }
        if (err != TS_OK && err != TS_ERR_NOMEM)
            fail_msg("allocation %ld failing: error %s", n, ts_err_name(err));
    }
}

__attribute__((constructor)) static void start(void)
{
    void *warm_up[1];
    backtrace(warm_up, 1); /* loads its library now and not inside an allocation */
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    const char *plan = getenv("TS_MALLOC_FAIL");
    if (plan != NULL) {
        char *end = NULL;
        state.fail_stack = strtol(plan, &end, 10);
        state.and_after = *end == '+';
    }
}

__attribute__((destructor)) static void finish(void)
{
    const char *path = getenv("TS_MALLOC_COUNT");
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        dprintf(fd, "%ld\n", state.stacks);
        close(fd);
    }
}
