/* The relay where all goes well: between a fake client and scripted servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "relay_rig.h"

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
    assert_int_equal(c->phases.load_us, 20);
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
    r.no_row = true;
    add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
    start_call(&r, &ts_ollama_generate, "{\"model\":\"m\"}");
    run_until_ended(&r);
    assert_string_equal(client_text(&r), s.chunks[0]);
    assert_int_equal(r.records, 0);
    close_rig(&r);
}

static void a_call_to_a_simulated_server_is_marked(void **state)
{
    (void)state;
    for (int simulated = 0; simulated < 2; simulated++) {
        struct rig r;
        struct script s = {.chunks = {GEN("one"), DONE}};
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "ollama", serve_script, &s);
        provider(&r, 0)->simulated = simulated != 0;
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.call->simulated, simulated);
        close_rig(&r);
    }
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
        r.client = (struct fake_client){.client.ops = r.client.client.ops, .body = r.client.body};
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
        provider(&r, 0)->price = (struct ts_price){cases[i].in, cases[i].out, -1, -1};
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
        cmocka_unit_test(a_call_to_a_simulated_server_is_marked),
        cmocka_unit_test(without_tracking_nothing_is_recorded_or_held),
        cmocka_unit_test(the_terminator_waits_for_its_row),
        cmocka_unit_test(the_hold_has_a_ceiling),
        cmocka_unit_test(a_client_that_leaves_during_the_hold_was_served),
        cmocka_unit_test(a_client_that_takes_nothing_holds_the_upstream_back),
        cmocka_unit_test(of_a_huge_terminator_the_end_is_held),
        cmocka_unit_test(the_body_is_released_as_soon_as_no_server_is_left_to_need_it),
        cmocka_unit_test(the_next_call_uses_the_same_connection),
        cmocka_unit_test(prices_make_a_cost_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, global_setup, global_teardown);
}
