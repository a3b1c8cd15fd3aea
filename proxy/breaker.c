#include "proxy/breaker.h"

#include <stdlib.h>

static const int64_t us_per_ms = 1000;

enum { FORGET_MS = 60 * 1000 };

const char *ts_breaker_state_name(enum ts_breaker_state s)
{
    switch (s) {
    case TS_BREAKER_CLOSED:
        return "closed";
    case TS_BREAKER_OPEN:
        return "open";
    case TS_BREAKER_HALF_OPEN:
        return "half_open";
    }
    abort();
}

bool ts_breaker_allows(const struct ts_breaker *b, int64_t now_us)
{
    switch (b->state) {
    case TS_BREAKER_CLOSED:
        return true;
    case TS_BREAKER_OPEN:
        return now_us >= b->open_until_us;
    case TS_BREAKER_HALF_OPEN:
        return false; /* one probe at a time */
    }
    abort();
}

bool ts_breaker_enter(struct ts_breaker *b)
{
    bool probe = b->state == TS_BREAKER_OPEN;
    if (probe)
        b->state = TS_BREAKER_HALF_OPEN;
    return probe;
}

static int64_t open_us(int opened, uint32_t dice)
{
    int64_t ms = TS_BREAKER_OPEN_MS;
    while (--opened > 0 && ms < TS_BREAKER_OPEN_MAX_MS)
        ms *= 2;
    if (ms > TS_BREAKER_OPEN_MAX_MS)
        ms = TS_BREAKER_OPEN_MAX_MS;
    int64_t width_us = ms * us_per_ms * TS_BREAKER_JITTER_PERCENT / 100;
    return ms * us_per_ms - width_us + (int64_t)(dice % (uint64_t)(2 * width_us + 1));
}

static void open_it(struct ts_breaker *b, int64_t now_us, uint32_t dice)
{
    if (b->closed_us != 0 && now_us - b->closed_us >= FORGET_MS * us_per_ms)
        b->opened = 0;
    b->failed_us = now_us;
    b->opened++;
    b->state = TS_BREAKER_OPEN;
    b->open_until_us = now_us + open_us(b->opened, dice);
}

static enum ts_breaker_change note_probe(struct ts_breaker *b,
                                         enum ts_sign sign,
                                         int64_t now_us,
                                         uint32_t dice)
{
    switch (sign) {
    case TS_SIGN_NONE: /* the next call is the probe */
        b->state = TS_BREAKER_OPEN;
        return TS_BREAKER_SAME;
    case TS_SIGN_ALIVE:
        b->state = TS_BREAKER_CLOSED;
        b->closed_us = now_us;
        b->in_a_row = 0;
        b->tries = TS_WINDOW_INIT(TS_BREAKER_WINDOW_MS);
        return TS_BREAKER_HEALED;
    case TS_SIGN_FAILED:
        if (now_us >= b->open_until_us) {
            open_it(b, now_us, dice);
            return TS_BREAKER_REOPENED;
        }
        b->state = TS_BREAKER_OPEN; /* forced in before its time: no news */
        b->failed_us = now_us;
        return TS_BREAKER_SAME;
    }
    abort();
}

static bool is_too_much(const struct ts_breaker *b, int64_t now_us)
{
    struct ts_window_count n = ts_window_sum(&b->tries, now_us);
    return b->in_a_row >= TS_BREAKER_IN_A_ROW ||
           (n.all >= TS_BREAKER_LEAST_CALLS && 2 * n.marked >= n.all);
}

enum ts_breaker_change ts_breaker_note(
    struct ts_breaker *b, enum ts_sign sign, bool probe, int64_t now_us, uint32_t dice)
{
    if (probe)
        return note_probe(b, sign, now_us, dice);
    if (b->state != TS_BREAKER_CLOSED || sign == TS_SIGN_NONE)
        return TS_BREAKER_SAME; /* a call from before it opened tells nothing new */
    bool failed = sign == TS_SIGN_FAILED;
    ts_window_add(&b->tries, now_us, (struct ts_window_count){.all = 1, .marked = failed});
    b->in_a_row = failed ? b->in_a_row + 1 : 0;
    if (!failed || !is_too_much(b, now_us))
        return TS_BREAKER_SAME;
    open_it(b, now_us, dice);
    return TS_BREAKER_OPENED;
}

void ts_breaker_not_before(struct ts_breaker *b, int64_t until_us)
{
    if (until_us > b->not_before_us)
        b->not_before_us = until_us;
}
