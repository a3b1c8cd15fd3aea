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
#include "proxy/dialect.h"

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
    int64_t timeout_ms; /* TS_UNKNOWN: none */
};

struct ts_genreq {
    const struct ts_dialect *dialect;
    struct ts_slice body; /* borrowed: the exchange owns it */
    struct ts_jvalue root;
    char *model; /* unescaped; in the arena */
    bool stream;
    bool has_prompt; /* false: Ollama's load and unload, no generation */
    struct ts_call_labels labels;
    struct ts_arena arena;
};

/**
 * ts_genreq_scan() - check a body and find what we need
 * Errors: INVALID_JSON, INVALID_FIELD (param set), FIELD_NOT_ALLOWED (api_base, base_url, api_key,
 * url at the top level), NOMEM.
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

/**
 * ts_genreq_build() - the body for an upstream that speaks @upstream, always streaming
 * @model: the name that the upstream knows
 * Errors: INVALID_FIELD (a member that cannot be said in that dialect), NOMEM.
 */
TS_NODISCARD enum ts_err ts_genreq_build(const struct ts_genreq *q,
                                         const struct ts_dialect *upstream,
                                         const char *model,
                                         struct ts_buf *out,
                                         struct ts_error *err);

/* What a classifier wants to know; spans of the body, strings still escaped. */
struct ts_prompt_view {
    struct ts_jvalue prompt; /* a string, or an array of messages */
    struct ts_jvalue system;
    bool has_images;
    bool has_tools;
    bool wants_json;
};
struct ts_prompt_view ts_genreq_prompt(const struct ts_genreq *q);

#endif
