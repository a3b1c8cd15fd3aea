/*
 * What an upstream's stream says, whatever its dialect: one normalised event.
 *
 * A dialect's reader fills one for each complete event of the wire (an NDJSON line, an SSE event);
 * the relay and the tap look at it, an encoder writes it in the client's dialect.
 */
#ifndef TS_PROXY_EVENT_H
#define TS_PROXY_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "base/slice.h"

/* X(enum suffix, name in records) */
#define TS_FINISH_TABLE(X)                                                                         \
    X(NONE, NULL)                                                                                  \
    X(STOP, "stop")                                                                                \
    X(LENGTH, "length")                                                                            \
    X(TOOL_CALLS, "tool_calls")                                                                    \
    X(CONTENT_FILTER, "content_filter")                                                            \
    X(LOAD, "load")     /* Ollama: the model was loaded, nothing generated */                      \
    X(UNLOAD, "unload") /* Ollama: the model was unloaded */                                       \
    X(OTHER, "other")

enum ts_finish {
#define X(id, name) TS_FINISH_##id,
    TS_FINISH_TABLE(X)
#undef X
        TS_FINISH_COUNT_
};

const char *ts_finish_name(enum ts_finish f);

/* How long the server says it took; TS_UNKNOWN where it does not say or says nonsense. */
struct ts_server_times {
    int64_t total_us;
    int64_t load_us;
    int64_t prompt_us;
    int64_t eval_us;
};

/*
 * What one event brings of a call of a tool. A call may come whole, with its arguments as an object
 * (Ollama), or in pieces of text that belong together by their index (OpenAI, Anthropic); the first
 * piece has the name. toolset.h puts them together. Text is unescaped and borrowed like the
 * event's.
 */
struct ts_tool_piece {
    int64_t index;         /* which call of the answer; TS_UNKNOWN where the server does not say */
    struct ts_slice id;    /* absent where the server has none, and in further pieces */
    struct ts_slice name;  /* absent in further pieces */
    struct ts_slice input; /* of the arguments: the next piece of their JSON text */
    bool whole;            /* the arguments are complete: an object of JSON */
};

enum { TS_MAX_TOOL_PIECES = 32 }; /* of one event */

struct ts_event {
    /* Unescaped UTF-8, empty or absent when this event has none. Borrowed until the callback
     * returns. Cut at the reader's text limit: text_cut says so. */
    struct ts_slice text;
    struct ts_slice reasoning;
    struct ts_slice refusal;   /* the model says that it will not answer */
    struct ts_slice signature; /* of the reasoning, where the server signs it (Anthropic) */
    const struct ts_tool_piece *tools;
    int tool_count;
    bool has_tool_call; /* also where the pieces were more than can be kept */
    bool text_cut;
    int64_t choice; /* which of several answers it belongs to: 0 where there is one */

    enum ts_finish finish; /* NONE where the event names no reason */
    bool terminator;       /* a good stream ends with this event */
    bool usage_only;       /* carries usage and nothing else (OpenAI's `choices: []` chunk) */
    struct ts_token_counts tokens; /* what this event says; TS_UNKNOWN where it does not */
    struct ts_server_times times;

    bool is_error;
    struct ts_slice error_text;
    struct ts_slice model; /* as the server names it */
    bool malformed;        /* not JSON, or not an object: passed on, never understood */
};

/* An event that says nothing. */
#define TS_SERVER_TIMES_UNKNOWN                                                                    \
    ((struct ts_server_times){TS_UNKNOWN, TS_UNKNOWN, TS_UNKNOWN, TS_UNKNOWN})
#define TS_EVENT_INIT                                                                              \
    ((struct ts_event){.tokens = TS_TOKENS_UNKNOWN, .times = TS_SERVER_TIMES_UNKNOWN})

/* Content of any kind: what stops the clock of "time to first token" and ends fallback. */
static inline bool ts_event_has_content(const struct ts_event *e)
{
    return e->text.len > 0 || e->reasoning.len > 0 || e->refusal.len > 0 || e->has_tool_call;
}

#endif
