#include "server/import_verb.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/query.h"
#include "handlers/call_read.h"

/* Rows in one transaction: live rows wait no longer than for these. */
enum { BATCH = 100, SOURCE_MAX = 128 };

static enum ts_err read_source(const struct ts_verb_call *call,
                               const char **out,
                               struct ts_error *err)
{
    *out = json_string_value(json_object_get(call->request, "source"));
    if (*out != NULL && **out != '\0' && strlen(*out) <= SOURCE_MAX)
        return TS_OK;
    return ts_fail_param(
        err, TS_ERR_INVALID_FIELD, "source", "source must be a text of 1 to %d bytes", SOURCE_MAX);
}

/* -- where it goes on -------------------------------------------------------------------------- */

struct mark_query {
    struct ts_query query;
    const char *source;
    int64_t row;
};

static enum ts_err run_mark(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    struct mark_query *m = TS_CONTAINER(q, struct mark_query, query);
    return ts_query_import_mark(c, m->source, &m->row, err);
}

enum ts_err ts_import_begin_verb(struct ts_verb_call *call, struct ts_error *err)
{
    struct ts_latch latch;
    struct mark_query m = {.query.run = run_mark, .query.latch = &latch};
    enum ts_err e = read_source(call, &m.source, err);
    if (e != TS_OK)
        return e;
    ts_latch_init(&latch);
    ts_store_query(call->env->store, &m.query);
    ts_latch_wait(&latch);
    ts_latch_deinit(&latch);
    if (m.query.result != TS_OK)
        return ts_fail(err, m.query.result, "%s", m.query.error.text);
    call->result = json_pack(
        "{s:I, s:I}", "row", (json_int_t)m.row, "keepDays", (json_int_t)call->env->retention_days);
    return call->result != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to answer");
}

/* -- the rows ---------------------------------------------------------------------------------- */

struct batches {
    struct ts_call *calls[TS_IMPORT_MAX_CALLS];
    int count;
    int given; /* of them, to the store, which owns those */
    int64_t accepted;
    int64_t duplicates;
};

static void free_batches(struct batches *b)
{
    for (int i = b != NULL ? b->given : 0; b != NULL && i < b->count; i++)
        ts_call_free(b->calls[i]);
    free(b);
}
TS_DEFINE_AUTO(free_batches_auto, struct batches, free_batches)

static enum ts_err read_calls(const struct ts_verb_call *call,
                              struct batches *b,
                              struct ts_error *err)
{
    json_t *calls = json_object_get(call->request, "calls");
    size_t n = json_array_size(calls); /* 0 for what is no array */
    if (n > TS_IMPORT_MAX_CALLS)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "calls",
                             "calls must be an array of at most %d",
                             TS_IMPORT_MAX_CALLS);
    const struct ts_call_reader r = {.id_tag = ts_store_tag(call->env->store),
                                     .now_ms = ts_wall_ms()};
    for (size_t i = 0; i < n; i++, b->count++) {
        enum ts_err e =
            ts_call_read(&r, json_array_get(calls, i), (int)i, &b->calls[b->count], err);
        if (e != TS_OK)
            return e;
    }
    return TS_OK;
}

/* Commits the next @n calls; they are the store's, whatever comes. */
static enum ts_err write_batch(struct ts_store *store,
                               struct batches *b,
                               struct ts_store_import *im,
                               struct ts_error *err)
{
    struct ts_latch latch;
    ts_latch_init(&latch);
    im->job.latch = &latch;
    b->given += im->count;
    ts_store_import(store, im);
    ts_latch_wait(&latch);
    ts_latch_deinit(&latch);
    if (im->job.result != TS_OK)
        return ts_fail(err, im->job.result, "%s", im->job.error.text);
    b->accepted += im->accepted;
    b->duplicates += im->duplicates;
    return TS_OK;
}

static enum ts_err write_calls(const struct ts_verb_call *call,
                               struct batches *b,
                               const char *source,
                               struct ts_error *err)
{
    int64_t row = json_integer_value(json_object_get(call->request, "row"));
    bool last = json_is_true(json_object_get(call->request, "last"));
    enum ts_err e = TS_OK;
    do { /* once also without calls: the end of a source is noted, too */
        int left = b->count - b->given;
        struct ts_store_import im = {
            .calls = b->calls + b->given, .count = left < BATCH ? left : BATCH, .source = source};
        bool ends = last && im.count == left;
        im.source_row = ends ? TS_UNKNOWN : row + b->given + im.count;
        e = write_batch(call->env->store, b, &im, err);
    } while (e == TS_OK && b->given < b->count);
    return e;
}

enum ts_err ts_import_verb(struct ts_verb_call *call, struct ts_error *err)
{
    const char *source = NULL;
    TS_AUTO(free_batches_auto) struct batches *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for an import");
    enum ts_err e = read_source(call, &source, err);
    if (e == TS_OK)
        e = read_calls(call, b, err);
    if (e == TS_OK)
        e = write_calls(call, b, source, err);
    if (e != TS_OK)
        return e;
    call->result = json_pack(
        "{s:I, s:I}", "accepted", (json_int_t)b->accepted, "duplicates", (json_int_t)b->duplicates);
    return call->result != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to answer");
}
