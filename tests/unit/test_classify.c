/* The classifier against hand-labelled prompts, and its promises: deterministic, bounded, fast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/classify.h"
#include "analytics/keywords.h"
#include "base/buf.h"
#include "base/clock.h"

/* Per cent right that must not be lost: a little below what was measured. */
enum {
    TUNED_TASK_FLOOR = 95,
    TUNED_COMPLEXITY_FLOOR = 90,
    HELD_TASK_FLOOR = 85,
    HELD_COMPLEXITY_FLOOR = 88,
};

static struct ts_class classify(const struct ts_prompt_text *p)
{
    struct ts_classifier c;
    ts_classifier_init(&c);
    return ts_classify(&c, p);
}

/* The fields of one line, cut in place. */
static bool split(char *line, char *fields[static 4])
{
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < 4; i++) {
        if (line == NULL)
            return false;
        fields[i] = line;
        line = strchr(line, '\t');
        if (line != NULL)
            *line++ = '\0';
    }
    return true;
}

static void unescape(char *s)
{
    char *out = s;
    for (; *s != '\0'; s++) {
        if (*s == '\\' && s[1] != '\0')
            *out++ = *++s == 'n' ? '\n' : *s;
        else
            *out++ = *s;
    }
    *out = '\0';
}

static struct ts_class classify_line(char *fields[static 4])
{
    unescape(fields[3]);
    struct ts_prompt_text p = {.text = ts_slice_str(fields[3]),
                               .has_images = strchr(fields[2], 'i') != NULL,
                               .has_tools = strchr(fields[2], 't') != NULL};
    return classify(&p);
}

/* How a set of labelled prompts fares. */
struct score {
    int counts[TS_TASK_COUNT_][TS_TASK_COUNT_]; /* by label, then by what was said */
    int prompts;
    int tasks;        /* right */
    int complexities; /* right */
};

static enum ts_task task_named(const char *name)
{
    for (int t = 0; t < TS_TASK_COUNT_; t++) {
        if (strcmp(ts_task_name((enum ts_task)t), name) == 0)
            return (enum ts_task)t;
    }
    fail_msg("there is no task %s", name);
    return TS_TASK_OTHER;
}

static void count_line(char *fields[static 4], bool tell, struct score *s)
{
    enum ts_task label = task_named(fields[0]);
    struct ts_class c = classify_line(fields);
    bool complexity = strcmp(ts_complexity_name(c.complexity), fields[1]) == 0;
    s->prompts++;
    s->counts[label][c.task]++;
    s->tasks += c.task == label;
    s->complexities += complexity;
    if (tell && (c.task != label || !complexity))
        print_message("said %s/%s, label %s/%s: %.60s\n",
                      ts_task_name(c.task),
                      ts_complexity_name(c.complexity),
                      fields[0],
                      fields[1],
                      fields[3]);
}

static FILE *open_beside_fixtures(const char *name)
{
    char path[512];
    assert_non_null(getenv("TS_FIXTURES"));
    (void)snprintf(path, sizeof(path), "%s/%s", getenv("TS_FIXTURES"), name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot read %s", path);
    return f;
}

/* @tell: print each miss; never of the prompts that were put aside. */
static struct score score_of(const char *name, bool tell)
{
    struct score s = {.prompts = 0};
    FILE *f = open_beside_fixtures(name);
    char line[4096];
    while (fgets(line, sizeof(line), f) != NULL) {
        char *fields[4];
        if (line[0] != '#' && split(line, fields))
            count_line(fields, tell, &s);
    }
    (void)fclose(f);
    return s;
}

/* A row of the table in docs/classifier.md: a label, what was said of its prompts, share right. */
static void write_row(const struct score *s, enum ts_task label, struct ts_buf *out)
{
    int prompts = 0;
    ts_buf_printf(out, "| %s |", ts_task_name(label));
    for (int said = 0; said < TS_TASK_COUNT_; said++) {
        int n = s->counts[label][said];
        prompts += n;
        if (n > 0)
            ts_buf_printf(out, " %d |", n);
        else
            ts_buf_printf(out, " |");
    }
    int right = s->counts[label][label];
    ts_buf_printf(out, " %d of %d |\n", right, prompts);
}

static void write_table(const struct score *s, struct ts_buf *out)
{
    ts_buf_printf(out, "| label \\ said |");
    for (int t = 0; t < TS_TASK_COUNT_; t++)
        ts_buf_printf(out, " %s |", ts_task_name((enum ts_task)t));
    ts_buf_printf(out, " right |\n|---|");
    for (int t = 0; t <= TS_TASK_COUNT_; t++)
        ts_buf_printf(out, "--:|");
    ts_buf_printf(out, "\n");
    for (int t = 0; t < TS_TASK_COUNT_; t++)
        write_row(s, (enum ts_task)t, out);
    ts_buf_printf(out,
                  "\nTask right: %d of %d (%.1f %%). Complexity right: %d of %d (%.1f %%).\n",
                  s->tasks,
                  s->prompts,
                  100.0 * s->tasks / s->prompts,
                  s->complexities,
                  s->prompts,
                  100.0 * s->complexities / s->prompts);
}

/* That docs/classifier.md shows this very table; it is printed here to be put there. */
static void check_page(const struct score *s)
{
    static char page[64 * 1024];
    FILE *f = open_beside_fixtures("../../docs/classifier.md");
    page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
    (void)fclose(f);
    struct ts_buf table = TS_BUF_INIT(16 * 1024);
    write_table(s, &table);
    assert_true(ts_buf_ok(&table));
    print_message("%s\n", ts_buf_text(&table));
    if (strstr(page, ts_buf_text(&table)) == NULL)
        fail_msg("docs/classifier.md shows other figures than these");
    ts_buf_free(&table);
}

static void prompts_by_which_it_was_made_are_told_apart(void **state)
{
    (void)state;
    struct score s = score_of("prompts.tsv", true);
    assert_true(s.prompts >= 320);
    assert_true(s.tasks * 100 >= s.prompts * TUNED_TASK_FLOOR);
    assert_true(s.complexities * 100 >= s.prompts * TUNED_COMPLEXITY_FLOOR);
    check_page(&s);
}

static void prompts_that_were_put_aside_are_told_apart(void **state)
{
    (void)state;
    struct score s = score_of("prompts_holdout.tsv", false);
    assert_true(s.prompts >= 75);
    assert_true(s.tasks * 100 >= s.prompts * HELD_TASK_FLOOR);
    assert_true(s.complexities * 100 >= s.prompts * HELD_COMPLEXITY_FLOOR);
    check_page(&s);
}

static enum ts_task task_of(const char *text)
{
    struct ts_prompt_text p = {.text = ts_slice_str(text)};
    return classify(&p).task;
}

static void keywords_are_whole_words_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(task_of("PYTHON?"), TS_TASK_CODING);
    assert_int_equal(task_of("the gitter said so"), TS_TASK_GENERAL_CHAT); /* not git */
    assert_int_equal(task_of("javanese coffee"), TS_TASK_GENERAL_CHAT);    /* not java */
    assert_int_equal(task_of("what is C++"), TS_TASK_CODING);
    assert_int_equal(task_of("refactoring"), TS_TASK_CODING); /* refactor* */
    assert_int_equal(task_of("pros   and\n\tcons"), TS_TASK_ANALYSIS);
}

static void figures_with_a_sign_between_them_are_a_sum(void **state)
{
    (void)state;
    assert_int_equal(task_of("what is 17 * 23"), TS_TASK_REASONING);
    assert_int_equal(task_of("how much is 15 % of 240?"), TS_TASK_REASONING);
    assert_int_equal(task_of("x^2 at 3, please"), TS_TASK_REASONING);
    assert_int_equal(task_of("is 5 * enough"), TS_TASK_GENERAL_CHAT);
    assert_int_equal(task_of("it rose by 3 % overnight"), TS_TASK_GENERAL_CHAT);
    assert_int_equal(task_of("*"), TS_TASK_OTHER);
    assert_int_equal(task_of("x ="), TS_TASK_GENERAL_CHAT);
}

static void as_many_words_as_fit_are_counted(void **state)
{
    (void)state;
    char text[TS_CLASSIFY_BYTES];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 == 0 ? 'a' : ' ';
    memcpy(text + sizeof(text) - 7, " prove ", 7);
    struct ts_prompt_text p = {.text = {.at = text, .len = sizeof(text)}};
    assert_int_equal(classify(&p).task, TS_TASK_REASONING);
    assert_int_equal(classify(&p).complexity, TS_COMPLEXITY_COMPLEX);
}

static void every_keyword_is_spelled_as_folded_text_is(void **state)
{
    (void)state;
    for (int k = 0; k < ts_keyword_count; k++) {
        const char *text = ts_keywords[k].text;
        size_t n = strlen(text);
        assert_true(n > 1 && text[0] != ' ' && text[n - 1] != ' ');
        for (size_t i = 0; i < n; i++) {
            bool last_star = text[i] == '*' && i + 1 == n && i >= 3;
            assert_true((text[i] >= 'a' && text[i] <= 'z') || strchr(" _+#", text[i]) != NULL ||
                        last_star);
        }
        for (int j = 0; j < k; j++)
            assert_string_not_equal(text, ts_keywords[j].text);
    }
}

static void text_beyond_the_limit_and_odd_bytes_change_nothing(void **state)
{
    (void)state;
    static char text[3 * TS_CLASSIFY_BYTES];
    memset(text, 'x', sizeof(text));
    memcpy(text, "prove ", 6);
    memcpy(text + TS_CLASSIFY_BYTES + 10, " python ", 8);
    struct ts_prompt_text p = {.text = {.at = text, .len = sizeof(text)}};
    assert_int_equal(classify(&p).task, TS_TASK_REASONING);
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (char)random();
        struct ts_class a = classify(&p);
        struct ts_class b = classify(&p);
        assert_int_equal(a.task, b.task);
        assert_int_equal(a.complexity, b.complexity);
    }
    struct ts_prompt_text absent = {.text = {.at = NULL, .len = 0}};
    assert_int_equal(classify(&absent).task, TS_TASK_OTHER);
}

static void eight_kilobytes_of_prose_take_microseconds(void **state)
{
    (void)state;
    static const char sentence[] =
        "Please compare the story of the old script with a small chapter; ";
    static char text[TS_CLASSIFY_BYTES];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = sentence[i % (sizeof(sentence) - 1)];
    struct ts_prompt_text p = {.text = {.at = text, .len = sizeof(text)}};
    int64_t best = INT64_MAX;
    for (int round = 0; round < 50; round++) {
        int64_t start = ts_now_us();
        (void)classify(&p);
        int64_t took = ts_now_us() - start;
        best = took < best ? took : best;
    }
    print_message("8 KiB classified in %d us\n", (int)best);
    assert_true(best < 5000); /* the measured figure is printed; sanitizers run here too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_by_which_it_was_made_are_told_apart),
        cmocka_unit_test(prompts_that_were_put_aside_are_told_apart),
        cmocka_unit_test(keywords_are_whole_words_in_any_case),
        cmocka_unit_test(figures_with_a_sign_between_them_are_a_sum),
        cmocka_unit_test(as_many_words_as_fit_are_counted),
        cmocka_unit_test(every_keyword_is_spelled_as_folded_text_is),
        cmocka_unit_test(text_beyond_the_limit_and_odd_bytes_change_nothing),
        cmocka_unit_test(eight_kilobytes_of_prose_take_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
