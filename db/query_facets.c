/* What filters can be set to: read from the table of series, however many calls there are. */
#include "base/json.h"
#include "db/filter.h"
#include "db/parts.h"
#include "db/query.h"

enum { FACETS_MAX = 1000 };

static json_t *model_json(struct ts_stmt *s)
{
    json_t *model = ts_json_text(ts_col_text(s));
    return json_pack("{s:o, s:o}", "model", model, "provider", ts_json_text(ts_col_text(s)));
}

static json_t *name_json(struct ts_stmt *s)
{
    return ts_json_text(ts_col_text(s));
}

static enum ts_err list(struct ts_reader_conn *c,
                        enum ts_sql query,
                        json_t *(*row_json)(struct ts_stmt *s),
                        json_t **out,
                        struct ts_error *err)
{
    json_auto_t *rows = json_array();
    TS_LEASE(s, c->conn, query);
    ts_bind_i64(&s, FACETS_MAX);
    enum ts_step step = TS_DONE;
    while ((step = ts_step(&s)) == TS_ROW) {
        if (json_array_append_new(rows, row_json(&s)) != 0)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for the names of the models");
    }
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    *out = json_incref(rows);
    return TS_OK;
}

enum ts_err ts_query_facets(struct ts_reader_conn *c, json_t **out, struct ts_error *err)
{
    const struct {
        const char *name;
        enum ts_sql query;
        json_t *(*row_json)(struct ts_stmt *s);
    } facets[] = {
        {"models", TS_SQL_FACET_MODELS, model_json},
        {"providers", TS_SQL_FACET_PROVIDERS, name_json},
        {"taskTypes", TS_SQL_FACET_TASK_TYPES, name_json},
    };
    json_auto_t *all = json_object();
    for (size_t i = 0; i < TS_ARRAY_LEN(facets); i++) {
        json_t *rows = NULL;
        enum ts_err e = list(c, facets[i].query, facets[i].row_json, &rows, err);
        if (e != TS_OK)
            return e;
        if (json_object_set_new(all, facets[i].name, rows) != 0)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for the names of the models");
    }
    *out = json_incref(all);
    return TS_OK;
}
