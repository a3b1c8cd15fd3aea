/*
 * Which server is asked next, and when: the order of targets, waiting for a place, retries.
 *
 * In this order, while the client has seen no content:
 *   1. the servers of the wanted model, then what a list names: at once, each server once
 *   2. a queue, where servers of the wanted model (or of a list) are well but full
 *   3. a server that has failed us, once more (a cloud's twice), after a random pause
 *   4. what nobody named (TOUCHSTONE_FALLBACK=auto), then servers that are known to be down
 *   5. where nobody could be asked at all: the server whose breaker has been open the longest, or
 *      the one that wants to be asked again the soonest
 */
#include "proxy/relay_next.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

static const int64_t us_per_ms = 1000;

enum {
    LOCAL_RETRIES = 1,
    CLOUD_RETRIES = 2,
    LOCAL_BASE_MS = 100,
    CLOUD_BASE_MS = 500,
    BACKOFF_MAX_MS = 4000,
    RETRY_AFTER_MAX_MS = 10 * 1000, /* told to wait longer, we do not */
};

/* -- what is told of it ----------------------------------------------------------------------- */

static struct ts_attempt *last_attempt(const struct ts_relay *r)
{
    int n = r->call->attempt_count;
    return n > 0 ? &r->call->attempts[n - 1] : NULL;
}

/* One line for each retry and each fallback. */
static void log_next(const struct ts_relay *r, int next, const char *what, int64_t wait_us)
{
    const struct ts_attempt *failed = last_attempt(r);
    const struct ts_target *t = &r->targets.at[next];
    if (failed == NULL)
        return;
    ts_logf(TS_LOG_INFO,
            TS_LOG_FIELDS(TS_LOG_STR("request", r->public_id),
                          TS_LOG_INT("attempt", r->call->attempt_count),
                          TS_LOG_STR("provider", failed->provider),
                          TS_LOG_STR("model", failed->model),
                          TS_LOG_STR("cause", ts_err_name(failed->cause)),
                          TS_LOG_STR("next_provider", t->provider->name),
                          TS_LOG_STR("next_model", t->model),
                          TS_LOG_INT("wait_ms", wait_us / us_per_ms)),
            "%s",
            what);
}

static void tell_breaker(const struct ts_relay *r, enum ts_breaker_change change)
{
    static const char *const what[] = {
        [TS_BREAKER_OPENED] = "breaker opened",
        [TS_BREAKER_REOPENED] = "breaker opened again",
        [TS_BREAKER_HEALED] = "breaker closed",
    };
    if (change == TS_BREAKER_SAME)
        return;
    struct ts_door door = ts_admission_door(r->env->registry, r->admission.provider);
    bool healed = change == TS_BREAKER_HEALED;
    int64_t wait_us = !healed ? door.open_until_us - ts_now_us() : 0;
    ts_logf(TS_LOG_WARN,
            TS_LOG_FIELDS(TS_LOG_STR("request", r->public_id),
                          TS_LOG_INT("attempt", r->tries),
                          TS_LOG_STR("provider", r->try.target->provider->name),
                          TS_LOG_STR("cause", healed ? NULL : ts_err_name(r->cause)),
                          TS_LOG_INT("wait_ms", wait_us > 0 ? wait_us / us_per_ms : 0)),
            "%s",
            what[change]);
    ts_registry_tell(r->env->registry, r->try.target->provider->index);
}

/* -- coming and going ------------------------------------------------------------------------- */

void ts_relay_leave(struct ts_relay *r, enum ts_sign sign)
{
    r->queued = false;
    r->pause_until_us = 0;
    tell_breaker(r, ts_admission_leave(&r->admission, sign, ts_now_us()));
}

void ts_relay_is_well(struct ts_relay *r)
{
    tell_breaker(r, ts_admission_well(&r->admission, ts_now_us()));
}

/* The admission is INSIDE: asks. Where the target cannot be asked this, it is left for good. */
static bool ask(struct ts_relay *r, int i, struct ts_error *err)
{
    if (ts_relay_ask(r, &r->targets.at[i], err) != TS_OK) {
        ts_relay_leave(r, TS_SIGN_NONE);
        r->asked[i] = RELAY_NOT_AGAIN;
        return false;
    }
    r->target = i;
    r->asked[i]++;
    r->tries++;
    ts_relay_arm(r);
    return true;
}

static void queue_up(struct ts_relay *r, int i)
{
    ts_relay_aim(r, &r->targets.at[i]);
    r->target = i;
    r->queued = true;
    r->wait_from_us = ts_now_us();
    ts_relay_arm(r);
}

static bool enter(struct ts_relay *r, int i, enum ts_entry_how how, struct ts_error *err)
{
    int provider = r->targets.at[i].provider->index;
    switch (ts_admission_enter(&r->admission, provider, how, ts_now_us())) {
    case TS_ENTRY_INSIDE:
        return ask(r, i, err);
    case TS_ENTRY_QUEUED:
        queue_up(r, i);
        return true;
    case TS_ENTRY_FULL:
        r->met_full = true;
        return false;
    case TS_ENTRY_OPEN:
    case TS_ENTRY_LATER:
        return false;
    }
    abort();
}

/* The targets of a rank that this call has not asked yet. */
static bool enter_rank(struct ts_relay *r,
                       enum ts_target_rank rank,
                       enum ts_entry_how how,
                       struct ts_error *err)
{
    for (int i = 0; i < r->targets.count; i++) {
        const struct ts_target *t = &r->targets.at[i];
        if (t->rank != rank || r->asked[i] != 0 || r->dead[t->provider->index])
            continue;
        if (!enter(r, i, how, err))
            continue;
        log_next(r, i, "falling back", 0);
        return true;
    }
    return false;
}

static bool enter_or_queue(struct ts_relay *r, enum ts_target_rank rank, struct ts_error *err)
{
    return enter_rank(r, rank, TS_ENTER_FREE, err) || enter_rank(r, rank, TS_ENTER_WAIT, err);
}

/* -- asking again ----------------------------------------------------------------------------- */

static int64_t below(int64_t limit_us)
{
    return (int64_t)arc4random_uniform((uint32_t)limit_us + 1);
}

/* Full jitter: anything between nothing and the doubled base. */
static int64_t backoff_us(const struct ts_relay *r, bool local)
{
    int64_t ms = local ? LOCAL_BASE_MS : CLOUD_BASE_MS;
    ms <<= r->retries;
    return below((ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS) * us_per_ms);
}

/* How long the call may still take; INT64_MAX: as long as it likes. */
static int64_t rest_us(const struct ts_relay *r, const struct ts_provider *p, int64_t now_us)
{
    int64_t rest = r->deadline_us != 0 ? r->deadline_us - now_us : INT64_MAX;
    int64_t total_us = p->total_timeout_ms * us_per_ms;
    if (total_us > 0 && r->accepted_us + total_us - now_us < rest)
        rest = r->accepted_us + total_us - now_us;
    return rest;
}

/* Whether a server that wants no calls for so long is worth the wait: a client that is promised a
 * first token sooner than that is better told at once. */
static bool is_worth(const struct ts_relay *r,
                     const struct ts_provider *p,
                     int64_t wait_us,
                     int64_t now_us)
{
    int64_t first_us = p->first_token_timeout_ms * us_per_ms;
    return wait_us <= RETRY_AFTER_MAX_MS * us_per_ms && wait_us <= rest_us(r, p, now_us) &&
           (first_us == 0 || wait_us <= first_us);
}

static void pause_for(struct ts_relay *r, int i, int64_t wait_us, int64_t now_us)
{
    r->target = i;
    r->wait_from_us = now_us;
    r->pause_until_us = now_us + wait_us;
    ts_relay_arm(r);
}

static bool retry_target(struct ts_relay *r, int i)
{
    const struct ts_provider *p = r->targets.at[i].provider;
    int64_t now_us = ts_now_us();
    struct ts_door door = ts_admission_door(r->env->registry, p->index);
    int64_t wait_us = backoff_us(r, p->kind->local);
    if (r->retries >= (p->kind->local ? LOCAL_RETRIES : CLOUD_RETRIES))
        return false;
    if (door.not_before_us > now_us) {
        if (!is_worth(r, p, door.not_before_us - now_us, now_us))
            return false;
        wait_us += door.not_before_us - now_us;
    }
    if (door.breaker != TS_BREAKER_CLOSED ||
        rest_us(r, p, now_us) - wait_us < 2 * p->connect_timeout_ms * us_per_ms ||
        !ts_admission_may_retry(r->env->registry, p->index, now_us))
        return false;
    r->retries++;
    log_next(r, i, "asking again", wait_us);
    last_attempt(r)->wait_us = wait_us;
    pause_for(r, i, wait_us, now_us);
    return true;
}

static bool retry(struct ts_relay *r)
{
    for (int i = 0; i < r->targets.count; i++) {
        if (r->asked[i] != 0 && r->asked[i] != RELAY_NOT_AGAIN && retry_target(r, i))
            return true;
    }
    return false;
}

/* -- when nobody lets us in ------------------------------------------------------------------- */

/* The fitting target whose door says the smallest; -1: none. @what: 0 is no candidate. */
static int smallest(const struct ts_relay *r,
                    int64_t (*what)(const struct ts_door *d),
                    int64_t *out)
{
    int best = -1;
    for (int i = 0; i < r->targets.count; i++) {
        struct ts_door d = ts_admission_door(r->env->registry, r->targets.at[i].provider->index);
        int64_t value = r->asked[i] == 0 ? what(&d) : 0;
        if (value == 0 || (best >= 0 && value >= *out))
            continue;
        best = i;
        *out = value;
    }
    return best;
}

static int64_t shut_since(const struct ts_door *d)
{
    return d->not_before_us > ts_now_us() ? 0 : d->failed_us;
}

static int64_t wanted_from(const struct ts_door *d)
{
    return d->not_before_us > ts_now_us() ? d->not_before_us : 0;
}

static int64_t expected(const struct ts_door *d)
{
    return d->expect_us + 1;
}

static void refuse_full(struct ts_relay *r, struct ts_error *err)
{
    int64_t expect_us = 0;
    (void)smallest(r, expected, &expect_us);
    r->retry_after_ms = expect_us / us_per_ms;
    (void)ts_fail(err,
                  TS_ERR_OVERLOADED,
                  "every server of this model is busy, and its queue is full; try again later");
}

static bool wait_until_wanted(struct ts_relay *r, struct ts_error *err)
{
    int64_t from_us = 0;
    int64_t now_us = ts_now_us();
    int i = smallest(r, wanted_from, &from_us);
    if (i < 0)
        return false;
    const struct ts_provider *p = r->targets.at[i].provider;
    int64_t wait_us = from_us > now_us ? from_us - now_us : 0;
    if (is_worth(r, p, wait_us, now_us)) {
        ts_relay_aim(r, &r->targets.at[i]);
        pause_for(r, i, wait_us + below(LOCAL_BASE_MS * us_per_ms), now_us);
        return true;
    }
    r->retry_after_ms = wait_us / us_per_ms;
    (void)ts_fail(err,
                  TS_ERR_UPSTREAM_RATE_LIMITED,
                  "%s takes no calls for another %d s",
                  p->name,
                  (int)(wait_us / us_per_ms / 1000 + 1));
    return false;
}

static bool last_resort(struct ts_relay *r, struct ts_error *err)
{
    int64_t since_us = 0;
    if (r->met_full) {
        refuse_full(r, err);
        return false;
    }
    int i = smallest(r, shut_since, &since_us);
    if (i >= 0)
        return enter(r, i, TS_ENTER_FORCED, err);
    return wait_until_wanted(r, err);
}

/* -- the whole -------------------------------------------------------------------------------- */

/* A server that took all its time will hardly do better at once, and the client has waited. */
void ts_relay_note_slow(struct ts_relay *r, enum ts_err cause, int64_t took_us)
{
    int64_t connect_us = r->try.target->provider->connect_timeout_ms * us_per_ms;
    if (cause == TS_ERR_UPSTREAM_TIMEOUT ||
        (cause == TS_ERR_UPSTREAM_UNREACHABLE && took_us >= connect_us))
        r->asked[r->target] = RELAY_NOT_AGAIN;
}

bool ts_relay_next(struct ts_relay *r, struct ts_error *err)
{
    if (r->call->attempt_count == TS_MAX_TARGETS)
        return false;
    r->met_full = false;
    return enter_or_queue(r, TS_TARGET_WANTED, err) || enter_or_queue(r, TS_TARGET_LISTED, err) ||
           retry(r) || enter_or_queue(r, TS_TARGET_ANY, err) ||
           enter_or_queue(r, TS_TARGET_DOWN, err) || (r->tries == 0 && last_resort(r, err));
}

static void go_on(struct ts_relay *r)
{
    struct ts_error err = TS_ERROR_INIT;
    if (!ts_relay_next(r, &err))
        ts_relay_give_up(r, &err);
}

void ts_relay_resume(struct ts_relay *r)
{
    struct ts_error err = TS_ERROR_INIT;
    enum ts_entry_how how = r->tries == 0 ? TS_ENTER_FORCED : TS_ENTER_WAIT;
    r->pause_until_us = 0;
    r->ready_us = ts_now_us();
    if (!enter(r, r->target, how, &err))
        go_on(r);
}

void ts_relay_called(struct ts_relay *r)
{
    struct ts_error err = TS_ERROR_INIT;
    r->queued = false;
    r->ready_us = ts_now_us();
    int64_t waited_us = r->ready_us - r->wait_from_us;
    r->queue_us += waited_us;
    if (last_attempt(r) != NULL)
        last_attempt(r)->wait_us += waited_us;
    if (!ts_admission_confirm(&r->admission, r->ready_us)) {
        ts_relay_leave(r, TS_SIGN_NONE);
        go_on(r);
    } else if (!ask(r, r->target, &err)) {
        go_on(r);
    }
}
