#include "proxy/admission.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "proxy/registry_entry.h"

static struct ts_registry_entry *entry_of(const struct ts_admission *a)
{
    return &a->registry->entries[a->provider];
}

/* -- entering --------------------------------------------------------------------------------- */

static void go_in(struct ts_admission *a, int64_t now_us)
{
    struct ts_registry_entry *e = entry_of(a);
    a->state = TS_ADMISSION_INSIDE;
    a->probe = ts_breaker_enter(&e->breaker);
    a->entered_us = now_us;
    ts_budget_call(&e->budget, now_us);
}

enum ts_entry ts_admission_enter(struct ts_admission *a,
                                 int provider,
                                 enum ts_entry_how how,
                                 int64_t now_us)
{
    struct ts_registry_entry *e = &a->registry->entries[provider];
    assert(a->state == TS_ADMISSION_AWAY && !a->message_out);
    a->provider = provider;
    a->forced = how == TS_ENTER_FORCED;
    TS_GUARD(&a->registry->lock);
    if (!a->forced && !ts_breaker_allows(&e->breaker, now_us))
        return TS_ENTRY_OPEN;
    if (now_us < e->breaker.not_before_us)
        return TS_ENTRY_LATER;
    if (ts_places_has_room(&e->places)) {
        ts_registry_advance_share(e, now_us);
        ts_places_take(&e->places);
        go_in(a, now_us);
        return TS_ENTRY_INSIDE;
    }
    if (how == TS_ENTER_FREE || !ts_places_wait(&e->places, &a->waiter))
        return TS_ENTRY_FULL;
    a->state = TS_ADMISSION_QUEUED;
    return TS_ENTRY_QUEUED;
}

bool ts_admission_confirm(struct ts_admission *a, int64_t now_us)
{
    struct ts_registry_entry *e = entry_of(a);
    TS_GUARD(&a->registry->lock);
    bool allowed = a->forced || ts_breaker_allows(&e->breaker, now_us);
    if (!allowed || now_us < e->breaker.not_before_us)
        return false;
    go_in(a, now_us);
    return true;
}

/* -- leaving ---------------------------------------------------------------------------------- */

static void on_post(struct ts_post *post)
{
    struct ts_admission *a = TS_CONTAINER(post, struct ts_admission, post);
    {
        TS_GUARD(&a->registry->lock);
        a->message_out = false;
    }
    a->called(a);
}

/* Gives the place to the next one; under the lock. Return: whom to tell, after it. */
static struct ts_admission *pass_on(struct ts_registry_entry *e, int64_t held_us)
{
    struct ts_waiter *w = ts_places_leave(&e->places, held_us);
    if (w == NULL)
        return NULL;
    struct ts_admission *next = TS_CONTAINER(w, struct ts_admission, waiter);
    next->state = TS_ADMISSION_INSIDE;
    next->probe = false;
    next->entered_us = 0;
    next->message_out = true;
    return next;
}

/* For the breaker's jitter, which needs no secrecy; arc4random() asks the kernel each time. Under
 * the lock. The constants are Knuth's (MMIX). */
static uint32_t dice(struct ts_registry_entry *e)
{
    e->dice = e->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(e->dice >> 32);
}

enum ts_breaker_change ts_admission_leave(struct ts_admission *a, enum ts_sign sign, int64_t now_us)
{
    struct ts_registry_entry *e = entry_of(a);
    struct ts_admission *next = NULL;
    enum ts_breaker_change change = TS_BREAKER_SAME;
    {
        TS_GUARD(&a->registry->lock);
        ts_places_forget(&e->places, &a->waiter);
        if (a->state == TS_ADMISSION_INSIDE) {
            bool was_there = a->entered_us != 0;
            if (was_there)
                change = ts_breaker_note(&e->breaker, sign, a->probe, now_us, dice(e));
            ts_registry_advance_share(e, now_us);
            next = pass_on(e, was_there ? now_us - a->entered_us : e->places.held_us);
        }
        a->state = TS_ADMISSION_AWAY;
        a->probe = false;
    }
    if (next != NULL) {
        next->post.fn = on_post;
        ts_poller_post(next->home, &next->post);
    }
    return change;
}

enum ts_breaker_change ts_admission_well(struct ts_admission *a, int64_t now_us)
{
    struct ts_registry_entry *e = entry_of(a);
    TS_GUARD(&a->registry->lock);
    assert(a->state == TS_ADMISSION_INSIDE);
    enum ts_breaker_change change =
        ts_breaker_note(&e->breaker, TS_SIGN_ALIVE, a->probe, now_us, dice(e));
    a->probe = false;
    return change;
}

bool ts_admission_is_called(struct ts_admission *a)
{
    TS_GUARD(&a->registry->lock);
    return a->message_out;
}

/* -- the door --------------------------------------------------------------------------------- */

bool ts_admission_may_retry(struct ts_registry *r, int provider, int64_t now_us)
{
    TS_GUARD(&r->lock);
    return ts_budget_retry(&r->entries[provider].budget, now_us);
}

void ts_admission_not_before(struct ts_registry *r, int provider, int64_t until_us)
{
    TS_GUARD(&r->lock);
    ts_breaker_not_before(&r->entries[provider].breaker, until_us);
}

struct ts_door ts_admission_door(struct ts_registry *r, int provider)
{
    const struct ts_registry_entry *e = &r->entries[provider];
    TS_GUARD(&r->lock);
    return (struct ts_door){
        .breaker = e->breaker.state,
        .open_until_us = e->breaker.open_until_us,
        .not_before_us = e->breaker.not_before_us,
        .failed_us = e->breaker.state != TS_BREAKER_CLOSED ? e->breaker.failed_us : 0,
        .expect_us = ts_places_expect_us(&e->places),
        .waiting = e->places.waiting,
    };
}
