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
    TS_FIELD_REFUSAL,
    TS_FIELD_SIGNATURE,
    TS_FIELD_TYPE,   /* what kind of event this is, as a word */
    TS_FIELD_KIND,   /* and what kind of thing it is about */
    TS_FIELD_FINISH, /* why the answer ended, as a word */
    TS_FIELD_MODEL,
    TS_FIELD_ERROR, /* its text, or an object */
    TS_FIELD_ERROR_MESSAGE,
    /* calls of tools: the first begins a piece, and so does any other where none has begun */
    TS_FIELD_TOOL_CALL,
    TS_FIELD_TOOL_ID,
    TS_FIELD_TOOL_NAME,
    TS_FIELD_TOOL_INPUT, /* text; or an object, raw */
    /* noted when they are there */
    TS_FIELD_CHOICES,
    TS_FIELD_CHOICE,
    TS_FIELD_USAGE,
    TS_FIELD_DONE, /* true, or anything else */
    /* numbers, in the server's own units */
    TS_FIELD_PROMPT_TOKENS,  /* of the whole prompt; Anthropic: but for those of the next two */
    TS_FIELD_CACHED_TOKENS,  /* those of it that were read from a cache */
    TS_FIELD_CACHING_TOKENS, /* and those written to it */
    TS_FIELD_OUTPUT_TOKENS,
    TS_FIELD_REASONING_TOKENS,
    TS_FIELD_TOTAL_TIME,
    TS_FIELD_LOAD_TIME,
    TS_FIELD_PROMPT_TIME,
    TS_FIELD_EVAL_TIME,
    TS_FIELD_TIMED_PROMPT, /* tokens that the times are of, where the server says */
    TS_FIELD_TIMED_OUTPUT,
    TS_FIELD_CHOICE_INDEX, /* which of several answers */
    TS_FIELD_INDEX,        /* which part of the answer: the index of a piece that has none itself */
    TS_FIELD_TOOL_INDEX,   /* of the piece that has begun, or begins one */
    TS_FIELD_COUNT_
};

enum { TS_FIELD_FIRST_NUMBER = TS_FIELD_PROMPT_TOKENS };

/* Where a text of a piece lies in the draft's `pieces`. */
struct ts_draft_span {
    size_t at;
    size_t len;
    bool closed;
};

struct ts_draft_piece {
    int64_t index;
    bool whole;
    struct ts_draft_span id;
    struct ts_draft_span name;
    struct ts_draft_span input;
};

/* The pieces of an event. */
struct ts_draft_tools {
    struct ts_draft_piece piece[TS_MAX_TOOL_PIECES];
    struct ts_tool_piece told[TS_MAX_TOOL_PIECES];
    int count;
    struct ts_buf text;
};

struct ts_draft {
    struct ts_event event; /* what finish() fills; text, reasoning and model are there already */
    uint64_t seen;         /* bit per field: a value other than null */
    bool done;
    int reasoning_from; /* the field that gave reasoning text first, or -1 */
    size_t max_text;
    struct ts_buf text;
    struct ts_buf reasoning;
    struct ts_buf refusal;
    struct ts_buf signature;
    struct ts_buf type;
    struct ts_buf kind;
    struct ts_draft_tools *tools; /* NULL before the first; kept between events */
    bool tools_cut;               /* pieces or text of them were lost */
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

/* Whether a collected word (finish, type, kind) is @word. */
bool ts_draft_is(const struct ts_buf *word, const char *text);

/* A count, or TS_UNKNOWN where it is absent, negative or no integer. */
int64_t ts_draft_count(const struct ts_draft *d, enum ts_field field);

/* A duration in microseconds, given how many of them the server's unit has; or TS_UNKNOWN. */
int64_t ts_draft_time(const struct ts_draft *d, enum ts_field field, double us_per_unit);

#endif
