/*
 * Finding out which servers are up and which models they have: a GET per provider, at start, every
 * TS_DISCOVERY_EVERY_MS, and once on demand when a model name is unknown. Never a prompt.
 *
 * Thread: one loop's (the first).
 */
#ifndef TS_PROXY_DISCOVERY_H
#define TS_PROXY_DISCOVERY_H

#include "proxy/registry.h"
#include "proxy/upstream.h"

enum {
    TS_DISCOVERY_EVERY_MS = 10000,
    TS_DISCOVERY_TIMEOUT_MS = 2000,
    TS_DISCOVERY_LOAD_TIMEOUT_MS = 250,   /* for what it tells beside its list */
    TS_DISCOVERY_GRACE_MS = 250,          /* for those who wait, of a server that was mute before */
    TS_DISCOVERY_CLOUD_EVERY_MS = 300000, /* a cloud's list hardly changes */
    TS_DISCOVERY_PAUSE_MS = 250,          /* between rounds that are asked for, at least */
};

struct ts_discovery;

TS_NODISCARD enum ts_err ts_discovery_new(struct ts_registry *r,
                                          struct ts_upstream *u,
                                          struct ts_poller *p,
                                          struct ts_discovery **out,
                                          struct ts_error *err);

/* Those who still wait are woken. Nobody may ask any more. Its poller is freed later. */
void ts_discovery_free(struct ts_discovery *d);

/* Starts the first round; later ones follow by themselves. */
void ts_discovery_start(struct ts_discovery *d);

/* A round has ended at least once: the servers that are there have been seen. Thread: any. */
bool ts_discovery_done(const struct ts_discovery *d);

/*
 * Somebody who waits for news: post.fn (set by the waiter, with home) runs on the waiter's own loop
 * when a server has answered in the round that starts now, or is running. Who then does not find
 * what it looks for, and reads that the round is not over, asks again with the same structure.
 *
 * A round is over for those who wait when every server has told its models or has failed to; a
 * server that was mute the last time is waited for no longer than TS_DISCOVERY_GRACE_MS.
 * Thread: any.
 */
struct ts_discovery_wait {
    struct ts_post post; /* back to the waiter */
    struct ts_poller *home;
    bool over;      /* out: what is not there now is not there */
    uint64_t round; /* discovery's own; 0 before the first time */
    struct ts_discovery_wait *next;
};
void ts_discovery_refresh(struct ts_discovery *d, struct ts_discovery_wait *w);

#endif
