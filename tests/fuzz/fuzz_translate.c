/*
 * Streams through writers: whatever a server sends, what a client of any dialect gets is whole
 * events of JSON, and a folded answer is one object.
 *
 * Input: a byte that chooses the server's dialect, the stream.
 */
#include <string.h>

#include "base/call.h"
#include "fuzz.h"
#include "proxy/reader.h"
#include "proxy/tap.h"
#include "proxy/writer.h"

static const struct ts_dialect *const servers[] = {&ts_ollama_generate,
                                                   &ts_openai_chat,
                                                   &ts_openai_completions,
                                                   &ts_ollama_chat,
                                                   &ts_anthropic_messages};

struct run {
    struct ts_writer stream;
    struct ts_writer fold;
    struct ts_tap tap;
    struct ts_buf out;
    bool same; /* the server speaks the client's dialect */
    const char *bytes;
    size_t from; /* of the event being read */
};

static void on_event(void *ctx, const struct ts_event *e, size_t end)
{
    struct run *r = ctx;
    if (e->is_error || e->text_cut)
        return;
    ts_tap_event(&r->tap, e, 1);
    ts_writer_event(&r->stream, e, &r->out);
    ts_writer_collect(&r->fold, e);
    if (r->same && end > r->from)
        ts_writer_keep(&r->fold, e, (struct ts_slice){r->bytes + r->from, end - r->from});
    r->from = end > r->from ? end : r->from;
}

static void count(void *ctx, const struct ts_event *e, size_t end)
{
    (void)end;
    int *malformed = ctx;
    *malformed += e->malformed;
}

/* Every event that was written is one that can be read. */
static void check_stream(const struct ts_dialect *d, const struct ts_buf *out)
{
    struct ts_reader *r = NULL;
    int malformed = 0;
    CHECK(ts_reader_new(d, 100, count, &malformed, &r) == TS_OK);
    ts_reader_feed(r, ts_buf_text(out), out->len);
    ts_reader_end(r);
    ts_reader_free(r);
    CHECK(malformed == 0);
}

static void translate(const struct ts_dialect *from,
                      const struct ts_dialect *to,
                      const char *bytes,
                      size_t n)
{
    struct run r = {.out = TS_BUF_INIT(64 * 1024 * 1024), .same = from == to, .bytes = bytes};
    struct ts_buf whole = TS_BUF_INIT(64 * 1024 * 1024);
    struct ts_call *call = ts_call_new();
    struct ts_reader *reader = NULL;
    struct ts_jvalue root;
    CHECK(call != NULL && ts_reader_new(from, 1024 * 1024, on_event, &r, &reader) == TS_OK);
    ts_tap_init(&r.tap);
    ts_writer_init(&r.stream, to, "m", "id", 0);
    ts_writer_init(&r.fold, to, "m", "id", 0);
    r.stream.wants_usage = true;
    ts_reader_feed(reader, bytes, n);
    ts_reader_end(reader);
    ts_tap_fill(&r.tap, 0, call);
    ts_writer_end(&r.stream, call, &r.out);
    ts_writer_whole(&r.fold, call, &whole);
    if (ts_writer_ok(&r.stream) && r.stream.trouble == NULL)
        check_stream(to, &r.out);
    if (ts_writer_ok(&r.fold) && r.fold.trouble == NULL) {
        CHECK(ts_jscan(ts_buf_text(&whole), whole.len, &root, NULL) == TS_OK);
        CHECK(root.type == TS_J_OBJECT);
    }
    ts_reader_free(reader);
    ts_writer_deinit(&r.stream);
    ts_writer_deinit(&r.fold);
    ts_buf_free(&r.out);
    ts_buf_free(&whole);
    ts_call_free(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const struct ts_dialect *from = servers[data[0] % TS_ARRAY_LEN(servers)];
    for (size_t i = 0; i < TS_ARRAY_LEN(servers); i++)
        translate(from, servers[i], (const char *)data + 1, size - 1);
    return 0;
}
