/* Files in a model's answer, paths, addresses, words, sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/answer_code.h"
#include "analytics/file_path.h"
#include "analytics/preview.h"
#include "analytics/site.h"
#include "base/attr.h"
#include "base/buf.h"

static struct ts_answer_code code;
static struct ts_arena arena = {.max = 1024 * 1024};

/* "path=content|path=content" of what is found. */
static const char *found(const char *text, bool all)
{
    static char out[4096];
    struct ts_error err = TS_ERROR_INIT;
    code.arena = &arena;
    assert_int_equal(ts_answer_code(ts_slice_str(text), all, &code, &err), TS_OK);
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < code.count; i++)
        len += (size_t)snprintf(out + len,
                                sizeof(out) - len,
                                "%s%s=%.*s",
                                i > 0 ? "|" : "",
                                code.files[i].path,
                                (int)code.files[i].content.len,
                                code.files[i].content.at);
    return out;
}

static void names_stand_behind_the_language(void **state)
{
    (void)state;
    assert_string_equal(found("```jsx src/App.jsx\nA\n```\n", false), "src/App.jsx=A\n");
    assert_string_equal(found("```jsx:src/App.jsx\nA\n```\n", false), "src/App.jsx=A\n");
    assert_string_equal(found("```jsx title=\"src/App.jsx\"\nA\n```", false), "src/App.jsx=A\n");
    assert_string_equal(found("```js {filename=a.js}\nA\n```", false), "a.js=A\n");
    assert_string_equal(found("```index.html\nA\n```", false), "index.html=A\n");
    assert_string_equal(found("~~~~ css ./a/b.css\nA\n~~~\n~~~~\n", false), "a/b.css=A\n~~~\n");
}

static void names_stand_in_the_line_before(void **state)
{
    (void)state;
    assert_string_equal(found("### src/App.jsx\n\n```jsx\nA\n```\n", false), "src/App.jsx=A\n");
    assert_string_equal(found("**`a.css`**:\n```css\nA\n```\n", false), "a.css=A\n");
    assert_string_equal(found("File: a.js\r\n```js\r\nA\r\n```\r\n", false), "a.js=A\r\n");
    /* a sentence that speaks of a file is no heading of one */
    assert_string_equal(found("Put index.html beside this:\n```css\nA\n```\n", false),
                        "styles.css=A\n");
}

static void names_stand_in_a_comment(void **state)
{
    (void)state;
    assert_string_equal(found("```js\n// src/a.js\nA\n```", false), "src/a.js=// src/a.js\nA\n");
    assert_string_equal(found("```css\n/* a.css */\nA\n```", false), "a.css=/* a.css */\nA\n");
    assert_string_equal(found("```html\n<!-- File: b.html -->\n```", false),
                        "b.html=<!-- File: b.html -->\n");
    assert_string_equal(found("```js\n// uses a.js for x\nA\n```", false),
                        "script.js=// uses a.js for x\nA\n");
}

static void files_without_a_name_are_called_after_their_language(void **state)
{
    (void)state;
    assert_string_equal(found("```html\nA\n```\n```html\nB\n```\n```HTML\nC\n```\n", false),
                        "index.html=A\n|index-2.html=B\n|index-3.html=C\n");
    assert_string_equal(found("```typescript\nA\n```\n```tsx\nB\n```\n```cobol\nC\n```", false),
                        "code.ts=A\n|App.tsx=B\n|code.txt=C\n");
    assert_string_equal(found("```\n<!DOCTYPE html>\n```", false), "index.html=<!DOCTYPE html>\n");
    assert_string_equal(found("```\nexport default 1\n```", false), "App.jsx=export default 1\n");
}

static void bad_names_are_none(void **state)
{
    (void)state;
    assert_string_equal(found("```html ../../x.html\nA\n```", false), "index.html=A\n");
    assert_string_equal(found("```html /etc/x.html\nA\n```", false), "index.html=A\n");
    assert_string_equal(found("<file path=\"../a.js\">\nA\n</file>", false), "code.txt=A\n");
}

static void commands_are_no_files_and_later_files_win(void **state)
{
    (void)state;
    assert_string_equal(found("```bash\nnpm i\n```\n```console\n$ x\n```\n", false), "");
    assert_string_equal(
        found("```css a.css\nA\n```\n```js b.js\nB\n```\n```css a.css\nC\n```", false),
        "a.css=C\n|b.js=B\n");
    assert_string_equal(found("```html\n\n \n```\n", false), "");
}

static void elements_are_files(void **state)
{
    (void)state;
    assert_string_equal(
        found("x\n<file path=\"src/A.jsx\">\nA\n```\nB\n</file>\n<file path='b.css'>C</file>\n",
              false),
        "src/A.jsx=A\n```\nB\n|b.css=C");
}

static void an_answer_that_was_cut_is_taken_as_far_as_it_came(void **state)
{
    (void)state;
    assert_string_equal(found("```html\n<p>", false), "index.html=<p>");
    assert_string_equal(found("<file path=\"a.js\">\nA", false), "a.js=A");
}

static void an_answer_without_blocks(void **state)
{
    (void)state;
    assert_string_equal(found("I cannot do that.", false), "");
    assert_string_equal(found("I cannot do that.", true), "code.txt=I cannot do that.");
    assert_string_equal(found(" <!doctype html><p>", false), "index.html= <!doctype html><p>");
    assert_string_equal(found("", true), "");
    assert_string_equal(found(" \n", true), "");
}

static void too_many_files_are_counted(void **state)
{
    (void)state;
    struct ts_buf text = TS_BUF_INIT(1024 * 1024);
    for (int i = 0; i < TS_MAX_CODE_FILES + 3; i++)
        ts_buf_printf(&text, "```js f%d.js\nx\n```\n", i);
    struct ts_error err = TS_ERROR_INIT;
    code.arena = &arena;
    assert_int_equal(
        ts_answer_code((struct ts_slice){ts_buf_text(&text), text.len}, false, &code, &err), TS_OK);
    assert_int_equal(code.count, TS_MAX_CODE_FILES);
    assert_int_equal(code.dropped, 3);
    ts_buf_free(&text);
}

/* Every cut of an answer is read without reaching beyond it: the sanitizers look. */
static void every_cut_of_an_answer_is_safe(void **state)
{
    (void)state;
    static const char text[] =
        "# a.js\n```js title=\"b.js\"\n// c.js\nA\n```\n<file path=\"d.css\">\n"
        "B</file>\n~~~ e.html\n<p>\n~~~";
    struct ts_error err = TS_ERROR_INIT;
    for (size_t n = 0; n < sizeof(text); n++) {
        struct ts_buf cut = TS_BUF_INIT(sizeof(text));
        ts_buf_put(&cut, text, n);
        assert_true(ts_buf_ok(&cut));
        code.arena = &arena;
        assert_int_equal(ts_answer_code((struct ts_slice){ts_buf_text(&cut), n}, true, &code, &err),
                         TS_OK);
        ts_buf_free(&cut);
    }
}

static void paths_that_lead_elsewhere_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "/a",
                                      "..",
                                      "../a",
                                      "a/../b",
                                      "a/..",
                                      "./a",
                                      "a//b",
                                      "a/",
                                      "a\\b",
                                      "C:a",
                                      "c:/a",
                                      "a\nb",
                                      "a\x7f",
                                      "\xff.js",
                                      "http://a",
                                      "a/./b",
                                      "\x01"};
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++)
        assert_non_null(ts_file_path_fault(ts_slice_str(bad[i])));
    assert_non_null(ts_file_path_fault((struct ts_slice){"a\0b", 3}));
    static const char *const good[] = {
        "a", "a.b/c d/é.html", "..a/b..", ".env", "a/b:c", "[id]/p.tsx"};
    for (size_t i = 0; i < TS_ARRAY_LEN(good); i++)
        assert_null(ts_file_path_fault(ts_slice_str(good[i])));
    char longest[TS_MAX_FILE_PATH + 2];
    memset(longest, 'a', sizeof(longest));
    assert_null(ts_file_path_fault((struct ts_slice){longest, TS_MAX_FILE_PATH}));
    assert_non_null(ts_file_path_fault((struct ts_slice){longest, TS_MAX_FILE_PATH + 1}));
}

static void a_path_tells_what_a_file_is(void **state)
{
    (void)state;
    assert_string_equal(ts_file_type(TS_SLICE_LIT("a/B.HTML")), "html");
    assert_string_equal(ts_file_type(TS_SLICE_LIT("a.tsx")), "tsx");
    assert_string_equal(ts_file_type(TS_SLICE_LIT("html")), "other");
    assert_string_equal(ts_file_type(TS_SLICE_LIT("a.js/b")), "other");
    assert_string_equal(ts_file_type(TS_SLICE_LIT(".js")), "javascript");
    assert_true(ts_file_is_component("vue"));
    assert_false(ts_file_is_component("html"));
    assert_int_equal(ts_lines_of_code(TS_SLICE_LIT("a\n\n \t\r\nb")), 2);
    assert_int_equal(ts_lines_of_code(TS_SLICE_LIT("")), 0);
}

static void addresses_are_kept_in_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out;
        const char *domain;
    } good[] = {
        {"https://Stripe.COM/", "https://stripe.com", "stripe.com"},
        {"HTTPS://a.example/Path/#x", "https://a.example/Path/", "a.example"},
        {"http://localhost:3000?q=A", "http://localhost:3000?q=A", "localhost"},
        {"http://[::1]:80/a", "http://[::1]:80/a", "[::1]"},
        {"https://b\xc3\xbc.example", "https://b\xc3\xbc.example", "b\xc3\xbc.example"},
    };
    char url[TS_MAX_URL + 1];
    char domain[TS_MAX_URL + 1];
    for (size_t i = 0; i < TS_ARRAY_LEN(good); i++) {
        assert_null(ts_site_url(ts_slice_str(good[i].in), url, domain));
        assert_string_equal(url, good[i].out);
        assert_string_equal(domain, good[i].domain);
    }
    static const char *const bad[] = {"",
                                      "stripe.com",
                                      "ftp://a",
                                      "javascript:x",
                                      "https://",
                                      "https:///a",
                                      "http://a b",
                                      "http://a\\b",
                                      "http://u@h",
                                      "http://a\"b/",
                                      "http://.",
                                      "https://?x"};
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++)
        assert_non_null(ts_site_url(ts_slice_str(bad[i]), url, domain));
}

static void words_are_counted(void **state)
{
    (void)state;
    assert_int_equal(ts_count_words(TS_SLICE_LIT("# One two -- three's \n* \xc3\xbc x1")), 5);
    assert_int_equal(ts_count_words(TS_SLICE_LIT("")), 0);
    assert_int_equal(ts_count_words_html(TS_SLICE_LIT(
                         "<p class='a b'>one<br>two</p><!-- x y --><script>a b c</script>"
                         "<style>d</style> 3 < 4 <b>five")),
                     5);
    assert_int_equal(ts_count_words_html(TS_SLICE_LIT("<p>one<script>never closed")), 1);
}

static void complexity_goes_by_words(void **state)
{
    (void)state;
    const struct ts_site_limits limits = {500, 2000};
    assert_int_equal(ts_site_complexity(&limits, 0), TS_COMPLEXITY_SIMPLE);
    assert_int_equal(ts_site_complexity(&limits, 499), TS_COMPLEXITY_SIMPLE);
    assert_int_equal(ts_site_complexity(&limits, 500), TS_COMPLEXITY_MEDIUM);
    assert_int_equal(ts_site_complexity(&limits, 1999), TS_COMPLEXITY_MEDIUM);
    assert_int_equal(ts_site_complexity(&limits, 2000), TS_COMPLEXITY_COMPLEX);
    assert_int_equal(ts_site_complexity(&limits, TS_UNKNOWN), TS_COMPLEXITY_UNKNOWN);
}

static void a_name_tells_the_size_of_a_model(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"llama3.2:7b", "7b"},
        {"deepseek-coder:6.7b", "6.7b"},
        {"gpt-oss-20b", "20b"},
        {"Mixtral-8x7B-v0.1", "8x7B"},
        {"CodeLlama-7b-Instruct-hf", "7b"},
        {"gpt-4o", ""},
        {"qwen:0.5b-chat", "0.5b"},
        {"smollm:135m", "135m"},
        {"", ""},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        struct ts_slice size = ts_model_size(ts_slice_str(names[i][0]));
        assert_true(size.len == strlen(names[i][1]) &&
                    memcmp(size.at != NULL ? size.at : "", names[i][1], size.len) == 0);
    }
}

static struct ts_slice one_file(void *ctx, const char *path)
{
    (void)ctx;
    return strcmp(path, "s/a.css") == 0 ? TS_SLICE_LIT("A</style>") : (struct ts_slice){0};
}

static void a_preview_has_its_own_files_in_it(void **state)
{
    (void)state;
    struct ts_buf out = TS_BUF_INIT(4096);
    static const char html[] =
        "<p><link href='a.css' rel=\"Stylesheet\"><link rel='icon' href='a.css'>"
        "<script defer src=\"../s/./a.css#x\"></script><link rel='stylesheet' "
        "href='https://x/a.css'><script src='b.js'></script><link";
    ts_preview_inline(TS_SLICE_LIT(html), "s/index.html", one_file, NULL, &out);
    assert_string_equal(ts_buf_text(&out),
                        "<p><style>A<\\/style></style><link rel='icon' href='a.css'>"
                        "<script defer >A<\\/style></script><link rel='stylesheet' "
                        "href='https://x/a.css'><script src='b.js'></script><link");
    ts_buf_clear(&out);
    ts_preview_frame(TS_SLICE_LIT("a\"b&quot;</iframe>"), &out);
    assert_non_null(strstr(ts_buf_text(&out), "</script>a&quot;b&amp;quot;</iframe><script>"));
    assert_non_null(strstr(ts_buf_text(&out), "</script>\"></iframe></body></html>\n"));
    ts_buf_free(&out);
}

static int forget(void **state)
{
    (void)state;
    ts_arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stand_behind_the_language),
        cmocka_unit_test(names_stand_in_the_line_before),
        cmocka_unit_test(names_stand_in_a_comment),
        cmocka_unit_test(files_without_a_name_are_called_after_their_language),
        cmocka_unit_test(bad_names_are_none),
        cmocka_unit_test(commands_are_no_files_and_later_files_win),
        cmocka_unit_test(elements_are_files),
        cmocka_unit_test(an_answer_that_was_cut_is_taken_as_far_as_it_came),
        cmocka_unit_test(an_answer_without_blocks),
        cmocka_unit_test(too_many_files_are_counted),
        cmocka_unit_test(every_cut_of_an_answer_is_safe),
        cmocka_unit_test(paths_that_lead_elsewhere_are_refused),
        cmocka_unit_test(a_path_tells_what_a_file_is),
        cmocka_unit_test(addresses_are_kept_in_one_form),
        cmocka_unit_test(words_are_counted),
        cmocka_unit_test(complexity_goes_by_words),
        cmocka_unit_test(a_name_tells_the_size_of_a_model),
        cmocka_unit_test(a_preview_has_its_own_files_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
