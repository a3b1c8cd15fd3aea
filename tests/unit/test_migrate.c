/* Databases of every earlier version, brought up to date. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schema/sql.h"
#include "storekit.h"

/* What any version since the first takes: one call with all that hangs on it, and one without. */
static const char rows[] =
    "INSERT INTO series(series_id, provider, model, task_type, complexity)"
    "  VALUES (1, 'ollama', 'llama3.2:3b', 'coding', 1);"
    "INSERT INTO label(label_id, text) VALUES (1, 'ann'), (2, 'c-17'), (3, 'vllm'), (4, 'qwen'),"
    "  (5, 'upstream_timeout');"
    "INSERT INTO call(id, series_id, outcome, total_us, fresh_tokens, output_tokens, user_id,"
    "  conversation_id, rating, message_id)"
    "  VALUES (1795205379123 << 20, 1, 0, 2456000, 100, 50, 1, 2, 1, 'm-1'),"
    "         ((1795205379123 << 20) + 1, 1, 4, 9000000, NULL, NULL, NULL, NULL, 0, NULL);"
    "INSERT INTO attempt(call_id, n, provider_id, model_id, cause_id, duration_us)"
    "  VALUES (1795205379123 << 20, 0, 3, 4, 5, 1000);"
    "INSERT INTO feedback(call_id, rated_ms, comment)"
    "  VALUES (1795205379123 << 20, 1795205380000, 'good');"
    "INSERT INTO reported_id(external_id, call_id) VALUES ('x-1', (1795205379123 << 20) + 1);"
    "INSERT INTO model_stats(task_type, model_id, successes, failures, timeouts, total_tokens)"
    "  VALUES ('coding', 'llama3.2:3b', 11, 5, 1, 150);"
    "UPDATE meta SET value = 77 WHERE key = 'tag';";

#define SCHEMA "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name"
#define KEPT                                                                                       \
    "SELECT total_calls, successes, failures, avg_us, attempts, comment, external_id FROM "        \
    "(SELECT count(*) AS total_calls, sum(total_us) AS avg_us FROM call), "                        \
    "(SELECT sum(successes) AS successes, sum(failures) AS failures FROM model_stats), "           \
    "(SELECT count(*) AS attempts FROM attempt), (SELECT comment FROM feedback), "                 \
    "(SELECT external_id FROM reported_id)"

/* As touchstone of that version left it. */
static void make_old(const struct kit *k, int version)
{
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;");
    for (int v = 0; v < version; v++) {
        kit_exec(db, ts_sql_migrations[v].text);
        if (v == 0)
            kit_exec(db, rows);
    }
    (void)sqlite3_close(db);
}

static void remove_database(const struct kit *k)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", ".spool"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[128];
        kit_path(k, suffixes[i], path);
        (void)unlink(path);
    }
}

static void assert_rows(const struct kit *k, const char *sql, const char *wanted)
{
    char *got = kit_rows(k, sql);
    assert_string_equal(got, wanted);
    free(got);
}

static char *fresh_schema(struct kit *k)
{
    kit_open(k);
    kit_close(k);
    char *schema = kit_rows(k, SCHEMA);
    remove_database(k);
    return schema;
}

static void every_earlier_version_becomes_what_a_new_file_is(void **state)
{
    struct kit *k = *state;
    char *wanted = fresh_schema(k);
    for (int version = 1; version < TS_SQL_VERSION; version++) {
        make_old(k, version);
        kit_open(k);
        assert_int_equal(ts_store_tag(k->store), 77);
        json_t *call = kit_get(k, INT64_C(1795205379123) << 20, NULL);
        assert_non_null(call);
        json_decref(call);
        kit_close(k);
        assert_int_equal(kit_number(k, "PRAGMA user_version"), TS_SQL_VERSION);
        assert_rows(k, SCHEMA, wanted);
        assert_rows(k, KEPT, "2|11|5|11456000|1|good|x-1");
        assert_rows(k, "PRAGMA integrity_check", "ok");
        assert_rows(k, "PRAGMA foreign_key_check", "");
        remove_database(k);
    }
    free(wanted);
}

static void a_copy_is_kept_from_before_the_first_step(void **state)
{
    struct kit *k = *state;
    char copy[128];
    make_old(k, 1);
    kit_open(k);
    kit_close(k);
    kit_path(k, ".v1.backup", copy);
    struct kit old = *k;
    (void)snprintf(old.path, sizeof(old.path), "%.90s", copy);
    assert_int_equal(kit_number(&old, "PRAGMA user_version"), 1);
    assert_rows(&old, KEPT, "2|11|5|11456000|1|good|x-1");

    kit_open(k); /* nothing to do, and nothing to copy */
    kit_close(k);
    kit_path(k, ".v2.backup", copy);
    assert_int_not_equal(access(copy, F_OK), 0);
}

static void a_step_that_fails_leaves_the_version_before_it(void **state)
{
    struct kit *k = *state;
    make_old(k, 1);
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "CREATE TABLE rollup_due(somebody, elses)"); /* version 3 makes one of that name */
    (void)sqlite3_close(db);
    struct ts_error err = TS_ERROR_INIT;
    assert_int_not_equal(ts_store_open(&k->options, &k->store, &err), TS_OK);
    assert_null(k->store);
    assert_non_null(strstr(err.text, "rollup_due"));
    assert_int_equal(kit_number(k, "PRAGMA user_version"), 2);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM sqlite_schema WHERE name = 'rollup'"), 0);
    assert_rows(k, KEPT, "2|11|5|11456000|1|good|x-1");

    db = kit_foreign(k);
    kit_exec(db, "DROP TABLE rollup_due");
    (void)sqlite3_close(db);
    kit_open(k);
    assert_int_equal(kit_number(k, "PRAGMA user_version"), TS_SQL_VERSION);
}

static void a_newer_version_is_refused_and_stays_as_it_is(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    kit_close(k);
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "PRAGMA user_version = 999");
    (void)sqlite3_close(db);
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_store_open(&k->options, &k->store, &err), TS_ERR_FOREIGN_FILE);
    assert_non_null(strstr(err.text, "newer"));
    assert_int_equal(kit_number(k, "PRAGMA user_version"), 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            every_earlier_version_becomes_what_a_new_file_is, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_copy_is_kept_from_before_the_first_step, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_step_that_fails_leaves_the_version_before_it, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_newer_version_is_refused_and_stays_as_it_is, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
