/* CSV: what is written is read back exactly, and no spreadsheet runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/csv.h"

static void assert_written(const char *text, const char *cell)
{
    struct ts_buf out = TS_BUF_INIT(1024);
    ts_csv_put(&out, text, strlen(text));
    assert_string_equal(ts_buf_text(&out), cell);
    ts_buf_free(&out);
}

static void cells_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    assert_written("plain", "plain");
    assert_written("", "");
    assert_written("a,b", "\"a,b\"");
    assert_written("say \"hi\"", "\"say \"\"hi\"\"\"");
    assert_written("two\nlines", "\"two\nlines\"");
    assert_written("\"", "\"\"\"\"");
    assert_written(" padded", "\" padded\"");
}

static void a_spreadsheet_runs_no_cell(void **state)
{
    (void)state;
    assert_written("=1+1", "'=1+1");
    assert_written("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0");
    assert_written("-2+3", "'-2+3");
    assert_written("@SUM(A1)", "'@SUM(A1)");
    assert_written("\tx", "'\tx");
    assert_written("\rx", "\"'\rx\"");
    assert_written("=a,b", "\"'=a,b\"");
    assert_written("'=1", "''=1");
    assert_written("'plain", "'plain");
    assert_written("-", "'-");
    for (const char *const *n = (const char *const[]){"-1", "+3.5", "-1e-6", ".5", "-.5E+9", NULL};
         *n != NULL;
         n++)
        assert_written(*n, *n);
}

static void numbers_are_told_from_what_looks_like_them(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "-0", "12", "1.", ".1", "1e5", "1E-5", "+7"};
    static const char *const bad[] = {
        "", "-", "+", ".", "e5", "1e", "1e+", "1 ", "0x1", "1,5", "--1"};
    for (size_t i = 0; i < TS_ARRAY_LEN(good); i++)
        assert_true(ts_csv_is_number(ts_slice_str(good[i])));
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++)
        assert_false(ts_csv_is_number(ts_slice_str(bad[i])));
}

/* Reads a record of one cell, its end found in two pieces cut at @cut. */
static void assert_read_back(const char *text, size_t len, const struct ts_buf *record, size_t cut)
{
    struct ts_csv_scan scan = {.delimiter = ','};
    size_t end = ts_csv_scan(&scan, record->data, cut);
    if (end == 0)
        end = cut + ts_csv_scan(&scan, record->data + cut, record->len - cut);
    assert_int_equal(end, record->len);
    char copy[256];
    memcpy(copy, record->data, record->len);
    struct ts_slice rest = {copy, record->len - 1};
    struct ts_slice cell;
    assert_null(ts_csv_cell(',', &rest, &cell));
    cell = ts_csv_unguard(cell);
    assert_int_equal(cell.len, len);
    assert_memory_equal(cell.at, text, len);
    assert_null(ts_csv_cell(',', &rest, &cell));
    assert_true(ts_slice_is(cell, "z"));
    assert_null(rest.at);
}

/* Every text of up to five of the characters that matter, cut at every place. */
static void every_text_comes_back(void **state)
{
    (void)state;
    static const char alphabet[] = "a,\"\n\r'=-1 \t@";
    enum { N = sizeof(alphabet) - 1, LONGEST = 4 };
    for (int len = 0; len <= LONGEST; len++) {
        int all = 1;
        for (int i = 0; i < len; i++)
            all *= N;
        for (int k = 0; k < all; k++) {
            char text[LONGEST + 1] = "";
            for (int i = 0, v = k; i < len; i++, v /= N)
                text[i] = alphabet[v % N];
            struct ts_buf record = TS_BUF_INIT(256);
            ts_csv_put(&record, text, (size_t)len);
            ts_buf_puts(&record, ",z\n");
            assert_true(ts_buf_ok(&record));
            for (size_t cut = 0; cut <= record.len; cut++)
                assert_read_back(text, (size_t)len, &record, cut);
            ts_buf_free(&record);
        }
    }
}

static void broken_cells_are_told(void **state)
{
    (void)state;
    char open[] = "\"never";
    char behind[] = "\"a\"b,c";
    struct ts_slice rest = {open, strlen(open)};
    struct ts_slice cell;
    assert_non_null(ts_csv_cell(',', &rest, &cell));
    rest = (struct ts_slice){behind, strlen(behind)};
    assert_non_null(ts_csv_cell(',', &rest, &cell));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_quoted_where_they_must_be),
        cmocka_unit_test(a_spreadsheet_runs_no_cell),
        cmocka_unit_test(numbers_are_told_from_what_looks_like_them),
        cmocka_unit_test(every_text_comes_back),
        cmocka_unit_test(broken_cells_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
