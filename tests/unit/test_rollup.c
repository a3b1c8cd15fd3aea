/* Roll-ups in the store: cells say what the calls say, whatever happens to either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/rollup.h"
#include "storekit.h"

enum { DAYS = 6, CALLS = 400, WAIT_MS = 20000, VERSION = 3 /* brought roll-ups */ };

static int64_t first_ms(void)
{
    return (ts_wall_ms() / TS_DAY_MS - DAYS) * TS_DAY_MS;
}

static struct ts_call *random_call(int64_t id)
{
    static const char *const models[] = {"a", "b", "c"};
    static const char *const tasks[] = {"coding", "other"};
    struct ts_call *c = kit_call(0);
    c->id = id;
    kit_text(c, &c->model, models[random() % 3]);
    kit_text(c, &c->task_type, tasks[random() % 2]);
    c->complexity = (enum ts_complexity)(random() % 3);
    c->outcome = (enum ts_outcome)(random() % TS_OUTCOME_COUNT_);
    c->phases.total_us = random() % 5 == 0 ? TS_UNKNOWN : random() % 60000000;
    c->phases.ttft_us = random() % 4 == 0 ? TS_UNKNOWN : random() % 900000;
    c->tokens.output = random() % 6 == 0 ? TS_UNKNOWN : random() % 900;
    c->cost_nano_usd = random() % 3 == 0 ? TS_UNKNOWN : random() % 1000000;
    c->cold = random() % 7 == 0;
    if (random() % 8 == 0) {
        struct ts_attempt *a = ts_call_add_attempt(c);
        a->provider = "vllm";
        a->model = "b";
        a->cause = TS_ERR_UPSTREAM_UNREACHABLE;
    }
    return c;
}

/* Calls all over six days, not in order; half of them rated, some twice. */
static void fill(struct kit *k)
{
    srandom(31);
    for (int i = 0; i < CALLS; i++) {
        int64_t at_ms = first_ms() + random() % (DAYS * TS_DAY_MS);
        int64_t id = ts_id_from_ms(at_ms) + i;
        assert_int_equal(kit_record(k, random_call(id)), TS_OK);
        for (long times = random() % 3; times > 0; times--) {
            struct ts_store_rating r = {.id = id, .rating = (int)(random() % 3) - 1};
            assert_int_equal(kit_rate(k, &r), TS_OK);
        }
    }
}

/* -- questions -------------------------------------------------------------------------------- */

/* Days of a zone half an hour ahead. */
static int64_t local_day(const void *ctx, int64_t unix_ms)
{
    (void)ctx;
    return (unix_ms + TS_HOUR_MS / 2) / TS_DAY_MS;
}

static const unsigned groupings[] = {0,
                                     TS_BY_MODEL,
                                     TS_BY_TASK,
                                     TS_BY_PROVIDER,
                                     TS_BY_TIME,
                                     TS_BY_MODEL | TS_BY_TASK,
                                     TS_BY_TASK | TS_BY_TIME};

struct question {
    struct ts_call_filter filter;
    int groupings; /* of those above, the first */
    struct ts_aggregate *aggregate;
};

static enum ts_err read_slice(struct ts_reader_conn *c, void *ctx, struct ts_error *err)
{
    struct question *q = ctx;
    return ts_query_calls(c, &q->filter, q->aggregate, err);
}

static struct ts_aggregate *ask(struct kit *k, struct question q)
{
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(
        ts_aggregate_new(groupings, q.groupings, q.filter.to_ms, local_day, NULL, &q.aggregate),
        TS_OK);
    if (kit_query(k, read_slice, &q, &err) != TS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ts_aggregate_finish(q.aggregate), TS_OK);
    return q.aggregate;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void assert_same(struct ts_aggregate *a, struct ts_aggregate *b, int count)
{
    for (int i = 0; i < count; i++) {
        int na = 0;
        int nb = 0;
        const struct ts_group *x = ts_aggregate_groups(a, i, &na);
        const struct ts_group *y = ts_aggregate_groups(b, i, &nb);
        assert_int_equal(na, nb);
        for (int g = 0; g < na; g++) {
            assert_true(same_text(x[g].model, y[g].model));
            assert_true(same_text(x[g].task_type, y[g].task_type));
            assert_int_equal(x[g].bucket, y[g].bucket);
            assert_memory_equal(&x[g].figures, &y[g].figures, sizeof(x[g].figures));
        }
    }
}

static int64_t total(struct kit *k, struct ts_call_filter f)
{
    TS_AUTO(ts_aggregate_auto)
    struct ts_aggregate *a = ask(k, (struct question){.filter = f, .groupings = 1});
    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    return count > 0 ? g[0].figures.total_calls : 0;
}

static struct ts_call_filter everything(void)
{
    return (struct ts_call_filter){.from_ms = 0, .to_ms = ts_wall_ms() + TS_DAY_MS};
}

static struct question random_question(void)
{
    int64_t from_ms = first_ms() + random() % (DAYS * TS_DAY_MS);
    int64_t to_ms = from_ms + 1 + random() % (first_ms() + DAYS * TS_DAY_MS - from_ms);
    if (random() % 3 == 0)
        from_ms -= from_ms % TS_HOUR_MS;
    if (random() % 3 == 0)
        to_ms += TS_DAY_MS - to_ms % TS_DAY_MS;
    struct question q = {.filter = {.from_ms = from_ms, .to_ms = to_ms},
                         .groupings = 5 + (int)(random() % 3)};
    q.filter.model = random() % 4 == 0 ? "b" : NULL;
    q.filter.provider = random() % 8 == 0 ? "vllm" : NULL;
    q.filter.complexity = random() % 4 == 0 ? "simple" : NULL;
    return q;
}

/* -- what another process does to the file ----------------------------------------------------- */

static void spoil(const struct kit *k, const char *sql)
{
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, sql);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Days are read from their calls, and the writer does not know. */
static void distrust_all(const struct kit *k)
{
    spoil(k,
          "INSERT OR REPLACE INTO rollup_due SELECT DISTINCT (id >> 20) / 86400000, 0 FROM call");
}

static bool wait_until(const struct kit *k, const char *sql)
{
    for (int i = 0; i < WAIT_MS / 20; i++) {
        if (kit_number(k, sql) == 1)
            return true;
        (void)usleep(20000);
    }
    return false;
}

static char *cells(const struct kit *k)
{
    return kit_rows(k,
                    "SELECT cell_id, hex(body), calls, successes, failures, up, down FROM rollup "
                    "ORDER BY cell_id");
}

/* -- tests ------------------------------------------------------------------------------------- */

static void cells_and_calls_give_the_same_figures_to_the_bit(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    fill(k);
    enum { QUESTIONS = 60 };
    struct question questions[QUESTIONS];
    struct ts_aggregate *answers[QUESTIONS];
    for (int i = 0; i < QUESTIONS; i++) {
        questions[i] = random_question();
        answers[i] = ask(k, questions[i]);
    }
    distrust_all(k);
    for (int i = 0; i < QUESTIONS; i++) {
        struct ts_aggregate *raw = ask(k, questions[i]);
        assert_same(answers[i], raw, questions[i].groupings);
        ts_aggregate_free(raw);
        ts_aggregate_free(answers[i]);
    }
}

static void cells_made_anew_are_the_same_to_the_byte(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    fill(k);
    char *before = cells(k);
    ts_store_rebuild_rollups(k->store);
    for (int i = 0; i < WAIT_MS / 10 && ts_store_health(k->store).rollups_due > 0; i++)
        (void)usleep(10000);
    char *after = cells(k);
    assert_string_equal(before, after);
    assert_true(strlen(before) > 1000);
    free(before);
    free(after);
}

static void a_database_of_an_earlier_version_gets_its_cells(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    fill(k);
    kit_close(k);
    char *whole = cells(k);
    spoil(k, "DELETE FROM rollup; UPDATE attempt SET series_id = NULL");
    /* as the migration leaves it */
    const char *script =
        strstr(ts_sql_migrations[VERSION - 1].text, "INSERT OR IGNORE INTO series");
    const char *tables = strstr(script, "-- A cell.");
    const char *due = strstr(script, "INSERT INTO rollup_due");
    assert_true(script != NULL && tables != NULL && due != NULL);
    char *sql = strndup(script, (size_t)(tables - script));
    spoil(k, sql);
    spoil(k, due);
    free(sql);
    kit_open(k);
    assert_int_equal(total(k, everything()), CALLS);
    assert_true(wait_until(k, "SELECT count(*) = 0 FROM rollup_due"));
    char *made = cells(k);
    assert_string_equal(whole, made);
    free(whole);
    free(made);
}

static void a_cell_that_cannot_be_read_is_gone_round_and_mended(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    fill(k);
    spoil(k, "UPDATE rollup SET body = x'ff00' WHERE resolution = 2 AND bucket % 2 = 0");
    assert_int_equal(total(k, everything()), CALLS);
    assert_true(wait_until(k, "SELECT count(*) = 0 FROM rollup WHERE body = x'ff00'"));
    assert_int_equal(total(k, everything()), CALLS);
    assert_false(ts_store_health(k->store).damaged);
}

static void a_cell_that_cannot_be_written_to_is_mended_too(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    kit_close(k);
    spoil(k, "UPDATE rollup SET body = x'01'");
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(2)), TS_OK);
    struct ts_store_rating r = {.id = kit_id(1), .rating = 1};
    assert_int_equal(kit_rate(k, &r), TS_OK);
    assert_true(wait_until(k, "SELECT sum(calls) = 12 AND sum(up) = 6 FROM rollup"));
}

static void what_does_not_agree_with_the_calls_is_found_after_a_start(void **state)
{
    struct kit *k = *state;
    static const char *const faults[] = {
        "DELETE FROM rollup WHERE resolution = 2 AND series_id = 1",
        "DELETE FROM rollup WHERE resolution = 1 AND series_id = 0",
        "UPDATE call SET outcome = 0",
        "UPDATE call SET rating = 1 WHERE outcome <> 1",
        "DELETE FROM rollup",
    };
    kit_open(k);
    for (int i = 0; i < 20; i++) {
        struct ts_call *c = kit_call(i);
        c->outcome = i % 2 ? TS_OUTCOME_DONE : TS_OUTCOME_TIMEOUT;
        assert_int_equal(kit_record(k, c), TS_OK);
    }
    for (size_t i = 0; i < TS_ARRAY_LEN(faults); i++) {
        kit_close(k);
        spoil(k, faults[i]);
        kit_open(k);
        assert_true(wait_until(k,
                               "SELECT count(*) = 6 AND min(calls) = 20 "
                               "AND min(successes) = (SELECT sum(outcome = 0) FROM call) "
                               "AND min(up) = (SELECT sum(rating = 1) FROM call) FROM rollup"));
    }
}

static void a_transaction_that_is_rolled_back_leaves_no_trace_in_cells(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    struct ts_call *calls[] = {kit_call(2), kit_call(3)};
    calls[1]->outcome = (enum ts_outcome)77;
    struct ts_store_import im = {.calls = calls, .count = 2};
    assert_int_not_equal(kit_import(k, &im), TS_OK);
    assert_int_equal(kit_record(k, kit_call(4)), TS_OK);
    assert_int_equal(kit_number(k, "SELECT sum(calls) FROM rollup"), 6 * 2);
}

static void beyond_two_thousand_new_series_a_day_calls_are_counted_together(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    enum { BATCH = 700, ALL = 3 * BATCH };
    for (int batch = 0; batch < 3; batch++) {
        struct ts_call *calls[BATCH];
        for (int i = 0; i < BATCH; i++) {
            char model[16];
            (void)snprintf(model, sizeof(model), "m%d", batch * BATCH + i);
            calls[i] = kit_call(batch * BATCH + i);
            kit_text(calls[i], &calls[i]->model, model);
        }
        struct ts_store_import im = {.calls = calls, .count = BATCH};
        assert_int_equal(kit_import(k, &im), TS_OK);
    }
    assert_int_equal(kit_number(k, "SELECT count(*) FROM series"), 2001);
    assert_int_equal(
        kit_number(
            k, "SELECT count(*) FROM call JOIN series USING(series_id) WHERE model = '__other__'"),
        ALL - 2000);
    assert_int_equal(total(k, everything()), ALL);
    struct ts_call_filter other = everything();
    other.model = "__other__";
    assert_int_equal(total(k, other), ALL - 2000);
    /* what was there before goes on as itself */
    assert_int_equal(kit_record(k, kit_call(ALL)), TS_OK);
    struct ts_call *known = kit_call(ALL + 1);
    kit_text(known, &known->model, "m7");
    assert_int_equal(kit_record(k, known), TS_OK);
    other.model = "m7";
    assert_int_equal(total(k, other), 2);
}

/* What retention does, on the file itself. */
static void expire(struct kit *k, int64_t below_id, int64_t expected_id)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_conn *c = NULL;
    struct ts_rollup *r = NULL;
    assert_int_equal(ts_conn_open(k->path, TS_SQL_WRITER, &c, &err), TS_OK);
    assert_int_equal(ts_conn_prepare(c, TS_SQL_OPENER, &err), TS_OK);
    assert_int_equal(ts_conn_prepare(c, TS_SQL_WRITER, &err), TS_OK);
    assert_int_equal(ts_rollup_new(&r), TS_OK);
    assert_int_equal(ts_conn_run(c, TS_SQL_WRITE_BEGIN, &err), TS_OK);
    assert_int_equal(ts_rollup_expire(r, c, &below_id, &err), TS_OK);
    assert_true(below_id == expected_id);
    char sql[100];
    (void)snprintf(sql, sizeof(sql), "DELETE FROM call WHERE id < %lld", (long long)below_id);
    kit_exec(c->db, sql);
    assert_int_equal(ts_conn_run(c, TS_SQL_WRITE_COMMIT, &err), TS_OK);
    ts_rollup_free(r);
    ts_conn_close(c);
}

static void days_outlive_their_calls_and_hours_do_not(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    fill(k);
    int64_t day = first_ms() / TS_DAY_MS;
    kit_close(k);
    int64_t below = ts_day_start(day + 3) + 12345;
    expire(k, below, below);
    char sql[200];
    (void)snprintf(sql,
                   sizeof(sql),
                   "SELECT min(bucket) / 24 - %lld FROM rollup WHERE resolution = 1",
                   (long long)day);
    assert_int_equal(kit_number(k, sql), 3);
    kit_open(k);
    ts_store_rebuild_rollups(k->store); /* must not touch what cannot be made again */
    assert_int_equal(total(k, everything()), CALLS);
    for (int i = 0; i < WAIT_MS / 10 && ts_store_health(k->store).rollups_due > 0; i++)
        (void)usleep(10000);
    assert_int_equal(total(k, everything()), CALLS);
    assert_true(kit_number(k, "SELECT count(*) FROM call") < CALLS);
}

static void days_that_are_due_are_made_before_their_calls_go(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    fill(k);
    int64_t day = first_ms() / TS_DAY_MS;
    kit_close(k);
    char sql[200];
    (void)snprintf(sql, sizeof(sql), "INSERT INTO rollup_due VALUES (%lld, 0)", (long long)day + 1);
    spoil(k, sql);
    expire(k, ts_day_start(day + 3), ts_day_start(day + 1));
}

static void what_is_lost_for_good_is_said(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    fill(k);
    int64_t day = first_ms() / TS_DAY_MS;
    kit_close(k);
    expire(k, ts_day_start(day + 3), ts_day_start(day + 3));
    char sql[200];
    (void)snprintf(
        sql,
        sizeof(sql),
        "UPDATE rollup SET body = x'00' WHERE cell_id = (SELECT min(cell_id) FROM rollup "
        "WHERE resolution = 2 AND bucket = %lld AND series_id > %d)",
        (long long)day,
        TS_FAMILY);
    spoil(k, sql);
    kit_open(k);
    assert_in_range(
        total(k, everything()), CALLS / 2, CALLS - 1); /* but for that cell, all is there */
    for (int i = 0; i < WAIT_MS / 10 && !ts_store_health(k->store).damaged; i++)
        (void)usleep(10000);
    assert_non_null(strstr(ts_store_health(k->store).why, "calls are gone"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cells_and_calls_give_the_same_figures_to_the_bit),
        TEST(cells_made_anew_are_the_same_to_the_byte),
        TEST(a_database_of_an_earlier_version_gets_its_cells),
        TEST(a_cell_that_cannot_be_read_is_gone_round_and_mended),
        TEST(a_cell_that_cannot_be_written_to_is_mended_too),
        TEST(what_does_not_agree_with_the_calls_is_found_after_a_start),
        TEST(a_transaction_that_is_rolled_back_leaves_no_trace_in_cells),
        TEST(beyond_two_thousand_new_series_a_day_calls_are_counted_together),
        TEST(days_outlive_their_calls_and_hours_do_not),
        TEST(days_that_are_due_are_made_before_their_calls_go),
        TEST(what_is_lost_for_good_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
