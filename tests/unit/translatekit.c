#include "translatekit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/genreq.h"
#include "proxy/reader.h"
#include "proxy/tap.h"
#include "proxy/writer.h"

enum ts_err translate(struct way way, const char *body, struct ts_buf *out, struct ts_error *err)
{
    const struct ts_build b = {.dialect = way.to, .model = "N", .extensions = way.extensions};
    struct ts_genreq q;
    enum ts_err rc = ts_genreq_scan(way.from, ts_slice_str(body), &q, err);
    if (rc != TS_OK)
        return rc;
    rc = ts_genreq_build(&q, &b, out, err);
    ts_genreq_deinit(&q);
    return rc;
}

void expect(struct way way, const char *body, const char *want)
{
    struct ts_buf out = TS_BUF_INIT(64 * 1024);
    struct ts_error err = TS_ERROR_INIT;
    struct ts_jvalue root;
    if (translate(way, body, &out, &err) != TS_OK)
        fail_msg("%s: %s", body, err.text);
    if (strcmp(ts_buf_text(&out), want) != 0)
        fail_msg("%s\ngives    %s\nexpected %s", body, ts_buf_text(&out), want);
    assert_int_equal(ts_jscan(ts_buf_text(&out), out.len, &root, NULL), TS_OK);
    ts_buf_free(&out);
}

void expect_refusal(struct way way, const char *body, const char *param)
{
    struct ts_buf out = TS_BUF_INIT(64 * 1024);
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err rc = translate(way, body, &out, &err);
    if (rc != TS_ERR_INVALID_FIELD || strcmp(err.param, param) != 0)
        fail_msg("%s: %s, %s: %s", body, ts_err_name(rc), err.param, err.text);
    ts_buf_free(&out);
}

/* One stream on its way through a writer. */
struct stream {
    struct ts_writer w;
    struct ts_tap tap;
    struct ts_call *call;
    struct ts_buf out; /* what the client gets */
    bool fold;
};

static void on_event(void *ctx, const struct ts_event *e, size_t end)
{
    (void)end;
    struct stream *s = ctx;
    ts_tap_event(&s->tap, e, 1);
    if (s->fold)
        ts_writer_collect(&s->w, e);
    else
        ts_writer_event(&s->w, e, &s->out);
}

struct ts_buf written(const struct ts_dialect *from,
                      const struct ts_dialect *to,
                      struct ts_slice bytes,
                      size_t first,
                      bool fold)
{
    struct stream s = {.call = ts_call_new(), .out = TS_BUF_INIT(1024 * 1024), .fold = fold};
    struct ts_reader *r = NULL;
    assert_non_null(s.call);
    ts_tap_init(&s.tap);
    ts_writer_init(&s.w, to, "m", "ID", 1795205379123);
    s.w.wants_usage = true;
    assert_int_equal(ts_reader_new(from, 1024 * 1024, on_event, &s, &r), TS_OK);
    first = first < bytes.len ? first : bytes.len;
    ts_reader_feed(r, bytes.at, first);
    ts_reader_feed(r, bytes.at + first, bytes.len - first);
    ts_reader_end(r);
    ts_tap_fill(&s.tap, 0, s.call);
    s.call->phases = (struct ts_phases){.total_us = TS_UNKNOWN, .load_us = TS_UNKNOWN};
    if (fold)
        ts_writer_whole(&s.w, s.call, &s.out);
    else
        ts_writer_end(&s.w, s.call, &s.out);
    assert_true(ts_buf_ok(&s.out) && ts_writer_ok(&s.w));
    ts_reader_free(r);
    ts_writer_deinit(&s.w);
    ts_call_free(s.call);
    return s.out;
}

void expect_written(const struct ts_dialect *from,
                    const struct ts_dialect *to,
                    const char *stream,
                    bool fold,
                    const char *want)
{
    struct ts_buf out = written(from, to, ts_slice_str(stream), SIZE_MAX, fold);
    if (strcmp(ts_buf_text(&out), want) != 0)
        fail_msg("gives    %s\nexpected %s", ts_buf_text(&out), want);
    ts_buf_free(&out);
}
