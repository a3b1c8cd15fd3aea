#include "handlers/running.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/thread.h"

enum { BUCKETS = 1024 };

struct ts_running {
    pthread_mutex_t lock;
    struct ts_running_call *buckets[BUCKETS];
};

enum ts_err ts_running_new(struct ts_running **out)
{
    struct ts_running *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return TS_ERR_NOMEM;
    if (pthread_mutex_init(&r->lock, NULL) != 0) {
        free(r);
        return TS_ERR_NOMEM;
    }
    *out = r;
    return TS_OK;
}

void ts_running_free(struct ts_running *r)
{
    if (r == NULL)
        return;
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Calls of one millisecond differ below, those of one loop above: both ends count. */
static struct ts_running_call **bucket(struct ts_running *r, int64_t id)
{
    uint64_t h = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
    return &r->buckets[h >> 54];
}

static struct ts_running_call **find(struct ts_running *r, int64_t id)
{
    struct ts_running_call **at = bucket(r, id);
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

void ts_running_add(struct ts_running *r, struct ts_running_call *c)
{
    TS_GUARD(&r->lock);
    struct ts_running_call **first = bucket(r, c->id);
    c->next = *first;
    *first = c;
}

void ts_running_remove(struct ts_running *r, struct ts_running_call *c)
{
    TS_GUARD(&r->lock);
    struct ts_running_call **at = find(r, c->id);
    if (*at == c)
        *at = c->next;
}

bool ts_running_has(struct ts_running *r, int64_t id)
{
    TS_GUARD(&r->lock);
    return *find(r, id) != NULL;
}

static void abort_there(struct ts_post *post)
{
    struct ts_running_abort *a = TS_CONTAINER(post, struct ts_running_abort, there);
    (void)pthread_mutex_lock(&a->set->lock);
    struct ts_running_call *c = *find(a->set, a->id);
    (void)pthread_mutex_unlock(&a->set->lock);
    a->found = c != NULL;
    if (c != NULL)
        c->abort(c); /* this is its home: nobody else could have removed it */
    ts_poller_post(a->home, &a->back);
}

static struct ts_poller *home_of(struct ts_running *r, int64_t id)
{
    TS_GUARD(&r->lock);
    const struct ts_running_call *c = *find(r, id);
    return c != NULL ? c->home : NULL;
}

void ts_running_abort(struct ts_running *r, struct ts_running_abort *a)
{
    struct ts_poller *there = home_of(r, a->id);
    a->set = r;
    a->found = false;
    a->there.fn = abort_there;
    if (there != NULL)
        ts_poller_post(there, &a->there);
    else
        ts_poller_post(a->home, &a->back);
}
