#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proxy/trace.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static bool valid(const char *text)
{
    struct ts_trace t;
    bool on = ts_trace_read(&t, ts_slice_str(text));
    assert_int_equal(on, t.on);
    return on;
}

static void only_what_the_standard_allows_is_taken(void **state)
{
    (void)state;
    assert_true(valid("00-" TRACE "-" PARENT "-01"));
    assert_true(valid("00-" TRACE "-" PARENT "-00"));
    assert_true(valid("cc-" TRACE "-" PARENT "-01")); /* a later version is read as this one */
    assert_true(valid("cc-" TRACE "-" PARENT "-01-what-will-come"));
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" PARENT,
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-01-more",
        "cc-" TRACE "-" PARENT "-01.more",
        "ff-" TRACE "-" PARENT "-01",
        "0x-" TRACE "-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00_" TRACE "-" PARENT "-01",
        "00-" TRACE "_" PARENT "-01",
        "00-" TRACE "-" PARENT "_01",
        "00-" TRACE "-" PARENT "-g1",
        " 00-" TRACE "-" PARENT "-01",
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++)
        assert_false(valid(bad[i]));
    struct ts_trace t;
    assert_false(ts_trace_read(&t, (struct ts_slice){0}));
}

static void what_goes_on_has_the_same_trace_and_a_span_of_its_own(void **state)
{
    (void)state;
    struct ts_trace a;
    struct ts_trace b;
    struct ts_trace c;
    assert_true(ts_trace_read(&a, TS_SLICE_LIT("cc-" TRACE "-" PARENT "-01-future")));
    assert_true(ts_trace_read(&b, TS_SLICE_LIT("00-" TRACE "-" PARENT "-00")));
    assert_string_equal(a.trace_id, TRACE);
    assert_string_equal(a.parent_id, PARENT);
    assert_string_not_equal(a.span_id, PARENT);
    assert_string_not_equal(a.span_id, b.span_id);
    assert_int_equal(strlen(a.header), TS_TRACEPARENT_SIZE - 1);
    assert_true(ts_trace_read(&c, ts_slice_str(a.header))); /* what we send is valid */
    assert_string_equal(c.parent_id, a.span_id);
    assert_string_equal(a.header + 52, "-01");
    assert_string_equal(b.header + 52, "-00");
    TS_AUTO(ts_buf_free) struct ts_buf json = TS_BUF_INIT(256);
    ts_trace_json(&b, &json);
    assert_non_null(strstr(ts_buf_text(&json), "\"traceId\":\"" TRACE "\""));
    assert_non_null(strstr(ts_buf_text(&json), "\"parentSpanId\":\"" PARENT "\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_standard_allows_is_taken),
        cmocka_unit_test(what_goes_on_has_the_same_trace_and_a_span_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
