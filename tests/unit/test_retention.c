/* What happens to calls that are older than the limit. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "storekit.h"

static const int64_t day_ms = INT64_C(86400) * 1000;

static int64_t today_ms(void)
{
    int64_t ms = ts_wall_ms();
    return ms - ms % day_ms;
}

/* @calls with everything that hangs on a call, accepted @days before today began, and @ms later. */
static void add_old(struct kit *k, int days, int64_t ms, int calls)
{
    for (int i = 0; i < calls; i++) {
        struct ts_call *c = kit_full_call(i);
        c->id = ts_id_from_ms(today_ms() - days * day_ms + ms) + i;
        int64_t id = c->id;
        assert_int_equal(kit_record(k, c), TS_OK);
        struct ts_store_rating r = {.id = id, .rating = 1, .comment = "good"};
        assert_int_equal(kit_rate(k, &r), TS_OK);
    }
}

static void old_calls_go_with_all_that_hangs_on_them(void **state)
{
    struct kit *k = *state;
    k->options.retention_days = 30;
    kit_open(k);
    add_old(k, 31, 0, 40);
    add_old(k, 31, day_ms - 1, 1);
    add_old(k, 30, 0, 2);
    add_old(k, 0, 0, 3);
    struct ts_call *reported = kit_call(0);
    reported->id = ts_id_from_ms(today_ms() - 40 * day_ms);
    reported->reported = true;
    kit_text(reported, &reported->external_id, "elsewhere-1");
    struct ts_store_import im = {.calls = &reported, .count = 1};
    assert_int_equal(kit_import(k, &im), TS_OK);
    int64_t counted = kit_number(k, "SELECT sum(successes + failures) FROM model_stats");

    struct ts_store_cleanup c = {0};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(c.deleted, 42);
    assert_int_equal(c.before_ms, today_ms() - 30 * day_ms);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), 5);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM attempt"), 10);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM feedback"), 5);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM reported_id"), 0);
    assert_int_equal(kit_number(k, "SELECT sum(successes + failures) FROM model_stats"), counted);
    assert_int_equal(kit_number(k, "SELECT value FROM meta WHERE key = 'whole_from_id'"),
                     ts_id_from_ms(c.before_ms));
    assert_int_equal(
        kit_number(k, "SELECT sum(calls) FROM rollup WHERE resolution = 2 AND series_id = 0"), 47);
    assert_int_equal(
        kit_number(k, "SELECT sum(calls) FROM rollup WHERE resolution = 1 AND series_id = 0"), 5);
    assert_int_equal(ts_store_health(k->store).expired_rows, 42);
}

/* Labels that nothing refers to. */
#define UNUSED                                                                                     \
    "SELECT count(*) FROM label WHERE label_id NOT IN (SELECT ifnull(dialect_id, 0) FROM call "    \
    "UNION SELECT ifnull(finish_id, 0) FROM call UNION SELECT ifnull(error_id, 0) FROM call "      \
    "UNION SELECT ifnull(requested_model_id, 0) FROM call "                                        \
    "UNION SELECT ifnull(reported_model_id, 0) FROM call "                                         \
    "UNION SELECT ifnull(user_id, 0) FROM call UNION SELECT ifnull(segment_id, 0) FROM call "      \
    "UNION SELECT ifnull(conversation_id, 0) FROM call UNION SELECT ifnull(tags_id, 0) FROM call " \
    "UNION SELECT provider_id FROM attempt UNION SELECT model_id FROM attempt "                    \
    "UNION SELECT cause_id FROM attempt)"

static void add_talk(struct kit *k, int64_t id, int conversation)
{
    char name[32];
    struct ts_call *c = kit_call(0);
    c->id = id;
    (void)snprintf(name, sizeof(name), "talk-%d", conversation);
    kit_text(c, &c->conversation_id, name);
    assert_int_equal(kit_record(k, c), TS_OK);
}

static void names_that_no_call_has_any_more_go_too(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    add_old(k, 10, 0, 5);
    for (int i = 0; i < 300; i++)
        add_talk(k, ts_id_from_ms(today_ms() - 9 * day_ms) + i, i);
    add_old(k, 1, 0, 1);
    struct ts_store_cleanup c = {.keep_days = 3};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(c.deleted, 305);
    /* Some of the names come back while the others go. */
    for (int i = 0; i < 300; i++)
        add_talk(k, ts_id_from_ms(today_ms()) + i, i % 7);
    for (int i = 0; i < 1000 && kit_number(k, UNUSED) > 0; i++)
        (void)usleep(10000);
    assert_int_equal(kit_number(k, UNUSED), 0);
    assert_int_equal(
        kit_number(k, "SELECT count(*) FROM calls WHERE conversation_id GLOB 'talk-*'"), 300);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM label WHERE text GLOB 'talk-*'"), 7);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM calls WHERE user_id IS NOT NULL"), 1);
    for (int i = 0;
         i < 1000 && kit_number(k, "SELECT count(*) FROM meta WHERE key = 'labels_due'") > 0;
         i++)
        (void)usleep(10000);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM meta WHERE key = 'labels_due'"), 0);
}

static void zero_days_keep_everything(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    add_old(k, 5000, 0, 3);
    struct ts_store_cleanup c = {0};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(c.deleted, 0);
    assert_int_equal(c.before_ms, TS_UNKNOWN);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), 3);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM meta WHERE key = 'whole_from_id'"), 0);
}

static void whoever_asks_may_name_the_days(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    add_old(k, 5, 0, 3);
    add_old(k, 1, 0, 2);
    struct ts_store_cleanup c = {.keep_days = 2};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(c.deleted, 3);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), 2);
    c = (struct ts_store_cleanup){.keep_days = 9};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(c.deleted, 0);
    assert_int_equal(kit_number(k, "SELECT value FROM meta WHERE key = 'whole_from_id'"),
                     ts_id_from_ms(today_ms() - 4 * day_ms));
}

static void import_plain(struct kit *k, int64_t from_ms, int calls)
{
    for (int at = 0; at < calls; at += 1000) {
        struct ts_call *batch[1000];
        struct ts_store_import im = {.calls = batch, .count = 1000};
        for (int i = 0; i < im.count; i++) {
            batch[i] = kit_call(i);
            batch[i]->id = ts_id_from_ms(from_ms + at + i);
            kit_text(batch[i], &batch[i]->error_text, "a text that takes some room in the file");
        }
        assert_int_equal(kit_import(k, &im), TS_OK);
    }
}

static off_t file_bytes(const struct kit *k)
{
    struct stat st;
    assert_int_equal(stat(k->path, &st), 0);
    return st.st_size;
}

static void the_file_gets_smaller_when_most_of_it_is_empty(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    import_plain(k, today_ms() - 10 * day_ms, 10000);
    import_plain(k, today_ms() - 1 * day_ms, 1000);
    kit_close(k);
    off_t before = file_bytes(k);
    kit_open(k);
    struct ts_store_cleanup c = {.keep_days = 3};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(c.deleted, 10000);
    assert_int_equal(kit_number(k, "PRAGMA freelist_count"), 0);
    kit_close(k);
    assert_true(file_bytes(k) * 2 < before);
    char *sound = kit_rows(k, "PRAGMA integrity_check");
    assert_string_equal(sound, "ok");
    free(sound);
}

static void a_cleanup_can_be_called_off(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    import_plain(k, today_ms() - 10 * day_ms, 3000);
    struct ts_store_cleanup c = {.keep_days = 3, .stop = true};
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_true(c.deleted < 3000);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), 3000 - c.deleted);
}

static void rows_are_committed_between_the_steps(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    import_plain(k, today_ms() - 10 * day_ms, 20000);
    struct kit_cleaning cleaning;
    kit_cleanup_start(k, &cleaning, 3);
    int64_t during = 0;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(kit_record(k, kit_call(i)), TS_OK);
        during += !kit_cleanup_is_done(&cleaning);
    }
    assert_int_equal(kit_cleanup_wait(&cleaning), TS_OK);
    assert_true(during > 0);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), 20);
}

static void a_store_that_closes_says_so_to_whoever_waits(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    import_plain(k, today_ms() - 10 * day_ms, 20000);
    struct kit_cleaning cleaning;
    kit_cleanup_start(k, &cleaning, 3);
    kit_close(k);
    assert_int_equal(kit_cleanup_wait(&cleaning), TS_ERR_STORAGE_UNAVAILABLE);
    assert_int_equal(kit_number(k, "SELECT count(*) FROM call"), 20000 - cleaning.cleanup.deleted);
}

static void a_database_that_is_locked_ends_the_cleanup(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    import_plain(k, today_ms() - 10 * day_ms, 1000);
    sqlite3 *other = kit_foreign(k);
    kit_exec(other, "BEGIN IMMEDIATE");
    struct ts_store_cleanup c = {.keep_days = 3};
    assert_int_equal(kit_cleanup(k, &c), TS_ERR_STORAGE_UNAVAILABLE);
    kit_exec(other, "ROLLBACK");
    (void)sqlite3_close(other);
    assert_true(kit_wait_writable(k, true, 5000));
    assert_int_equal(kit_cleanup(k, &c), TS_OK);
    assert_int_equal(c.deleted, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            old_calls_go_with_all_that_hangs_on_them, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(zero_days_keep_everything, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            names_that_no_call_has_any_more_go_too, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(whoever_asks_may_name_the_days, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            the_file_gets_smaller_when_most_of_it_is_empty, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_cleanup_can_be_called_off, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            rows_are_committed_between_the_steps, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_store_that_closes_says_so_to_whoever_waits, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            a_database_that_is_locked_ends_the_cleanup, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
