#include "base/latch.h"

#include <errno.h>
#include <time.h>

#include "base/thread.h"

void ts_latch_init(struct ts_latch *l)
{
    pthread_condattr_t attr;
    *l = (struct ts_latch){.is_open = false};
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->opened, &attr);
    (void)pthread_condattr_destroy(&attr);
}

void ts_latch_deinit(struct ts_latch *l)
{
    (void)pthread_cond_destroy(&l->opened);
    (void)pthread_mutex_destroy(&l->lock);
}

void ts_latch_open(struct ts_latch *l)
{
    TS_GUARD(&l->lock);
    l->is_open = true;
    (void)pthread_cond_signal(&l->opened); /* under the lock: the waiter may free it after that */
}

void ts_latch_wait(struct ts_latch *l)
{
    TS_GUARD(&l->lock);
    while (!l->is_open)
        (void)pthread_cond_wait(&l->opened, &l->lock);
}

bool ts_latch_wait_for(struct ts_latch *l, int64_t us)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + us % 1000000 * 1000;
    until.tv_sec += us / 1000000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    TS_GUARD(&l->lock);
    while (!l->is_open && pthread_cond_timedwait(&l->opened, &l->lock, &until) != ETIMEDOUT)
        continue;
    return l->is_open;
}
