#include "proxy/sockets.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

struct ts_socket {
    struct ts_watch watch; /* fd -1: not watched */
    struct ts_sockets *all;
    unsigned events; /* that it waits for while it is watched */
    bool open;       /* opened as a connection */
    bool parked;
};

void ts_sockets_init(struct ts_sockets *s, struct ts_poller *p, ts_sockets_fn *fn, void *ctx)
{
    *s = (struct ts_sockets){.poller = p, .fn = fn, .ctx = ctx};
}

void ts_sockets_deinit(struct ts_sockets *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->by_fd[i] != NULL)
            ts_poller_unwatch(s->poller, &s->by_fd[i]->watch);
        free(s->by_fd[i]);
    }
    free(s->by_fd);
    s->by_fd = NULL;
    s->count = 0;
}

static struct ts_socket *find(const struct ts_sockets *s, int fd)
{
    return fd >= 0 && (size_t)fd < s->count ? s->by_fd[fd] : NULL;
}

/* What comes now belongs to nobody. One that the server closed is left for libcurl to find. */
static void empty(struct ts_socket *c)
{
    char bytes[4096];
    int fd = c->watch.fd;
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    bool dirty = n > 0;
    while (n > 0)
        n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (!dirty && n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    ts_poller_unwatch(c->all->poller, &c->watch);
    if (dirty)
        (void)shutdown(fd, SHUT_RDWR);
}

static void on_event(struct ts_watch *w, unsigned events)
{
    struct ts_socket *c = TS_CONTAINER(w, struct ts_socket, watch);
    if (c->parked)
        empty(c);
    else
        c->all->fn(c->all->ctx, w->fd, events);
}

static bool grow(struct ts_sockets *s, size_t count)
{
    size_t room = s->count > 0 ? s->count : 64;
    while (room < count)
        room *= 2;
    struct ts_socket **more = realloc(s->by_fd, room * sizeof(struct ts_socket *));
    if (more == NULL)
        return false;
    for (size_t i = s->count; i < room; i++)
        more[i] = NULL;
    s->by_fd = more;
    s->count = room;
    return true;
}

static struct ts_socket *find_or_make(struct ts_sockets *s, int fd)
{
    struct ts_socket *c = find(s, fd);
    if (c != NULL || ((size_t)fd >= s->count && !grow(s, (size_t)fd + 1)))
        return c;
    c = s->by_fd[fd] = calloc(1, sizeof(*c));
    if (c != NULL) {
        c->all = s;
        c->watch.fn = on_event;
        c->watch.fd = -1;
    }
    return c;
}

void ts_sockets_opened(struct ts_sockets *s, int fd)
{
    struct ts_socket *c = find_or_make(s, fd);
    if (c != NULL)
        c->open = true;
}

void ts_sockets_closing(struct ts_sockets *s, int fd)
{
    struct ts_socket *c = find(s, fd);
    if (c == NULL)
        return;
    ts_poller_unwatch(s->poller, &c->watch);
    c->open = false;
}

static enum ts_err wait_for(struct ts_socket *c, int fd, unsigned events)
{
    if (c->watch.fd >= 0 && c->events == events)
        return TS_OK;
    c->events = events;
    if (c->watch.fd < 0)
        return ts_poller_watch(c->all->poller, &c->watch, fd, events);
    ts_poller_rewatch(c->all->poller, &c->watch, events);
    return TS_OK;
}

enum ts_err ts_sockets_use(struct ts_sockets *s, int fd, unsigned events)
{
    assert(events != 0);
    struct ts_socket *c = find_or_make(s, fd);
    if (c == NULL)
        return TS_ERR_NOMEM;
    c->parked = false;
    return wait_for(c, fd, events);
}

void ts_sockets_leave(struct ts_sockets *s, int fd, bool park)
{
    struct ts_socket *c = find(s, fd);
    if (c == NULL)
        return;
    c->parked = park && c->open;
    if (!c->parked || wait_for(c, fd, TS_POLL_IN) != TS_OK)
        ts_poller_unwatch(s->poller, &c->watch);
}
