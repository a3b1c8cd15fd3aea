#include "analytics/digest.h"

#include <string.h>

enum { FORMAT = 0x01, LENGTH_MAX_BYTES = 10 };

/* The fields by number, for the loops below. */
#define X(field) FIELD_##field,
enum field { TS_TALLY_TABLE(X) FIELDS };
#undef X

static const size_t offsets[FIELDS] = {
#define X(field) [FIELD_##field] = offsetof(struct ts_tally, field),
    TS_TALLY_TABLE(X)
#undef X
};

static int64_t *field_of(struct ts_tally *t, int i)
{
    return (int64_t *)(void *)((char *)t + offsets[i]);
}

static int64_t field(const struct ts_tally *t, int i)
{
    return *(const int64_t *)(const void *)((const char *)t + offsets[i]);
}

void ts_digest_free(struct ts_digest *c)
{
    ts_sketch_free(&c->response);
    ts_sketch_free(&c->ttft);
}

void ts_digest_clear(struct ts_digest *c)
{
    c->tally = (struct ts_tally){.last_ms = TS_UNKNOWN};
    ts_sketch_clear(&c->response);
    ts_sketch_clear(&c->ttft);
}

/* -- adding ----------------------------------------------------------------------------------- */

/* Sums of outside numbers stop at the largest value instead of wrapping. */
static int64_t plus(int64_t a, int64_t b)
{
    int64_t out = 0;
    return __builtin_add_overflow(a, b, &out) ? INT64_MAX : out;
}

static ts_u128 plus_square(ts_u128 sum, int64_t v)
{
    ts_u128 out = sum + (ts_u128)v * (ts_u128)v;
    return out < sum ? ~(ts_u128)0 : out;
}

static void add_known(int64_t *n, int64_t *sum, int64_t v)
{
    if (v < 0)
        return;
    ++*n;
    *sum = plus(*sum, v);
}

static void add_tokens(struct ts_tally *t, const struct ts_agg_row *row)
{
    const int64_t kinds[] = {row->input_tokens, row->output_tokens, row->unsplit_tokens};
    int64_t n = 0;
    int64_t tokens = 0;
    int64_t ignored = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(kinds); i++)
        add_known(&n, &tokens, kinds[i]);
    add_known(&t->input_n, &t->input_tokens, row->input_tokens);
    add_known(&t->output_n, &t->output_tokens, row->output_tokens);
    add_known(&ignored, &t->unsplit_tokens, row->unsplit_tokens);
    if (n > 0) {
        t->tokens_n++;
        t->tokens_squares = plus_square(t->tokens_squares, tokens);
    }
    if (row->output_tokens >= 0 && row->decode_us > 0) {
        t->timed_tokens = plus(t->timed_tokens, row->output_tokens);
        t->timed_us = plus(t->timed_us, row->decode_us);
    }
}

static enum ts_err add_times(struct ts_digest *c, const struct ts_agg_row *row)
{
    if (row->response_us >= 0 && row->cold)
        add_known(&c->tally.cold, &c->tally.cold_us, row->response_us);
    if (row->response_us >= 0 && ts_sketch_add(&c->response, row->response_us) != TS_OK)
        return TS_ERR_NOMEM;
    return row->ttft_us >= 0 ? ts_sketch_add(&c->ttft, row->ttft_us) : TS_OK;
}

/* What a trial says: its thumb, or else its outcome. */
static bool is_good(enum ts_outcome outcome, int rating)
{
    return rating != 0 ? rating > 0 : outcome == TS_OUTCOME_DONE;
}

enum ts_err ts_digest_add(struct ts_digest *c, const struct ts_agg_row *row)
{
    struct ts_tally *t = &c->tally;
    t->calls++;
    if (ts_id_ms(row->id) > t->last_ms)
        t->last_ms = ts_id_ms(row->id);
    if (row->outcome == TS_OUTCOME_CANCELLED) {
        t->cancelled++;
        return TS_OK;
    }
    t->failures += row->outcome != TS_OUTCOME_DONE;
    t->timeouts += row->outcome == TS_OUTCOME_TIMEOUT;
    t->up += row->rating > 0;
    t->down += row->rating < 0;
    t->good += is_good(row->outcome, row->rating);
    add_tokens(t, row);
    add_known(&t->cost_n, &t->cost_nano_usd, row->cost_nano_usd);
    if (row->cost_nano_usd >= 0)
        t->cost_squares = plus_square(t->cost_squares, row->cost_nano_usd);
    return add_times(c, row);
}

void ts_digest_add_attempt(struct ts_digest *c)
{
    c->tally.failed_attempts++;
}

void ts_digest_rate(struct ts_digest *c, enum ts_outcome outcome, int before, int after)
{
    if (outcome == TS_OUTCOME_CANCELLED)
        return;
    struct ts_tally *t = &c->tally;
    t->up += (after > 0) - (before > 0);
    t->down += (after < 0) - (before < 0);
    t->good += is_good(outcome, after) - is_good(outcome, before);
}

int64_t ts_tally_trials(const struct ts_tally *t)
{
    return plus(t->calls - t->cancelled, t->failed_attempts);
}

int64_t ts_tally_tokens(const struct ts_tally *t)
{
    return plus(plus(t->input_tokens, t->output_tokens), t->unsplit_tokens);
}

static ts_u128 plus128(ts_u128 a, ts_u128 b)
{
    ts_u128 out = a + b;
    return out < a ? ~(ts_u128)0 : out;
}

void ts_tally_merge(struct ts_tally *into, const struct ts_tally *from)
{
#define X(field) into->field = plus(into->field, from->field);
    TS_TALLY_TABLE(X)
#undef X
    if (from->last_ms > into->last_ms)
        into->last_ms = from->last_ms;
    into->tokens_squares = plus128(into->tokens_squares, from->tokens_squares);
    into->cost_squares = plus128(into->cost_squares, from->cost_squares);
}

enum ts_err ts_digest_merge(struct ts_digest *into, const struct ts_digest *from)
{
    ts_tally_merge(&into->tally, &from->tally);
    if (ts_sketch_merge(&into->response, &from->response) != TS_OK)
        return TS_ERR_NOMEM;
    return ts_sketch_merge(&into->ttft, &from->ttft);
}

/* -- as bytes --------------------------------------------------------------------------------- */

static void put_fields(const struct ts_tally *t, struct ts_buf *out)
{
    uint64_t present = 0;
    for (int i = 0; i < FIELDS; i++)
        present |= (uint64_t)(field(t, i) != 0) << i;
    ts_varint_put(out, present);
    for (int i = 0; i < FIELDS; i++) {
        if (field(t, i) != 0)
            ts_varint_put(out, (uint64_t)field(t, i));
    }
}

static void get_fields(struct ts_cursor *c, struct ts_tally *t)
{
    uint64_t present = ts_varint_get(c);
    if (present >> FIELDS != 0)
        c->bad = true;
    for (; present != 0 && !c->bad; present &= present - 1)
        *field_of(t, __builtin_ctzll(present)) = ts_varint_get_i64(c);
}

/* A sketch behind its length, which is known only afterwards. */
static void put_sketch(const struct ts_sketch *sketch, struct ts_buf *out)
{
    size_t at = out->len;
    ts_sketch_encode(sketch, out);
    size_t len = out->len - at;
    ts_varint_put(out, len);
    if (!ts_buf_ok(out))
        return;
    char prefix[LENGTH_MAX_BYTES];
    size_t prefix_len = out->len - at - len;
    memcpy(prefix, out->data + at + len, prefix_len);
    memmove(out->data + at + prefix_len, out->data + at, len);
    memcpy(out->data + at, prefix, prefix_len);
}

void ts_digest_encode(const struct ts_digest *c, int64_t start_ms, struct ts_buf *out)
{
    const struct ts_tally *t = &c->tally;
    const uint8_t format = FORMAT;
    ts_buf_put(out, &format, 1);
    put_fields(t, out);
    ts_varint_put(out, t->last_ms == TS_UNKNOWN ? 0 : (uint64_t)(t->last_ms - start_ms + 1));
    if (t->tokens_n > 1)
        ts_varint_put128(out, t->tokens_squares);
    if (t->cost_n > 1)
        ts_varint_put128(out, t->cost_squares);
    put_sketch(&c->response, out);
    ts_sketch_encode(&c->ttft, out);
}

static ts_u128 get_squares(struct ts_cursor *c, int64_t n, int64_t sum)
{
    return n > 1 ? ts_varint_get128(c) : plus_square(0, sum);
}

bool ts_digest_view(const uint8_t *bytes, size_t len, int64_t start_ms, struct ts_digest_view *out)
{
    struct ts_cursor c = ts_cursor_of(bytes, len);
    struct ts_tally *t = &out->tally;
    *t = (struct ts_tally){.last_ms = TS_UNKNOWN};
    if (len == 0 || *c.at++ != FORMAT)
        return false;
    get_fields(&c, t);
    int64_t last = ts_varint_get_i64(&c);
    if (last > 0 && __builtin_add_overflow(start_ms, last - 1, &t->last_ms))
        return false;
    t->tokens_squares = get_squares(&c, t->tokens_n, ts_tally_tokens(t));
    t->cost_squares = get_squares(&c, t->cost_n, t->cost_nano_usd);
    uint64_t first = ts_varint_get(&c);
    if (c.bad || first > ts_cursor_left(&c))
        return false;
    if (t->cancelled > t->calls || t->failures > t->calls - t->cancelled)
        return false;
    out->response = ts_cursor_of(c.at, first);
    out->ttft = ts_cursor_of(c.at + first, ts_cursor_left(&c) - first);
    return true;
}

static enum ts_err merge_sketch(struct ts_sketch *into, const struct ts_cursor *from)
{
    return ts_sketch_merge_bytes(into, from->at, ts_cursor_left(from));
}

enum ts_err ts_digest_merge_view(struct ts_digest *into, const struct ts_digest_view *from)
{
    enum ts_err e = merge_sketch(&into->response, &from->response);
    if (e == TS_OK)
        e = merge_sketch(&into->ttft, &from->ttft);
    if (e == TS_OK)
        ts_tally_merge(&into->tally, &from->tally);
    return e;
}
