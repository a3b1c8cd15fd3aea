/* What a check of the database finds, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/latch.h"
#include "db/check.h"
#include "db/clone.h"
#include "storekit.h"

static void note_part(void *ctx, const char *name, int done, int total)
{
    (void)ctx;
    (void)name;
    assert_true(done >= 0 && done < total);
}

static void note_fault(void *ctx, const char *what)
{
    ts_buf_printf(ctx, "%s\n", what);
}

/* What is wrong, a line each; the caller frees it. */
static int check(const struct kit *k, struct ts_buf *said)
{
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = NULL;
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_check_sink sink = {.part = note_part, .fault = note_fault, .ctx = said};
    int faults = 0;
    if (ts_readonly_open(k->path, &r, &err) != TS_OK ||
        ts_check_database(r, &sink, &faults, &err) != TS_OK)
        fail_msg("%s", err.text);
    return faults;
}

static void fill(struct kit *k)
{
    kit_open(k);
    for (int i = 0; i < 50; i++)
        assert_int_equal(kit_record(k, i % 2 == 0 ? kit_call(i) : kit_full_call(i)), TS_OK);
    struct ts_store_rating r = {.id = kit_id(3), .rating = -1};
    assert_int_equal(kit_rate(k, &r), TS_OK);
    struct ts_latch latch;
    ts_latch_init(&latch);
    struct ts_store_clone_samples samples = {.job.latch = &latch};
    ts_store_clone_samples(k->store, &samples);
    ts_latch_wait(&latch);
    ts_latch_deinit(&latch);
    assert_int_equal(samples.job.result, TS_OK);
    assert_int_equal(samples.attempts, 90);
}

static void spoil(const struct kit *k, const char *sql)
{
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "PRAGMA foreign_keys = OFF");
    kit_exec(db, sql);
    (void)sqlite3_close(db);
}

static void a_sound_database_has_no_faults_also_while_it_is_in_use(void **state)
{
    struct kit *k = *state;
    struct ts_buf said = TS_BUF_INIT(65536);
    fill(k);
    assert_int_equal(check(k, &said), 0);
    struct ts_store_cleanup c = {.keep_days = 1};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(kit_record(k, kit_call(99)), TS_OK);
    assert_int_equal(check(k, &said), 0);
    kit_close(k);
    assert_int_equal(check(k, &said), 0);
    assert_int_equal(said.len, 0);
    ts_buf_free(&said);
}

static void read_file(const char *path, struct ts_buf *out)
{
    char block[4096];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (size_t n = 0; (n = fread(block, 1, sizeof(block), f)) > 0;)
        ts_buf_put(out, block, n);
    assert_int_equal(fclose(f), 0);
    assert_true(ts_buf_ok(out));
}

static void write_file(const char *path, const struct ts_buf *whole)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(whole->data, 1, whole->len, f), whole->len);
    assert_int_equal(fclose(f), 0);
}

static void each_kind_of_fault_is_named(void **state)
{
    struct kit *k = *state;
    static const struct {
        const char *sql;
        const char *said;
    } cases[] = {
        {"INSERT INTO feedback(call_id, rated_ms) VALUES (7, 1)", "of table feedback refers"},
        {"UPDATE call SET user_id = 12345 WHERE id = (SELECT min(id) FROM call)",
         "names a label that is not there"},
        {"UPDATE call SET id = 5 WHERE id = (SELECT min(id) FROM call)", "call 5: its id says"},
        {"UPDATE model_stats SET successes = successes - 1", "model_stats says"},
        {"UPDATE model_stats SET failures = failures + 1", "model_stats says"},
        {"DELETE FROM model_stats", "model_stats says 0 successes"},
        {"UPDATE rollup SET calls = calls + 1", "the roll-up of"},
        {"DELETE FROM rollup", "has 0 calls"},
        {"INSERT INTO learner_source(path, content_hash, imported_ms, entries)"
         " VALUES ('/x.json', x'00', 1, 3)",
         "0 of the 3 figures imported from /x.json"},
        {"UPDATE clone_counts SET time_ms = time_ms + 1", "clone_counts of ollama/llama3.2:7b in"},
        {"DELETE FROM clone_counts", "has 0 attempts"},
        {"UPDATE website_counts SET attempts = attempts - 1", "website_counts of site 1 has"},
        {"UPDATE word_counts SET successes = 0", "word_counts of 430 words has"},
    };
    fill(k);
    kit_close(k);
    struct ts_buf whole = TS_BUF_INIT(64 << 20);
    read_file(k->path, &whole);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ts_buf said = TS_BUF_INIT(1 << 20);
        spoil(k, cases[i].sql);
        int faults = check(k, &said);
        if (faults == 0 || strstr(ts_buf_text(&said), cases[i].said) == NULL)
            fail_msg("%s: %d faults: %s", cases[i].sql, faults, ts_buf_text(&said));
        ts_buf_free(&said);
        write_file(k->path, &whole);
    }
    ts_buf_free(&whole);
}

static void overwritten_pages_are_found(void **state)
{
    struct kit *k = *state;
    fill(k);
    kit_close(k);
    int64_t page = kit_number(k, "SELECT rootpage FROM sqlite_schema WHERE name = 'call'");
    FILE *f = fopen(k->path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)((page - 1) * 4096), SEEK_SET), 0);
    assert_int_equal(fwrite("no page of ours", 1, 15, f), 15);
    assert_int_equal(fclose(f), 0);
    struct ts_buf said = TS_BUF_INIT(1 << 20);
    assert_true(check(k, &said) > 0);
    ts_buf_free(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_sound_database_has_no_faults_also_while_it_is_in_use, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(each_kind_of_fault_is_named, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(overwritten_pages_are_found, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
