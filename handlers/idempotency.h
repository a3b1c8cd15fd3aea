/*
 * Idempotency-Key: a generation that is sent twice happens once.
 *
 * A key belongs to the credentials and the path it came with and counts for TS_IDEMPOTENCY_HOURS.
 *   the same request again, while the first runs       STILL_RUNNING (409)
 *   after the first ended well                         its whole answer, as it was given
 *   the same, but the answer was too big, was not all
 *   taken, or had to make room                         ALREADY_DONE (409)
 *   another body under the same key                    KEY_REUSED (422)
 *   after the first failed or its client left          a new call, as without the key
 *
 * Held in memory and bounded; a restart forgets. Where there is no room, the oldest answers go
 * first, then the oldest keys.
 *
 * Thread: any; one lock, a leaf, over no I/O and no callback.
 */
#ifndef TS_HANDLERS_IDEMPOTENCY_H
#define TS_HANDLERS_IDEMPOTENCY_H

#include "base/buf.h"
#include "base/slice.h"
#include "proxy/client.h"

enum {
    TS_IDEMPOTENCY_HOURS = 24,
    TS_IDEMPOTENCY_KEY_MIN = 8,
    TS_IDEMPOTENCY_KEY_MAX = 128,
    TS_IDEMPOTENCY_KEYS = 10000,
    TS_IDEMPOTENCY_ANSWER_BYTES = 256 * 1024, /* of one answer; a bigger one is not kept */
    TS_IDEMPOTENCY_BYTES = 16 * 1024 * 1024,  /* of all of them */
    TS_IDEMPOTENCY_HEAD_BYTES = 8 * 1024,
};

/* A whole answer, shared by those that give it: never changed once it is kept. */
struct ts_kept;

struct ts_kept *ts_kept_new(void); /* NULL without memory */
void ts_kept_drop(struct ts_kept *a);

/* Building one: the head, then the body in pieces. Beyond the limits it is spoilt. */
void ts_kept_head(struct ts_kept *a, const struct ts_head *head);
void ts_kept_body(struct ts_kept *a, const char *bytes, size_t n);

/* Gives it to a client of an exchange: status, its headers and Idempotent-Replayed. */
struct ts_exchange;
void ts_kept_give(struct ts_kept *a, struct ts_exchange *x);

struct ts_idempotency;
struct ts_claim; /* the right and duty to settle a key */

TS_NODISCARD enum ts_err ts_idempotency_new(struct ts_idempotency **out);
void ts_idempotency_free(struct ts_idempotency *i);

struct ts_idempotency_ask {
    const char *key;         /* as the header has it */
    const char *credentials; /* or NULL */
    const char *path;
    struct ts_slice body;
    int64_t now_us;
};

/**
 * ts_idempotency_claim() - may this request go on?
 * On TS_OK one of them is set: @claim (go on; settle it later) or @answer (give that; drop it).
 * Errors: as above; INVALID_FIELD (the key's form), NOMEM.
 */
TS_NODISCARD enum ts_err ts_idempotency_claim(struct ts_idempotency *i,
                                              const struct ts_idempotency_ask *ask,
                                              struct ts_claim **claim,
                                              struct ts_kept **answer,
                                              struct ts_error *err);

/* The call ended well: takes @answer, or (NULL, or a spoilt one) keeps that there was one. */
void ts_idempotency_keep(struct ts_idempotency *i, struct ts_claim *claim, struct ts_kept *answer);

/* It did not: the key is free again. */
void ts_idempotency_release(struct ts_idempotency *i, struct ts_claim *claim);

#endif
