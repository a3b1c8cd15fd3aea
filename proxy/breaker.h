/*
 * The circuit breaker of one model server: whether calls should be sent there now.
 *
 *   CLOSED --5 failures in a row, or half of >= 10 in 30 s--> OPEN
 *   OPEN --its time is over, and a call comes: the probe--> HALF_OPEN
 *   HALF_OPEN --the probe brought content--> CLOSED;  --it failed--> OPEN, twice as long
 *
 * OPEN lasts 5 s, 10 s, ... 60 s, each +-20 %, so that several gateways do not probe in step; the
 * doubling is forgotten once the breaker was closed for a minute.
 *
 * A failure is one before the first content: no connection, a broken one, an answer with 5xx or
 * nonsense. Silence is none (a model may be loading), nor is what happens behind the first content;
 * 429 and Retry-After only say when to come again (`not before`).
 *
 * Pure state: time and dice are passed in, nothing blocks, allocates or logs. Thread: the owner's
 * lock.
 */
#ifndef TS_PROXY_BREAKER_H
#define TS_PROXY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/window.h"

enum ts_breaker_state { TS_BREAKER_CLOSED, TS_BREAKER_OPEN, TS_BREAKER_HALF_OPEN };
const char *ts_breaker_state_name(enum ts_breaker_state s); /* "closed", "open", "half_open" */

enum {
    TS_BREAKER_IN_A_ROW = 5,
    TS_BREAKER_WINDOW_MS = 30 * 1000,
    TS_BREAKER_LEAST_CALLS = 10,
    TS_BREAKER_OPEN_MS = 5 * 1000,
    TS_BREAKER_OPEN_MAX_MS = 60 * 1000,
    TS_BREAKER_JITTER_PERCENT = 20,
};

/* What a try told about its server. */
enum ts_sign {
    TS_SIGN_NONE,   /* nothing: cut short, silent, or told to come again later */
    TS_SIGN_ALIVE,  /* content, or a verdict on the request */
    TS_SIGN_FAILED, /* a failure before the first content */
};

struct ts_breaker {
    enum ts_breaker_state state;
    int in_a_row;
    struct ts_window tries; /* marked: failures */
    int opened;             /* how often since it was last well; doubles the time */
    int64_t closed_us;      /* when the probe closed it; 0: never */
    int64_t failed_us;      /* when it failed last while it was not closed, or opened */
    int64_t open_until_us;  /* OPEN: then a probe may go */
    int64_t not_before_us;  /* the server asked for no calls before; 0: it did not */
};

#define TS_BREAKER_INIT ((struct ts_breaker){.tries = TS_WINDOW_INIT(TS_BREAKER_WINDOW_MS)})

/* Whether a call may go there now, as far as failures tell. */
bool ts_breaker_allows(const struct ts_breaker *b, int64_t now_us);

/* A call goes there, allowed or (because there is no other server) not.
 * Return: it is the probe; its sign decides. */
bool ts_breaker_enter(struct ts_breaker *b);

enum ts_breaker_change {
    TS_BREAKER_SAME,
    TS_BREAKER_OPENED,
    TS_BREAKER_REOPENED,
    TS_BREAKER_HEALED
};

/* What a call told; once for each that entered. @dice: any random number. */
enum ts_breaker_change ts_breaker_note(
    struct ts_breaker *b, enum ts_sign sign, bool probe, int64_t now_us, uint32_t dice);

/* The server wants no calls before then. Never moves to an earlier time. */
void ts_breaker_not_before(struct ts_breaker *b, int64_t until_us);

#endif
