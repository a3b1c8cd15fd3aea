#include "analytics/code_repeats.h"

#include <stdlib.h>

#include "analytics/code_quality.h"

struct ts_code_span {
    uint64_t hash;
    uint32_t start; /* bytes, half-open */
    uint32_t end;
};

uint64_t ts_code_hash(uint64_t seed, const char *bytes, size_t len)
{
    /* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
    uint64_t h = seed ^ 0xcbf29ce484222325U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3U;
    return h;
}

void ts_code_repeats_init(struct ts_code_repeats *r)
{
    *r = (struct ts_code_repeats){
        .spans = TS_BUF_INIT(sizeof(struct ts_code_span) * 2 * TS_CODE_MAX_BYTES)};
}

void ts_code_repeats_deinit(struct ts_code_repeats *r)
{
    ts_buf_free(&r->spans);
}

void ts_code_repeats_add(struct ts_code_repeats *r, uint64_t hash, uint32_t start, uint32_t end)
{
    struct ts_code_span span = {.hash = hash, .start = start, .end = end};
    ts_buf_put(&r->spans, &span, sizeof(span));
}

static int by_start(const void *a, const void *b)
{
    const struct ts_code_span *x = a;
    const struct ts_code_span *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static int by_hash(const void *a, const void *b)
{
    const struct ts_code_span *x = a;
    const struct ts_code_span *y = b;
    if (x->hash != y->hash)
        return x->hash > y->hash ? 1 : -1;
    return by_start(a, b);
}

/* Keeps only the spans that equal one before them in the text; how many. Equal ones never overlap:
 * a part of a subtree has fewer tokens, or its hash went through one mixing less. */
static size_t keep_copies(struct ts_code_span *spans, size_t n)
{
    size_t kept = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_copy = i > 0 && spans[i].hash == last;
        last = spans[i].hash;
        if (is_copy)
            spans[kept++] = spans[i];
    }
    return kept;
}

int64_t ts_code_repeats_bytes(struct ts_code_repeats *r)
{
    struct ts_code_span *spans = (struct ts_code_span *)(void *)r->spans.data;
    size_t n = r->spans.len / sizeof(*spans);
    if (n == 0)
        return 0;
    qsort(spans, n, sizeof(*spans), by_hash);
    n = keep_copies(spans, n);
    qsort(spans, n, sizeof(*spans), by_start);
    int64_t bytes = 0;
    uint32_t seen = 0; /* counted up to here */
    for (size_t i = 0; i < n; i++) {
        uint32_t from = spans[i].start > seen ? spans[i].start : seen;
        if (spans[i].end <= from)
            continue;
        bytes += spans[i].end - from;
        seen = spans[i].end;
    }
    return bytes;
}
