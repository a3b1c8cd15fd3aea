#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proxy/tap.h"

enum { ACCEPTED = 1000 };

/* What one event of a script says: r reasoning, t text, c tool call, e empty, f finish "stop". */
static struct ts_event event_of(char what)
{
    struct ts_event e = TS_EVENT_INIT;
    if (what == 'r')
        e.reasoning = TS_SLICE_LIT("hm");
    if (what == 't')
        e.text = TS_SLICE_LIT("hi");
    e.has_tool_call = what == 'c';
    if (what == 'f')
        e.finish = TS_FINISH_STOP;
    return e;
}

static void phases_are_told_by_events_with_content_alone(void **state)
{
    (void)state;
    const int64_t u = TS_UNKNOWN;
    const struct {
        const char *script; /* an event each 10 us, the first at ACCEPTED + 10 */
        int64_t ttft, visible, decode, stall, tokens;
    } cases[] = {
        {"", u, u, u, u, u},
        {"eee", u, u, u, u, u},
        {"eetf", 30, 30, 0, u, 1},
        {"rrtt", 10, 30, 30, 10, 4},
        {"c", 10, u, 0, u, 1},
        {"teeeet", 10, 10, 50, 50, 2},
        {"etf", 20, 20, 0, u, 1},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_tap tap;
        struct ts_call *call = ts_call_new();
        assert_non_null(call);
        ts_tap_init(&tap);
        for (size_t k = 0; cases[i].script[k] != '\0'; k++) {
            struct ts_event e = event_of(cases[i].script[k]);
            ts_tap_event(&tap, &e, ACCEPTED + 10 * (int64_t)(k + 1));
        }
        ts_tap_fill(&tap, ACCEPTED, call);
        assert_int_equal(call->phases.ttft_us, cases[i].ttft);
        assert_int_equal(call->phases.first_visible_us, cases[i].visible);
        assert_int_equal(call->phases.decode_us, cases[i].decode);
        assert_int_equal(call->phases.max_stall_us, cases[i].stall);
        assert_int_equal(call->tokens.output, cases[i].tokens);
        assert_int_equal(call->tokens_source,
                         cases[i].tokens == u ? TS_TOKENS_ABSENT : TS_TOKENS_COUNTED);
        ts_call_free(call);
    }
}

static void time_in_which_we_held_the_server_back_is_no_stall_of_its_own(void **state)
{
    (void)state;
    struct ts_tap tap;
    struct ts_event e = event_of('t');
    ts_tap_init(&tap);
    ts_tap_skip(&tap, 500); /* before the first token there is nothing to skip */
    ts_tap_event(&tap, &e, 1000);
    ts_tap_event(&tap, &e, 1010);
    ts_tap_skip(&tap, 9000);
    ts_tap_event(&tap, &e, 9020);
    assert_int_equal(tap.first_us, 1000);
    assert_int_equal(tap.max_stall_us, 20);
}

static void each_field_of_the_usage_is_the_last_that_was_said(void **state)
{
    (void)state;
    struct ts_tap tap;
    struct ts_call *call = ts_call_new();
    struct ts_event first = event_of('t');
    struct ts_event last = event_of('f');
    assert_non_null(call);
    first.tokens.input = 30;
    first.tokens.output = 1;
    first.tokens.cache_read = 5;
    last.tokens.output = 17;
    last.times.load_us = 2000000;
    ts_tap_init(&tap);
    ts_tap_event(&tap, &first, 10);
    ts_tap_event(&tap, &last, 20);
    ts_tap_fill(&tap, 0, call);
    assert_int_equal(call->tokens.input, 30);
    assert_int_equal(call->tokens.cache_read, 5);
    assert_int_equal(call->tokens.output, 17);
    assert_int_equal(call->tokens.reasoning, TS_UNKNOWN);
    assert_int_equal(call->tokens_source, TS_TOKENS_PROVIDER);
    assert_string_equal(call->finish_reason, "stop");
    assert_int_equal(call->phases.load_us, 2000000);
    assert_true(call->cold);
    ts_call_free(call);
}

static void without_the_servers_output_count_ours_stands_beside_its_input_count(void **state)
{
    (void)state;
    struct ts_tap tap;
    struct ts_call *call = ts_call_new();
    struct ts_event e = event_of('t');
    assert_non_null(call);
    e.tokens.input = 30;
    ts_tap_init(&tap);
    ts_tap_event(&tap, &e, 10);
    ts_tap_fill(&tap, 0, call);
    assert_int_equal(call->tokens.input, 30);
    assert_int_equal(call->tokens.output, 1);
    assert_int_equal(call->tokens_source, TS_TOKENS_COUNTED);
    ts_call_free(call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_are_told_by_events_with_content_alone),
        cmocka_unit_test(time_in_which_we_held_the_server_back_is_no_stall_of_its_own),
        cmocka_unit_test(each_field_of_the_usage_is_the_last_that_was_said),
        cmocka_unit_test(without_the_servers_output_count_ours_stands_beside_its_input_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
