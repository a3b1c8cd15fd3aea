#include "relay_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

static void take_head(struct fake_client *f, const struct ts_head *head)
{
    size_t n = 0;
    f->status = head->status;
    (void)snprintf(f->type, sizeof(f->type), "%s", head->content_type);
    for (const struct ts_header *h = head->headers; h != NULL && h->name != NULL; h++)
        n +=
            (size_t)snprintf(f->headers + n, sizeof(f->headers) - n, "%s: %s\n", h->name, h->value);
}

static struct fake_client *fake(struct ts_client *c)
{
    return TS_CONTAINER(c, struct fake_client, client);
}

static bool is_finished(const struct fake_client *f)
{
    return f->ends + f->cuts + f->responds > 0;
}

static void fake_begin(struct ts_client *c, const struct ts_head *head)
{
    assert_false(is_finished(fake(c)));
    fake(c)->begins++;
    take_head(fake(c), head);
}

static void fake_write(struct ts_client *c, const char *bytes, size_t n)
{
    struct fake_client *f = fake(c);
    assert_int_equal(f->begins, 1);
    assert_false(is_finished(f));
    ts_buf_put(&f->body, bytes, n);
    f->unsent += n;
}

static size_t fake_pending(const struct ts_client *c)
{
    return fake((struct ts_client *)(uintptr_t)c)->unsent;
}

static void fake_end(struct ts_client *c)
{
    assert_false(is_finished(fake(c)));
    fake(c)->ends++;
}

static void fake_cut(struct ts_client *c)
{
    assert_false(is_finished(fake(c)));
    fake(c)->cuts++;
}

static void fake_respond(struct ts_client *c,
                         const struct ts_head *head,
                         const char *body,
                         size_t n)
{
    struct fake_client *f = fake(c);
    assert_false(is_finished(f) || f->begins > 0);
    f->responds++;
    take_head(f, head);
    ts_buf_put(&f->body, body, n);
}

static const struct ts_client_ops fake_ops = {
    .begin = fake_begin,
    .write = fake_write,
    .pending = fake_pending,
    .end = fake_end,
    .cut = fake_cut,
    .respond = fake_respond,
};

void give_ticket_back(struct rig *r)
{
    struct ts_ticket *t = TS_TAKE(r->ticket);
    t->result = TS_RECORDED_COMMITTED;
    ts_poller_post(t->home, &t->post);
}

static void record(void *ctx, struct ts_call *call, struct ts_ticket *ticket)
{
    struct rig *r = ctx;
    r->records++;
    r->call = call;
    r->ticket = ticket;
    r->written_before_record = r->client.body.len;
    if (!r->slow_store)
        give_ticket_back(r);
}

/* Whoever still reads it now reads nonsense. */
static void on_released(void *ctx)
{
    struct rig *r = ctx;
    r->released++;
    memset(r->body, 'x', sizeof(r->body));
}

static void on_ended(void *ctx, enum ts_outcome outcome)
{
    struct rig *r = ctx;
    assert_int_equal(r->released, 1);
    if (r->call != NULL)
        assert_int_equal(outcome, r->call->outcome);
    r->ended++;
    r->relay = NULL;
}

void open_rig(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    assert_int_equal(ts_poller_new(&r->poller, NULL), TS_OK);
    assert_int_equal(ts_upstream_new(r->poller, &r->upstream, NULL), TS_OK);
    assert_int_equal(ts_registry_new(&r->registry), TS_OK);
    r->env = (struct ts_relay_env){
        .poller = r->poller,
        .upstream = r->upstream,
        .registry = r->registry,
        .sink = {.record = record, .ctx = r},
        .tracking = true,
        .via = "1.1 touchstone",
    };
    r->client.client.ops = &fake_ops;
    r->client.body = TS_BUF_INIT(64 * 1024 * 1024);
}

void add_provider(struct rig *r, enum ts_kind_id kind, const char *name, const char *url)
{
    struct ts_provider p = {
        .kind = ts_kind(kind),
        .name = name,
        .base_url = url,
        .configured = true,
        .connect_timeout_ms = 500,
        .first_token_timeout_ms = 60000,
        .gap_timeout_ms = 60000,
        .price = TS_PRICE_UNKNOWN,
        .price_per_hour_usd = -1,
        .weight = 1,
    };
    assert_int_equal(ts_registry_add(r->registry, &p, NULL), TS_OK);
    ts_registry_update(r->registry, ts_registry_count(r->registry) - 1, TS_PROVIDER_UP, NULL, NULL);
}

struct loopback *add_server(
    struct rig *r, enum ts_kind_id kind, const char *name, loopback_fn *serve, void *ctx)
{
    struct loopback *s = loopback_start(serve, ctx);
    r->servers[r->server_count++] = s;
    add_provider(r, kind, name, s->url);
    return s;
}

struct ts_provider *provider(struct rig *r, int i)
{
    return (struct ts_provider *)(uintptr_t)ts_registry_provider(r->registry, i);
}

void start_call(struct rig *r, const struct ts_dialect *d, const char *body)
{
    struct ts_genreq *q = calloc(1, sizeof(*q));
    struct ts_call *call = ts_call_new();
    assert_non_null(q);
    assert_non_null(call);
    (void)snprintf(r->body, sizeof(r->body), "%s", body);
    assert_int_equal(ts_genreq_scan(d, ts_slice_str(r->body), q, NULL), TS_OK);
    call->id = ts_id_from_ms(ts_wall_ms()) + 7;
    call->task_type = "coding";
    call->complexity = TS_COMPLEXITY_SIMPLE;
    struct ts_relay_start s = {
        .request = q,
        .call = call,
        .accepted_us = ts_now_us() - r->accepted_ago_us,
        .request_end_us = ts_now_us(),
        .release_body = on_released,
        .ended = on_ended,
        .ctx = r,
    };
    for (int i = 0; i < ts_registry_count(r->registry); i++)
        s.targets.at[s.targets.count++] =
            (struct ts_target){.provider = ts_registry_provider(r->registry, i), .model = "m"};
    r->relay = ts_relay_start(&r->env, &s, &r->client.client);
    assert_int_equal(r->ended, 0);
}

void forget_call(struct rig *r)
{
    struct ts_buf body = r->client.body;
    ts_buf_clear(&body);
    ts_call_free(TS_TAKE(r->call));
    r->client = (struct fake_client){.client.ops = &fake_ops, .body = body};
    r->released = r->ended = r->records = 0;
}

void turn(struct rig *r, int ms)
{
    (void)ts_poller_turn(r->poller, ms * 1000);
    struct fake_client *f = &r->client;
    if (!f->stalled && f->unsent > 0) {
        bool was_high = f->unsent > TS_STREAM_LOW_BYTES;
        f->unsent = 0;
        if (was_high && !is_finished(f))
            f->client.events->drained(f->client.events_ctx);
    }
    ts_poller_reap(r->poller);
}

void run_for(struct rig *r, int ms)
{
    for (int64_t until = ts_now_us() + ms * 1000; ts_now_us() < until;)
        turn(r, 2);
}

void run_until_ended(struct rig *r)
{
    for (int64_t until = ts_now_us() + 5000000; r->ended == 0 && ts_now_us() < until;)
        turn(r, 20);
    assert_int_equal(r->ended, 1);
    assert_int_equal(r->call != NULL, r->env.tracking && !r->no_row);
}

void run_until_body(struct rig *r, const char *text)
{
    for (int64_t until = ts_now_us() + 3000000; ts_now_us() < until;) {
        if (strstr(ts_buf_text(&r->client.body), text) != NULL)
            return;
        turn(r, 5);
    }
    fail_msg("the client never got %s but: %s", text, ts_buf_text(&r->client.body));
}

void close_rig(struct rig *r)
{
    for (int i = 0; i < ts_registry_count(r->registry); i++)
        assert_int_equal(ts_registry_status(r->registry, i).in_flight, 0);
    assert_null(r->env.running);
    ts_upstream_free(r->upstream);
    for (int i = 0; i < r->server_count; i++)
        loopback_stop(r->servers[i]);
    ts_poller_free(r->poller);
    ts_registry_free(r->registry);
    ts_call_free(r->call);
    ts_buf_free(&r->client.body);
}

const char *client_text(const struct rig *r)
{
    return ts_buf_text(&r->client.body);
}

bool has_header(const struct rig *r, const char *line)
{
    return strstr(r->client.headers, line) != NULL;
}

/* -- scripts for the servers ------------------------------------------------------------------ */

void serve_script(struct loopback_conn *c)
{
    const struct script *s = c->server->ctx;
    char head[512];
    while (loopback_read(c)) {
        (void)snprintf(head,
                       sizeof(head),
                       "HTTP/1.1 %s\r\n%sTransfer-Encoding: chunked\r\n\r\n",
                       s->status != NULL ? s->status : "200 OK",
                       s->headers != NULL ? s->headers : "");
        if (!loopback_send(c, head))
            return;
        for (size_t i = 0; i < TS_ARRAY_LEN(s->chunks) && s->chunks[i] != NULL; i++) {
            if (i > 0 && s->sleep_ms > 0)
                loopback_sleep(s->sleep_ms);
            if (!loopback_chunk(c, s->chunks[i]))
                return;
        }
        if (s->end == END_SILENT) {
            (void)loopback_wait_closed(c);
            return;
        }
        if (s->end == END_RESET) {
            loopback_sleep(50);
            loopback_reset(c);
        }
        if (s->end != END_WELL || !loopback_send(c, "0\r\n\r\n"))
            return;
    }
}

void serve_silence(struct loopback_conn *c)
{
    (void)loopback_read(c);
    (void)loopback_wait_closed(c);
}

void serve_hang_up(struct loopback_conn *c)
{
    (void)loopback_read(c);
    loopback_reset(c);
}
