/*
 * One event loop: a thread that owns a poller, a libmicrohttpd daemon, an upstream and all requests
 * that came in through its listeners.
 *
 * The daemon runs on external polling: its epoll descriptor is one watch among others. Connections
 * are accepted here and handed to it, so that several addresses, the reserve of descriptors and
 * draining are ours.
 *
 * One turn: dispatch events (upstream bytes land in sinks), flush the sinks that got something, run
 * the daemon until it has nothing to do, free what ended.
 */
#ifndef TS_SERVER_LOOP_H
#define TS_SERVER_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/poller.h"
#include "handlers/services.h"
#include "proxy/relay.h"
#include "server/connection.h"
#include "server/fixed.h"
#include "server/guard.h"
#include "server/listen.h"
#include "server/peer.h"

struct MHD_Daemon;
struct ts_request;
struct ts_sink;

struct ts_listener {
    struct ts_watch watch; /* fd -1: closed */
    struct ts_loop *loop;
};

/* What all loops share. Const after start but for the atomics; outlives the loops. */
struct ts_shared {
    const struct ts_services *services;
    struct ts_guard_policy guard;
    struct ts_network_list trusted_proxies;
    const char *base_path;
    bool library_streams; /* hidden setting: every stream goes through libmicrohttpd */
    int connection_limit;
    _Atomic bool draining;
    _Atomic int64_t body_bytes; /* of all bodies held */
};

struct ts_loop {
    struct ts_shared *shared;
    struct ts_poller *poller;
    struct ts_upstream *upstream;
    struct ts_relay_env relay_env;

    struct MHD_Daemon *mhd;
    struct ts_watch mhd_watch;
    bool mhd_ready; /* its descriptor reported, or it has work left */
    bool mhd_dirty; /* a connection was resumed or added: run it in this turn */

    struct ts_listener listeners[TS_MAX_LISTEN];
    int listener_count;
    int spare_fd; /* given up to be able to refuse a connection when descriptors run out */

    struct ts_connections connections;
    struct ts_sink *dirty; /* sinks with something to flush */
    struct ts_fixed_answers fixed;
    struct ts_request *requests; /* from a complete head to the end of the answer */
    int64_t stop_by_us;          /* while stopping: when patience ends; else 0 */
    struct ts_post drain_post;
    struct ts_post abort_post;
    bool draining;

    pthread_t thread;
    bool started;
    _Atomic bool stopped; /* the thread has left its loop */
};

/* Everything but the thread. @sink: where the records of this loop's relays go. */
TS_NODISCARD enum ts_err ts_loop_new(struct ts_shared *shared,
                                     struct ts_record_sink sink,
                                     struct ts_loop **out,
                                     struct ts_error *err);

/* Takes over a listening socket. Before ts_loop_start(). */
TS_NODISCARD enum ts_err ts_loop_listen(struct ts_loop *l, int fd, struct ts_error *err);

TS_NODISCARD enum ts_err ts_loop_start(struct ts_loop *l, struct ts_error *err);

/* Stop accepting; the thread ends when its last request has. Thread: any, once. */
void ts_loop_drain(struct ts_loop *l);

/* After drain: end what still runs with an error of its own. Thread: any, once. */
void ts_loop_abort(struct ts_loop *l);

/* Waits for the thread, which must have been drained. */
void ts_loop_join(struct ts_loop *l);

/* After join, and after the store was closed: its last answers are taken in here. */
void ts_loop_free(struct ts_loop *l);

#endif
