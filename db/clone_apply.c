/* The writer's side of websites, attempts and benchmarks. */
#include <math.h>
#include <stdio.h>

#include "db/parts.h"

static void bind_figure(struct ts_stmt *q, double value)
{
    if (isfinite(value))
        ts_bind_double(q, value);
    else
        ts_bind_null(q);
}

/* An absent one binds NULL; an empty one is a text. */
static void bind_slice(struct ts_stmt *q, struct ts_slice s)
{
    if (s.at == NULL)
        ts_bind_null(q);
    else
        ts_bind_text_n(q, s.at, s.len);
}

/* -- sites ------------------------------------------------------------------------------------- */

struct known_site {
    int64_t id; /* 0: unknown */
    bool cloned;
    bool sample;
};

static enum ts_err find_site(struct ts_conn *c,
                             const char *url,
                             struct known_site *out,
                             struct ts_error *err)
{
    *out = (struct known_site){0};
    TS_LEASE(q, c, TS_SQL_WEBSITE_OF_URL);
    ts_bind_text(&q, url);
    switch (ts_step(&q)) {
    case TS_FAILED:
        return ts_stmt_fail(&q, err, "looking for a website");
    case TS_DONE:
        return TS_OK;
    case TS_ROW:
        break;
    }
    out->id = ts_col_i64(&q);
    out->cloned = ts_col_i64(&q) != 0;
    out->sample = ts_col_i64(&q) != 0;
    return TS_OK;
}

static enum ts_err put_site(struct ts_conn *c, const struct ts_website *w, struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_WEBSITE_PUT);
    ts_bind_text(&q, w->url);
    ts_bind_text(&q, w->domain);
    ts_bind_text(&q, w->title);
    ts_bind_text(&q, w->description);
    ts_bind_text(&q, w->status);
    ts_bind_known(&q, w->content_length);
    ts_bind_known(&q, w->word_count);
    ts_bind_text(&q, w->screenshot_url);
    ts_bind_i64(&q, w->at_ms);
    ts_bind_i64(&q, w->sample);
    ts_bind_text(&q, w->metadata_json);
    bind_slice(&q, w->markdown);
    bind_slice(&q, w->html);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "storing a website");
}

enum ts_err ts_website_write(
    struct ts_conn *c, const struct ts_website *w, int64_t *id, bool *created, struct ts_error *err)
{
    struct known_site site;
    enum ts_err e = find_site(c, w->url, &site, err);
    *created = site.id == 0;
    if (e == TS_OK)
        e = put_site(c, w, err);
    if (e == TS_OK && site.id == 0)
        e = find_site(c, w->url, &site, err);
    *id = site.id;
    return e;
}

enum ts_err ts_clone_apply_website(struct ts_store *s,
                                   struct ts_store_job *job,
                                   struct ts_error *err)
{
    struct ts_store_website *w = TS_CONTAINER(job, struct ts_store_website, job);
    job->result = ts_website_write(s->writer.conn, w->site, &w->id, &w->created, err);
    return job->result;
}

/* Its site is there afterwards, and knows what happened to it. */
static enum ts_err touch_site(struct ts_conn *c,
                              const struct ts_clone *clone,
                              int64_t *id,
                              struct ts_error *err)
{
    struct known_site site;
    enum ts_err e = find_site(c, clone->url, &site, err);
    if (e == TS_OK && site.id == 0) {
        const struct ts_website w = {
            .url = clone->url,
            .domain = clone->domain,
            .status = clone->success ? "cloned" : "scraped",
            .content_length = TS_UNKNOWN,
            .word_count = TS_UNKNOWN,
            .at_ms = clone->created_ms,
            .sample = clone->sample,
        };
        bool created = false;
        return ts_website_write(c, &w, id, &created, err);
    }
    *id = site.id;
    bool sample = site.sample && clone->sample;
    if (e != TS_OK || ((site.cloned || !clone->success) && sample == site.sample))
        return e;
    TS_LEASE(q, c, TS_SQL_WEBSITE_MARK);
    ts_bind_i64(&q, site.id);
    ts_bind_i64(&q, clone->success);
    ts_bind_i64(&q, sample);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "marking a website");
}

/* -- attempts ---------------------------------------------------------------------------------- */

static enum ts_err put_clone(struct ts_conn *c,
                             const struct ts_clone *clone,
                             int64_t website_id,
                             int64_t *id,
                             struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_CLONE_INSERT);
    ts_bind_i64(&q, website_id);
    ts_bind_text(&q, clone->provider);
    ts_bind_text(&q, clone->model);
    ts_bind_text(&q, clone->success ? "success" : "error");
    ts_bind_known(&q, clone->generation_ms);
    ts_bind_known(&q, clone->size_bytes);
    ts_bind_known(&q, clone->components);
    ts_bind_i64(&q, clone->created_ms);
    ts_bind_known(&q, clone->call_id != 0 ? clone->call_id : TS_UNKNOWN);
    bind_figure(&q, clone->quality);
    ts_bind_i64(&q, clone->sample);
    ts_bind_text(&q, clone->sandbox_url);
    ts_bind_text(&q, clone->style);
    ts_bind_text(&q, clone->instructions);
    ts_bind_text(&q, clone->error_message);
    ts_bind_text(&q, clone->quality_json);
    bind_slice(&q, clone->code);
    if (ts_step(&q) != TS_ROW)
        return ts_stmt_fail(&q, err, "storing a clone attempt");
    *id = ts_col_i64(&q);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "storing a clone attempt");
}

static enum ts_err put_file(struct ts_conn *c,
                            int64_t clone_id,
                            const struct ts_code_file *f,
                            struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_CODE_FILE_INSERT);
    ts_bind_i64(&q, clone_id);
    ts_bind_text(&q, f->path);
    ts_bind_text(&q, f->type);
    ts_bind_i64(&q, f->lines);
    ts_bind_i64(&q, (int64_t)f->content.len);
    bind_figure(&q, f->quality);
    ts_bind_text(&q, f->quality_json);
    ts_bind_text(&q, f->metadata_json);
    ts_bind_text_n(&q, f->content.at, f->content.len);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "storing a file of a clone");
}

enum ts_err ts_clone_write(struct ts_conn *c,
                           const struct ts_clone *clone,
                           int64_t *id,
                           int64_t *website_id,
                           struct ts_error *err)
{
    enum ts_err e = touch_site(c, clone, website_id, err);
    if (e == TS_OK)
        e = put_clone(c, clone, *website_id, id, err);
    for (int i = 0; e == TS_OK && i < clone->file_count; i++)
        e = put_file(c, *id, &clone->files[i], err);
    return e;
}

static void name_provider(struct ts_store_clone *c, const char *name)
{
    (void)snprintf(c->provider, sizeof(c->provider), "%s", name);
}

/* The provider of the recorded call; the job's result if there is no such call. */
static enum ts_err look_at_call(struct ts_store *s, struct ts_store_clone *c, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_CALL_PROVIDER);
    ts_bind_i64(&q, c->clone->call_id);
    switch (ts_step(&q)) {
    case TS_FAILED:
        return ts_stmt_fail(&q, err, "looking for the call of a clone");
    case TS_ROW:
        name_provider(c, ts_col_text(&q));
        return TS_OK;
    case TS_DONE:
        break;
    }
    if (c->own_call)
        return TS_OK;
    c->job.result = ts_rows_are_spooled(s)
                        ? ts_fail(&c->job.error,
                                  TS_ERR_STORAGE_UNAVAILABLE,
                                  "the call of requestId may still wait in the spool; try again")
                        : ts_fail_param(&c->job.error,
                                        TS_ERR_NOT_FOUND,
                                        "requestId",
                                        "there is no such call; leave requestId out, or take the "
                                        "X-Touchstone-Request-Id of an answer of this server");
    return TS_OK;
}

enum ts_err ts_clone_apply(struct ts_store *s, struct ts_store_job *job, struct ts_error *err)
{
    struct ts_store_clone *c = TS_CONTAINER(job, struct ts_store_clone, job);
    struct ts_clone clone = *c->clone;
    job->result = TS_OK;
    name_provider(c, "external");
    enum ts_err e = clone.call_id != 0 ? look_at_call(s, c, err) : TS_OK;
    if (e != TS_OK || job->result != TS_OK)
        return e;
    if (clone.provider != NULL)
        name_provider(c, clone.provider);
    clone.provider = c->provider;
    return ts_clone_write(s->writer.conn, &clone, &c->id, &c->website_id, err);
}

/* -- quality ----------------------------------------------------------------------------------- */

enum ts_err ts_clone_apply_quality(struct ts_store *s,
                                   struct ts_store_job *job,
                                   struct ts_error *err)
{
    const struct ts_store_clone_quality *q = TS_CONTAINER(job, struct ts_store_clone_quality, job);
    {
        TS_LEASE(u, s->writer.conn, TS_SQL_CLONE_JUDGE);
        ts_bind_i64(&u, q->id);
        bind_figure(&u, q->score);
        ts_bind_text(&u, q->json);
        if (ts_step(&u) != TS_DONE)
            return ts_stmt_fail(&u, err, "storing the quality of a clone");
    }
    for (int i = 0; i < q->file_count; i++) {
        if (!q->files[i].late)
            continue;
        TS_LEASE(u, s->writer.conn, TS_SQL_CODE_FILE_JUDGE);
        ts_bind_i64(&u, q->id);
        ts_bind_text(&u, q->files[i].path);
        bind_figure(&u, q->files[i].quality);
        ts_bind_text(&u, q->files[i].quality_json);
        if (ts_step(&u) != TS_DONE)
            return ts_stmt_fail(&u, err, "storing the quality of a file");
    }
    job->result = TS_OK;
    return TS_OK;
}

/* -- benchmarks -------------------------------------------------------------------------------- */

enum ts_err ts_benchmark_write(struct ts_conn *c,
                               const struct ts_benchmark *b,
                               int64_t *id,
                               struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_BENCHMARK_INSERT);
    ts_bind_text(&q, b->provider);
    ts_bind_text(&q, b->model);
    ts_bind_text(&q, b->size);
    ts_bind_text(&q, b->complexity);
    ts_bind_known(&q, b->attempts);
    ts_bind_known(&q, b->calls);
    bind_figure(&q, b->avg_generation_ms);
    bind_figure(&q, b->avg_size_bytes);
    bind_figure(&q, b->success_rate);
    bind_figure(&q, b->quality);
    bind_figure(&q, b->satisfaction);
    bind_figure(&q, b->tokens_per_second);
    ts_bind_text(&q, b->hardware_json);
    ts_bind_i64(&q, b->at_ms);
    ts_bind_text(&q, b->notes);
    ts_bind_i64(&q, b->sample);
    if (ts_step(&q) != TS_ROW)
        return ts_stmt_fail(&q, err, "storing a benchmark");
    *id = ts_col_i64(&q);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "storing a benchmark");
}

enum ts_err ts_clone_apply_benchmarks(struct ts_store *s,
                                      struct ts_store_job *job,
                                      struct ts_error *err)
{
    struct ts_store_benchmarks *b = TS_CONTAINER(job, struct ts_store_benchmarks, job);
    enum ts_err e = TS_OK;
    for (int i = 0; e == TS_OK && i < b->count; i++)
        e = ts_benchmark_write(s->writer.conn, &b->rows[i], &b->ids[i], err);
    job->result = e;
    return e;
}
