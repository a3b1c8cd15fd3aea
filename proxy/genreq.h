/*
 * A generation request as it came in: scanned, not rebuilt.
 *
 * The body stays as bytes; here stand the few members we need, as spans of it. What goes upstream
 * is spliced from those bytes: in the same dialect only `touchstone`, `model`, `stream` and
 * `stream_options` ever change; in another, the new body is put together from the spans.
 */
#ifndef TS_PROXY_GENREQ_H
#define TS_PROXY_GENREQ_H

#include "base/jscan.h"
#include "proxy/client.h"
#include "proxy/dialect.h"
#include "proxy/trace.h"

/* Our own fields, from headers or from the body's `touchstone` member (headers win). NULL or
 * unknown where the caller gave none. Strings live in the arena. */
struct ts_call_labels {
    const char *task_type;
    enum ts_complexity complexity;
    const char *priority; /* "speed", "quality", "cost", "balanced" */
    const char *conversation_id;
    const char *user_id;
    const char *user_segment;
    const char *message_id;
    const char *tags_json;
    const char *fallback[TS_MAX_TARGETS]; /* models, in order */
    int fallback_count;
    int64_t timeout_ms;  /* TS_UNKNOWN: none */
    const char *website; /* the site that a call works on */
};

/* X(enum suffix, name): the members of any dialect's body that we read. */
#define TS_MEMBER_TABLE(X)                                                                         \
    X(MODEL, "model")                                                                              \
    X(STREAM, "stream")                                                                            \
    X(STREAM_OPTIONS, "stream_options")                                                            \
    X(TOUCHSTONE, "touchstone")                                                                    \
    X(PROMPT, "prompt")                                                                            \
    X(SUFFIX, "suffix")                                                                            \
    X(SYSTEM, "system")                                                                            \
    X(TEMPLATE, "template")                                                                        \
    X(RAW, "raw")                                                                                  \
    X(THINK, "think")                                                                              \
    X(FORMAT, "format")                                                                            \
    X(OPTIONS, "options")                                                                          \
    X(IMAGES, "images")                                                                            \
    X(CONTEXT, "context")                                                                          \
    X(KEEP_ALIVE, "keep_alive")                                                                    \
    X(MESSAGES, "messages")                                                                        \
    X(TOOLS, "tools")                                                                              \
    X(RESPONSE_FORMAT, "response_format")                                                          \
    X(N, "n")                                                                                      \
    X(BEST_OF, "best_of")                                                                          \
    X(ECHO, "echo")                                                                                \
    X(LOGPROBS, "logprobs")                                                                        \
    X(MODALITIES, "modalities")                                                                    \
    X(WEB_SEARCH_OPTIONS, "web_search_options")                                                    \
    X(BACKGROUND, "background")                                                                    \
    X(INPUT, "input")                                                                              \
    X(DIMENSIONS, "dimensions")                                                                    \
    X(ENCODING_FORMAT, "encoding_format")                                                          \
    X(THINKING, "thinking")                                                                        \
    X(MCP_SERVERS, "mcp_servers")

enum ts_member {
#define X(id, name) TS_MEMBER_##id,
    TS_MEMBER_TABLE(X)
#undef X
        TS_MEMBER_COUNT_
};

/* A member and what it may be; those that a dialect reads are its table. */
struct ts_member_rule {
    enum ts_member member;
    unsigned types; /* bits, see TS_TYPE() */
    const char *expected;
    bool required;
};
#define TS_TYPE(t) (1U << TS_J_##t)
#define TS_TYPE_BOOLEAN (TS_TYPE(TRUE) | TS_TYPE(FALSE))
#define TS_TYPE_ANY (~0U)

enum { TS_MAX_FORWARDED = 8 };

struct ts_genreq {
    const struct ts_dialect *dialect;
    struct ts_slice body; /* borrowed: the exchange owns it */
    struct ts_jvalue root;
    struct ts_jvalue member[TS_MEMBER_COUNT_]; /* those of the dialect, as they stand */
    const char *model;                         /* unescaped; in the arena */
    bool stream;
    bool has_prompt;    /* false: Ollama's load and unload, no generation */
    bool unstreamed;    /* the whole answer that is wanted cannot be put together from a stream */
    bool include_usage; /* the client asked for OpenAI's usage event; else it must not see it */
    bool wants_base64;  /* vectors as base64 */
    struct ts_header forwarded[TS_MAX_FORWARDED]; /* headers for the same dialect; in the arena */
    int forwarded_count;
    const struct ts_trace *trace; /* in the arena; NULL: none */
    bool trace_seen;              /* a traceparent was there; two of them are none */
    const char *tracestate;       /* in the arena; NULL: none */
    struct ts_call_labels labels;
    struct ts_arena arena;
};

/**
 * ts_genreq_scan() - check a body and find what we need
 *
 * Members that we read must have the type that their dialect gives them, so that a client's mistake
 * is a 400 here and not a server's 500; all others may be anything. null counts as absent.
 * Errors: INVALID_JSON (also a member that we read and that is there twice), INVALID_FIELD (param
 * set), FIELD_NOT_ALLOWED (api_base, base_url, api_key, url at the top level), NOMEM.
 * On an error there is nothing to deinit.
 */
TS_NODISCARD enum ts_err ts_genreq_scan(const struct ts_dialect *d,
                                        struct ts_slice body,
                                        struct ts_genreq *out,
                                        struct ts_error *err);
void ts_genreq_deinit(struct ts_genreq *q);

/**
 * ts_genreq_label() - take one of our own fields from an X-Touchstone-* header
 * @name: the header's name behind "X-Touchstone-", in any case; unknown names are ignored
 * Errors: INVALID_FIELD with the header's name as param, NOMEM.
 */
TS_NODISCARD enum ts_err ts_genreq_label(struct ts_genreq *q,
                                         const char *name,
                                         const char *value,
                                         struct ts_error *err);

/* Takes a header of the request: one of ours as above, one that the dialect forwards, or the trace;
 * others are ignored. Errors as above. */
TS_NODISCARD enum ts_err ts_genreq_header(struct ts_genreq *q,
                                          const char *name,
                                          const char *value,
                                          struct ts_error *err);

/**
 * ts_genreq_build() - the body for an upstream, streaming unless the request is `unstreamed`
 * @out: appended to; its maximum should leave some room beyond the body's own length
 *
 * Same dialect: the bytes of the body but for the model, `stream`, `stream_options` and our member.
 * Another dialect: what is asked for (asked.h), in its words. Left out is what concerns the running
 * of one kind of server and no other knows: keep_alive, context, num_ctx and the like.
 * Errors: INVALID_FIELD (what would change the answer and cannot be said there), NOMEM,
 * BODY_TOO_LARGE (beyond @out's maximum).
 */
TS_NODISCARD enum ts_err ts_genreq_build(const struct ts_genreq *q,
                                         const struct ts_build *b,
                                         struct ts_buf *out,
                                         struct ts_error *err);

/* A member's value, absent where it is null. */
struct ts_jvalue ts_genreq_member(const struct ts_genreq *q, enum ts_member m);

/* What a classifier wants to know; spans of the body, strings still escaped. Of a conversation: the
 * newest message of the user. */
struct ts_prompt_view {
    struct ts_jvalue prompt; /* a string, or an array of parts */
    bool has_images;         /* or other attachments */
    bool has_tools;
    bool wants_json;
};
struct ts_prompt_view ts_genreq_prompt(const struct ts_genreq *q);

/* Appends the unescaped text of such a prompt, about its first @max bytes. */
void ts_genreq_prompt_text(struct ts_jvalue prompt, size_t max, struct ts_buf *out);

#endif
