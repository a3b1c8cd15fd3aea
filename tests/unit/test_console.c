/* SQL that a person wrote: what runs, what is refused, where errors point, and what stays as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "db/console.h"
#include "schema/sql.h"
#include "storekit.h"

/* -- a sink that writes "a|b\n" for the names and each row ------------------------------------- */

struct page {
    struct ts_buf text;
    void (*on_row)(void *ctx);
    void *ctx;
};

static enum ts_err on_begin(void *ctx, const char *const *names, int count, struct ts_error *err)
{
    struct page *p = ctx;
    (void)err;
    for (int i = 0; i < count; i++)
        ts_buf_printf(&p->text, "%s%s", i > 0 ? "|" : "", names[i]);
    ts_buf_puts(&p->text, "\n");
    return TS_OK;
}

static enum ts_err on_row(void *ctx, const struct ts_cell *cells, int count, struct ts_error *err)
{
    struct page *p = ctx;
    (void)err;
    for (int i = 0; i < count; i++) {
        ts_buf_puts(&p->text, i > 0 ? "|" : "");
        switch (cells[i].type) {
        case TS_CELL_NULL:
            ts_buf_puts(&p->text, "NULL");
            break;
        case TS_CELL_INTEGER:
            ts_buf_printf(&p->text, "i%lld", (long long)cells[i].integer);
            break;
        case TS_CELL_REAL:
            ts_buf_printf(&p->text, "r%g", cells[i].real);
            break;
        case TS_CELL_TEXT:
        case TS_CELL_BLOB:
            ts_buf_puts(&p->text, cells[i].type == TS_CELL_TEXT ? "t" : "b");
            ts_buf_put(&p->text, cells[i].bytes.at, cells[i].bytes.len);
            break;
        }
    }
    ts_buf_puts(&p->text, "\n");
    if (p->on_row != NULL)
        p->on_row(p->ctx);
    return TS_OK;
}

static enum ts_err on_end(void *ctx, struct ts_error *err)
{
    struct page *p = ctx;
    (void)err;
    ts_buf_puts(&p->text, ".\n");
    return TS_OK;
}

static enum ts_err run(
    struct ts_readonly *r, const char *sql, struct page *p, int64_t *at, struct ts_error *err)
{
    const struct ts_console_sink sink = {.begin = on_begin, .row = on_row, .end = on_end, .ctx = p};
    p->text = TS_BUF_INIT(1024 * 1024);
    return ts_console_run(r, sql, &sink, at, err);
}

static struct ts_readonly *open_beside(const struct kit *k)
{
    struct ts_readonly *r = NULL;
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(ts_readonly_open(k->path, &r, &err), TS_OK);
    return r;
}

/* Runs it and compares what came; one call stands in the store. */
static void expect(struct ts_readonly *r, const char *sql, const char *rows)
{
    struct page p = {.on_row = NULL};
    struct ts_error err = TS_ERROR_INIT;
    int64_t at = 0;
    if (run(r, sql, &p, &at, &err) != TS_OK)
        fail_msg("%s: %s", sql, err.text);
    assert_string_equal(ts_buf_text(&p.text), rows);
    ts_buf_free(&p.text);
}

static void expect_fault(struct ts_readonly *r, const char *sql, int64_t where, const char *says)
{
    struct page p = {.on_row = NULL};
    struct ts_error err = TS_ERROR_INIT;
    int64_t at = -2;
    if (run(r, sql, &p, &at, &err) != TS_ERR_INVALID_FIELD)
        fail_msg("%s was not refused: %d %s", sql, (int)err.code, err.text);
    if (strstr(err.text, says) == NULL || at != where)
        fail_msg("%s: at %lld: %s", sql, (long long)at, err.text);
    ts_buf_free(&p.text);
}

/* -- tests ------------------------------------------------------------------------------------ */

static void every_type_arrives_as_it_is(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    expect(r,
           "SELECT 1 AS a, 2.5 AS b, 'x' AS c, NULL AS d, X'4142' AS e, '' AS f",
           "a|b|c|d|e|f\ni1|r2.5|tx|NULL|bAB|t\n.\n");
}

static void statements_run_one_after_another(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    expect(r,
           " SELECT 1 AS a; -- the first\n SELECT 2 AS b WHERE 0;; SELECT 3 AS c ; ",
           "a\ni1\n.\nb\n.\nc\ni3\n.\n");
}

static void a_row_is_seen_while_the_server_runs(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    expect(r,
           "SELECT model, provider FROM model_performance_metrics",
           "model|provider\ntllama3.2:3b|tollama\n.\n");
}

static void record_another(void *ctx)
{
    assert_int_equal(kit_record(ctx, kit_call(2)), TS_OK);
}

static void all_statements_see_the_same_moment(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    struct page p = {.on_row = record_another, .ctx = k};
    struct ts_error err = TS_ERROR_INIT;
    int64_t at = 0;
    const char *twice =
        "SELECT count(*) AS n FROM call WHERE id > 0; SELECT count(*) AS n FROM call";
    assert_int_equal(run(r, twice, &p, &at, &err), TS_OK);
    assert_string_equal(ts_buf_text(&p.text), "n\ni1\n.\nn\ni1\n.\n");
    ts_buf_free(&p.text);
    expect(r, "SELECT count(*) AS n FROM call", "n\ni2\n.\n");
}

static void what_would_write_attach_or_load_is_refused(void **state)
{
    static const struct {
        const char *sql;
        const char *says;
    } refused[] = {
        {"DELETE FROM call", "would write"},
        {"INSERT INTO label(text) VALUES ('x')", "would write"},
        {"UPDATE call SET rating = 1", "would write"},
        {"CREATE VIRTUAL TABLE t USING fts5(a)", "would write"},
        {"CREATE TABLE t(a)", "would write"},
        {"CREATE TEMP TABLE t(a)", "would write"},
        {"CREATE TEMP VIEW v AS SELECT 1", "would write"},
        {"DROP VIEW calls", "would write"},
        {"ALTER TABLE call ADD COLUMN x", "would write"},
        {"REINDEX", "would write"},
        {"ANALYZE", "would write"},
        {"EXPLAIN DELETE FROM call", "would write"},
        {"WITH x AS (SELECT 1) DELETE FROM call", "would write"},
        {"VACUUM", "would write"},
        {"VACUUM INTO '/tmp/touchstone-test-copy'", "would write"},
        {"ATTACH ':memory:' AS x", "attached"},
        {"DETACH main", "attached"},
        {"BEGIN", "same moment"},
        {"COMMIT", "same moment"},
        {"ROLLBACK", "same moment"},
        {"SAVEPOINT a", "same moment"},
        {"SELECT load_extension('x')", "load"},
        {"PRAGMA query_only = OFF", "query_only"},
        {"PRAGMA journal_mode = DELETE", "journal_mode"},
        {"PRAGMA wal_checkpoint(TRUNCATE)", "wal_checkpoint"},
        {"PRAGMA writable_schema = ON", "writable_schema"},
        {"PRAGMA user_version = 9", "user_version"},
        {"PRAGMA optimize", "optimize"},
        {"PRAGMA temp_store_directory = '/'", "temp_store_directory"},
    };
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    for (size_t i = 0; i < TS_ARRAY_LEN(refused); i++)
        expect_fault(r, refused[i].sql, 0, refused[i].says);
    expect_fault(r, "UPDATE sqlite_schema SET sql = ''", -1, "may not be modified");
    assert_int_not_equal(access("/tmp/touchstone-test-copy", F_OK), 0);
    expect(r, "SELECT count(*) AS n FROM call", "n\ni1\n.\n");
}

static void what_tells_about_the_schema_runs(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    expect(r, "SELECT name FROM pragma_table_info('label')", "name\ntlabel_id\nttext\n.\n");
    expect(r, "PRAGMA encoding", "encoding\ntUTF-8\n.\n");
    expect(r,
           "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT "
           "max(i) AS m FROM n",
           "m\ni3\n.\n");
    struct page p = {.on_row = NULL};
    struct ts_error err = TS_ERROR_INIT;
    int64_t at = 0;
    assert_int_equal(run(r, "EXPLAIN QUERY PLAN SELECT * FROM call WHERE id > 1", &p, &at, &err),
                     TS_OK);
    assert_non_null(strstr(ts_buf_text(&p.text), "SEARCH call USING INTEGER PRIMARY KEY"));
    ts_buf_free(&p.text);
}

static void errors_point_into_the_text(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    expect_fault(r, "SELECT modle FROM calls", 7, "no such column: modle");
    expect_fault(r, "SELECT 1;\n  SELEC 2", 12, "near \"SELEC\": syntax error");
    expect_fault(r, "SELECT 1; SELECT nope(1)", 17, "no such function: nope");
    expect_fault(r, "SELECT 1; SELECT 1 FROM nowhere", 24, "no such table: nowhere");
    expect_fault(r, "SELECT", -1, "incomplete input");
    expect_fault(r, "SELECT 1;  SELECT json('{')", 11, "malformed JSON");
    expect_fault(r, " -- nothing\n", 12, "no SQL statement");
    expect_fault(r, "", 0, "no SQL statement");
}

static int64_t size_of(const struct kit *k, const char *suffix)
{
    char path[128];
    struct stat st;
    kit_path(k, suffix, path);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void a_reader_that_leaves_last_leaves_the_log_as_it_is(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    int64_t wal = size_of(k, "-wal");
    assert_true(wal > 0);
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    expect(r, "SELECT count(*) AS n FROM call", "n\ni1\n.\n");
    ts_readonly_close(TS_TAKE(r));
    assert_int_equal(size_of(k, "-wal"), wal);
}

static void a_stopped_database_is_read_and_not_changed(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    assert_int_equal(kit_record(k, kit_call(1)), TS_OK);
    kit_close(k);
    int64_t size = size_of(k, "");
    TS_AUTO(ts_readonly_auto) struct ts_readonly *r = open_beside(k);
    expect(r, "SELECT count(*) AS n FROM call", "n\ni1\n.\n");
    ts_readonly_close(TS_TAKE(r));
    assert_int_equal(size_of(k, ""), size);
    assert_true(size_of(k, "-wal") <= 0);
}

static enum ts_err open_fails(const struct kit *k, const char *says)
{
    struct ts_readonly *r = NULL;
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err e = ts_readonly_open(k->path, &r, &err);
    if (strstr(err.text, says) == NULL || strstr(err.text, k->path) == NULL)
        fail_msg("%s", err.text);
    return e;
}

static void a_missing_file_is_said_and_not_made(void **state)
{
    struct kit *k = *state;
    assert_int_equal(open_fails(k, "there is no database yet"), TS_ERR_IO);
    assert_int_equal(size_of(k, ""), -1);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct kit *k = *state;
    FILE *f = fopen(k->path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(open_fails(k, "nothing was written to it yet"), TS_ERR_IO);
    f = fopen(k->path, "w");
    assert_non_null(f);
    assert_true(fputs("Dear diary, today", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(open_fails(k, "not an SQLite database"), TS_ERR_FOREIGN_FILE);
    assert_int_equal(remove(k->path), 0);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    kit_exec(db, "CREATE TABLE other(a)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(open_fails(k, "another program"), TS_ERR_FOREIGN_FILE);
}

static void a_file_of_a_newer_touchstone_is_named(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    kit_close(k);
    sqlite3 *db = kit_foreign(k);
    kit_exec(db, "PRAGMA user_version = 999");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(open_fails(k, "newer touchstone"), TS_ERR_FOREIGN_FILE);
}

int main(void)
{
#define KIT(fn) cmocka_unit_test_setup_teardown(fn, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        KIT(every_type_arrives_as_it_is),
        KIT(statements_run_one_after_another),
        KIT(a_row_is_seen_while_the_server_runs),
        KIT(all_statements_see_the_same_moment),
        KIT(what_would_write_attach_or_load_is_refused),
        KIT(what_tells_about_the_schema_runs),
        KIT(errors_point_into_the_text),
        KIT(a_reader_that_leaves_last_leaves_the_log_as_it_is),
        KIT(a_stopped_database_is_read_and_not_changed),
        KIT(a_missing_file_is_said_and_not_made),
        KIT(files_that_cannot_be_read_are_named),
        KIT(a_file_of_a_newer_touchstone_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
