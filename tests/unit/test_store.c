/* The store from outside: calls go in, ratings follow, rows come out. */
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

static void assert_rows(const struct kit *k, const char *sql, const char *expected)
{
    char *rows = kit_rows(k, sql);
    assert_string_equal(rows, expected);
    free(rows);
}

/* -- one call --------------------------------------------------------------------------------- */

static const char *const full_call =
    "{'outcome':'upstream_cut','success':false,'provider':'ollama','model':'llama3.2:3b',"
    "'requestedModel':'llama3.2','reportedModel':'llama3.2:3b-q4','taskType':'coding',"
    "'complexity':'complex','classified':true,'dialect':'ollama','streamed':true,'cold':true,"
    "'simulated':true,'reported':true,'responseTimeMs':90000000.0,'ttftMs':5.0,"
    "'tokens':{'input':11,'cacheRead':12,'cacheWrite':13,'output':14,'reasoning':5,'total':50,"
    "'source':'provider'},'costUsd':1234.567890123,'finishReason':'stop',"
    "'error':{'code':'upstream_interrupted','message':'context (full) \xc3\xa9'},"
    "'rating':0,'comment':null,'userId':'ada','userSegment':'staff','conversationId':'conv-1',"
    "'messageId':'msg-1','tags':{'project':'shop'},'metadata':{'depth':{'a':[1,2]}},"
    "'phases':{'queueMs':0.001,'connectMs':0.0,'loadMs':3.0,'firstByteMs':4.0,'ttftMs':5.0,"
    "'firstVisibleMs':6.0,'decodeMs':7.0,'maxStallMs':8.0,'totalMs':90000000.0,"
    "'overheadUs':123},"
    "'attempts':[{'provider':'vllm','model':'qwen2.5:7b','cause':'upstream_unreachable',"
    "'status':null,'message':null,'durationMs':1.0,'waitMs':0.0},"
    "{'provider':'lmstudio','model':'qwen2.5:7b','cause':'upstream_timeout','status':503,"
    "'message':'overloaded','durationMs':2.0,'waitMs':0.001}],'texts':null}";

static const char *const bare_call =
    "{'outcome':'cancelled','success':null,'provider':'unknown','model':'m','requestedModel':null,"
    "'reportedModel':null,'taskType':'other','complexity':null,'classified':false,'dialect':null,"
    "'streamed':false,'cold':false,'simulated':false,'reported':false,'responseTimeMs':null,"
    "'ttftMs':null,'tokens':{'input':null,'cacheRead':null,'cacheWrite':null,'output':null,"
    "'reasoning':null,'total':null,'source':'absent'},'costUsd':null,'finishReason':null,"
    "'error':null,'rating':0,'comment':null,'userId':null,'userSegment':null,"
    "'conversationId':null,'messageId':null,'tags':null,'metadata':null,'phases':{'queueMs':null,"
    "'connectMs':null,'loadMs':null,'firstByteMs':null,'ttftMs':null,'firstVisibleMs':null,"
    "'decodeMs':null,'maxStallMs':null,'totalMs':null,'overheadUs':null},'attempts':[],"
    "'texts':null}";

/* Expected JSON with single quotes, for the eye. */
static json_t *quoted(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *parsed = json_loads(copy, 0, NULL);
    free(copy);
    assert_non_null(parsed);
    return parsed;
}

static void assert_call(struct kit *k, int64_t id, const char *expected_text)
{
    json_auto_t *expected = quoted(expected_text);
    json_auto_t *call = kit_get(k, id, NULL);
    assert_non_null(call);
    char public_id[TS_ID_TEXT_SIZE];
    char when[TS_RFC3339_SIZE];
    ts_id_format(id, ts_store_tag(k->store), public_id);
    (void)json_object_set_new(expected, "id", json_string(public_id));
    (void)json_object_set_new(expected, "timestamp", json_string(ts_rfc3339(ts_id_ms(id), when)));
    char *want = json_dumps(expected, JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    char *have = json_dumps(call, JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    assert_string_equal(have, want);
    free(want);
    free(have);
}

static void a_call_is_read_back_with_everything_in_it(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_call *c = kit_full_call(1);
    kit_text(c, &c->error_text, "context (full) \xc3\xa9");
    assert_int_equal(kit_record(k, c), TS_OK);
    assert_call(k, kit_id(1), full_call);
}

static void what_is_unknown_is_read_back_as_null(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_call *c = ts_call_new();
    c->id = kit_id(1);
    c->outcome = TS_OUTCOME_CANCELLED;
    kit_text(c, &c->model, "m");
    kit_text(c, &c->task_type, "other");
    assert_int_equal(kit_record(k, c), TS_OK);
    assert_call(k, kit_id(1), bare_call);
}

static void a_call_that_is_not_there_is_not_found(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_error err = TS_ERROR_INIT;
    assert_null(kit_get(k, kit_id(1), &err));
    assert_int_equal(err.code, TS_ERR_NOT_FOUND);
}

static void the_same_id_twice_is_one_row_and_counts_once(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_full_call(1)), TS_OK);
    assert_int_equal(kit_record(k, kit_full_call(1)), TS_OK);
    assert_rows(k, "SELECT count(*) FROM call", "1");
    assert_rows(k, "SELECT count(*) FROM attempt", "2");
    assert_rows(k, "SELECT successes, failures, total_tokens FROM model_stats", "0|1|50");
}

static void a_row_the_schema_refuses_is_lost_alone(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_call *bad = kit_call(2);
    bad->outcome = (enum ts_outcome)77;
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    assert_int_equal(kit_record(k, bad), TS_ERR_STORAGE_UNAVAILABLE);
    assert_int_equal(kit_record(k, kit_call(3)), TS_OK);
    assert_rows(k, "SELECT count(*) FROM call", "2");
    assert_int_equal(ts_store_health(k->store).lost_rows, 1);
    assert_true(ts_store_health(k->store).writable);
}

static void a_store_opened_again_has_its_rows_and_its_identity(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(7)), TS_OK);
    uint64_t tag = ts_store_tag(k->store);
    kit_close(k);
    kit_open(k);
    assert_true(ts_store_tag(k->store) == tag);
    assert_int_equal(ts_store_newest_id(k->store), kit_id(7));
    assert_rows(k, "SELECT count(*) FROM call", "1");
}

static void a_missing_folder_is_made_for_its_owner_alone(void **state)
{
    struct kit *k = *state;
    char deep[192];
    (void)snprintf(deep, sizeof(deep), "%s/a/b/t.db", k->folder);
    k->options.path = deep;
    kit_open(k);
    kit_close(k);
    struct stat st;
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    char part[192];
    for (int up = 0; up < 2; up++) {
        (void)snprintf(part, sizeof(part), "%s/a%s", k->folder, up == 0 ? "/b" : "");
        assert_int_equal(stat(part, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
    }
    (void)snprintf(part, sizeof(part), "%s/a/b/t.db.reserve", k->folder);
    (void)unlink(part); /* made after a second, if it took so long */
    static const char *const files[] = {
        "/a/b/t.db", "/a/b/t.db.lock", "/a/b/t.db.spool", "/a/b", "/a"};
    for (size_t i = 0; i < TS_ARRAY_LEN(files); i++) {
        (void)snprintf(part, sizeof(part), "%s%s", k->folder, files[i]);
        assert_int_equal(i < 3 ? unlink(part) : rmdir(part), 0);
    }
}

/* -- ratings ---------------------------------------------------------------------------------- */

static void assert_rated(struct kit *k, struct ts_store_rating r, int previous, int call)
{
    assert_int_equal(kit_rate(k, &r), TS_OK);
    assert_int_equal(r.previous, previous);
    assert_int_equal(r.id, kit_id(call));
}

static void a_rating_finds_its_call_and_tells_the_one_before(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_full_call(1)), TS_OK);
    assert_rated(k, (struct ts_store_rating){.conversation_id = "conv-1", .rating = 1}, 0, 1);
    assert_rated(k, (struct ts_store_rating){.conversation_id = "conv-1", .rating = 1}, 1, 1);
    assert_rated(k, (struct ts_store_rating){.message_id = "msg-1", .rating = -1}, 1, 1);
    assert_rated(k, (struct ts_store_rating){.id = kit_id(1), .rating = 0}, -1, 1);
    assert_rows(k, "SELECT rating FROM call", "0");
}

static void a_conversation_means_its_newest_call(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    for (int n = 1; n <= 3; n++)
        assert_int_equal(kit_record(k, kit_full_call(n)), TS_OK);
    assert_rated(k, (struct ts_store_rating){.conversation_id = "conv-1", .rating = -1}, 0, 3);
}

static void a_rating_without_words_keeps_the_words_before(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    assert_rated(
        k, (struct ts_store_rating){.id = kit_id(1), .rating = 1, .comment = "good"}, 0, 1);
    assert_rated(k, (struct ts_store_rating){.id = kit_id(1), .rating = -1}, 1, 1);
    assert_rows(k, "SELECT comment FROM feedback", "good");
    assert_rated(
        k, (struct ts_store_rating){.id = kit_id(1), .rating = -1, .comment = "bad"}, -1, 1);
    assert_rows(k, "SELECT comment FROM feedback", "bad");
}

static void a_rating_of_nothing_says_what_was_not_found(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    const struct {
        struct ts_store_rating rating;
        enum ts_err result;
    } cases[] = {
        {{.id = kit_id(9), .rating = 1}, TS_ERR_NOT_FOUND},
        {{.message_id = "nobody", .rating = 1}, TS_ERR_NOT_FOUND},
        {{.conversation_id = "nobody", .rating = 1}, TS_ERR_CONVERSATION_NOT_FOUND},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_store_rating r = cases[i].rating;
        assert_int_equal(kit_rate(k, &r), cases[i].result);
        assert_true(strlen(r.job.error.text) > 0);
    }
}

static void a_rating_changes_no_statistics(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    char *before = kit_rows(k, "SELECT * FROM model_stats");
    assert_rated(k, (struct ts_store_rating){.id = kit_id(1), .rating = -1}, 0, 1);
    assert_rows(k, "SELECT * FROM model_stats", before);
    free(before);
}

/* A call and its rating, handed over without waiting in between, many times. */
struct pair {
    struct ts_store_job record;
    struct ts_store_rating rating;
    _Atomic int *settled;
};

static void pair_recorded(struct ts_post *p)
{
    ++*TS_CONTAINER(p, struct pair, record.post)->settled;
}

static void pair_rated(struct ts_post *p)
{
    ++*TS_CONTAINER(p, struct pair, rating.job.post)->settled;
}

static void a_rating_handed_over_behind_its_call_finds_it(void **state)
{
    enum { PAIRS = 500 };
    struct kit *k = *state;
    kit_open(k);
    static struct pair pairs[PAIRS];
    _Atomic int settled = 0;
    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = (struct pair){.record.post.fn = pair_recorded, .settled = &settled};
        pairs[i].rating = (struct ts_store_rating){.id = kit_id(i + 1), .rating = i % 2 ? 1 : -1};
        pairs[i].rating.job.post.fn = pair_rated;
        ts_store_record(k->store, kit_call(i + 1), &pairs[i].record);
        ts_store_rate(k->store, &pairs[i].rating);
    }
    for (int waits = 0; settled < 2 * PAIRS && waits < 20000; waits++)
        (void)usleep(1000);
    assert_int_equal(settled, 2 * PAIRS);
    for (int i = 0; i < PAIRS; i++)
        assert_int_equal(pairs[i].rating.job.result, TS_OK);
    assert_rows(k, "SELECT sum(rating), count(*) FROM call WHERE rating <> 0", "0|500");
}

/* -- imports ---------------------------------------------------------------------------------- */

static struct ts_store_import import_of(struct ts_call **calls, int first, int count)
{
    for (int i = 0; i < count; i++)
        calls[i] = kit_call(first + i);
    return (struct ts_store_import){.calls = calls, .count = count};
}

static void an_import_counts_what_was_there_before(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_call *calls[10];
    struct ts_store_import im = import_of(calls, 1, 10);
    assert_int_equal(kit_import(k, &im), TS_OK);
    assert_int_equal(im.accepted, 10);
    assert_int_equal(im.duplicates, 0);
    im = import_of(calls, 6, 10);
    assert_int_equal(kit_import(k, &im), TS_OK);
    assert_int_equal(im.accepted, 5);
    assert_int_equal(im.duplicates, 5);
    assert_rows(k, "SELECT count(*) FROM call", "15");
    assert_rows(k, "SELECT successes FROM model_stats", "15");
}

static void an_import_with_one_bad_row_stores_none(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_call *calls[1000];
    struct ts_store_import im = import_of(calls, 1, 1000);
    calls[999]->outcome = (enum ts_outcome)77;
    kit_text(calls[0], &calls[0]->model, "a-model-of-its-own");
    assert_int_not_equal(kit_import(k, &im), TS_OK);
    assert_rows(k, "SELECT count(*) FROM call", "0");
    assert_rows(k, "SELECT count(*) FROM model_stats", "0");
    assert_true(ts_store_health(k->store).writable);
    /* names that the failed import had numbered are numbered anew */
    im = import_of(calls, 1, 2);
    kit_text(calls[1], &calls[1]->model, "a-model-of-its-own");
    assert_int_equal(kit_import(k, &im), TS_OK);
    assert_rows(k,
                "SELECT model FROM model_performance_metrics ORDER BY id",
                "llama3.2:3b\na-model-of-its-own");
}

/* -- who may open it -------------------------------------------------------------------------- */

static void a_second_store_on_the_file_is_refused(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    for (int required = 0; required < 2; required++) {
        struct ts_store_options o = k->options;
        o.required = required != 0;
        struct ts_store *second = NULL;
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(ts_store_open(&o, &second, &err), TS_ERR_IN_USE);
        assert_non_null(strstr(err.text, k->path));
    }
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
}

static void write_file(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    char *bytes = calloc(1, 1 << 20);
    *len = fread(bytes, 1, 1 << 20, f);
    (void)fclose(f);
    return bytes;
}

/* Refused, named, and left exactly as it was. */
static void assert_foreign(struct kit *k)
{
    size_t before_len = 0;
    size_t after_len = 0;
    char *before = read_file(k->path, &before_len);
    for (int required = 0; required < 2; required++) {
        struct ts_store *store = NULL;
        struct ts_error err = TS_ERROR_INIT;
        k->options.required = required != 0;
        assert_int_equal(ts_store_open(&k->options, &store, &err), TS_ERR_FOREIGN_FILE);
        assert_non_null(strstr(err.text, k->path));
        assert_non_null(strstr(err.text, "TOUCHSTONE_DB"));
    }
    char *after = read_file(k->path, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    char wal[128];
    kit_path(k, "-wal", wal);
    assert_int_not_equal(access(wal, F_OK), 0);
    free(before);
    free(after);
}

static void a_file_that_is_no_database_is_left_alone(void **state)
{
    struct kit *k = *state;
    static const char *const contents[] = {
        "a shopping list",
        "SQLite format 3",
        ("a text that is longer than the head of a database, longer than a hundred bytes, so that "
         "its length alone does not give it away"),
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(contents); i++) {
        write_file(k->path, contents[i], strlen(contents[i]));
        assert_foreign(k);
    }
}

static void the_database_of_another_program_is_left_alone(void **state)
{
    struct kit *k = *state;
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "CREATE TABLE notes(text); INSERT INTO notes VALUES ('mine');");
    (void)sqlite3_close(db);
    assert_foreign(k);
}

static void a_database_of_a_newer_version_is_left_alone(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    kit_close(k);
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "PRAGMA user_version = 1000;");
    (void)sqlite3_close(db);
    assert_foreign(k);
}

static void an_empty_file_becomes_a_database(void **state)
{
    struct kit *k = *state;
    write_file(k->path, "", 0);
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_read_back_with_everything_in_it),
        TEST(what_is_unknown_is_read_back_as_null),
        TEST(a_call_that_is_not_there_is_not_found),
        TEST(the_same_id_twice_is_one_row_and_counts_once),
        TEST(a_row_the_schema_refuses_is_lost_alone),
        TEST(a_store_opened_again_has_its_rows_and_its_identity),
        TEST(a_missing_folder_is_made_for_its_owner_alone),
        TEST(a_rating_finds_its_call_and_tells_the_one_before),
        TEST(a_conversation_means_its_newest_call),
        TEST(a_rating_without_words_keeps_the_words_before),
        TEST(a_rating_of_nothing_says_what_was_not_found),
        TEST(a_rating_changes_no_statistics),
        TEST(a_rating_handed_over_behind_its_call_finds_it),
        TEST(an_import_counts_what_was_there_before),
        TEST(an_import_with_one_bad_row_stores_none),
        TEST(a_second_store_on_the_file_is_refused),
        TEST(a_file_that_is_no_database_is_left_alone),
        TEST(the_database_of_another_program_is_left_alone),
        TEST(a_database_of_a_newer_version_is_left_alone),
        TEST(an_empty_file_becomes_a_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
