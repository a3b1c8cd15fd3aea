/* Files of calls, row by row, read in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/call.h"
#include "handlers/call_read.h"
#include "handlers/intake.h"

enum { TOLD_BYTES = 64 * 1024 };

/* A file in memory that gives @piece bytes at a time. */
struct file {
    const char *at;
    size_t left;
    size_t piece;
};

static ssize_t read_piece(void *ctx, char *bytes, size_t n)
{
    struct file *f = ctx;
    n = n < f->piece ? n : f->piece;
    n = n < f->left ? n : f->left;
    memcpy(bytes, f->at, n);
    f->at += n;
    f->left -= n;
    return (ssize_t)n;
}

/* All that is told of a file: a line a row, "LINE:JSON", "LINE!error". */
static char *told(const char *text, size_t len, enum ts_intake_format format, size_t piece)
{
    struct file f = {text, len, piece};
    struct ts_intake *in = NULL;
    struct ts_buf out = TS_BUF_INIT(TOLD_BYTES);
    assert_int_equal(ts_intake_new((struct ts_intake_source){read_piece, &f}, format, &in), TS_OK);
    for (enum ts_intake_step step = TS_INTAKE_ROW; step != TS_INTAKE_END;) {
        json_t *row = NULL;
        struct ts_error err = TS_ERROR_INIT;
        step = ts_intake_next(in, &row, &err);
        long long line = (long long)ts_intake_line(in);
        if (step == TS_INTAKE_ROW) {
            char *json = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
            ts_buf_printf(&out, "%lld:%s\n", line, json);
            free(json);
        } else if (step != TS_INTAKE_END) {
            ts_buf_printf(&out, "%lld!%s\n", line, err.text);
        }
        json_decref(row);
        if (step == TS_INTAKE_FAILED)
            break;
    }
    ts_intake_free(in);
    assert_true(ts_buf_ok(&out));
    ts_buf_puts(&out, "");
    return out.data != NULL ? out.data : strdup("");
}

static void assert_told_of(const char *text, size_t len, const char *expected)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, 1 << 20};
    for (size_t i = 0; i < TS_ARRAY_LEN(pieces); i++) {
        char *got = told(text, len, TS_INTAKE_BY_CONTENT, pieces[i]);
        if (strcmp(got, expected) != 0)
            fail_msg("in pieces of %zu:\n%swhere\n%s", pieces[i], got, expected);
        free(got);
    }
}

static void assert_told(const char *text, const char *expected)
{
    assert_told_of(text, strlen(text), expected);
}

#define HEAD "model,task_type,timestamp,success"
#define ROW(n) "m" #n ",coding,2026-01-01T00:00:00Z,true"
#define JSON(n)                                                                                    \
    "{\"model\":\"m" #n                                                                            \
    "\",\"success\":true,\"taskType\":\"coding\",\"timestamp\":\"2026-01-01T00:00:00Z\"}"

static void every_format_gives_the_same_rows(void **state)
{
    (void)state;
    assert_told(HEAD "\n" ROW(1) "\n" ROW(2) "\n", "2:" JSON(1) "\n3:" JSON(2) "\n");
    assert_told(JSON(1) "\n" JSON(2) "\n", "1:" JSON(1) "\n2:" JSON(2) "\n");
    assert_told("[" JSON(1) ",\n" JSON(2) "]\n", "1:" JSON(1) "\n2:" JSON(2) "\n");
    assert_told("{\"calls\":[\n" JSON(1) ",\n" JSON(2) "\n]}\n", "2:" JSON(1) "\n3:" JSON(2) "\n");
}

static void marks_ends_and_blank_lines_do_not_matter(void **state)
{
    (void)state;
    assert_told("\xef\xbb\xbf" HEAD "\r\n" ROW(1) "\r\n\r\n" ROW(2),
                "2:" JSON(1) "\n4:" JSON(2) "\n");
    assert_told("\n\n" JSON(1) "\r\n\n" JSON(2), "3:" JSON(1) "\n5:" JSON(2) "\n");
    assert_told(" [ ] ", "");
    assert_told("\xef\xbb\xbf[]", "");
}

static void other_delimiters_are_seen(void **state)
{
    (void)state;
    assert_told("model;task_type;timestamp;success\nm1;coding;2026-01-01T00:00:00Z;true\n",
                "2:" JSON(1) "\n");
    assert_told("model\ttask_type\ttimestamp\tsuccess\nm1\tcoding\t2026-01-01T00:00:00Z\ttrue\n",
                "2:" JSON(1) "\n");
}

static void a_quoted_cell_may_hold_lines(void **state)
{
    (void)state;
    assert_told(HEAD ",error_message\n" ROW(1) ",\"a \"\"b\"\"\nc, d\"\n" ROW(2) ",\n",
                "2:{\"errorMessage\":\"a \\\"b\\\"\\nc, d\",\"model\":\"m1\",\"success\":true,"
                "\"taskType\":\"coding\",\"timestamp\":\"2026-01-01T00:00:00Z\"}\n"
                "4:{\"errorMessage\":null,\"model\":\"m2\",\"success\":true,"
                "\"taskType\":\"coding\",\"timestamp\":\"2026-01-01T00:00:00Z\"}\n");
}

static void values_of_sql_become_those_of_the_api(void **state)
{
    (void)state;
    assert_told(
        "model,task_type,timestamp,success,metadata,tokens_used,response_time_ms\n"
        "m,t,2026-01-01 10:00:00.5+00,f,\"{\"\"a\"\":1}\",12.0,1.25\n"
        "m,t,2026-01-01 10:00:00,,,,\n",
        "2:{\"metadata\":{\"a\":1},\"model\":\"m\",\"responseTimeMs\":1.25,\"success\":false,"
        "\"taskType\":\"t\",\"timestamp\":\"2026-01-01 10:00:00.5+00:00\",\"tokensUsed\":12}\n"
        "3:{\"metadata\":null,\"model\":\"m\",\"outcome\":\"cancelled\",\"responseTimeMs\":null,"
        "\"success\":null,\"taskType\":\"t\",\"timestamp\":\"2026-01-01 10:00:00Z\","
        "\"tokensUsed\":null}\n");
    assert_told(
        "{\"model\":\"m\",\"task_type\":\"t\",\"timestamp\":\"2026-01-01 10:00:00\",\"success\":1,"
        "\"metadata\":\"{\\\"a\\\":1}\"}",
        "1:{\"metadata\":{\"a\":1},\"model\":\"m\",\"success\":true,\"taskType\":\"t\","
        "\"timestamp\":\"2026-01-01 10:00:00Z\"}\n");
}

static void a_bad_row_is_told_with_its_line_and_the_next_one_is_read(void **state)
{
    (void)state;
    assert_told(HEAD "\n" ROW(1) "\na,b\n" ROW(2) "\n",
                "2:" JSON(1) "\n3!2 cells where the first line has 4\n4:" JSON(2) "\n");
    assert_told(HEAD "\n" ROW(1) ",\n" ROW(2) "\n",
                "2!more than 4 cells where the first line has 4\n3:" JSON(2) "\n");
    assert_told(HEAD "\nm,coding,2026-01-01T00:00:00Z,perhaps\n",
                "2!success must be true or false\n");
    assert_told(HEAD "\nm,coding,,true\n", "2!timestamp is required\n");
    assert_told(HEAD "\n\"m\"x,coding,2026-01-01,true\n", "2!text stands behind a closing quote\n");
    assert_told(JSON(1) "\n" JSON(2) "\n{oops\n" JSON(3) "\n",
                "1:" JSON(1) "\n2:" JSON(
                    2) "\n3!invalid JSON: expected a key in quotes at byte 1\n4:" JSON(3) "\n");
    assert_told("{\"model\":\"a\",\"model\":\"b\"}\n",
                "1!invalid JSON: duplicate object key near '\"model\"' at byte 20\n");
    assert_told("{\"taskType\":\"a\",\"task_type\":\"b\"}\n",
                "1!task_type is told twice, under two names\n");
    assert_told(JSON(1) "\n[1]\n", "1:" JSON(1) "\n2!a call must be an object\n");
}

static void a_nul_and_what_is_no_utf8_are_told(void **state)
{
    (void)state;
    static const char nul[] = HEAD "\nm\0x,coding,2026-01-01,true\n" ROW(1) "\n";
    assert_told_of(nul, sizeof(nul) - 1, "2!there is a NUL in it\n3:" JSON(1) "\n");
    assert_told(HEAD "\nm\xff,coding,2026-01-01,true\n", "2!it is not UTF-8\n");
    static const char utf16[] = "\xff\xfem\0o\0";
    assert_told_of(utf16, sizeof(utf16) - 1, "1!it is UTF-16; save it as UTF-8\n");
}

static void what_makes_the_rest_unreadable_ends_it(void **state)
{
    (void)state;
    assert_told("[" JSON(1) " " JSON(2) "]", "1:" JSON(1) "\n1!a comma or ] is missing\n");
    assert_told("[" JSON(1) ",\n", "1:" JSON(1) "\n2!a call must be an object\n");
    assert_told("[" JSON(1) "\n", "1:" JSON(1) "\n2!the list ends without ]\n");
    assert_told("[1]", "1!a call must be an object\n");
    assert_told("", "1!it is empty\n");
    assert_told("model,nonsense\n1,2\n",
                "1!there is no column \"nonsense\"; touchstone import --help lists them\n");
    assert_told("model,task_type,success\n", "1!timestamp is missing among the columns\n");
    assert_told("model,task_type,timestamp\n", "1!success is missing among the columns\n");
    assert_told(HEAD ",model\n", "1!model stands there twice\n");
}

static void a_row_without_end_is_refused_in_bounded_memory(void **state)
{
    (void)state;
    size_t n = 3 * TS_INTAKE_ROW_BYTES;
    char *text = malloc(n + 1024);
    assert_non_null(text);
    memset(text, ' ', n);
    text[0] = '{';
    text[n] = '\n';
    memcpy(text + n + 1, JSON(1), sizeof(JSON(1)));
    char *got = told(text, n + 1 + strlen(JSON(1)), TS_INTAKE_NDJSON, 1 << 16);
    assert_string_equal(got, "1!a row has at most 1048576 bytes\n2:" JSON(1) "\n");
    free(got);
    memcpy(text, HEAD "\n\"", sizeof(HEAD) + 1);
    got = told(text, n, TS_INTAKE_CSV, 1 << 16);
    assert_string_equal(got, "2!a row has at most 1048576 bytes; is a quote never closed?\n");
    free(got);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_gives_the_same_rows),
        cmocka_unit_test(marks_ends_and_blank_lines_do_not_matter),
        cmocka_unit_test(other_delimiters_are_seen),
        cmocka_unit_test(a_quoted_cell_may_hold_lines),
        cmocka_unit_test(values_of_sql_become_those_of_the_api),
        cmocka_unit_test(a_bad_row_is_told_with_its_line_and_the_next_one_is_read),
        cmocka_unit_test(a_nul_and_what_is_no_utf8_are_told),
        cmocka_unit_test(what_makes_the_rest_unreadable_ends_it),
        cmocka_unit_test(a_row_without_end_is_refused_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
