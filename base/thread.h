/* Scope-bound locking: TS_GUARD(&m) holds the mutex until the end of the block. */
#ifndef TS_BASE_THREAD_H
#define TS_BASE_THREAD_H

#include <pthread.h>

#include "base/attr.h"

static inline pthread_mutex_t *ts_guard_lock(pthread_mutex_t *m)
{
    (void)pthread_mutex_lock(m);
    return m;
}

static inline void ts_guard_unlock(pthread_mutex_t **m)
{
    (void)pthread_mutex_unlock(*m);
}

#define TS_GUARD(m) TS_AUTO(ts_guard_unlock) TS_UNUSED pthread_mutex_t *guard_ = ts_guard_lock(m)

#endif
