#include "server/demo_pause.h"

#include <errno.h>
#include <time.h>

#include "base/thread.h"

void ts_demo_pause_init(struct ts_demo_pause *p)
{
    *p = (struct ts_demo_pause){.over = false};
    (void)pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* as ts_now_us() */
    (void)pthread_cond_init(&p->over_changed, &attr);
    (void)pthread_condattr_destroy(&attr);
}

void ts_demo_pause_deinit(struct ts_demo_pause *p)
{
    (void)pthread_cond_destroy(&p->over_changed);
    (void)pthread_mutex_destroy(&p->lock);
}

bool ts_demo_pause_until(struct ts_demo_pause *p, int64_t due_us)
{
    struct timespec due = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000};
    TS_GUARD(&p->lock);
    int waited = 0;
    while (!p->over && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&p->over_changed, &p->lock, &due);
    return !p->over;
}

void ts_demo_pause_end(struct ts_demo_pause *p)
{
    TS_GUARD(&p->lock);
    p->over = true;
    (void)pthread_cond_broadcast(&p->over_changed);
}
