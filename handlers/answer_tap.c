#include "handlers/answer_tap.h"

#include "base/attr.h"

static struct ts_answer_tap *tap_of(struct ts_client *c)
{
    return TS_CONTAINER(c, struct ts_answer_tap, client);
}

/* -- what the relay writes -------------------------------------------------------------------- */

static void tap_begin(struct ts_client *c, const struct ts_head *head)
{
    struct ts_answer_tap *t = tap_of(c);
    if (t->answer != NULL)
        ts_kept_head(t->answer, head);
    t->behind->ops->begin(t->behind, head);
}

static void tap_write(struct ts_client *c, const char *bytes, size_t n)
{
    struct ts_answer_tap *t = tap_of(c);
    if (t->answer != NULL)
        ts_kept_body(t->answer, bytes, n);
    t->behind->ops->write(t->behind, bytes, n);
}

static size_t tap_pending(const struct ts_client *c)
{
    const struct ts_answer_tap *t = TS_CONTAINER_CONST(c, struct ts_answer_tap, client);
    return t->behind->ops->pending(t->behind);
}

static void tap_end(struct ts_client *c)
{
    struct ts_answer_tap *t = tap_of(c);
    t->ended = true;
    t->behind->ops->end(t->behind);
}

static void tap_cut(struct ts_client *c)
{
    struct ts_answer_tap *t = tap_of(c);
    t->behind->ops->cut(t->behind);
}

static void tap_respond(struct ts_client *c, const struct ts_head *head, const char *body, size_t n)
{
    struct ts_answer_tap *t = tap_of(c);
    if (t->answer != NULL) {
        ts_kept_head(t->answer, head);
        ts_kept_body(t->answer, body, n);
    }
    t->ended = true;
    t->behind->ops->respond(t->behind, head, body, n);
}

/* -- what the client behind tells ------------------------------------------------------------- */

static void on_gone(void *ctx)
{
    struct ts_answer_tap *t = ctx;
    if (t->client.events != NULL)
        t->client.events->gone(t->client.events_ctx);
}

static void on_drained(void *ctx)
{
    struct ts_answer_tap *t = ctx;
    if (t->client.events != NULL)
        t->client.events->drained(t->client.events_ctx);
}

struct ts_client *ts_answer_tap_init(struct ts_answer_tap *t, struct ts_client *behind)
{
    static const struct ts_client_ops ops = {
        .begin = tap_begin,
        .write = tap_write,
        .pending = tap_pending,
        .end = tap_end,
        .cut = tap_cut,
        .respond = tap_respond,
    };
    static const struct ts_client_events events = {on_gone, on_drained};
    *t = (struct ts_answer_tap){.client.ops = &ops, .behind = behind, .answer = ts_kept_new()};
    behind->events = &events;
    behind->events_ctx = t;
    return &t->client;
}

struct ts_kept *ts_answer_tap_take(struct ts_answer_tap *t)
{
    return t->ended ? TS_TAKE(t->answer) : NULL;
}

void ts_answer_tap_deinit(struct ts_answer_tap *t)
{
    ts_kept_drop(t->answer);
    t->answer = NULL;
}
