/*
 * /api/local-models-analytics: the older name of the statistics of clones, for scripts that know
 * it. Figures have the names of the API, and beside them the older ones, with underscores.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/clone_args.h"
#include "handlers/clone_rejudge.h"
#include "handlers/fields.h"
#include "handlers/handlers.h"
#include "handlers/services.h"

enum { WEBSITES_MAX = 100, EXPORT_MAX = 10000 };

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for statistics");
}

/* -- older names ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *older;
} names[] = {
    {"model", "model_name"},
    {"totalAttempts", "total_attempts"},
    {"successRate", "success_rate"},
    {"avgGenerationTimeMs", "avg_generation_time_ms"},
    {"avgCodeSizeBytes", "avg_code_size_bytes"},
    {"lastUsed", "last_used"},
};

static bool put_older(json_t *figures)
{
    bool ok = true;
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        json_t *value = json_object_get(figures, names[i].name);
        if (value != NULL)
            ok = json_object_set(figures, names[i].older, value) == 0 && ok;
    }
    return ok;
}

static bool put_older_in(json_t *list)
{
    size_t i;
    json_t *figures;
    bool ok = true;
    json_array_foreach(list, i, figures)
    {
        ok = put_older(figures) && ok;
    }
    return ok;
}

/* -- action=stats ------------------------------------------------------------------------------ */

static void free_ask(struct ts_ask *a)
{
    free(a);
}

static enum ts_err ask_stats(struct ts_ask *a,
                             struct ts_reader_conn *c,
                             json_t **out,
                             struct ts_error *err)
{
    json_auto_t *models = NULL;
    json_auto_t *providers = NULL;
    json_auto_t *sites = NULL;
    json_auto_t *counts = NULL;
    struct ts_clone_page page = {.limit = WEBSITES_MAX};
    enum ts_err rc = ts_query_clone_models(c, &models, err);
    if (rc == TS_OK)
        rc = ts_query_clone_providers(c, &providers, err);
    if (rc == TS_OK)
        rc = ts_query_site_complexity(c, &a->x->services->site_limits, &page, &sites, err);
    if (rc == TS_OK)
        rc = ts_query_clone_totals(c, &counts, err);
    if (rc != TS_OK)
        return rc;
    bool ok = put_older_in(models) && put_older_in(providers) && put_older_in(sites);
    *out = ok ? json_pack("{s:b, s:{s:O, s:O, s:O, s:O}}",
                          "success",
                          1,
                          "data",
                          "models",
                          models,
                          "providers",
                          providers,
                          "websites",
                          sites,
                          "totalWebsites",
                          json_object_get(counts, "websites"))
              : NULL;
    return *out != NULL ? TS_OK : no_memory(err);
}

/* -- action=export ----------------------------------------------------------------------------- */

static enum ts_err ask_export(struct ts_ask *a,
                              struct ts_reader_conn *c,
                              json_t **out,
                              struct ts_error *err)
{
    const struct ts_services *s = a->x->services;
    struct ts_clone_page sites_page = {.limit = EXPORT_MAX};
    struct ts_clone_page clones_page = sites_page;
    struct ts_clone_page benchmarks_page = sites_page;
    json_auto_t *sites = NULL;
    json_auto_t *clones = NULL;
    json_auto_t *benchmarks = NULL;
    enum ts_err rc = ts_query_websites(
        c,
        &(struct ts_website_filter){.words_to = INT64_MAX, .limits = s->site_limits},
        &sites_page,
        &sites,
        err);
    if (rc == TS_OK)
        rc =
            ts_query_clones(c, &(struct ts_clone_filter){0}, s->id_tag, &clones_page, &clones, err);
    if (rc == TS_OK)
        rc = ts_query_benchmarks(
            c, &(struct ts_benchmark_filter){0}, &benchmarks_page, &benchmarks, err);
    if (rc != TS_OK)
        return rc;
    char now[TS_RFC3339_SIZE];
    bool whole = sites_page.next == 0 && clones_page.next == 0 && benchmarks_page.next == 0;
    *out = json_pack("{s:b, s:s, s:b, s:{s:O, s:O, s:O}}",
                     "success",
                     1,
                     "exportedAt",
                     ts_rfc3339(ts_wall_ms(), now),
                     "truncated",
                     !whole,
                     "data",
                     "websites",
                     sites,
                     "cloneAttempts",
                     clones,
                     "modelBenchmarks",
                     benchmarks);
    return *out != NULL ? TS_OK : no_memory(err);
}

static void ask_for(
    struct ts_exchange *x,
    enum ts_err (*ask)(struct ts_ask *, struct ts_reader_conn *, json_t **, struct ts_error *))
{
    struct ts_ask *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        struct ts_error err = TS_ERROR_INIT;
        (void)no_memory(&err);
        ts_reply_error(x, &err);
        return;
    }
    a->ask = ask;
    a->free = free_ask;
    ts_ask_start(x, a);
}

/* -- action=init ------------------------------------------------------------------------------- */

struct init {
    struct ts_store_clone_samples samples;
    struct ts_exchange *x;
};

static void initialised(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_clone_samples *s = TS_CONTAINER(job, struct ts_store_clone_samples, job);
    struct init *i = TS_CONTAINER(s, struct init, samples);
    const char *message = s->attempts > 0
                              ? "sample data added; DELETE /api/clones?samples=true removes it"
                              : "the sample data is there already";
    if (job->result == TS_OK && s->attempts > 0)
        ts_clone_rejudge(i->x->services);
    if (job->result == TS_OK)
        ts_reply_json(i->x,
                      200,
                      json_pack("{s:b, s:s, s:{s:i, s:i, s:i}}",
                                "success",
                                1,
                                "message",
                                message,
                                "added",
                                "websites",
                                s->websites,
                                "attempts",
                                s->attempts,
                                "benchmarks",
                                s->benchmarks));
    else
        ts_reply_error(i->x, &job->error);
    free(i);
}

static void initialise(struct ts_exchange *x)
{
    struct init *i = calloc(1, sizeof(*i));
    if (i == NULL) {
        struct ts_error err = TS_ERROR_INIT;
        (void)no_memory(&err);
        ts_reply_error(x, &err);
        return;
    }
    i->x = x;
    i->samples.job.post.fn = initialised;
    i->samples.job.home = x->poller;
    ts_store_clone_samples(x->services->store, &i->samples);
}

void ts_handle_local_models(struct ts_exchange *x)
{
    static const char *const allowed[] = {"action", NULL};
    static const char *const actions[] = {"init", "stats", "export", NULL};
    struct ts_error err = TS_ERROR_INIT;
    const char *action = NULL;
    enum ts_err rc = ts_args_check(x, allowed, &err);
    if (rc == TS_OK)
        rc = ts_arg_require(x, "action", &err);
    if (rc == TS_OK)
        rc = ts_word_arg(x, "action", actions, &action, &err);
    if (rc != TS_OK)
        ts_reply_error(x, &err);
    else if (strcmp(action, "init") != 0)
        ask_for(x, strcmp(action, "stats") == 0 ? ask_stats : ask_export);
    else if (x->method == TS_HEAD) /* a look must not change anything */
        ask_for(x, ask_stats);
    else
        initialise(x);
}

/* -- one model --------------------------------------------------------------------------------- */

struct one_model {
    struct ts_ask ask;
    json_t *body;
    const char *model; /* the body's */
};

static void free_one(struct ts_ask *a)
{
    struct one_model *q = TS_CONTAINER(a, struct one_model, ask);
    json_decref(q->body);
    free(q);
}

static enum ts_err ask_one(struct ts_ask *a,
                           struct ts_reader_conn *c,
                           json_t **out,
                           struct ts_error *err)
{
    const struct one_model *q = TS_CONTAINER(a, struct one_model, ask);
    json_auto_t *stats = NULL;
    enum ts_err rc = ts_query_clone_stats(c, q->model, &stats, err);
    if (rc != TS_OK)
        return rc;
    bool ok = json_object_set_new(stats, "model", ts_json_text(q->model)) == 0 && put_older(stats);
    *out = ok ? json_pack("{s:b, s:O}", "success", 1, "data", stats) : NULL;
    return *out != NULL ? TS_OK : no_memory(err);
}

void ts_handle_local_model(struct ts_exchange *x)
{
    static const char *const no_args[] = {NULL};
    static const char *const known[] = {"model_name", NULL};
    struct ts_error err = TS_ERROR_INIT;
    struct one_model *q = calloc(1, sizeof(*q));
    enum ts_err rc = q != NULL ? ts_args_check(x, no_args, &err) : no_memory(&err);
    if (rc == TS_OK)
        rc = ts_json_parse(x->body.at, x->body.len, &q->body, &err);
    if (rc == TS_OK) {
        struct ts_fields f = ts_fields_of(q->body, -1, known, &err);
        ts_fields_require(&f, "model_name");
        q->model = ts_fields_text(&f, "model_name", TS_MAX_MODEL);
        rc = f.rc;
    }
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        if (q != NULL)
            free_one(&q->ask);
        return;
    }
    q->ask.ask = ask_one;
    q->ask.free = free_one;
    ts_ask_start(x, &q->ask);
}
