/*
 * One HTTP request and its answer, as handlers see them; implemented in server/ on libmicrohttpd.
 *
 * The guard has passed the request: framing, Host, Origin, key, sizes and content type are in
 * order, the body is complete. A handler either answers before it returns or keeps the exchange and
 * answers later on the same loop; exactly once. When the client leaves before that, the answer is
 * swallowed; `gone` tells who asks for it.
 *
 * Thread: the loop's that accepted the request.
 */
#ifndef TS_HANDLERS_EXCHANGE_H
#define TS_HANDLERS_EXCHANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/poller.h"
#include "base/slice.h"
#include "proxy/client.h"
#include "proxy/relay.h"

struct ts_services;

enum ts_method { TS_GET, TS_HEAD, TS_POST, TS_PUT, TS_PATCH, TS_DELETE, TS_OPTIONS };

struct ts_query_arg {
    const char *key; /* unescaped */
    const char *value;
};

enum { TS_MAX_PATH_PARAMS = 3 };

struct ts_exchange;

struct ts_exchange_ops {
    const char *(*header)(const struct ts_exchange *x,
                          const char *name); /* any case; NULL: absent */
    /* Calls fn for each request header. */
    void (*each_header)(const struct ts_exchange *x,
                        void (*fn)(void *ctx, const char *name, const char *value),
                        void *ctx);
    void (*respond)(struct ts_exchange *x, const struct ts_head *head, const char *body, size_t n);
    /* Bytes that outlive the process's requests (assets): not copied. */
    void (*respond_static)(struct ts_exchange *x,
                           const struct ts_head *head,
                           const char *body,
                           size_t n);
    /* The sink for a generation; the relay's `ended` must call finish(). */
    struct ts_client *(*client)(struct ts_exchange *x);
    void (*release_body)(struct ts_exchange *x);
    void (*finish)(struct ts_exchange *x);
};

struct ts_exchange {
    const struct ts_exchange_ops *ops;
    const struct ts_services *services;
    struct ts_relay_env *relay_env; /* of this loop */
    struct ts_poller *poller;       /* of this loop */
    enum ts_method method;
    const char *path;                       /* without the base path, unescaped */
    const char *params[TS_MAX_PATH_PARAMS]; /* what stood at the route's {…}, unescaped */
    const struct ts_query_arg *args;
    int arg_count;
    struct ts_slice body;
    const struct ts_route_entry *route; /* also on 404 and 405: one of the nearest family */
    const char *allow;                  /* on 405: the Allow header; else NULL */
    /* Set by the handler while its relay runs, cleared in `ended`: who shuts down or deletes the
     * call aborts it. */
    struct ts_relay *relay;
    int64_t id; /* of the call, or of the request for the log and error bodies */
    int64_t accepted_us;
    int64_t request_end_us;
    bool browser; /* came with Origin or Sec-Fetch headers */
};

/* The public id, as X-Touchstone-Request-Id and error bodies show it. */
char *ts_exchange_id(const struct ts_exchange *x, char out[static TS_ID_TEXT_SIZE]);

/* -- answers ---------------------------------------------------------------------------------- */

/* Answers with a JSON object; takes the reference. NULL becomes a 500. */
void ts_reply_json(struct ts_exchange *x, int status, json_t *body);

/* Answers with an error in the dialect of the route; status and headers (Retry-After, Allow,
 * WWW-Authenticate) follow from the code. */
void ts_reply_error(struct ts_exchange *x, const struct ts_error *err);

/* -- query parameters (our own API: unknown and repeated ones are errors) -----------------------
 */

/* Checks that only these occur, once each; `tag.` matches any key with that prefix. */
TS_NODISCARD enum ts_err ts_args_check(const struct ts_exchange *x,
                                       const char *const *allowed,
                                       struct ts_error *err);
const char *ts_arg(const struct ts_exchange *x, const char *key); /* NULL: absent */

/* Checks that it is there and not empty. */
TS_NODISCARD enum ts_err ts_arg_require(const struct ts_exchange *x,
                                        const char *key,
                                        struct ts_error *err);

/* Bounds of a whole number, and what an absent one means. */
struct ts_whole {
    int64_t min;
    int64_t max;
    int64_t absent;
};
TS_NODISCARD enum ts_err ts_arg_int(const struct ts_exchange *x,
                                    const char *key,
                                    struct ts_whole bounds,
                                    int64_t *out,
                                    struct ts_error *err);

#endif
