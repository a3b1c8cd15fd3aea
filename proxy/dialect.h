/*
 * The dialects: how each kind of model server and client writes requests, streams and errors.
 *
 * A dialect is a const table with four corners, each of which may be missing:
 *
 *               as the client's                 as the upstream's
 *   requests    read_asked, each_message, ...   write_request
 *   answers     write_event, write_end, ...     paths, finish
 *
 * Where client and upstream speak the same dialect, none of it translates: bytes pass, and paths
 * and finish only look on. Reading (bytes -> events) is incremental, with fixed memory and no limit
 * on the length of a line; writing (events -> bytes) appends to a buffer. Nothing here does I/O,
 * keeps time or knows the relay.
 *
 * Thread: any, one reader or writer per stream.
 */
#ifndef TS_PROXY_DIALECT_H
#define TS_PROXY_DIALECT_H

#include "base/buf.h"
#include "base/err.h"
#include "proxy/asked.h"
#include "proxy/event.h"

/* WHOLE: the answer is one JSON document, not a stream. */
enum ts_framing { TS_FRAMING_NDJSON, TS_FRAMING_SSE, TS_FRAMING_WHOLE };

/* What is asked for: text is never translated into vectors, nor sent to models that make them. */
enum ts_purpose { TS_PURPOSE_TEXT, TS_PURPOSE_EMBEDDING };

struct ts_draft;
struct ts_genreq;
struct ts_jpath;
struct ts_member_rule;
struct ts_writer;

/* How a body for one upstream is to be. */
struct ts_build {
    const struct ts_dialect *dialect; /* that the upstream speaks */
    const char *model;                /* the name that it knows */
    bool
        extensions; /* it knows what llama.cpp, vLLM and LM Studio have added to OpenAI's dialect */
};

struct ts_dialect {
    const char *name;   /* "ollama.generate", "openai.chat", ... */
    const char *family; /* "ollama", "openai", "anthropic": how errors look */
    enum ts_purpose purpose;
    enum ts_framing framing;
    const char *const *last_types; /* SSE: of what `type` the event is that ends a stream; NULL: it
                                    * is [DONE] */
    const char *stream_type;       /* Content-Type of a stream */
    bool stream_default;           /* what an absent `stream` member means */
    bool same_model; /* of use only from the model that was asked: no other one falls in */
    const char *const *forwards; /* request headers that go along to the same dialect; or NULL */
    const char *const *passes;   /* and headers of its answers, "x-ratelimit-*"; or NULL */
    const struct ts_dialect *answer; /* its answers that are no stream; NULL: they are not read */

    /* Reading answers: where the fields of draft.h stand in an event's JSON, and what they mean
     * together once the event is complete. */
    const struct ts_jpath *paths;
    int path_count;
    void (*finish)(struct ts_draft *d);

    /* Reading requests (genreq.h): the members that are looked at, checks beyond their types,
     * whether an answer that the client wants whole may be put together from a stream without loss
     * (NULL: always), and what is asked for, for other dialects. */
    const struct ts_member_rule *members;
    int member_count;
    enum ts_err (*check)(struct ts_genreq *q, struct ts_error *err);
    bool (*folds)(const struct ts_genreq *q);
    enum ts_err (*read_asked)(const struct ts_genreq *q,
                              struct ts_asked *out,
                              struct ts_error *err);
    enum ts_err (*each_message)(const struct ts_genreq *q,
                                ts_message_fn *fn,
                                void *ctx,
                                struct ts_error *err);
    enum ts_err (*each_tool)(const struct ts_genreq *q,
                             ts_tool_fn *fn,
                             void *ctx,
                             struct ts_error *err);

    /* Writing requests, from another dialect's: appends the whole body. Errors: INVALID_FIELD. */
    enum ts_err (*write_request)(const struct ts_genreq *q,
                                 const struct ts_build *b,
                                 struct ts_buf *out,
                                 struct ts_error *err);

    /* Writing answers; NULL where nothing is translated into it. collect_event sees the bytes of
     * each event that is folded for a client of the same dialect, to keep what is not known. */
    void (*write_event)(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);
    void (*write_end)(struct ts_writer *w, struct ts_buf *out);
    void (*write_whole)(struct ts_writer *w, struct ts_buf *out);
    void (*keep_event)(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw);

    /* Whether a whole answer of this very dialect is not what was asked for, so that it has to be
     * written anew all the same; NULL: never. */
    bool (*needs_writing)(const struct ts_writer *w, struct ts_slice answer);
};

extern const struct ts_dialect ts_ollama_generate;
extern const struct ts_dialect ts_ollama_chat;
extern const struct ts_dialect ts_openai_chat;
extern const struct ts_dialect ts_openai_completions;
extern const struct ts_dialect ts_ollama_embed;
extern const struct ts_dialect ts_ollama_embeddings;
extern const struct ts_dialect ts_openai_embeddings;
extern const struct ts_dialect ts_openai_responses;
extern const struct ts_dialect ts_anthropic_messages;
extern const struct ts_dialect ts_pane; /* of a comparison; spoken by us alone */
extern const struct ts_dialect ts_anthropic_count_tokens;

/* Whether a request that came in @client's dialect can go out in @upstream's, and the answer back.
 */
bool ts_dialect_leads_to(const struct ts_dialect *client, const struct ts_dialect *upstream);

/* An error as a body of its own, and as an event inside a stream that has begun. @id: the public
 * id of the call, or NULL. */
void ts_write_error_body(const char *family,
                         const struct ts_error *err,
                         const char *id,
                         struct ts_buf *out);
void ts_write_error_event(const struct ts_dialect *d,
                          const struct ts_error *err,
                          const char *id,
                          struct ts_buf *out);

#endif
