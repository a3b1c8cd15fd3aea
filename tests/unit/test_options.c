/* The words behind a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/options.h"

enum { MAX_WORDS = 8 };

static const struct ts_option table[] = {
    {"format", "csv|json", "how", 'f'},
    {"limit", "N", "how many", '\0'},
    {"force", NULL, "at any price", '\0'},
    {NULL, NULL, NULL, '\0'},
};
static const struct ts_option_rules rules = {
    .command = "move", .options = table, .least = 0, .most = 2};

static enum ts_err read_words(const char *const *words, struct ts_options *o, struct ts_error *err)
{
    static char *copy[MAX_WORDS + 1];
    int n = 0;
    for (; words[n] != NULL; n++)
        copy[n] = (char *)(uintptr_t)words[n]; /* as main() has them */
    copy[n] = NULL;
    return ts_options_read(&rules, copy, o, err);
}

static void options_come_in_every_usual_form(void **state)
{
    (void)state;
    const struct {
        const char *words[MAX_WORDS];
        const char *format;
        bool force;
        int operands;
        int settings;
    } cases[] = {
        {{NULL}, NULL, false, 0, 0},
        {{"--format", "csv", NULL}, "csv", false, 0, 0},
        {{"--format=csv", "--force", NULL}, "csv", true, 0, 0},
        {{"--format=", NULL}, "", false, 0, 0},
        {{"-f", "csv", "-", NULL}, "csv", false, 1, 0},
        {{"-fcsv", "a", "b", NULL}, "csv", false, 2, 0},
        {{"--", "--force", "-f", NULL}, NULL, false, 2, 0},
        {{"--db", "x", "a", "--config=y", NULL}, NULL, false, 1, 3},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_options o;
        struct ts_error err = TS_ERROR_INIT;
        if (read_words(cases[i].words, &o, &err) != TS_OK)
            fail_msg("%zu: %s", i, err.text);
        const char *format = ts_option(&o, "format");
        assert_true(cases[i].format == NULL ? format == NULL
                                            : strcmp(format, cases[i].format) == 0);
        assert_int_equal(ts_option(&o, "force") != NULL, cases[i].force);
        assert_int_equal(o.operand_count, cases[i].operands);
        assert_int_equal(o.setting_words, cases[i].settings);
        ts_options_deinit(&o);
    }
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    const struct {
        const char *words[MAX_WORDS];
        const char *said;
    } cases[] = {
        {{"--fromat", "csv", NULL}, "did you mean --format?"},
        {{"--zzzzzzzz", NULL}, "see touchstone move --help"},
        {{"-x", NULL}, "no option -x"},
        {{"--format", NULL}, "--format needs a value"},
        {{"-f", NULL}, "-f needs a value"},
        {{"--force=1", NULL}, "--force takes no value"},
        {{"--force", "--force", NULL}, "given twice"},
        {{"--listen", "x", NULL}, "no option --listen"},
        {{"a", "b", "c", NULL}, "what to do with \"c\""},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_options o;
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(read_words(cases[i].words, &o, &err), TS_ERR_INVALID_PARAMETER);
        if (strstr(err.text, cases[i].said) == NULL)
            fail_msg("%zu: \"%s\" says nothing of \"%s\"", i, err.text, cases[i].said);
        ts_options_deinit(&o);
    }
}

static void numbers_and_choices_are_checked(void **state)
{
    (void)state;
    const struct {
        const char *limit;
        int64_t number; /* -1: refused */
    } numbers[] = {
        {"1", 1}, {"100", 100}, {"0", -1}, {"101", -1}, {"", -1}, {"-1", -1}, {"1x", -1}};
    for (size_t i = 0; i < TS_ARRAY_LEN(numbers); i++) {
        const char *words[] = {"--limit", numbers[i].limit, NULL};
        struct ts_options o;
        struct ts_error err = TS_ERROR_INIT;
        int64_t got = 0;
        assert_int_equal(read_words(words, &o, &err), TS_OK);
        enum ts_err e =
            ts_option_number(&o, (struct ts_number_option){"limit", 1, 100, 7}, &got, &err);
        assert_int_equal(e == TS_OK ? got : -1, numbers[i].number);
        ts_options_deinit(&o);
    }
    const char *const good[] = {"--format=json", NULL};
    const char *const bad[] = {"--format=js", NULL};
    struct ts_options o;
    struct ts_error err = TS_ERROR_INIT;
    int choice = -1;
    assert_int_equal(read_words(good, &o, &err), TS_OK);
    assert_int_equal(ts_option_choice(&o, "format", "csv|json", &choice, &err), TS_OK);
    assert_int_equal(choice, 1);
    ts_options_deinit(&o);
    assert_int_equal(read_words(bad, &o, &err), TS_OK);
    assert_int_equal(ts_option_choice(&o, "format", "csv|json", &choice, &err),
                     TS_ERR_INVALID_PARAMETER);
    assert_non_null(strstr(err.text, "csv|json"));
    ts_options_deinit(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_come_in_every_usual_form),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(numbers_and_choices_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
