/* The relay between a fake client and scripted servers on real loopback sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "loopback.h"
#include "proxy/relay.h"

enum { SERVERS = 2 };

/* A client sink that keeps what it is given. */
struct fake_client {
    struct ts_client client;
    int status; /* 0: no head yet */
    char type[64];
    char headers[1024]; /* "Name: value\n" each */
    struct ts_buf body;
    size_t unsent; /* what pending() says */
    bool stalled;  /* takes nothing off unsent */
    int begins, ends, cuts, responds;
    int64_t first_write_us;
};

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
    if (f->first_write_us == 0)
        f->first_write_us = ts_now_us();
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

/* One loop, its servers, and one call. */
struct rig {
    struct ts_poller *poller;
    struct ts_upstream *upstream;
    struct ts_registry *registry;
    struct ts_relay_env env;
    struct loopback *servers[SERVERS];
    int server_count;

    struct fake_client client;
    struct ts_relay *relay;
    char body[512];
    int64_t accepted_ago_us; /* the call is older than it is here */
    int released;
    int ended;

    /* the store */
    bool slow_store; /* keeps the ticket until the test gives it back */
    struct ts_ticket *ticket;
    struct ts_call *call; /* the record */
    int records;
    size_t written_before_record;
};

static void give_ticket_back(struct rig *r)
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

static void on_ended(void *ctx)
{
    struct rig *r = ctx;
    assert_int_equal(r->released, 1);
    r->ended++;
    r->relay = NULL;
}

static void open_rig(struct rig *r)
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

static void add_provider(struct rig *r, enum ts_kind_id kind, const char *name, const char *url)
{
    struct ts_provider p = {
        .kind = ts_kind(kind),
        .name = name,
        .base_url = url,
        .configured = true,
        .connect_timeout_ms = 500,
        .first_token_timeout_ms = 60000,
        .gap_timeout_ms = 60000,
        .price_in_usd = -1,
        .price_out_usd = -1,
        .price_per_hour_usd = -1,
        .weight = 1,
    };
    assert_int_equal(ts_registry_add(r->registry, &p, NULL), TS_OK);
    ts_registry_update(r->registry, ts_registry_count(r->registry) - 1, TS_PROVIDER_UP, NULL, NULL);
}

/* A server and a provider for it. */
static struct loopback *add_server(
    struct rig *r, enum ts_kind_id kind, const char *name, loopback_fn *serve, void *ctx)
{
    struct loopback *s = loopback_start(serve, ctx);
    r->servers[r->server_count++] = s;
    add_provider(r, kind, name, s->url);
    return s;
}

static struct ts_provider *provider(struct rig *r, int i)
{
    return (struct ts_provider *)(uintptr_t)ts_registry_provider(r->registry, i);
}

/* Starts the call on all providers in order; the model is called "m" everywhere. */
static void start_call(struct rig *r, const struct ts_dialect *d, const char *body)
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

static void turn(struct rig *r, int ms)
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

static void run_for(struct rig *r, int ms)
{
    for (int64_t until = ts_now_us() + ms * 1000; ts_now_us() < until;)
        turn(r, 2);
}

static void run_until_ended(struct rig *r)
{
    for (int64_t until = ts_now_us() + 8000000; r->ended == 0 && ts_now_us() < until;)
        turn(r, 20);
    assert_int_equal(r->ended, 1);
}

static void run_until_body(struct rig *r, const char *text)
{
    for (int64_t until = ts_now_us() + 3000000; ts_now_us() < until;) {
        if (strstr(ts_buf_text(&r->client.body), text) != NULL)
            return;
        turn(r, 5);
    }
    fail_msg("the client never got %s but: %s", text, ts_buf_text(&r->client.body));
}

static void close_rig(struct rig *r)
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

static const char *client_text(const struct rig *r)
{
    return ts_buf_text(&r->client.body);
}

static bool has_header(const struct rig *r, const char *line)
{
    return strstr(r->client.headers, line) != NULL;
}

/* -- scripts for the servers ------------------------------------------------------------------ */

/* What a server does after the request is in: pieces are chunks; steps sleep, end or break. */
struct script {
    const char *status; /* NULL: "200 OK" */
    const char *headers;
    const char *chunks[12];
    enum { END_WELL, END_CUT, END_RESET, END_SILENT } end;
    int sleep_ms; /* between chunks */
};

static void serve_script(struct loopback_conn *c)
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

static void serve_silence(struct loopback_conn *c)
{
    (void)loopback_read(c);
    (void)loopback_wait_closed(c);
}

static void serve_hang_up(struct loopback_conn *c)
{
    (void)loopback_read(c);
    loopback_reset(c);
}

#define GEN(text)                                                                                  \
    "{\"model\":\"m\",\"created_at\":\"t\",\"response\":\"" text "\",\"done\":false}\n"
#define DONE                                                                                       \
    "{\"model\":\"m\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"context\":[1,2]," \
    "\"load_duration\":12000000,\"prompt_eval_count\":5,\"eval_count\":3,\"extra\":{\"x\":1}}\n"
#define DELTA(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define ROLE                                                                                       \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n"
#define STOP "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"                \
    "\"total_tokens\":9}}\n\n"
#define SSE_DONE "data: [DONE]\n\n"
#define ASK "{\"model\":\"m\",\"prompt\":\"hi\"}"
#define ASK_WHOLE "{\"model\":\"m\",\"prompt\":\"hi\",\"stream\":false}"
#define CHAT                                                                                       \
    "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* -- the main job ----------------------------------------------------------------------------- */

static void a_stream_in_the_same_dialect_passes_unchanged(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {GEN("one"), GEN(" two"), GEN(" three"), DONE}, .sleep_ms = 20};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
    start_call(&r, &ts_ollama_generate, ASK);
    assert_ptr_equal(ts_relay_find(&r.env, ts_id_from_ms(0)), NULL);
    run_until_ended(&r);
    assert_string_equal(client_text(&r), GEN("one") GEN(" two") GEN(" three") DONE);
    assert_int_equal(r.client.begins, 1);
    assert_int_equal(r.client.ends, 1);
    assert_int_equal(r.client.status, 200);
    assert_string_equal(r.client.type, "application/x-ndjson");
    assert_true(has_header(&r, "X-Touchstone-Provider: ollama\n"));
    assert_true(has_header(&r, "X-Touchstone-Model: m\n"));
    assert_true(has_header(&r, "X-Touchstone-Attempts: 1\n"));
    assert_true(has_header(&r, "X-Accel-Buffering: no\n"));
    assert_true(has_header(&r, "Cache-Control: no-store, no-transform\n"));
    assert_true(has_header(&r, "X-Touchstone-Overhead-Us: "));
    assert_true(has_header(&r, "ttft;dur="));

    const struct ts_call *c = r.call;
    assert_int_equal(r.records, 1);
    assert_int_equal(c->outcome, TS_OUTCOME_DONE);
    assert_int_equal(c->error, TS_OK);
    assert_string_equal(c->provider, "ollama");
    assert_string_equal(c->model, "m");
    assert_null(c->requested_model);
    assert_string_equal(c->finish_reason, "stop");
    assert_string_equal(c->dialect, "ollama");
    assert_true(c->streamed);
    assert_false(c->cold);
    assert_int_equal(c->tokens_source, TS_TOKENS_PROVIDER);
    assert_int_equal(c->tokens.input, 5);
    assert_int_equal(c->tokens.output, 3);
    assert_int_equal(c->phases.load_us, 12000);
    assert_int_equal(c->phases.queue_us, 0);
    assert_true(c->phases.connect_us > 0);
    assert_true(c->phases.first_byte_us > 0 && c->phases.first_byte_us <= c->phases.ttft_us);
    assert_int_equal(c->phases.ttft_us, c->phases.first_visible_us);
    assert_true(c->phases.decode_us >= 20000 && c->phases.decode_us < 2000000);
    assert_true(c->phases.max_stall_us >= 10000 && c->phases.max_stall_us < 1000000);
    assert_true(c->phases.total_us >= c->phases.ttft_us + c->phases.decode_us);
    assert_true(c->phases.overhead_us >= 0 && c->phases.overhead_us < c->phases.total_us);
    assert_int_equal(c->cost_nano_usd, TS_UNKNOWN);
    close_rig(&r);
}

static void any_cut_of_the_stream_into_reads_passes_unchanged(void **state)
{
    (void)state;
    static const char whole[] = GEN("one") GEN("t\\u00fc") DONE;
    for (size_t at = 1; at < sizeof(whole) - 1; at += 13) {
        char first[sizeof(whole)];
        struct rig r;
        (void)snprintf(first, sizeof(first), "%.*s", (int)at, whole);
        struct script s = {.chunks = {first, whole + at}, .sleep_ms = 3};
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_string_equal(client_text(&r), whole);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        close_rig(&r);
    }
}

static void a_stream_in_another_dialect_is_translated(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {ROLE, DELTA("Hel"), DELTA("lo"), STOP, USAGE, SSE_DONE}};
    open_rig(&r);
    add_server(&r, TS_KIND_LLAMACPP, "llamacpp", serve_script, &s);
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_non_null(strstr(r.servers[0]->conns[0].request, "POST /v1/chat/completions HTTP/1.1"));
    assert_non_null(strstr(r.servers[0]->conns[0].request, "Via: 1.1 touchstone\r\n"));
    assert_non_null(strstr(client_text(&r), "\"response\":\"Hel\""));
    assert_non_null(strstr(client_text(&r), "\"response\":\"lo\""));
    assert_non_null(strstr(client_text(&r), "\"done\":true"));
    assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
    assert_int_equal(r.call->tokens.input, 7);
    assert_int_equal(r.call->tokens.output, 2);
    assert_int_equal(r.client.ends, 1);
    close_rig(&r);
}

static void a_usage_event_that_only_we_asked_for_does_not_reach_the_client(void **state)
{
    (void)state;
    static const char *const asks[] = {
        CHAT,
        "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
    };
    static const char *const expected[] = {
        ROLE DELTA("Hello") STOP SSE_DONE,
        ROLE DELTA("Hello") STOP USAGE SSE_DONE,
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(asks); i++) {
        struct rig r;
        struct script s = {.chunks = {ROLE, DELTA("Hello"), STOP, USAGE, SSE_DONE}};
        open_rig(&r);
        add_server(&r, TS_KIND_VLLM, "vllm", serve_script, &s);
        start_call(&r, &ts_openai_chat, asks[i]);
        run_until_ended(&r);
        assert_string_equal(client_text(&r), expected[i]);
        assert_non_null(strstr(r.servers[0]->conns[0].request, "\"include_usage\":true"));
        assert_int_equal(r.call->tokens.output, 2);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        close_rig(&r);
    }
}

static void a_client_that_does_not_stream_gets_one_whole_answer(void **state)
{
    (void)state;
    const struct {
        enum ts_kind_id kind;
        struct script script;
        const char *has;
    } cases[] = {
        {TS_KIND_OLLAMA, {.chunks = {GEN("Hel"), GEN("lo"), DONE}}, "\"extra\":{\"x\":1}"},
        {TS_KIND_OLLAMA, {.chunks = {GEN("Hel") GEN("lo") DONE}}, "\"context\":[1,2]"},
        {TS_KIND_VLLM, {.chunks = {DELTA("Hel"), DELTA("lo"), STOP, SSE_DONE}}, "\"done\":true"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct script s = cases[i].script;
        open_rig(&r);
        add_server(&r, cases[i].kind, "p", serve_script, &s);
        start_call(&r, &ts_ollama_generate, ASK_WHOLE);
        run_until_ended(&r);
        assert_non_null(strstr(r.servers[0]->conns[0].request, "\"stream\":true"));
        assert_int_equal(r.client.responds, 1);
        assert_int_equal(r.client.status, 200);
        assert_string_equal(r.client.type, "application/json");
        assert_non_null(strstr(client_text(&r), "\"response\":\"Hello\""));
        assert_non_null(strstr(client_text(&r), cases[i].has));
        assert_true(has_header(&r, "X-Touchstone-Provider: p\n"));
        assert_int_equal(r.written_before_record, 0);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        assert_false(r.call->streamed);
        assert_true(r.call->phases.ttft_us > 0);
        close_rig(&r);
    }
}

static void loading_a_model_passes_and_is_not_recorded(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {
        .chunks = {"{\"model\":\"m\",\"response\":\"\",\"done\":true,\"done_reason\":\"load\"}\n"}};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
    start_call(&r, &ts_ollama_generate, "{\"model\":\"m\"}");
    run_until_ended(&r);
    assert_string_equal(client_text(&r), s.chunks[0]);
    assert_int_equal(r.records, 0);
    close_rig(&r);
}

static void without_tracking_nothing_is_recorded_or_held(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {GEN("one"), DONE}};
    open_rig(&r);
    r.env.tracking = false;
    add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_string_equal(client_text(&r), GEN("one") DONE);
    assert_int_equal(r.records, 0);
    close_rig(&r);
}

/* -- the hold --------------------------------------------------------------------------------- */

static void the_terminator_waits_for_its_row(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {GEN("one"), DONE}};
    open_rig(&r);
    r.slow_store = true;
    add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
    start_call(&r, &ts_ollama_generate, ASK);
    run_for(&r, 150);
    assert_int_equal(r.records, 1);
    assert_string_equal(client_text(&r), GEN("one"));
    assert_int_equal(r.client.ends, 0);
    give_ticket_back(&r);
    run_until_ended(&r);
    assert_string_equal(client_text(&r), GEN("one") DONE);
    assert_int_equal(r.client.ends, 1);
    close_rig(&r);
}

static void the_hold_has_a_ceiling(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {GEN("one"), DONE}};
    open_rig(&r);
    r.slow_store = true;
    add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_body(&r, "one");
    int64_t from_us = ts_now_us();
    run_until_body(&r, "\"done\":true");
    int64_t took_us = ts_now_us() - from_us;
    assert_true(took_us > 1800000 && took_us < 2500000);
    assert_int_equal(r.client.ends, 1);
    assert_int_equal(r.ended, 0); /* the relay still waits for its ticket */
    give_ticket_back(&r);
    run_until_ended(&r);
    close_rig(&r);
}

static void a_client_that_leaves_during_the_hold_was_served(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {GEN("one"), DONE}};
    open_rig(&r);
    r.slow_store = true;
    add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
    start_call(&r, &ts_ollama_generate, ASK);
    run_for(&r, 100);
    r.client.client.events->gone(r.client.client.events_ctx);
    give_ticket_back(&r);
    run_until_ended(&r);
    assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
    assert_string_equal(client_text(&r), GEN("one"));
    close_rig(&r);
}

/* -- failures --------------------------------------------------------------------------------- */

static void a_failure_before_content_moves_on_to_the_next_server(void **state)
{
    (void)state;
    const struct {
        const char *name;
        loopback_fn *serve; /* NULL: nobody listens */
        struct script script;
        enum ts_err cause;
        int status;
    } cases[] = {
        {"nobody listens", NULL, {0}, TS_ERR_UPSTREAM_UNREACHABLE, -1},
        {"hangs up", serve_hang_up, {0}, TS_ERR_UPSTREAM_INTERRUPTED, -1},
        {"status 500",
         serve_script,
         {.status = "500 Oops", .chunks = {"{\"error\":\"runner died\"}"}},
         TS_ERR_UPSTREAM_INVALID,
         500},
        {"status 503", serve_script, {.status = "503 Busy"}, TS_ERR_UPSTREAM_INVALID, 503},
        {"status 429", serve_script, {.status = "429 Slow"}, TS_ERR_UPSTREAM_RATE_LIMITED, 429},
        {"redirect", serve_script, {.status = "302 Found"}, TS_ERR_UPSTREAM_INVALID, 302},
        {"first event is an error",
         serve_script,
         {.chunks = {"{\"error\":\"out of memory\"}\n"}},
         TS_ERR_UPSTREAM_INVALID,
         200},
        {"ends without a word", serve_script, {0}, TS_ERR_UPSTREAM_INTERRUPTED, 200},
        {"is cut before content",
         serve_script,
         {.chunks = {GEN("")}, .end = END_CUT},
         TS_ERR_UPSTREAM_INTERRUPTED,
         200},
        {"is reset before content",
         serve_script,
         {.chunks = {GEN("")}, .end = END_RESET},
         TS_ERR_UPSTREAM_INTERRUPTED,
         200},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        char url[64];
        struct script bad = cases[i].script;
        struct script good = {.chunks = {GEN("one"), DONE}};
        open_rig(&r);
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", loopback_free_port());
        if (cases[i].serve == NULL)
            add_provider(&r, TS_KIND_OLLAMA, "bad", url);
        else
            add_server(&r, TS_KIND_OLLAMA, "bad", cases[i].serve, &bad);
        add_server(&r, TS_KIND_OLLAMA, "good", serve_script, &good);
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        if (r.call->attempt_count != 1 || r.call->attempts[0].cause != cases[i].cause)
            print_error("server that %s\n", cases[i].name);
        assert_string_equal(client_text(&r), GEN("one") DONE);
        assert_true(has_header(&r, "X-Touchstone-Provider: good\n"));
        assert_true(has_header(&r, "X-Touchstone-Attempts: 2\n"));
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        assert_string_equal(r.call->provider, "good");
        assert_int_equal(r.call->attempt_count, 1);
        assert_string_equal(r.call->attempts[0].provider, "bad");
        assert_int_equal(r.call->attempts[0].cause, cases[i].cause);
        assert_int_equal(r.call->attempts[0].status, cases[i].status);
        assert_true(r.call->attempts[0].duration_us >= 0);
        close_rig(&r);
    }
}

static void a_failure_after_content_is_an_error_event_and_never_a_fallback(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const struct ts_dialect *client;
        enum ts_kind_id kind;
        struct script script;
        enum ts_outcome outcome;
        const char *begin; /* what the client sees first, byte for byte */
        const char *error; /* is in the rest */
    } cases[] = {
        {"cut",
         &ts_ollama_generate,
         TS_KIND_OLLAMA,
         {.chunks = {GEN("one"), GEN("two")}, .end = END_CUT},
         TS_OUTCOME_UPSTREAM_CUT,
         GEN("one") GEN("two"),
         "{\"error\":\""},
        {"cut in mid-event: half a line never reaches the client",
         &ts_ollama_generate,
         TS_KIND_OLLAMA,
         {.chunks = {GEN("one"), "{\"model\":\"m\",\"resp"}, .end = END_CUT},
         TS_OUTCOME_UPSTREAM_CUT,
         GEN("one"),
         "{\"error\":\""},
        {"reset",
         &ts_ollama_generate,
         TS_KIND_OLLAMA,
         {.chunks = {GEN("one")}, .end = END_RESET},
         TS_OUTCOME_UPSTREAM_CUT,
         GEN("one"),
         "{\"error\":\""},
        {"clean end without the mark of a good end",
         &ts_ollama_generate,
         TS_KIND_OLLAMA,
         {.chunks = {GEN("one")}},
         TS_OUTCOME_UPSTREAM_CUT,
         GEN("one"),
         "{\"error\":\""},
        {"the server's own error line",
         &ts_ollama_generate,
         TS_KIND_OLLAMA,
         {.chunks = {GEN("one"), "{\"error\":\"runner died\"}\n"}},
         TS_OUTCOME_UPSTREAM_ERROR,
         GEN("one"),
         "{\"error\":\"runner died\"}\n"},
        {"the server's own error event and then the success marker",
         &ts_openai_chat,
         TS_KIND_VLLM,
         {.chunks = {DELTA("one"),
                     "data: {\"error\":{\"message\":\"engine died\",\"code\":500}}\n\n",
                     SSE_DONE}},
         TS_OUTCOME_UPSTREAM_ERROR,
         DELTA("one"),
         "data: {\"error\":{\"message\":\"engine died\",\"code\":500}}\n\n"},
        {"the success marker without a finish reason",
         &ts_openai_chat,
         TS_KIND_VLLM,
         {.chunks = {DELTA("one"), SSE_DONE}},
         TS_OUTCOME_UPSTREAM_CUT,
         DELTA("one"),
         "data: {\"error\":{\""},
        {"an error in another dialect",
         &ts_ollama_generate,
         TS_KIND_LLAMACPP,
         {.chunks = {DELTA("one"), "data: {\"error\":{\"message\":\"oh\",\"code\":500}}\n\n"}},
         TS_OUTCOME_UPSTREAM_ERROR,
         "",
         "{\"error\":\"oh\"}\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct script bad = cases[i].script;
        struct script good = {.chunks = {GEN("other"), DONE}};
        bad.sleep_ms = 5;
        open_rig(&r);
        add_server(&r, cases[i].kind, "bad", serve_script, &bad);
        add_server(&r, TS_KIND_OLLAMA, "good", serve_script, &good);
        start_call(&r, cases[i].client, cases[i].client == &ts_ollama_generate ? ASK : CHAT);
        run_until_ended(&r);
        size_t begin = strlen(cases[i].begin);
        if (strstr(client_text(&r) + begin, cases[i].error) == NULL)
            print_error("%s: %s\n", cases[i].name, client_text(&r));
        assert_memory_equal(client_text(&r), cases[i].begin, begin);
        assert_non_null(strstr(client_text(&r) + begin, cases[i].error));
        assert_null(strstr(client_text(&r), "\"done\":true"));
        assert_null(strstr(client_text(&r), "[DONE]"));
        assert_null(strstr(client_text(&r), "other"));
        assert_int_equal(r.client.ends, 1);
        assert_int_equal(r.call->outcome, cases[i].outcome);
        assert_int_equal(r.call->attempt_count, 0);
        assert_int_not_equal(r.call->error, TS_OK);
        assert_non_null(r.call->error_text);
        assert_int_equal(r.call->tokens_source, TS_TOKENS_COUNTED);
        assert_int_equal(atomic_load(&r.servers[1]->accepted), 0);
        close_rig(&r);
    }
}

static void when_all_servers_fail_the_client_gets_the_status_that_fits(void **state)
{
    (void)state;
    const struct {
        struct script script;
        int status;
        enum ts_outcome outcome;
        enum ts_err error;
        const char *text;
    } cases[] = {
        {{.status = "400 Bad", .chunks = {"{\"error\":\"temperature is no number\"}"}},
         400,
         TS_OUTCOME_UPSTREAM_ERROR,
         TS_ERR_UPSTREAM_REFUSED,
         "{\"error\":\"temperature is no number\"}"},
        {{.status = "404 No", .chunks = {"{\"error\":{\"message\":\"no such model\"}}"}},
         404,
         TS_OUTCOME_UPSTREAM_ERROR,
         TS_ERR_UPSTREAM_REFUSED,
         "{\"error\":\"no such model\"}"},
        {{.status = "413 Big", .chunks = {"too big"}},
         413,
         TS_OUTCOME_UPSTREAM_ERROR,
         TS_ERR_UPSTREAM_REFUSED,
         "too big"},
        {{.status = "422 No", .chunks = {"{\"detail\":\"no\"}"}},
         422,
         TS_OUTCOME_UPSTREAM_ERROR,
         TS_ERR_UPSTREAM_REFUSED,
         "{\"error\":\"no\"}"},
        {{.status = "401 No", .chunks = {"{}"}},
         502,
         TS_OUTCOME_UPSTREAM_ERROR,
         TS_ERR_UPSTREAM_AUTH,
         "answered 401"},
        {{.status = "500 Oops", .chunks = {"a\x01\xff\nb"}},
         502,
         TS_OUTCOME_UPSTREAM_ERROR,
         TS_ERR_UPSTREAM_INVALID,
         "p answered 500: a \xef\xbf\xbd b"},
        {{.status = "429 Slow", .headers = "Retry-After: 7\r\n"},
         429,
         TS_OUTCOME_UPSTREAM_ERROR,
         TS_ERR_UPSTREAM_RATE_LIMITED,
         "answered 429"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct script s = cases[i].script;
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &s);
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.client.responds, 1);
        assert_int_equal(r.client.status, cases[i].status);
        assert_string_equal(r.client.type, "application/json");
        if (strstr(client_text(&r), cases[i].text) == NULL)
            print_error("%s: %s\n", cases[i].script.status, client_text(&r));
        assert_non_null(strstr(client_text(&r), cases[i].text));
        assert_true(has_header(&r, "x-should-retry: false\n"));
        assert_int_equal(has_header(&r, "Retry-After: 7\n"), cases[i].status == 429);
        assert_int_equal(r.call->outcome, cases[i].outcome);
        assert_int_equal(r.call->error, cases[i].error);
        assert_int_equal(r.call->tokens_source, TS_TOKENS_ABSENT);
        assert_int_equal(r.call->phases.ttft_us, TS_UNKNOWN);
        assert_int_equal(r.call->phases.decode_us, TS_UNKNOWN);
        close_rig(&r);
    }
}

static void a_clients_mistake_is_not_replayed_on_the_next_server(void **state)
{
    (void)state;
    static const char *const statuses[] = {
        "400 Bad", "401 No", "403 No", "404 No", "413 Big", "422 No"};
    for (size_t i = 0; i < TS_ARRAY_LEN(statuses); i++) {
        struct rig r;
        struct script bad = {.status = statuses[i], .chunks = {"{\"error\":\"no\"}"}};
        struct script good = {.chunks = {GEN("one"), DONE}};
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "bad", serve_script, &bad);
        add_server(&r, TS_KIND_OLLAMA, "good", serve_script, &good);
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(atomic_load(&r.servers[1]->accepted), 0);
        assert_int_equal(r.client.responds, 1);
        close_rig(&r);
    }
}

static void one_server_without_room_does_not_hide_the_failure_of_the_other(void **state)
{
    (void)state;
    struct rig r;
    struct script broken = {.status = "500 Oops", .chunks = {"{\"error\":\"runner died\"}"}};
    struct script full = {.status = "429 Slow", .headers = "Retry-After: 3\r\n"};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "broken", serve_script, &broken);
    add_server(&r, TS_KIND_OLLAMA, "full", serve_script, &full);
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_int_equal(r.client.status, 502);
    assert_non_null(strstr(client_text(&r), "runner died"));
    assert_int_equal(r.call->attempt_count, 1);
    assert_int_equal(r.call->error, TS_ERR_UPSTREAM_RATE_LIMITED);
    close_rig(&r);
}

/* -- deadlines -------------------------------------------------------------------------------- */

static void a_server_without_a_first_token_in_time_is_left_for_the_next(void **state)
{
    (void)state;
    struct rig r;
    struct script good = {.chunks = {GEN("one"), DONE}};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "slow", serve_silence, NULL);
    add_server(&r, TS_KIND_OLLAMA, "good", serve_script, &good);
    provider(&r, 0)->first_token_timeout_ms = 100;
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_string_equal(client_text(&r), GEN("one") DONE);
    assert_int_equal(r.call->attempts[0].cause, TS_ERR_UPSTREAM_TIMEOUT);
    assert_true(r.call->attempts[0].duration_us >= 100000);
    assert_true(r.call->attempts[0].duration_us < 1000000);
    assert_true(r.call->phases.overhead_us < 90000); /* the other server's time is not ours */
    close_rig(&r);
}

static void deadlines_end_a_call_with_504_or_an_error_event(void **state)
{
    (void)state;
    const struct {
        const char *ask;
        int first_token_ms, gap_ms, total_ms;
        bool content;
    } cases[] = {
        {ASK, 100, 0, 0, false},
        {ASK, 0, 0, 100, false},
        {"{\"model\":\"m\",\"prompt\":\"hi\",\"touchstone\":{\"timeoutMs\":100}}", 0, 0, 0, false},
        {ASK, 0, 100, 0, true},
        {ASK, 0, 0, 100, true},
        {"{\"model\":\"m\",\"prompt\":\"hi\",\"touchstone\":{\"timeoutMs\":100}}", 0, 0, 0, true},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct script s = {.chunks = {cases[i].content ? GEN("one") : GEN("")}, .end = END_SILENT};
        open_rig(&r);
        struct loopback *server = add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &s);
        provider(&r, 0)->first_token_timeout_ms = cases[i].first_token_ms;
        provider(&r, 0)->gap_timeout_ms = cases[i].gap_ms;
        provider(&r, 0)->total_timeout_ms = cases[i].total_ms;
        int64_t from_us = ts_now_us();
        start_call(&r, &ts_ollama_generate, cases[i].ask);
        run_until_ended(&r);
        int64_t took_us = ts_now_us() - from_us;
        assert_true(took_us >= 95000 && took_us < 1500000);
        assert_int_equal(r.call->outcome, TS_OUTCOME_TIMEOUT);
        assert_int_equal(r.call->error, TS_ERR_UPSTREAM_TIMEOUT);
        if (cases[i].content) {
            assert_int_equal(r.client.ends, 1);
            assert_memory_equal(client_text(&r), GEN("one"), strlen(GEN("one")));
            assert_non_null(strstr(client_text(&r), "\n{\"error\":\""));
        } else {
            assert_int_equal(r.client.status, 504);
        }
        run_for(&r, 30);
        assert_true(atomic_load(&server->closed_us) != 0);
        close_rig(&r);
    }
}

static void after_a_long_silence_the_head_goes_out_and_fallback_stays_possible(void **state)
{
    (void)state;
    const struct {
        const struct ts_dialect *client;
        enum ts_kind_id kind;
        const char *ask;
        const char *early;     /* what the client has after the silence */
        const char *answer[2]; /* of the second server */
    } cases[] = {
        {&ts_openai_chat, TS_KIND_VLLM, CHAT, ": ping\n\n", {DELTA("one"), STOP SSE_DONE}},
        {&ts_ollama_generate, TS_KIND_OLLAMA, ASK, "", {GEN("one"), DONE}},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        char whole[1024];
        struct script role = {.chunks = {ROLE}, .end = END_SILENT};
        struct script good = {.chunks = {cases[i].answer[0], cases[i].answer[1]}};
        open_rig(&r);
        add_server(&r, cases[i].kind, "slow", serve_script, &role);
        add_server(&r, cases[i].kind, "good", serve_script, &good);
        provider(&r, 0)->first_token_timeout_ms = 300;
        r.accepted_ago_us = TS_SILENCE_MS * INT64_C(1000) - 100000;
        start_call(&r, cases[i].client, cases[i].ask);
        run_for(&r, 60);
        assert_int_equal(r.client.begins, 0);
        run_for(&r, 120);
        assert_int_equal(r.client.begins, 1);
        assert_int_equal(r.client.status, 200);
        assert_string_equal(client_text(&r), cases[i].early);
        run_until_ended(&r);
        (void)snprintf(
            whole, sizeof(whole), "%s%s%s", cases[i].early, cases[i].answer[0], cases[i].answer[1]);
        assert_string_equal(client_text(&r), whole);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        assert_int_equal(r.call->attempt_count, 1);
        close_rig(&r);
    }
}

static void after_the_head_went_out_a_failure_is_an_event(void **state)
{
    (void)state;
    static const char begin[] = ": ping\n\ndata: {\"error\":";
    struct rig r;
    struct script s = {.chunks = {ROLE}, .end = END_SILENT};
    open_rig(&r);
    add_server(&r, TS_KIND_VLLM, "slow", serve_script, &s);
    provider(&r, 0)->first_token_timeout_ms = 200;
    r.accepted_ago_us = TS_SILENCE_MS * INT64_C(1000) - 50000;
    start_call(&r, &ts_openai_chat, CHAT);
    run_until_ended(&r);
    assert_int_equal(r.client.begins, 1);
    assert_int_equal(r.client.ends, 1);
    assert_memory_equal(client_text(&r), begin, sizeof(begin) - 1);
    assert_null(strstr(client_text(&r), "assistant"));
    assert_int_equal(r.call->outcome, TS_OUTCOME_TIMEOUT);
    close_rig(&r);
}

/* -- the client leaves ------------------------------------------------------------------------ */

static void a_client_that_leaves_takes_the_upstream_with_it_in_every_phase(void **state)
{
    (void)state;
    struct script one = {.chunks = {GEN("one")}, .end = END_SILENT};
    struct script empty = {.chunks = {GEN("")}, .end = END_SILENT};
    struct script half = {.chunks = {GEN("one"), "{\"model\":"}, .end = END_SILENT};
    const struct {
        const char *name;
        loopback_fn *serve;
        struct script *script;
        const char *ask;
        bool content;
    } cases[] = {
        {"waiting for the head", serve_silence, NULL, ASK, false},
        {"waiting for content", serve_script, &empty, ASK, false},
        {"streaming", serve_script, &one, ASK, true},
        {"in mid-event", serve_script, &half, ASK, true},
        {"folding", serve_script, &one, ASK_WHOLE, true},
    };
    int late = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        open_rig(&r);
        struct loopback *s = add_server(&r, TS_KIND_OLLAMA, "p", cases[i].serve, cases[i].script);
        start_call(&r, &ts_ollama_generate, cases[i].ask);
        run_for(&r, 60);
        int64_t from_us = ts_now_us();
        r.client.client.events->gone(r.client.client.events_ctx);
        run_until_ended(&r);
        run_for(&r, 20);
        int64_t took_us = atomic_load(&s->closed_us) - from_us;
        assert_true(took_us >= 0);
        assert_int_equal(r.records, 1);
        assert_int_equal(r.call->outcome, TS_OUTCOME_CANCELLED);
        assert_int_equal(r.call->error, TS_OK);
        assert_int_equal(r.call->tokens_source,
                         cases[i].content ? TS_TOKENS_COUNTED : TS_TOKENS_ABSENT);
        assert_int_equal(r.call->tokens.output, cases[i].content ? 1 : TS_UNKNOWN);
        close_rig(&r);
        if (took_us >= 20000) { /* or was the machine busy with something else? once more */
            print_message("%s: %d us\n", cases[i].name, (int)took_us);
            assert_true(++late < 5);
            i--;
        }
    }
}

static void a_client_that_leaves_before_the_connection_stands_is_recorded_too(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_silence, NULL);
    start_call(&r, &ts_ollama_generate, ASK);
    r.client.client.events->gone(r.client.client.events_ctx);
    run_until_ended(&r);
    assert_int_equal(r.call->outcome, TS_OUTCOME_CANCELLED);
    close_rig(&r);
}

static void a_call_can_be_found_and_ended_from_our_side(void **state)
{
    (void)state;
    const struct {
        struct script script;
        const char *text;
        int ends, responds, status;
    } cases[] = {
        {{.chunks = {GEN("")}, .end = END_SILENT}, "{\"error\":\"", 0, 1, 503},
        {{.chunks = {GEN("one")}, .end = END_SILENT}, GEN("one") "{\"error\":\"", 1, 0, 200},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct script s = cases[i].script;
        open_rig(&r);
        struct loopback *server = add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &s);
        start_call(&r, &ts_ollama_generate, ASK);
        run_for(&r, 60);
        assert_non_null(r.env.running);
        int64_t from_us = ts_now_us();
        ts_relay_abort(r.relay, TS_ERR_DRAINING);
        run_until_ended(&r);
        run_for(&r, 20);
        assert_in_range(atomic_load(&server->closed_us) - from_us, 0, 200000);
        assert_memory_equal(client_text(&r), cases[i].text, strlen(cases[i].text));
        assert_int_equal(r.client.ends, cases[i].ends);
        assert_int_equal(r.client.responds, cases[i].responds);
        assert_int_equal(r.client.status, cases[i].status);
        assert_int_equal(r.call->outcome, TS_OUTCOME_CANCELLED);
        close_rig(&r);
    }
}

/* -- back-pressure ---------------------------------------------------------------------------- */

static void serve_flood(struct loopback_conn *c)
{
    static const char line[] = GEN("0123456789012345678901234567890123456789012345678901234567");
    (void)loopback_read(c);
    (void)loopback_send(c, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n");
    while (!atomic_load(&c->server->stop) && loopback_send(c, line))
        ;
}

static void a_client_that_takes_nothing_holds_the_upstream_back(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r);
    struct loopback *s = add_server(&r, TS_KIND_OLLAMA, "p", serve_flood, NULL);
    provider(&r, 0)->gap_timeout_ms = 50; /* must not count while we hold it back */
    r.client.stalled = true;
    start_call(&r, &ts_ollama_generate, ASK);
    run_for(&r, 100);
    size_t had = r.client.body.len;
    int64_t sent = -1;
    for (int i = 0; i < 40 && sent != atomic_load(&s->sent_bytes); i++) {
        sent = atomic_load(&s->sent_bytes);
        run_for(&r, 100); /* the kernel's buffers between us fill up first */
    }
    assert_true(had >= TS_STREAM_HIGH_BYTES);
    assert_true(had < TS_STREAM_HIGH_BYTES + 20 * 1024);
    assert_int_equal(r.client.body.len, had);
    assert_int_equal(atomic_load(&s->sent_bytes), sent); /* all the way to the server */
    r.client.stalled = false;
    run_for(&r, 50);
    assert_true(r.client.body.len > had + 64 * 1024);
    assert_memory_equal(client_text(&r), GEN("0123456789"), 40);
    r.client.client.events->gone(r.client.client.events_ctx);
    run_until_ended(&r);
    assert_int_equal(r.call->outcome, TS_OUTCOME_CANCELLED);
    assert_int_equal(r.call->error, TS_OK);
    close_rig(&r);
}

/* One line of 300 KB: far longer than the gate keeps. */
static void serve_long_terminator(struct loopback_conn *c)
{
    static char line[300 * 1024];
    size_t n = (size_t)snprintf(line, sizeof(line), "{\"done\":true,\"context\":[1");
    while (n < sizeof(line) - 16)
        n += (size_t)snprintf(line + n, sizeof(line) - n, ",12345");
    (void)snprintf(line + n, sizeof(line) - n, "]}\n");
    (void)loopback_read(c);
    (void)loopback_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    (void)loopback_chunk(c, GEN("one"));
    (void)loopback_chunk(c, line);
    (void)loopback_send(c, "0\r\n\r\n");
    (void)loopback_wait_closed(c);
}

static void of_a_huge_terminator_the_end_is_held(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r);
    r.slow_store = true;
    add_server(&r, TS_KIND_OLLAMA, "p", serve_long_terminator, NULL);
    start_call(&r, &ts_ollama_generate, ASK);
    run_for(&r, 200);
    assert_int_equal(r.records, 1);
    assert_true(r.client.body.len > 200 * 1024);
    assert_null(strchr(client_text(&r) + strlen(GEN("one")), '\n'));
    give_ticket_back(&r);
    run_until_ended(&r);
    assert_memory_equal(client_text(&r) + r.client.body.len - 3, "]}\n", 3);
    assert_true(r.client.body.len > 300 * 1024 - 64);
    assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
    close_rig(&r);
}

static void the_body_is_released_as_soon_as_no_server_is_left_to_need_it(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {GEN("one")}, .end = END_SILENT};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "first", serve_silence, NULL);
    add_server(&r, TS_KIND_OLLAMA, "last", serve_script, &s);
    provider(&r, 0)->first_token_timeout_ms = 100;
    start_call(&r, &ts_ollama_generate, ASK);
    run_for(&r, 50);
    assert_int_equal(r.released, 0);
    run_until_body(&r, "one");
    assert_int_equal(r.released, 1);
    r.client.client.events->gone(r.client.client.events_ctx);
    run_until_ended(&r);
    assert_int_equal(r.released, 1);
    close_rig(&r);
}

static void the_next_call_uses_the_same_connection(void **state)
{
    (void)state;
    struct rig r;
    struct script s = {.chunks = {GEN("one"), DONE}};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &s);
    for (int i = 0; i < 3; i++) {
        r.client = (struct fake_client){.client.ops = &fake_ops, .body = r.client.body};
        ts_buf_clear(&r.client.body);
        r.released = r.ended = 0;
        ts_call_free(r.call);
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        run_for(&r, 10);
        assert_string_equal(client_text(&r), GEN("one") DONE);
        assert_int_equal(r.call->phases.connect_us == 0, i > 0);
    }
    assert_int_equal(atomic_load(&r.servers[0]->accepted), 1);
    close_rig(&r);
}

static void prices_make_a_cost_and_nothing_else_does(void **state)
{
    (void)state;
    const struct {
        double in, out, hour;
        int64_t nano; /* TS_UNKNOWN; -2: something above 0 */
    } cases[] = {
        {-1, -1, -1, TS_UNKNOWN},
        {2.5, 10, -1, 5 * 2500 + 3 * 10000},
        {0, 0, -1, 0},
        {2.5, -1, -1, TS_UNKNOWN},
        {-1, -1, 3.6, -2},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct script s = {.chunks = {GEN("one"), DONE}};
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &s);
        provider(&r, 0)->price_in_usd = cases[i].in;
        provider(&r, 0)->price_out_usd = cases[i].out;
        provider(&r, 0)->price_per_hour_usd = cases[i].hour;
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        if (cases[i].nano == -2) /* 3.6 dollars an hour are 1 nano-dollar per nanosecond... */
            assert_true(r.call->cost_nano_usd > 0 &&
                        r.call->cost_nano_usd <= r.call->phases.total_us * 1000);
        else
            assert_int_equal(r.call->cost_nano_usd, cases[i].nano);
        close_rig(&r);
    }
}

static int global_setup(void **state)
{
    (void)state;
    return ts_upstream_global_init() == TS_OK ? 0 : -1;
}

static int global_teardown(void **state)
{
    (void)state;
    ts_upstream_global_deinit();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_in_the_same_dialect_passes_unchanged),
        cmocka_unit_test(any_cut_of_the_stream_into_reads_passes_unchanged),
        cmocka_unit_test(a_stream_in_another_dialect_is_translated),
        cmocka_unit_test(a_usage_event_that_only_we_asked_for_does_not_reach_the_client),
        cmocka_unit_test(a_client_that_does_not_stream_gets_one_whole_answer),
        cmocka_unit_test(loading_a_model_passes_and_is_not_recorded),
        cmocka_unit_test(without_tracking_nothing_is_recorded_or_held),
        cmocka_unit_test(the_terminator_waits_for_its_row),
        cmocka_unit_test(the_hold_has_a_ceiling),
        cmocka_unit_test(a_client_that_leaves_during_the_hold_was_served),
        cmocka_unit_test(a_failure_before_content_moves_on_to_the_next_server),
        cmocka_unit_test(a_failure_after_content_is_an_error_event_and_never_a_fallback),
        cmocka_unit_test(when_all_servers_fail_the_client_gets_the_status_that_fits),
        cmocka_unit_test(a_clients_mistake_is_not_replayed_on_the_next_server),
        cmocka_unit_test(one_server_without_room_does_not_hide_the_failure_of_the_other),
        cmocka_unit_test(a_server_without_a_first_token_in_time_is_left_for_the_next),
        cmocka_unit_test(deadlines_end_a_call_with_504_or_an_error_event),
        cmocka_unit_test(after_a_long_silence_the_head_goes_out_and_fallback_stays_possible),
        cmocka_unit_test(after_the_head_went_out_a_failure_is_an_event),
        cmocka_unit_test(a_client_that_leaves_takes_the_upstream_with_it_in_every_phase),
        cmocka_unit_test(a_client_that_leaves_before_the_connection_stands_is_recorded_too),
        cmocka_unit_test(a_call_can_be_found_and_ended_from_our_side),
        cmocka_unit_test(a_client_that_takes_nothing_holds_the_upstream_back),
        cmocka_unit_test(of_a_huge_terminator_the_end_is_held),
        cmocka_unit_test(the_body_is_released_as_soon_as_no_server_is_left_to_need_it),
        cmocka_unit_test(the_next_call_uses_the_same_connection),
        cmocka_unit_test(prices_make_a_cost_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, global_setup, global_teardown);
}
