#include "bench/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench/load.h"
#include "bench/net.h"

void bench_reply_reset(struct bench_reply *r)
{
    r->state = BENCH_REPLY_HEAD;
    r->status = 0;
    r->left = 0;
    r->digits = 0;
    r->head_len = 0;
}

static void find_marks(
    struct bench_reply *r, const char *bytes, size_t len, bench_mark_fn *fn, void *ctx)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (r->digits > 0) {
            r->mark = r->mark * 10 + (c - '0');
            if (--r->digits == 0)
                fn(ctx, r->kind, r->mark);
        } else if (c == '@' || c == '#') {
            r->kind = c;
            r->mark = 0;
            r->digits = BENCH_MARK_DIGITS;
            r->tokens += c == '@';
        }
    }
}

static void end_of_head(struct bench_reply *r)
{
    r->head[r->head_len] = '\0';
    r->status = r->head_len > 12 ? (int)strtol(r->head + 9, NULL, 10) : 0;
    const char *length = strcasestr(r->head, "\r\ncontent-length:");
    if (strcasestr(r->head, "\r\ntransfer-encoding: chunked") != NULL) {
        r->state = BENCH_REPLY_CHUNK_SIZE;
    } else if (length != NULL) {
        r->left = (size_t)strtoull(length + 17, NULL, 10);
        r->state = r->left > 0 ? BENCH_REPLY_LENGTH : BENCH_REPLY_DONE;
    } else {
        r->state = BENCH_REPLY_BROKEN;
    }
}

static size_t feed_head(struct bench_reply *r, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (r->head_len + 1 == sizeof(r->head)) {
            r->state = BENCH_REPLY_BROKEN;
            return len;
        }
        r->head[r->head_len++] = bytes[i];
        if (bytes[i] == '\n' && r->head_len >= 4 &&
            memcmp(r->head + r->head_len - 4, "\r\n\r\n", 4) == 0) {
            end_of_head(r);
            return i + 1;
        }
    }
    return len;
}

static void feed_size_line(struct bench_reply *r, char c)
{
    if (c == '\r')
        return;
    if (c == '\n') {
        r->state = r->left > 0 ? BENCH_REPLY_CHUNK : BENCH_REPLY_LAST_LINE;
        r->left += 2; /* the CRLF that follows the data */
        return;
    }
    const char *hex = "0123456789abcdef";
    const char *at = strchr(hex, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    if (c == '\0' || at == NULL || r->left > (1U << 24)) {
        r->state = BENCH_REPLY_BROKEN;
        return;
    }
    r->left = r->left * 16 + (size_t)(at - hex);
}

/* Body bytes up to the end of what is announced; returns how many. */
static size_t feed_body(
    struct bench_reply *r, const char *bytes, size_t len, bench_mark_fn *fn, void *ctx)
{
    size_t n = len < r->left ? len : r->left;
    find_marks(r, bytes, n, fn, ctx); /* a chunk's CRLF in the run holds no mark */
    r->left -= n;
    if (r->left == 0)
        r->state = r->state == BENCH_REPLY_CHUNK ? BENCH_REPLY_CHUNK_SIZE : BENCH_REPLY_DONE;
    return n;
}

void bench_reply_feed(
    struct bench_reply *r, const char *bytes, size_t len, bench_mark_fn *fn, void *ctx)
{
    size_t at = 0;
    while (at < len) {
        switch (r->state) {
        case BENCH_REPLY_HEAD:
            at += feed_head(r, bytes + at, len - at);
            break;
        case BENCH_REPLY_CHUNK_SIZE:
            feed_size_line(r, bytes[at++]);
            break;
        case BENCH_REPLY_LENGTH:
        case BENCH_REPLY_CHUNK:
        case BENCH_REPLY_LAST_LINE:
            at += feed_body(r, bytes + at, len - at, fn, ctx);
            break;
        case BENCH_REPLY_DONE: /* more than was announced */
            r->state = BENCH_REPLY_BROKEN;
            break;
        case BENCH_REPLY_BROKEN:
            return;
        }
    }
}

size_t bench_request(const struct bench_load *l, int64_t id, char *out, size_t size)
{
    bool chat = strncmp(l->path, "/v1/", 4) == 0;
    char body[320];
    int body_len =
        snprintf(body,
                 sizeof(body),
                 "{\"model\":\"%s\",\"stream\":true,%stokens=%lld interval_us=%lld delay_us=%lld "
                 "id=%lld\"%s}",
                 l->model,
                 chat ? "\"messages\":[{\"role\":\"user\",\"content\":\"" : "\"prompt\":\"",
                 (long long)l->plan.tokens,
                 (long long)l->plan.interval_us,
                 (long long)l->plan.delay_us,
                 (long long)id,
                 chat ? "}]" : "");
    int n = snprintf(out,
                     size,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                     "Content-Length: %d\r\n%s\r\n%s",
                     l->path,
                     l->port,
                     body_len,
                     l->headers,
                     body);
    if (n < 0 || (size_t)n >= size)
        abort();
    return (size_t)n;
}
