/*
 * Allocation failures on demand, for unit tests.
 *
 * Every unit test is linked with malloc, calloc, realloc, strdup, strndup and aligned_alloc of our
 * own objects (and with jansson's allocator) going through here; memory that other libraries take
 * for themselves is left alone.
 *
 * Two ways to use it. In a test, for one function at a time:
 *
 *     static enum ts_err build(void *ctx) { ... free what was made; return what came back ... }
 *     malloc_torture(build, &input);
 *
 * From outside, for a whole test program: TS_MALLOC_FAIL=K lets the first allocation of the K-th
 * distinct call stack fail, TS_MALLOC_FAIL=K+ that one and all after it. tests/unit/malloc_sweep.py
 * does so for every K. TS_MALLOC_COUNT=FILE writes how many distinct call stacks there were.
 */
#ifndef TS_TESTS_UNIT_MALLOC_FAIL_H
#define TS_TESTS_UNIT_MALLOC_FAIL_H

#include "base/err.h"

/**
 * malloc_torture() - run @fn with its first allocation failing, then the second, and so on
 * @fn:  does one thing and frees what it made, however it ends
 * @ctx: handed to @fn
 *
 * Ends when a run needed no further allocation. Fails the running cmocka test unless every run with
 * a failure returned TS_OK or TS_ERR_NOMEM, the last one TS_OK, and each left as many allocations
 * alive as it found.
 */
void malloc_torture(enum ts_err (*fn)(void *ctx), void *ctx);

#endif
