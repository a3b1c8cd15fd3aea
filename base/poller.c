#include "base/poller.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVENTS_PER_TURN = 256 };

struct ts_poller {
    int epoll_fd;
    int wake_fd;
    struct ts_watch wake;
    int64_t now_us;
    bool woken; /* the mailbox has to be emptied in this turn */

    struct ts_timer **heap; /* heap[0] is due first; slot = index + 1 */
    int64_t not_before_us;  /* while timers run: what they set is not due in the same turn */
    uint32_t timers;
    uint32_t heap_cap;

    struct ts_deferred *deferred;

    /* The events of the running turn: a removed watch is blotted out of what is still to come. */
    struct epoll_event events[EVENTS_PER_TURN];
    int event_next;
    int event_count;

    pthread_mutex_t lock; /* guards the mailbox only; a leaf */
    struct ts_post *first;
    struct ts_post **last;
};

static void on_wake(struct ts_watch *w, unsigned events)
{
    (void)events;
    struct ts_poller *p = TS_CONTAINER(w, struct ts_poller, wake);
    uint64_t count = 0;
    ssize_t n = read(p->wake_fd, &count, sizeof(count));
    (void)n; /* EAGAIN only: another turn has read it */
    p->woken = true;
}

enum ts_err ts_poller_new(struct ts_poller **out, struct ts_error *err)
{
    struct ts_poller *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for an event loop");
    p->wake.fd = -1;
    p->last = &p->first;
    (void)pthread_mutex_init(&p->lock, NULL);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->wake.fn = on_wake;
    p->now_us = ts_now_us();
    if (p->epoll_fd < 0 || p->wake_fd < 0 ||
        ts_poller_watch(p, &p->wake, p->wake_fd, TS_POLL_IN) != TS_OK) {
        ts_poller_free(p);
        return ts_fail(err, TS_ERR_IO, "cannot create an event loop (descriptor limit?)");
    }
    *out = p;
    return TS_OK;
}

static void run_mailbox(struct ts_poller *p)
{
    (void)pthread_mutex_lock(&p->lock);
    struct ts_post *post = p->first;
    p->first = NULL;
    p->last = &p->first;
    (void)pthread_mutex_unlock(&p->lock);
    while (post != NULL) {
        struct ts_post *next = post->next; /* fn may free it */
        post->fn(post);
        post = next;
    }
}

void ts_poller_free(struct ts_poller *p)
{
    if (p == NULL)
        return;
    run_mailbox(p);
    ts_poller_reap(p);
    if (p->wake_fd >= 0)
        (void)close(p->wake_fd);
    if (p->epoll_fd >= 0)
        (void)close(p->epoll_fd);
    (void)pthread_mutex_destroy(&p->lock);
    free(p->heap);
    free(p);
}

static uint32_t to_epoll(unsigned events)
{
    uint32_t e = EPOLLRDHUP;
    if ((events & TS_POLL_IN) != 0)
        e |= EPOLLIN;
    if ((events & TS_POLL_OUT) != 0)
        e |= EPOLLOUT;
    if ((events & TS_POLL_EDGE) != 0)
        e |= EPOLLET;
    return e;
}

static unsigned from_epoll(uint32_t e)
{
    unsigned events = 0;
    if ((e & EPOLLIN) != 0)
        events |= TS_POLL_IN;
    if ((e & EPOLLOUT) != 0)
        events |= TS_POLL_OUT;
    if ((e & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        events |= TS_POLL_GONE;
    return events;
}

enum ts_err ts_poller_watch(struct ts_poller *p, struct ts_watch *w, int fd, unsigned events)
{
    assert(w->fn != NULL && fd >= 0);
    struct epoll_event e = {.events = to_epoll(events), .data.ptr = w};
    if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        return errno == ENOMEM || errno == ENOSPC ? TS_ERR_NOMEM : TS_ERR_IO;
    w->fd = fd;
    return TS_OK;
}

void ts_poller_rewatch(struct ts_poller *p, struct ts_watch *w, unsigned events)
{
    struct epoll_event e = {.events = to_epoll(events), .data.ptr = w};
    (void)epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, w->fd, &e);
}

void ts_poller_unwatch(struct ts_poller *p, struct ts_watch *w)
{
    if (w->fd < 0)
        return;
    (void)epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->fd = -1;
    for (int i = p->event_next; i < p->event_count; i++) {
        if (p->events[i].data.ptr == w)
            p->events[i].data.ptr = NULL;
    }
}

/* -- timers: a binary heap by due time ------------------------------------------------------- */

static void place(struct ts_poller *p, uint32_t i, struct ts_timer *t)
{
    p->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct ts_poller *p, uint32_t i, struct ts_timer *t)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (p->heap[parent]->due_us <= t->due_us)
            break;
        place(p, i, p->heap[parent]);
        i = parent;
    }
    place(p, i, t);
}

static void sift_down(struct ts_poller *p, uint32_t i, struct ts_timer *t)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= p->timers)
            break;
        if (child + 1 < p->timers && p->heap[child + 1]->due_us < p->heap[child]->due_us)
            child++;
        if (p->heap[child]->due_us >= t->due_us)
            break;
        place(p, i, p->heap[child]);
        i = child;
    }
    place(p, i, t);
}

static bool heap_reserve(struct ts_poller *p)
{
    if (p->timers < p->heap_cap)
        return true;
    uint32_t cap = p->heap_cap == 0 ? 64 : p->heap_cap * 2;
    struct ts_timer **heap = realloc(p->heap, cap * sizeof(struct ts_timer *));
    if (heap == NULL)
        return false;
    p->heap = heap;
    p->heap_cap = cap;
    return true;
}

enum ts_err ts_timer_set(struct ts_poller *p, struct ts_timer *t, int64_t due_us)
{
    assert(t->fn != NULL);
    due_us = due_us > p->not_before_us ? due_us : p->not_before_us;
    if (t->slot == 0) {
        if (!heap_reserve(p))
            return TS_ERR_NOMEM;
        t->due_us = due_us;
        sift_up(p, p->timers++, t);
        return TS_OK;
    }
    bool later = due_us > t->due_us;
    t->due_us = due_us;
    if (later)
        sift_down(p, t->slot - 1, t);
    else
        sift_up(p, t->slot - 1, t);
    return TS_OK;
}

void ts_timer_clear(struct ts_poller *p, struct ts_timer *t)
{
    if (t->slot == 0)
        return;
    uint32_t i = t->slot - 1;
    t->slot = 0;
    struct ts_timer *moved = p->heap[--p->timers];
    if (moved == t)
        return;
    sift_down(p, i, moved);
    sift_up(p, moved->slot - 1, moved);
}

static bool run_timers(struct ts_poller *p)
{
    bool any = false;
    /* A timer set by a callback for now or earlier waits for the next turn: no callback starves
     * the descriptors. */
    int64_t until = p->now_us;
    p->not_before_us = until + 1;
    while (p->timers > 0 && p->heap[0]->due_us <= until) {
        struct ts_timer *t = p->heap[0];
        ts_timer_clear(p, t);
        t->fn(t);
        any = true;
        if (p->timers > 0 && p->heap[0]->due_us <= until)
            p->now_us = ts_now_us();
    }
    p->not_before_us = 0;
    return any;
}

/* -- mailbox, deferred frees ------------------------------------------------------------------ */

void ts_poller_post(struct ts_poller *p, struct ts_post *post)
{
    post->next = NULL;
    (void)pthread_mutex_lock(&p->lock);
    bool first = p->first == NULL;
    *p->last = post;
    p->last = &post->next;
    if (first) { /* inside the lock: the loop may free itself once its last post has run */
        uint64_t one = 1;
        ssize_t n = write(p->wake_fd, &one, sizeof(one));
        (void)n; /* EAGAIN only: it is awake already */
    }
    (void)pthread_mutex_unlock(&p->lock);
}

void ts_poller_defer(struct ts_poller *p, struct ts_deferred *d)
{
    d->next = p->deferred;
    p->deferred = d;
}

void ts_poller_reap(struct ts_poller *p)
{
    while (p->deferred != NULL) {
        struct ts_deferred *d = p->deferred;
        p->deferred = d->next;
        d->fn(d);
    }
}

/* -- the turn --------------------------------------------------------------------------------- */

/* Milliseconds for epoll_wait, rounded up so that a timer is due when the wait ends. */
static int wait_ms(const struct ts_poller *p, int64_t max_wait_us)
{
    int64_t wait_us = max_wait_us;
    if (p->timers > 0) {
        int64_t left = p->heap[0]->due_us - ts_now_us();
        left = left < 0 ? 0 : left;
        wait_us = wait_us < 0 || left < wait_us ? left : wait_us;
    }
    if (wait_us < 0)
        return -1;
    int64_t ms = (wait_us + 999) / 1000;
    return ms > 3600000 ? 3600000 : (int)ms;
}

bool ts_poller_turn(struct ts_poller *p, int64_t max_wait_us)
{
    int n = epoll_wait(p->epoll_fd, p->events, EVENTS_PER_TURN, wait_ms(p, max_wait_us));
    p->now_us = ts_now_us();
    p->event_count = n < 0 ? 0 : n;
    for (p->event_next = 0; p->event_next < p->event_count;) {
        struct epoll_event e = p->events[p->event_next++];
        struct ts_watch *w = e.data.ptr;
        if (w != NULL)
            w->fn(w, from_epoll(e.events));
    }
    p->event_count = 0;
    p->event_next = 0;
    if (p->woken) {
        p->woken = false;
        run_mailbox(p);
    }
    return run_timers(p) || n > 0;
}

int64_t ts_poller_now(const struct ts_poller *p)
{
    return p->now_us;
}
