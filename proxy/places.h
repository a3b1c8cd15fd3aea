/*
 * The places of one model server: how many calls it works on at once, and who is next.
 *
 * Beyond the limit calls wait, in the order of a fair queue: those who ask take turns, one call
 * each, however many one of them has sent; the calls of one asker stay in order. The queue is
 * bounded by the number of places. A place that becomes free belongs to the next waiter in the same
 * moment, so that nobody who comes later can take it.
 *
 * Pure state; waiters are embedded in what waits. Thread: the owner's lock.
 */
#ifndef TS_PROXY_PLACES_H
#define TS_PROXY_PLACES_H

#include <stdbool.h>
#include <stdint.h>

/* How many may wait for each place there is. */
enum { TS_WAITERS_PER_PLACE = 16 };

struct ts_waiter {
    uint64_t who;  /* who asks: calls of one asker share a turn. 0: nobody in particular */
    uint64_t turn; /* the queue is in this order */
    bool waits;
    struct ts_waiter *next;
    struct ts_waiter *prev;
};

struct ts_places {
    int limit; /* 0: none */
    int taken;
    int waiting;
    int64_t held_us; /* how long a place is held, smoothed; 0: not known yet */
    uint64_t turn;   /* of the waiter that was served last */
    struct ts_waiter *first;
    struct ts_waiter *last;
};

bool ts_places_has_room(const struct ts_places *p);

/* Takes a place, whether there is room or not: for those that have none to go to. */
void ts_places_take(struct ts_places *p);

/* Queues @w (its `who` set). Return: false where the queue is full. */
bool ts_places_wait(struct ts_places *p, struct ts_waiter *w);

/* Leaves the queue. */
void ts_places_forget(struct ts_places *p, struct ts_waiter *w);

/* A place that was held for so long becomes free. Return: the waiter that has it now, or NULL. */
struct ts_waiter *ts_places_leave(struct ts_places *p, int64_t held_us);

/* How long somebody would wait who queued up last; 0 while nothing is known. */
int64_t ts_places_expect_us(const struct ts_places *p);

#endif
