#include "storekit.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"

enum { HOUR_MS = 3600 * 1000 };

/* -- the folder ------------------------------------------------------------------------------- */

int kit_setup(void **state)
{
    struct kit *k = calloc(1, sizeof(*k));
    assert_non_null(k);
    (void)snprintf(k->folder, sizeof(k->folder), "/tmp/ts-store-XXXXXX");
    assert_non_null(mkdtemp(k->folder));
    (void)snprintf(k->path, sizeof(k->path), "%s/t.db", k->folder);
    k->options = (struct ts_store_options){.path = k->path, .readers = 2, .required = true};
    *state = k;
    return 0;
}

static void remove_folder(const char *folder)
{
    DIR *d = opendir(folder);
    if (d == NULL)
        return;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlink(path) != 0)
            (void)rmdir(path);
    }
    (void)closedir(d);
    (void)rmdir(folder);
}

int kit_teardown(void **state)
{
    struct kit *k = *state;
    kit_close(k);
    remove_folder(k->folder);
    free(k);
    return 0;
}

void kit_open(struct kit *k)
{
    struct ts_error err = TS_ERROR_INIT;
    if (ts_store_open(&k->options, &k->store, &err) != TS_OK)
        fail_msg("cannot open %s: %s", k->options.path, err.text);
}

void kit_close(struct kit *k)
{
    ts_store_close(k->store);
    k->store = NULL;
}

void kit_path(const struct kit *k, const char *suffix, char out[static 128])
{
    (void)snprintf(out, 128, "%s%s", k->path, suffix);
}

/* -- calls ------------------------------------------------------------------------------------ */

int64_t kit_id(int n)
{
    int64_t hour = ts_wall_ms() / HOUR_MS * HOUR_MS - 24 * HOUR_MS;
    return ts_id_from_ms(hour) + n;
}

void kit_text(struct ts_call *c, const char **member, const char *text)
{
    *member = ts_arena_str(&c->arena, text);
    assert_non_null(*member);
}

struct ts_call *kit_call(int n)
{
    struct ts_call *c = ts_call_new();
    assert_non_null(c);
    c->id = kit_id(n);
    kit_text(c, &c->provider, "ollama");
    kit_text(c, &c->model, "llama3.2:3b");
    kit_text(c, &c->task_type, "coding");
    c->complexity = TS_COMPLEXITY_SIMPLE;
    c->phases.total_us = 2456000;
    c->phases.ttft_us = 321000;
    c->phases.decode_us = 2000000;
    c->tokens.input = 100;
    c->tokens.output = 50;
    c->tokens_source = TS_TOKENS_PROVIDER;
    return c;
}

struct ts_call *kit_full_call(int n)
{
    struct ts_call *c = kit_call(n);
    kit_text(c, &c->requested_model, "llama3.2");
    kit_text(c, &c->reported_model, "llama3.2:3b-q4");
    kit_text(c, &c->finish_reason, "stop");
    kit_text(c, &c->error_text, "context \"full\" \xc3\xa9");
    kit_text(c, &c->dialect, "ollama");
    kit_text(c, &c->user_id, "ada");
    kit_text(c, &c->user_segment, "staff");
    kit_text(c, &c->conversation_id, "conv-1");
    kit_text(c, &c->message_id, "msg-1");
    kit_text(c, &c->tags_json, "{\"project\":\"shop\"}");
    kit_text(c, &c->metadata_json, "{\"depth\":{\"a\":[1,2]}}");
    c->complexity = TS_COMPLEXITY_COMPLEX;
    c->outcome = TS_OUTCOME_UPSTREAM_CUT;
    c->error = TS_ERR_UPSTREAM_INTERRUPTED;
    c->phases = (struct ts_phases){.queue_us = 1,
                                   .connect_us = 0,
                                   .load_us = 3000,
                                   .first_byte_us = 4000,
                                   .ttft_us = 5000,
                                   .first_visible_us = 6000,
                                   .decode_us = 7000,
                                   .max_stall_us = 8000,
                                   .total_us = INT64_C(90000000000),
                                   .overhead_us = 123};
    c->tokens = (struct ts_token_counts){
        .input = 11, .cache_read = 12, .cache_write = 13, .output = 14, .reasoning = 5};
    c->cost_nano_usd = 1234567890123;
    c->classified = c->streamed = c->cold = c->simulated = c->reported = true;
    for (int i = 0; i < 2; i++) {
        struct ts_attempt *a = ts_call_add_attempt(c);
        assert_non_null(a);
        kit_text(c, &a->provider, i == 0 ? "vllm" : "lmstudio");
        kit_text(c, &a->model, "qwen2.5:7b");
        a->cause = i == 0 ? TS_ERR_UPSTREAM_UNREACHABLE : TS_ERR_UPSTREAM_TIMEOUT;
        a->status = i == 0 ? TS_UNKNOWN : 503;
        a->duration_us = 1000 * (i + 1);
        a->wait_us = i;
        if (i == 1)
            kit_text(c, &a->error_text, "overloaded");
    }
    return c;
}

/* -- jobs ------------------------------------------------------------------------------------- */

static void settle(struct kit_waiter *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->settled = true;
    (void)pthread_cond_signal(&w->done);
    (void)pthread_mutex_unlock(&w->lock);
}

static void wait_for(struct kit_waiter *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!w->settled)
        (void)pthread_cond_wait(&w->done, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}

#define WAITER_INIT                                                                                \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER                        \
    }

static void row_done(struct ts_post *p)
{
    settle(TS_CONTAINER(p, struct kit_waiter, job.post));
}

enum ts_err kit_record(struct kit *k, struct ts_call *call)
{
    struct kit_waiter w = WAITER_INIT;
    w.job.post.fn = row_done;
    ts_store_record(k->store, call, &w.job);
    wait_for(&w);
    return w.job.result;
}

struct rating_box {
    struct ts_store_rating rating;
    struct kit_waiter w;
};

static void rating_done(struct ts_post *p)
{
    settle(&TS_CONTAINER(p, struct rating_box, rating.job.post)->w);
}

enum ts_err kit_rate(struct kit *k, struct ts_store_rating *r)
{
    struct rating_box box = {.rating = *r, .w = WAITER_INIT};
    box.rating.job = (struct ts_store_job){.post.fn = rating_done};
    ts_store_rate(k->store, &box.rating);
    wait_for(&box.w);
    *r = box.rating;
    return r->job.result;
}

struct import_box {
    struct ts_store_import import;
    struct kit_waiter w;
};

static void import_done(struct ts_post *p)
{
    settle(&TS_CONTAINER(p, struct import_box, import.job.post)->w);
}

enum ts_err kit_import(struct kit *k, struct ts_store_import *im)
{
    struct import_box box = {.import = *im, .w = WAITER_INIT};
    box.import.job = (struct ts_store_job){.post.fn = import_done};
    ts_store_import(k->store, &box.import);
    wait_for(&box.w);
    *im = box.import;
    return im->job.result;
}

static void cleanup_done(struct ts_post *p)
{
    settle(&TS_CONTAINER(p, struct kit_cleaning, cleanup.job.post)->w);
}

static void cleaning_init(struct kit_cleaning *c, int64_t keep_days)
{
    *c = (struct kit_cleaning){.cleanup.keep_days = keep_days, .w = WAITER_INIT};
    c->cleanup.job.post.fn = cleanup_done;
}

void kit_cleanup_start(struct kit *k, struct kit_cleaning *c, int64_t keep_days)
{
    cleaning_init(c, keep_days);
    ts_store_cleanup(k->store, &c->cleanup);
}

bool kit_cleanup_is_done(struct kit_cleaning *c)
{
    (void)pthread_mutex_lock(&c->w.lock);
    bool done = c->w.settled;
    (void)pthread_mutex_unlock(&c->w.lock);
    return done;
}

enum ts_err kit_cleanup_wait(struct kit_cleaning *c)
{
    wait_for(&c->w);
    return c->cleanup.job.result;
}

enum ts_err kit_cleanup(struct kit *k, struct ts_store_cleanup *c)
{
    struct kit_cleaning box;
    cleaning_init(&box, c->keep_days);
    box.cleanup.stop = (bool)c->stop;
    ts_store_cleanup(k->store, &box.cleanup);
    (void)kit_cleanup_wait(&box);
    *c = (struct ts_store_cleanup){.job.result = box.cleanup.job.result,
                                   .job.error = box.cleanup.job.error,
                                   .keep_days = c->keep_days,
                                   .before_ms = box.cleanup.before_ms,
                                   .deleted = box.cleanup.deleted};
    return c->job.result;
}

struct query_box {
    struct ts_query query;
    kit_query_fn *fn;
    void *ctx;
    struct kit_waiter w;
};

static void query_done(struct ts_post *p)
{
    settle(&TS_CONTAINER(p, struct query_box, query.post)->w);
}

static enum ts_err run_query(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    struct query_box *box = TS_CONTAINER(q, struct query_box, query);
    return box->fn(c, box->ctx, err);
}

enum ts_err kit_query(struct kit *k, kit_query_fn *fn, void *ctx, struct ts_error *err)
{
    struct query_box box = {.fn = fn, .ctx = ctx, .w = WAITER_INIT};
    box.query.post.fn = query_done;
    box.query.run = run_query;
    ts_store_query(k->store, &box.query);
    wait_for(&box.w);
    if (err != NULL)
        *err = box.query.error;
    return box.query.result;
}

struct get {
    int64_t id;
    uint64_t tag;
    json_t *out;
};

static enum ts_err get_call(struct ts_reader_conn *c, void *ctx, struct ts_error *err)
{
    struct get *g = ctx;
    return ts_query_call(c, g->id, g->tag, &g->out, err);
}

json_t *kit_get(struct kit *k, int64_t id, struct ts_error *err)
{
    struct get g = {.id = id, .tag = ts_store_tag(k->store)};
    return kit_query(k, get_call, &g, err) == TS_OK ? g.out : NULL;
}

/* -- the file as others see it ---------------------------------------------------------------- */

char *kit_rows(const struct kit *k, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(k->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    struct ts_buf out = TS_BUF_INIT(1 << 20);
    int rc = SQLITE_ROW;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (out.len > 0)
            ts_buf_puts(&out, "\n");
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            ts_buf_printf(&out, "%s%s", i > 0 ? "|" : "", text != NULL ? text : "NULL");
        }
    }
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    ts_buf_put(&out, "", 0);
    return out.data != NULL ? out.data : strdup("");
}

int64_t kit_number(const struct kit *k, const char *sql)
{
    char *rows = kit_rows(k, sql);
    int64_t n = strtoll(rows, NULL, 10);
    free(rows);
    return n;
}

sqlite3 *kit_foreign(const struct kit *k)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 5000); /* the writer may be at work by itself, on roll-ups */
    return db;
}

void kit_exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* -- waiting ---------------------------------------------------------------------------------- */

bool kit_wait_writable(struct kit *k, bool writable, int ms)
{
    for (int64_t end = ts_now_us() + ms * INT64_C(1000); ts_now_us() < end; (void)usleep(5000)) {
        if (ts_store_health(k->store).writable == writable)
            return true;
    }
    return false;
}

bool kit_wait_spool_empty(struct kit *k, int ms)
{
    for (int64_t end = ts_now_us() + ms * INT64_C(1000); ts_now_us() < end; (void)usleep(5000)) {
        if (ts_store_health(k->store).spooled_rows == 0)
            return true;
    }
    return false;
}
