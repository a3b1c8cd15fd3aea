/*
 * The guard: what a request's head must be before any handler sees the request.
 *
 * Pure: a head and a policy in, a verdict and a few facts out. libmicrohttpd 0.9.75 lets through
 * much that HTTP forbids (two lengths, length and chunked together, any method, no Host), so the
 * whole head is judged here, in two steps: what holds for every request, then what depends on the
 * route. Its verdicts close the connection, because the next request's start is not to be trusted.
 *
 * Thread: any; no state.
 */
#ifndef TS_SERVER_GUARD_H
#define TS_SERVER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "handlers/routes.h"

struct ts_header_field {
    struct ts_slice name;
    struct ts_slice value;
};

/* As it stood on the wire. Borrowed. */
struct ts_request_head {
    const char *method;
    const char *target; /* path and query, still escaped */
    const char *version;
    const struct ts_header_field *fields;
    int field_count; /* above TS_MAX_HEADERS: there were more than @fields holds */
};

/* A name that may stand in Host. */
struct ts_host_rule {
    const char *name; /* lower case; IPv6 addresses in brackets */
    int port;         /* exactly this one, TS_PORT_ANY or TS_PORT_OURS */
};

/* TS_PORT_OURS: one that we listen on; in Host also none. */
enum { TS_PORT_ANY = 0, TS_PORT_OURS = -1, TS_KEY_HASH_BYTES = 32 };

struct ts_guard_policy {
    const struct ts_host_rule *hosts;
    int host_count;
    const int *ports; /* that we listen on */
    int port_count;
    const char *const *cors_origins; /* lower case, "https://dash.example" */
    int cors_count;
    bool has_key; /* else credentials are ignored */
    uint8_t key_hash[TS_KEY_HASH_BYTES];
};

struct ts_guard_facts {
    enum ts_method method;
    bool http10;
    bool has_body; /* one is announced */
    bool chunked;
    int64_t content_length; /* TS_UNKNOWN: none given */
    bool json;              /* Content-Type is application/json */
    bool browser;           /* came with Origin or Sec-Fetch-* */
    bool cross_site;        /* from a page of another origin that was not allowed */
    bool cors;              /* from one of CORS_ORIGINS: `origin` is echoed */
    bool preflight;
    struct ts_slice origin;     /* within the head's fields; absent without an Origin */
    struct ts_slice credential; /* likewise */
    bool two_credentials;       /* that differ */
};

/**
 * ts_guard_head() - judge what does not depend on the route
 * @out: always filled as far as the judging came (the method, above all)
 * Errors: METHOD_UNKNOWN, HTTP_VERSION, BAD_TARGET, URI_TOO_LONG, HEADERS_TOO_LARGE, BAD_HEADER,
 * BAD_FRAMING, BAD_TRANSFER_CODING, BAD_EXPECT, BAD_HOST, HOST_NOT_ALLOWED, AMBIGUOUS_CREDENTIALS.
 */
TS_NODISCARD enum ts_err ts_guard_head(const struct ts_guard_policy *p,
                                       const struct ts_request_head *head,
                                       struct ts_guard_facts *out,
                                       struct ts_error *err);

/**
 * ts_guard_route() - judge what depends on the route
 * Errors: ORIGIN_NOT_ALLOWED, UNAUTHORIZED, INVALID_KEY, AMBIGUOUS_CREDENTIALS, LENGTH_REQUIRED,
 * BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE.
 */
TS_NODISCARD enum ts_err ts_guard_route(const struct ts_guard_policy *p,
                                        const struct ts_guard_facts *facts,
                                        const struct ts_route_entry *route,
                                        struct ts_error *err);

/* The largest body of a class of routes, in bytes. */
int64_t ts_guard_body_limit(enum ts_route_class class);

/* SHA-256, so that keys of any length are compared in constant time and are not kept. */
void ts_guard_hash_key(struct ts_slice key, uint8_t out[static TS_KEY_HASH_BYTES]);

#endif
