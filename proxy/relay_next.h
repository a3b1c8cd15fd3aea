/*
 * The relay's choice: which server is asked next, and when. For relay*.c only.
 *
 * Between two tries, or before the first one, a call that is WAITING may stand in a server's queue
 * (`queued`) or pause before it asks again (`pause_until_us`); its timer and the admission's
 * message bring it back here.
 */
#ifndef TS_PROXY_RELAY_NEXT_H
#define TS_PROXY_RELAY_NEXT_H

#include "proxy/relay_impl.h"

enum { RELAY_NOT_AGAIN = 0xff }; /* in `asked`: unfit for this request, or too slow */

/* Asks the next server, queues up at one, or pauses before one is asked again. The last attempt of
 * the record, if there is one, is what failed. On false nobody can be asked: @err says why, unless
 * there was an attempt. */
TS_NODISCARD bool ts_relay_next(struct ts_relay *r, struct ts_error *err);

/* The pause is over; a place was found. The call may be over afterwards. */
void ts_relay_resume(struct ts_relay *r);
void ts_relay_called(struct ts_relay *r);

/* The try (or the waiting for one) is over, and this is what it told about the server. */
void ts_relay_leave(struct ts_relay *r, enum ts_sign sign);

/* Content came. */
void ts_relay_is_well(struct ts_relay *r);

/* A try failed after so long: some are not worth another one. */
void ts_relay_note_slow(struct ts_relay *r, enum ts_err cause, int64_t took_us);

/* relay_try.c: makes a target the one that the call is at, before it is asked anything. */
void ts_relay_aim(struct ts_relay *r, const struct ts_target *target);

/* relay.c: no server is left to be asked. Ends with the last failure, else with @err. */
void ts_relay_give_up(struct ts_relay *r, const struct ts_error *err);

#endif
