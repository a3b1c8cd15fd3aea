/*
 * What the mock server says: the two streaming formats, with a mark in every token.
 *
 * The text of a token is "@" and the time of its sending (see net.h), so that whoever receives it
 * knows how long it was under way, through whatever stood between.
 */
#ifndef TS_BENCH_WIRE_H
#define TS_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The model that each route lists. */
#define BENCH_MODEL "mock:1b"
#define BENCH_SSE_MODEL "mock-sse"

/* What a request asks for, as NAME=NUMBER anywhere in its body; else the server's defaults. */
struct bench_plan {
    int64_t tokens;
    int64_t interval_us;
    int64_t delay_us; /* before the first token */
    int64_t id;       /* written to the log of starts and ends; 0: not logged */
    bool usage;       /* the OpenAI client asked for the usage chunk */
};

/* Bytes ready for one send(), with the place where the time goes. */
struct bench_frame {
    size_t len;
    size_t mark;
    char bytes[1024];
};

struct bench_wire {
    const char *path;
    const char *head;         /* status line and headers */
    bool head_at_once;        /* before the first token; else in the same write */
    struct bench_frame role;  /* sent with the head; empty: none */
    struct bench_frame token; /* one token, framed as a chunk */
    void (*finish)(const struct bench_plan *plan, int64_t took_ns, struct bench_frame *out);
};

enum { BENCH_WIRES = 2 };

/* Fills the table: Ollama's /api/generate, OpenAI's /v1/chat/completions. */
void bench_wires(struct bench_wire out[static BENCH_WIRES]);

/* The answer to a plain GET (lists of models, versions), or NULL. */
const char *bench_static_answer(const char *path, size_t len);

void bench_frame_stamp(struct bench_frame *f, int64_t now_ns);

struct bench_plan bench_plan_read(const char *body, const struct bench_plan *defaults);

#endif
