/*
 * A latch: one thread waits until another says that something is over. It opens once.
 *
 * It may lie on the waiting thread's stack: the opener does not touch it after ts_latch_open().
 * Thread: any.
 */
#ifndef TS_BASE_LATCH_H
#define TS_BASE_LATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ts_latch {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
};

void ts_latch_init(struct ts_latch *l);
void ts_latch_deinit(struct ts_latch *l);

void ts_latch_open(struct ts_latch *l);
void ts_latch_wait(struct ts_latch *l);

/* Waits at most @us; whether it is open. */
bool ts_latch_wait_for(struct ts_latch *l, int64_t us);

#endif
