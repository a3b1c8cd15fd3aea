#include "proxy/writer.h"

#include <assert.h>

#include "base/limits.h"

bool ts_writer_can(const struct ts_dialect *d)
{
    return d->write_whole != NULL;
}

bool ts_dialect_leads_to(const struct ts_dialect *client, const struct ts_dialect *upstream)
{
    bool told = client->purpose == TS_PURPOSE_EMBEDDING || client->read_asked != NULL;
    return client == upstream || (client->purpose == upstream->purpose && told &&
                                  ts_writer_can(client) && upstream->write_request != NULL);
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
        .head = TS_BUF_INIT(TS_MAX_EVENT_BYTES),
        .text = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
        .reasoning = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
        .signature = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
        .refusal = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
        .ending = TS_BUF_INIT(TS_MAX_EVENT_BYTES),
        .last = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
    };
}

static void each_collected(struct ts_writer *w, void (*fn)(struct ts_buf *b))
{
    fn(&w->text);
    fn(&w->reasoning);
    fn(&w->signature);
    fn(&w->refusal);
    fn(&w->ending);
    fn(&w->last);
}

void ts_writer_reset(struct ts_writer *w)
{
    each_collected(w, ts_buf_free);
    ts_toolset_deinit(&w->tools);
    ts_buf_clear(&w->head);
    w->begun = false;
    w->trouble = NULL;
    w->times = TS_SERVER_TIMES_UNKNOWN;
}

void ts_writer_deinit(struct ts_writer *w)
{
    ts_writer_reset(w);
    ts_buf_free(&w->head);
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
    bool fresh;
    note_times(w, &e->times);
    ts_buf_put(&w->text, e->text.at, e->text.len);
    ts_buf_put(&w->reasoning, e->reasoning.at, e->reasoning.len);
    ts_buf_put(&w->signature, e->signature.at, e->signature.len);
    ts_buf_put(&w->refusal, e->refusal.at, e->refusal.len);
    for (int i = 0; i < e->tool_count; i++)
        (void)ts_toolset_add(&w->tools, &e->tools[i], &fresh);
}

bool ts_writer_ok(const struct ts_writer *w)
{
    return ts_buf_ok(&w->text) && ts_buf_ok(&w->reasoning) && ts_buf_ok(&w->signature) &&
           ts_buf_ok(&w->refusal) && ts_buf_ok(&w->ending) && ts_buf_ok(&w->last) &&
           w->tools.error == TS_OK;
}

void ts_writer_keep(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw)
{
    if (w->dialect->keep_event != NULL)
        w->dialect->keep_event(w, e, raw);
}

void ts_writer_whole(struct ts_writer *w, const struct ts_call *call, struct ts_buf *out)
{
    assert(ts_writer_can(w->dialect));
    w->call = call;
    w->dialect->write_whole(w, out);
}
