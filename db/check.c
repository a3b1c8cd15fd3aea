#include "db/check.h"

#include "db/conn.h"
#include "db/parts.h"

static const struct {
    const char *name;
    enum ts_sql sql;
} parts[] = {
    {"pages", TS_SQL_CHECK_PAGES},
    {"references", TS_SQL_CHECK_REFERENCES},
    {"ids", TS_SQL_CHECK_IDS},
    {"labels", TS_SQL_CHECK_LABELS},
    {"model statistics", TS_SQL_CHECK_STATS},
    {"baselines", TS_SQL_CHECK_BASELINES},
    {"roll-ups", TS_SQL_CHECK_CELLS},
    {"counts of clones", TS_SQL_CHECK_CLONES},
};

/* What SQLite says when pages do not hold what they should. */
static bool is_damage(const struct ts_conn *c)
{
    int code = c->last_code & 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static enum ts_err run_part(struct ts_conn *c,
                            enum ts_sql sql,
                            const struct ts_check_sink *sink,
                            int *faults,
                            struct ts_error *err)
{
    TS_LEASE(q, c, sql);
    for (;;) {
        switch (ts_step(&q)) {
        case TS_ROW:
            (*faults)++;
            sink->fault(sink->ctx, ts_col_text(&q));
            break;
        case TS_DONE:
            return TS_OK;
        case TS_FAILED:
            return ts_stmt_fail(&q, err, "the check cannot go on");
        }
    }
}

enum ts_err ts_check_database(struct ts_readonly *r,
                              const struct ts_check_sink *sink,
                              int *faults,
                              struct ts_error *err)
{
    struct ts_conn *c = ts_readonly_conn(r)->conn;
    enum ts_err e = ts_conn_prepare(c, TS_SQL_CHECK, err);
    *faults = 0;
    for (size_t i = 0; e == TS_OK && i < TS_ARRAY_LEN(parts); i++) {
        sink->part(sink->ctx, parts[i].name, (int)i, (int)TS_ARRAY_LEN(parts));
        e = run_part(c, parts[i].sql, sink, faults, err);
        if (e == TS_OK || !is_damage(c))
            continue;
        (*faults)++;
        sink->fault(sink->ctx, err->text);
        e = TS_OK;
    }
    return e;
}
