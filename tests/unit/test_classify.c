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
#include "base/clock.h"

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
    return ts_classify(&p);
}

static void labelled_prompts_are_told_apart(void **state)
{
    (void)state;
    char path[512];
    assert_non_null(getenv("TS_FIXTURES"));
    (void)snprintf(path, sizeof(path), "%s/prompts.tsv", getenv("TS_FIXTURES"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int prompts = 0;
    int tasks = 0;
    int complexities = 0;
    char line[4096];
    while (fgets(line, sizeof(line), f) != NULL) {
        char *fields[4];
        if (line[0] == '#' || !split(line, fields))
            continue;
        struct ts_class c = classify_line(fields);
        bool task = strcmp(ts_task_name(c.task), fields[0]) == 0;
        bool complexity = strcmp(ts_complexity_name(c.complexity), fields[1]) == 0;
        prompts++;
        tasks += task;
        complexities += complexity;
        if (!task || !complexity)
            print_message("said %s/%s, label %s/%s: %.60s\n",
                          ts_task_name(c.task),
                          ts_complexity_name(c.complexity),
                          fields[0],
                          fields[1],
                          fields[3]);
    }
    (void)fclose(f);
    print_message(
        "of %d prompts: task right in %d, complexity in %d\n", prompts, tasks, complexities);
    assert_true(prompts >= 80);
    assert_true(tasks * 100 >= prompts * 90);
    assert_true(complexities * 100 >= prompts * 80);
}

static enum ts_task task_of(const char *text)
{
    struct ts_prompt_text p = {.text = ts_slice_str(text)};
    return ts_classify(&p).task;
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

static void every_keyword_is_spelled_as_folded_text_is(void **state)
{
    (void)state;
    for (int k = 0; k < ts_keyword_count; k++) {
        const char *text = ts_keywords[k].text;
        size_t n = strlen(text);
        assert_true(n > 1 && text[0] != ' ' && text[n - 1] != ' ');
        for (size_t i = 0; i < n; i++) {
            bool last_star = text[i] == '*' && i + 1 == n;
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
    assert_int_equal(ts_classify(&p).task, TS_TASK_REASONING);
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (char)random();
        struct ts_class a = ts_classify(&p);
        struct ts_class b = ts_classify(&p);
        assert_int_equal(a.task, b.task);
        assert_int_equal(a.complexity, b.complexity);
    }
    struct ts_prompt_text absent = {.text = {.at = NULL, .len = 0}};
    assert_int_equal(ts_classify(&absent).task, TS_TASK_OTHER);
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
        (void)ts_classify(&p);
        int64_t took = ts_now_us() - start;
        best = took < best ? took : best;
    }
    print_message("8 KiB classified in %d us\n", (int)best);
    assert_true(best < 5000); /* the measured figure is printed; sanitizers run here too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labelled_prompts_are_told_apart),
        cmocka_unit_test(keywords_are_whole_words_in_any_case),
        cmocka_unit_test(every_keyword_is_spelled_as_folded_text_is),
        cmocka_unit_test(text_beyond_the_limit_and_odd_bytes_change_nothing),
        cmocka_unit_test(eight_kilobytes_of_prose_take_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
