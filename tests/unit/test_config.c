/* Settings from their four sources, and the one line that each mistake gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "server/config.h"

enum { MAX_WORDS = 8 };

/* A file in a folder of its own, gone when the test ends. */
struct file {
    char folder[64];
    char path[96];
};

static void write_file(struct file *f, const char *text)
{
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/ts-config-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof(f->path), "%s/t.ini", f->folder);
    FILE *out = fopen(f->path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

static void remove_file(struct file *f)
{
    (void)unlink(f->path);
    (void)rmdir(f->folder);
}

static const char *const nothing[] = {NULL};

static void later_sources_win(void **state)
{
    (void)state;
    static const struct {
        const char *in_file, *in_env, *on_line;
        int64_t loops;
        enum ts_source source;
    } rows[] = {
        {"", NULL, NULL, 1, TS_FROM_DEFAULT},
        {"loops = 2\n", NULL, NULL, 2, TS_FROM_FILE},
        {"loops = 2\n", "TOUCHSTONE_LOOPS=3", NULL, 3, TS_FROM_ENV},
        {"loops = 2\n", "TOUCHSTONE_LOOPS=3", "--loops=4", 4, TS_FROM_FLAG},
        {"", NULL, "--loops=4", 4, TS_FROM_FLAG},
        {"loops = 2\n", "TOUCHSTONE_LOOPS=", NULL, 1, TS_FROM_DEFAULT},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct file f;
        struct ts_config c;
        write_file(&f, rows[i].in_file);
        const char *args[] = {"--config", f.path, rows[i].on_line, NULL};
        const char *env[] = {rows[i].in_env, NULL};
        assert_int_equal(ts_config_load(&c, args, env, NULL), TS_OK);
        assert_int_equal(ts_config_number(&c, TS_SETTING_LOOPS), rows[i].loops);
        assert_int_equal(c.values[TS_SETTING_LOOPS].source, rows[i].source);
        assert_string_equal(c.file, f.path);
        ts_config_deinit(&c);
        remove_file(&f);
    }
}

static void the_defaults_are_those_of_the_interface(void **state)
{
    (void)state;
    struct ts_config c;
    assert_int_equal(ts_config_load(&c, nothing, nothing, NULL), TS_OK);
    assert_string_equal(ts_config_text(&c, TS_SETTING_LISTEN), "127.0.0.1:8420");
    assert_int_equal(ts_config_number(&c, TS_SETTING_MAX_IN_FLIGHT), 16384);
    assert_int_equal(ts_config_number(&c, TS_SETTING_TIMEOUT_CONNECT_MS), TS_UNKNOWN);
    assert_int_equal(ts_config_number(&c, TS_SETTING_TIMEOUT_GAP_MS), 120000);
    assert_true(ts_config_on(&c, TS_SETTING_TRACKING));
    assert_false(ts_config_on(&c, TS_SETTING_LOCAL_ONLY));
    assert_true(c.values[TS_SETTING_OLLAMA_ENABLED].automatic);
    assert_string_equal(ts_config_text(&c, TS_SETTING_API_KEY), "");
    assert_int_equal(c.values[TS_SETTING_LOG].choice, 2);
    assert_null(c.file);
    ts_config_deinit(&c);
}

static void a_setting_has_three_names(void **state)
{
    (void)state;
    static const char text[] = "[touchstone]\n"
                               "max_in_flight = 11\n"
                               "[ollama]\n"
                               "  enabled = no\n"
                               "  base_url = http://gpu:11434/v1\n"
                               "[timeout]\n"
                               "gap_ms = 5 ; five\n";
    static const char *const args[] = {
        "--server-names", "a.example, b.example", "--log=debug", NULL};
    static const char *const env[] = {"TOUCHSTONE_LOCAL_ONLY=Yes", "VLLM_BASE_URL=http://v", NULL};
    struct file f;
    struct ts_config c;
    write_file(&f, text);
    const char *all[] = {"--config", f.path, args[0], args[1], args[2], NULL};
    assert_int_equal(ts_config_load(&c, all, env, NULL), TS_OK);
    assert_int_equal(ts_config_number(&c, TS_SETTING_MAX_IN_FLIGHT), 11);
    assert_false(c.values[TS_SETTING_OLLAMA_ENABLED].automatic);
    assert_false(ts_config_on(&c, TS_SETTING_OLLAMA_ENABLED));
    assert_string_equal(ts_config_text(&c, TS_SETTING_OLLAMA_BASE_URL), "http://gpu:11434/v1");
    assert_int_equal(ts_config_number(&c, TS_SETTING_TIMEOUT_GAP_MS), 5);
    assert_string_equal(ts_config_text(&c, TS_SETTING_SERVER_NAMES), "a.example, b.example");
    assert_int_equal(c.values[TS_SETTING_LOG].choice, 3);
    assert_true(ts_config_on(&c, TS_SETTING_LOCAL_ONLY));
    assert_string_equal(ts_config_text(&c, TS_SETTING_VLLM_BASE_URL), "http://v");
    ts_config_deinit(&c);
    remove_file(&f);
}

static void secrets_may_stand_in_a_file(void **state)
{
    (void)state;
    struct file f;
    struct ts_config c;
    char variable[160];
    write_file(&f, "ts_secret\n# a comment that is no part of it\n");
    (void)snprintf(variable, sizeof(variable), "TOUCHSTONE_API_KEY_FILE=%s", f.path);
    const char *env[] = {variable, NULL};
    assert_int_equal(ts_config_load(&c, nothing, env, NULL), TS_OK);
    assert_string_equal(ts_config_text(&c, TS_SETTING_API_KEY), "ts_secret");
    ts_config_deinit(&c);
    const char *args[] = {"--api-key-file", f.path, NULL};
    assert_int_equal(ts_config_load(&c, args, nothing, NULL), TS_OK);
    assert_string_equal(ts_config_text(&c, TS_SETTING_API_KEY), "ts_secret");
    ts_config_deinit(&c);
    remove_file(&f);
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_config_load(&c, nothing, env, &err), TS_ERR_CONFIG);
    assert_non_null(strstr(err.text, "TOUCHSTONE_API_KEY_FILE"));
    ts_config_deinit(&c);
}

static void prices_come_from_their_sections(void **state)
{
    (void)state;
    static const char text[] = "[price.gpt-x]\n"
                               "in = 2.5\n"
                               "out = 10\n"
                               "cache_read = 0.25\n"
                               "[price.long]\n"
                               "model = an/organisation-with-a-name/and-a-model-with-another-one\n"
                               "provider = rack\n"
                               "in = 0\n"
                               "out = 0\n";
    static const char *const env[] = {NULL};
    struct file f;
    struct ts_config c;
    write_file(&f, text);
    const char *args[] = {"--config", f.path, NULL};
    assert_int_equal(ts_config_load(&c, args, env, NULL), TS_OK);
    assert_int_equal(c.price_count, 2);
    assert_string_equal(c.prices[0].model, "gpt-x");
    assert_null(c.prices[0].provider);
    assert_true(c.prices[0].price.in == 2.5 && c.prices[0].price.out == 10);
    assert_true(c.prices[0].price.cache_read == 0.25 && c.prices[0].price.cache_write < 0);
    assert_string_equal(c.prices[1].model,
                        "an/organisation-with-a-name/and-a-model-with-another-one");
    assert_string_equal(c.prices[1].provider, "rack");
    ts_config_deinit(&c);
}

static void providers_come_from_their_sections(void **state)
{
    (void)state;
    static const char text[] = "[provider.desk]\n"
                               "kind = ollama\n"
                               "base_url = http://127.0.0.1:11434\n"
                               "[provider.rack]\n"
                               "kind = vllm\n"
                               "api_key_env = RACK_KEY\n"
                               "price_in = 0.25\n"
                               "price_cache_read = 0.025\n"
                               "max_concurrency = 4\n"
                               "timeout_first_token_ms = 0\n";
    static const char *const env[] = {"RACK_KEY=sk-rack", NULL};
    struct file f;
    struct ts_config c;
    write_file(&f, text);
    const char *args[] = {"--config", f.path, NULL};
    assert_int_equal(ts_config_load(&c, args, env, NULL), TS_OK);
    assert_int_equal(c.provider_count, 2);
    assert_string_equal(c.providers[0].name, "desk");
    assert_int_equal(c.providers[0].kind, TS_KIND_OLLAMA);
    assert_string_equal(c.providers[0].base_url, "http://127.0.0.1:11434");
    assert_true(c.providers[0].price.in < 0);
    assert_int_equal(c.providers[0].gap_timeout_ms, TS_UNKNOWN);
    assert_int_equal(c.providers[1].kind, TS_KIND_VLLM);
    assert_string_equal(c.providers[1].api_key, "sk-rack");
    assert_true(c.providers[1].price.in == 0.25);
    assert_true(c.providers[1].price.cache_read == 0.025);
    assert_int_equal(c.providers[1].max_concurrency, 4);
    assert_int_equal(c.providers[1].first_token_timeout_ms, 0);
    ts_config_deinit(&c);
    remove_file(&f);
}

struct mistake {
    const char *args[MAX_WORDS];
    const char *env[MAX_WORDS];
    enum ts_err wanted;
    const char *says[3]; /* parts of the line */
};

static void mistakes_outside_the_file_are_told_in_one_line(void **state)
{
    (void)state;
    static const struct mistake rows[] = {
        {{"--loops", "many"}, {NULL}, TS_ERR_INVALID_PARAMETER, {"--loops", "many", "1 to 64"}},
        {{"--loops=0"}, {NULL}, TS_ERR_INVALID_PARAMETER, {"--loops", "1 to 64"}},
        {{"--loop", "2"}, {NULL}, TS_ERR_INVALID_PARAMETER, {"--loop;", "did you mean --loops?"}},
        {{"--loops"}, {NULL}, TS_ERR_INVALID_PARAMETER, {"--loops needs a value"}},
        {{"loops"}, {NULL}, TS_ERR_INVALID_PARAMETER, {"no option loops"}},
        {{"--"}, {NULL}, TS_ERR_INVALID_PARAMETER, {"no option --"}},
        {{"--zzzzzz", "1"}, {NULL}, TS_ERR_INVALID_PARAMETER, {"--zzzzzz", "see --help"}},
        {{"--config", "/nowhere/t.ini"}, {NULL}, TS_ERR_CONFIG, {"/nowhere/t.ini", "no such file"}},
        {{NULL}, {"TOUCHSTONE_CONFIG=/nowhere/t.ini"}, TS_ERR_CONFIG, {"/nowhere/t.ini"}},
        {{NULL}, {"TOUCHSTONE_LOOPS=-1"}, TS_ERR_CONFIG, {"TOUCHSTONE_LOOPS", "-1"}},
        {{NULL}, {"TOUCHSTONE_LOOPS=99999999999999999999"}, TS_ERR_CONFIG, {"TOUCHSTONE_LOOPS"}},
        {{NULL}, {"TOUCHSTONE_TRACKING=maybe"}, TS_ERR_CONFIG, {"maybe", "on or off"}},
        {{NULL}, {"OLLAMA_ENABLED=perhaps"}, TS_ERR_CONFIG, {"OLLAMA_ENABLED", "auto, on or off"}},
        {{NULL},
         {"TOUCHSTONE_TRUSTED_PROXIES=::1, 10.0.0.0/33"},
         TS_ERR_CONFIG,
         {"TOUCHSTONE_TRUSTED_PROXIES", "\"10.0.0.0/33\"", "10.0.0.0/8"}},
        {{NULL}, {"TOUCHSTONE_LOG=loud"}, TS_ERR_CONFIG, {"loud", "error|warn|info|debug"}},
        {{NULL}, {"TOUCHSTONE_LOG=inf"}, TS_ERR_CONFIG, {"\"inf\""}},
        {{NULL},
         {"TOUCHSTONE_LISTN=x"},
         TS_ERR_CONFIG,
         {"TOUCHSTONE_LISTN", "did you mean TOUCHSTONE_LISTEN?"}},
        {{NULL}, {"TOUCHSTONE_OLLAMA_BASE_URL=x"}, TS_ERR_CONFIG, {"OLLAMA_BASE_URL?"}},
        {{NULL}, {"TOUCHSTONE_=x"}, TS_ERR_CONFIG, {"TOUCHSTONE_"}},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_config c;
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(ts_config_load(&c, rows[i].args, rows[i].env, &err), rows[i].wanted);
        assert_int_equal(err.code, rows[i].wanted);
        assert_null(strchr(err.text, '\n'));
        for (int j = 0; j < 3 && rows[i].says[j] != NULL; j++) {
            if (strstr(err.text, rows[i].says[j]) == NULL)
                fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].says[j]);
        }
        ts_config_deinit(&c);
    }
}

static void mistakes_in_the_file_are_told_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says[3];
    } rows[] = {
        {"loops = 2\nlisten = [::1]:1\nlops = 3\n", {"t.ini:3", "\"lops\"", "did you mean loops?"}},
        {"loops = 2\n\n# c\nreaders = none\n", {"t.ini:4: readers", "1 to 64"}},
        {"just words\n", {"t.ini:1", "key = value"}},
        {"[ollama]\nbase_ulr = x\n", {"t.ini:2", "ollama_base_ulr", "ollama_base_url?"}},
        {"[provider.a]\nbase_url = x\n", {"t.ini:2", "[provider.a] has no kind"}},
        {"[provider.a]\nkind = gpt\n", {"t.ini:2", "gpt", "ollama, vllm"}},
        {"[provider.a]\nkind = vllm\nwight = 2\n", {"t.ini:3", "wight", "did you mean weight?"}},
        {"[provider.a]\nkind = vllm\nprice_in = -1\n", {"t.ini:3", "price_in", "0 to"}},
        {"[provider.a]\nkind = vllm\nprice_in = nan\n", {"t.ini:3", "price_in"}},
        {"[price.m]\nin = -1\n", {"t.ini:2", "in", "0 to"}},
        {"[price.m]\ninn = 1\n", {"t.ini:2", "a price has no", "did you mean in?"}},
        {"[price.a-name-that-is-so-long-that-libinih-cuts-it-off]\nin = 1\n",
         {"t.ini:2", "model ="}},
        {"[provider.a]\nkind = vllm\nmax_concurrency = 1.5\n", {"t.ini:3", "whole number"}},
        {"[provider.a]\nkind = vllm\napi_key_env = NOT_SET\n", {"t.ini:3", "NOT_SET"}},
        {"[provider.a b]\nkind = vllm\n", {"t.ini:2", "provider's name"}},
        {"[provider.a:b]\nkind = vllm\n", {"t.ini:2", "provider's name"}},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct file f;
        struct ts_config c;
        struct ts_error err = TS_ERROR_INIT;
        write_file(&f, rows[i].text);
        const char *args[] = {"--config", f.path, NULL};
        assert_int_equal(ts_config_load(&c, args, nothing, &err), TS_ERR_CONFIG);
        for (int j = 0; j < 3 && rows[i].says[j] != NULL; j++) {
            if (strstr(err.text, rows[i].says[j]) == NULL)
                fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].says[j]);
        }
        ts_config_deinit(&c);
        remove_file(&f);
    }
}

static void a_line_too_long_for_the_parser_is_an_error_not_a_cut(void **state)
{
    (void)state;
    char text[512];
    memset(text, 'a', sizeof(text));
    memcpy(text, "server_names = ", 15);
    memcpy(text + sizeof(text) - 2, "\n", 2);
    struct file f;
    struct ts_config c;
    struct ts_error err = TS_ERROR_INIT;
    write_file(&f, text);
    const char *args[] = {"--config", f.path, NULL};
    assert_int_equal(ts_config_load(&c, args, nothing, &err), TS_ERR_CONFIG);
    assert_non_null(strstr(err.text, "t.ini:1"));
    ts_config_deinit(&c);
    remove_file(&f);
}

static void every_setting_is_printed_and_hidden_ones_are_not(void **state)
{
    (void)state;
    TS_AUTO(ts_buf_free) struct ts_buf help = TS_BUF_INIT(64 * 1024);
    TS_AUTO(ts_buf_free) struct ts_buf man = TS_BUF_INIT(64 * 1024);
    TS_AUTO(ts_buf_free) struct ts_buf env = TS_BUF_INIT(64 * 1024);
    ts_config_print_options(&help);
    ts_config_print_man(&man);
    ts_config_print_env(&env);
    assert_true(ts_buf_ok(&help) && ts_buf_ok(&man) && ts_buf_ok(&env));
    for (int i = 0; i < TS_SETTING_COUNT_; i++) {
        char flag[TS_SETTING_NAME_SIZE];
        char name[TS_SETTING_NAME_SIZE];
        char in_help[TS_SETTING_NAME_SIZE + 8];
        char in_env[TS_SETTING_NAME_SIZE + 8];
        enum ts_setting_id id = (enum ts_setting_id)i;
        bool shown = (ts_setting(id)->flags & TS_SET_HIDDEN) == 0;
        (void)snprintf(in_help, sizeof(in_help), "  %s ", ts_setting_flag(id, "", flag));
        (void)snprintf(in_env, sizeof(in_env), "\n#%s=", ts_setting_env(id, "", name));
        assert_int_equal(strstr(help.data, in_help) != NULL, shown);
        assert_int_equal(strstr(env.data, in_env) != NULL, shown);
    }
    assert_non_null(strstr(man.data, ".SH OPTIONS"));
    assert_null(strstr(help.data, "\n\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(the_defaults_are_those_of_the_interface),
        cmocka_unit_test(a_setting_has_three_names),
        cmocka_unit_test(secrets_may_stand_in_a_file),
        cmocka_unit_test(providers_come_from_their_sections),
        cmocka_unit_test(prices_come_from_their_sections),
        cmocka_unit_test(mistakes_outside_the_file_are_told_in_one_line),
        cmocka_unit_test(mistakes_in_the_file_are_told_with_their_line),
        cmocka_unit_test(a_line_too_long_for_the_parser_is_an_error_not_a_cut),
        cmocka_unit_test(every_setting_is_printed_and_hidden_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
