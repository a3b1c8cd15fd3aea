/*
 * The record of one call: what the relay (or a client that reports outcomes) knows when it ends.
 *
 * Plain data, built on one thread and handed on whole: the relay fills it, the store takes it.
 * Unknown is TS_UNKNOWN (-1) in numbers and NULL in text, never 0 or "". Durations are
 * microseconds on the monotonic clock.
 */
#ifndef TS_BASE_CALL_H
#define TS_BASE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

#define TS_UNKNOWN INT64_C(-1)

/* X(enum suffix, wire and database name). The order is what the database stores: append only. */
#define TS_OUTCOME_TABLE(X)                                                                        \
    X(DONE, "done")                                                                                \
    X(CANCELLED, "cancelled")                                                                      \
    X(UPSTREAM_CUT, "upstream_cut")                                                                \
    X(UPSTREAM_ERROR, "upstream_error")                                                            \
    X(TIMEOUT, "timeout")

enum ts_outcome {
#define X(id, name) TS_OUTCOME_##id,
    TS_OUTCOME_TABLE(X)
#undef X
        TS_OUTCOME_COUNT_
};

#define TS_COMPLEXITY_TABLE(X)                                                                     \
    X(UNKNOWN, NULL)                                                                               \
    X(SIMPLE, "simple")                                                                            \
    X(MEDIUM, "medium")                                                                            \
    X(COMPLEX, "complex")

enum ts_complexity {
#define X(id, name) TS_COMPLEXITY_##id,
    TS_COMPLEXITY_TABLE(X)
#undef X
        TS_COMPLEXITY_COUNT_
};

/* Where the token counts come from. */
#define TS_TOKENS_TABLE(X)                                                                         \
    X(ABSENT, "absent")                                                                            \
    X(COUNTED, "counted") /* events with content, counted here: a lower bound */                   \
    X(PROVIDER, "provider")

enum ts_tokens_source {
#define X(id, name) TS_TOKENS_##id,
    TS_TOKENS_TABLE(X)
#undef X
        TS_TOKENS_COUNT_
};

/* Tokens by kind; the kinds are disjoint: input is what was neither read from nor written to a
 * cache. Reasoning is the part of output that was not shown. Unsplit are tokens that a reporter
 * told only as a total, of whatever kind. */
struct ts_token_counts {
    int64_t input;
    int64_t cache_read;
    int64_t cache_write;
    int64_t output;
    int64_t reasoning;
    int64_t unsplit;
};
#define TS_TOKENS_UNKNOWN                                                                          \
    ((struct ts_token_counts){                                                                     \
        TS_UNKNOWN, TS_UNKNOWN, TS_UNKNOWN, TS_UNKNOWN, TS_UNKNOWN, TS_UNKNOWN})

/* All of the prompt, whatever it cost; TS_UNKNOWN where nothing was told of it. */
static inline int64_t ts_tokens_prompt(const struct ts_token_counts *t)
{
    int64_t read = t->cache_read != TS_UNKNOWN ? t->cache_read : 0;
    int64_t written = t->cache_write != TS_UNKNOWN ? t->cache_write : 0;
    return t->input != TS_UNKNOWN ? t->input + read + written : TS_UNKNOWN;
}

struct ts_phases {
    int64_t queue_us;         /* waiting for a place at the server */
    int64_t connect_us;       /* 0 on a kept connection */
    int64_t load_us;          /* the server loading the model, as it reports */
    int64_t first_byte_us;    /* accepted -> first byte of the answer */
    int64_t ttft_us;          /* accepted -> first token of content, of any kind */
    int64_t first_visible_us; /* accepted -> first token that a person sees */
    int64_t decode_us;        /* first token -> last token */
    int64_t max_stall_us;     /* longest gap between two tokens */
    int64_t total_us;         /* accepted -> end of the answer */
    int64_t overhead_us;      /* of total, spent by us and not by the server or the network */
};

/* Ollama reports a load time for a model in memory too, some ten milliseconds; from here on it has
 * really been loaded. */
enum { TS_COLD_LOAD_US = 500000 };

static inline bool ts_phases_cold(const struct ts_phases *p)
{
    return p->load_us >= TS_COLD_LOAD_US;
}

/* A try that failed and was followed by another; the last try is the call itself. */
struct ts_attempt {
    const char *provider;
    const char *model;
    enum ts_err cause;
    const char *error_text; /* the server's own words, bounded */
    int64_t status;         /* HTTP status, or TS_UNKNOWN */
    int64_t duration_us;
    int64_t wait_us; /* before the next try */
};

struct ts_call {
    struct ts_arena arena; /* owns every string below */

    int64_t id; /* of a reported call: see struct ts_store_import */
    const char *provider;
    const char *model;           /* the discovered name */
    const char *requested_model; /* as the client wrote it; NULL if the same */
    const char *reported_model;  /* as the server wrote it; NULL if the same */
    const char *task_type;
    enum ts_complexity complexity;
    bool classified; /* task type and complexity are our guess, not the caller's word */

    enum ts_outcome outcome;
    enum ts_err error; /* TS_OK unless the outcome is an error */
    const char *error_text;
    const char *finish_reason;

    struct ts_phases phases;
    struct ts_token_counts tokens;
    enum ts_tokens_source tokens_source;
    int64_t cost_nano_usd;

    const char *dialect; /* of the client: "ollama", "openai", "anthropic" */
    bool streamed;
    bool cold;      /* the server loaded the model for this call */
    bool simulated; /* made by `touchstone demo` */
    bool reported;  /* made elsewhere and told to us */
    bool id_is_own; /* reported under an id of this very store: that row, or none */

    /* Only of reported calls, which are never spooled: */
    const char *external_id; /* what its reporter calls it; NULL: nothing */
    int rating;              /* -1, 0, 1 */
    const char *comment;     /* to the rating; or NULL */

    const char *user_id;
    const char *user_segment;
    const char *conversation_id;
    const char *message_id;
    const char *tags_json;     /* an object of strings, or NULL */
    const char *metadata_json; /* any object, or NULL */

    /* Kept only where somebody asked for it: the newest message of the user, and what was shown of
     * the answer; TS_MAX_CAPTURE_BYTES of each at most. */
    const char *prompt_text;
    const char *answer_text;
    bool text_cut; /* one of them was longer */

    struct ts_attempt *attempts; /* failed tries before the last one; in the arena, oldest first */
    int attempt_count;
};

/* A record with everything unknown; NULL without memory. Thread: any. */
struct ts_call *ts_call_new(void);
void ts_call_free(struct ts_call *call);
TS_DEFINE_AUTO(ts_call_auto, struct ts_call, ts_call_free)

/* A zeroed attempt at the end of the list; NULL without memory, or if there are TS_MAX_TARGETS. */
struct ts_attempt *ts_call_add_attempt(struct ts_call *call);

/* 1, 0, or TS_UNKNOWN for cancelled calls, which count nowhere but among the calls. */
static inline int64_t ts_outcome_success(enum ts_outcome o)
{
    return o == TS_OUTCOME_DONE ? 1 : o == TS_OUTCOME_CANCELLED ? TS_UNKNOWN : 0;
}

const char *ts_outcome_name(enum ts_outcome o);
const char *ts_complexity_name(enum ts_complexity c); /* NULL for unknown */
const char *ts_tokens_source_name(enum ts_tokens_source s);

/* Reads a complexity by its name. */
bool ts_complexity_parse(struct ts_slice text, enum ts_complexity *out);

/* 1 to 64 characters of [A-Za-z0-9_.:-]: what a task type may be called. */
bool ts_task_type_valid(struct ts_slice text);

#endif
