/*
 * An event while it is being read: what was found in its JSON so far.
 *
 * The vocabulary below is shared by all dialects. A dialect says at which paths its fields stand
 * and, once the event is complete, what they mean together; collecting them is the same for all.
 */
#ifndef TS_PROXY_DRAFT_H
#define TS_PROXY_DRAFT_H

#include "base/buf.h"
#include "proxy/event.h"
#include "proxy/jpath.h"

enum ts_field {
    /* text, collected */
    TS_FIELD_TEXT,
    TS_FIELD_REASONING,
    TS_FIELD_REASONING_TOO, /* another name for it: some servers send both, the same text */
    TS_FIELD_FINISH,        /* why the answer ended, as a word */
    TS_FIELD_MODEL,
    TS_FIELD_ERROR, /* its text, or an object */
    TS_FIELD_ERROR_MESSAGE,
    /* noted when they are there */
    TS_FIELD_TOOL_CALL,
    TS_FIELD_CHOICES,
    TS_FIELD_CHOICE,
    TS_FIELD_USAGE,
    TS_FIELD_DONE, /* true, or anything else */
    /* numbers, in the server's own units */
    TS_FIELD_PROMPT_TOKENS, /* of the whole prompt */
    TS_FIELD_CACHED_TOKENS, /* those of it that were read from a cache */
    TS_FIELD_OUTPUT_TOKENS,
    TS_FIELD_REASONING_TOKENS,
    TS_FIELD_TOTAL_TIME,
    TS_FIELD_LOAD_TIME,
    TS_FIELD_PROMPT_TIME,
    TS_FIELD_EVAL_TIME,
    TS_FIELD_TIMED_PROMPT, /* tokens that the times are of, where the server says */
    TS_FIELD_TIMED_OUTPUT,
    TS_FIELD_COUNT_
};

enum { TS_FIELD_FIRST_NUMBER = TS_FIELD_PROMPT_TOKENS };

struct ts_draft {
    struct ts_event event; /* what finish() fills; text, reasoning and model are there already */
    uint32_t seen;         /* bit per field: a value other than null */
    bool done;
    int reasoning_from; /* the field that gave reasoning text first, or -1 */
    size_t max_text;
    struct ts_buf text;
    struct ts_buf reasoning;
    struct ts_buf finish;
    struct ts_buf model;
    struct ts_buf error;
    double number[TS_FIELD_COUNT_ - TS_FIELD_FIRST_NUMBER];
};

void ts_draft_init(struct ts_draft *d, size_t max_text);
void ts_draft_deinit(struct ts_draft *d);

/* Forgets the event, keeps the memory. */
void ts_draft_reset(struct ts_draft *d);

/* A value was found: a ts_jpath_fn, @ctx is the draft. */
void ts_draft_take(void *ctx, int field, const struct ts_jpath_value *v);

/* The event is complete JSON: gathers its text and sees to errors, before finish(). */
void ts_draft_gather(struct ts_draft *d);

static inline bool ts_draft_has(const struct ts_draft *d, enum ts_field field)
{
    return (d->seen >> field & 1U) != 0;
}

/* Whether the finish word is @word. */
bool ts_draft_finish_is(const struct ts_draft *d, const char *word);

/* A count, or TS_UNKNOWN where it is absent, negative or no integer. */
int64_t ts_draft_count(const struct ts_draft *d, enum ts_field field);

/* A duration in microseconds, given how many of them the server's unit has; or TS_UNKNOWN. */
int64_t ts_draft_time(const struct ts_draft *d, enum ts_field field, double us_per_unit);

#endif
