/* The rules that choose a model while there are no figures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analytics/rules.h"

static void sizes_are_read_from_what_servers_and_names_say(void **state)
{
    (void)state;
    static const struct {
        const char *size;
        const char *name;
        double billions;
    } cases[] = {
        {"7.6B", "qwen2.5", 7.6},
        {"137M", "tiny", 0.137},
        {"8x7B", "mixtral", 56},
        {NULL, "llama3.2:7b", 7},
        {NULL, "qwen2.5-coder-1.5b-instruct-q4_0", 1.5},
        {NULL, "gemma-3-270m", 0.27},
        {NULL, "gpt-4o", 0},
        {NULL, "phi3:latest", 0},
        {NULL, "llama-3.1-8b", 8},
        {"", "mistral-7B-v0.3", 7},
        {"unknown", "x7b", 0},
        {NULL, "99", 0},
        {NULL, "", 0},
        {NULL, "model-7bit", 0},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++)
        assert_true(fabs(ts_model_billions(cases[i].size, cases[i].name) - cases[i].billions) <
                    1e-9);
}

static const struct ts_candidate shelf[] = {
    {.model = "nomic-embed-text:137m", .provider = "ollama", .local = true, .loaded = true},
    {.model = "llama3.2:3b", .provider = "ollama", .local = true, .loaded = true},
    {.model = "qwen2.5-coder:7b", .provider = "ollama", .local = true},
    {.model = "qwen2.5:14b", .provider = "ollama", .local = true},
    {.model = "gpt-4o", .provider = "openai", .local = false},
    {.model = "gpt-1b", .provider = "openai", .local = false},
};

static const char *choice(const char *task, enum ts_complexity c, enum ts_priority p)
{
    int i = ts_rules_choose(shelf, (int)TS_ARRAY_LEN(shelf), task, c, p);
    assert_true(i >= 0);
    return shelf[i].model;
}

static void each_wish_has_its_model(void **state)
{
    (void)state;
    const enum ts_complexity simple = TS_COMPLEXITY_SIMPLE;
    const enum ts_complexity medium = TS_COMPLEXITY_MEDIUM;
    const enum ts_complexity hard = TS_COMPLEXITY_COMPLEX;
    assert_string_equal(choice("general_chat", simple, TS_PRIORITY_BALANCED), "gpt-1b");
    assert_string_equal(choice("general_chat", medium, TS_PRIORITY_BALANCED), "llama3.2:3b");
    assert_string_equal(choice("general_chat", hard, TS_PRIORITY_BALANCED), "gpt-4o");
    assert_string_equal(choice("reasoning", simple, TS_PRIORITY_BALANCED), "gpt-4o");
    assert_string_equal(choice("coding", hard, TS_PRIORITY_BALANCED), "qwen2.5-coder:7b");
    assert_string_equal(choice("coding", medium, TS_PRIORITY_QUALITY), "qwen2.5-coder:7b");
    assert_string_equal(choice("coding", hard, TS_PRIORITY_SPEED), "gpt-1b");
    assert_string_equal(choice("coding", hard, TS_PRIORITY_COST), "llama3.2:3b");
    assert_string_equal(choice("my-own", TS_COMPLEXITY_UNKNOWN, TS_PRIORITY_QUALITY), "gpt-4o");
}

static void what_only_embeds_is_never_chosen(void **state)
{
    (void)state;
    assert_int_equal(ts_rules_choose(shelf, 1, "coding", TS_COMPLEXITY_SIMPLE, TS_PRIORITY_COST),
                     -1);
    assert_int_equal(ts_rules_choose(shelf, 0, "coding", TS_COMPLEXITY_SIMPLE, TS_PRIORITY_COST),
                     -1);
}

static void priorities_are_read_by_name(void **state)
{
    (void)state;
    enum ts_priority p = TS_PRIORITY_BALANCED;
    assert_true(ts_priority_parse(TS_SLICE_LIT("cost"), &p) && p == TS_PRIORITY_COST);
    assert_false(ts_priority_parse(TS_SLICE_LIT("Cost"), &p));
    assert_false(ts_priority_parse(TS_SLICE_LIT(""), &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_from_what_servers_and_names_say),
        cmocka_unit_test(each_wish_has_its_model),
        cmocka_unit_test(what_only_embeds_is_never_chosen),
        cmocka_unit_test(priorities_are_read_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
