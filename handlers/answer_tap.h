/*
 * A client sink that looks on: everything goes to the client behind it, and a copy into an answer
 * that may be given again (idempotency.h).
 *
 * Embedded; lives as long as the relay that writes into it. Thread: the loop's.
 */
#ifndef TS_HANDLERS_ANSWER_TAP_H
#define TS_HANDLERS_ANSWER_TAP_H

#include "handlers/idempotency.h"
#include "proxy/client.h"

struct ts_answer_tap {
    struct ts_client client; /* for the relay */
    struct ts_client *behind;
    struct ts_kept *answer; /* NULL without memory */
    bool ended;             /* the whole answer went through */
};

/* Returns the sink to write into. */
struct ts_client *ts_answer_tap_init(struct ts_answer_tap *t, struct ts_client *behind);

/* The answer, if all of it went through; the tap has it no more. Else NULL. */
struct ts_kept *ts_answer_tap_take(struct ts_answer_tap *t);
void ts_answer_tap_deinit(struct ts_answer_tap *t);

#endif
