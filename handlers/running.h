/*
 * The generations that run now, on all loops: who rates or cancels a call asks here.
 *
 * Thread: any; one lock, a leaf, over no I/O.
 */
#ifndef TS_HANDLERS_RUNNING_H
#define TS_HANDLERS_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/poller.h"

/* An entry, embedded in what it stands for; it is in the set between add and remove, which both
 * happen on its home loop: there an entry that was found stays as long as the callback runs. */
struct ts_running_call {
    int64_t id;
    struct ts_poller *home;
    void (*abort)(struct ts_running_call *c); /* ends the call; on its home loop */
    struct ts_running_call *next;
};

struct ts_running;

TS_NODISCARD enum ts_err ts_running_new(struct ts_running **out);
void ts_running_free(struct ts_running *r);

void ts_running_add(struct ts_running *r, struct ts_running_call *c);
void ts_running_remove(struct ts_running *r, struct ts_running_call *c);
bool ts_running_has(struct ts_running *r, int64_t id);

/*
 * Ending a call from any loop: a message to the call's home and one back. Set id, home and
 * back.fn; it belongs to the messages until back.fn runs on @home.
 */
struct ts_running_abort {
    int64_t id;
    struct ts_poller *home; /* the asker's */
    struct ts_post back;
    bool found; /* it was running and is told to end */
    struct ts_running *set;
    struct ts_post there;
};
void ts_running_abort(struct ts_running *r, struct ts_running_abort *a);

#endif
