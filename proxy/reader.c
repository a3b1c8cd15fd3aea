#include "proxy/reader.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/draft.h"
#include "proxy/ndjson.h"
#include "proxy/sse.h"

static const char sse_terminator[] = "[DONE]";

/* How much of the terminator an SSE event's data has been so far. */
enum { TERMINATOR_LEN = sizeof(sse_terminator) - 1, NOT_THE_TERMINATOR = -1 };

struct ts_reader {
    const struct ts_dialect *dialect;
    ts_event_fn *fn;
    void *ctx;
    bool in_event;
    union {
        struct ts_ndjson ndjson;
        struct ts_sse sse;
    } framing;   /* of a stream */
    int matched; /* characters of sse_terminator */
    struct ts_jpath_scanner scanner;
    struct ts_draft draft;
};

enum ts_err ts_reader_new(
    const struct ts_dialect *d, size_t max_text, ts_event_fn *fn, void *ctx, struct ts_reader **out)
{
    struct ts_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return TS_ERR_NOMEM;
    r->dialect = d;
    r->fn = fn;
    r->ctx = ctx;
    ts_draft_init(&r->draft, max_text);
    ts_jpath_init(&r->scanner, d->paths, d->path_count, ts_draft_take, &r->draft);
    *out = r;
    return TS_OK;
}

void ts_reader_free(struct ts_reader *r)
{
    if (r == NULL)
        return;
    ts_draft_deinit(&r->draft);
    free(r);
}

static bool is_sse(const struct ts_reader *r)
{
    return r->dialect->framing == TS_FRAMING_SSE;
}

/* Compares data with the terminator; blanks around it do not matter. */
static void match_terminator(struct ts_reader *r, struct ts_slice data)
{
    for (size_t i = 0; i < data.len && r->matched != NOT_THE_TERMINATOR; i++) {
        bool blank = data.at[i] == ' ' && (r->matched == 0 || r->matched == TERMINATOR_LEN);
        if (blank)
            continue;
        if (r->matched < TERMINATOR_LEN && data.at[i] == sse_terminator[r->matched])
            r->matched++;
        else
            r->matched = NOT_THE_TERMINATOR;
    }
}

static void take_data(struct ts_reader *r, struct ts_slice data)
{
    if (is_sse(r) && r->dialect->last_types == NULL)
        match_terminator(r, data);
    ts_jpath_feed(&r->scanner, data.at, data.len);
}

static void finish_event(struct ts_reader *r, size_t end)
{
    struct ts_event *e = &r->draft.event;
    if (r->matched == TERMINATOR_LEN) {
        e->terminator = true;
    } else if (ts_jpath_complete(&r->scanner)) {
        ts_draft_gather(&r->draft);
        r->dialect->finish(&r->draft);
    } else {
        e->malformed = true;
    }
    r->in_event = false;
    r->fn(r->ctx, e, end);
    ts_draft_reset(&r->draft);
    ts_jpath_reset(&r->scanner);
    r->matched = 0;
}

static size_t next_piece(struct ts_reader *r, const char *bytes, size_t n, struct ts_piece *out)
{
    switch (r->dialect->framing) {
    case TS_FRAMING_SSE:
        return ts_sse_next(&r->framing.sse, bytes, n, out);
    case TS_FRAMING_NDJSON:
        return ts_ndjson_next(&r->framing.ndjson, bytes, n, out);
    case TS_FRAMING_WHOLE:
        break;
    }
    *out = (struct ts_piece){.kind = TS_PIECE_DATA, .data = {bytes, n}};
    return n;
}

static bool is_event_at_end(struct ts_reader *r)
{
    switch (r->dialect->framing) {
    case TS_FRAMING_SSE:
        return ts_sse_end(&r->framing.sse);
    case TS_FRAMING_NDJSON:
        return ts_ndjson_end(&r->framing.ndjson);
    case TS_FRAMING_WHOLE:
        break;
    }
    return true;
}

void ts_reader_feed(struct ts_reader *r, const char *bytes, size_t n)
{
    size_t at = 0;
    while (at < n) {
        struct ts_piece piece;
        size_t taken = next_piece(r, bytes + at, n - at, &piece);
        at += taken;
        switch (piece.kind) {
        case TS_PIECE_NONE:
            r->in_event = true;
            break;
        case TS_PIECE_DATA:
            r->in_event = true;
            take_data(r, piece.data);
            break;
        case TS_PIECE_END:
            finish_event(r, at);
            break;
        }
    }
}

void ts_reader_end(struct ts_reader *r)
{
    if (is_event_at_end(r))
        finish_event(r, 0);
    r->in_event = false;
}

bool ts_reader_in_event(const struct ts_reader *r)
{
    return r->in_event;
}

/* What was read of the event's type, if anything, is how one of @last begins. */
static bool maybe_type(const struct ts_reader *r, const char *const *last)
{
    const struct ts_buf *type = &r->draft.type;
    for (; *last != NULL; last++) {
        if (type->len <= strlen(*last) && memcmp(ts_buf_text(type), *last, type->len) == 0)
            return true;
    }
    return false;
}

static bool sse_maybe_terminator(const struct ts_reader *r)
{
    const struct ts_sse *f = &r->framing.sse;
    if (r->dialect->last_types != NULL)
        return r->in_event && maybe_type(r, r->dialect->last_types);
    return f->has_data ? r->matched != NOT_THE_TERMINATOR : ts_sse_maybe_data(f);
}

/* A line may end the stream while its `done` has not been seen, and once it is true. */
static bool ndjson_maybe_terminator(const struct ts_reader *r)
{
    return r->framing.ndjson.in_line && !ts_jpath_bad(&r->scanner) &&
           (r->draft.done || !ts_draft_has(&r->draft, TS_FIELD_DONE));
}

bool ts_reader_maybe_terminator(const struct ts_reader *r)
{
    return is_sse(r) ? sse_maybe_terminator(r) : ndjson_maybe_terminator(r);
}
