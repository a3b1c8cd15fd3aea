/*
 * Sleeping that can be called off: threads that act on a schedule rest here, and all wake for good
 * when it is over.
 *
 * Thread: any.
 */
#ifndef TS_SERVER_DEMO_PAUSE_H
#define TS_SERVER_DEMO_PAUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ts_demo_pause {
    pthread_mutex_t lock;
    pthread_cond_t over_changed;
    bool over; /* under lock */
};

void ts_demo_pause_init(struct ts_demo_pause *p);

/* Nobody may rest any more. */
void ts_demo_pause_deinit(struct ts_demo_pause *p);

/* Sleeps until @due_us (ts_now_us()); false, at once, when it is over. */
bool ts_demo_pause_until(struct ts_demo_pause *p, int64_t due_us);

void ts_demo_pause_end(struct ts_demo_pause *p);

#endif
