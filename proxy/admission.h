/*
 * Going to a model server: whether a call may, when, and what it tells afterwards.
 *
 * For each server the registry keeps a breaker (is it well?), a budget (may a call ask it again?)
 * and places (has it room?), shared by all loops. An admission is one call's stay at one server:
 *
 *   AWAY --enter--> INSIDE --leave--> AWAY
 *    |                 ^
 *    |--enter, full--> QUEUED --a place became free--> (message to the home loop) --> INSIDE
 *                        |__leave: the place in the queue is free at once__> AWAY
 *
 * Thread: an admission belongs to its home loop. The registry's lock is held for a few
 * instructions, never over a message or any I/O.
 */
#ifndef TS_PROXY_ADMISSION_H
#define TS_PROXY_ADMISSION_H

#include "base/poller.h"
#include "proxy/breaker.h"
#include "proxy/places.h"
#include "proxy/registry.h"

enum ts_admission_state { TS_ADMISSION_AWAY, TS_ADMISSION_INSIDE, TS_ADMISSION_QUEUED };

/* Embedded in a call. Set registry, home, called and waiter.who before the first use. */
struct ts_admission {
    struct ts_registry *registry;
    struct ts_poller *home;
    /* On the home loop: a place was found (@state INSIDE), or the message about one that was given
     * up meanwhile has come back (AWAY): only then the memory may go. */
    void (*called)(struct ts_admission *a);
    struct ts_waiter waiter;

    enum ts_admission_state state; /* under the lock while a message is on its way */
    int provider;
    bool forced;
    bool probe;
    bool message_out; /* `called` will still come; under the lock */
    int64_t entered_us;
    struct ts_post post;
};

enum ts_entry {
    TS_ENTRY_INSIDE,
    TS_ENTRY_QUEUED,
    TS_ENTRY_FULL,  /* no place, and none in the queue (or it was not to wait) */
    TS_ENTRY_OPEN,  /* its breaker is open */
    TS_ENTRY_LATER, /* it asked for no calls before a time */
};

enum ts_entry_how {
    TS_ENTER_FREE,   /* only where there is room now */
    TS_ENTER_WAIT,   /* or a place in the queue */
    TS_ENTER_FORCED, /* whatever the breaker says: there is no other server */
};

/**
 * ts_admission_enter() - go to a server
 * @a: AWAY, without a message on its way
 * On QUEUED, called() follows when there is a place.
 */
enum ts_entry ts_admission_enter(struct ts_admission *a,
                                 int provider,
                                 enum ts_entry_how how,
                                 int64_t now_us);

/* After called(): whether the breaker still lets it go there. If not, the call leaves. */
bool ts_admission_confirm(struct ts_admission *a, int64_t now_us);

/* Comes back from there, or gives up waiting; nothing if it is AWAY.
 * Return: what this changed about the server's breaker. */
enum ts_breaker_change ts_admission_leave(struct ts_admission *a,
                                          enum ts_sign sign,
                                          int64_t now_us);

/* The server is well: told when content arrives, long before the call leaves. */
enum ts_breaker_change ts_admission_well(struct ts_admission *a, int64_t now_us);

/* Whether called() will still come: then the memory may not go. */
bool ts_admission_is_called(struct ts_admission *a);

/* -- what is known of a server's door --------------------------------------------------------- */

/* A call that the server has failed may ask it again: then that is counted. */
TS_NODISCARD bool ts_admission_may_retry(struct ts_registry *r, int provider, int64_t now_us);

/* It told us to come back then. */
void ts_admission_not_before(struct ts_registry *r, int provider, int64_t until_us);

/* When it can be tried again, at the latest known: 0: now. */
struct ts_door {
    enum ts_breaker_state breaker;
    int64_t open_until_us; /* OPEN only */
    int64_t not_before_us;
    int64_t failed_us; /* when the breaker opened; 0: it is closed */
    int64_t expect_us; /* how long a newcomer would wait for a place */
    int waiting;
};
struct ts_door ts_admission_door(struct ts_registry *r, int provider);

#endif
