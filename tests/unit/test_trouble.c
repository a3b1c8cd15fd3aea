/* The store in bad times: no row that was acknowledged is lost, none is stored twice, it heals. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/inbox.h"
#include "storekit.h"

enum { HEAL_MS = 5000 };

static bool recorded_within(struct kit *k, struct ts_call *call, int64_t ms)
{
    int64_t start_us = ts_now_us();
    enum ts_err e = kit_record(k, call);
    return e == TS_OK && ts_now_us() - start_us <= ms * 1000;
}

static void assert_healed_with(struct kit *k, int calls)
{
    assert_true(kit_wait_writable(k, true, HEAL_MS));
    assert_true(kit_wait_spool_empty(k, HEAL_MS));
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), calls);
    assert_int_equal(kit_number(k, "SELECT sum(successes) FROM model_stats"), calls);
    assert_int_equal(ts_store_health(k->store).lost_rows, 0);
}

static sqlite3 *lock_exclusively(const struct kit *k)
{
    sqlite3 *other = kit_foreign(k);
    kit_exec(other, "BEGIN IMMEDIATE");
    return other;
}

static void unlock(sqlite3 *other)
{
    kit_exec(other, "ROLLBACK");
    (void)sqlite3_close(other);
}

/* Calls handed over without waiting for each. */
struct counted {
    struct ts_store_job job;
    _Atomic int *settled;
};

static void count_settled(struct ts_post *p)
{
    ++*TS_CONTAINER(p, struct counted, job.post)->settled;
}

static void record_many(
    struct kit *k, struct counted *jobs, int first, int count, _Atomic int *settled)
{
    for (int i = 0; i < count; i++) {
        jobs[i] = (struct counted){.job.post.fn = count_settled, .settled = settled};
        ts_store_record(k->store, kit_call(first + i), &jobs[i].job);
    }
}

/* -- another process holds the lock ----------------------------------------------------------- */

static void rows_are_acknowledged_while_another_process_holds_the_lock(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    sqlite3 *other = lock_exclusively(k);
    for (int n = 2; n <= 3; n++)
        assert_true(recorded_within(k, kit_call(n), 2000));
    assert_true(ts_store_health(k->store).spooled_rows > 0);
    unlock(other);
    assert_healed_with(k, 3);
}

static void a_lock_longer_than_the_patience_is_told_and_heals(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    sqlite3 *other = lock_exclusively(k);
    assert_true(recorded_within(k, kit_call(1), 2000));
    assert_true(kit_wait_writable(k, false, 8000));
    assert_true(strlen(ts_store_health(k->store).why) > 0);
    int64_t start_us = ts_now_us();
    for (int n = 2; n <= 50; n++)
        assert_true(recorded_within(k, kit_call(n), 2000));
    assert_true(ts_now_us() - start_us < 20 * 1000 * 1000); /* no row waits a second any more */
    unlock(other);
    assert_healed_with(k, 50);
}

static void ratings_and_imports_are_to_be_tried_again_while_rows_are_spooled(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    sqlite3 *other = lock_exclusively(k);
    assert_true(recorded_within(k, kit_call(1), 2000));
    struct ts_store_rating r = {.id = kit_id(1), .rating = 1};
    assert_int_equal(kit_rate(k, &r), TS_ERR_STORAGE_UNAVAILABLE);
    struct ts_call *calls[] = {kit_call(2), kit_call(3)};
    struct ts_store_import im = {.calls = calls, .count = 2};
    assert_int_equal(kit_import(k, &im), TS_ERR_STORAGE_UNAVAILABLE);
    unlock(other);
    assert_healed_with(k, 1);
    r = (struct ts_store_rating){.id = kit_id(1), .rating = 1};
    assert_int_equal(kit_rate(k, &r), TS_OK);
    calls[0] = kit_call(2);
    calls[1] = kit_call(3);
    assert_int_equal(kit_import(k, &im), TS_OK);
    assert_int_equal(im.accepted, 2);
}

static void what_is_in_the_spool_at_the_end_is_stored_by_the_next_start(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    sqlite3 *other = lock_exclusively(k);
    for (int n = 1; n <= 2; n++)
        assert_true(recorded_within(k, kit_call(n), 2000));
    kit_close(k);
    unlock(other);
    kit_open(k);
    assert_int_equal(ts_store_newest_id(k->store), kit_id(2));
    assert_healed_with(k, 2);
}

static void a_full_spool_loses_rows_and_counts_them(void **state)
{
    enum { OVER = 5 };
    struct kit *k = *state;
    kit_open(k);
    sqlite3 *other = lock_exclusively(k);
    assert_true(recorded_within(k, kit_call(1), 2000));
    assert_true(kit_wait_writable(k, false, 8000));
    static struct counted jobs[TS_SPOOL_MAX_ROWS + OVER - 1];
    _Atomic int settled = 0;
    record_many(k, jobs, 2, TS_ARRAY_LEN(jobs), &settled);
    for (int waits = 0; settled < (int)TS_ARRAY_LEN(jobs) && waits < 20000; waits++)
        (void)usleep(1000);
    assert_int_equal(settled, TS_ARRAY_LEN(jobs));
    int lost = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(jobs); i++)
        lost += jobs[i].job.result == TS_ERR_STORAGE_UNAVAILABLE;
    assert_int_equal(lost, ts_store_health(k->store).lost_rows);
    assert_true(lost >= OVER && lost < OVER + TS_SPILL_ROWS); /* a turn of rows fails together */
    unlock(other);
    assert_true(kit_wait_writable(k, true, HEAL_MS));
    assert_true(kit_wait_spool_empty(k, 20000));
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), TS_SPOOL_MAX_ROWS + OVER - lost);
}

/* -- the disk --------------------------------------------------------------------------------- */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The write-ahead log may not grow: what a full disk looks like to SQLite. */
static void a_full_disk_sends_rows_to_the_spool_until_there_is_room(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    for (int n = 1; n <= 50; n++)
        assert_int_equal(kit_record(k, kit_call(n)), TS_OK);
    char wal[128];
    kit_path(k, "-wal", wal);
    struct stat st;
    assert_int_equal(stat(wal, &st), 0);
    limit_files((rlim_t)st.st_size);
    for (int n = 51; n <= 100; n++)
        assert_true(recorded_within(k, kit_call(n), 2000));
    bool told = !ts_store_health(k->store).writable;
    json_auto_t *old = kit_get(k, kit_id(1), NULL);
    bool readable = old != NULL;
    limit_files(RLIM_INFINITY);
    assert_true(told);
    assert_true(readable);
    assert_healed_with(k, 100);
}

static void a_deleted_database_is_made_anew_and_loses_nothing_acknowledged_since(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    uint64_t tag = ts_store_tag(k->store);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    assert_int_equal(unlink(k->path), 0);
    for (int n = 2; n <= 20; n++)
        assert_true(recorded_within(k, kit_call(n), 2000));
    assert_healed_with(k, 19);
    assert_true(ts_store_tag(k->store) == tag);
    json_auto_t *call = kit_get(k, kit_id(20), NULL);
    assert_non_null(call);
}

/* -- a start in bad times --------------------------------------------------------------------- */

static void a_locked_database_makes_a_degraded_start_that_heals(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    uint64_t tag = ts_store_tag(k->store);
    kit_close(k);
    sqlite3 *other = kit_foreign(k);
    kit_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    struct ts_store *refused = NULL;
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_store_open(&k->options, &refused, &err), TS_ERR_IO);
    k->options.required = false;
    kit_open(k);
    assert_false(ts_store_health(k->store).writable);
    assert_true(ts_store_tag(k->store) == tag);
    assert_true(recorded_within(k, kit_call(1), 2000));
    assert_null(kit_get(k, kit_id(1), &err));
    assert_int_equal(err.code, TS_ERR_STORAGE_UNAVAILABLE);
    unlock(other);
    assert_healed_with(k, 1);
    json_auto_t *call = kit_get(k, kit_id(1), NULL);
    assert_non_null(call);
}

/* As somebody who may read the folder and write nothing in it. */
static int as_nobody(struct kit *k)
{
    if (setgid(65534) != 0 || setuid(65534) != 0)
        return 77;
    struct ts_error err = TS_ERROR_INIT;
    if (ts_store_open(&k->options, &k->store, &err) != TS_ERR_IO ||
        strstr(err.text, k->path) == NULL)
        return 1;
    k->options.required = false;
    if (ts_store_open(&k->options, &k->store, &err) != TS_OK)
        return 2;
    if (kit_record(k, kit_call(1)) != TS_ERR_STORAGE_UNAVAILABLE)
        return 3;
    struct ts_store_health h = ts_store_health(k->store);
    int lied = h.writable || h.lost_rows != 1 || strlen(h.why) == 0;
    kit_close(k);
    return lied ? 4 : 0;
}

static void a_folder_without_permission_makes_a_degraded_start(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    kit_close(k);
    assert_int_equal(chmod(k->folder, 0755), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(as_nobody(k));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* -- closing ---------------------------------------------------------------------------------- */

static void closing_commits_what_is_queued(void **state)
{
    enum { CALLS = 2000 };
    struct kit *k = *state;
    kit_open(k);
    static struct counted jobs[CALLS];
    _Atomic int settled = 0;
    record_many(k, jobs, 1, CALLS, &settled);
    kit_close(k);
    assert_int_equal(settled, CALLS);
    char wal[128];
    kit_path(k, "-wal", wal);
    assert_int_not_equal(access(wal, F_OK), 0); /* checkpointed, and gone */
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), CALLS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(rows_are_acknowledged_while_another_process_holds_the_lock),
        TEST(a_lock_longer_than_the_patience_is_told_and_heals),
        TEST(ratings_and_imports_are_to_be_tried_again_while_rows_are_spooled),
        TEST(what_is_in_the_spool_at_the_end_is_stored_by_the_next_start),
        TEST(a_full_spool_loses_rows_and_counts_them),
        TEST(a_full_disk_sends_rows_to_the_spool_until_there_is_room),
        TEST(a_deleted_database_is_made_anew_and_loses_nothing_acknowledged_since),
        TEST(a_locked_database_makes_a_degraded_start_that_heals),
        TEST(a_folder_without_permission_makes_a_degraded_start),
        TEST(closing_commits_what_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
