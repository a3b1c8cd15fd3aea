/*
 * The dialects: how each kind of model server and client writes requests, streams and errors.
 *
 * A dialect is a const table. Reading (bytes -> events) is incremental, with fixed memory and no
 * limit on the length of a line; writing (events -> bytes) appends to a buffer. Nothing here does
 * I/O, keeps time or knows the relay.
 *
 * Thread: any, one reader or writer per stream.
 */
#ifndef TS_PROXY_DIALECT_H
#define TS_PROXY_DIALECT_H

#include "base/buf.h"
#include "base/err.h"
#include "proxy/event.h"

enum ts_framing { TS_FRAMING_NDJSON, TS_FRAMING_SSE };

struct ts_draft;
struct ts_jpath;
struct ts_writer;

struct ts_dialect {
    const char *name;   /* "ollama.generate", "openai.chat", ... */
    const char *family; /* "ollama", "openai", "anthropic": how errors look */
    enum ts_framing framing;
    const char *stream_type; /* Content-Type of a stream */
    bool stream_default;     /* what an absent `stream` member means */

    /* Reading: where the fields of draft.h stand in an event's JSON, and what they mean together
     * once the event is complete. */
    const struct ts_jpath *paths;
    int path_count;
    void (*finish)(struct ts_draft *d);

    /* Writing, as the server side of this dialect; NULL where nothing is translated into it. */
    void (*write_event)(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);
    void (*write_end)(struct ts_writer *w, struct ts_buf *out);
    void (*write_whole)(struct ts_writer *w, struct ts_buf *out);
};

extern const struct ts_dialect ts_ollama_generate;
extern const struct ts_dialect ts_openai_chat;
extern const struct ts_dialect ts_openai_completions;

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
