#include "server/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "handlers/watch.h"
#include "server/fixed.h"
#include "server/request.h"

enum {
    MHD_ROUNDS = 8,         /* of the daemon per turn at most: streams must have their turn */
    POOL_BYTES = 14 * 1024, /* per connection: the request's head lives in it */
    ACCEPTS_PER_EVENT = 64,
    RESERVED_FDS = 8,                    /* never given to clients: database, model servers */
    ABORT_PATIENCE_US = 2 * 1000 * 1000, /* for rows to be committed and their ends to be read */
    STALLED_PATIENCE_US = 250 * 1000,    /* of that, for clients that read nothing */
};

/* -- accepting -------------------------------------------------------------------------------- */

static void refuse_overload(int fd)
{
    ts_connection_refuse(fd, 503, "Service Unavailable", "overloaded");
    (void)close(fd);
}

/* Out of descriptors: gives up the spare one to take the next connection and refuse it, else the
 * listener would report it again and again. */
static void refuse_next(struct ts_loop *l, int listen_fd)
{
    (void)close(l->spare_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        refuse_overload(fd);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void adopt(struct ts_loop *l, int fd, const struct sockaddr *peer, socklen_t len)
{
    if (fd >= l->shared->connection_limit - RESERVED_FDS) {
        refuse_overload(fd);
        return;
    }
    if (MHD_add_connection(l->mhd, fd, peer, len) != MHD_YES) {
        ts_log(TS_LOG_WARN, "a client connection was dropped: no memory or too many");
        return; /* closed by libmicrohttpd */
    }
    l->mhd_dirty = true;
}

static void on_accept(struct ts_watch *w, unsigned events)
{
    (void)events;
    struct ts_loop *l = TS_CONTAINER(w, struct ts_listener, watch)->loop;
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        int fd = accept4(w->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            adopt(l, fd, (struct sockaddr *)&peer, len);
        else if (errno == EMFILE || errno == ENFILE)
            refuse_next(l, w->fd);
        else if (errno != ECONNABORTED && errno != EINTR)
            return; /* EAGAIN: all taken */
    }
}

static void close_listeners(struct ts_loop *l)
{
    for (int i = 0; i < l->listener_count; i++) {
        int fd = l->listeners[i].watch.fd;
        ts_poller_unwatch(l->poller, &l->listeners[i].watch);
        if (fd >= 0)
            (void)close(fd);
    }
    l->listener_count = 0;
}

enum ts_err ts_loop_listen(struct ts_loop *l, int fd, struct ts_error *err)
{
    struct ts_listener *listener = &l->listeners[l->listener_count];
    *listener = (struct ts_listener){.watch = {.fn = on_accept, .fd = -1}, .loop = l};
    if (ts_poller_watch(l->poller, &listener->watch, fd, TS_POLL_IN) != TS_OK)
        return ts_fail(err, TS_ERR_IO, "cannot watch a listening socket");
    l->listener_count++;
    return TS_OK;
}

/* -- the daemon ------------------------------------------------------------------------------- */

static void on_connection(void *cls,
                          struct MHD_Connection *c,
                          void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct ts_loop *l = cls;
    switch (what) {
    case MHD_CONNECTION_NOTIFY_STARTED: {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = ts_connection_new(&l->connections, info->connect_fd);
        return;
    }
    case MHD_CONNECTION_NOTIFY_CLOSED:
        ts_connection_free(&l->connections, *context);
        *context = NULL;
        return;
    }
}

TS_PRINTF(2, 0) static void on_mhd_log(void *cls, const char *fmt, va_list args)
{
    (void)cls;
    char text[256];
    if (!ts_log_enabled(TS_LOG_DEBUG))
        return; /* mostly about what clients do */
    (void)vsnprintf(text, sizeof(text), fmt, args);
    ts_log(TS_LOG_DEBUG, "libmicrohttpd: %s", text);
}

static void on_mhd(struct ts_watch *w, unsigned events)
{
    (void)events;
    TS_CONTAINER(w, struct ts_loop, mhd_watch)->mhd_ready = true;
}

static enum ts_err start_daemon(struct ts_loop *l, struct ts_error *err)
{
    l->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                                  MHD_USE_ERROR_LOG,
                              0,
                              NULL,
                              NULL,
                              ts_request_on_data,
                              l,
                              MHD_OPTION_EXTERNAL_LOGGER,
                              on_mhd_log,
                              NULL,
                              MHD_OPTION_NOTIFY_CONNECTION,
                              on_connection,
                              l,
                              MHD_OPTION_NOTIFY_COMPLETED,
                              ts_request_on_completed,
                              l,
                              MHD_OPTION_URI_LOG_CALLBACK,
                              ts_request_on_line,
                              l,
                              MHD_OPTION_UNESCAPE_CALLBACK,
                              ts_request_unescape,
                              l,
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                              (size_t)POOL_BYTES,
                              MHD_OPTION_CONNECTION_LIMIT,
                              (unsigned)l->shared->connection_limit,
                              MHD_OPTION_CONNECTION_TIMEOUT,
                              (unsigned)TS_KEEPALIVE_S,
                              MHD_OPTION_STRICT_FOR_CLIENT,
                              0,
                              MHD_OPTION_END);
    if (l->mhd == NULL)
        return ts_fail(err, TS_ERR_IO, "cannot start libmicrohttpd");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    l->mhd_watch = (struct ts_watch){.fn = on_mhd, .fd = -1};
    if (ts_poller_watch(l->poller, &l->mhd_watch, info->epoll_fd, TS_POLL_IN) != TS_OK)
        return ts_fail(err, TS_ERR_IO, "cannot watch libmicrohttpd");
    return TS_OK;
}

static bool mhd_has_work(struct ts_loop *l)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    return MHD_get_timeout(l->mhd, &ms) == MHD_YES && ms == 0;
}

/* Flushes every sink that was dirty when it began; what they make dirty comes next time. */
static void flush_sinks(struct ts_loop *l)
{
    struct ts_sink *s = l->dirty;
    l->dirty = NULL;
    while (s != NULL) {
        struct ts_sink *next = s->next_dirty;
        s->is_dirty = false;
        ts_sink_flush(s);
        s = next;
    }
}

/*
 * One MHD_run() is one step (resume, then read, then send), so it is repeated while there is work
 * that can be done now; what is left after that is done in the next turn, which does not wait.
 */
static void run_daemon(struct ts_loop *l)
{
    bool more = true;
    for (int i = 0; more && i < MHD_ROUNDS; i++) {
        l->mhd_dirty = false;
        (void)MHD_run(l->mhd);
        flush_sinks(l);
        more = l->mhd_dirty || mhd_has_work(l);
    }
    l->mhd_ready = more;
}

/* How long nothing may happen: until the daemon's next timeout, if it has one. */
static int64_t patience_us(const struct ts_loop *l)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (l->mhd_ready || l->mhd_dirty || l->dirty != NULL)
        return 0;
    int64_t wait = MHD_get_timeout(l->mhd, &ms) == MHD_YES ? (int64_t)ms * 1000 : -1;
    return l->draining && (wait < 0 || wait > 100000) ? 100000 : wait;
}

static void turn(struct ts_loop *l)
{
    bool idle = !ts_poller_turn(l->poller, patience_us(l));
    flush_sinks(l);
    if (l->mhd_ready || l->mhd_dirty || idle)
        run_daemon(l);
    ts_poller_reap(l->poller);
}

/* -- the thread ------------------------------------------------------------------------------- */

static void on_drain(struct ts_post *p)
{
    struct ts_loop *l = TS_CONTAINER(p, struct ts_loop, drain_post);
    l->draining = true;
    close_listeners(l);
}

static void on_abort(struct ts_post *p)
{
    struct ts_loop *l = TS_CONTAINER(p, struct ts_loop, abort_post);
    l->stop_by_us = ts_poller_now(l->poller) + ABORT_PATIENCE_US;
    for (struct ts_request *r = l->requests; r != NULL;) {
        struct ts_request *next = r->next; /* freed at the end of the turn at the earliest */
        ts_request_abort(r);
        r = next;
    }
}

/* Everything was said that there was to say, and nobody reads it. */
static bool only_stalled(const struct ts_loop *l)
{
    for (const struct ts_request *r = l->requests; r != NULL; r = r->next) {
        if (!r->sink.in_use || !r->sink.blocked || r->sink.finish == TS_SINK_GOES_ON)
            return false;
    }
    return true;
}

static bool is_done(const struct ts_loop *l)
{
    if (!l->draining || l->requests == NULL)
        return l->draining;
    if (l->stop_by_us == 0)
        return false;
    int64_t left_us = l->stop_by_us - ts_poller_now(l->poller);
    return left_us <= 0 || (left_us <= ABORT_PATIENCE_US - STALLED_PATIENCE_US && only_stalled(l));
}

/* libmicrohttpd must not be stopped while connections are suspended. */
static void stop_daemon(struct ts_loop *l)
{
    for (struct ts_request *r = l->requests; r != NULL; r = r->next) {
        ts_sink_drop(&r->sink);
        ts_request_resume(r);
    }
    run_daemon(l);
    ts_poller_unwatch(l->poller, &l->mhd_watch);
    MHD_stop_daemon(l->mhd);
    l->mhd = NULL;
    ts_fixed_deinit(&l->fixed);
    ts_poller_reap(l->poller);
}

static void *run_loop(void *arg)
{
    struct ts_loop *l = arg;
    while (!is_done(l))
        turn(l);
    stop_daemon(l);
    atomic_store(&l->stopped, true);
    return NULL;
}

enum ts_err ts_loop_start(struct ts_loop *l, struct ts_error *err)
{
    if (pthread_create(&l->thread, NULL, run_loop, l) != 0)
        return ts_fail(err, TS_ERR_NOMEM, "cannot start a thread for an event loop");
    l->started = true;
    return TS_OK;
}

void ts_loop_drain(struct ts_loop *l)
{
    ts_poller_post(l->poller, &l->drain_post);
}

void ts_loop_abort(struct ts_loop *l)
{
    ts_poller_post(l->poller, &l->abort_post);
}

void ts_loop_join(struct ts_loop *l)
{
    if (!l->started)
        return;
    (void)pthread_join(l->thread, NULL);
    l->started = false;
}

/* -- life ------------------------------------------------------------------------------------- */

static enum ts_err init_loop(struct ts_loop *l, struct ts_error *err)
{
    enum ts_err e = ts_poller_new(&l->poller, err);
    if (e == TS_OK)
        e = ts_upstream_new(l->poller, &l->upstream, err);
    if (e == TS_OK)
        e = start_daemon(l, err);
    if (e != TS_OK)
        return e;
    ts_connections_init(&l->connections, l->poller);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return TS_OK;
}

enum ts_err ts_loop_new(struct ts_shared *shared,
                        struct ts_record_sink sink,
                        struct ts_loop **out,
                        struct ts_error *err)
{
    struct ts_loop *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for an event loop");
    l->shared = shared;
    l->spare_fd = -1;
    l->mhd_watch.fd = -1;
    l->drain_post.fn = on_drain;
    l->abort_post.fn = on_abort;
    enum ts_err e = init_loop(l, err);
    if (e != TS_OK) {
        ts_loop_free(l);
        return e;
    }
    l->relay_env = (struct ts_relay_env){
        .poller = l->poller,
        .upstream = l->upstream,
        .registry = shared->services->registry,
        .sink = sink,
        .observer = ts_watch_calls(shared->services),
        .id_tag = shared->services->id_tag,
        .tracking = shared->services->tracking,
        .keeps_answers = shared->services->capture == TS_CAPTURE_FULL,
        .via = "1.1 touchstone",
    };
    *out = l;
    return TS_OK;
}

void ts_loop_free(struct ts_loop *l)
{
    if (l == NULL)
        return;
    if (l->poller != NULL) {
        close_listeners(l);
        (void)ts_poller_turn(l->poller, 0); /* what the store posted while it closed */
        ts_poller_reap(l->poller);
    }
    if (l->mhd != NULL) { /* never ran */
        ts_poller_unwatch(l->poller, &l->mhd_watch);
        MHD_stop_daemon(l->mhd);
    }
    if (l->upstream != NULL)
        ts_upstream_free(l->upstream);
    if (l->poller != NULL)
        ts_connections_deinit(&l->connections);
    ts_poller_free(l->poller);
    if (l->spare_fd >= 0)
        (void)close(l->spare_fd);
    free(l);
}
