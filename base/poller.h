/*
 * One thread's event loop: descriptors, timers, a mailbox, and end-of-turn frees.
 *
 * The only place that knows epoll. libmicrohttpd's side (server/) and libcurl's side (proxy/) both
 * register here and never see each other's library. Watches, timers, posts and deferred frees are
 * embedded in the structures they serve, so nothing here allocates per event.
 *
 * A callback may remove any watch or clear any timer, also those of the running turn: events of a
 * removed watch that were already fetched are skipped. It must not free memory that the running
 * turn may still name; it hands that to ts_poller_defer().
 *
 * Thread: the owner's, except ts_poller_post().
 */
#ifndef TS_BASE_POLLER_H
#define TS_BASE_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct ts_poller;

/* What a watch waits for and what it is told; values combine. */
enum ts_poll_events {
    TS_POLL_IN = 1,
    TS_POLL_OUT = 2,
    TS_POLL_GONE = 4,  /* the peer closed its side, or the descriptor failed; always reported */
    TS_POLL_EDGE = 16, /* registration only: report changes, not levels */
};

struct ts_watch {
    void (*fn)(struct ts_watch *w, unsigned events);
    int fd; /* -1 while not registered */
};

struct ts_timer {
    void (*fn)(struct ts_timer *t);
    int64_t due_us;
    uint32_t slot; /* position in the heap + 1; 0 while not set */
};

/* A message to another thread's loop; @fn runs on the loop's thread. In flight between post and fn:
 * it belongs to the mailbox and must not be freed or posted again. */
struct ts_post {
    void (*fn)(struct ts_post *p);
    struct ts_post *next;
};

struct ts_deferred {
    void (*fn)(struct ts_deferred *d); /* frees the structure around @d */
    struct ts_deferred *next;
};

TS_NODISCARD enum ts_err ts_poller_new(struct ts_poller **out, struct ts_error *err);

/* Runs what was posted and deferred, then frees. No watch or timer may be left that fires. */
void ts_poller_free(struct ts_poller *p);

/* Registers w->fd (set by the caller, together with w->fn). Errors: IO, NOMEM. */
TS_NODISCARD enum ts_err ts_poller_watch(struct ts_poller *p,
                                         struct ts_watch *w,
                                         int fd,
                                         unsigned events);
void ts_poller_rewatch(struct ts_poller *p, struct ts_watch *w, unsigned events);

/* Idempotent. Call it before the descriptor is closed. */
void ts_poller_unwatch(struct ts_poller *p, struct ts_watch *w);

/* Sets or moves a timer to @due_us (ts_now_us()). A timer is cleared before its fn runs.
 * Errors: NOMEM, only when the timer was not set before. */
TS_NODISCARD enum ts_err ts_timer_set(struct ts_poller *p, struct ts_timer *t, int64_t due_us);
void ts_timer_clear(struct ts_poller *p, struct ts_timer *t);

static inline bool ts_timer_is_set(const struct ts_timer *t)
{
    return t->slot != 0;
}

/* Thread: any. Wakes the loop. Takes @post until its fn runs. Order is kept per sender. */
void ts_poller_post(struct ts_poller *p, struct ts_post *post);

/* Runs d->fn when the current turn (or, outside a turn, the next) has ended. */
void ts_poller_defer(struct ts_poller *p, struct ts_deferred *d);

/**
 * ts_poller_turn() - wait for events and dispatch them
 * @max_wait_us: upper bound on the wait; 0 polls, -1 waits for the next timer or event
 *
 * Order: descriptors, mailbox, due timers. Deferred frees run in ts_poller_reap(), which the owner
 * calls when it too is done with the turn.
 * Return: false if the wait ended without any event or due timer.
 */
bool ts_poller_turn(struct ts_poller *p, int64_t max_wait_us);
void ts_poller_reap(struct ts_poller *p);

/* Monotonic time as of the end of this turn's wait; refreshed by ts_poller_turn(). Good for
 * deadlines; phases are stamped with ts_now_us(). */
int64_t ts_poller_now(const struct ts_poller *p);

#endif
