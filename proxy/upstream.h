/*
 * Requests to model servers: libcurl's multi interface on the loop's poller.
 *
 * One ts_upstream per loop, one ts_fetch per request. The only file of the house that includes
 * <curl/curl.h> is upstream.c. No redirects, no netrc, no proxy from the environment, TLS verified,
 * connections kept and reused per origin.
 *
 * Thread: the loop's.
 */
#ifndef TS_PROXY_UPSTREAM_H
#define TS_PROXY_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/poller.h"
#include "base/slice.h"
#include "proxy/client.h"

struct ts_upstream;
struct ts_fetch;

TS_NODISCARD enum ts_err ts_upstream_new(struct ts_poller *p,
                                         struct ts_upstream **out,
                                         struct ts_error *err);

/* No fetch may be running, but released ones. Deferred frees of the poller may be left behind. */
void ts_upstream_free(struct ts_upstream *u);

enum {
    TS_FETCH_DRAIN_MS = 1000,
    TS_FETCH_DRAIN_BYTES = 64 * 1024,
};

/* Once per process, before any loop starts, and at its end. */
TS_NODISCARD enum ts_err ts_upstream_global_init(void);
void ts_upstream_global_deinit(void);

/* libcurl's name and version, and those of the libraries it uses. */
const char *ts_upstream_version(void);

/* How a fetch ended. */
enum ts_fetch_end {
    TS_FETCH_COMPLETE,    /* the transfer ended as HTTP says it should; not a verdict on content */
    TS_FETCH_UNREACHABLE, /* nothing was sent: no such name, refused, connect time, TLS */
    TS_FETCH_BROKEN,      /* the connection failed after the request was sent */
    TS_FETCH_TRUNCATED,   /* the body is shorter than its framing says */
    TS_FETCH_INVALID,     /* not HTTP, or a head beyond TS_MAX_UPSTREAM_HEAD_BYTES */
};

struct ts_fetch_request {
    const char *method; /* "GET", "HEAD", "POST", "DELETE" */
    const char *url;
    const struct ts_header *headers; /* ends with a NULL name; copied */
    struct ts_slice body;            /* borrowed until ts_fetch_is_sent(); .at NULL: none */
    int64_t connect_timeout_ms;
    bool fresh_connection; /* none of those that were kept */
};

/* What was measured; -1 (unknown) where it did not come to it. */
struct ts_fetch_times {
    int64_t connect_us; /* name, TCP and TLS; 0: a kept connection */
    int64_t sent_us;    /* start -> request about to be written to the connection */
    bool reused;
    bool answered; /* the first line of a head has come */
};

struct ts_fetch_events {
    /* The final head is complete (never 1xx). */
    void (*head)(void *ctx, int status, const char *content_type);
    /* Body bytes as they came; borrowed. */
    void (*body)(void *ctx, const char *bytes, size_t n);
    /* The last call, unless the fetch was cancelled. @detail: libcurl's words. The fetch is freed
     * when it returns. */
    void (*done)(void *ctx, enum ts_fetch_end end, const char *detail);
};

/**
 * ts_fetch_start() - send a request
 * No event is delivered before it returns.
 * Errors: UPSTREAM_UNREACHABLE (a URL that libcurl refuses), NOMEM.
 */
TS_NODISCARD enum ts_err ts_fetch_start(struct ts_upstream *u,
                                        const struct ts_fetch_request *req,
                                        const struct ts_fetch_events *events,
                                        void *ctx,
                                        struct ts_fetch **out,
                                        struct ts_error *err);

/* Closes the connection now (inside an event: as soon as it returns); no event follows and the
 * fetch is gone. Allowed inside an event. */
void ts_fetch_cancel(struct ts_fetch *f);

/* The asker has all it needs: no event follows and the fetch is gone for it. If the answer ends
 * within TS_FETCH_DRAIN_MS its connection is kept for the next request, else it is closed.
 * Allowed inside an event. */
void ts_fetch_release(struct ts_fetch *f);

/* Back-pressure: no body() comes between pause() and resume(); what libcurl has read meanwhile (one
 * read at most) waits there. resume() never calls back before it returns. */
void ts_fetch_pause(struct ts_fetch *f);
void ts_fetch_resume(struct ts_fetch *f);

struct ts_fetch_times ts_fetch_times(const struct ts_fetch *f);

/* Whether an answer has begun and the whole request is gone: its body will not be read again. */
bool ts_fetch_is_sent(const struct ts_fetch *f);

/* A header of the answer's head, by name in any case; NULL if absent. For head() and done(). */
const char *ts_fetch_header(const struct ts_fetch *f, const char *name);
void ts_fetch_each_header(const struct ts_fetch *f,
                          void (*fn)(void *ctx, const char *name, const char *value),
                          void *ctx);

#endif
