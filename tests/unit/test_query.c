/* What the readers answer: slices with every filter, pages, counts, and the views of the file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "schema/sql.h"
#include "storekit.h"

/* -- a small store that shows every difference ------------------------------------------------ */

struct line {
    const char *model;
    const char *provider;
    const char *task;
    enum ts_complexity complexity;
    enum ts_outcome outcome;
    int64_t total_ms;
    int rating;
    const char *user;
    const char *segment;
    const char *conversation;
    const char *tags;
};

/* clang-format off */
static const struct line lines[] = {
    {"llama", "ollama", "coding",   TS_COMPLEXITY_SIMPLE,  TS_OUTCOME_DONE,      1000,  1, "ada", "staff", "c1", "{\"project\":\"shop\"}"},
    {"llama", "ollama", "coding",   TS_COMPLEXITY_COMPLEX, TS_OUTCOME_DONE,      2000, -1, NULL,  NULL,    "c1", "{\"project\":\"blog\"}"},
    {"llama", "ollama", "analysis", TS_COMPLEXITY_UNKNOWN, TS_OUTCOME_TIMEOUT,   9000,  0, "bob", "guest", NULL, NULL},
    {"llama", "vllm",   "coding",   TS_COMPLEXITY_SIMPLE,  TS_OUTCOME_DONE,       500,  1, "ada", NULL,    "c2", "{\"a\\\"b\":\"x\"}"},
    {"qwen",  "vllm",   "coding",   TS_COMPLEXITY_MEDIUM,  TS_OUTCOME_CANCELLED,  700,  0, NULL,  "staff", NULL, NULL},
    {"qwen",  "vllm",   "coding",   TS_COMPLEXITY_MEDIUM,  TS_OUTCOME_UPSTREAM_ERROR, 300, 0, NULL, NULL, NULL, "{\"project\":7}"},
};
/* clang-format on */

enum { LINES = TS_ARRAY_LEN(lines) };

static struct ts_call *call_of(const struct line *l, int n)
{
    struct ts_call *c = ts_call_new();
    c->id = kit_id(n);
    kit_text(c, &c->model, l->model);
    kit_text(c, &c->provider, l->provider);
    kit_text(c, &c->task_type, l->task);
    c->complexity = l->complexity;
    c->outcome = l->outcome;
    c->phases.total_us = l->total_ms * 1000;
    c->tokens.input = 10;
    c->tokens.output = 20;
    c->cost_nano_usd = 1000000;
    c->user_id = l->user != NULL ? ts_arena_str(&c->arena, l->user) : NULL;
    c->user_segment = l->segment != NULL ? ts_arena_str(&c->arena, l->segment) : NULL;
    c->conversation_id = l->conversation != NULL ? ts_arena_str(&c->arena, l->conversation) : NULL;
    c->tags_json = l->tags != NULL ? ts_arena_str(&c->arena, l->tags) : NULL;
    return c;
}

static void fill(struct kit *k)
{
    kit_open(k);
    for (int i = 0; i < LINES; i++) {
        assert_int_equal(kit_record(k, call_of(&lines[i], i + 1)), TS_OK);
        struct ts_store_rating r = {.id = kit_id(i + 1), .rating = lines[i].rating};
        if (r.rating != 0)
            assert_int_equal(kit_rate(k, &r), TS_OK);
    }
}

static struct ts_call_filter everything(void)
{
    return (struct ts_call_filter){.from_ms = 0, .to_ms = ts_wall_ms() + 1000};
}

/* -- slices ----------------------------------------------------------------------------------- */

struct slice {
    struct ts_call_filter filter;
    struct ts_aggregate *aggregate;
};

static enum ts_err read_slice(struct ts_reader_conn *c, void *ctx, struct ts_error *err)
{
    struct slice *s = ctx;
    return ts_query_calls(c, &s->filter, s->aggregate, err);
}

/* Runs the slice through one grouping; the caller frees the aggregate. */
static struct ts_aggregate *aggregate(struct kit *k, struct ts_call_filter f, unsigned grouping)
{
    struct slice s = {.filter = f};
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_aggregate_new(&grouping, 1, ts_wall_ms(), NULL, NULL, &s.aggregate), TS_OK);
    if (kit_query(k, read_slice, &s, &err) != TS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ts_aggregate_finish(s.aggregate), TS_OK);
    return s.aggregate;
}

static int64_t calls_in(struct kit *k, struct ts_call_filter f)
{
    struct ts_aggregate *a = aggregate(k, f, 0);
    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    int64_t calls = count > 0 ? g[0].figures.total_calls : 0;
    ts_aggregate_free(a);
    return calls;
}

static struct ts_call_filter with(struct ts_call_filter f)
{
    f.from_ms = 0;
    f.to_ms = ts_wall_ms() + 1000;
    return f;
}

struct page_query {
    struct ts_call_filter filter;
    struct ts_call_page page;
    uint64_t tag;
};

static enum ts_err read_page(struct ts_reader_conn *c, void *ctx, struct ts_error *err)
{
    struct page_query *q = ctx;
    return ts_query_call_list(c, &q->filter, q->tag, &q->page, err);
}

static json_t *page(
    struct kit *k, struct ts_call_filter f, int64_t before, int limit, int64_t *next)
{
    struct page_query q = {.filter = f, .page = {.before = before, .limit = limit}};
    q.tag = ts_store_tag(k->store);
    struct ts_error err = TS_ERROR_INIT;
    if (kit_query(k, read_page, &q, &err) != TS_OK)
        fail_msg("%s", err.text);
    *next = q.page.next;
    return q.page.calls;
}

static void every_filter_picks_its_rows_in_slices_and_pages(void **state)
{
    struct kit *k = *state;
    fill(k);
    const struct {
        struct ts_call_filter filter;
        int rows;
    } cases[] = {
        {{0}, 6},
        {{.model = "llama"}, 4},
        {{.model = "llama", .provider = "vllm"}, 1},
        {{.provider = "vllm"}, 3},
        {{.task_type = "analysis"}, 1},
        {{.complexity = "simple"}, 2},
        {{.complexity = "complex", .model = "llama"}, 1},
        {{.outcome = "cancelled"}, 1},
        {{.outcome = "timeout"}, 1},
        {{.outcome = "no-such-outcome"}, 0},
        {{.user = "ada"}, 2},
        {{.user = "local"}, 3}, /* what the view calls those without a user */
        {{.user = "nobody"}, 0},
        {{.user_segment = "staff"}, 2},
        {{.conversation_id = "c1"}, 2},
        {{.tag_key = "project", .tag_value = "shop"}, 1},
        {{.tag_key = "project", .tag_value = "nothing"}, 0},
        {{.tag_key = "a\"b", .tag_value = "x"}, 1},
        {{.model = "' OR 1=1 --"}, 0},
        {{.user = "' OR 1=1 --"}, 0},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_call_filter f = with(cases[i].filter);
        int64_t next = 0;
        assert_int_equal(calls_in(k, f), cases[i].rows);
        json_auto_t *listed = page(k, f, 0, 100, &next);
        assert_int_equal(json_array_size(listed), cases[i].rows);
        assert_int_equal(next, 0);
    }
}

static void a_window_takes_its_start_and_leaves_its_end(void **state)
{
    struct kit *k = *state;
    fill(k);
    int64_t ms = ts_id_ms(kit_id(1));
    const struct {
        int64_t from;
        int64_t to;
        int rows;
    } cases[] = {{ms, ms + 1, LINES}, {ms - 1, ms, 0}, {ms + 1, ms + 2, 0}, {0, ms, 0}};
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_call_filter f = {.from_ms = cases[i].from, .to_ms = cases[i].to};
        assert_int_equal(calls_in(k, f), cases[i].rows);
    }
}

static void rows_arrive_with_all_their_figures(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct ts_aggregate *a = aggregate(k, everything(), TS_BY_MODEL);
    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    assert_int_equal(count, 3);
    assert_string_equal(g[0].model, "llama");
    assert_string_equal(g[0].provider, "ollama");
    const struct ts_figures *f = &g[0].figures;
    assert_int_equal(f->total_calls, 3);
    assert_int_equal(f->successes, 2);
    assert_int_equal(f->timeouts, 1);
    assert_int_equal(f->up, 1);
    assert_int_equal(f->down, 1);
    assert_int_equal(f->input_tokens, 30);
    assert_int_equal(f->output_tokens, 60);
    assert_int_equal(f->total_cost_nano_usd, 3000000);
    assert_float_equal(f->avg_response_us, 4000000, 0);
    assert_float_equal(f->median_response_us, 2000000, 11000);
    assert_int_equal(f->last_used_ms, ts_id_ms(kit_id(1)));
    ts_aggregate_free(a);
}

static void a_rescued_attempt_counts_against_its_own_model(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_full_call(1)), TS_OK);
    struct ts_aggregate *a = aggregate(k, everything(), TS_BY_MODEL);
    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    int64_t failed = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(g[i].figures.failed_attempts, strcmp(g[i].model, "qwen2.5:7b") == 0);
        failed += g[i].figures.failed_attempts;
    }
    assert_int_equal(failed, 2); /* at vllm and at lmstudio */
    ts_aggregate_free(a);
    const struct {
        struct ts_call_filter filter;
        int failed;
    } cases[] = {
        {{.provider = "vllm"}, 1},
        {{.model = "qwen2.5:7b"}, 2},
        {{.model = "llama3.2:3b"}, 0},
        {{.task_type = "coding"}, 2},
        {{.task_type = "analysis"}, 0},
        {{.user = "ada"}, 2},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        a = aggregate(k, with(cases[i].filter), 0);
        g = ts_aggregate_groups(a, 0, &count);
        assert_int_equal(count > 0 ? g[0].figures.failed_attempts : 0, cases[i].failed);
        ts_aggregate_free(a);
    }
}

static void pages_go_from_the_newest_to_the_oldest_without_gaps(void **state)
{
    struct kit *k = *state;
    fill(k);
    int64_t before = 0;
    int seen = 0;
    do {
        int64_t next = 0;
        json_auto_t *calls = page(k, everything(), before, 2, &next);
        assert_int_equal(json_array_size(calls), 2);
        for (size_t i = 0; i < 2; i++) {
            char id[TS_ID_TEXT_SIZE];
            ts_id_format(kit_id(LINES - seen), ts_store_tag(k->store), id);
            const json_t *call = json_array_get(calls, i);
            assert_string_equal(json_string_value(json_object_get(call, "id")), id);
            assert_null(json_object_get(call, "attempts"));
            seen++;
        }
        before = next;
    } while (before != 0);
    assert_int_equal(seen, LINES);
}

static enum ts_err read_counts(struct ts_reader_conn *c, void *ctx, struct ts_error *err)
{
    return ts_query_counts(c, ctx, err);
}

static void counts_tell_empty_from_simulated(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_store_counts n = {0};
    assert_int_equal(kit_query(k, read_counts, &n, NULL), TS_OK);
    assert_int_equal(n.calls, 0);
    assert_int_equal(n.oldest_ms, TS_UNKNOWN);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    assert_int_equal(kit_record(k, kit_full_call(2)), TS_OK);
    assert_int_equal(kit_query(k, read_counts, &n, NULL), TS_OK);
    assert_int_equal(n.calls, 2);
    assert_int_equal(n.simulated, 1);
    assert_int_equal(n.oldest_ms, ts_id_ms(kit_id(1)));
}

/* -- the statements --------------------------------------------------------------------------- */

static void what_readers_prepare_changes_nothing(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    sqlite3 *db = kit_foreign(k);
    for (int i = 0; i < TS_SQL_COUNT_; i++) {
        const struct ts_sql_query *q = &ts_sql_queries[i];
        sqlite3_stmt *s = NULL;
        if (sqlite3_prepare_v2(db, q->text, -1, &s, NULL) != SQLITE_OK)
            fail_msg("%s: %s", q->name, sqlite3_errmsg(db));
        if (q->role == TS_SQL_READER && !sqlite3_stmt_readonly(s))
            fail_msg("%s writes", q->name);
        (void)sqlite3_finalize(s);
    }
    (void)sqlite3_close(db);
}

/* How SQLite goes about a query: its plan's lines, joined by newlines. */
static void assert_plan(const struct kit *k, enum ts_sql q, const char *must_say)
{
    char sql[4096];
    (void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", ts_sql_queries[q].text);
    char *plan = kit_rows(k, sql);
    if (strstr(plan, must_say) == NULL || strstr(plan, "TEMP B-TREE") != NULL)
        fail_msg("%s: no '%s' in its plan, or a sort:\n%s", ts_sql_queries[q].name, must_say, plan);
    free(plan);
}

static void a_window_is_a_range_of_the_primary_key_and_needs_no_sort(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    const char *range = "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
    assert_plan(k, TS_SQL_CALLS_IN_WINDOW, range);
    assert_plan(
        k, TS_SQL_ATTEMPTS_IN_WINDOW, "SEARCH a USING PRIMARY KEY (call_id>? AND call_id<?)");
    assert_plan(k, TS_SQL_CALL_PAGE, range);
    assert_plan(k, TS_SQL_CALL_GET, "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)");
    assert_plan(k, TS_SQL_RATED_BY_CONVERSATION, "USING INDEX call_conversation");
    assert_plan(k, TS_SQL_RATED_BY_MESSAGE, "USING INDEX call_message");
}

/* -- the views -------------------------------------------------------------------------------- */

static void the_views_have_the_columns_of_the_interface(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    const struct {
        const char *view;
        const char *columns;
    } cases[] = {
        {"model_performance_metrics",
         "id,model,provider,task_type,task_complexity,response_time_ms,tokens_used,input_tokens,"
         "output_tokens,success,error_message,user_rating,conversation_id,user_id,message_id,"
         "metadata,timestamp"},
        {"model_outcomes", "id,task_type,model_id,success,timeout,tokens_used,cost_usd,timestamp"},
        {"llm_task_outcomes",
         "id,task_type,model_id,success,timeout,tokens_used,cost_usd,timestamp"},
        {"model_stats",
         "id,task_type,model_id,successes,failures,timeouts,total_tokens,total_cost,last_used"},
        {"model_performance", "task_type,model_id,successes,failures,total_tokens,total_cost"},
        {"model_avg_response_time",
         "model,provider,total_calls,avg_response_ms,min_response_ms,max_response_ms,"
         "median_response_ms,p95_response_ms"},
        {"model_success_rate",
         "model,provider,total_calls,successful_calls,failed_calls,success_rate_percent"},
        {"model_user_satisfaction",
         "model,provider,rated_calls,thumbs_up,thumbs_down,satisfaction_percent"},
        {"best_model_by_task",
         "task_type,model,provider,total_calls,avg_response_ms,success_rate,satisfaction_rate,"
         "quality_score"},
        {"model_token_efficiency",
         "model,provider,total_calls,avg_tokens,avg_output_input_ratio,total_input_tokens,"
         "total_output_tokens"},
        {"model_performance_trends",
         "date,model,provider,task_type,total_calls,avg_response_ms,success_rate"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        char sql[160];
        (void)snprintf(sql,
                       sizeof(sql),
                       "SELECT group_concat(name) FROM pragma_table_info('%s')",
                       cases[i].view);
        char *columns = kit_rows(k, sql);
        assert_string_equal(columns, cases[i].columns);
        free(columns);
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", cases[i].view);
        assert_int_equal(kit_number(k, sql), 0); /* and an empty store is no error */
    }
}

static void assert_rows(const struct kit *k, const char *sql, const char *expected)
{
    char *rows = kit_rows(k, sql);
    assert_string_equal(rows, expected);
    free(rows);
}

static void the_views_tell_what_the_rows_say(void **state)
{
    struct kit *k = *state;
    fill(k);
    assert_rows(k,
                "SELECT * FROM model_avg_response_time ORDER BY model, provider",
                "llama|ollama|3|4000.0|1000.0|9000.0|2000.0|9000.0\n"
                "llama|vllm|1|500.0|500.0|500.0|500.0|500.0\n"
                "qwen|vllm|2|300.0|300.0|300.0|300.0|300.0");
    assert_rows(k,
                "SELECT * FROM model_success_rate ORDER BY model, provider",
                "llama|ollama|3|2|1|66.67\nllama|vllm|1|1|0|100.0\nqwen|vllm|2|0|1|0.0");
    assert_rows(k,
                "SELECT * FROM model_user_satisfaction ORDER BY model, provider",
                "llama|ollama|2|1|1|50.0\nllama|vllm|1|1|0|100.0");
    /* llama at vllm: 40 + 40 + 20 * 95 % = 99; qwen: (0 * 0.4 + 97 * 0.2) / 0.6 = 32.33 */
    assert_rows(k,
                "SELECT * FROM best_model_by_task",
                "analysis|llama|ollama|1|9000.0|0.0|NULL|3.33\n"
                "coding|llama|vllm|1|500.0|100.0|100.0|99.0");
    assert_rows(k,
                "SELECT * FROM model_token_efficiency ORDER BY model, provider",
                "llama|ollama|3|30.0|2.0|30|60\nllama|vllm|1|30.0|2.0|10|20\n"
                "qwen|vllm|2|30.0|2.0|10|20");
    assert_rows(
        k,
        "SELECT task_type, model_id, success, timeout, tokens_used, cost_usd "
        "FROM model_outcomes ORDER BY id",
        "coding|llama|1|0|30|0.001\ncoding|llama|1|0|30|0.001\nanalysis|llama|0|1|30|0.001\n"
        "coding|llama|1|0|30|0.001\ncoding|qwen|0|0|30|0.001");
    assert_rows(k,
                "SELECT model, total_calls, avg_response_ms, success_rate "
                "FROM model_performance_trends WHERE task_type = 'coding' ORDER BY provider, model",
                "llama|2|1500.0|100.0\nllama|1|500.0|100.0\nqwen|2|300.0|0.0");
}

static void the_statistics_are_the_sum_of_the_outcomes(void **state)
{
    struct kit *k = *state;
    fill(k);
    assert_rows(k,
                "SELECT task_type, model_id, successes, failures, timeouts, total_tokens "
                "FROM model_stats ORDER BY 1, 2",
                "analysis|llama|0|1|1|30\ncoding|llama|3|0|0|90\ncoding|qwen|0|1|0|30");
    assert_rows(k,
                "SELECT count(*) FROM model_stats s JOIN model_performance p "
                "USING(task_type, model_id) WHERE s.successes = p.successes "
                "AND s.failures = p.failures AND s.total_tokens = p.total_tokens "
                "AND abs(s.total_cost - p.total_cost) < 1e-9",
                "3");
}

static void a_row_of_metrics_reads_as_in_the_interface(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_full_call(1)), TS_OK);
    struct ts_call *bare = kit_call(2);
    bare->outcome = TS_OUTCOME_CANCELLED;
    assert_int_equal(kit_record(k, bare), TS_OK);
    char id[TS_ID_TEXT_SIZE];
    char when[TS_RFC3339_SIZE];
    char expected[512];
    ts_id_format(kit_id(1), ts_store_tag(k->store), id);
    ts_rfc3339(ts_id_ms(kit_id(1)), when);
    (void)snprintf(
        expected,
        sizeof(expected),
        "%s|llama3.2:3b|ollama|coding|complex|90000000|50|36|14|0|context \"full\" \xc3\xa9|"
        "0|conv-1|ada|msg-1|{\"depth\":{\"a\":[1,2]},\"project\":\"shop\"}|%s",
        id,
        when);
    assert_rows(k, "SELECT * FROM model_performance_metrics ORDER BY id LIMIT 1", expected);
    assert_rows(
        k,
        "SELECT success, user_id, conversation_id, metadata, error_message, response_time_ms "
        "FROM model_performance_metrics ORDER BY id DESC LIMIT 1",
        "NULL|local|NULL|NULL|NULL|2456");
}

/* The percentiles of the view are those of the aggregate within its bound, at every small size. */
static void the_view_and_the_aggregate_agree_on_percentiles(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    int n = 0;
    for (int size = 1; size <= 41; size += 5) {
        for (int i = 0; i < size; i++, n++) {
            struct ts_call *c = kit_call(n + 1);
            char model[16];
            (void)snprintf(model, sizeof(model), "m%d", size);
            kit_text(c, &c->model, model);
            c->phases.total_us = (i * 7919 % 1000 + 1) * 1000;
            assert_int_equal(kit_record(k, c), TS_OK);
        }
    }
    struct ts_aggregate *a = aggregate(k, everything(), TS_BY_MODEL);
    int count = 0;
    const struct ts_group *g = ts_aggregate_groups(a, 0, &count);
    assert_int_equal(count, 9);
    for (int i = 0; i < count; i++) {
        char sql[1000];
        (void)snprintf(sql,
                       sizeof(sql),
                       "SELECT abs(%.6f - median_response_ms) <= 0.0055 * median_response_ms "
                       "AND abs(%.6f - p95_response_ms) <= 0.0055 * p95_response_ms "
                       "FROM model_avg_response_time WHERE model = '%s'",
                       g[i].figures.median_response_us / 1000,
                       g[i].figures.p95_response_us / 1000,
                       g[i].model);
        assert_int_equal(kit_number(k, sql), 1);
    }
    ts_aggregate_free(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_filter_picks_its_rows_in_slices_and_pages),
        TEST(a_window_takes_its_start_and_leaves_its_end),
        TEST(rows_arrive_with_all_their_figures),
        TEST(a_rescued_attempt_counts_against_its_own_model),
        TEST(pages_go_from_the_newest_to_the_oldest_without_gaps),
        TEST(counts_tell_empty_from_simulated),
        TEST(what_readers_prepare_changes_nothing),
        TEST(a_window_is_a_range_of_the_primary_key_and_needs_no_sort),
        TEST(the_views_have_the_columns_of_the_interface),
        TEST(the_views_tell_what_the_rows_say),
        TEST(the_statistics_are_the_sum_of_the_outcomes),
        TEST(a_row_of_metrics_reads_as_in_the_interface),
        TEST(the_view_and_the_aggregate_agree_on_percentiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
