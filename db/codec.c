#include "db/codec.h"

#include <stddef.h>
#include <string.h>

enum kind { INT64, INT32, BOOL, TEXT, ERROR_NAME };

struct field {
    enum kind kind;
    size_t at;
};

#define CALL(kind, member)                                                                         \
    {                                                                                              \
        kind, offsetof(struct ts_call, member)                                                     \
    }
#define ATTEMPT(kind, member)                                                                      \
    {                                                                                              \
        kind, offsetof(struct ts_attempt, member)                                                  \
    }

/* Append only. */
static const struct field call_fields[] = {
    CALL(INT64, id),
    CALL(TEXT, provider),
    CALL(TEXT, model),
    CALL(TEXT, requested_model),
    CALL(TEXT, reported_model),
    CALL(TEXT, task_type),
    CALL(INT32, complexity),
    CALL(BOOL, classified),
    CALL(INT32, outcome),
    CALL(ERROR_NAME, error),
    CALL(TEXT, error_text),
    CALL(TEXT, finish_reason),
    CALL(INT64, phases.queue_us),
    CALL(INT64, phases.connect_us),
    CALL(INT64, phases.load_us),
    CALL(INT64, phases.first_byte_us),
    CALL(INT64, phases.ttft_us),
    CALL(INT64, phases.first_visible_us),
    CALL(INT64, phases.decode_us),
    CALL(INT64, phases.max_stall_us),
    CALL(INT64, phases.total_us),
    CALL(INT64, phases.overhead_us),
    CALL(INT64, tokens.input),
    CALL(INT64, tokens.cache_read),
    CALL(INT64, tokens.cache_write),
    CALL(INT64, tokens.output),
    CALL(INT64, tokens.reasoning),
    CALL(INT64, tokens.unsplit),
    CALL(INT32, tokens_source),
    CALL(INT64, cost_nano_usd),
    CALL(TEXT, dialect),
    CALL(BOOL, streamed),
    CALL(BOOL, cold),
    CALL(BOOL, simulated),
    CALL(BOOL, reported),
    CALL(TEXT, user_id),
    CALL(TEXT, user_segment),
    CALL(TEXT, conversation_id),
    CALL(TEXT, message_id),
    CALL(TEXT, tags_json),
    CALL(TEXT, metadata_json),
    CALL(TEXT, prompt_text),
    CALL(TEXT, answer_text),
    CALL(BOOL, text_cut),
};

static const struct field attempt_fields[] = {
    ATTEMPT(TEXT, provider),
    ATTEMPT(TEXT, model),
    ATTEMPT(ERROR_NAME, cause),
    ATTEMPT(TEXT, error_text),
    ATTEMPT(INT64, status),
    ATTEMPT(INT64, duration_us),
    ATTEMPT(INT64, wait_us),
};

/* -- writing: little-endian numbers, texts with their length ---------------------------------- */

static void put_number(struct ts_buf *out, uint64_t v, size_t bytes)
{
    unsigned char b[8];
    for (size_t i = 0; i < bytes; i++, v >>= 8)
        b[i] = (unsigned char)(v & 0xff);
    ts_buf_put(out, b, bytes);
}

/* Length + 1, so that 0 is an absent text. */
static void put_text(struct ts_buf *out, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    put_number(out, text != NULL ? len + 1 : 0, 4);
    ts_buf_put(out, text, len);
}

static void put_field(struct ts_buf *out, const struct field *f, const void *base)
{
    const void *at = (const char *)base + f->at;
    union {
        int64_t i64;
        int32_t i32;
        bool b;
        const char *text;
        enum ts_err error;
    } v;
    switch (f->kind) {
    case INT64:
        memcpy(&v.i64, at, sizeof(v.i64));
        put_number(out, (uint64_t)v.i64, 8);
        return;
    case INT32:
        memcpy(&v.i32, at, sizeof(v.i32));
        put_number(out, (uint32_t)v.i32, 4);
        return;
    case BOOL:
        memcpy(&v.b, at, sizeof(v.b));
        put_number(out, v.b, 1);
        return;
    case TEXT:
        memcpy(&v.text, at, sizeof(v.text));
        put_text(out, v.text);
        return;
    case ERROR_NAME: /* the numbers may change between versions, the names do not */
        memcpy(&v.error, at, sizeof(v.error));
        put_text(out, ts_err_name(v.error));
        return;
    }
}

static void put_fields(struct ts_buf *out,
                       const struct field *fields,
                       size_t count,
                       const void *base)
{
    put_number(out, count, 1);
    for (size_t i = 0; i < count; i++)
        put_field(out, &fields[i], base);
}

void ts_codec_encode(const struct ts_call *call, struct ts_buf *out)
{
    put_fields(out, call_fields, TS_ARRAY_LEN(call_fields), call);
    put_number(out, (uint64_t)call->attempt_count, 1);
    for (int i = 0; i < call->attempt_count; i++)
        put_fields(out, attempt_fields, TS_ARRAY_LEN(attempt_fields), &call->attempts[i]);
}

/* -- reading: the first thing that does not fit is latched ------------------------------------ */

struct source {
    const char *at;
    size_t left;
    struct ts_arena *arena;
    enum ts_err error;
};

static uint64_t take_number(struct source *s, size_t bytes)
{
    if (s->error != TS_OK || s->left < bytes) {
        s->error = s->error == TS_OK ? TS_ERR_IO : s->error;
        return 0;
    }
    uint64_t v = 0;
    for (size_t i = bytes; i-- > 0;)
        v = v << 8 | (unsigned char)s->at[i];
    s->at += bytes;
    s->left -= bytes;
    return v;
}

static struct ts_slice take_text(struct source *s)
{
    size_t len = (size_t)take_number(s, 4);
    if (s->error != TS_OK || len == 0)
        return (struct ts_slice){0};
    len--;
    if (s->left < len) {
        s->error = TS_ERR_IO;
        return (struct ts_slice){0};
    }
    struct ts_slice text = {.at = s->at, .len = len};
    s->at += len;
    s->left -= len;
    return text;
}

static const char *keep_text(struct source *s, struct ts_slice text)
{
    const char *copy = ts_arena_copy(s->arena, text);
    if (text.at != NULL && copy == NULL)
        s->error = TS_ERR_NOMEM;
    return copy;
}

/* An unknown name (of a newer version) reads as INTERNAL. */
static enum ts_err error_of_name(struct ts_slice name)
{
    for (int e = 0; e < TS_ERR_COUNT_; e++) {
        if (ts_slice_is(name, ts_err_name((enum ts_err)e)))
            return (enum ts_err)e;
    }
    return TS_ERR_INTERNAL;
}

static void take_field(struct source *s, const struct field *f, void *base)
{
    void *at = (char *)base + f->at;
    switch (f->kind) {
    case INT64: {
        int64_t v = (int64_t)take_number(s, 8);
        memcpy(at, &v, sizeof(v));
        return;
    }
    case INT32: {
        uint32_t v = (uint32_t)take_number(s, 4);
        memcpy(at, &v, sizeof(v));
        return;
    }
    case BOOL: {
        bool v = take_number(s, 1) != 0;
        memcpy(at, &v, sizeof(v));
        return;
    }
    case TEXT: {
        const char *v = keep_text(s, take_text(s));
        memcpy(at, &v, sizeof(v));
        return;
    }
    case ERROR_NAME: {
        enum ts_err v = error_of_name(take_text(s));
        memcpy(at, &v, sizeof(v));
        return;
    }
    }
}

/* A record with more fields than we know comes from a newer version; its order is not ours. */
static void take_fields(struct source *s, const struct field *fields, size_t known, void *base)
{
    size_t count = (size_t)take_number(s, 1);
    if (count > known)
        s->error = TS_ERR_IO;
    for (size_t i = 0; s->error == TS_OK && i < count; i++)
        take_field(s, &fields[i], base);
}

static bool is_sane(const struct ts_call *c)
{
    return c->outcome < TS_OUTCOME_COUNT_ && c->complexity < TS_COMPLEXITY_COUNT_ &&
           c->tokens_source < TS_TOKENS_COUNT_ && c->id > 0;
}

enum ts_err ts_codec_decode(const char *bytes, size_t len, struct ts_call **out)
{
    TS_AUTO(ts_call_auto) struct ts_call *call = ts_call_new();
    if (call == NULL)
        return TS_ERR_NOMEM;
    struct source s = {.at = bytes, .left = len, .arena = &call->arena};
    take_fields(&s, call_fields, TS_ARRAY_LEN(call_fields), call);
    size_t attempts = (size_t)take_number(&s, 1);
    if (s.error == TS_OK && attempts > TS_MAX_TARGETS)
        s.error = TS_ERR_IO;
    for (size_t i = 0; s.error == TS_OK && i < attempts; i++) {
        struct ts_attempt *attempt = ts_call_add_attempt(call);
        if (attempt == NULL)
            return TS_ERR_NOMEM;
        take_fields(&s, attempt_fields, TS_ARRAY_LEN(attempt_fields), attempt);
    }
    if (s.error != TS_OK)
        return s.error;
    if (s.left != 0 || !is_sane(call))
        return TS_ERR_IO;
    *out = TS_TAKE(call);
    return TS_OK;
}
