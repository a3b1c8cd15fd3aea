/* The older JSON store of outcomes: read whole or refused whole, imported once. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/baseline.h"
#include "storekit.h"

static const char old_store[] =
    "{\n"
    "  \"execute-task\": {\n"
    "    \"gpt-4o\": {\"successes\": 42, \"failures\": 3, \"successRate\": 0.93},\n"
    "    \"claude-opus\": {\"successes\": 7.0, \"failures\": 1, \"timeouts\": 1, \"totalTokens\": "
    "9000,\n"
    "      \"totalCost\": 0.25, \"lastUsed\": \"2026-01-02T04:04:05+01:00\", \"note\": [1, {}]}\n"
    "  },\n"
    "  \"coding\": {\"llama3.2:3b\": {\"successes\": 1, \"failures\": 0, \"lastUsed\": null, "
    "\"totalTokens\": null}},\n"
    "  \"plan-slice\": {}\n"
    "}\n";

#define ALL_STATS                                                                                  \
    "SELECT task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, "        \
    "last_used FROM model_stats ORDER BY 1, 2"

static void file_path(const struct kit *k, const char *name, char out[static 128])
{
    (void)snprintf(out, 128, "%s/%s", k->folder, name);
}

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static bool wait_number(const struct kit *k, const char *sql, int64_t wanted)
{
    for (int i = 0; i < 1000; i++, (void)usleep(5000)) {
        if (kit_number(k, sql) == wanted)
            return true;
    }
    return false;
}

static void assert_rows(const struct kit *k, const char *sql, const char *wanted)
{
    char *rows = kit_rows(k, sql);
    assert_string_equal(rows, wanted);
    free(rows);
}

/* With the file as @text; its path stays in @path. */
static void open_with(struct kit *k, const char *text, char path[static 128])
{
    file_path(k, "old.json", path);
    write_file(path, text, strlen(text));
    k->options.learner_json = path;
    kit_open(k);
}

static void its_figures_are_part_of_model_stats(void **state)
{
    struct kit *k = *state;
    char path[128];
    open_with(k, old_store, path);
    assert_true(wait_number(k, "SELECT count(*) FROM learner_source", 1));
    assert_rows(k,
                ALL_STATS,
                "coding|llama3.2:3b|1|0|0|0|0.0|NULL\n"
                "execute-task|claude-opus|7|1|1|9000|0.25|2026-01-02T03:04:05.000Z\n"
                "execute-task|gpt-4o|42|3|0|0|0.0|NULL");
    assert_rows(k, "SELECT entries FROM learner_source", "3");

    assert_int_equal(kit_record(k, kit_call(0)), TS_OK);
    assert_rows(k,
                "SELECT successes, failures, total_tokens, last_used IS NOT NULL FROM model_stats "
                "WHERE task_type = 'coding'",
                "2|0|150|1");
    assert_rows(k, "SELECT successes FROM learner_baseline WHERE task_type = 'coding'", "1");
}

static void it_is_imported_once(void **state)
{
    struct kit *k = *state;
    char path[128];
    char copy[128];
    open_with(k, old_store, path);
    assert_true(wait_number(k, "SELECT count(*) FROM learner_source", 1));
    kit_close(k);
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(0)), TS_OK);
    kit_close(k);
    file_path(k, "copy.json", copy);
    assert_int_equal(rename(path, copy), 0);
    k->options.learner_json = copy;
    kit_open(k);
    (void)usleep(200 * 1000);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    assert_rows(k, "SELECT sum(successes) FROM model_stats", "52");
    assert_rows(k, "SELECT count(*) FROM learner_source", "1");
}

static void a_file_that_changed_takes_the_place_of_the_former(void **state)
{
    struct kit *k = *state;
    char path[128];
    open_with(k, old_store, path);
    assert_true(wait_number(k, "SELECT count(*) FROM learner_source", 1));
    assert_int_equal(kit_record(k, kit_call(0)), TS_OK);
    kit_close(k);
    open_with(k,
              "{\"execute-task\": {\"gpt-4o\": {\"successes\": 50, \"failures\": 4}},"
              " \"new\": {\"m\": {\"successes\": 2, \"failures\": 0}}}",
              path);
    assert_true(wait_number(k, "SELECT count(*) FROM learner_baseline", 2));
    assert_rows(k,
                "SELECT task_type, model_id, successes, failures FROM model_stats ORDER BY 1, 2",
                "coding|llama3.2:3b|1|0\n"
                "execute-task|gpt-4o|50|4\n"
                "new|m|2|0");
}

static void a_broken_file_is_refused_whole_with_line_and_column(void **state)
{
    struct kit *k = *state;
    static const struct {
        const char *text;
        enum ts_err code;
        const char *where;
        const char *what;
    } cases[] = {
        {"", TS_ERR_INVALID_JSON, ":1:", "end of file"},
        {"{\"a\": {\"m\": {\"successes\": 1, \"failures\": 2}}", TS_ERR_INVALID_JSON, ":1:", "end"},
        {"{\n \"a\": {\"m\" {}}}", TS_ERR_INVALID_JSON, ":2:", "expected"},
        {"{\"a\": {}, \"a\": {}}", TS_ERR_INVALID_JSON, ":1:", "duplicate"},
        {"[]", TS_ERR_INVALID_FIELD, ":1:1:", "not an object"},
        {"{\n  \"a\": 3}", TS_ERR_INVALID_FIELD, ":2:8:", "not an object"},
        {"{\"a\": {\n\"m\": 1}}", TS_ERR_INVALID_FIELD, ":2:6:", "not an object"},
        {"{\"a\": {\n \"m\": {\"successes\": 1}}}", TS_ERR_INVALID_FIELD, ":2:2:", "failures"},
        {"{\"a\":{\"m\":{\"successes\":-1,\"failures\":0}}}",
         TS_ERR_INVALID_FIELD,
         ":1:24:",
         "successes is not a whole number"},
        {"{\"a\":{\"m\":{\"successes\":1.5,\"failures\":0}}}",
         TS_ERR_INVALID_FIELD,
         ":1:24:",
         "successes"},
        {"{\"a\":{\"m\":{\"successes\":\"1\",\"failures\":0}}}",
         TS_ERR_INVALID_FIELD,
         ":1:24:",
         "successes"},
        {"{\"a\":{\"m\":{\"successes\":1,\"failures\":0,\"totalCost\":-1}}}",
         TS_ERR_INVALID_FIELD,
         ":1:51:",
         "totalCost"},
        {"{\"a\":{\"m\":{\"successes\":1,\"failures\":0,\"lastUsed\":\"yesterday\"}}}",
         TS_ERR_INVALID_FIELD,
         ":1:50:",
         "lastUsed"},
        {"{\"\":{\"m\":{\"successes\":1,\"failures\":0}}}",
         TS_ERR_INVALID_FIELD,
         ":1:2:",
         "task type"},
    };
    char path[128];
    file_path(k, "old.json", path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ts_baseline *b = NULL;
        struct ts_error err = TS_ERROR_INIT;
        write_file(path, cases[i].text, strlen(cases[i].text));
        assert_int_equal(ts_baseline_read(path, &b, &err), cases[i].code);
        assert_null(b);
        assert_non_null(strstr(err.text, path));
        if (strstr(err.text, cases[i].where) == NULL || strstr(err.text, cases[i].what) == NULL)
            fail_msg("case %zu: %s", i, err.text);
    }
}

static void a_broken_file_leaves_the_store_as_it_is(void **state)
{
    struct kit *k = *state;
    char path[128];
    open_with(k, "{\"a\": {\"m\": {\"successes\": 1, \"failures\": 2}, \"n\": 5}}", path);
    for (int i = 0; i < 50; i++)
        assert_int_equal(kit_record(k, kit_call(i)), TS_OK);
    (void)usleep(200 * 1000);
    assert_rows(k, "SELECT task_type, successes FROM model_stats", "coding|50");
    assert_rows(k, "SELECT count(*) FROM learner_source", "0");
    assert_true(ts_store_health(k->store).writable);
    assert_int_equal(access(path, F_OK), 0);
}

static void what_is_no_readable_file_is_an_error_that_names_it(void **state)
{
    struct kit *k = *state;
    struct ts_baseline *b = NULL;
    struct ts_error err = TS_ERROR_INIT;
    char path[128];
    file_path(k, "nowhere.json", path);
    assert_int_equal(ts_baseline_read(path, &b, &err), TS_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(ts_baseline_read(k->folder, &b, &err), TS_ERR_IO);
    assert_non_null(strstr(err.text, k->folder));
    assert_int_equal(symlink(path, path), 0);
    assert_int_equal(ts_baseline_read(path, &b, &err), TS_ERR_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ts_baseline_read(path, &b, &err), TS_ERR_IO);
    assert_int_equal(unlink(path), 0);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, INT64_C(1) << 33), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(ts_baseline_read(path, &b, &err), TS_ERR_IO);
    assert_non_null(strstr(err.text, "larger"));
}

static void after_a_week_it_gets_another_name(void **state)
{
    struct kit *k = *state;
    char path[128];
    char aside[140];
    open_with(k, old_store, path);
    assert_true(wait_number(k, "SELECT count(*) FROM learner_source", 1));
    kit_close(k);
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "UPDATE learner_source SET imported_ms = imported_ms - 8 * 86400000");
    (void)sqlite3_close(db);
    (void)snprintf(aside, sizeof(aside), "%s.migrated", path);
    write_file(aside, "mine", 4);
    kit_open(k);
    (void)usleep(200 * 1000);
    assert_int_equal(access(path, F_OK), 0); /* never over another file */
    kit_close(k);
    assert_int_equal(unlink(aside), 0);
    kit_open(k);
    for (int i = 0; i < 1000 && access(aside, F_OK) != 0; i++)
        (void)usleep(5000);
    assert_int_equal(access(aside, F_OK), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_rows(k, "SELECT sum(successes) FROM model_stats", "50");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            its_figures_are_part_of_model_stats, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(it_is_imported_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_file_that_changed_takes_the_place_of_the_former, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_broken_file_is_refused_whole_with_line_and_column, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_broken_file_leaves_the_store_as_it_is, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            what_is_no_readable_file_is_an_error_that_names_it, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(after_a_week_it_gets_another_name, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests_name("baseline", tests, NULL, NULL);
}
