/*
 * /api/benchmarks: what models reached on this machine.
 *
 *     POST: loop -> reader thread: figures of attempts and calls -> loop -> writer: stored -> loop
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/host.h"
#include "base/json.h"
#include "handlers/clone_args.h"
#include "handlers/clone_read.h"
#include "handlers/fields.h"
#include "handlers/figures.h"
#include "handlers/handlers.h"
#include "handlers/question.h"
#include "handlers/reply.h"
#include "handlers/services.h"

enum { ROWS_MAX = 4000, ARENA_MAX = 8 * 1024 * 1024 };

static const char *const no_args[] = {NULL};

/* -- the list ---------------------------------------------------------------------------------- */

struct benchmark_list {
    struct ts_ask ask;
    struct ts_benchmark_filter filter;
    struct ts_clone_page page;
};

static void free_list(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct benchmark_list, ask));
}

static enum ts_err ask_list(struct ts_ask *a,
                            struct ts_reader_conn *c,
                            json_t **out,
                            struct ts_error *err)
{
    struct benchmark_list *q = TS_CONTAINER(a, struct benchmark_list, ask);
    json_t *rows = NULL;
    enum ts_err rc = ts_query_benchmarks(c, &q->filter, &q->page, &rows, err);
    if (rc != TS_OK)
        return rc;
    *out = ts_clone_page_json("benchmarks", rows, &q->page);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the list");
}

static enum ts_err read_list(const struct ts_exchange *x,
                             struct benchmark_list *q,
                             struct ts_error *err)
{
    static const char *const allowed[] = {
        "model", "provider", "website_complexity", "limit", "cursor", NULL};
    static const char *const words[] = {"simple", "medium", "complex", NULL};
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_clone_page_args(x, &q->page, err);
    if (rc == TS_OK)
        rc = ts_word_arg(x, "website_complexity", words, &q->filter.complexity, err);
    q->filter.model = ts_arg(x, "model");
    q->filter.provider = ts_arg(x, "provider");
    return rc;
}

void ts_handle_benchmarks(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct benchmark_list *q = calloc(1, sizeof(*q));
    enum ts_err rc =
        q != NULL ? read_list(x, q, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
    if (rc != TS_OK) {
        free(q);
        ts_reply_error(x, &err);
        return;
    }
    q->ask.ask = ask_list;
    q->ask.free = free_list;
    ts_ask_start(x, &q->ask);
}

/* -- new ones: what is asked ------------------------------------------------------------------- */

struct run {
    struct ts_query reading;
    struct ts_store_benchmarks store;
    struct ts_exchange *x;
    json_t *body;
    struct ts_arena arena;
    const char *model; /* NULL: all that have attempts */
    const char *provider;
    const char *notes;
    int64_t days;
    int64_t now_ms;
    char *hardware;
    struct ts_benchmark *rows; /* ROWS_MAX, in the arena */
    int count;
    int64_t *ids;
    json_t *answer;
};

static void free_run(struct run *r)
{
    if (r == NULL)
        return;
    json_decref(r->body);
    json_decref(r->answer);
    ts_arena_free(&r->arena);
    free(r->hardware);
    free(r->ids);
    free(r);
}

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for benchmarks");
}

static enum ts_err read_run(struct run *r, struct ts_error *err)
{
    static const char *const known[] = {"model", "provider", "days", "notes", NULL};
    struct ts_slice text = r->x->body.len > 0 ? r->x->body : TS_SLICE_LIT("{}");
    enum ts_err rc = ts_json_parse(text.at, text.len, &r->body, err);
    if (rc != TS_OK)
        return rc;
    struct ts_fields f = ts_fields_of(r->body, -1, known, err);
    const char *model = ts_fields_text(&f, "model", TS_MAX_MODEL);
    r->provider = ts_fields_text(&f, "provider", TS_MAX_NAME);
    r->notes = ts_fields_text(&f, "notes", TS_MAX_NOTES);
    r->days = ts_fields_int(&f, "days", 1, TS_MAX_DAYS);
    if (r->days == TS_UNKNOWN)
        r->days = TS_DEFAULT_DAYS;
    if (f.rc != TS_OK || model == NULL)
        return f.rc;
    r->model = ts_clone_split_model(r->x->services, &r->arena, model, &r->provider);
    return r->model != NULL ? TS_OK : no_memory(err);
}

/* -- on a reader thread ------------------------------------------------------------------------ */

/* Figures of the calls of a model at a provider, over the window. */
static enum ts_err figures_of_calls(const struct run *r,
                                    struct ts_reader_conn *c,
                                    const struct ts_benchmark *b,
                                    struct ts_figures *out,
                                    struct ts_error *err)
{
    static const unsigned all[] = {0};
    struct ts_call_filter filter = {.model = b->model, .provider = b->provider};
    ts_filter_last_days(&filter, r->now_ms, r->days);
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    const struct ts_gathering g = {.groupings = all, .count = 1, .now_ms = r->now_ms};
    enum ts_err rc = ts_gather(c, &filter, &g, &a, err);
    if (rc != TS_OK)
        return rc;
    int count = 0;
    const struct ts_group *group = ts_aggregate_groups(a, 0, &count);
    *out = count > 0 ? group->figures : ts_no_figures();
    return TS_OK;
}

/* Where there is no attempt, the calls tell how fast and how sure the model is. */
static void add_calls(struct ts_benchmark *b, const struct ts_figures *f)
{
    b->calls = f->total_calls;
    b->satisfaction = f->satisfaction_rate;
    b->tokens_per_second = f->tokens_per_second;
    if (b->attempts > 0)
        return;
    b->avg_generation_ms = f->avg_response_us / 1000;
    b->success_rate = f->success_rate;
}

static enum ts_err add_row(void *ctx, const struct ts_clone_figures *f, struct ts_error *err)
{
    struct run *r = ctx;
    if (r->count == ROWS_MAX)
        return ts_fail(err,
                       TS_ERR_INVALID_FIELD,
                       "there are more than %d benchmarks to make; name a model",
                       ROWS_MAX);
    struct ts_benchmark *b = &r->rows[r->count++];
    *b = (struct ts_benchmark){
        .provider = ts_arena_str(&r->arena, f->provider),
        .model = ts_arena_str(&r->arena, f->model),
        .complexity = ts_complexity_name(f->complexity),
        .attempts = f->attempts,
        .calls = TS_UNKNOWN,
        .avg_generation_ms = f->avg_generation_ms,
        .avg_size_bytes = f->avg_size_bytes,
        .success_rate = f->success_rate,
        .quality = f->quality,
        .satisfaction = (double)NAN,
        .tokens_per_second = (double)NAN,
        .hardware_json = r->hardware,
        .notes = r->notes,
        .at_ms = r->now_ms,
    };
    if (b->provider == NULL || b->model == NULL)
        return no_memory(err);
    struct ts_slice size = ts_model_size(ts_slice_str(b->model));
    b->size = size.len > 0 ? ts_arena_copy(&r->arena, size) : NULL;
    return TS_OK;
}

/* A named model without attempts may have calls at its providers. */
static enum ts_err add_called(struct run *r, struct ts_reader_conn *c, struct ts_error *err)
{
    json_auto_t *facets = NULL;
    enum ts_err rc = ts_query_facets(c, &facets, err);
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(facets, "models"), i, pair)
    {
        const char *model = json_string_value(json_object_get(pair, "model"));
        const char *provider = json_string_value(json_object_get(pair, "provider"));
        bool meant = rc == TS_OK && strcmp(model, r->model) == 0 &&
                     (r->provider == NULL || strcmp(provider, r->provider) == 0);
        const struct ts_clone_figures none = {.provider = provider,
                                              .model = model,
                                              .avg_generation_ms = (double)NAN,
                                              .avg_size_bytes = (double)NAN,
                                              .success_rate = (double)NAN,
                                              .quality = (double)NAN};
        if (meant)
            rc = add_row(r, &none, err);
    }
    return rc;
}

static char *read_hardware(void)
{
    struct ts_host h;
    ts_host_read("", &h);
    json_auto_t *o = json_pack("{s:o, s:o, s:o, s:o, s:o}",
                               "cpu",
                               ts_json_text(h.cpu[0] != '\0' ? h.cpu : NULL),
                               "cores",
                               ts_json_int(h.cores > 0 ? h.cores : TS_UNKNOWN),
                               "memoryBytes",
                               ts_json_int(h.memory_bytes > 0 ? h.memory_bytes : TS_UNKNOWN),
                               "gpus",
                               ts_json_text(h.gpus[0] != '\0' ? h.gpus : NULL),
                               "system",
                               ts_json_text(h.system[0] != '\0' ? h.system : NULL));
    return o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
}

static enum ts_err nothing_there(const struct run *r, struct ts_error *err)
{
    return ts_fail_param(err,
                         TS_ERR_NOT_FOUND,
                         "model",
                         "model '%.100s' has neither clone attempts nor calls; GET "
                         "/api/clones/summary lists those that have",
                         r->model);
}

static enum ts_err compute(struct run *r, struct ts_reader_conn *c, struct ts_error *err)
{
    r->rows = ts_arena_alloc(&r->arena, ROWS_MAX * sizeof(*r->rows));
    r->hardware = read_hardware();
    if (r->rows == NULL || r->hardware == NULL)
        return no_memory(err);
    const struct ts_benchmark_filter f = {.model = r->model, .provider = r->provider};
    enum ts_err rc = ts_query_clone_figures(c, &f, &r->x->services->site_limits, add_row, r, err);
    if (rc == TS_OK && r->count == 0 && r->model != NULL)
        rc = add_called(r, c, err);
    if (rc == TS_OK && r->count == 0 && r->model != NULL)
        rc = nothing_there(r, err);
    for (int i = 0; rc == TS_OK && i < r->count; i++) {
        struct ts_figures figures;
        if (r->rows[i].complexity != NULL) /* calls know of no sites */
            continue;
        rc = figures_of_calls(r, c, &r->rows[i], &figures, err);
        if (rc == TS_OK)
            add_calls(&r->rows[i], &figures);
    }
    r->ids = calloc((size_t)r->count + 1, sizeof(*r->ids));
    return rc == TS_OK && r->ids == NULL ? no_memory(err) : rc;
}

static enum ts_err run_reading(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    return compute(TS_CONTAINER(q, struct run, reading), c, err);
}

/* -- on the loop ------------------------------------------------------------------------------- */

static json_t *row_json(const struct run *r, int i)
{
    const struct ts_benchmark *b = &r->rows[i];
    return ts_benchmark_json(b, r->ids[i]);
}

static void reply(struct run *r)
{
    json_t *rows = json_array();
    for (int i = 0; i < r->count; i++)
        (void)json_array_append_new(rows, row_json(r, i));
    ts_reply_json(r->x, 201, json_pack("{s:o}", "benchmarks", rows));
}

static void stored(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_benchmarks *b = TS_CONTAINER(job, struct ts_store_benchmarks, job);
    struct run *r = TS_CONTAINER(b, struct run, store);
    if (job->result == TS_OK)
        reply(r);
    else
        ts_reply_error(r->x, &job->error);
    free_run(r);
}

static void computed(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct run *r = TS_CONTAINER(q, struct run, reading);
    if (q->result != TS_OK) {
        ts_reply_error(r->x, &q->error);
        free_run(r);
        return;
    }
    r->store.rows = r->rows;
    r->store.count = r->count;
    r->store.ids = r->ids;
    r->store.job.post.fn = stored;
    r->store.job.home = r->x->poller;
    ts_store_benchmarks(r->x->services->store, &r->store);
}

void ts_handle_benchmark_post(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct run *r = calloc(1, sizeof(*r));
    enum ts_err rc = r != NULL ? ts_args_check(x, no_args, &err) : no_memory(&err);
    if (rc == TS_OK) {
        r->x = x;
        r->arena = TS_ARENA_INIT(ARENA_MAX);
        r->now_ms = ts_wall_ms();
        rc = read_run(r, &err);
    }
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        free_run(r);
        return;
    }
    r->reading.run = run_reading;
    r->reading.post.fn = computed;
    r->reading.home = x->poller;
    ts_store_query(x->services->store, &r->reading);
}
