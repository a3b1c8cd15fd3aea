/*
 * A digest: what any number of calls add up to. Roll-up cells hold one, and groups are one.
 *
 * Digests are made by adding calls, or by adding digests; the result is the same to the bit,
 * whatever the order and the grouping: everything is a whole number, and its sums are exact (they
 * stop at the largest value, but only absurd input gets there). Percentiles come from two sketches,
 * within 0.55 %.
 *
 * Denominators: cancelled calls count in calls and cancelled and nowhere else; times include failed
 * calls; a failed attempt that another server rescued counts in failed_attempts of its own model.
 */
#ifndef TS_ANALYTICS_DIGEST_H
#define TS_ANALYTICS_DIGEST_H

#include "analytics/sketch.h"
#include "base/call.h"
#include "base/id.h"

/* One call as digests need it. */
struct ts_agg_row {
    int64_t id;
    int series; /* the aggregate's number of its names: ts_aggregate_series() */
    enum ts_outcome outcome;
    int rating;          /* -1, 0 (none), 1 */
    bool cold;           /* the server loaded the model for it */
    int64_t response_us; /* like all that follow: below 0 where nobody measured it */
    int64_t ttft_us;
    int64_t decode_us;
    int64_t input_tokens; /* all kinds of input added up */
    int64_t output_tokens;
    int64_t unsplit_tokens; /* reported as a total only */
    int64_t cost_nano_usd;
};

/* X(field, what it counts). In the order in which they are written: append only. */
/* clang-format off */
#define TS_TALLY_TABLE(X)                                                                          \
    X(calls)                                                                                       \
    X(cancelled)                                                                                   \
    X(failures)        /* timeouts included */                                                     \
    X(timeouts)                                                                                    \
    X(failed_attempts)                                                                             \
    X(up)                                                                                          \
    X(down)                                                                                        \
    X(good)            /* successes, or what a thumb said about the call instead */                \
    X(input_n)         /* calls that know it, and its sum; likewise below */                       \
    X(input_tokens)                                                                                \
    X(output_n)                                                                                    \
    X(output_tokens)                                                                               \
    X(tokens_n)        /* tokens of any kind */                                                    \
    X(unsplit_tokens)                                                                              \
    X(timed_tokens)    /* output of calls whose decode time is known, and those times */           \
    X(timed_us)                                                                                    \
    X(cost_n)                                                                                      \
    X(cost_nano_usd)                                                                               \
    X(cold)            /* calls with a response time for which the model was loaded */             \
    X(cold_us)
/* clang-format on */

struct ts_tally {
#define X(field) int64_t field;
    TS_TALLY_TABLE(X)
#undef X
    int64_t last_ms; /* of the newest call; TS_UNKNOWN: none */
    ts_u128 tokens_squares;
    ts_u128 cost_squares;
};

struct ts_digest {
    struct ts_tally tally;
    struct ts_sketch response;
    struct ts_sketch ttft;
};

#define TS_DIGEST_INIT ((struct ts_digest){.tally = {.last_ms = TS_UNKNOWN}})

void ts_digest_free(struct ts_digest *c);

/* Empty again; keeps the memory. */
void ts_digest_clear(struct ts_digest *c);

/* Errors: NOMEM, then the digest is not to be used any more. */
TS_NODISCARD enum ts_err ts_digest_add(struct ts_digest *c, const struct ts_agg_row *row);
TS_NODISCARD enum ts_err ts_digest_merge(struct ts_digest *into, const struct ts_digest *from);

void ts_digest_add_attempt(struct ts_digest *c);

/* The rating of a call that is in it was @before and is @after. */
void ts_digest_rate(struct ts_digest *c, enum ts_outcome outcome, int before, int after);

static inline int64_t ts_tally_successes(const struct ts_tally *t)
{
    return t->calls - t->cancelled - t->failures;
}

/* What counts as evidence about quality: calls that ended by themselves, and failed attempts. */
int64_t ts_tally_trials(const struct ts_tally *t);

/* All kinds together. */
int64_t ts_tally_tokens(const struct ts_tally *t);
void ts_tally_merge(struct ts_tally *into, const struct ts_tally *from);

/* -- as bytes --------------------------------------------------------------------------------- */

/*
 * A digest as bytes: 0x01; a varint whose bits say which fields of the table are not 0, and those
 * as varints; the newest call, as 1 + its ms after @start_ms, or 0 for none; of tokens and cost the
 * sum of squares, if more than one call knows them; the length of the first sketch; both sketches.
 */
void ts_digest_encode(const struct ts_digest *c, int64_t start_ms, struct ts_buf *out);

/* A digest that was read, its sketches still as bytes, which belong to the caller. */
struct ts_digest_view {
    struct ts_tally tally;
    struct ts_cursor response;
    struct ts_cursor ttft;
};

/* False: these bytes are no digest. They are input, like any other. */
TS_NODISCARD bool ts_digest_view(const uint8_t *bytes,
                                 size_t len,
                                 int64_t start_ms,
                                 struct ts_digest_view *out);

/* Errors: NOMEM; INTERNAL, no sketch: the digest is then to be cleared or freed. */
TS_NODISCARD enum ts_err ts_digest_merge_view(struct ts_digest *into,
                                              const struct ts_digest_view *from);

#endif
