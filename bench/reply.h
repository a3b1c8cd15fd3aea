/*
 * Reads one HTTP answer as it comes, however it is cut, and finds the marks of the mock server.
 *
 * Knows Content-Length and chunked bodies; anything else is a failure of what is being measured.
 */
#ifndef TS_BENCH_REPLY_H
#define TS_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_reply_state {
    BENCH_REPLY_HEAD,
    BENCH_REPLY_LENGTH,     /* of a body with Content-Length: `left` bytes */
    BENCH_REPLY_CHUNK_SIZE, /* in the line that tells it */
    BENCH_REPLY_CHUNK,      /* `left` bytes and CRLF */
    BENCH_REPLY_LAST_LINE,  /* the empty line after the last chunk */
    BENCH_REPLY_DONE,
    BENCH_REPLY_BROKEN,
};

struct bench_reply {
    enum bench_reply_state state;
    int status;
    size_t left;
    int64_t tokens;
    int64_t mark; /* digits of an unfinished mark */
    int digits;   /* still missing of it; 0: none is being read */
    char kind;
    size_t head_len;
    char head[2048];
};

/* Called for each mark: '@' a token, '#' the end; @sent_ns as the server stamped it. */
typedef void bench_mark_fn(void *ctx, char kind, int64_t sent_ns);

void bench_reply_reset(struct bench_reply *r);
void bench_reply_feed(
    struct bench_reply *r, const char *bytes, size_t len, bench_mark_fn *fn, void *ctx);

enum { BENCH_REQUEST_BYTES = 1024 };

/* The request for a stream of the mock server, on either route. Returns its length. */
struct bench_load;
size_t bench_request(const struct bench_load *l, int64_t id, char *out, size_t size);

#endif
