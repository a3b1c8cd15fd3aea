/*
 * The generations that run now, on all loops: who rates or cancels a call asks here.
 *
 * Thread: any; one lock, a leaf, over no I/O.
 */
#ifndef TS_HANDLERS_RUNNING_H
#define TS_HANDLERS_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* An entry, embedded in what it stands for; it is in the set between add and remove. */
struct ts_running_call {
    int64_t id;
    struct ts_running_call *next;
};

struct ts_running;

TS_NODISCARD enum ts_err ts_running_new(struct ts_running **out);
void ts_running_free(struct ts_running *r);

void ts_running_add(struct ts_running *r, struct ts_running_call *c);
void ts_running_remove(struct ts_running *r, struct ts_running_call *c);
bool ts_running_has(struct ts_running *r, int64_t id);

#endif
