/*
 * POST /api/compare: one prompt to up to four models, all answers in one stream.
 *
 * Each pane is an exchange of its own, with the prompt as its body and a client sink that leads
 * into the stream; what follows is a generation like any other, with a row of its own. The stream
 * tells
 *
 *     event: pane    {"pane":0,"requestId":…,"provider":…,"model":…}      its answer begins
 *     event: delta   {"pane":0,"text":…}          or reasoning, refusal, tool
 *     event: done    {"pane":0,"done":{…}}
 *     event: error   {"pane":1,"error":{…}}       instead of done
 *     event: end     {"compareId":…}              every pane is over
 *
 * or, with "stream": false, {"compareId":…,"panes":[{"pane":0,…}, …]} when all of them are over.
 * A client that leaves ends all of them. No other model falls in for one that fails: its answer
 * would be taken for that of the model that was asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "db/comparison.h"
#include "handlers/fields.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum { PANE_LINE_MAX_BYTES = 8 * 1024 * 1024 };

struct panes;

struct pane {
    struct panes *all;
    int number;
    const char *asked; /* the model, as the client wrote it */
    struct ts_exchange x;
    struct ts_client client;
    char *body;                 /* the request */
    struct ts_buf line;         /* of the answer, until it is whole */
    bool over;                  /* nothing more comes of it */
    struct ts_deferred leaving; /* the client left before there was a relay to tell */
};

/* One comparison until all its panes have ended. */
struct panes {
    struct ts_exchange *x; /* the client's */
    struct ts_client *stream;
    bool gone;   /* the client left */
    bool whole;  /* it wants no stream */
    int running; /* what is waited for before the end */
    struct pane pane[TS_MAX_PANES];
    int count;
    json_t *body;   /* what all panes have in common */
    json_t *models; /* the names are theirs */
};

/* Tells the store which calls belong together; lives until it has answered. */
struct keeping {
    struct ts_store_comparison comparison;
};

/* -- the stream -------------------------------------------------------------------------------- */

static void say(struct panes *all, const struct ts_buf *event)
{
    if (!all->gone && ts_buf_ok(event))
        all->stream->ops->write(all->stream, event->data, event->len);
}

static void begin_event(struct ts_buf *out, const struct pane *p, const char *name)
{
    ts_buf_printf(out, "event: %s\ndata: {\"pane\":%d", name, p->number);
}

static void put_text(struct ts_buf *out, const char *name, const char *text)
{
    ts_buf_printf(out, ",\"%s\":", name);
    ts_buf_put_json_string(out, text, strlen(text));
}

/* An object of one line becomes an event of its pane. */
static void say_line(struct pane *p, const char *name, struct ts_slice object)
{
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(object.len + 128);
    begin_event(&out, p, name);
    ts_buf_puts(&out, ",");
    ts_buf_put(&out, object.at + 1, object.len - 1);
    ts_buf_puts(&out, "\n\n");
    say(p->all, &out);
}

/* What the head of an answer says of it. */
static void put_facts(struct ts_buf *out, const struct pane *p, const struct ts_head *head)
{
    static const char *const facts[][2] = {{"X-Touchstone-Request-Id", "requestId"},
                                           {"X-Touchstone-Provider", "provider"},
                                           {"X-Touchstone-Model", "model"}};
    put_text(out, "asked", p->asked);
    for (const struct ts_header *h = head->headers; h != NULL && h->name != NULL; h++) {
        for (size_t i = 0; i < TS_ARRAY_LEN(facts); i++) {
            if (strcmp(h->name, facts[i][0]) == 0)
                put_text(out, facts[i][1], h->value);
        }
    }
}

/* A whole answer, or the error instead of any. */
static void take_whole(struct pane *p, const struct ts_head *head, struct ts_slice body)
{
    struct ts_jvalue root = {.type = TS_J_NONE};
    struct ts_slice object =
        TS_SLICE_LIT("{\"error\":{\"code\":\"internal\",\"message\":\"no readable answer\"}}");
    if (ts_jscan(body.at, body.len, &root, NULL) == TS_OK && root.type == TS_J_OBJECT)
        object = root.raw;
    p->over = true;
    if (!p->all->whole) {
        say_line(p, "error", object);
        return;
    }
    ts_buf_clear(&p->line);
    ts_buf_printf(&p->line, "{\"pane\":%d", p->number);
    put_facts(&p->line, p, head);
    ts_buf_puts(&p->line, ",");
    ts_buf_put(&p->line, object.at + 1, object.len - 1);
}

/* -- a pane's sink ----------------------------------------------------------------------------- */

static struct pane *pane_of(struct ts_client *c)
{
    return TS_CONTAINER(c, struct pane, client);
}

static void pane_begin(struct ts_client *c, const struct ts_head *head)
{
    struct pane *p = pane_of(c);
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(4096);
    begin_event(&out, p, "pane");
    put_facts(&out, p, head);
    ts_buf_puts(&out, "}\n\n");
    say(p->all, &out);
}

static bool begins(struct ts_slice line, const char *what)
{
    size_t n = strlen(what);
    return line.len > n && memcmp(line.at, what, n) == 0;
}

static void take_line(struct pane *p, struct ts_slice line)
{
    if (line.len < 2)
        return;
    const char *name = begins(line, "{\"error\"")  ? "error"
                       : begins(line, "{\"done\"") ? "done"
                                                   : "delta";
    say_line(p, name, line);
}

static void pane_write(struct ts_client *c, const char *bytes, size_t n)
{
    struct pane *p = pane_of(c);
    const char *lf = memchr(bytes, '\n', n);
    while (lf != NULL) {
        size_t len = (size_t)(lf - bytes);
        ts_buf_put(&p->line, bytes, len);
        if (ts_buf_ok(&p->line))
            take_line(p, (struct ts_slice){ts_buf_text(&p->line), p->line.len});
        ts_buf_clear(&p->line);
        bytes += len + 1;
        n -= len + 1;
        lf = memchr(bytes, '\n', n);
    }
    ts_buf_put(&p->line, bytes, n);
}

static size_t pane_pending(const struct ts_client *c)
{
    const struct panes *all = TS_CONTAINER_CONST(c, struct pane, client)->all;
    return all->gone ? 0 : all->stream->ops->pending(all->stream);
}

static void pane_end(struct ts_client *c)
{
    pane_of(c)->over = true;
}

/* What broke off said so before, or the client is not there to hear it. */
static void pane_cut(struct ts_client *c)
{
    pane_of(c)->over = true;
}

static void pane_respond(struct ts_client *c,
                         const struct ts_head *head,
                         const char *body,
                         size_t n)
{
    take_whole(pane_of(c), head, (struct ts_slice){body, n});
}

static const struct ts_client_ops pane_client = {
    .begin = pane_begin,
    .write = pane_write,
    .pending = pane_pending,
    .end = pane_end,
    .cut = pane_cut,
    .respond = pane_respond,
};

/* -- the client -------------------------------------------------------------------------------- */

static bool listens(const struct pane *p)
{
    return !p->over && p->client.events != NULL;
}

static void tell_gone(struct pane *p)
{
    if (!listens(p))
        return;
    p->over = true;
    p->client.events->gone(p->client.events_ctx);
}

static void settle(struct panes *all);

static void leave_late(struct ts_deferred *d)
{
    struct pane *p = TS_CONTAINER(d, struct pane, leaving);
    tell_gone(p);
    settle(p->all);
}

static void on_gone(void *ctx)
{
    struct panes *all = ctx;
    all->gone = true;
    for (int i = 0; i < all->count; i++)
        tell_gone(&all->pane[i]);
}

static void on_drained(void *ctx)
{
    struct panes *all = ctx;
    for (int i = 0; i < all->count; i++) {
        if (listens(&all->pane[i]))
            all->pane[i].client.events->drained(all->pane[i].client.events_ctx);
    }
}

static const struct ts_client_events stream_events = {.gone = on_gone, .drained = on_drained};

/* -- the end ----------------------------------------------------------------------------------- */

static void free_panes(struct panes *all)
{
    for (int i = 0; i < all->count; i++) {
        free(all->pane[i].body);
        ts_buf_free(&all->pane[i].line);
    }
    json_decref(all->body);
    json_decref(all->models);
    free(all);
}

static void end_whole(struct panes *all)
{
    static const struct ts_header headers[] = {{"Cache-Control", "no-store"}, {NULL, NULL}};
    static const struct ts_head head = {
        .status = 200, .content_type = "application/json", .headers = headers};
    char id[TS_ID_TEXT_SIZE];
    TS_AUTO(ts_buf_free)
    struct ts_buf out = TS_BUF_INIT((size_t)TS_MAX_PANES * PANE_LINE_MAX_BYTES);
    ts_buf_printf(&out, "{\"compareId\":\"%s\",\"panes\":[", ts_exchange_id(all->x, id));
    for (int i = 0; i < all->count; i++) {
        ts_buf_puts(&out, i > 0 ? "," : "");
        ts_buf_put(&out, all->pane[i].line.data, all->pane[i].line.len);
    }
    ts_buf_puts(&out, "]}");
    if (!all->gone)
        all->stream->ops->respond(all->stream, &head, ts_buf_text(&out), out.len);
}

static void end_stream(struct panes *all)
{
    char id[TS_ID_TEXT_SIZE];
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(256);
    ts_buf_printf(&out, "event: end\ndata: {\"compareId\":\"%s\"}\n\n", ts_exchange_id(all->x, id));
    say(all, &out);
    if (!all->gone)
        all->stream->ops->end(all->stream);
}

/* One of those that are waited for is over; the last one takes the comparison with it. */
static void settle(struct panes *all)
{
    if (--all->running > 0)
        return;
    struct ts_exchange *x = all->x;
    if (all->whole)
        end_whole(all);
    else
        end_stream(all);
    free_panes(all);
    x->ops->finish(x);
}

/* -- a pane's exchange ------------------------------------------------------------------------- */

static struct pane *pane_of_exchange(struct ts_exchange *x)
{
    return TS_CONTAINER(x, struct pane, x);
}

/* The same for all, but for what would make one call of several. */
static const char *pane_header(const struct ts_exchange *x, const char *name)
{
    const struct ts_exchange *outer = TS_CONTAINER_CONST(x, struct pane, x)->all->x;
    return strcasecmp(name, "Idempotency-Key") == 0 ? NULL : outer->ops->header(outer, name);
}

static void pane_each_header(const struct ts_exchange *x,
                             void (*fn)(void *ctx, const char *name, const char *value),
                             void *ctx)
{
    const struct ts_exchange *outer = TS_CONTAINER_CONST(x, struct pane, x)->all->x;
    outer->ops->each_header(outer, fn, ctx);
}

/* A refusal: no relay was started. */
static void pane_refused(struct ts_exchange *x,
                         const struct ts_head *head,
                         const char *body,
                         size_t n)
{
    struct pane *p = pane_of_exchange(x);
    take_whole(p, head, (struct ts_slice){body, n});
    settle(p->all);
}

static struct ts_client *pane_sink(struct ts_exchange *x)
{
    struct pane *p = pane_of_exchange(x);
    if (p->all->gone) { /* the relay will hear of it when it listens */
        p->all->running++;
        p->leaving.fn = leave_late;
        ts_poller_defer(x->poller, &p->leaving);
    }
    return &p->client;
}

static void pane_release_body(struct ts_exchange *x)
{
    struct pane *p = pane_of_exchange(x);
    free(TS_TAKE(p->body));
    x->body = (struct ts_slice){.at = NULL};
}

static void pane_finished(struct ts_exchange *x)
{
    struct pane *p = pane_of_exchange(x);
    p->over = true;
    settle(p->all);
}

static const struct ts_exchange_ops pane_exchange = {
    .header = pane_header,
    .each_header = pane_each_header,
    .respond = pane_refused,
    .respond_static = pane_refused,
    .client = pane_sink,
    .release_body = pane_release_body,
    .finish = pane_finished,
};

/* -- what was asked ---------------------------------------------------------------------------- */

/* A prompt is a conversation of one message. */
static enum ts_err make_messages(struct ts_fields *f)
{
    const json_t *prompt = json_object_get(f->object, "prompt");
    const json_t *messages = json_object_get(f->object, "messages");
    if ((prompt != NULL) == (messages != NULL))
        return ts_fields_fault(f, "messages", "or prompt is required, one of them");
    if (messages != NULL)
        return json_is_array(messages) ? TS_OK : ts_fields_fault(f, "messages", "must be an array");
    if (!json_is_string(prompt))
        return ts_fields_fault(f, "prompt", "must be a string");
    json_t *list = json_pack("[{s:s, s:O}]", "role", "user", "content", prompt);
    if (list == NULL || json_object_set_new(f->object, "messages", list) != 0)
        return f->rc = ts_fail(f->err, TS_ERR_NOMEM, "no memory for a comparison");
    (void)json_object_del(f->object, "prompt");
    return TS_OK;
}

static enum ts_err check_models(struct ts_fields *f, const json_t *models)
{
    size_t n = json_array_size(models);
    if (n < 1 || n > TS_MAX_PANES)
        return ts_fields_fault(f, "models", "must be an array of 1 to 4 names of models");
    for (size_t i = 0; i < n; i++) {
        if (json_string_length(json_array_get(models, i)) == 0)
            return ts_fields_fault(f, "models", "must be an array of 1 to 4 names of models");
    }
    return TS_OK;
}

static enum ts_err make_pane(struct panes *all, const char *model, struct ts_error *err)
{
    struct pane *p = &all->pane[all->count];
    struct ts_exchange *x = all->x;
    if (json_object_set_new(all->body, "model", json_string(model)) == 0)
        p->body = json_dumps(all->body, JSON_COMPACT | JSON_ENCODE_ANY);
    if (p->body == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a comparison");
    p->all = all;
    p->number = all->count++;
    p->asked = model;
    p->client.ops = &pane_client;
    p->line = TS_BUF_INIT(PANE_LINE_MAX_BYTES);
    p->x = *x;
    p->x.ops = &pane_exchange;
    p->x.body = (struct ts_slice){p->body, strlen(p->body)};
    p->x.id = ts_id_next(x->services->ids, ts_id_ms(x->id));
    p->x.relay = NULL;
    return TS_OK;
}

/* All else of the body goes along as it is: settings, tools, the `touchstone` member. */
static enum ts_err read_panes(struct panes *all, struct ts_error *err)
{
    static const char *const no_args[] = {NULL};
    struct ts_exchange *x = all->x;
    enum ts_err rc = ts_args_check(x, no_args, err);
    if (rc == TS_OK)
        rc = ts_json_parse(x->body.at, x->body.len, &all->body, err);
    if (rc != TS_OK)
        return rc;
    struct ts_fields f = {.object = all->body, .index = -1, .rc = TS_OK, .err = err};
    if (!json_is_object(all->body))
        return ts_fail(err, TS_ERR_INVALID_FIELD, "the body must be an object");
    all->models = json_incref(json_object_get(all->body, "models"));
    if (check_models(&f, all->models) != TS_OK || make_messages(&f) != TS_OK)
        return f.rc;
    (void)json_object_del(all->body, "models");
    all->whole = json_is_false(json_object_get(all->body, "stream"));
    for (size_t i = 0; rc == TS_OK && i < json_array_size(all->models); i++)
        rc = make_pane(all, json_string_value(json_array_get(all->models, i)), err);
    return rc;
}

/* -- starting ---------------------------------------------------------------------------------- */

static void kept(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_comparison *c = TS_CONTAINER(job, struct ts_store_comparison, job);
    free(TS_CONTAINER(c, struct keeping, comparison));
}

/* Trouble in the store never stops a stream: without it there will be no vote. */
static void keep(const struct panes *all)
{
    const struct ts_services *s = all->x->services;
    struct keeping *k = s->tracking ? calloc(1, sizeof(*k)) : NULL;
    if (k == NULL)
        return;
    k->comparison.id = all->x->id;
    k->comparison.count = all->count;
    for (int i = 0; i < all->count; i++)
        k->comparison.call_ids[i] = all->pane[i].x.id;
    k->comparison.job.post.fn = kept;
    k->comparison.job.home = all->x->poller;
    ts_store_compare(s->store, &k->comparison);
}

static void begin_stream(struct panes *all)
{
    char id[TS_ID_TEXT_SIZE];
    const struct ts_header headers[] = {
        {"X-Touchstone-Request-Id", ts_exchange_id(all->x, id)},
        {"X-Accel-Buffering", "no"},
        {"Cache-Control", "no-store, no-transform"},
        {NULL, NULL},
    };
    const struct ts_head head = {
        .status = 200, .content_type = "text/event-stream", .headers = headers};
    all->stream = all->x->ops->client(all->x);
    all->stream->events = &stream_events;
    all->stream->events_ctx = all;
    if (!all->whole)
        all->stream->ops->begin(all->stream, &head);
}

/* Each may be over before the next begins: the stream itself is waited for, too. */
static void start(struct panes *all)
{
    all->running = all->count + 1;
    begin_stream(all);
    keep(all);
    for (int i = 0, n = all->count; i < n; i++)
        ts_handle_pane(&all->pane[i].x);
    settle(all);
}

void ts_handle_panes(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct panes *all = calloc(1, sizeof(*all));
    if (all == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a comparison");
        ts_reply_error(x, &err);
        return;
    }
    all->x = x;
    if (read_panes(all, &err) == TS_OK) {
        start(all);
        return;
    }
    ts_reply_error(x, &err);
    free_panes(all);
}
