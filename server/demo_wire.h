/*
 * What a simulated model server says, in the words and on the wire of the real ones.
 *
 * Plain text into a buffer, event by event; demo_server.c decides when it is sent.
 */
#ifndef TS_SERVER_DEMO_WIRE_H
#define TS_SERVER_DEMO_WIRE_H

#include "base/buf.h"
#include "server/demo_model.h"

/* What is needed of a request's body. */
struct ts_demo_ask {
    const struct ts_demo_model *model; /* NULL: the server has none of that name */
    char model_name[TS_MAX_MODEL];     /* as asked for */
    int64_t max_tokens;                /* TS_UNKNOWN: no limit given */
    int64_t input_tokens;              /* guessed from the length */
    bool include_usage;
    bool chat; /* asked of Ollama's chat */
};

/* Reads either dialect; false if it is not a JSON object with a model. */
bool ts_demo_ask_read(enum ts_demo_server_id s, struct ts_slice body, struct ts_demo_ask *out);

/* The answer to a GET or to POST /api/show, or false where such a server has no such route. */
bool ts_demo_list(enum ts_demo_server_id s, const char *path, struct ts_buf *out);

/* Whether a path generates, and the type of its stream. */
bool ts_demo_generates(enum ts_demo_server_id s, const char *path);
const char *ts_demo_stream_type(enum ts_demo_server_id s);

void ts_demo_error_body(enum ts_demo_server_id s, int status, const char *text, struct ts_buf *out);

struct ts_demo_answer {
    struct ts_demo_ask ask;
    enum ts_demo_server_id server;
    int64_t number; /* of the request, for its id */
    int64_t took_us;
    int64_t load_us;
    int64_t first_us;
    int64_t tokens; /* said so far */
};

/* The events of a stream, in this order: opening (may be empty), tokens, end. */
void ts_demo_open(const struct ts_demo_answer *a, struct ts_buf *out);
void ts_demo_token(struct ts_demo_answer *a, struct ts_buf *out);
void ts_demo_end(const struct ts_demo_answer *a, bool cut_by_limit, struct ts_buf *out);

#endif
