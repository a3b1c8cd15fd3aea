#include "db/apply.h"

#include "base/clock.h"

/* The numbers that stand for a call's texts. */
struct names {
    int64_t series;
    int64_t dialect;
    int64_t finish;
    int64_t error;
    int64_t requested_model;
    int64_t reported_model;
    int64_t user;
    int64_t segment;
    int64_t conversation;
    int64_t tags;
};

/* A call reported from elsewhere may leave out what it was answered by. */
static const char *or_unknown(const char *name)
{
    return name != NULL ? name : "unknown";
}

static enum ts_err intern_names(struct ts_conn *c,
                                struct ts_intern *in,
                                const struct ts_call *call,
                                struct names *out,
                                struct ts_error *err)
{
    const struct {
        const char *text;
        int64_t *id;
    } labels[] = {
        {call->dialect, &out->dialect},
        {call->finish_reason, &out->finish},
        {call->error == TS_OK ? NULL : ts_err_name(call->error), &out->error},
        {call->requested_model, &out->requested_model},
        {call->reported_model, &out->reported_model},
        {call->user_id, &out->user},
        {call->user_segment, &out->segment},
        {call->conversation_id, &out->conversation},
        {call->tags_json, &out->tags},
    };
    const struct ts_series_key key = {
        .provider = or_unknown(call->provider),
        .model = or_unknown(call->model),
        .task_type = or_unknown(call->task_type),
        .complexity = call->complexity,
    };
    enum ts_err e = ts_intern_series(in, c, &key, &out->series, err);
    for (size_t i = 0; e == TS_OK && i < TS_ARRAY_LEN(labels); i++)
        e = ts_intern_label(in, c, labels[i].text, labels[i].id, err);
    return e;
}

/* In the order of the columns in call_insert. */
static void bind_call(struct ts_stmt *s, const struct ts_call *call, const struct names *n)
{
    const struct ts_phases *p = &call->phases;
    const struct ts_token_counts *t = &call->tokens;
    const int64_t measured[] = {
        p->total_us,
        p->ttft_us,
        p->decode_us,
        p->queue_us,
        p->connect_us,
        p->load_us,
        p->first_byte_us,
        p->first_visible_us,
        p->max_stall_us,
        p->overhead_us,
        t->input,
        t->cache_read,
        t->cache_write,
        t->output,
        t->reasoning,
        t->unsplit,
    };
    const int64_t flags[] = {
        call->classified, call->streamed, call->cold, call->simulated, call->reported};
    const int64_t labels[] = {n->dialect,
                              n->finish,
                              n->error,
                              n->requested_model,
                              n->reported_model,
                              n->user,
                              n->segment,
                              n->conversation,
                              n->tags};

    ts_bind_i64(s, call->id);
    ts_bind_i64(s, n->series);
    ts_bind_i64(s, call->outcome);
    for (size_t i = 0; i < TS_ARRAY_LEN(measured); i++)
        ts_bind_known(s, measured[i]);
    ts_bind_i64(s, call->tokens_source);
    ts_bind_known(s, call->cost_nano_usd);
    for (size_t i = 0; i < TS_ARRAY_LEN(flags); i++)
        ts_bind_i64(s, flags[i]);
    for (size_t i = 0; i < TS_ARRAY_LEN(labels); i++)
        ts_bind_known(s, labels[i]);
    ts_bind_text(s, call->message_id);
    ts_bind_text(s, call->error_text);
    ts_bind_text(s, call->metadata_json);
}

/* An attempt is of its own server and model, at its call's task. */
static enum ts_err attempt_series(struct ts_conn *c,
                                  struct ts_intern *in,
                                  const struct ts_call *call,
                                  const struct ts_attempt *a,
                                  int64_t *id,
                                  struct ts_error *err)
{
    const struct ts_series_key key = {
        .provider = or_unknown(a->provider),
        .model = or_unknown(a->model),
        .task_type = or_unknown(call->task_type),
        .complexity = call->complexity,
    };
    return ts_intern_series(in, c, &key, id, err);
}

static enum ts_err insert_attempt(struct ts_conn *c,
                                  struct ts_intern *in,
                                  struct ts_rollup *rollup,
                                  const struct ts_call *call,
                                  int n,
                                  struct ts_error *err)
{
    const struct ts_attempt *a = &call->attempts[n];
    int64_t provider = 0;
    int64_t model = 0;
    int64_t cause = 0;
    int64_t series = 0;
    enum ts_err e = ts_intern_label(in, c, or_unknown(a->provider), &provider, err);
    if (e == TS_OK)
        e = ts_intern_label(in, c, or_unknown(a->model), &model, err);
    if (e == TS_OK)
        e = ts_intern_label(in, c, ts_err_name(a->cause), &cause, err);
    if (e == TS_OK)
        e = attempt_series(c, in, call, a, &series, err);
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c, TS_SQL_ATTEMPT_INSERT);
    ts_bind_i64(&s, call->id);
    ts_bind_i64(&s, n);
    ts_bind_i64(&s, provider);
    ts_bind_i64(&s, model);
    ts_bind_i64(&s, series);
    ts_bind_i64(&s, cause);
    ts_bind_known(&s, a->status);
    ts_bind_known(&s, a->duration_us);
    ts_bind_known(&s, a->wait_us);
    ts_bind_text(&s, a->error_text);
    if (ts_step(&s) != TS_DONE)
        return ts_stmt_fail(&s, err, "storing an attempt");
    return ts_rollup_attempt(rollup, c, call->id, series, err);
}

static enum ts_err add_texts(struct ts_conn *c, const struct ts_call *call, struct ts_error *err)
{
    if (call->prompt_text == NULL && call->answer_text == NULL)
        return TS_OK;
    TS_LEASE(s, c, TS_SQL_TEXT_INSERT);
    ts_bind_i64(&s, call->id);
    ts_bind_text(&s, call->prompt_text);
    ts_bind_text(&s, call->answer_text);
    ts_bind_i64(&s, call->text_cut);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "storing the texts of a call");
}

static int64_t known(int64_t v)
{
    return v == TS_UNKNOWN ? 0 : v;
}

static enum ts_err add_stats(struct ts_conn *c, const struct ts_call *call, struct ts_error *err)
{
    int64_t success = ts_outcome_success(call->outcome);
    if (success == TS_UNKNOWN)
        return TS_OK; /* cancelled: proves nothing about the model */
    const struct ts_token_counts *t = &call->tokens;
    TS_LEASE(s, c, TS_SQL_STATS_ADD);
    ts_bind_text(&s, or_unknown(call->task_type));
    ts_bind_text(&s, or_unknown(call->model));
    ts_bind_i64(&s, success);
    ts_bind_i64(&s, !success);
    ts_bind_i64(&s, call->outcome == TS_OUTCOME_TIMEOUT);
    ts_bind_i64(&s,
                known(t->input) + known(t->cache_read) + known(t->cache_write) + known(t->output) +
                    known(t->unsplit));
    ts_bind_double(&s, (double)known(call->cost_nano_usd) / 1e9);
    ts_bind_i64(&s, ts_id_ms(call->id));
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "adding to model_stats");
}

static enum ts_err add_to_rollup(struct ts_conn *c,
                                 struct ts_rollup *rollup,
                                 const struct ts_call *call,
                                 int64_t series,
                                 struct ts_error *err)
{
    const struct ts_agg_row row = {
        .id = call->id,
        .series = (int)series,
        .outcome = call->outcome,
        .cold = call->cold,
        .response_us = call->phases.total_us,
        .ttft_us = call->phases.ttft_us,
        .decode_us = call->phases.decode_us,
        .input_tokens =
            ts_all_input(call->tokens.input, call->tokens.cache_read, call->tokens.cache_write),
        .output_tokens = call->tokens.output,
        .unsplit_tokens = call->tokens.unsplit,
        .cost_nano_usd = call->cost_nano_usd,
    };
    return ts_rollup_call(rollup, c, &row, err);
}

enum ts_err ts_apply_call(struct ts_conn *c,
                          struct ts_intern *in,
                          struct ts_rollup *rollup,
                          const struct ts_call *call,
                          bool *inserted,
                          struct ts_error *err)
{
    struct names names;
    enum ts_err e = intern_names(c, in, call, &names, err);
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c, TS_SQL_CALL_INSERT);
    bind_call(&s, call, &names);
    if (ts_step(&s) != TS_DONE)
        return ts_stmt_fail(&s, err, "storing a call");
    *inserted = sqlite3_changes(c->db) == 1;
    if (!*inserted)
        return TS_OK;
    for (int i = 0; e == TS_OK && i < call->attempt_count; i++)
        e = insert_attempt(c, in, rollup, call, i, err);
    if (e == TS_OK)
        e = add_texts(c, call, err);
    if (e == TS_OK)
        e = add_to_rollup(c, rollup, call, names.series, err);
    return e == TS_OK ? add_stats(c, call, err) : e;
}

/* -- reported calls --------------------------------------------------------------------------- */

/* Reported calls number the upper half of a millisecond's ids, so that none can take the id of a
 * call that is running here and was accepted in that millisecond. */
static const int64_t reported_from = INT64_C(1) << (TS_ID_SEQ_BITS - 1);

static enum ts_err was_reported(struct ts_conn *c,
                                const char *external_id,
                                bool *out,
                                struct ts_error *err)
{
    *out = false;
    if (external_id == NULL)
        return TS_OK;
    TS_LEASE(s, c, TS_SQL_REPORTED_FIND);
    ts_bind_text(&s, external_id);
    switch (ts_step(&s)) {
    case TS_ROW:
        *out = true;
        return TS_OK;
    case TS_DONE:
        return TS_OK;
    case TS_FAILED:
        break;
    }
    return ts_stmt_fail(&s, err, "looking for a reported call");
}

/* The first id of the millisecond that no reported call has; of the next ones, if it is full. */
static enum ts_err pick_id(struct ts_conn *c, int64_t at_ms, int64_t *out, struct ts_error *err)
{
    for (;; at_ms++) {
        int64_t first = ts_id_from_ms(at_ms) + reported_from;
        int64_t last = ts_id_from_ms(at_ms + 1) - 1;
        TS_LEASE(s, c, TS_SQL_NEWEST_BETWEEN);
        ts_bind_i64(&s, first);
        ts_bind_i64(&s, last);
        if (ts_step(&s) != TS_ROW)
            return ts_stmt_fail(&s, err, "looking for a free id");
        int64_t newest = ts_col_known(&s);
        *out = newest == TS_UNKNOWN ? first : newest + 1;
        if (*out <= last)
            return TS_OK;
    }
}

static enum ts_err keep_external_id(struct ts_conn *c,
                                    const struct ts_call *call,
                                    struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_REPORTED_INSERT);
    ts_bind_text(&s, call->external_id);
    ts_bind_i64(&s, call->id);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "storing a reported id");
}

static enum ts_err insert_reported(struct ts_conn *c,
                                   struct ts_intern *in,
                                   struct ts_rollup *rollup,
                                   struct ts_call *call,
                                   bool *inserted,
                                   struct ts_error *err)
{
    if (!call->reported || call->id_is_own)
        return ts_apply_call(c, in, rollup, call, inserted, err);
    bool known_already = false;
    *inserted = false;
    enum ts_err e = was_reported(c, call->external_id, &known_already, err);
    if (e != TS_OK || known_already)
        return e;
    e = pick_id(c, ts_id_ms(call->id), &call->id, err);
    if (e == TS_OK)
        e = ts_apply_call(c, in, rollup, call, inserted, err);
    if (e == TS_OK && *inserted && call->external_id != NULL)
        e = keep_external_id(c, call, err);
    return e;
}

/* -- ratings ---------------------------------------------------------------------------------- */

static enum ts_err find_rated(struct ts_conn *c,
                              struct ts_store_rating *r,
                              struct ts_rerating *change,
                              struct ts_error *err)
{
    enum ts_sql q = r->id != 0              ? TS_SQL_RATED_BY_ID
                    : r->message_id != NULL ? TS_SQL_RATED_BY_MESSAGE
                                            : TS_SQL_RATED_BY_CONVERSATION;
    TS_LEASE(s, c, q);
    if (r->id != 0)
        ts_bind_i64(&s, r->id);
    else
        ts_bind_text(&s, r->message_id != NULL ? r->message_id : r->conversation_id);
    switch (ts_step(&s)) {
    case TS_ROW:
        r->id = ts_col_i64(&s);
        r->previous = (int)ts_col_i64(&s);
        *change = (struct ts_rerating){.call_id = r->id,
                                       .series_id = ts_col_i64(&s),
                                       .outcome = (enum ts_outcome)ts_col_i64(&s),
                                       .before = r->previous,
                                       .after = r->rating};
        return TS_OK;
    case TS_DONE:
        return q == TS_SQL_RATED_BY_CONVERSATION
                   ? ts_fail(err, TS_ERR_CONVERSATION_NOT_FOUND, "no call of that conversation")
                   : ts_fail(err, TS_ERR_NOT_FOUND, "no such call");
    case TS_FAILED:
        break;
    }
    return ts_stmt_fail(&s, err, "looking up the rated call");
}

static enum ts_err set_rating(struct ts_conn *c,
                              const struct ts_store_rating *r,
                              struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_RATING_SET);
    ts_bind_i64(&s, r->id);
    ts_bind_i64(&s, r->rating);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "storing a rating");
}

enum ts_err ts_apply_rating(struct ts_conn *c,
                            struct ts_rollup *rollup,
                            struct ts_store_rating *r,
                            struct ts_error *err)
{
    struct ts_rerating change;
    enum ts_err e = find_rated(c, r, &change, err);
    if (e == TS_OK)
        e = set_rating(c, r, err);
    if (e == TS_OK)
        e = ts_rollup_rate(rollup, c, &change, err);
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c, TS_SQL_FEEDBACK_SET);
    ts_bind_i64(&s, r->id);
    ts_bind_i64(&s, ts_wall_ms());
    ts_bind_text(&s, r->comment);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "storing a rating's words");
}

/* -- imports ---------------------------------------------------------------------------------- */

enum ts_err ts_apply_import(struct ts_conn *c,
                            struct ts_intern *in,
                            struct ts_rollup *rollup,
                            struct ts_call *call,
                            bool *inserted,
                            struct ts_error *err)
{
    enum ts_err e = insert_reported(c, in, rollup, call, inserted, err);
    bool rated = call->rating != 0 || call->comment != NULL;
    if (e != TS_OK || !*inserted || !rated)
        return e;
    struct ts_store_rating r = {.id = call->id, .rating = call->rating, .comment = call->comment};
    return ts_apply_rating(c, rollup, &r, err);
}

enum ts_err ts_apply_import_mark(struct ts_conn *c,
                                 const char *source,
                                 int64_t row,
                                 struct ts_error *err)
{
    bool over = row == TS_UNKNOWN;
    TS_LEASE(s, c, over ? TS_SQL_IMPORT_UNMARK : TS_SQL_IMPORT_MARK);
    ts_bind_text(&s, source);
    if (!over)
        ts_bind_i64(&s, row);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "noting how far an import is");
}
