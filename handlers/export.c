#include "handlers/export.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

enum { PAGE_CALLS = 200 }; /* and cells */

static const char *const whats[] = {
    [TS_EXPORT_CALLS] = "calls", [TS_EXPORT_STATS] = "stats", [TS_EXPORT_ROLLUPS] = "rollups"};

int ts_export_what_find(const char *name)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(whats); i++) {
        if (strcmp(whats[i], name) == 0)
            return (int)i;
    }
    return -1;
}

const char *ts_export_what_name(enum ts_export_what what)
{
    return whats[what];
}

/* -- calls ------------------------------------------------------------------------------------- */

static const struct ts_table_column call_columns[] = {
#define X(id, json, csv, type, row) {json, csv, TS_COLUMN_##type},
    TS_CALL_COLUMN_TABLE(X)
#undef X
};

struct page {
    struct ts_export *x;
    struct ts_buf *out;
};

/* JSON that is stored, as import would store it again; NULL where there is none, or it is broken.
 */
static char *stored_json(const char *text)
{
    json_auto_t *parsed = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    return parsed != NULL ? json_dumps(parsed, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
}

static const char *text_at(const struct ts_call_row *row, size_t offset)
{
    const char *text = NULL;
    memcpy(&text, (const char *)row + offset, sizeof(text));
    return text != NULL && *text != '\0' ? text : NULL;
}

static enum ts_err add_call(void *ctx,
                            const struct ts_call_row *row,
                            json_t *attempts,
                            struct ts_error *err)
{
    const struct page *p = ctx;
    struct ts_table_cell cells[TS_CALL_COLUMN_COUNT_] = {0};
    char *tags = stored_json(row->tags);
    char *metadata = stored_json(row->metadata);
    char *tries =
        attempts != NULL ? json_dumps(attempts, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    for (int i = 0; i < TS_CALL_COLUMN_COUNT_; i++) {
        const struct ts_call_column_info *c = ts_call_column((enum ts_call_column)i);
        if (c->kind == TS_COLUMN_TEXT)
            cells[i].text = text_at(row, c->offset);
        else if (c->kind != TS_COLUMN_JSON && c->kind != TS_COLUMN_ATTEMPTS)
            memcpy(&cells[i].number, (const char *)row + c->offset, sizeof(cells[i].number));
    }
    cells[TS_COLUMN_ID_TAGS].text = tags;
    cells[TS_COLUMN_ID_METADATA].text = metadata;
    cells[TS_COLUMN_ID_ATTEMPTS].text = tries;
    ts_table_row(&p->x->table, cells, p->out);
    free(tags);
    free(metadata);
    free(tries);
    bool lost = attempts != NULL && tries == NULL;
    return ts_buf_ok(p->out) && !lost ? TS_OK
                                      : ts_fail(err, TS_ERR_NOMEM, "no memory for an export");
}

static enum ts_err more_calls(struct ts_export *x,
                              struct ts_reader_conn *c,
                              struct ts_buf *out,
                              struct ts_error *err)
{
    struct page page = {.x = x, .out = out};
    struct ts_call_rows rows = {
        .after = x->after, .limit = PAGE_CALLS, .row = add_call, .ctx = &page};
    enum ts_err e = ts_query_call_rows(c, &x->filter, &rows, err);
    x->after = rows.after;
    x->done = !rows.more;
    return e;
}

/* -- stats ------------------------------------------------------------------------------------- */

static const struct ts_table_column stats_columns[] = {
    {"taskType", "task_type", TS_COLUMN_TEXT},
    {"model", "model", TS_COLUMN_TEXT},
    {"successes", "successes", TS_COLUMN_INT},
    {"failures", "failures", TS_COLUMN_INT},
    {"timeouts", "timeouts", TS_COLUMN_INT},
    {"successRate", "success_rate", TS_COLUMN_REAL},
    {"totalTokens", "total_tokens", TS_COLUMN_INT},
    {"totalCost", "total_cost", TS_COLUMN_REAL},
    {"lastUsed", "last_used", TS_COLUMN_TEXT},
};

static enum ts_err add_stats(void *ctx, const struct ts_stats_row *row, struct ts_error *err)
{
    const struct page *p = ctx;
    const struct ts_record *r = &row->record;
    const struct ts_table_cell cells[TS_ARRAY_LEN(stats_columns)] = {
        {.text = row->task_type},
        {.text = r->model},
        {.number = r->successes},
        {.number = r->failures},
        {.number = r->timeouts},
        {.real = round(10000 * ts_record_rate(r)) / 100},
        {.number = r->total_tokens},
        {.real = r->total_cost},
        {.text = r->last_used},
    };
    ts_table_row(&p->x->table, cells, p->out);
    return ts_buf_ok(p->out) ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for an export");
}

static enum ts_err more_stats(struct ts_export *x,
                              struct ts_reader_conn *c,
                              struct ts_buf *out,
                              struct ts_error *err)
{
    struct page page = {.x = x, .out = out};
    x->done = true;
    return ts_query_all_records(c, x->min_samples, add_stats, &page, err);
}

/* -- roll-ups ---------------------------------------------------------------------------------- */

static const struct ts_table_column rollup_columns[] = {
    {"resolution", "resolution", TS_COLUMN_TEXT},
    {"start", "start", TS_COLUMN_TEXT},
    {"provider", "provider", TS_COLUMN_TEXT},
    {"model", "model", TS_COLUMN_TEXT},
    {"taskType", "task_type", TS_COLUMN_TEXT},
    {"complexity", "task_complexity", TS_COLUMN_TEXT},
    {"totalCalls", "total_calls", TS_COLUMN_INT},
    {"successes", "successes", TS_COLUMN_INT},
    {"failures", "failures", TS_COLUMN_INT},
    {"timeouts", "timeouts", TS_COLUMN_INT},
    {"cancelled", "cancelled", TS_COLUMN_INT},
    {"failedAttempts", "failed_attempts", TS_COLUMN_INT},
    {"thumbsUp", "thumbs_up", TS_COLUMN_INT},
    {"thumbsDown", "thumbs_down", TS_COLUMN_INT},
    {"inputTokens", "input_tokens", TS_COLUMN_INT},
    {"outputTokens", "output_tokens", TS_COLUMN_INT},
    {"totalTokens", "total_tokens", TS_COLUMN_INT},
    {"costUsd", "cost_usd", TS_COLUMN_USD},
    {"avgResponseTime", "avg_response_ms", TS_COLUMN_REAL},
    {"minResponseTime", "min_response_ms", TS_COLUMN_MS},
    {"maxResponseTime", "max_response_ms", TS_COLUMN_MS},
    {"medianResponseTime", "median_response_ms", TS_COLUMN_REAL},
    {"p95ResponseTime", "p95_response_ms", TS_COLUMN_REAL},
    {"p99ResponseTime", "p99_response_ms", TS_COLUMN_REAL},
    {"medianTtft", "median_ttft_ms", TS_COLUMN_REAL},
    {"p95Ttft", "p95_ttft_ms", TS_COLUMN_REAL},
};

static double ms3(double us)
{
    return round(us) / 1000;
}

static double percentile_ms(const struct ts_sketch *s, int percent)
{
    return ms3(ts_sketch_percentile(s, percent));
}

static enum ts_err add_rollup(void *ctx, const struct ts_rollup_row *row, struct ts_error *err)
{
    const struct page *p = ctx;
    const struct ts_tally *t = &row->digest->tally;
    const struct ts_sketch *time = &row->digest->response;
    const struct ts_sketch *ttft = &row->digest->ttft;
    char start[TS_RFC3339_SIZE];
    const struct ts_table_cell cells[TS_ARRAY_LEN(rollup_columns)] = {
        {.text = row->resolution},
        {.text = ts_rfc3339(row->start_ms, start)},
        {.text = row->provider},
        {.text = row->model},
        {.text = row->task_type},
        {.text = row->complexity},
        {.number = t->calls},
        {.number = ts_tally_successes(t)},
        {.number = t->failures},
        {.number = t->timeouts},
        {.number = t->cancelled},
        {.number = t->failed_attempts},
        {.number = t->up},
        {.number = t->down},
        {.number = t->input_n > 0 ? t->input_tokens : TS_UNKNOWN},
        {.number = t->output_n > 0 ? t->output_tokens : TS_UNKNOWN},
        {.number = t->tokens_n > 0 ? ts_tally_tokens(t) : TS_UNKNOWN},
        {.number = t->cost_n > 0 ? t->cost_nano_usd : TS_UNKNOWN},
        {.real = time->n > 0 ? ms3((double)time->sum / (double)time->n) : (double)NAN},
        {.number = time->n > 0 ? time->min : TS_UNKNOWN},
        {.number = time->n > 0 ? time->max : TS_UNKNOWN},
        {.real = percentile_ms(time, 50)},
        {.real = percentile_ms(time, 95)},
        {.real = percentile_ms(time, 99)},
        {.real = percentile_ms(ttft, 50)},
        {.real = percentile_ms(ttft, 95)},
    };
    ts_table_row(&p->x->table, cells, p->out);
    return ts_buf_ok(p->out) ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for an export");
}

static enum ts_err more_rollups(struct ts_export *x,
                                struct ts_reader_conn *c,
                                struct ts_buf *out,
                                struct ts_error *err)
{
    struct page page = {.x = x, .out = out};
    struct ts_rollup_rows rows = {
        .after = x->after, .limit = PAGE_CALLS, .row = add_rollup, .ctx = &page};
    enum ts_err e = ts_query_rollup_rows(c, &x->filter, &rows, err);
    x->after = rows.after;
    x->done = !rows.more;
    return e;
}

/* -- all of them ------------------------------------------------------------------------------- */

typedef enum ts_err more_fn(struct ts_export *x,
                            struct ts_reader_conn *c,
                            struct ts_buf *out,
                            struct ts_error *err);

static const struct {
    const struct ts_table_column *columns;
    size_t count;
    more_fn *more;
} kinds[] = {
    [TS_EXPORT_CALLS] = {call_columns, TS_ARRAY_LEN(call_columns), more_calls},
    [TS_EXPORT_STATS] = {stats_columns, TS_ARRAY_LEN(stats_columns), more_stats},
    [TS_EXPORT_ROLLUPS] = {rollup_columns, TS_ARRAY_LEN(rollup_columns), more_rollups},
};

static void begin(struct ts_export *x, struct ts_buf *out)
{
    x->begun = true;
    x->table.plural = whats[x->what];
    x->table.columns = kinds[x->what].columns;
    x->table.count = (int)kinds[x->what].count;
    ts_table_begin(&x->table, out);
}

enum ts_err ts_export_more(struct ts_export *x,
                           struct ts_reader_conn *c,
                           struct ts_buf *out,
                           struct ts_error *err)
{
    if (!x->begun)
        begin(x, out);
    enum ts_err e = kinds[x->what].more(x, c, out, err);
    if (e == TS_OK && x->done)
        ts_table_end(&x->table, out);
    if (e == TS_OK && !ts_buf_ok(out))
        e = ts_fail(err, TS_ERR_NOMEM, "no memory for an export");
    return e;
}
