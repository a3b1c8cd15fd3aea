/* Clone attempts that have files and no word on their quality. */
#include <math.h>

#include "db/clone_query.h"
#include "db/filter.h"
#include "db/parts.h"

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for the files of a clone");
}

static enum ts_err read_files(struct ts_reader_conn *c, struct ts_unjudged *u, struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CODE_FILE_TEXTS);
    ts_bind_i64(&s, u->id);
    enum ts_step step = TS_DONE;
    u->count = 0;
    while (u->count < u->max && (step = ts_step(&s)) == TS_ROW) {
        struct ts_code_file *f = &u->files[u->count++];
        *f = (struct ts_code_file){.quality = (double)NAN};
        f->path = ts_arena_str(u->arena, ts_col_text(&s));
        f->content = ts_slice_str(ts_arena_str(u->arena, ts_col_text(&s)));
        if (f->path == NULL || f->content.at == NULL)
            return no_memory(err);
    }
    return step == TS_FAILED ? ts_filter_fail(&s, err) : TS_OK;
}

enum ts_err ts_query_unjudged(struct ts_reader_conn *c, struct ts_unjudged *u, struct ts_error *err)
{
    {
        TS_LEASE(s, c->conn, TS_SQL_CLONE_UNJUDGED);
        ts_bind_i64(&s, u->after);
        enum ts_step step = ts_step(&s);
        if (step == TS_FAILED)
            return ts_filter_fail(&s, err);
        u->id = step == TS_ROW ? ts_col_i64(&s) : 0;
        u->count = 0;
    }
    return u->id != 0 ? read_files(c, u, err) : TS_OK;
}
