/*
 * The answer to a generation that works on a website (`touchstone.website`) becomes a clone attempt
 * by itself: the code in it its files. That happens when the call has ended, behind its row, and
 * its client waits for none of it. A call that was cancelled is no attempt.
 *
 * Thread: the loop's.
 */
#ifndef TS_HANDLERS_CLONE_ANSWER_H
#define TS_HANDLERS_CLONE_ANSWER_H

#include "handlers/exchange.h"

struct ts_clone_answer;

/* *@out is NULL where no website is named or nothing is recorded. Errors: INVALID_FIELD (it is no
 * address), NOMEM. */
TS_NODISCARD enum ts_err ts_clone_answer_new(const struct ts_exchange *x,
                                             const struct ts_call_labels *labels,
                                             struct ts_clone_answer **out,
                                             struct ts_error *err);

/* What the relay fills; NULL for NULL. */
struct ts_relay_answer *ts_clone_answer_sink(struct ts_clone_answer *a);

/* The call has ended: takes @a, which may be NULL. */
void ts_clone_answer_end(struct ts_clone_answer *a, enum ts_outcome outcome);

/* It was never asked. */
void ts_clone_answer_drop(struct ts_clone_answer *a);

#endif
