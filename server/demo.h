/*
 * `touchstone demo`: everything that is made up, under one handle.
 *
 * A folder of its own for the database, simulated model servers on loopback ports, a past, and
 * traffic. What it needs of the real server is passed in; nothing of it is left when it is freed.
 *
 *   ts_demo_new -> ts_demo_register (registry) -> ts_demo_fill (open store)
 *               -> ts_demo_start_traffic (listening) -> ts_demo_stop -> ts_demo_free (all closed)
 *
 * Thread: the main thread's.
 */
#ifndef TS_SERVER_DEMO_H
#define TS_SERVER_DEMO_H

#include "db/store.h"
#include "proxy/registry.h"
#include "server/listen.h"

enum { TS_DEMO_MAX_DAYS = 365 };

struct ts_demo_options {
    uint64_t seed;
    int days; /* of history; 0: none */
    bool traffic;
};

#define TS_DEMO_OPTIONS_INIT ((struct ts_demo_options){.seed = 1, .days = 30, .traffic = true})

struct ts_demo;

/* Makes the folder; starts no thread. Errors: IO, NOMEM. */
TS_NODISCARD enum ts_err ts_demo_new(const struct ts_demo_options *o,
                                     struct ts_demo **out,
                                     struct ts_error *err);

/* Where the database goes: a file that does not exist yet. */
const char *ts_demo_db_path(const struct ts_demo *d);

/* Starts the model servers and adds them. Errors: IO, those of ts_registry_add(). */
TS_NODISCARD enum ts_err ts_demo_register(struct ts_demo *d,
                                          struct ts_registry *r,
                                          struct ts_error *err);

/* The past, as of now; returns when it is committed. Errors: those of the store, NOMEM. */
TS_NODISCARD enum ts_err ts_demo_fill(struct ts_demo *d, struct ts_store *s, struct ts_error *err);

/* Traffic, unless the options say none. @at: where touchstone listens. Errors: IO, NOMEM. */
TS_NODISCARD enum ts_err ts_demo_start_traffic(struct ts_demo *d,
                                               const struct ts_address *at,
                                               const char *base_path,
                                               struct ts_error *err);

/* First thing at shutdown: no more requests, no more answers. Idempotent. */
void ts_demo_stop(struct ts_demo *d);

/* Stops and removes the folder with all that is in it. */
void ts_demo_free(struct ts_demo *d);
TS_DEFINE_AUTO(ts_demo_auto, struct ts_demo, ts_demo_free)

#endif
