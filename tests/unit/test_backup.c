/* A copy of the database while it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "storekit.h"

static void make_file(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
}

/* Asks for it; the latch opens when it is done. */
static void ask(struct kit *k, struct ts_store_backup *b, struct ts_latch *latch, const char *to)
{
    *b = (struct ts_store_backup){.job.latch = latch, .to = to};
    ts_latch_init(latch);
    ts_store_backup(k->store, b);
}

static void fill(struct kit *k, int first, int count)
{
    enum { BATCH = 500 };
    for (int at = first; at < first + count; at += BATCH) {
        struct ts_call *calls[BATCH];
        int n = 0;
        for (; n < BATCH && at + n < first + count; n++)
            calls[n] = kit_full_call(at + n);
        struct ts_store_import im = {.calls = calls, .count = n};
        assert_int_equal(kit_import(k, &im), TS_OK);
    }
}

static int64_t number_in(const char *path, const char *sql)
{
    struct kit copy = {0};
    assert_true(snprintf(copy.path, sizeof(copy.path), "%.90s", path) > 0);
    return kit_number(&copy, sql);
}

static void a_copy_is_whole_sound_and_one_file(void **state)
{
    struct kit *k = *state;
    struct ts_store_backup b;
    struct ts_latch latch;
    struct ts_error err = TS_ERROR_INIT;
    char to[128];
    char log[160];
    struct stat st;
    kit_path(k, ".copy", to);
    kit_open(k);
    fill(k, 1, 3000);
    make_file(to);
    ask(k, &b, &latch, to);
    ts_latch_wait(&latch);
    assert_int_equal(b.job.result, TS_OK);
    assert_true(b.total > 100 && b.done == b.total);
    assert_int_equal(ts_backup_check(to, &err), TS_OK);
    (void)snprintf(log, sizeof(log), "%s-wal", to);
    assert_int_not_equal(stat(log, &st), 0);
    assert_int_equal(number_in(to, "SELECT count(*) FROM call"), 3000);
    assert_int_equal(number_in(to, "SELECT value FROM meta WHERE key = 'tag'"),
                     kit_number(k, "SELECT value FROM meta WHERE key = 'tag'"));
    ts_latch_deinit(&latch);
}

/* Makes a copy and records calls until it is there; how many of them are in it. */
static int64_t copied_meanwhile(struct kit *k, const char *to, int *rows)
{
    struct ts_store_backup b;
    struct ts_latch latch;
    struct ts_error err = TS_ERROR_INIT;
    int before = *rows;
    make_file(to);
    ask(k, &b, &latch, to);
    while (!ts_latch_wait_for(&latch, 0))
        assert_int_equal(kit_record(k, kit_call(++*rows)), TS_OK);
    ts_latch_deinit(&latch);
    assert_int_equal(b.job.result, TS_OK);
    assert_int_equal(ts_backup_check(to, &err), TS_OK);
    int64_t copied = number_in(to, "SELECT count(*) FROM call");
    assert_true(copied >= before && copied <= *rows);
    assert_int_equal(number_in(to, "SELECT sum(successes + failures) FROM model_stats"),
                     number_in(to, "SELECT count(success) FROM call"));
    return copied - before;
}

static void what_is_written_meanwhile_is_in_the_copy(void **state)
{
    enum { ROWS = 10000, TRIES = 100 };
    struct kit *k = *state;
    char to[128];
    kit_path(k, ".copy", to);
    kit_open(k);
    fill(k, 1, ROWS);
    int rows = ROWS;
    int tries = 0; /* on a busy machine the copy may be done before the first call */
    while (copied_meanwhile(k, to, &rows) == 0)
        assert_true(++tries < TRIES);
}

static void a_second_one_is_refused_and_a_stop_breaks_the_first_off(void **state)
{
    struct kit *k = *state;
    struct ts_store_backup b;
    struct ts_store_backup second;
    struct ts_latch latch;
    struct ts_latch second_latch;
    struct ts_latch rated;
    char to[128];
    kit_path(k, ".copy", to);
    kit_open(k);
    fill(k, 1, 3000);
    make_file(to);
    sqlite3 *other = kit_foreign(k);
    kit_exec(other, "BEGIN IMMEDIATE"); /* holds the writer in its next turn */
    struct ts_store_rating r = {.id = kit_id(1), .rating = 1, .job.latch = &rated};
    ts_latch_init(&rated);
    ts_store_rate(k->store, &r);
    ask(k, &b, &latch, to);
    ask(k, &second, &second_latch, to);
    assert_int_equal(second.job.result, TS_ERR_OVERLOADED);
    b.stop = true;
    kit_exec(other, "ROLLBACK");
    (void)sqlite3_close(other);
    ts_latch_wait(&latch);
    assert_int_equal(b.job.result, TS_ERR_DRAINING);
    ts_latch_wait(&rated);
    ts_latch_deinit(&rated);
    ts_latch_deinit(&latch);
    ts_latch_deinit(&second_latch);
}

static void a_place_that_cannot_be_written_is_told(void **state)
{
    struct kit *k = *state;
    struct ts_store_backup b;
    struct ts_latch latch;
    kit_open(k);
    fill(k, 1, 10);
    ask(k, &b, &latch, "/no/such/folder/copy.db");
    ts_latch_wait(&latch);
    assert_int_equal(b.job.result, TS_ERR_IO);
    assert_int_equal(kit_record(k, kit_call(11)), TS_OK);
    ts_latch_deinit(&latch);
}

static void a_store_that_closes_settles_it(void **state)
{
    struct kit *k = *state;
    struct ts_store_backup b;
    struct ts_latch latch;
    char to[128];
    kit_path(k, ".copy", to);
    kit_open(k);
    fill(k, 1, 6000);
    make_file(to);
    ask(k, &b, &latch, to);
    kit_close(k);
    assert_true(ts_latch_wait_for(&latch, 0));
    assert_true(b.job.result == TS_ERR_STORAGE_UNAVAILABLE || b.job.result == TS_OK);
    ts_latch_deinit(&latch);
}

static void a_damaged_copy_is_found(void **state)
{
    struct kit *k = *state;
    struct ts_store_backup b;
    struct ts_latch latch;
    struct ts_error err = TS_ERROR_INIT;
    char to[128];
    kit_path(k, ".copy", to);
    kit_open(k);
    fill(k, 1, 3000);
    make_file(to);
    ask(k, &b, &latch, to);
    ts_latch_wait(&latch);
    FILE *f = fopen(to, "r+");
    assert_non_null(f);
    static const char junk[8192] = {1, 2, 3};
    assert_int_equal(fseek(f, 40 * 4096, SEEK_SET), 0);
    assert_int_equal(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
    (void)fclose(f);
    assert_int_not_equal(ts_backup_check(to, &err), TS_OK);
    ts_latch_deinit(&latch);
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_copy_is_whole_sound_and_one_file),
        STORE_TEST(what_is_written_meanwhile_is_in_the_copy),
        STORE_TEST(a_second_one_is_refused_and_a_stop_breaks_the_first_off),
        STORE_TEST(a_place_that_cannot_be_written_is_told),
        STORE_TEST(a_store_that_closes_settles_it),
        STORE_TEST(a_damaged_copy_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
