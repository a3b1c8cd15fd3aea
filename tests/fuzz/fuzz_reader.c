/*
 * Streams: however the bytes are cut into reads, the events are the same.
 *
 * Input: a byte that chooses the dialect, a byte that seeds the cuts, the stream.
 */
#include <inttypes.h>
#include <string.h>

#include "fuzz.h"
#include "proxy/reader.h"

static const struct ts_dialect *const dialects[] = {&ts_ollama_generate,
                                                    &ts_openai_chat,
                                                    &ts_openai_completions,
                                                    &ts_ollama_chat,
                                                    &ts_anthropic_messages,
                                                    &ts_openai_responses};

enum { MAX_TEXT = 100 };

struct log {
    struct ts_buf text;
    size_t fed;
    size_t last_end;
};

static void put(struct ts_buf *b, struct ts_slice s)
{
    ts_buf_printf(b, "%zu ", s.len);
    ts_buf_put(b, s.at, s.len);
}

static void on_event(void *ctx, const struct ts_event *e, size_t end)
{
    struct log *l = ctx;
    CHECK(l->fed + end >= l->last_end);
    CHECK(!e->malformed || !ts_event_has_content(e));
    CHECK(e->text.len <= MAX_TEXT && e->reasoning.len <= MAX_TEXT);
    CHECK(e->tokens.input >= TS_UNKNOWN && e->tokens.output >= TS_UNKNOWN);
    l->last_end = l->fed + end;
    ts_buf_printf(&l->text,
                  "%zu %d%d%d%d%d%d %d ",
                  l->last_end,
                  e->has_tool_call,
                  e->text_cut,
                  e->terminator,
                  e->usage_only,
                  e->is_error,
                  e->malformed,
                  (int)e->finish);
    ts_buf_printf(&l->text,
                  "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                  e->tokens.input,
                  e->tokens.output,
                  e->times.total_us,
                  e->times.eval_us);
    put(&l->text, e->text);
    put(&l->text, e->reasoning);
    put(&l->text, e->error_text);
    put(&l->text, e->model);
    put(&l->text, e->refusal);
    CHECK(e->tool_count <= TS_MAX_TOOL_PIECES && (e->tool_count == 0 || e->has_tool_call));
    for (int i = 0; i < e->tool_count; i++) {
        const struct ts_tool_piece *p = &e->tools[i];
        ts_buf_printf(&l->text, "%" PRId64 " %d ", p->index, p->whole);
        put(&l->text, p->id);
        put(&l->text, p->name);
        put(&l->text, p->input);
    }
}

/* Reads of 1 to @step bytes, after the numbers that follow from @seed. */
static struct log run(
    const struct ts_dialect *d, const char *bytes, size_t n, size_t step, uint32_t seed)
{
    struct log l = {.text = TS_BUF_INIT(64 * 1024 * 1024)};
    struct ts_reader *r = NULL;
    CHECK(ts_reader_new(d, MAX_TEXT, on_event, &l, &r) == TS_OK);
    while (l.fed < n) {
        seed = seed * 1664525U + 1013904223U;
        size_t piece = 1 + (seed >> 8) % step;
        piece = piece < n - l.fed ? piece : n - l.fed;
        ts_reader_feed(r, bytes + l.fed, piece);
        CHECK(ts_reader_in_event(r) || !ts_reader_maybe_terminator(r));
        l.fed += piece;
    }
    ts_reader_end(r);
    CHECK(!ts_reader_in_event(r));
    ts_reader_free(r);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct ts_dialect *d = dialects[data[0] % TS_ARRAY_LEN(dialects)];
    const char *bytes = (const char *)data + 2;
    size_t n = size - 2;
    struct log whole = run(d, bytes, n, n + 1, 0);
    static const size_t steps[] = {1, 3, 16, 200};
    for (size_t i = 0; i < TS_ARRAY_LEN(steps); i++) {
        struct log cut = run(d, bytes, n, steps[i], data[1]);
        CHECK(cut.text.len == whole.text.len);
        CHECK(cut.text.len == 0 || memcmp(cut.text.data, whole.text.data, cut.text.len) == 0);
        ts_buf_free(&cut.text);
    }
    ts_buf_free(&whole.text);
    return 0;
}
