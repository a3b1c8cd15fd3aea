/*
 * Answers that are the same every time, body and headers: libmicrohttpd's response is built once
 * and queued again and again.
 *
 * Thread: the loop's.
 */
#ifndef TS_SERVER_FIXED_H
#define TS_SERVER_FIXED_H

#include <stddef.h>

#include "handlers/routes.h"
#include "proxy/client.h"

struct MHD_Response;
struct ts_request;

enum { TS_MAX_FIXED = 8 };

struct ts_fixed {
    const char *body;
    int status;
    enum ts_route_class class;
    struct MHD_Response *response;
};

struct ts_fixed_answers {
    struct ts_fixed at[TS_MAX_FIXED];
    int count;
};

/* The response, borrowed until ts_fixed_deinit(); NULL where it depends on the request after all
 * (headers of the handler's own, a foreign origin, a server that shuts down), or without memory.
 * @body: outlives the loop. */
struct MHD_Response *ts_fixed_answer(struct ts_request *r,
                                     const struct ts_head *head,
                                     const char *body,
                                     size_t n);

void ts_fixed_deinit(struct ts_fixed_answers *all);

#endif
