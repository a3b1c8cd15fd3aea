#include "server/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/answer.h"
#include "server/connection.h"
#include "server/fixed.h"
#include "server/loop.h"

static struct ts_request *request_of(struct ts_exchange *x)
{
    return TS_CONTAINER(x, struct ts_request, x);
}

/* -- life ------------------------------------------------------------------------------------- */

static void link_in(struct ts_request *r)
{
    r->listed = true;
    r->next = r->loop->requests;
    if (r->next != NULL)
        r->next->prev = r;
    r->loop->requests = r;
}

static void link_out(struct ts_request *r)
{
    if (!r->listed)
        return;
    r->listed = false;
    *(r->prev != NULL ? &r->prev->next : &r->loop->requests) = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
}

static void release_body(struct ts_request *r)
{
    (void)atomic_fetch_sub(&r->loop->shared->body_bytes, r->body_counted);
    r->body_counted = 0;
    ts_buf_free(&r->body);
    r->x.body = (struct ts_slice){0};
}

static void free_request(struct ts_deferred *d)
{
    struct ts_request *r = TS_CONTAINER(d, struct ts_request, freeing);
    ts_sink_deinit(&r->sink);
    release_body(r);
    link_out(r);
    free(r->args);
    free(r);
}

/* At the end of the turn, when neither libmicrohttpd nor the handler needs it any more. */
static void free_if_done(struct ts_request *r)
{
    if (r->mhd != NULL || r->held || r->freeing.fn != NULL)
        return;
    r->freeing.fn = free_request;
    ts_poller_defer(r->loop->poller, &r->freeing);
}

static void let_go(struct ts_request *r)
{
    if (!r->held)
        return;
    r->held = false;
    free_if_done(r);
}

int ts_request_fd(const struct ts_request *r)
{
    return r->connection->fd;
}

void ts_request_suspend(struct ts_request *r)
{
    if (r->suspended || r->mhd == NULL)
        return;
    r->suspended = true;
    MHD_suspend_connection(r->mhd);
}

void ts_request_resume(struct ts_request *r)
{
    if (!r->suspended || r->mhd == NULL)
        return;
    r->suspended = false;
    MHD_resume_connection(r->mhd);
    r->loop->mhd_dirty = true;
}

/* -- answers ---------------------------------------------------------------------------------- */

/* Borrows the response. */
static void answer_with(struct ts_request *r, struct MHD_Response *response, int status)
{
    r->answered = true;
    r->status = status;
    if (r->mhd != NULL && response != NULL)
        (void)MHD_queue_response(r->mhd, (unsigned)status, response);
    ts_request_resume(r); /* where nothing could be queued, ts_request_on_data() closes */
}

void ts_request_answer(struct ts_request *r, struct MHD_Response *response, int status)
{
    answer_with(r, response, status);
    if (response != NULL)
        MHD_destroy_response(response);
}

void ts_request_respond(struct ts_request *r,
                        const struct ts_head *head,
                        const char *body,
                        size_t n,
                        enum MHD_ResponseMemoryMode mode)
{
    /* libmicrohttpd's parameter is not const; it never writes to the bytes in these modes. */
    void *bytes = (void *)(uintptr_t)body;
    struct MHD_Response *response = MHD_create_response_from_buffer(n, bytes, mode);
    if (response != NULL && !ts_answer_head(response, r, head)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    ts_request_answer(r, response, head->status);
}

static void respond_as(struct ts_exchange *x,
                       const struct ts_head *head,
                       const char *body,
                       size_t n,
                       enum MHD_ResponseMemoryMode mode)
{
    struct ts_request *r = request_of(x);
    if (r->sink.in_use) { /* a handler that asked for the sink and then refused after all */
        r->sink.client.ops->respond(&r->sink.client, head, body, n);
    } else if (!r->abandoned) {
        assert(!r->answered);
        ts_request_respond(r, head, body, n, mode);
    }
    let_go(r);
}

static void exchange_respond(struct ts_exchange *x,
                             const struct ts_head *head,
                             const char *body,
                             size_t n)
{
    respond_as(x, head, body, n, MHD_RESPMEM_MUST_COPY);
}

static void exchange_respond_static(struct ts_exchange *x,
                                    const struct ts_head *head,
                                    const char *body,
                                    size_t n)
{
    struct ts_request *r = request_of(x);
    bool usual = !r->sink.in_use && !r->abandoned;
    struct MHD_Response *fixed = usual ? ts_fixed_answer(r, head, body, n) : NULL;
    if (fixed == NULL) {
        respond_as(x, head, body, n, MHD_RESPMEM_PERSISTENT);
        return;
    }
    answer_with(r, fixed, head->status);
    let_go(r);
}

static const char *exchange_header(const struct ts_exchange *x, const char *name)
{
    const struct ts_request *r = TS_CONTAINER_CONST(x, struct ts_request, x);
    return r->mhd != NULL ? MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name) : NULL;
}

struct header_walk {
    void (*fn)(void *ctx, const char *name, const char *value);
    void *ctx;
};

static enum MHD_Result tell_header(void *cls,
                                   enum MHD_ValueKind kind,
                                   const char *name,
                                   const char *value)
{
    (void)kind;
    struct header_walk *walk = cls;
    walk->fn(walk->ctx, name, value != NULL ? value : "");
    return MHD_YES;
}

static void exchange_each_header(const struct ts_exchange *x,
                                 void (*fn)(void *ctx, const char *name, const char *value),
                                 void *ctx)
{
    const struct ts_request *r = TS_CONTAINER_CONST(x, struct ts_request, x);
    struct header_walk walk = {fn, ctx};
    if (r->mhd != NULL)
        (void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, tell_header, &walk);
}

static struct ts_client *exchange_client(struct ts_exchange *x)
{
    struct ts_request *r = request_of(x);
    if (!r->sink.in_use)
        ts_sink_init(&r->sink, r);
    return &r->sink.client;
}

static void exchange_release_body(struct ts_exchange *x)
{
    release_body(request_of(x));
}

static void exchange_finish(struct ts_exchange *x)
{
    let_go(request_of(x));
}

static const struct ts_exchange_ops exchange_ops = {
    .header = exchange_header,
    .each_header = exchange_each_header,
    .respond = exchange_respond,
    .respond_static = exchange_respond_static,
    .client = exchange_client,
    .release_body = exchange_release_body,
    .finish = exchange_finish,
};

/* -- first: the line -------------------------------------------------------------------------- */

/*
 * libmicrohttpd keeps every query argument in the connection's pool. With very many it runs out and
 * can not even answer 431; the client would hang until its deadline. So they are told here, before
 * it reads them; up to twice the limit the guard does it, in the route's own words.
 */
static void refuse_many_args(const char *uri, int fd)
{
    if (ts_target_arg_count(ts_slice_str(uri)) > 2 * TS_MAX_QUERY_ARGS)
        ts_connection_refuse(fd, 414, "URI Too Long", "uri_too_long");
}

void *ts_request_on_line(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct ts_loop *l = cls;
    size_t n = strlen(uri);
    struct ts_request *r = malloc(sizeof(*r) + 4 * (n + 2));
    if (r == NULL)
        return NULL; /* ts_request_on_data() closes */
    *r = (struct ts_request){.loop = l, .mhd = c, .target_len = n};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    r->connection = info->socket_context;
    r->path = r->text + n + 2;
    r->params = r->path + n + 2;
    r->query = r->params + n + 2;
    memcpy(r->text, uri, n + 1);
    r->path[0] = '\0'; /* until the target was found to be sound */
    if (r->connection != NULL)
        refuse_many_args(uri, r->connection->fd);
    r->x = (struct ts_exchange){
        .ops = &exchange_ops,
        .services = l->shared->services,
        .relay_env = &l->relay_env,
        .poller = l->poller,
        .path = r->path,
        .accepted_us = ts_now_us(),
    };
    return r;
}

size_t ts_request_unescape(void *cls, struct MHD_Connection *c, char *text)
{
    (void)cls;
    (void)c;
    return strlen(text); /* the raw target is read instead: server/target.h */
}

/* -- second: the head ------------------------------------------------------------------------- */

struct field_list {
    struct ts_header_field at[TS_MAX_HEADERS];
    int count;
};

static enum MHD_Result note_field(void *cls,
                                  enum MHD_ValueKind kind,
                                  const char *name,
                                  size_t name_len,
                                  const char *value,
                                  size_t value_len)
{
    (void)kind;
    struct field_list *list = cls;
    if (list->count < TS_MAX_HEADERS)
        list->at[list->count] = (struct ts_header_field){{name, name_len}, {value, value_len}};
    list->count++; /* beyond the maximum: only counted */
    return MHD_YES;
}

/* Unescapes path and query of a checked target; without a base path nothing of ours is found. */
static bool read_target(struct ts_request *r)
{
    struct ts_slice target = {r->text, r->target_len};
    if (!ts_target_path(target, r->loop->shared->base_path, r->path)) {
        r->path[0] = '\0';
        return true;
    }
    int n = ts_target_arg_count(target);
    if (n == 0)
        return true;
    r->args = calloc((size_t)n, sizeof(*r->args));
    if (r->args == NULL)
        return false;
    ts_target_args(target, r->query, r->args);
    r->x.args = r->args;
    r->x.arg_count = n;
    return true;
}

static void copy_params(struct ts_request *r, const struct ts_slice *params)
{
    char *at = r->params;
    for (int i = 0; i < TS_MAX_PATH_PARAMS && params[i].at != NULL; i++) {
        memcpy(at, params[i].at, params[i].len);
        at[params[i].len] = '\0';
        r->x.params[i] = at;
        at += params[i].len + 1;
    }
}

/* Finds the route; also where there is none (404, 405) r->x.route shapes the error. */
static enum ts_err find_route(struct ts_request *r, struct ts_error *err)
{
    struct ts_slice params[TS_MAX_PATH_PARAMS] = {{0}};
    enum ts_err e = ts_route_find(r->x.method, r->path, &r->x.route, params, r->allow);
    if (e == TS_OK) {
        copy_params(r, params);
        return TS_OK;
    }
    if (e == TS_ERR_METHOD_NOT_ALLOWED) {
        r->x.allow = r->allow;
        return ts_fail(
            err, e, "this method does not go with %.200s; allowed: %s", r->path, r->allow);
    }
    return ts_fail(err, e, "there is no %.200s here", r->path);
}

static enum ts_err judge(struct ts_request *r,
                         const struct ts_request_head *head,
                         struct ts_error *err)
{
    struct ts_shared *shared = r->loop->shared;
    enum ts_err e = ts_guard_head(&shared->guard, head, &r->facts, err);
    r->x.method = r->facts.method;
    r->x.browser = r->facts.browser;
    bool readable = e == TS_OK || ts_target_check(ts_slice_str(head->target), NULL) == TS_OK;
    if (readable && !read_target(r) && e == TS_OK)
        e = ts_fail(err, TS_ERR_NOMEM, "no memory for the request");
    struct ts_error route_text = TS_ERROR_INIT;
    enum ts_err route_error =
        find_route(r, &route_text); /* in any case: errors have the route's shape */
    if (e != TS_OK)
        return e;
    if (r->facts.preflight)
        return r->facts.cors ? TS_OK
                             : ts_fail(err,
                                       TS_ERR_ORIGIN_NOT_ALLOWED,
                                       "this origin is not among TOUCHSTONE_CORS_ORIGINS");
    if (route_error != TS_OK) {
        *err = route_text;
        return route_error;
    }
    bool open = r->x.route->class == TS_ROUTE_OPEN || r->x.route->class == TS_ROUTE_STATIC;
    if (!open && atomic_load_explicit(&shared->draining, memory_order_relaxed))
        return ts_fail(err, TS_ERR_DRAINING, "touchstone is shutting down");
    return ts_guard_route(&shared->guard, &r->facts, r->x.route, err);
}

/* Only the log line tells it; writing an address out costs a tenth of a small answer. */
static void note_client(struct ts_request *r, const struct ts_request_head *head)
{
    if (!ts_log_enabled(TS_LOG_DEBUG))
        return;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ts_peer_client(&r->loop->shared->trusted_proxies,
                   info != NULL ? info->client_addr : NULL,
                   head,
                   r->client);
}

/* Reads the head of the request. An answer queued here closes the connection: what follows on it
 * is not to be trusted, or not worth reading. */
static enum MHD_Result take_head(struct ts_request *r, const char *method, const char *version)
{
    struct field_list fields; /* 3 KiB that need no clearing */
    fields.count = 0;
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, note_field, &fields);
    struct ts_request_head head = {
        .method = method,
        .target = r->text,
        .version = version,
        .fields = fields.at,
        .field_count = fields.count,
    };
    struct ts_error err = TS_ERROR_INIT;
    r->x.id = ts_id_next(r->x.services->ids, ts_wall_ms());
    link_in(r);
    note_client(r, &head);
    if (judge(r, &head, &err) != TS_OK) {
        r->stage = TS_REQUEST_HANDLED;
        ts_reply_error(&r->x, &err);
        return r->answered ? MHD_YES : MHD_NO;
    }
    int64_t limit = ts_guard_body_limit(r->x.route->class);
    r->body = TS_BUF_INIT((size_t)(r->facts.content_length >= 0 ? r->facts.content_length : limit));
    r->stage = TS_REQUEST_BODY;
    ts_connection_wait(
        &r->loop->connections, r->connection, r->facts.has_body ? TS_WAIT_BODY : TS_WAIT_NONE);
    return MHD_YES;
}

/* -- third: the body -------------------------------------------------------------------------- */

/* Charges what the body takes to the budget of all bodies. */
static bool charge(struct ts_request *r)
{
    int64_t more = (int64_t)r->body.cap - r->body_counted;
    _Atomic int64_t *total = &r->loop->shared->body_bytes;
    if (more == 0)
        return true;
    r->body_counted += more;
    return atomic_fetch_add(total, more) + more <= TS_MAX_BODIES_BYTES;
}

/* A body that is refused goes on being read, and thrown away, so that the answer can be sent. */
static void take_body(struct ts_request *r, const char *bytes, size_t n)
{
    if (r->body_error != TS_OK)
        return;
    ts_buf_put(&r->body, bytes, n);
    if (!ts_buf_ok(&r->body))
        r->body_error = r->body.error;
    else if (!charge(r))
        r->body_error = TS_ERR_OVERLOADED;
    if (r->body_error != TS_OK)
        release_body(r);
}

static void refuse_body(struct ts_request *r)
{
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err e = r->body_error;
    (void)(e == TS_ERR_BODY_TOO_LARGE ? ts_fail(&err,
                                                e,
                                                "the body is larger than %lld bytes",
                                                (long long)ts_guard_body_limit(r->x.route->class))
                                      : ts_fail(&err, e, "no room for another body at the moment"));
    ts_reply_error(&r->x, &err);
}

static void handle(struct ts_request *r)
{
    r->x.body = (struct ts_slice){r->body.data, r->body.len};
    r->x.request_end_us = r->facts.has_body ? ts_now_us() : r->x.accepted_us;
    if (r->facts.preflight)
        ts_request_answer(r, ts_answer_preflight(r), MHD_HTTP_NO_CONTENT);
    else if (r->body_error != TS_OK)
        refuse_body(r);
    else {
        r->held = true;
        r->x.route->handler(&r->x);
    }
}

static enum MHD_Result run(struct ts_request *r)
{
    r->stage = TS_REQUEST_HANDLED;
    ts_connection_wait(&r->loop->connections, r->connection, TS_WAIT_NONE);
    handle(r);
    if (!r->answered)
        ts_request_suspend(r);
    return MHD_YES;
}

/* libmicrohttpd wants eight parameters. */
enum MHD_Result ts_request_on_data(void *cls, /* NOLINT(readability-function-size) */
                                   struct MHD_Connection *c,
                                   const char *url,
                                   const char *method,
                                   const char *version,
                                   const char *upload,
                                   size_t *upload_size,
                                   void **request)
{
    (void)cls;
    (void)c;
    (void)url;
    struct ts_request *r = *request;
    if (r == NULL || r->connection == NULL)
        return MHD_NO; /* no memory when it began */
    switch (r->stage) {
    case TS_REQUEST_HEAD:
        return take_head(r, method, version);
    case TS_REQUEST_BODY:
        if (*upload_size == 0)
            return run(r);
        take_body(r, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    case TS_REQUEST_HANDLED:
        break; /* it was answered, and nothing could be queued */
    }
    return MHD_NO;
}

/* -- the end ---------------------------------------------------------------------------------- */

static void log_request(const struct ts_request *r)
{
    if (!ts_log_enabled(TS_LOG_DEBUG) || r->x.route == NULL)
        return;
    char id[TS_ID_TEXT_SIZE];
    ts_logf(TS_LOG_DEBUG,
            TS_LOG_FIELDS(TS_LOG_STR("id", ts_exchange_id(&r->x, id)),
                          TS_LOG_STR("client", r->client),
                          TS_LOG_STR("route", r->x.route->path),
                          TS_LOG_INT("status", r->status),
                          TS_LOG_INT("body_bytes", (int64_t)r->body.len),
                          TS_LOG_INT("total_us", ts_now_us() - r->x.accepted_us)),
            "request");
}

void ts_request_on_completed(void *cls,
                             struct MHD_Connection *c,
                             void **request,
                             enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)c;
    (void)how;
    struct ts_request *r = *request;
    if (r == NULL)
        return;
    *request = NULL;
    log_request(r);
    r->mhd = NULL;
    ts_sink_drop(&r->sink); /* if libmicrohttpd closed under it */
    if (r->connection != NULL)
        ts_connection_wait(&r->loop->connections, r->connection, TS_WAIT_IDLE);
    free_if_done(r);
}

void ts_request_abort(struct ts_request *r)
{
    if (r->x.relay != NULL) {
        ts_relay_abort(r->x.relay, TS_ERR_DRAINING);
        return;
    }
    if (r->sink.in_use) {
        ts_sink_drop(&r->sink);
        return;
    }
    if (r->stage != TS_REQUEST_HANDLED || r->answered)
        return; /* the daemon's stop ends it */
    struct ts_error err = TS_ERROR_INIT;
    (void)ts_fail(&err, TS_ERR_DRAINING, "touchstone is shutting down");
    bool held = r->held;
    ts_reply_error(&r->x, &err); /* lets go; the handler has yet to */
    r->abandoned = true;
    r->held = held;
}
