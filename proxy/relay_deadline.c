/* Deadlines of a call: one timer, moved only when something is due earlier, so that tokens do not
 * touch it. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "proxy/relay_next.h"

static const int64_t us_per_ms = 1000;

static void earlier(int64_t *due_us, int64_t from_us, int64_t wait_ms)
{
    if (wait_ms > 0 && from_us + wait_ms * us_per_ms < *due_us)
        *due_us = from_us + wait_ms * us_per_ms;
}

static void earlier_than(int64_t *due_us, int64_t at_us)
{
    if (at_us < *due_us)
        *due_us = at_us;
}

/* Since when the server has owed us a first token, or its queue a place. */
static int64_t waits_since(const struct ts_relay *r)
{
    return r->queued ? r->wait_from_us : r->try.begun_us;
}

static bool owes_sign_of_life(const struct ts_relay *r)
{
    return r->state == RELAY_WAITING && r->stream &&
           (!r->begun || r->dialect->framing == TS_FRAMING_SSE);
}

/* When something has to be looked at; INT64_MAX for never. */
static int64_t next_due(const struct ts_relay *r)
{
    int64_t due_us = INT64_MAX;
    if (r->state == RELAY_HOLDING)
        return r->hold_until_us;
    if (r->state == RELAY_DONE)
        return due_us;
    const struct ts_provider *p = r->try.target->provider;
    if (r->deadline_us != 0)
        due_us = r->deadline_us;
    earlier(&due_us, r->accepted_us, p->total_timeout_ms);
    if (r->pause_until_us != 0)
        earlier_than(&due_us, r->pause_until_us);
    else if (r->state == RELAY_WAITING)
        earlier(&due_us, waits_since(r), p->first_token_timeout_ms);
    if (r->state == RELAY_STREAMING && !r->paused)
        earlier(&due_us, r->try.tap.last_us, p->gap_timeout_ms);
    if (owes_sign_of_life(r))
        earlier(&due_us, r->quiet_us, TS_SILENCE_MS);
    return due_us;
}

/* A timer that is set for too early just comes round again. */
void ts_relay_arm(struct ts_relay *r)
{
    int64_t due_us = next_due(r);
    if (due_us == INT64_MAX)
        ts_timer_clear(r->env->poller, &r->timer);
    else if (!ts_timer_is_set(&r->timer) || r->timer.due_us > due_us)
        if (ts_timer_set(r->env->poller, &r->timer, due_us) != TS_OK)
            ts_log(TS_LOG_ERROR, "no memory for a timer: a call has no deadline");
}

/* -- what is over --------------------------------------------------------------------------- */

static void time_out(struct ts_relay *r, bool retryable, const char *what, int64_t limit_ms)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_refusal refusal = {.cause = TS_ERR_UPSTREAM_TIMEOUT, .retryable = retryable};
    (void)ts_fail(&err,
                  TS_ERR_UPSTREAM_TIMEOUT,
                  "%s: no %s within %" PRId64 " ms",
                  r->try.target->provider->name,
                  what,
                  limit_ms);
    ts_relay_fail_try(r, refusal, &err);
}

static bool is_over(int64_t from_us, int64_t wait_ms, int64_t now_us)
{
    return wait_ms > 0 && now_us >= from_us + wait_ms * us_per_ms;
}

/* Headers, and where the dialect has comments a ping: proxies in between cut what is silent. */
static void give_sign_of_life(struct ts_relay *r)
{
    static const char ping[] = ": ping\n\n";
    if (!r->begun)
        ts_relay_begin(r);
    if (r->dialect->framing == TS_FRAMING_SSE)
        r->client->ops->write(r->client, ping, sizeof(ping) - 1);
    r->quiet_us = ts_now_us();
}

void ts_relay_check_deadlines(struct ts_relay *r, int64_t now_us)
{
    const struct ts_provider *p = r->try.target->provider;
    if (r->deadline_us != 0 && now_us >= r->deadline_us)
        time_out(r, false, "whole answer", (r->deadline_us - r->accepted_us) / us_per_ms);
    else if (is_over(r->accepted_us, p->total_timeout_ms, now_us))
        time_out(r, false, "whole answer", p->total_timeout_ms);
    else if (r->pause_until_us != 0 && now_us >= r->pause_until_us)
        ts_relay_resume(r);
    else if (r->state == RELAY_WAITING && r->pause_until_us == 0 &&
             is_over(waits_since(r), p->first_token_timeout_ms, now_us))
        time_out(r, true, r->queued ? "free place" : "first token", p->first_token_timeout_ms);
    else if (r->state == RELAY_STREAMING && !r->paused &&
             is_over(r->try.tap.last_us, p->gap_timeout_ms, now_us))
        time_out(r, false, "token", p->gap_timeout_ms);
    else if (owes_sign_of_life(r) && is_over(r->quiet_us, TS_SILENCE_MS, now_us))
        give_sign_of_life(r);
}
