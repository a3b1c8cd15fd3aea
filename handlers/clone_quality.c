#include "handlers/clone_quality.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/code_quality.h"
#include "base/json.h"
#include "base/log.h"
#include "base/round.h"

enum { FINDING_MAX = 512 };

/* -- what is said of a score ------------------------------------------------------------------- */

static json_t *part_json(const struct ts_code_quality *q, enum ts_code_part p)
{
    TS_AUTO(ts_buf_free) struct ts_buf finding = TS_BUF_INIT(FINDING_MAX);
    ts_code_explain(q, p, &finding);
    return json_pack("{s:s, s:o, s:o, s:o}",
                     "part",
                     ts_code_part_name(p),
                     "points",
                     ts_json_num2(q->points[p]),
                     "most",
                     ts_json_num2(ts_code_part_most(p)),
                     "finding",
                     ts_json_text(ts_buf_text(&finding)));
}

static json_t *score_json(const struct ts_code_quality *q)
{
    json_t *parts = json_array();
    for (int p = 0; p < TS_CODE_PART_COUNT_; p++)
        (void)json_array_append_new(parts, part_json(q, (enum ts_code_part)p));
    return json_pack("{s:o, s:o}", "score", ts_json_num2(q->score), "parts", parts);
}

/* As text in the arena; takes @value. NULL without memory. */
static const char *keep(struct ts_arena *arena, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    const char *kept = ts_arena_str(arena, text);
    free(text);
    json_decref(value);
    return kept;
}

static json_t *absent_json(const char *why)
{
    return json_pack("{s:s}", "absent", why);
}

/* -- what no grammar reads --------------------------------------------------------------------- */

static bool is_readable(const struct ts_code_file *f)
{
    enum ts_code_language l = ts_code_language_of(ts_slice_str(f->path));
    return l != TS_CODE_LANGUAGE_COUNT_ && ts_code_has_grammar(l);
}

/* Why a file that is not readable is not. */
static enum ts_code_verdict verdict_of(const struct ts_code_file *f)
{
    bool known = ts_code_language_of(ts_slice_str(f->path)) != TS_CODE_LANGUAGE_COUNT_;
    return known ? TS_CODE_NO_GRAMMAR : TS_CODE_UNKNOWN_TYPE;
}

static const char no_file[] = "none of its files can be judged";

enum ts_err ts_clone_prejudge(struct ts_clone_input *in, struct ts_error *err)
{
    struct ts_clone *c = &in->clone;
    bool any = false;
    bool kept = true;
    for (int i = 0; i < c->file_count; i++) {
        struct ts_code_file *f = &in->files[i];
        f->late = is_readable(f);
        any = any || f->late;
        if (!f->late)
            f->quality_json = keep(&in->arena, absent_json(ts_code_verdict_text(verdict_of(f))));
        kept = kept && (f->late || f->quality_json != NULL);
    }
    if (!any && c->file_count > 0)
        c->quality_json = keep(&in->arena, absent_json(no_file));
    return kept ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the quality of a clone");
}

static bool any_late(const struct ts_clone_input *in)
{
    bool any = false;
    for (int i = 0; i < in->clone.file_count; i++)
        any = any || in->files[i].late;
    return any;
}

/* -- on a reader thread ------------------------------------------------------------------------ */

static void judge_file(struct ts_clone_input *in,
                       struct ts_code_file *f,
                       struct ts_code_quality *site)
{
    struct ts_code_quality q = {0};
    enum ts_code_verdict verdict = ts_code_score(ts_slice_str(f->path), f->content, &q);
    bool scored = verdict == TS_CODE_SCORED;
    f->quality = scored ? ts_round2(q.score) : (double)NAN;
    f->quality_json =
        keep(&in->arena, scored ? score_json(&q) : absent_json(ts_code_verdict_text(verdict)));
    if (scored)
        ts_code_add(site, &q);
}

static enum ts_err judge(struct ts_query *query, struct ts_reader_conn *c, struct ts_error *err)
{
    (void)c; /* readers are the threads that may take their time */
    (void)err;
    struct ts_clone_judging *j = TS_CONTAINER(query, struct ts_clone_judging, query);
    struct ts_code_quality site = {0};
    for (int i = 0; i < j->store.file_count; i++) {
        if (j->in->files[i].late)
            judge_file(j->in, &j->in->files[i], &site);
    }
    bool any = site.files > 0;
    j->store.score = any ? ts_round2(site.score) : (double)NAN;
    j->store.json = keep(&j->in->arena, any ? score_json(&site) : absent_json(no_file));
    return TS_OK;
}

static void stored(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_clone_quality *q = TS_CONTAINER(job, struct ts_store_clone_quality, job);
    struct ts_clone_judging *j = TS_CONTAINER(q, struct ts_clone_judging, store);
    if (job->result != TS_OK)
        ts_log(TS_LOG_WARN, "the quality of a clone could not be stored: %s", job->error.text);
    j->done(j);
}

static void judged(struct ts_post *post)
{
    struct ts_query *query = TS_CONTAINER(post, struct ts_query, post);
    struct ts_clone_judging *j = TS_CONTAINER(query, struct ts_clone_judging, query);
    if (query->result != TS_OK) { /* the database is away; it stays without a score */
        j->done(j);
        return;
    }
    j->store.job.post.fn = stored;
    ts_store_clone_quality(j->services->store, &j->store);
}

void ts_clone_judge(struct ts_clone_judging *j,
                    const struct ts_services *services,
                    struct ts_clone_input *in,
                    int64_t id)
{
    j->services = services;
    j->in = in;
    j->store.id = id;
    j->store.files = in->files;
    j->store.file_count = in->clone.file_count;
    if (!any_late(in)) {
        j->done(j);
        return;
    }
    j->query.run = judge;
    j->query.post.fn = judged;
    ts_store_query(services->store, &j->query);
}
