/* Scores of generated code: each part by what it should see. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/code_quality.h"
#include "malloc_fail.h"

static struct ts_code_quality score(const char *path, const char *text)
{
    struct ts_code_quality q = {.files = 0};
    if (!ts_code_has_grammar(TS_CODE_HTML))
        skip();
    assert_int_equal(ts_code_score(ts_slice_str(path), ts_slice_str(text), &q), TS_CODE_SCORED);
    assert_int_equal(q.files, 1);
    assert_int_equal(q.figures.bytes, strlen(text));
    return q;
}

static enum ts_code_verdict verdict(const char *path, const char *text, size_t len)
{
    struct ts_code_quality q = {.files = 0};
    if (!ts_code_has_grammar(TS_CODE_HTML))
        skip();
    enum ts_code_verdict v =
        ts_code_score(ts_slice_str(path), (struct ts_slice){.at = text, .len = len}, &q);
    if (v != TS_CODE_SCORED)
        assert_int_equal(q.files, 0);
    return v;
}

/* @unit again and again; frees itself never, the caller does. */
static char *repeat(const char *unit, size_t bytes)
{
    size_t n = strlen(unit);
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    for (size_t i = 0; i < bytes; i++)
        text[i] = unit[i % n];
    text[bytes] = '\0';
    return text;
}

static void assert_near(double got, double wanted)
{
    if (fabs(got - wanted) > 1e-6)
        fail_msg("%.6f is not %.6f", got, wanted);
}

static void the_ending_of_a_name_tells_the_language(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum ts_code_language language;
    } cases[] = {
        {"index.html", TS_CODE_HTML},
        {"a/B/INDEX.HTM", TS_CODE_HTML},
        {"s.css", TS_CODE_CSS},
        {"app.js", TS_CODE_JAVASCRIPT},
        {"app.jsx", TS_CODE_JAVASCRIPT},
        {"x.mjs", TS_CODE_JAVASCRIPT},
        {"x.ts", TS_CODE_TYPESCRIPT},
        {"x.d.ts", TS_CODE_TYPESCRIPT},
        {"App.tsx", TS_CODE_TSX},
        {"README.md", TS_CODE_LANGUAGE_COUNT_},
        {"css", TS_CODE_LANGUAGE_COUNT_},
        {".css", TS_CODE_LANGUAGE_COUNT_},
        {"", TS_CODE_LANGUAGE_COUNT_},
        {"a.scss", TS_CODE_LANGUAGE_COUNT_},
        {"js/x", TS_CODE_LANGUAGE_COUNT_},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++)
        assert_int_equal(ts_code_language_of(ts_slice_str(cases[i].path)), cases[i].language);
}

static void clean_code_keeps_its_hundred_points(void **state)
{
    (void)state;
    assert_near(score("a.js", "export function add(a, b) {\n  return a + b;\n}\n").score, 100);
    assert_near(
        score("a.ts", "export const add = (a: number, b: number): number => a + b;\n").score, 100);
    assert_near(score("a.ts", "const a = <number>b;\n").score, 100); /* TSX would not read it */
    assert_near(score("a.css", "a { color: red; }\n@media print { a { color: black; } }\n").score,
                100);
    assert_near(score("a.tsx", "const A = (p: P) => <><img alt=\"a\" src={p.src} /></>;\n").score,
                100);
    assert_near(
        score("a.html", "<!DOCTYPE html><html lang=en><body><img src=a alt=''></body></html>")
            .score,
        100);
}

static void each_place_that_does_not_parse_takes_ten_points(void **state)
{
    (void)state;
    struct ts_code_quality one = score("a.js", "let a = ;\nlet b = 2;\nlet c = 3;\n");
    assert_int_equal(one.figures.errors, 1);
    assert_true(one.points[TS_CODE_PART_ERRORS] >= 10 && one.points[TS_CODE_PART_ERRORS] < 20);
    assert_near(one.score, 100 - one.points[TS_CODE_PART_ERRORS]);
    /* a bracket that the parser had to add */
    struct ts_code_quality missing = score("a.css", "a { color: red;\n");
    assert_int_equal(missing.figures.errors, 1);
    assert_near(missing.points[TS_CODE_PART_ERRORS], 10);
    struct ts_code_quality stray = score("a.html", "<p>a</p></div><p>b</p>");
    assert_int_equal(stray.figures.errors, 1);
    struct ts_code_quality prose =
        score("a.js", "Sure! Here is the page that you asked for, enjoy it: ```\n");
    assert_true(prose.points[TS_CODE_PART_ERRORS] > 20);
}

static void nesting_counts_blocks_within_a_function_only(void **state)
{
    (void)state;
    static const char four[] =
        "function f(a) { if (a) { for (;;) { while (a) { try { g(); } catch (e) {} } } } }";
    static const char five[] = "function f(a) { if (a) { for (;;) { while (a) { try { do { g(); } "
                               "while (a); } catch (e) {} } } } }";
    static const char inner[] =
        "if (a) { for (;;) { while (a) { b(() => { if (c) { d(); } }); } } }";
    assert_int_equal(score("a.js", four).figures.blocks, 4);
    assert_near(score("a.js", four).score, 100);
    assert_int_equal(score("a.js", five).figures.blocks, 5);
    assert_near(score("a.js", five).points[TS_CODE_PART_NESTING], 5);
    assert_int_equal(score("a.js", inner).figures.blocks, 3);
    assert_int_equal(score("a.js", inner).figures.functions, 1);
    /* a chain of else is no staircase */
    assert_int_equal(
        score("a.js", "if (a) {} else if (b) {} else if (c) {} else {}").figures.blocks, 1);
    assert_int_equal(
        score("a.css", "@media print { a { &:hover { color: red; } } }").figures.blocks, 3);
    assert_int_equal(score("a.html", "<ul><li><a href=x>y</a></li></ul>").figures.elements, 3);
    assert_int_equal(score("a.tsx", "const a = <ul><li><br/></li></ul>;").figures.elements, 3);
}

/* As many elements in each other. */
static char *nest_elements(size_t depth)
{
    char *open = repeat("<div>", depth * 5);
    char *shut = repeat("</div>", depth * 6);
    char *text = malloc(depth * 11 + 1);
    assert_non_null(text);
    (void)snprintf(text, depth * 11 + 1, "%s%s", open, shut);
    free(open);
    free(shut);
    return text;
}

static void depth_that_doubles_the_limit_takes_all_twenty(void **state)
{
    (void)state;
    static const struct {
        size_t depth;
        double points;
    } cases[] = {{32, 0}, {48, 10}, {64, 20}, {100, 20}};
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        char *text = nest_elements(cases[i].depth);
        assert_near(score("a.html", text).points[TS_CODE_PART_NESTING], cases[i].points);
        free(text);
    }
}

static void long_functions_and_long_files_take_points(void **state)
{
    (void)state;
    char text[2048] = "function f() {\n";
    for (int i = 0; i < 123; i++)
        strncat(text, "g();\n", sizeof(text) - strlen(text) - 1);
    strncat(text, "}\n", sizeof(text) - strlen(text) - 1);
    struct ts_code_quality q = score("a.js", text);
    assert_int_equal(q.figures.function_lines, 125);
    assert_near(q.points[TS_CODE_PART_LENGTH], 5); /* half way from 50 to 200 lines */
    char *lines = repeat("\n;", 2400);
    struct ts_code_quality file = score("a.js", lines);
    assert_int_equal(file.figures.lines, 1201);
    assert_near(file.points[TS_CODE_PART_LENGTH], 5);
    free(lines);
}

static void copies_count_whatever_the_space_between_their_tokens(void **state)
{
    (void)state;
    static const char nav[] =
        "<ul><li><a href=\"#a\">Home</a></li><li><a href=\"#b\">About</a></li>"
        "<li><a href=\"#c\">Contact</a></li></ul>";
    static const char spaced[] =
        "<ul>\n <li><a href=\"#a\">Home</a></li>\n <li><a href=\"#b\">About</a></li>\n"
        " <li><a href=\"#c\">Contact</a></li>\n</ul>";
    static const char other[] =
        "<ul><li><a href=\"#a\">Home</a></li><li><a href=\"#b\">About</a></li>"
        "<li><a href=\"#d\">Imprint</a></li></ul>";
    char text[1024];
    (void)snprintf(text, sizeof(text), "<nav>%s</nav><footer>%s</footer>", nav, spaced);
    assert_int_equal(score("a.html", text).figures.repeated_bytes, sizeof(spaced) - 1);
    (void)snprintf(text, sizeof(text), "<nav>%s</nav><footer>%s</footer>", nav, other);
    assert_int_equal(score("a.html", text).figures.repeated_bytes, 0);
    (void)snprintf(text, sizeof(text), "%s%s%s", nav, nav, nav);
    struct ts_code_quality q = score("a.html", text);
    assert_int_equal(q.figures.repeated_bytes, 2 * (sizeof(nav) - 1));
    assert_near(q.points[TS_CODE_PART_REPEATS], 15); /* half of the text or more */
}

/* How many pictures and controls have nothing. */
static void assert_bare(const char *path, const char *text, int pictures, int controls)
{
    struct ts_code_quality q = score(path, text);
    if (q.figures.pictures_bare != pictures || q.figures.controls_bare != controls)
        fail_msg("%s: %lld and %lld",
                 text,
                 (long long)q.figures.pictures_bare,
                 (long long)q.figures.controls_bare);
}

static void pictures_need_a_text(void **state)
{
    (void)state;
    assert_bare("a.html", "<img src=a>", 1, 0);
    assert_bare("a.html", "<IMG SRC=a ALT=''>", 0, 0);
    assert_bare("a.html", "<img src=a alt>", 0, 0);
    assert_bare("a.html", "<img src=a role=presentation><img src=b aria-label=b>", 0, 0);
    assert_bare("a.html", "<input type=image src=a><area href=b>", 2, 0);
    assert_bare("a.jsx", "const a = <img src={b} />;", 1, 0);
    assert_bare("a.jsx", "const a = <img src={b} alt={c} />;", 0, 0);
    assert_bare("a.jsx", "const a = <img {...props} />;", 0, 0);
    assert_bare("a.jsx", "const a = <Card icon={<img src={b} />} alt=\"no\" />;", 1, 0);
    assert_bare("a.tsx", "const a = <img src={b!} />;", 1, 0);
}

static void controls_need_a_label(void **state)
{
    (void)state;
    assert_bare("a.html", "<input name=a><select></select><textarea></textarea>", 0, 3);
    assert_bare("a.html", "<label>a <input name=a></label>", 0, 0);
    assert_bare("a.html", "<label>a</label><input name=a>", 0, 1);
    assert_bare("a.html", "<input id=a><label for=a>a</label>", 0, 0);
    assert_bare("a.html", "<input id='a'><label for=\"b\">a</label>", 0, 1);
    assert_bare("a.html", "<input type=hidden><input type=submit><input type=\"BUTTON\">", 0, 0);
    assert_bare("a.html", "<input aria-label=a><input title=b><input aria-label=''>", 0, 1);
    assert_bare(
        "a.jsx", "const a = <p><label htmlFor=\"q\">Q</label><input id=\"q\" /></p>;", 0, 0);
    assert_bare("a.jsx", "const a = <label>Q <input /></label>;", 0, 0);
    assert_bare("a.jsx", "const a = <p><label />Q <input /></p>;", 0, 1);
    assert_bare("a.jsx", "const a = <p><label htmlFor={id}>Q</label><input id={id} /></p>;", 0, 0);
    struct ts_code_quality half = score("a.html", "<input name=a><input aria-label=b>");
    assert_near(half.points[TS_CODE_PART_LABELS], 5);
}

static void scripts_and_styles_in_a_page_are_read_as_such(void **state)
{
    (void)state;
    struct ts_code_quality script = score("a.html", "<p>a</p><script>let a = ;</script>");
    assert_int_equal(script.figures.errors, 1);
    struct ts_code_quality style =
        score("a.html", "<style>a { b { c { d { e { f: g } } } } }</style>");
    assert_int_equal(style.figures.blocks, 5);
    struct ts_code_quality data =
        score("a.html", "<script type=\"application/json\">{\"a\": [}</script><script> </script>");
    assert_int_equal(data.figures.errors, 0);
    struct ts_code_quality typed =
        score("a.html", "<script type=text/typescript>let a: number = 1</script>");
    assert_int_equal(typed.figures.errors, 0);
}

static void a_site_is_the_mean_of_its_files_weighted_by_bytes(void **state)
{
    (void)state;
    struct ts_code_quality good = score("a.js", "export const one = 1;");
    struct ts_code_quality bad = score("a.js", "let a = ;");
    struct ts_code_quality site = {.files = 0};
    ts_code_add(&site, &good);
    ts_code_add(&site, &bad);
    double g = (double)good.figures.bytes;
    double b = (double)bad.figures.bytes;
    assert_int_equal(site.files, 2);
    assert_int_equal(site.figures.errors, 1);
    assert_near(site.score, (g * good.score + b * bad.score) / (g + b));
    double taken = 0;
    for (int p = 0; p < TS_CODE_PART_COUNT_; p++)
        taken += site.points[p];
    assert_near(site.score + taken, 100);
}

static void every_part_explains_itself(void **state)
{
    (void)state;
    struct ts_code_quality q = score("a.html", "<p>a</p></i><img src=a><input id=b>");
    static const char *const wanted[TS_CODE_PART_COUNT_] = {
        [TS_CODE_PART_ERRORS] = "1 place where",
        [TS_CODE_PART_NESTING] = "elements 1 (32)",
        [TS_CODE_PART_LENGTH] = "longest file: 1 lines (300)",
        [TS_CODE_PART_REPEATS] = "0.0 %",
        [TS_CODE_PART_LABELS] =
            "1 of 1 picture without a text, 1 of 1 form control without a label",
    };
    for (int p = 0; p < TS_CODE_PART_COUNT_; p++) {
        struct ts_buf text = TS_BUF_INIT(1024);
        ts_code_explain(&q, (enum ts_code_part)p, &text);
        assert_true(ts_buf_ok(&text));
        if (strstr(ts_buf_text(&text), wanted[p]) == NULL)
            fail_msg("%s", ts_buf_text(&text));
        ts_buf_free(&text);
    }
}

static void what_cannot_be_judged_has_no_score(void **state)
{
    (void)state;
    static const char binary[] = "let a = 1;\0\1\2";
    assert_int_equal(verdict("a.png", "x", 1), TS_CODE_UNKNOWN_TYPE);
    assert_int_equal(verdict("a.js", "", 0), TS_CODE_EMPTY);
    assert_int_equal(verdict("a.js", NULL, 0), TS_CODE_EMPTY);
    assert_int_equal(verdict("a.js", " \r\n\t", 4), TS_CODE_EMPTY);
    assert_int_equal(verdict("a.js", binary, sizeof(binary) - 1), TS_CODE_NOT_TEXT);
    char *large = repeat("a;\n", TS_CODE_MAX_BYTES + 1);
    assert_int_equal(verdict("a.js", large, TS_CODE_MAX_BYTES + 1), TS_CODE_TOO_LARGE);
    free(large);
    for (int v = 0; v <= TS_CODE_NO_MEMORY; v++)
        assert_true(strlen(ts_code_verdict_text((enum ts_code_verdict)v)) > 5);
}

static void the_same_text_gets_the_same_score(void **state)
{
    (void)state;
    static const char text[] =
        "<div><img src=a><script>let = ;</script><style>a{b}</style><input></div></p>";
    struct ts_code_quality a = score("a.html", text);
    for (int i = 0; i < 20; i++) {
        struct ts_code_quality b = score("a.html", text);
        assert_near(b.score, a.score);
        assert_memory_equal(&a.figures, &b.figures, sizeof(a.figures));
    }
}

static enum ts_err score_once(void *ctx)
{
    struct ts_code_quality q = {.files = 0};
    const char *text = ctx;
    enum ts_code_verdict v = ts_code_score(TS_SLICE_LIT("a.html"), ts_slice_str(text), &q);
    return v == TS_CODE_NO_MEMORY ? TS_ERR_NOMEM : TS_OK;
}

static void without_memory_there_is_no_score(void **state)
{
    (void)state;
    static char text[] =
        "<label for=a>a</label><input id=a><style>a{b:c}</style><script>let a = 1;</script>";
    malloc_torture(score_once, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ending_of_a_name_tells_the_language),
        cmocka_unit_test(clean_code_keeps_its_hundred_points),
        cmocka_unit_test(each_place_that_does_not_parse_takes_ten_points),
        cmocka_unit_test(nesting_counts_blocks_within_a_function_only),
        cmocka_unit_test(depth_that_doubles_the_limit_takes_all_twenty),
        cmocka_unit_test(long_functions_and_long_files_take_points),
        cmocka_unit_test(copies_count_whatever_the_space_between_their_tokens),
        cmocka_unit_test(pictures_need_a_text),
        cmocka_unit_test(controls_need_a_label),
        cmocka_unit_test(scripts_and_styles_in_a_page_are_read_as_such),
        cmocka_unit_test(a_site_is_the_mean_of_its_files_weighted_by_bytes),
        cmocka_unit_test(every_part_explains_itself),
        cmocka_unit_test(what_cannot_be_judged_has_no_score),
        cmocka_unit_test(the_same_text_gets_the_same_score),
        cmocka_unit_test(without_memory_there_is_no_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
