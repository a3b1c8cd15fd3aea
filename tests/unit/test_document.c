/* Documents as Markdown and HTML: what is escaped, what stands apart, what happens without room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/document.h"

static void expect_markdown(const char *text, const char *wanted)
{
    struct ts_document d = TS_DOCUMENT_INIT(64 * 1024);
    struct ts_buf out = TS_BUF_INIT(64 * 1024);
    ts_document_text(&d, text);
    ts_document_markdown(&d, &out);
    assert_string_equal(ts_buf_text(&out), wanted);
    ts_buf_free(&out);
    ts_document_free(&d);
}

static void markup_in_texts_is_escaped(void **state)
{
    (void)state;
    expect_markdown("a|b `c` *d* [e](f) <g> ~h~ \\ &amp;",
                    "a\\|b \\`c\\` \\*d\\* \\[e\\](f) \\<g\\> \\~h\\~ \\\\ \\&amp;\n");
    expect_markdown("snake_case stays, _emphasis_ does not",
                    "snake_case stays, \\_emphasis\\_ does not\n");
    expect_markdown("one\nline", "one\\\\nline\n");
}

static void blocks_stand_apart_and_lists_together(void **state)
{
    (void)state;
    struct ts_document d = TS_DOCUMENT_INIT(64 * 1024);
    struct ts_buf out = TS_BUF_INIT(64 * 1024);
    ts_document_heading(&d, 2, "Head");
    ts_document_item(&d, "one");
    ts_document_item(&d, "two");
    ts_document_text(&d, "text");
    ts_document_markdown(&d, &out);
    assert_string_equal(ts_buf_text(&out), "## Head\n\n- one\n- two\n\ntext\n");
    ts_buf_clear(&out);
    ts_document_html(&d, &out);
    assert_non_null(
        strstr(ts_buf_text(&out),
               "<h2>Head</h2>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n<p>text</p>\n</main>"));
    ts_buf_free(&out);
    ts_document_free(&d);
}

static void a_document_without_room_says_so(void **state)
{
    (void)state;
    static const struct ts_doc_column columns[] = {{"a", false}};
    struct ts_document d = TS_DOCUMENT_INIT(256);
    ts_document_table(&d, columns, 1);
    for (int i = 0; i < 100; i++)
        (void)ts_document_row(&d);
    assert_false(ts_document_ok(&d));
    assert_null(ts_document_row(&d));
    assert_string_equal(ts_document_printf(&d, "%s", "x"), "");
    ts_document_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_in_texts_is_escaped),
        cmocka_unit_test(blocks_stand_apart_and_lists_together),
        cmocka_unit_test(a_document_without_room_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
