#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/call.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "proxy/refusal.h"

static void a_status_says_whether_another_server_may_be_asked(void **state)
{
    (void)state;
    const struct {
        int status;
        enum ts_err cause;
        bool retryable;
        int client_status;
    } cases[] = {
        {400, TS_ERR_UPSTREAM_REFUSED, false, 400},
        {401, TS_ERR_UPSTREAM_AUTH, false, 0},
        {403, TS_ERR_UPSTREAM_AUTH, false, 0},
        {404, TS_ERR_UPSTREAM_REFUSED, false, 404},
        {408, TS_ERR_UPSTREAM_INVALID, true, 0},
        {413, TS_ERR_UPSTREAM_REFUSED, false, 413},
        {422, TS_ERR_UPSTREAM_REFUSED, false, 422},
        {429, TS_ERR_UPSTREAM_RATE_LIMITED, true, 0},
        {499, TS_ERR_UPSTREAM_REFUSED, false, 499},
        {500, TS_ERR_UPSTREAM_INVALID, true, 0},
        {503, TS_ERR_UPSTREAM_INVALID, true, 0},
        {529, TS_ERR_UPSTREAM_INVALID, true, 0},
        {302, TS_ERR_UPSTREAM_INVALID, true, 0},
        {999, TS_ERR_UPSTREAM_INVALID, true, 0},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_refusal r = ts_refusal_of_status(cases[i].status);
        assert_int_equal(r.cause, cases[i].cause);
        assert_int_equal(r.retryable, cases[i].retryable);
        assert_int_equal(r.client_status, cases[i].client_status);
    }
}

static void the_servers_own_words_are_found_and_cleaned(void **state)
{
    (void)state;
    const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"{\"error\":\"model 'x' not found\"}", "model 'x' not found"},
        {"{\"error\":{\"message\":\"no\",\"type\":\"t\"}}", "no"},
        {"{\"type\":\"error\",\"error\":{\"type\":\"t\",\"message\":\"busy\"}}", "busy"},
        {"{\"message\":\"hm\"}", "hm"},
        {"{\"detail\":\"Not Found\"}", "Not Found"},
        {"{\"detail\":[{\"msg\":\"x\"}]}", "{\"detail\":[{\"msg\":\"x\"}]}"},
        {"{\"error\":\"two\\nlines\\u0000\"}", "two lines "},
        {"{\"error\":7,\"message\":\"m\"}", "m"},
        {"<html>502</html>", "<html>502</html>"},
        {"{\"error\":", "{\"error\":"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"", ""},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_buf out = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
        ts_error_text(ts_slice_str(cases[i].body), &out);
        assert_string_equal(ts_buf_text(&out), cases[i].text);
        ts_buf_free(&out);
    }
}

static void long_words_are_cut_between_characters(void **state)
{
    (void)state;
    char text[4 * TS_MAX_ERROR_TEXT];
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    for (size_t skip = 0; skip < 2; skip++) { /* 1: a broken character first */
        struct ts_buf out = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
        struct ts_slice s = {.at = text + skip, .len = sizeof(text) - skip};
        ts_error_clean(s, &out);
        assert_in_range(out.len, TS_MAX_ERROR_TEXT - 3, TS_MAX_ERROR_TEXT);
        assert_true(ts_utf8_valid(out.data, out.len));
        ts_buf_free(&out);
    }
}

static void an_error_keeps_what_a_server_said_and_ends_with_a_whole_character(void **state)
{
    (void)state;
    char text[2 * TS_ERROR_TEXT_SIZE];
    for (size_t i = 0; i + 2 < sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    text[sizeof(text) - 2] = '\0';
    for (int before = 0; before < 4; before++) {
        struct ts_error err = TS_ERROR_INIT;
        (void)ts_fail(&err, TS_ERR_INTERNAL, "%.*s%s", before, "abcd", text);
        size_t len = strlen(err.text);
        assert_in_range(len, TS_ERROR_TEXT_SIZE - 3, TS_ERROR_TEXT_SIZE - 1);
        assert_true(ts_utf8_valid(err.text, len));
    }
}

static void retry_after_is_read_in_every_form_that_servers_use(void **state)
{
    (void)state;
    static const int64_t now_ms = INT64_C(1792567680000); /* Wed, 21 Oct 2026 07:28:00 GMT */
    static const struct {
        const char *ms;
        const char *header;
        int64_t wait_ms;
    } cases[] = {
        {NULL, NULL, TS_UNKNOWN},
        {NULL, "7", 7000},
        {NULL, "0", 0},
        {NULL, "1.5", 1500},
        {"250", "7", 250},
        {"soon", "7", 7000},
        {"99999999999", "7", 7000}, /* more than a day */
        {NULL, "Wed, 21 Oct 2026 07:28:09 GMT", 9000},
        {NULL, "Wed, 21 Oct 2026 07:27:00 GMT", 0},
        {NULL, "Thu, 22 Oct 2026 07:28:01 GMT", TS_UNKNOWN},
        {NULL, "Wed, 21 Oct 2026 07:28:09 CET", TS_UNKNOWN},
        {NULL, "", TS_UNKNOWN},
        {NULL, "-1", TS_UNKNOWN},
        {NULL, "soon", TS_UNKNOWN},
        {NULL, "7s", TS_UNKNOWN},
        {NULL, " 7", TS_UNKNOWN},
        {NULL, "0x10", TS_UNKNOWN},
        {NULL, "99999999999999999999", TS_UNKNOWN},
        {NULL, "1e999", TS_UNKNOWN},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++)
        assert_int_equal(ts_retry_after_ms(cases[i].ms, cases[i].header, now_ms), cases[i].wait_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_says_whether_another_server_may_be_asked),
        cmocka_unit_test(the_servers_own_words_are_found_and_cleaned),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(an_error_keeps_what_a_server_said_and_ends_with_a_whole_character),
        cmocka_unit_test(retry_after_is_read_in_every_form_that_servers_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
