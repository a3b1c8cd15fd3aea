#include "handlers/export.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { PAGE_CALLS = 200 };

static const char *const whats[] = {[TS_EXPORT_CALLS] = "calls", [TS_EXPORT_STATS] = "stats"};

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

/* -- all of them ------------------------------------------------------------------------------- */

static void begin(struct ts_export *x, struct ts_buf *out)
{
    bool calls = x->what == TS_EXPORT_CALLS;
    x->begun = true;
    x->table.plural = whats[x->what];
    x->table.columns = calls ? call_columns : stats_columns;
    x->table.count = (int)(calls ? TS_ARRAY_LEN(call_columns) : TS_ARRAY_LEN(stats_columns));
    ts_table_begin(&x->table, out);
}

enum ts_err ts_export_more(struct ts_export *x,
                           struct ts_reader_conn *c,
                           struct ts_buf *out,
                           struct ts_error *err)
{
    if (!x->begun)
        begin(x, out);
    enum ts_err e =
        x->what == TS_EXPORT_CALLS ? more_calls(x, c, out, err) : more_stats(x, c, out, err);
    if (e == TS_OK && x->done)
        ts_table_end(&x->table, out);
    if (e == TS_OK && !ts_buf_ok(out))
        e = ts_fail(err, TS_ERR_NOMEM, "no memory for an export");
    return e;
}
