#include "handlers/clone_answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "handlers/clone_quality.h"
#include "handlers/clone_read.h"
#include "handlers/services.h"

/* loop: the call ends -> reader thread: the files are found -> writer: stored
 *      -> reader thread: judged -> writer: stored -> gone */
struct ts_clone_answer {
    struct ts_query reading;
    struct ts_store_clone store;
    struct ts_clone_judging judging;
    const struct ts_services *services;
    struct ts_relay_answer answer;
    enum ts_outcome outcome;
    struct ts_clone_input in;
};

enum ts_err ts_clone_answer_new(const struct ts_exchange *x,
                                const struct ts_call_labels *labels,
                                struct ts_clone_answer **out,
                                struct ts_error *err)
{
    *out = NULL;
    if (labels->website == NULL || !x->services->tracking)
        return TS_OK;
    struct ts_clone_answer *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a clone attempt");
    enum ts_err rc = ts_url_check(
        labels->website, TS_ERR_INVALID_FIELD, "touchstone.website", a->in.url, a->in.domain, err);
    if (rc != TS_OK) {
        free(a);
        return rc;
    }
    a->services = x->services;
    a->in.arena = TS_ARENA_INIT(TS_CLONE_ARENA_BYTES);
    a->in.clone = (struct ts_clone){.url = a->in.url,
                                    .domain = a->in.domain,
                                    .call_id = x->id,
                                    .components = TS_UNKNOWN,
                                    .size_bytes = TS_UNKNOWN,
                                    .quality = (double)NAN};
    a->answer.text = TS_BUF_INIT(TS_MAX_CODE_BYTES);
    a->answer.total_us = TS_UNKNOWN;
    *out = a;
    return TS_OK;
}

struct ts_relay_answer *ts_clone_answer_sink(struct ts_clone_answer *a)
{
    return a != NULL ? &a->answer : NULL;
}

void ts_clone_answer_drop(struct ts_clone_answer *a)
{
    if (a == NULL)
        return;
    ts_clone_input_deinit(&a->in);
    ts_buf_free(&a->answer.text);
    free(a);
}

/* -- behind the call --------------------------------------------------------------------------- */

/* What it comes to: an answer without code has not made the site. */
static void judge(struct ts_clone_answer *a, enum ts_err code_rc, const struct ts_error *code_err)
{
    struct ts_clone *c = &a->in.clone;
    c->success = a->outcome == TS_OUTCOME_DONE && code_rc == TS_OK && c->file_count > 0;
    if (c->success)
        return;
    if (a->outcome != TS_OUTCOME_DONE)
        c->error_message =
            a->answer.error[0] != '\0' ? a->answer.error : ts_outcome_name(a->outcome);
    else
        c->error_message = code_rc != TS_OK ? code_err->text : "there is no code in the answer";
}

static void judged(struct ts_clone_judging *j)
{
    ts_clone_answer_drop(TS_CONTAINER(j, struct ts_clone_answer, judging));
}

static void stored(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_clone *c = TS_CONTAINER(job, struct ts_store_clone, job);
    struct ts_clone_answer *a = TS_CONTAINER(c, struct ts_clone_answer, store);
    if (job->result != TS_OK) {
        ts_log(TS_LOG_WARN, "a clone attempt could not be stored: %s", job->error.text);
        ts_clone_answer_drop(a);
        return;
    }
    a->judging.done = judged;
    ts_clone_judge(&a->judging, a->services, &a->in, c->id);
}

static enum ts_err find_code(struct ts_query *q, struct ts_reader_conn *conn, struct ts_error *err)
{
    (void)conn;
    struct ts_clone_answer *a = TS_CONTAINER(q, struct ts_clone_answer, reading);
    struct ts_clone *c = &a->in.clone;
    c->model = a->answer.model;
    c->provider = a->answer.provider;
    c->generation_ms = (a->answer.total_us + 500) / 1000;
    c->created_ms = ts_id_ms(c->call_id);
    if (a->answer.text.len > 0)
        c->code = (struct ts_slice){ts_buf_text(&a->answer.text), a->answer.text.len};
    enum ts_err rc = c->code.at != NULL ? ts_clone_take_code(&a->in, false, err) : TS_OK;
    judge(a, rc, err);
    return ts_clone_prejudge(&a->in, err);
}

/* On the reader's thread. */
static void found(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct ts_clone_answer *a = TS_CONTAINER(q, struct ts_clone_answer, reading);
    if (q->result != TS_OK) {
        ts_log(TS_LOG_WARN, "a clone attempt could not be stored: %s", q->error.text);
        ts_clone_answer_drop(a);
        return;
    }
    a->store.clone = &a->in.clone;
    a->store.own_call = true;
    a->store.job.post.fn = stored;
    ts_store_clone(a->services->store, &a->store);
}

void ts_clone_answer_end(struct ts_clone_answer *a, enum ts_outcome outcome)
{
    if (a == NULL || a->answer.total_us == TS_UNKNOWN || outcome == TS_OUTCOME_CANCELLED) {
        ts_clone_answer_drop(a);
        return;
    }
    a->outcome = outcome;
    a->reading.run = find_code;
    a->reading.post.fn = found;
    ts_store_query(a->services->store, &a->reading);
}
