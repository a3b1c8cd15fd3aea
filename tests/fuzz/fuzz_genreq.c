/*
 * Generation requests: whatever is accepted can be built, and what is built is JSON again.
 *
 * Input: a byte that chooses the dialect, the value of a header up to a NUL, the body.
 */
#include <string.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "proxy/genreq.h"

static const struct ts_dialect *const dialects[] = {&ts_ollama_generate,
                                                    &ts_openai_chat,
                                                    &ts_openai_completions,
                                                    &ts_ollama_chat,
                                                    &ts_anthropic_messages,
                                                    &ts_ollama_embed,
                                                    &ts_ollama_embeddings,
                                                    &ts_openai_embeddings};

static const char *const headers[] = {"Task-Type", "Fallback", "Timeout-Ms", "Tags", "Complexity"};

static void build(const struct ts_genreq *q, const struct ts_dialect *upstream, bool extensions)
{
    const struct ts_build b = {
        .dialect = upstream, .model = "other \"name\"", .extensions = extensions};
    struct ts_buf out = TS_BUF_INIT(64 * 1024 * 1024);
    struct ts_error err = TS_ERROR_INIT;
    struct ts_jvalue root;
    enum ts_err rc = ts_genreq_build(q, &b, &out, &err);
    CHECK(rc == TS_OK || (rc == TS_ERR_INVALID_FIELD && upstream != q->dialect));
    if (rc == TS_OK) {
        CHECK(ts_jscan(out.data, out.len, &root, &err) == TS_OK);
        CHECK(ts_jstring_is(ts_jmember(root, "model"), "other \"name\""));
        CHECK(ts_jmember(root, "touchstone").type == TS_J_NONE);
        CHECK(ts_jmember(root, "stream").type == TS_J_TRUE || upstream->stream_default ||
              q->unstreamed);
    }
    ts_buf_free(&out);
}

static void check_labels(const struct ts_call_labels *l)
{
    struct ts_jvalue tags;
    CHECK(l->fallback_count >= 0 && l->fallback_count <= TS_MAX_TARGETS);
    CHECK(l->timeout_ms == TS_UNKNOWN || l->timeout_ms > 0);
    CHECK(l->task_type == NULL || ts_task_type_valid(ts_slice_str(l->task_type)));
    CHECK(l->tags_json == NULL ||
          ts_jscan(l->tags_json, strlen(l->tags_json), &tags, NULL) == TS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (nul == NULL)
        return 0;
    const struct ts_dialect *d = dialects[data[0] % TS_ARRAY_LEN(dialects)];
    struct ts_slice body = {(const char *)nul + 1, (size_t)(data + size - nul) - 1};
    struct ts_genreq q;
    if (ts_genreq_scan(d, body, &q, NULL) != TS_OK)
        return 0;
    CHECK(q.model[0] != '\0' && ts_utf8_valid(q.model, strlen(q.model)));
    for (size_t i = 0; i < TS_ARRAY_LEN(headers); i++) {
        enum ts_err rc = ts_genreq_label(&q, headers[i], (const char *)data + 1, NULL);
        CHECK(rc == TS_OK || rc == TS_ERR_INVALID_FIELD || rc == TS_ERR_NOMEM);
    }
    check_labels(&q.labels);
    (void)ts_genreq_prompt(&q);
    for (size_t i = 0; i < TS_ARRAY_LEN(dialects); i++) {
        if (ts_dialect_leads_to(d, dialects[i]))
            build(&q, dialects[i], data[0] > 127);
    }
    ts_genreq_deinit(&q);
    return 0;
}
