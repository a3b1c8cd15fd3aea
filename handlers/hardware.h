/*
 * What the machine is doing while calls run: a thread of its own looks every ten seconds, keeps the
 * last look and gives it to the store. While nothing runs it looks at nothing.
 *
 * Looked at are the machine, its GPUs, and the local servers whose addresses are this machine's
 * own and whose processes we may see.
 */
#ifndef TS_HANDLERS_HARDWARE_H
#define TS_HANDLERS_HARDWARE_H

#include <stdatomic.h>

#include "base/hardware.h"
#include "db/sample.h"
#include "db/store.h"
#include "proxy/registry.h"

enum { TS_HARDWARE_EVERY_MS = 10000 };

struct ts_hardware;

struct ts_hardware_options {
    struct ts_registry *registry;
    struct ts_store *store;       /* NULL: nothing is stored */
    const _Atomic int *in_flight; /* calls that run */
    const char *gpu_library;      /* NULL: the usual one */
    int every_ms;                 /* 0: TS_HARDWARE_EVERY_MS */
};

/* Starts the thread. Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_hardware_start(const struct ts_hardware_options *o,
                                           struct ts_hardware **out,
                                           struct ts_error *err);

/* Joins it. Before the store is closed. */
void ts_hardware_stop(struct ts_hardware *h);

/* The last look; at_ms is 0 before the first. Thread: any. */
struct ts_hardware_look {
    int64_t at_ms;
    struct ts_machine machine;
    struct ts_gpu_use gpu;
    struct ts_process_use process; /* of the provider's server */
};
struct ts_hardware_look ts_hardware_last(struct ts_hardware *h, int provider);

#endif
