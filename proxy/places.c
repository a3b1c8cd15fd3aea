#include "proxy/places.h"

#include <assert.h>
#include <stddef.h>

enum { SMOOTH = 8 }; /* the newest holding time counts one eighth */

bool ts_places_has_room(const struct ts_places *p)
{
    return p->limit == 0 || p->taken < p->limit;
}

void ts_places_take(struct ts_places *p)
{
    p->taken++;
}

/* One turn behind the last call of the same asker; the first one is in the running turn. */
static uint64_t turn_of(const struct ts_places *p, uint64_t who)
{
    for (const struct ts_waiter *w = p->last; w != NULL; w = w->prev) {
        if (w->who == who)
            return w->turn + 1;
    }
    return p->turn + 1;
}

bool ts_places_wait(struct ts_places *p, struct ts_waiter *w)
{
    assert(!w->waits);
    if (p->waiting >= p->limit * TS_WAITERS_PER_PLACE)
        return false;
    w->turn = turn_of(p, w->who);
    struct ts_waiter *before = p->last;
    while (before != NULL && before->turn > w->turn)
        before = before->prev;
    w->prev = before;
    w->next = before != NULL ? before->next : p->first;
    *(w->prev != NULL ? &w->prev->next : &p->first) = w;
    *(w->next != NULL ? &w->next->prev : &p->last) = w;
    w->waits = true;
    p->waiting++;
    return true;
}

void ts_places_forget(struct ts_places *p, struct ts_waiter *w)
{
    if (!w->waits)
        return;
    *(w->prev != NULL ? &w->prev->next : &p->first) = w->next;
    *(w->next != NULL ? &w->next->prev : &p->last) = w->prev;
    w->waits = false;
    p->waiting--;
}

struct ts_waiter *ts_places_leave(struct ts_places *p, int64_t held_us)
{
    struct ts_waiter *next = p->first;
    assert(p->taken > 0);
    p->held_us = p->held_us == 0 ? held_us : p->held_us + (held_us - p->held_us) / SMOOTH;
    p->taken--;
    if (next == NULL || !ts_places_has_room(p))
        return NULL;
    ts_places_forget(p, next);
    p->turn = next->turn;
    p->taken++;
    return next;
}

int64_t ts_places_expect_us(const struct ts_places *p)
{
    return p->limit == 0 ? 0 : p->held_us * (p->waiting + 1) / p->limit;
}
