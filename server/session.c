#include "server/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "server/control.h"
#include "server/db_path.h"

enum {
    READ_BYTES = 64 * 1024,
    ANSWER_MAX_BYTES = 4 * 1024 * 1024,
    STARTING_MS = 2000, /* a server that has the lock and no socket yet is waited for so long */
    STARTING_TICK_MS = 20,
};

struct ts_session {
    char db_path[TS_DB_PATH_SIZE];
    struct ts_store *store; /* ours; NULL: the server is asked */
    int64_t retention_days; /* of ours */
    int fd;
    struct ts_buf in;
};

/* -- reaching it ------------------------------------------------------------------------------ */

/* Whether a server took the connection. Errors: IO (one is there, and it cannot be asked). */
static enum ts_err dial(struct ts_session *s, const struct sockaddr_un *at, struct ts_error *err)
{
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return ts_fail(err, TS_ERR_IO, "cannot make a socket: %s", strerrordesc_np(errno));
    if (connect(s->fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
        return TS_OK;
    int why = errno;
    (void)close(s->fd);
    s->fd = -1;
    if (why == ENOENT || why == ECONNREFUSED || why == ENOTDIR)
        return TS_OK;
    return ts_fail(err, TS_ERR_IO, "%s: %s", at->sun_path, strerrordesc_np(why));
}

static enum ts_err open_store(struct ts_session *s, const struct ts_config *c, struct ts_error *err)
{
    struct ts_store_options options = ts_db_options(c, s->db_path);
    options.required = true;
    s->retention_days = options.retention_days;
    return ts_store_open(&options, &s->store, err);
}

static void sleep_ms(int ms)
{
    const struct timespec wait = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&wait, NULL);
}

static enum ts_err unreachable(const struct ts_session *s, bool long_path, struct ts_error *err)
{
    return ts_fail(err,
                   TS_ERR_IN_USE,
                   long_path ? "%s: a server uses this database, and its path is too long for a "
                               "control socket: stop the server, or move the database to a "
                               "shorter path"
                             : "%s: another touchstone uses this database and does not answer on "
                               "its control socket; stop it, or name another with --db",
                   s->db_path);
}

/* The server, or the lock; whoever has just started or stopped gets a moment for it. */
static enum ts_err reach(struct ts_session *s, const struct ts_config *c, struct ts_error *err)
{
    struct sockaddr_un at;
    bool long_path = !ts_control_address(s->db_path, &at);
    for (int waited = 0;; waited += STARTING_TICK_MS) {
        enum ts_err e = long_path ? TS_OK : dial(s, &at, err);
        if (e != TS_OK || s->fd >= 0)
            return e;
        e = open_store(s, c, err);
        if (e != TS_ERR_IN_USE)
            return e;
        if (long_path || waited >= STARTING_MS)
            return unreachable(s, long_path, err);
        sleep_ms(STARTING_TICK_MS);
    }
}

enum ts_err ts_session_open(const struct ts_config *c,
                            bool may_create,
                            struct ts_session **out,
                            struct ts_error *err)
{
    TS_AUTO(ts_session_auto) struct ts_session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    s->fd = -1;
    s->in = TS_BUF_INIT(ANSWER_MAX_BYTES);
    enum ts_err e = ts_db_path(c, s->db_path, err);
    if (e != TS_OK)
        return e;
    if (!may_create && access(s->db_path, F_OK) != 0)
        return ts_fail(
            err, TS_ERR_IO, "%s: there is no database; name another with --db", s->db_path);
    e = reach(s, c, err);
    if (e == TS_OK)
        *out = TS_TAKE(s);
    return e;
}

enum ts_err ts_session_start(const struct ts_options *o,
                             bool may_create,
                             struct ts_session **out,
                             struct ts_error *err)
{
    struct ts_config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    enum ts_err e = ts_command_config(o, config, err);
    if (e == TS_OK)
        e = ts_session_open(config, may_create, out, err);
    ts_config_deinit(config);
    free(config);
    return e;
}

void ts_session_close(struct ts_session *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        (void)close(s->fd);
    ts_store_close(s->store);
    ts_buf_free(&s->in);
    free(s);
}

const char *ts_session_db(const struct ts_session *s)
{
    return s->db_path;
}

/* -- asking the server ------------------------------------------------------------------------ */

static enum ts_err gone(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_CLIENT_GONE, "the server stopped before it was done");
}

static enum ts_err send_all(int fd, const char *bytes, size_t n, struct ts_error *err)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return gone(err);
        bytes += sent;
        n -= (size_t)sent;
    }
    return TS_OK;
}

static enum ts_err send_request(int fd, json_t *request, struct ts_error *err)
{
    char *text = json_dumps(request, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a request");
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of the NUL */
    enum ts_err e = send_all(fd, text, n + 1, err);
    free(text);
    return e;
}

/* The next line as JSON, a new reference. */
static enum ts_err read_line(struct ts_session *s, json_t **out, struct ts_error *err)
{
    for (;;) {
        const char *text = ts_buf_text(&s->in);
        const char *end = memchr(text, '\n', s->in.len);
        if (end != NULL) {
            size_t n = (size_t)(end - text);
            enum ts_err e = ts_json_parse(text, n, out, err);
            ts_buf_drop(&s->in, n + 1);
            return e;
        }
        if (!ts_buf_reserve(&s->in, READ_BYTES))
            return ts_fail(err, TS_ERR_IO, "the server's answer is too long");
        ssize_t n = recv(s->fd, s->in.data + s->in.len, READ_BYTES, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return gone(err);
        s->in.len += (size_t)n;
    }
}

static enum ts_err take_error(json_t *told, struct ts_error *err)
{
    const char *code = json_string_value(json_object_get(told, "code"));
    const char *message = json_string_value(json_object_get(told, "message"));
    enum ts_err e = ts_err_find(code != NULL ? code : "");
    return ts_fail(err,
                   e != TS_OK ? e : TS_ERR_INTERNAL,
                   "%s",
                   message != NULL ? message : "the server failed without a word");
}

static void take_progress(json_t *told, const struct ts_session_listener *listener)
{
    json_t *total = json_object_get(told, "total");
    if (listener != NULL)
        listener->progress(listener->ctx,
                           json_integer_value(json_object_get(told, "done")),
                           json_is_integer(total) ? json_integer_value(total) : TS_UNKNOWN);
}

static enum ts_err ask_server(struct ts_session *s,
                              json_t *request,
                              const struct ts_session_listener *listener,
                              json_t **result,
                              struct ts_error *err)
{
    enum ts_err e = send_request(s->fd, request, err);
    while (e == TS_OK) {
        json_auto_t *line = NULL;
        e = read_line(s, &line, err);
        if (e != TS_OK)
            return e;
        json_t *told = json_object_get(line, "result");
        if (told != NULL) {
            *result = json_incref(told);
            return TS_OK;
        }
        told = json_object_get(line, "error");
        if (told != NULL)
            return take_error(told, err);
        take_progress(json_object_get(line, "progress"), listener);
    }
    return e;
}

/* -- answering it here ------------------------------------------------------------------------ */

struct own_call {
    struct ts_verb_call call;
    const struct ts_session_listener *listener;
};

static bool tell(struct ts_verb_call *call, int64_t done, int64_t total)
{
    const struct ts_session_listener *l = TS_CONTAINER(call, struct own_call, call)->listener;
    if (l != NULL)
        l->progress(l->ctx, done, total);
    return true;
}

static enum ts_err answer(struct ts_session *s,
                          json_t *request,
                          const struct ts_session_listener *listener,
                          json_t **result,
                          struct ts_error *err)
{
    const struct ts_verb_env env = {
        .store = s->store, .db_path = s->db_path, .retention_days = s->retention_days};
    struct own_call own = {.call = {.env = &env, .request = request, .told = tell},
                           .listener = listener};
    enum ts_err e = ts_verb_run(&own.call, err);
    *result = own.call.result != NULL ? own.call.result : json_object();
    return e;
}

enum ts_err ts_session_ask(struct ts_session *s,
                           json_t *request,
                           const struct ts_session_listener *listener,
                           json_t **result,
                           struct ts_error *err)
{
    json_t *got = NULL;
    enum ts_err e = request == NULL    ? ts_fail(err, TS_ERR_NOMEM, "no memory for a request")
                    : s->store != NULL ? answer(s, request, listener, &got, err)
                                       : ask_server(s, request, listener, &got, err);
    json_decref(request);
    if (e == TS_OK && result != NULL)
        *result = TS_TAKE(got);
    json_decref(got);
    return e;
}
