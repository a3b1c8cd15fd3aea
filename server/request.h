/*
 * One HTTP request: from the first line to the end of the answer.
 *
 * libmicrohttpd calls in three times: first line (allocates), head complete (the guard judges),
 * body complete (the handler runs). It lives until libmicrohttpd has completed it and the handler
 * has let go of it (answered or, after client(), called finish()).
 *
 * Thread: the loop's.
 */
#ifndef TS_SERVER_REQUEST_H
#define TS_SERVER_REQUEST_H

#include <microhttpd.h>

#include "base/buf.h"
#include "handlers/exchange.h"
#include "server/guard.h"
#include "server/peer.h"
#include "server/sink.h"
#include "server/target.h"

struct ts_loop;
struct ts_connection;

enum ts_request_stage {
    TS_REQUEST_HEAD,    /* its head is not complete */
    TS_REQUEST_BODY,    /* accepted by the guard; the body comes in */
    TS_REQUEST_HANDLED, /* a handler was called, or it was refused */
};

struct ts_request {
    struct ts_exchange x;
    struct ts_loop *loop;
    struct ts_connection *connection;
    struct MHD_Connection *mhd; /* NULL: libmicrohttpd is through with it */
    enum ts_request_stage stage;
    struct ts_guard_facts facts;
    char client[TS_CLIENT_SIZE]; /* its address, where the log wants it; else "" */
    struct ts_sink sink;

    struct ts_buf body;
    int64_t body_counted;   /* bytes of it charged to the budget of all bodies */
    enum ts_err body_error; /* why the rest of the body is being thrown away */

    int status;     /* of the answer */
    bool answered;  /* a response was queued */
    bool suspended; /* libmicrohttpd waits for us */
    bool in_handler;
    bool held;      /* the handler may still touch it */
    bool abandoned; /* shutdown answered in the handler's place: its answer is swallowed */
    bool listed;    /* among the loop's requests */
    char allow[64]; /* on 405 */

    struct ts_deferred freeing;
    struct ts_request *prev;
    struct ts_request *next;

    struct ts_query_arg *args;
    char *path;   /* room in text for the path, */
    char *params; /* what stood at the route's {...}, */
    char *query;  /* and the arguments */
    size_t target_len;
    char text[]; /* the target as it came, then room for the three */
};

/* libmicrohttpd's callbacks; cls is the loop. */
void *ts_request_on_line(void *cls, const char *uri, struct MHD_Connection *c);
enum MHD_Result ts_request_on_data(void *cls,
                                   struct MHD_Connection *c,
                                   const char *url,
                                   const char *method,
                                   const char *version,
                                   const char *upload,
                                   size_t *upload_size,
                                   void **request);
void ts_request_on_completed(void *cls,
                             struct MHD_Connection *c,
                             void **request,
                             enum MHD_RequestTerminationCode how);
size_t ts_request_unescape(void *cls, struct MHD_Connection *c, char *text);

/* Queues a response (taken over; NULL: out of memory) and lets libmicrohttpd go on. */
void ts_request_answer(struct ts_request *r, struct MHD_Response *response, int status);

/* Answers with a body that is copied or outlives the process, as @mode says. */
void ts_request_respond(struct ts_request *r,
                        const struct ts_head *head,
                        const char *body,
                        size_t n,
                        enum MHD_ResponseMemoryMode mode);

/* The client's socket. */
int ts_request_fd(const struct ts_request *r);

/* Lets libmicrohttpd look at the connection again. */
void ts_request_resume(struct ts_request *r);
void ts_request_suspend(struct ts_request *r);

/* Shutdown: ends it whatever it waits for. */
void ts_request_abort(struct ts_request *r);

#endif
