#include "proxy/writer.h"

#include <assert.h>

#include "base/limits.h"

bool ts_writer_can(const struct ts_dialect *d)
{
    return d->write_event != NULL;
}

void ts_writer_init(struct ts_writer *w,
                    const struct ts_dialect *d,
                    const char *model,
                    const char *id,
                    int64_t created_ms)
{
    *w = (struct ts_writer){
        .dialect = d,
        .model = model,
        .id = id,
        .created_ms = created_ms,
        .times = TS_SERVER_TIMES_UNKNOWN,
        .text = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
        .reasoning = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
        .last = TS_BUF_INIT(TS_MAX_EVENT_BYTES),
    };
}

void ts_writer_deinit(struct ts_writer *w)
{
    ts_buf_free(&w->text);
    ts_buf_free(&w->reasoning);
    ts_buf_free(&w->last);
}

static void keep(int64_t *into, int64_t v)
{
    if (v != TS_UNKNOWN)
        *into = v;
}

static void note_times(struct ts_writer *w, const struct ts_server_times *t)
{
    keep(&w->times.total_us, t->total_us);
    keep(&w->times.load_us, t->load_us);
    keep(&w->times.prompt_us, t->prompt_us);
    keep(&w->times.eval_us, t->eval_us);
}

void ts_writer_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    assert(ts_writer_can(w->dialect));
    note_times(w, &e->times);
    w->dialect->write_event(w, e, out);
}

void ts_writer_end(struct ts_writer *w, const struct ts_call *call, struct ts_buf *out)
{
    assert(ts_writer_can(w->dialect));
    w->call = call;
    w->dialect->write_end(w, out);
}

void ts_writer_collect(struct ts_writer *w, const struct ts_event *e)
{
    note_times(w, &e->times);
    ts_buf_put(&w->text, e->text.at, e->text.len);
    ts_buf_put(&w->reasoning, e->reasoning.at, e->reasoning.len);
    if (!ts_buf_ok(&w->reasoning) && ts_buf_ok(&w->text))
        w->text.error = w->reasoning.error;
}

void ts_writer_keep_last(struct ts_writer *w, struct ts_slice raw)
{
    ts_buf_clear(&w->last);
    ts_buf_put(&w->last, raw.at, raw.len);
    if (!ts_buf_ok(&w->last) && ts_buf_ok(&w->text))
        w->text.error = w->last.error;
}

void ts_writer_whole(struct ts_writer *w, const struct ts_call *call, struct ts_buf *out)
{
    assert(ts_writer_can(w->dialect));
    w->call = call;
    w->dialect->write_whole(w, out);
}
