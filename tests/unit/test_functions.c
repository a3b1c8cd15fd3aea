/* The functions of document 003 in a person's SQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "db/console.h"
#include "db/functions.h"
#include "storekit.h"

/* -- a store with two models of one task, and a third of another ------------------------------- */

static bool is_local(const void *ctx, const char *provider)
{
    (void)ctx;
    return strcmp(provider, "openai") != 0;
}

static void record(struct kit *k, int n, const char *model, const char *task, int64_t ms, bool good)
{
    struct ts_call *c = kit_call(n);
    kit_text(c, &c->model, model);
    kit_text(c, &c->task_type, task);
    c->phases.total_us = ms * 1000;
    c->outcome = good ? TS_OUTCOME_DONE : TS_OUTCOME_UPSTREAM_ERROR;
    c->tokens.input = 10;
    c->tokens.output = 30;
    assert_int_equal(kit_record(k, c), TS_OK);
}

/* llama: 8 calls of coding, 100 to 800 ms, four failed; qwen: 6 of 2 s, all good; phi: 2 of
 * analysis. */
static void fill(struct kit *k)
{
    kit_open(k);
    for (int i = 1; i <= 8; i++)
        record(k, i, "llama3.2:3b", "coding", 100 * i, i <= 4);
    for (int i = 9; i <= 14; i++)
        record(k, i, "qwen3:8b", "coding", 2000, true);
    for (int i = 15; i <= 16; i++)
        record(k, i, "phi3:4b", "analysis", 50, true);
    struct ts_store_rating r = {.id = kit_id(1), .rating = 1};
    assert_int_equal(kit_rate(k, &r), TS_OK);
}

struct open_file {
    struct ts_functions functions;
    struct ts_readonly *readonly;
};

static void open_file(const struct kit *k, struct open_file *f)
{
    struct ts_error err = TS_ERROR_INIT;
    *f = (struct open_file){
        .functions = {.where = {.is_local = is_local}, .now_ms = ts_id_ms(kit_id(20)) + 1000}};
    assert_int_equal(ts_readonly_open(k->path, &f->readonly, &err), TS_OK);
    assert_int_equal(ts_functions_add(f->readonly, &f->functions, &err), TS_OK);
}

/* -- one query as text ------------------------------------------------------------------------- */

static enum ts_err on_begin(void *ctx, const char *const *names, int count, struct ts_error *err)
{
    (void)ctx, (void)names, (void)count, (void)err;
    return TS_OK;
}

static enum ts_err on_row(void *ctx, const struct ts_cell *cells, int count, struct ts_error *err)
{
    struct ts_buf *out = ctx;
    (void)err;
    for (int i = 0; i < count; i++) {
        ts_buf_puts(out, i > 0 ? "|" : "");
        switch (cells[i].type) {
        case TS_CELL_NULL:
            ts_buf_puts(out, "NULL");
            break;
        case TS_CELL_INTEGER:
            ts_buf_printf(out, "%lld", (long long)cells[i].integer);
            break;
        case TS_CELL_REAL:
            ts_buf_printf(out, "%.10g", cells[i].real);
            break;
        case TS_CELL_TEXT:
        case TS_CELL_BLOB:
            ts_buf_put(out, cells[i].bytes.at, cells[i].bytes.len);
            break;
        }
    }
    ts_buf_puts(out, "\n");
    return TS_OK;
}

static enum ts_err on_end(void *ctx, struct ts_error *err)
{
    (void)ctx, (void)err;
    return TS_OK;
}

static enum ts_err run(const struct kit *k,
                       const char *sql,
                       struct ts_buf *out,
                       struct ts_error *err)
{
    struct open_file f;
    open_file(k, &f);
    const struct ts_console_sink sink = {
        .begin = on_begin, .row = on_row, .end = on_end, .ctx = out};
    int64_t at = 0;
    enum ts_err e = ts_console_run(f.readonly, sql, &sink, &at, err);
    ts_readonly_close(f.readonly);
    return e;
}

static void expect(const struct kit *k, const char *sql, const char *rows)
{
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    struct ts_error err = TS_ERROR_INIT;
    if (run(k, sql, &out, &err) != TS_OK)
        fail_msg("%s: %s", sql, err.text);
    assert_string_equal(ts_buf_text(&out), rows);
}

static void expect_fault(const struct kit *k, const char *sql, const char *says)
{
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(run(k, sql, &out, &err), TS_ERR_INVALID_FIELD);
    if (strstr(err.text, says) == NULL)
        fail_msg("%s: %s", sql, err.text);
}

/* -- tests ------------------------------------------------------------------------------------- */

static void the_summary_has_a_row_a_model(void **state)
{
    struct kit *k = *state;
    fill(k);
    expect(
        k,
        "SELECT model, total_calls, successful_calls, failed_calls, success_rate, avg_response_ms,"
        " min_response_ms, max_response_ms, 10 * round(median_response_ms / 10), p95_response_ms, "
        "avg_tokens, "
        "thumbs_up,"
        " satisfaction_rate FROM get_model_performance_summary(30)",
        "llama3.2:3b|8|4|4|50|450|100|800|400|800|40|1|100\n"
        "qwen3:8b|6|6|0|100|2000|2000|2000|2000|2000|40|0|NULL\n"
        "phi3:4b|2|2|0|100|50|50|50|50|50|40|0|NULL\n");
}

static void the_summary_takes_its_days_from_the_argument(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct ts_call *old = kit_call(99);
    old->id = ts_id_from_ms(ts_id_ms(kit_id(1)) - INT64_C(40) * 86400 * 1000);
    kit_text(old, &old->model, "old:1b");
    assert_int_equal(kit_record(k, old), TS_OK);
    expect(k, "SELECT count(*) FROM get_model_performance_summary", "3\n");
    expect(k, "SELECT count(*) FROM get_model_performance_summary()", "3\n");
    expect(k, "SELECT count(*) FROM get_model_performance_summary(41)", "4\n");
    expect(
        k, "SELECT model FROM get_model_performance_summary(41) WHERE total_calls = 1", "old:1b\n");
}

static void the_best_model_is_chosen_by_data(void **state)
{
    struct kit *k = *state;
    fill(k);
    expect(k,
           "SELECT model, provider, basis, verdict, success_rate, satisfaction_rate, sample_size, "
           "avg_response_ms"
           " FROM get_best_model_for_task('coding', 'speed')",
           "llama3.2:3b|ollama|data|insufficient|50|100|8|450\n");
    expect(k,
           "SELECT model, basis, sample_size FROM get_best_model_for_task('coding', 'quality')",
           "qwen3:8b|data|6\n");
    expect(k,
           "SELECT reason FROM get_best_model_for_task('coding', 'quality')",
           "100.0 % of its 6 calls of coding were good; it leads, but not for certain yet\n");
}

static void too_few_calls_leave_it_to_the_rules(void **state)
{
    struct kit *k = *state;
    fill(k);
    expect(k,
           "SELECT model, basis, verdict, sample_size, confidence, p_best FROM "
           "get_best_model_for_task('analysis')",
           "phi3:4b|rules|insufficient|2|NULL|NULL\n");
    /* Never seen: the largest of all models for quality, the smallest for speed. */
    expect(k,
           "SELECT model, basis, sample_size, success_rate FROM get_best_model_for_task('poetry', "
           "'quality')",
           "qwen3:8b|rules|0|NULL\n");
    expect(k, "SELECT model FROM get_best_model_for_task('poetry', 'speed')", "llama3.2:3b\n");
}

static void an_empty_database_has_no_best_model(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    expect(k, "SELECT * FROM get_best_model_for_task('coding')", "");
    expect(k, "SELECT * FROM get_model_performance_summary(7)", "");
}

static void functions_can_be_joined(void **state)
{
    struct kit *k = *state;
    fill(k);
    expect(k,
           "SELECT t.column1, g.model FROM (VALUES ('coding'), ('analysis')) t,"
           " get_best_model_for_task(t.column1, 'quality') g ORDER BY 1",
           "analysis|phi3:4b\ncoding|qwen3:8b\n");
    expect(k,
           "SELECT s.model FROM get_model_performance_summary(30) s JOIN series USING(model)"
           " WHERE series.task_type = 'analysis'",
           "phi3:4b\n");
}

static void wrong_arguments_are_named(void **state)
{
    struct kit *k = *state;
    fill(k);
    expect_fault(k, "SELECT * FROM get_best_model_for_task()", "needs a task");
    expect_fault(k, "SELECT * FROM get_best_model_for_task(NULL)", "needs a task");
    expect_fault(k, "SELECT * FROM get_best_model_for_task('coding', 'fast')", "'fast'");
    expect_fault(k, "SELECT * FROM get_model_performance_summary(0)", "days must be");
    expect_fault(k, "SELECT * FROM get_model_performance_summary('x')", "days must be");
    expect_fault(k, "SELECT * FROM get_model_performance_summary(1e9)", "days must be");
    expect_fault(k, "SELECT * FROM get_model_performance_summary(1, 2)", "too many arguments");
}

int main(void)
{
#define KIT(fn) cmocka_unit_test_setup_teardown(fn, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        KIT(the_summary_has_a_row_a_model),
        KIT(the_summary_takes_its_days_from_the_argument),
        KIT(the_best_model_is_chosen_by_data),
        KIT(too_few_calls_leave_it_to_the_rules),
        KIT(an_empty_database_has_no_best_model),
        KIT(functions_can_be_joined),
        KIT(wrong_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
