/* The relay asking again: retries, pauses, breakers, full servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/admission.h"
#include "proxy/registry_entry.h"
#include "relay_rig.h"

/* Answers the first requests as one script says, and all others as the other. */
struct turns {
    struct script first;
    struct script then;
    int firsts;
    _Atomic int served;
};

static void serve_turns(struct loopback_conn *c)
{
    struct turns *t = c->server->ctx;
    char head[512];
    while (loopback_read(c)) {
        const struct script *s = atomic_fetch_add(&t->served, 1) < t->firsts ? &t->first : &t->then;
        (void)snprintf(head,
                       sizeof(head),
                       "HTTP/1.1 %s\r\n%sTransfer-Encoding: chunked\r\n\r\n",
                       s->status != NULL ? s->status : "200 OK",
                       s->headers != NULL ? s->headers : "");
        if (!loopback_send(c, head))
            return;
        for (size_t i = 0; i < TS_ARRAY_LEN(s->chunks) && s->chunks[i] != NULL; i++) {
            if (!loopback_chunk(c, s->chunks[i]))
                return;
        }
        if (!loopback_send(c, "0\r\n\r\n"))
            return;
    }
}

static const struct script good = {.chunks = {GEN("one"), DONE}};
static const struct script oops = {.status = "500 Oops", .chunks = {"{\"error\":\"oops\"}"}};

/* How often a server with these first answers is asked by one call; it ends well if it ever can. */
static int times_asked(enum ts_kind_id kind, struct script first, int firsts)
{
    struct rig r;
    struct turns t = {.first = first, .then = good, .firsts = firsts};
    open_rig(&r);
    add_server(&r, kind, "p", serve_turns, &t);
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    int asked = atomic_load(&t.served);
    assert_int_equal(r.call->outcome == TS_OUTCOME_DONE, asked > firsts);
    assert_int_equal(r.call->attempt_count, asked - 1);
    close_rig(&r);
    return asked;
}

static void one_server_alone_is_asked_once_more(void **state)
{
    (void)state;
    assert_int_equal(times_asked(TS_KIND_OLLAMA, oops, 1), 2);
    assert_int_equal(times_asked(TS_KIND_OLLAMA, oops, 9), 2);
    struct script error_first = {.chunks = {"{\"error\":\"overloaded\"}\n"}};
    assert_int_equal(times_asked(TS_KIND_OLLAMA, error_first, 1), 2);
    struct script bad = {.status = "400 Bad", .chunks = {"{\"error\":\"no\"}"}};
    assert_int_equal(times_asked(TS_KIND_OLLAMA, bad, 1), 1);
}

static void the_pause_before_it_is_short_and_recorded(void **state)
{
    (void)state;
    struct rig r;
    struct turns t = {.first = oops, .then = good, .firsts = 1};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_turns, &t);
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_true(has_header(&r, "X-Touchstone-Attempts: 2\n"));
    assert_string_equal(client_text(&r), GEN("one") DONE);
    assert_int_equal(r.call->attempts[0].cause, TS_ERR_UPSTREAM_INVALID);
    assert_int_equal(r.call->attempts[0].status, 500);
    assert_in_range(r.call->attempts[0].wait_us, 0, 100000);
    assert_true(r.call->phases.total_us >= r.call->attempts[0].wait_us);
    assert_true(r.call->phases.overhead_us < 50000); /* the pause is not our work */
    close_rig(&r);
}

static void a_server_that_names_a_time_is_asked_then(void **state)
{
    (void)state;
    static const char *const statuses[] = {"429 Slow", "503 Busy"};
    for (size_t i = 0; i < TS_ARRAY_LEN(statuses); i++) {
        struct rig r;
        struct turns t = {.first = {.status = statuses[i], .headers = "retry-after-ms: 300\r\n"},
                          .then = good,
                          .firsts = 1};
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "p", serve_turns, &t);
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        assert_in_range(r.call->attempts[0].wait_us, 250000, 500000);
        assert_in_range(r.call->phases.total_us, 290000, 2000000);
        close_rig(&r);
    }
}

static void until_then_other_calls_do_not_ask_it_either(void **state)
{
    (void)state;
    struct rig r;
    struct turns t = {.first = {.status = "429 Slow", .headers = "Retry-After: 60\r\n"},
                      .then = good,
                      .firsts = 1};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_turns, &t);
    for (int i = 0; i < 2; i++) {
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.client.status, 429);
        assert_true(has_header(&r, i == 0 ? "Retry-After: 60\n" : "Retry-After: "));
        assert_true(has_header(&r, "x-should-retry: false\n"));
        assert_int_equal(r.call->outcome, TS_OUTCOME_UPSTREAM_ERROR);
        assert_int_equal(r.call->error, TS_ERR_UPSTREAM_RATE_LIMITED);
        assert_true(r.call->cost_nano_usd <= 0);
        forget_call(&r);
    }
    assert_int_equal(atomic_load(&t.served), 1);
    r.registry->entries[0].breaker.not_before_us = ts_now_us() + 200000; /* soon: worth the wait */
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
    assert_true(r.call->phases.total_us >= 190000);
    close_rig(&r);
}

static void a_call_with_little_time_left_is_not_tried_again(void **state)
{
    (void)state;
    struct rig r;
    struct turns t = {.first = oops, .then = good, .firsts = 1};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_turns, &t);
    provider(&r, 0)->connect_timeout_ms = 600; /* twice that is more than the client gives us */
    start_call(&r,
               &ts_ollama_generate,
               "{\"model\":\"m\",\"prompt\":\"hi\",\"touchstone\":{\"timeoutMs\":1100}}");
    run_until_ended(&r);
    assert_int_equal(r.client.status, 502);
    assert_int_equal(atomic_load(&t.served), 1);
    close_rig(&r);
}

static void a_dead_server_is_passed_over_once_its_breaker_is_open(void **state)
{
    (void)state;
    struct rig r;
    struct script bad = oops;
    struct script fine = good;
    open_rig(&r);
    struct loopback *dead = add_server(&r, TS_KIND_OLLAMA, "dead", serve_script, &bad);
    add_server(&r, TS_KIND_OLLAMA, "fine", serve_script, &fine);
    for (int i = 0; i < 12; i++) {
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        assert_int_equal(r.call->attempt_count, i < TS_BREAKER_IN_A_ROW ? 1 : 0);
        forget_call(&r);
    }
    assert_int_equal(atomic_load(&dead->requests), TS_BREAKER_IN_A_ROW);
    assert_int_equal(ts_registry_status(r.registry, 0).breaker, TS_BREAKER_OPEN);
    close_rig(&r);
}

static void the_last_server_is_never_given_up_and_heals_with_its_first_content(void **state)
{
    (void)state;
    struct rig r;
    struct turns t = {.first = oops, .then = good, .firsts = 8};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_turns, &t);
    int calls = 0;
    bool done = false;
    while (!done) {
        assert_true(++calls < 10);
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        done = r.call->outcome == TS_OUTCOME_DONE;
        if (!done && calls > 3) /* it is open: asked once, and not again by the same call */
            assert_true(has_header(&r, "X-Touchstone-Attempts: 1\n"));
        forget_call(&r);
    }
    assert_int_equal(ts_registry_status(r.registry, 0).breaker, TS_BREAKER_CLOSED);
    /* 2 + 2 + 1 until it opens; then one for each call */
    assert_int_equal(calls, 7);
    close_rig(&r);
}

static void silence_never_opens_a_breaker(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_silence, NULL);
    provider(&r, 0)->first_token_timeout_ms = 30;
    for (int i = 0; i < 8; i++) {
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.client.status, 504);
        assert_int_equal(r.call->attempt_count, 0); /* nor is it asked twice */
        forget_call(&r);
    }
    assert_int_equal(ts_registry_status(r.registry, 0).breaker, TS_BREAKER_CLOSED);
    close_rig(&r);
}

static void who_leaves_or_is_ended_in_a_pause_leaves_at_once(void **state)
{
    (void)state;
    for (int ended_by_us = 0; ended_by_us < 2; ended_by_us++) {
        struct rig r;
        struct turns t = {.first = {.status = "429 Slow", .headers = "Retry-After: 2\r\n"},
                          .then = good,
                          .firsts = 1};
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "p", serve_turns, &t);
        start_call(&r, &ts_ollama_generate, ASK);
        run_for(&r, 100);
        int64_t from_us = ts_now_us();
        if (ended_by_us)
            ts_relay_abort(r.relay, TS_ERR_DRAINING);
        else
            r.client.client.events->gone(r.client.client.events_ctx);
        run_until_ended(&r);
        assert_true(ts_now_us() - from_us < 500000);
        assert_int_equal(r.call->outcome, TS_OUTCOME_CANCELLED);
        assert_int_equal(r.call->attempt_count, 1);
        close_rig(&r);
    }
}

static void a_full_server_makes_calls_wait_and_the_wait_is_recorded(void **state)
{
    (void)state;
    struct rig r;
    struct script fine = good;
    struct ts_admission other = {0};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &fine);
    other.registry = r.registry;
    r.registry->entries[0].places.limit = 1;
    assert_int_equal(ts_admission_enter(&other, 0, TS_ENTER_FREE, ts_now_us()), TS_ENTRY_INSIDE);
    start_call(&r, &ts_ollama_generate, ASK);
    run_for(&r, 120);
    assert_int_equal(ts_registry_status(r.registry, 0).waiting, 1);
    assert_int_equal(atomic_load(&r.servers[0]->accepted), 0);
    (void)ts_admission_leave(&other, TS_SIGN_ALIVE, ts_now_us());
    run_until_ended(&r);
    assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
    assert_in_range(r.call->phases.queue_us, 110000, 2000000);
    assert_true(r.call->phases.overhead_us < 50000);
    assert_int_equal(r.call->attempt_count, 0);
    close_rig(&r);
}

static void who_leaves_the_queue_frees_its_place_in_it(void **state)
{
    (void)state;
    for (int called = 0; called < 2; called++) {
        struct rig r;
        struct script fine = good;
        struct ts_admission other = {0};
        open_rig(&r);
        add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &fine);
        other.registry = r.registry;
        r.registry->entries[0].places.limit = 1;
        assert_int_equal(ts_admission_enter(&other, 0, TS_ENTER_FREE, 1), TS_ENTRY_INSIDE);
        start_call(&r, &ts_ollama_generate, ASK);
        run_for(&r, 30);
        if (called) /* the message to the call is on its way when its client leaves */
            (void)ts_admission_leave(&other, TS_SIGN_NONE, 2);
        r.client.client.events->gone(r.client.client.events_ctx);
        assert_int_equal(ts_registry_status(r.registry, 0).waiting, 0);
        run_until_ended(&r);
        assert_int_equal(r.call->outcome, TS_OUTCOME_CANCELLED);
        assert_int_equal(atomic_load(&r.servers[0]->accepted), 0);
        (void)ts_admission_leave(&other, TS_SIGN_NONE, 2);
        close_rig(&r);
    }
}

static void beyond_the_queue_the_answer_is_503_and_may_be_tried_again(void **state)
{
    (void)state;
    struct rig r;
    struct script fine = good;
    struct ts_admission others[1 + TS_WAITERS_PER_PLACE] = {0};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_script, &fine);
    r.registry->entries[0].places.limit = 1;
    for (size_t i = 0; i < TS_ARRAY_LEN(others); i++) {
        others[i].registry = r.registry;
        (void)ts_admission_enter(&others[i], 0, TS_ENTER_WAIT, 1);
    }
    r.no_row = true;
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_int_equal(r.client.status, 503);
    assert_true(has_header(&r, "x-should-retry: true\n"));
    assert_true(has_header(&r, "Retry-After: 1\n"));
    for (size_t i = TS_ARRAY_LEN(others); i-- > 0;)
        (void)ts_admission_leave(&others[i], TS_SIGN_NONE, 2);
    close_rig(&r);
}

static void a_full_server_is_passed_over_where_another_has_room(void **state)
{
    (void)state;
    struct rig r;
    struct script fine = good;
    struct ts_admission other = {0};
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "full", serve_script, &fine);
    add_server(&r, TS_KIND_OLLAMA, "free", serve_script, &fine);
    other.registry = r.registry;
    r.registry->entries[0].places.limit = 1;
    (void)ts_admission_enter(&other, 0, TS_ENTER_FREE, 1);
    start_call(&r, &ts_ollama_generate, ASK);
    run_until_ended(&r);
    assert_string_equal(r.call->provider, "free");
    assert_int_equal(r.call->attempt_count, 0);
    (void)ts_admission_leave(&other, TS_SIGN_NONE, 2);
    close_rig(&r);
}

/* Answers one request and hangs up with the next, as a server does that was restarted. */
static void serve_once(struct loopback_conn *c)
{
    const struct script *s = c->server->ctx;
    if (!loopback_read(c) ||
        !loopback_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
        return;
    for (size_t i = 0; i < TS_ARRAY_LEN(s->chunks) && s->chunks[i] != NULL; i++)
        (void)loopback_chunk(c, s->chunks[i]);
    (void)loopback_send(c, "0\r\n\r\n");
    if (loopback_read(c))
        loopback_reset(c);
}

static void a_kept_connection_that_died_is_no_failure_of_its_server(void **state)
{
    (void)state;
    struct rig r;
    struct script fine = good;
    open_rig(&r);
    struct loopback *s = add_server(&r, TS_KIND_OLLAMA, "p", serve_once, &fine);
    for (int i = 0; i < 8; i++) {
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        assert_int_equal(r.call->attempt_count, 0);
        assert_true(has_header(&r, "X-Touchstone-Attempts: 1\n"));
        run_for(&r, 20);
        forget_call(&r);
    }
    assert_true(atomic_load(&s->requests) > 8); /* it did happen */
    assert_int_equal(r.registry->entries[0].breaker.in_a_row, 0);
    close_rig(&r);
}

/* Sends more on the connection when its answer has ended, as a server does that counts badly. */
static void serve_with_leftovers(struct loopback_conn *c)
{
    const struct script *s = c->server->ctx;
    while (loopback_read(c)) {
        if (!loopback_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
            return;
        for (size_t i = 0; i < TS_ARRAY_LEN(s->chunks) && s->chunks[i] != NULL; i++)
            (void)loopback_chunk(c, s->chunks[i]);
        (void)loopback_send(c, "0\r\n\r\n");
        loopback_sleep(20);
        (void)loopback_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        (void)loopback_chunk(c, GEN("somebody else's") DONE);
        (void)loopback_send(c, "0\r\n\r\n");
    }
}

static void bytes_left_on_a_kept_connection_are_never_taken_for_an_answer(void **state)
{
    (void)state;
    struct rig r;
    struct script fine = good;
    open_rig(&r);
    add_server(&r, TS_KIND_OLLAMA, "p", serve_with_leftovers, &fine);
    for (int i = 0; i < 4; i++) {
        start_call(&r, &ts_ollama_generate, ASK);
        run_until_ended(&r);
        assert_int_equal(r.call->outcome, TS_OUTCOME_DONE);
        assert_string_equal(client_text(&r), GEN("one") DONE);
        assert_int_equal(r.call->attempt_count, 0);
        run_for(&r, 50);
        forget_call(&r);
    }
    close_rig(&r);
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
        cmocka_unit_test(one_server_alone_is_asked_once_more),
        cmocka_unit_test(the_pause_before_it_is_short_and_recorded),
        cmocka_unit_test(a_server_that_names_a_time_is_asked_then),
        cmocka_unit_test(until_then_other_calls_do_not_ask_it_either),
        cmocka_unit_test(a_call_with_little_time_left_is_not_tried_again),
        cmocka_unit_test(a_dead_server_is_passed_over_once_its_breaker_is_open),
        cmocka_unit_test(the_last_server_is_never_given_up_and_heals_with_its_first_content),
        cmocka_unit_test(silence_never_opens_a_breaker),
        cmocka_unit_test(who_leaves_or_is_ended_in_a_pause_leaves_at_once),
        cmocka_unit_test(a_full_server_makes_calls_wait_and_the_wait_is_recorded),
        cmocka_unit_test(who_leaves_the_queue_frees_its_place_in_it),
        cmocka_unit_test(beyond_the_queue_the_answer_is_503_and_may_be_tried_again),
        cmocka_unit_test(a_full_server_is_passed_over_where_another_has_room),
        cmocka_unit_test(a_kept_connection_that_died_is_no_failure_of_its_server),
        cmocka_unit_test(bytes_left_on_a_kept_connection_are_never_taken_for_an_answer),
    };
    return cmocka_run_group_tests(tests, global_setup, global_teardown);
}
