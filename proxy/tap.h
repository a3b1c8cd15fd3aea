/*
 * The tap: what one attempt's events tell about time, tokens and the way it ended.
 *
 * It only looks on. Times are when the bytes of an event arrived, on the monotonic clock; 0 is
 * "not yet". A token is an event with content of any kind: an empty delta, a role or a ping is
 * none.
 */
#ifndef TS_PROXY_TAP_H
#define TS_PROXY_TAP_H

#include "proxy/event.h"

struct ts_tap {
    int64_t first_us;
    int64_t first_visible_us;
    int64_t last_us; /* moved by ts_tap_skip() */
    int64_t last_token_us;
    int64_t max_stall_us; /* TS_UNKNOWN before the second token */
    int64_t events;       /* with content */
    enum ts_finish finish;
    bool called;                   /* a tool: some servers give no reason of its own for that */
    struct ts_token_counts tokens; /* the last that each field was said to be */
    struct ts_server_times times;
};

void ts_tap_init(struct ts_tap *t);

/* Takes in one event whose bytes arrived at @now_us. */
void ts_tap_event(struct ts_tap *t, const struct ts_event *e, int64_t now_us);

/* The upstream was held back until @now_us: that gap is not its own. */
void ts_tap_skip(struct ts_tap *t, int64_t now_us);

/* The phases that the events tell of: first token, first visible token, decode, longest stall, and
 * the server's own word about the loading of the model. */
void ts_tap_phases(const struct ts_tap *t, int64_t accepted_us, struct ts_phases *p);

/* Writes phases, tokens and finish reason into the record. @accepted_us: when the call came in. */
void ts_tap_fill(const struct ts_tap *t, int64_t accepted_us, struct ts_call *call);

#endif
