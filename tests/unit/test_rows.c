/* Rows as text: the five formats, and what a table does with wide, many and hostile values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "server/rows.h"

struct paper {
    struct ts_buf text;
    int writes;
    bool full;
};

static bool on_write(void *ctx, const char *text, size_t len)
{
    struct paper *p = ctx;
    ts_buf_put(&p->text, text, len);
    p->writes++;
    return !p->full;
}

static struct ts_cell text(const char *s)
{
    return (struct ts_cell){.type = TS_CELL_TEXT, .bytes = ts_slice_str(s)};
}

static struct ts_cell whole(int64_t n)
{
    return (struct ts_cell){.type = TS_CELL_INTEGER, .integer = n};
}

static struct ts_cell real(double v)
{
    return (struct ts_cell){.type = TS_CELL_REAL, .real = v};
}

static const struct ts_cell null = {.type = TS_CELL_NULL};

/* Two results: names and numbers with every type, and one without rows. */
static void write_two_results(struct ts_rows *r)
{
    static const char *const names[] = {"model", "n", "ms"};
    static const char *const other[] = {"none"};
    const struct ts_cell first[] = {text("llama, \"3.2\""), whole(12), real(2.5)};
    const struct ts_cell second[] = {text("qw\xc3\xa9n"), whole(-7), null};
    assert_int_equal(ts_rows_begin(r, names, 3, NULL), TS_OK);
    assert_int_equal(ts_rows_row(r, first, 3, NULL), TS_OK);
    assert_int_equal(ts_rows_row(r, second, 3, NULL), TS_OK);
    assert_int_equal(ts_rows_end(r, NULL), TS_OK);
    assert_int_equal(ts_rows_begin(r, other, 1, NULL), TS_OK);
    assert_int_equal(ts_rows_end(r, NULL), TS_OK);
}

static void expect_format(enum ts_rows_format format, const char *wanted)
{
    struct paper p = {.text = TS_BUF_INIT(1024 * 1024)};
    struct ts_rows r;
    ts_rows_init(&r, format, on_write, &p);
    write_two_results(&r);
    ts_rows_deinit(&r);
    assert_string_equal(ts_buf_text(&p.text), wanted);
    ts_buf_free(&p.text);
}

static void a_table_is_aligned_with_numbers_to_the_right(void **state)
{
    (void)state;
    expect_format(TS_ROWS_TABLE,
                  "model         n   ms\n"
                  "------------  --  ----\n"
                  "llama, \"3.2\"  12   2.5\n"
                  "qw\xc3\xa9n          -7  NULL\n"
                  "\n"
                  "none\n"
                  "----\n");
}

static void csv_quotes_what_it_must(void **state)
{
    (void)state;
    expect_format(TS_ROWS_CSV,
                  "model,n,ms\n\"llama, \"\"3.2\"\"\",12,2.5\nqw\xc3\xa9n,-7,\n\nnone\n");
}

static void json_is_one_list_a_result(void **state)
{
    (void)state;
    expect_format(TS_ROWS_JSON,
                  "[{\"model\":\"llama, \\\"3.2\\\"\",\"n\":12,\"ms\":2.5},\n"
                  "{\"model\":\"qw\xc3\xa9n\",\"n\":-7,\"ms\":null}]\n[]\n");
}

static void ndjson_is_one_object_a_row(void **state)
{
    (void)state;
    expect_format(TS_ROWS_NDJSON,
                  "{\"model\":\"llama, \\\"3.2\\\"\",\"n\":12,\"ms\":2.5}\n"
                  "{\"model\":\"qw\xc3\xa9n\",\"n\":-7,\"ms\":null}\n");
}

static void line_format_gives_each_value_a_line(void **state)
{
    (void)state;
    expect_format(TS_ROWS_LINE,
                  "model = llama, \"3.2\"\n    n = 12\n   ms = 2.5\n\n"
                  "model = qw\xc3\xa9n\n    n = -7\n   ms = NULL\n\n");
}

/* One value in each format. */
static void expect_cell(struct ts_cell cell, enum ts_rows_format format, const char *wanted)
{
    static const char *const names[] = {"v"};
    struct paper p = {.text = TS_BUF_INIT(1024 * 1024)};
    struct ts_rows r;
    ts_rows_init(&r, format, on_write, &p);
    assert_int_equal(ts_rows_begin(&r, names, 1, NULL), TS_OK);
    assert_int_equal(ts_rows_row(&r, &cell, 1, NULL), TS_OK);
    assert_int_equal(ts_rows_end(&r, NULL), TS_OK);
    ts_rows_deinit(&r);
    if (strstr(ts_buf_text(&p.text), wanted) == NULL)
        fail_msg("%s instead of %s", ts_buf_text(&p.text), wanted);
    ts_buf_free(&p.text);
}

static void reals_read_back_as_the_same_number(void **state)
{
    (void)state;
    expect_cell(real(50), TS_ROWS_NDJSON, "{\"v\":50.0}");
    expect_cell(real(0.1), TS_ROWS_NDJSON, "{\"v\":0.1}");
    expect_cell(real(1.0 / 3), TS_ROWS_NDJSON, "{\"v\":0.3333333333333333}");
    expect_cell(real(1e300), TS_ROWS_NDJSON, "{\"v\":1e+300}");
    expect_cell(real((double)INFINITY), TS_ROWS_NDJSON, "{\"v\":null}");
    expect_cell(whole(INT64_MIN), TS_ROWS_NDJSON, "{\"v\":-9223372036854775808}");
}

static void no_value_moves_the_terminal(void **state)
{
    (void)state;
    expect_cell(text("a\x1b[31mb\nc\td\x7f"), TS_ROWS_TABLE, "\na\\x1b[31mb\\nc\\td\\x7f\n");
    expect_cell(text("\xc2\x9b"
                     "31m"),
                TS_ROWS_LINE,
                "v = \\x9b31m\n");
    expect_cell(text("a\xff"), TS_ROWS_TABLE, "\na\xef\xbf\xbd\n");
}

static void empty_text_is_told_from_null(void **state)
{
    (void)state;
    expect_cell(text(""), TS_ROWS_CSV, "v\n\"\"\n");
    expect_cell(null, TS_ROWS_CSV, "v\n\n");
    expect_cell(text(""), TS_ROWS_LINE, "v = \n");
    expect_cell(null, TS_ROWS_LINE, "v = NULL\n");
}

static void blobs_are_hexadecimal(void **state)
{
    (void)state;
    const struct ts_cell blob = {.type = TS_CELL_BLOB, .bytes = {.at = "\x00\xff", .len = 2}};
    expect_cell(blob, TS_ROWS_CSV, "X'00FF'");
    expect_cell(blob, TS_ROWS_JSON, "[{\"v\":\"X'00FF'\"}]");
}

static void wide_characters_and_marks_are_counted(void **state)
{
    (void)state;
    assert_int_equal(ts_utf8_columns("abc", 3), 3);
    assert_int_equal(ts_utf8_columns("\xe6\xa8\xa1\xe5\x9e\x8b", 6), 4); /* two Han characters */
    assert_int_equal(ts_utf8_columns("e\xcc\x81", 3), 1);        /* e and a combining acute */
    assert_int_equal(ts_utf8_columns("\xf0\x9f\x99\x82", 4), 2); /* a face */
    assert_int_equal(ts_utf8_columns("\xe2\x80\x93", 3), 1);     /* a dash */
}

static void a_table_without_end_streams(void **state)
{
    (void)state;
    static const char *const names[] = {"text", "n"};
    static char long_text[4096];
    memset(long_text, 'x', sizeof(long_text) - 1);
    struct paper p = {.text = TS_BUF_INIT(128 * 1024 * 1024)};
    struct ts_rows r;
    ts_rows_init(&r, TS_ROWS_TABLE, on_write, &p);
    assert_int_equal(ts_rows_begin(&r, names, 2, NULL), TS_OK);
    enum { ROWS = 5000 }; /* 20 MB, more than is held */
    for (int i = 0; i < ROWS; i++) {
        const struct ts_cell cells[] = {text(long_text), whole(i)};
        assert_int_equal(ts_rows_row(&r, cells, 2, NULL), TS_OK);
    }
    assert_true(p.writes > 10);
    assert_int_equal(ts_rows_end(&r, NULL), TS_OK);
    ts_rows_deinit(&r);
    size_t lines = 0;
    for (size_t i = 0; i < p.text.len; i++)
        lines += p.text.data[i] == '\n';
    assert_int_equal(lines, ROWS + 2);
    assert_non_null(strstr(ts_buf_text(&p.text), "x     0\n"));
    assert_non_null(strstr(ts_buf_text(&p.text), "x  4999\n"));
    ts_buf_free(&p.text);
}

static void a_full_disk_is_said(void **state)
{
    (void)state;
    static const char *const names[] = {"v"};
    struct paper p = {.text = TS_BUF_INIT(1024), .full = true};
    struct ts_rows r;
    struct ts_error err = TS_ERROR_INIT;
    ts_rows_init(&r, TS_ROWS_CSV, on_write, &p);
    assert_int_equal(ts_rows_begin(&r, names, 1, &err), TS_OK);
    assert_int_equal(ts_rows_end(&r, &err), TS_ERR_IO);
    ts_rows_deinit(&r);
    ts_buf_free(&p.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_aligned_with_numbers_to_the_right),
        cmocka_unit_test(csv_quotes_what_it_must),
        cmocka_unit_test(json_is_one_list_a_result),
        cmocka_unit_test(ndjson_is_one_object_a_row),
        cmocka_unit_test(line_format_gives_each_value_a_line),
        cmocka_unit_test(reals_read_back_as_the_same_number),
        cmocka_unit_test(no_value_moves_the_terminal),
        cmocka_unit_test(empty_text_is_told_from_null),
        cmocka_unit_test(blobs_are_hexadecimal),
        cmocka_unit_test(wide_characters_and_marks_are_counted),
        cmocka_unit_test(a_table_without_end_streams),
        cmocka_unit_test(a_full_disk_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
