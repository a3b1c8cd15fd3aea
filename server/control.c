#include "server/control.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

enum {
    SEND_PATIENCE_S = 10, /* a command that takes no answer for so long is left */
    READ_BYTES = 64 * 1024,
    ANSWER_MAX_BYTES = 1024 * 1024,
    REAP_EVERY_MS = 1000, /* ended connections are joined so often at least */
};

struct link {
    struct ts_control *control;
    pthread_t thread;
    bool used;         /* has a thread to join; the listening thread's */
    _Atomic bool done; /* that thread is at its end */
    int fd;
    struct ts_buf in;
};

struct ts_control {
    struct ts_verb_env env;
    struct sockaddr_un address;
    int listener;
    int wake; /* an eventfd: stop */
    pthread_t thread;
    bool started;
    _Atomic bool stopping;
    struct link links[TS_CONTROL_MAX_CONNECTIONS];
};

bool ts_control_address(const char *db_path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(out->sun_path, sizeof(out->sun_path), "%s.sock", db_path);
    return n > 0 && (size_t)n < sizeof(out->sun_path);
}

/* -- one connection --------------------------------------------------------------------------- */

static bool send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Sends {"@kind": @value} as one line. Takes @value. */
static bool say(const struct link *l, const char *kind, json_t *value)
{
    json_auto_t *line = json_pack("{s:o}", kind, value);
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    if (text == NULL)
        return false;
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of the NUL */
    bool sent = send_all(l->fd, text, n + 1);
    free(text);
    return sent;
}

static bool say_error(const struct link *l, const struct ts_error *err)
{
    return say(
        l,
        "error",
        json_pack(
            "{s:s, s:o}", "code", ts_err_name(err->code), "message", ts_json_text(err->text)));
}

struct remote_call {
    struct ts_verb_call call;
    const struct link *link;
};

static bool tell(struct ts_verb_call *call, int64_t done, int64_t total)
{
    const struct link *l = TS_CONTAINER(call, struct remote_call, call)->link;
    if (l->control->stopping)
        return false;
    return say(l,
               "progress",
               json_pack("{s:I, s:o}", "done", (json_int_t)done, "total", ts_json_int(total)));
}

/* Answers one request. False: the command has left. */
static bool answer(const struct link *l, const char *line, size_t n)
{
    struct ts_error err = TS_ERROR_INIT;
    struct remote_call r = {.call = {.env = &l->control->env, .told = tell}, .link = l};
    enum ts_err e = ts_json_parse(line, n, &r.call.request, &err);
    if (e == TS_OK)
        e = ts_verb_run(&r.call, &err);
    json_decref(r.call.request);
    if (e == TS_OK)
        return say(l, "result", r.call.result != NULL ? r.call.result : json_object());
    json_decref(r.call.result);
    return say_error(l, &err);
}

/* Answers the whole lines that have come. */
static bool answer_lines(struct link *l)
{
    for (;;) {
        const char *text = ts_buf_text(&l->in);
        const char *end = memchr(text, '\n', l->in.len);
        if (end == NULL)
            return true;
        size_t n = (size_t)(end - text);
        if (!answer(l, text, n))
            return false;
        ts_buf_drop(&l->in, n + 1);
    }
}

static bool read_more(struct link *l)
{
    if (!ts_buf_reserve(&l->in, READ_BYTES)) {
        struct ts_error err;
        (void)ts_fail(&err,
                      TS_ERR_INVALID_FIELD,
                      "a request has at most %d bytes",
                      TS_CONTROL_MAX_LINE_BYTES);
        (void)say_error(l, &err);
        return false;
    }
    ssize_t n = 0;
    do {
        n = recv(l->fd, l->in.data + l->in.len, READ_BYTES, 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    l->in.len += (size_t)n;
    return true;
}

static void *serve(void *link)
{
    struct link *l = link;
    while (!l->control->stopping && read_more(l) && answer_lines(l))
        continue;
    ts_buf_free(&l->in);
    (void)shutdown(l->fd, SHUT_RDWR);
    l->done = true;
    uint64_t one = 1;
    if (write(l->control->wake, &one, sizeof(one)) < 0)
        return NULL; /* joined at the next turn then */
    return NULL;
}

/* -- listening -------------------------------------------------------------------------------- */

static void reap(struct ts_control *c, bool all)
{
    for (int i = 0; i < TS_CONTROL_MAX_CONNECTIONS; i++) {
        struct link *l = &c->links[i];
        if (!l->used || !(all || l->done))
            continue;
        if (all)
            (void)shutdown(l->fd, SHUT_RDWR);
        (void)pthread_join(l->thread, NULL);
        (void)close(l->fd);
        l->used = false;
    }
}

static struct link *free_link(struct ts_control *c)
{
    for (int i = 0; i < TS_CONTROL_MAX_CONNECTIONS; i++) {
        if (!c->links[i].used)
            return &c->links[i];
    }
    return NULL;
}

static void refuse(struct ts_control *c, int fd)
{
    struct link l = {.control = c, .fd = fd};
    struct ts_error err;
    (void)ts_fail(&err,
                  TS_ERR_OVERLOADED,
                  "%d commands are at work in this server; try again",
                  TS_CONTROL_MAX_CONNECTIONS);
    (void)say_error(&l, &err);
    (void)close(fd);
}

static void accept_one(struct ts_control *c)
{
    int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct timeval patience = {.tv_sec = SEND_PATIENCE_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    struct link *l = free_link(c);
    if (l == NULL) {
        refuse(c, fd);
        return;
    }
    *l = (struct link){
        .control = c, .fd = fd, .in = TS_BUF_INIT(TS_CONTROL_MAX_LINE_BYTES + READ_BYTES)};
    l->used = pthread_create(&l->thread, NULL, serve, l) == 0;
    if (!l->used)
        (void)close(fd);
}

static void *listen_main(void *control)
{
    struct ts_control *c = control;
    while (!c->stopping) {
        struct pollfd fds[] = {{.fd = c->listener, .events = POLLIN},
                               {.fd = c->wake, .events = POLLIN}};
        (void)poll(fds, TS_ARRAY_LEN(fds), REAP_EVERY_MS);
        uint64_t ignored = 0;
        if ((fds[1].revents & POLLIN) != 0 && read(c->wake, &ignored, sizeof(ignored)) < 0)
            continue;
        reap(c, false);
        if ((fds[0].revents & POLLIN) != 0)
            accept_one(c);
    }
    reap(c, true);
    return NULL;
}

/* -- the socket ------------------------------------------------------------------------------- */

/* Whether a process answers at the address. */
static bool somebody_answers(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
    if (fd >= 0)
        (void)close(fd);
    return yes;
}

/* Removes what a dead process left. */
static enum ts_err clear_place(const struct sockaddr_un *at, struct ts_error *err)
{
    struct stat st;
    if (lstat(at->sun_path, &st) != 0)
        return TS_OK;
    if (!S_ISSOCK(st.st_mode) || somebody_answers(at))
        return ts_fail(err,
                       TS_ERR_IN_USE,
                       "%s is taken; commands that write cannot reach this server",
                       at->sun_path);
    (void)unlink(at->sun_path);
    return TS_OK;
}

static enum ts_err open_listener(struct ts_control *c, struct ts_error *err)
{
    const struct sockaddr_un *at = &c->address;
    enum ts_err e = clear_place(at, err);
    if (e != TS_OK)
        return e;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody can connect before listen(), so the mode is right from the first moment. */
    if (c->wake < 0 || c->listener < 0 ||
        bind(c->listener, (const struct sockaddr *)at, sizeof(*at)) != 0 ||
        chmod(at->sun_path, 0600) != 0 || listen(c->listener, TS_CONTROL_MAX_CONNECTIONS) != 0)
        return ts_fail(err,
                       TS_ERR_IO,
                       "cannot listen on %s: %s; commands that write cannot reach this server",
                       at->sun_path,
                       strerrordesc_np(errno));
    return TS_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void ts_control_stop(struct ts_control *c)
{
    if (c == NULL)
        return;
    c->stopping = true;
    uint64_t one = 1;
    if (c->started && write(c->wake, &one, sizeof(one)) < 0)
        ts_log(TS_LOG_WARN, "the control socket ends a moment late");
    if (c->started)
        (void)pthread_join(c->thread, NULL);
    if (c->listener >= 0)
        (void)unlink(c->address.sun_path);
    close_fd(c->listener);
    close_fd(c->wake);
    free(c);
}
TS_DEFINE_AUTO(control_auto, struct ts_control, ts_control_stop)

enum ts_err ts_control_start(const struct ts_verb_env *env,
                             struct ts_control **out,
                             struct ts_error *err)
{
    TS_AUTO(control_auto) struct ts_control *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the control socket");
    c->env = *env;
    c->listener = c->wake = -1;
    if (!ts_control_address(env->db_path, &c->address))
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "%s: with .sock behind it the path is too long for a control socket (%zu "
                       "bytes at most): commands that write will not work while this server runs",
                       env->db_path,
                       sizeof(c->address.sun_path) - 1);
    enum ts_err e = open_listener(c, err);
    if (e != TS_OK) {
        close_fd(c->listener); /* not ours to unlink */
        c->listener = -1;
        return e;
    }
    if (pthread_create(&c->thread, NULL, listen_main, c) != 0)
        return ts_fail(err, TS_ERR_IO, "cannot start the control socket's thread");
    c->started = true;
    *out = TS_TAKE(c);
    return TS_OK;
}
