/*
 * Who watches calls while they run: counters, live events.
 *
 * Declared here, wired by server/. Every function is called on the loop of the call, must not block
 * and must not touch the relay; each may be NULL.
 */
#ifndef TS_PROXY_OBSERVER_H
#define TS_PROXY_OBSERVER_H

#include "base/call.h"

enum { TS_PROGRESS_EVERY_US = 250000 }; /* at most so often per call */

/* A running call as it is now. Borrowed for the time of the function. */
struct ts_call_view {
    int64_t id;
    const char *public_id;
    const char *dialect;  /* of the client, "openai.chat" */
    const char *provider; /* asked now */
    const char *model;
    const char *requested_model;
    const char *task_type;
    enum ts_complexity complexity;
    bool stream;
    bool recorded; /* there will be a row */
    int attempts;
    int64_t elapsed_us;
    int64_t ttft_us; /* TS_UNKNOWN before the first content */
    int64_t tokens;  /* events with content so far */
    int64_t
        *memory; /* the observer's own, 0 at the start, kept from one view of a call to the next */
};

struct ts_observer {
    /* The first server was asked. */
    void (*started)(void *ctx, const struct ts_call_view *v);
    /* Content came; at most every TS_PROGRESS_EVERY_US. */
    void (*progress)(void *ctx, const struct ts_call_view *v);
    /* The outcome is fixed and the record complete; also where no row will be made of it. */
    void (*finished)(void *ctx, const struct ts_call_view *v, const struct ts_call *call);
    /* No server could be asked: an answer without a call. */
    void (*refused)(void *ctx, enum ts_err why);
    void *ctx;
};

#endif
