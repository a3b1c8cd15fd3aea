#include "proxy/parking.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

struct ts_parked {
    struct ts_watch watch; /* fd -1: in use, or closed */
    struct ts_parking *parking;
    bool open;
};

void ts_parking_init(struct ts_parking *p, struct ts_poller *poller)
{
    *p = (struct ts_parking){.poller = poller};
}

void ts_parking_deinit(struct ts_parking *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->by_fd[i] != NULL)
            ts_poller_unwatch(p->poller, &p->by_fd[i]->watch);
        free(p->by_fd[i]);
    }
    free(p->by_fd);
    p->by_fd = NULL;
    p->count = 0;
}

static struct ts_parked *find(const struct ts_parking *p, int fd)
{
    return fd >= 0 && (size_t)fd < p->count ? p->by_fd[fd] : NULL;
}

/* What comes now belongs to nobody. */
static void on_event(struct ts_watch *w, unsigned events)
{
    struct ts_parked *c = TS_CONTAINER(w, struct ts_parked, watch);
    char bytes[4096];
    int fd = w->fd;
    bool dirty = false;
    (void)events;
    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        dirty = true;
    ts_poller_unwatch(c->parking->poller, w);
    if (dirty)
        (void)shutdown(fd, SHUT_RDWR);
}

static bool grow(struct ts_parking *p, size_t count)
{
    size_t room = p->count > 0 ? p->count : 64;
    while (room < count)
        room *= 2;
    struct ts_parked **more = realloc(p->by_fd, room * sizeof(struct ts_parked *));
    if (more == NULL)
        return false;
    for (size_t i = p->count; i < room; i++)
        more[i] = NULL;
    p->by_fd = more;
    p->count = room;
    return true;
}

void ts_parking_opened(struct ts_parking *p, int fd)
{
    struct ts_parked *c = find(p, fd);
    if (c == NULL) {
        if ((size_t)fd >= p->count && !grow(p, (size_t)fd + 1))
            return;
        c = p->by_fd[fd] = calloc(1, sizeof(*c));
        if (c == NULL)
            return;
        c->parking = p;
        c->watch.fn = on_event;
        c->watch.fd = -1;
    }
    c->open = true;
}

void ts_parking_closing(struct ts_parking *p, int fd)
{
    struct ts_parked *c = find(p, fd);
    if (c == NULL)
        return;
    ts_poller_unwatch(p->poller, &c->watch);
    c->open = false;
}

void ts_parking_park(struct ts_parking *p, int fd)
{
    struct ts_parked *c = find(p, fd);
    if (c != NULL && c->open && c->watch.fd < 0)
        (void)!ts_poller_watch(p->poller, &c->watch, fd, TS_POLL_IN);
}

void ts_parking_leave(struct ts_parking *p, int fd)
{
    struct ts_parked *c = find(p, fd);
    if (c != NULL)
        ts_poller_unwatch(p->poller, &c->watch);
}
