/* The small parts of base: errors, ids, time, buffers, arenas, UTF-8, names in records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/call.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/utf8.h"
#include "base/varint.h"

/* -- errors ----------------------------------------------------------------------------------- */

static void every_error_has_a_name_and_a_status(void **state)
{
    (void)state;
    for (int i = 1; i < TS_ERR_COUNT_; i++) {
        enum ts_err e = (enum ts_err)i;
        const char *name = ts_err_name(e);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_true(ts_err_status(e) >= 400 && ts_err_status(e) <= 599);
        if (ts_err_status(e) == 503 || ts_err_status(e) == 429)
            assert_true(ts_err_retryable(e));
    }
    assert_int_equal(ts_err_status(TS_ERR_HOST_NOT_ALLOWED), 421);
    assert_false(ts_err_retryable(TS_ERR_INVALID_JSON));
}

static void a_failure_is_told_with_its_text_or_without_anybody_listening(void **state)
{
    (void)state;
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_fail(NULL, TS_ERR_IO, "x"), TS_ERR_IO);
    assert_int_equal(ts_fail_param(&err, TS_ERR_INVALID_FIELD, "days", "%d is too much", 7),
                     TS_ERR_INVALID_FIELD);
    assert_string_equal(err.param, "days");
    assert_string_equal(err.text, "7 is too much");
    char text[2 * TS_ERROR_TEXT_SIZE];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(ts_fail(&err, TS_ERR_IO, "%s", text), TS_ERR_IO);
    assert_int_equal(strlen(err.text), TS_ERROR_TEXT_SIZE - 1);
    assert_string_equal(err.param, "");
}

/* -- ids -------------------------------------------------------------------------------------- */

static void ids_rise_also_when_the_clock_steps_back(void **state)
{
    (void)state;
    struct ts_id_source s = {0};
    int64_t first = ts_id_next(&s, 1000);
    int64_t second = ts_id_next(&s, 1000);
    int64_t third = ts_id_next(&s, 10);
    assert_int_equal(first, ts_id_from_ms(1000));
    assert_int_equal(second, first + 1);
    assert_int_equal(third, first + 2);
    assert_int_equal(ts_id_ms(ts_id_next(&s, 2000)), 2000);
    ts_id_raise(&s, ts_id_from_ms(5000));
    ts_id_raise(&s, 7); /* never lowers */
    assert_int_equal(ts_id_next(&s, 3000), ts_id_from_ms(5000) + 1);
}

static void an_id_survives_its_public_form(void **state)
{
    (void)state;
    static const int64_t ids[] = {0,
                                  1,
                                  255,
                                  256,
                                  (INT64_C(1) << 20) - 1,
                                  INT64_C(1) << 20,
                                  INT64_C(1867536000000) << 20 | 0x12345};
    static const uint64_t tags[] = {0, 1, 0x123456789abcde, (UINT64_C(1) << 54) - 1};
    for (size_t i = 0; i < TS_ARRAY_LEN(ids); i++) {
        for (size_t j = 0; j < TS_ARRAY_LEN(tags); j++) {
            char text[TS_ID_TEXT_SIZE];
            int64_t id = -1;
            uint64_t tag = 0;
            ts_id_format(ids[i], tags[j], text);
            assert_int_equal(strlen(text), 36);
            assert_int_equal(text[14], '8'); /* version */
            assert_non_null(strchr("89ab", text[19]));
            assert_true(ts_id_parse(text, 36, &id, &tag));
            assert_true(id == ids[i] && tag == tags[j]);
        }
    }
}

static void what_is_no_id_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "01a1fb2b-9542-8000-8029-69158c96810",
        "01a1fb2b-9542-8000-8029-69158c9681022",
        "01a1fb2b-9542-7000-8029-69158c968102",
        "01a1fb2b-9542-8000-c029-69158c968102",
        "01a1fb2b-9542-8000-0029-69158c968102",
        "01a1fb2b_9542-8000-8029-69158c968102",
        "01a1fb2b-9542-8000-8029-69158c96810g",
        "01a1fb2b95428000802969158c968102----",
    };
    int64_t id = 0;
    uint64_t tag = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++)
        assert_false(ts_id_parse(bad[i], strlen(bad[i]), &id, &tag));
    assert_true(ts_id_parse("01A1FB2B-9542-8000-8029-69158C968102", 36, &id, &tag));
}

/* -- time ------------------------------------------------------------------------------------- */

static void times_are_written_and_read_alike(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782400123, "2000-02-29T00:00:00.123Z"},
        {1795210435123, "2026-11-20T21:33:55.123Z"},
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        char text[TS_RFC3339_SIZE];
        int64_t back = -1;
        assert_string_equal(ts_rfc3339(rows[i].ms, text), rows[i].text);
        assert_int_equal(ts_rfc3339_parse(text, strlen(text), &back), 0);
        assert_int_equal(back, rows[i].ms);
    }
    char text[TS_RFC3339_SIZE];
    assert_string_equal(ts_rfc3339(-1, text), "1969-12-31T23:59:59.999Z");
}

static void other_ways_to_write_a_time_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"2026-11-20", 1795132800000},
        {"2026-11-20 21:33:55Z", 1795210435000},
        {"2026-11-20t21:33:55.1z", 1795210435100},
        {"2026-11-20T23:03:55.123456789+01:30", 1795210435123},
        {"2026-11-20T16:33:55-05:00", 1795210435000},
        {"2026-02-29", -1},
        {"2026-13-01", -1},
        {"2026-00-01", -1},
        {"2026-11-31", -1},
        {"2026-11-20T24:00:00Z", -1},
        {"2026-11-20T21:60:00Z", -1},
        {"2026-11-20T21:33:55", -1},
        {"2026-11-20T21:33:55.Z", -1},
        {"2026-11-20T21:33:55.1234567890Z", -1},
        {"2026-11-20T21:33:55+24:00", -1},
        {"2026-11-20T21:33:55Zx", -1},
        {"1969-12-31", -1},
        {"26-11-20", -1},
        {"", -1},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        int64_t ms = -1;
        int result = ts_rfc3339_parse(rows[i].text, strlen(rows[i].text), &ms);
        if (result != (rows[i].ms == -1 ? -1 : 0) || ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
    }
}

static void the_clocks_go_forward(void **state)
{
    (void)state;
    int64_t a = ts_now_us();
    int64_t b = ts_now_us();
    assert_true(a > 0 && b >= a);
    assert_true(ts_wall_ms() > INT64_C(1700000000000));
}

/* -- buffers ---------------------------------------------------------------------------------- */

static void a_buffer_grows_to_its_maximum_and_no_further(void **state)
{
    (void)state;
    struct ts_buf b = TS_BUF_INIT(1000);
    assert_string_equal(ts_buf_text(&b), "");
    for (int i = 0; i < 100; i++)
        ts_buf_puts(&b, "0123456789");
    assert_true(ts_buf_ok(&b) && b.len == 1000 && b.cap <= 1001);
    ts_buf_put(&b, "x", 1);
    assert_int_equal(b.error, TS_ERR_BODY_TOO_LARGE);
    assert_int_equal(b.len, 1000);
    ts_buf_drop(&b, 999);
    assert_string_equal(b.data, "9");
    ts_buf_puts(&b, "no"); /* the first failure stays */
    assert_int_equal(b.len, 1);
    ts_buf_clear(&b);
    ts_buf_printf(&b, "%d-%s", 7, "x");
    assert_string_equal(b.data, "7-x");
    assert_false(ts_buf_reserve(&b, SIZE_MAX));
    ts_buf_free(&b);
    ts_buf_free(&b);
    ts_buf_puts(&b, "again");
    assert_string_equal(b.data, "again");
    ts_buf_free(&b);
    ts_buf_free(NULL);
}

/* At every length that the room of a buffer may have, and just beyond it. */
static void formatted_text_fits_or_makes_room(void **state)
{
    (void)state;
    for (int before = 0; before < 300; before++) {
        struct ts_buf b = TS_BUF_INIT(320);
        for (int i = 0; i < before; i++)
            ts_buf_puts(&b, "x");
        ts_buf_printf(&b, "%s%d", "0123456789", 42);
        ts_buf_put_int(&b, before % 2 == 0 ? INT64_MIN : 7);
        bool fits = before + 12 + (before % 2 == 0 ? 20 : 1) <= 320;
        assert_int_equal(ts_buf_ok(&b), fits);
        assert_memory_equal(b.data + before, "012345678942", 12);
        if (fits)
            assert_string_equal(b.data + before + 12,
                                before % 2 == 0 ? "-9223372036854775808" : "7");
        ts_buf_free(&b);
    }
    struct ts_buf small = TS_BUF_INIT(4);
    ts_buf_puts(&small, "ab");
    ts_buf_printf(&small, "%s", "cde");
    assert_int_equal(small.error, TS_ERR_BODY_TOO_LARGE);
    assert_string_equal(small.data, "ab");
    ts_buf_clear(&small);
    ts_buf_put_int(&small, 0);
    assert_string_equal(small.data, "0");
    ts_buf_free(&small);
}

static void json_strings_are_escaped_and_mended(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        size_t len;
    } rows[] = {
        {"", "\"\"", 0},
        {"plain", "\"plain\"", 5},
        {"a\"b\\c\n\t\r\b\f", "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\"", 10},
        {"\x01\x7f\0", "\"\\u0001\\u007f\\u0000\"", 3},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"", 10},
        {"a\xff\xc3z\xc3", "\"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\"", 5},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_buf b = TS_BUF_INIT(100);
        ts_buf_put_json_string(&b, rows[i].in, rows[i].len);
        assert_string_equal(b.data, rows[i].out);
        ts_buf_free(&b);
    }
}

/* -- arenas ----------------------------------------------------------------------------------- */

static void an_arena_gives_aligned_zeroed_pieces_up_to_its_maximum(void **state)
{
    (void)state;
    struct ts_arena a = TS_ARENA_INIT(8192);
    unsigned char *last = NULL;
    for (size_t i = 1; i < 60; i++) {
        unsigned char *p = ts_arena_alloc(&a, i);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < i; j++)
            assert_int_equal(p[j], 0);
        memset(p, 0xff, i);
        assert_true(p != last);
        last = p;
    }
    assert_non_null(ts_arena_alloc(&a, 4000)); /* larger than a block */
    assert_null(ts_arena_alloc(&a, 4096));     /* beyond the maximum */
    assert_null(ts_arena_alloc(&a, SIZE_MAX));
    assert_string_equal(ts_arena_copy(&a, (struct ts_slice){"abc", 2}), "ab");
    assert_string_equal(ts_arena_str(&a, ""), "");
    assert_null(ts_arena_str(&a, NULL));
    ts_arena_free(&a);
    assert_non_null(ts_arena_alloc(&a, 8000));
    ts_arena_free(&a);
    ts_arena_free(&a);
}

/* -- UTF-8 ------------------------------------------------------------------------------------ */

static void every_code_point_survives_and_nothing_else_is_valid(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 97) {
        char text[4];
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        size_t n = ts_utf8_encode(code, text);
        assert_int_equal(ts_utf8_len(text, 4 - (4 - n)), n);
        assert_true(ts_utf8_valid(text, n));
        assert_false(n > 1 && ts_utf8_valid(text, n - 1));
    }
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc3(",
                                      "\xe2\x82(",
                                      "a\xe2\x82"};
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++)
        assert_false(ts_utf8_valid(bad[i], strlen(bad[i])));
    assert_true(ts_utf8_valid("", 0));
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1 + 2 + 3 + 4 + 1 bytes */
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < TS_ARRAY_LEN(cuts); max++)
        assert_int_equal(ts_utf8_cut(text, strlen(text), max), cuts[max]);
}

/* -- records ---------------------------------------------------------------------------------- */

static void records_begin_unknown_and_names_go_both_ways(void **state)
{
    (void)state;
    struct ts_call *call = ts_call_new();
    assert_non_null(call);
    assert_int_equal(call->phases.queue_us, TS_UNKNOWN);
    assert_int_equal(call->phases.overhead_us, TS_UNKNOWN);
    assert_int_equal(call->tokens.reasoning, TS_UNKNOWN);
    assert_int_equal(call->cost_nano_usd, TS_UNKNOWN);
    ts_call_free(call);
    ts_call_free(NULL);
    enum ts_complexity c = TS_COMPLEXITY_UNKNOWN;
    assert_true(ts_complexity_parse(TS_SLICE_LIT("medium"), &c));
    assert_int_equal(c, TS_COMPLEXITY_MEDIUM);
    assert_false(ts_complexity_parse(TS_SLICE_LIT("Medium"), &c));
    assert_null(ts_complexity_name(TS_COMPLEXITY_UNKNOWN));
    assert_string_equal(ts_outcome_name(TS_OUTCOME_UPSTREAM_CUT), "upstream_cut");
    assert_string_equal(ts_tokens_source_name(TS_TOKENS_PROVIDER), "provider");
    assert_int_equal(ts_outcome_success(TS_OUTCOME_DONE), 1);
    assert_int_equal(ts_outcome_success(TS_OUTCOME_TIMEOUT), 0);
    assert_int_equal(ts_outcome_success(TS_OUTCOME_CANCELLED), TS_UNKNOWN);
}

static void task_types_are_short_names(void **state)
{
    (void)state;
    char longest[TS_MAX_NAME + 2];
    memset(longest, 'a', sizeof(longest));
    assert_true(ts_task_type_valid(TS_SLICE_LIT("my.task-type_1:x")));
    assert_true(ts_task_type_valid((struct ts_slice){longest, TS_MAX_NAME}));
    assert_false(ts_task_type_valid((struct ts_slice){longest, TS_MAX_NAME + 1}));
    assert_false(ts_task_type_valid(TS_SLICE_LIT("")));
    assert_false(ts_task_type_valid(TS_SLICE_LIT("a b")));
    assert_false(ts_task_type_valid(TS_SLICE_LIT("caf\xc3\xa9")));
    assert_false(ts_task_type_valid((struct ts_slice){NULL, 0}));
}

static void varints_come_back_and_cut_or_oversized_ones_are_bad(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits <= 128; bits++) {
        ts_u128 v = bits == 0 ? 0 : ~(ts_u128)0 >> (128 - bits);
        struct ts_buf b = TS_BUF_INIT(64);
        ts_varint_put128(&b, v);
        struct ts_cursor whole = ts_cursor_of(b.data, b.len);
        assert_true(ts_varint_get128(&whole) == v && !whole.bad && ts_cursor_left(&whole) == 0);
        struct ts_cursor cut = ts_cursor_of(b.data, b.len - 1);
        assert_true(ts_varint_get128(&cut) == 0 && cut.bad);
        struct ts_cursor narrow = ts_cursor_of(b.data, b.len);
        assert_true(ts_varint_get_i64(&narrow) == (bits <= 63 ? (int64_t)v : 0));
        assert_int_equal(narrow.bad, bits > 63);
        assert_true(narrow.bad || ts_varint_get(&narrow) == 0); /* nothing left: bad from now on */
        assert_true(narrow.bad);
        ts_buf_free(&b);
    }
    uint8_t endless[32];
    memset(endless, 0xff, sizeof(endless));
    struct ts_cursor c = ts_cursor_of(endless, sizeof(endless));
    assert_true(ts_varint_get128(&c) == 0 && c.bad);
}

static void base64_is_the_same_however_the_bytes_come(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xff\xfe\xfb", "//77"}};
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i][0]);
        for (size_t cut = 0; cut <= n; cut++) {
            struct ts_buf out = TS_BUF_INIT(100);
            struct ts_base64 b = {.count = 0};
            ts_base64_put(&b, rows[i][0], cut, &out);
            ts_base64_put(&b, rows[i][0] + cut, n - cut, &out);
            ts_base64_end(&b, &out);
            assert_string_equal(ts_buf_text(&out), rows[i][1]);
            ts_buf_free(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_and_a_status),
        cmocka_unit_test(base64_is_the_same_however_the_bytes_come),
        cmocka_unit_test(a_failure_is_told_with_its_text_or_without_anybody_listening),
        cmocka_unit_test(ids_rise_also_when_the_clock_steps_back),
        cmocka_unit_test(an_id_survives_its_public_form),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(times_are_written_and_read_alike),
        cmocka_unit_test(other_ways_to_write_a_time_are_read),
        cmocka_unit_test(the_clocks_go_forward),
        cmocka_unit_test(a_buffer_grows_to_its_maximum_and_no_further),
        cmocka_unit_test(formatted_text_fits_or_makes_room),
        cmocka_unit_test(json_strings_are_escaped_and_mended),
        cmocka_unit_test(an_arena_gives_aligned_zeroed_pieces_up_to_its_maximum),
        cmocka_unit_test(every_code_point_survives_and_nothing_else_is_valid),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(records_begin_unknown_and_names_go_both_ways),
        cmocka_unit_test(task_types_are_short_names),
        cmocka_unit_test(varints_come_back_and_cut_or_oversized_ones_are_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
