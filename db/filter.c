#include "db/filter.h"

#include <string.h>

#include "base/id.h"

void ts_filter_last_days(struct ts_call_filter *f, int64_t now_ms, int64_t days)
{
    f->to_ms = now_ms + 1;
    f->from_ms = f->to_ms > days * TS_DAY_MS ? f->to_ms - days * TS_DAY_MS : 0;
}

/* A name that no outcome has matches no row. */
static void bind_outcome(struct ts_stmt *s, const char *name)
{
    if (name == NULL) {
        ts_bind_null(s);
        return;
    }
    int found = TS_OUTCOME_COUNT_;
    for (int i = 0; i < TS_OUTCOME_COUNT_; i++) {
        if (strcmp(name, ts_outcome_name((enum ts_outcome)i)) == 0)
            found = i;
    }
    ts_bind_i64(s, found);
}

void ts_filter_bind(struct ts_stmt *s,
                    const struct ts_call_filter *f,
                    int64_t from_id,
                    int64_t to_id)
{
    ts_bind_i64(s, from_id);
    ts_bind_i64(s, to_id);
    bind_outcome(s, f->outcome);
    ts_bind_text(s, f->user);
    ts_bind_text(s, f->user_segment);
    ts_bind_text(s, f->conversation_id);
    ts_bind_text(s, f->tag_key);
    ts_bind_text(s, f->tag_value);
}

enum ts_err ts_filter_fail(struct ts_stmt *s, struct ts_error *err)
{
    if ((s->code & 0xff) == SQLITE_INTERRUPT)
        return ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "the query took too long");
    enum ts_err e = ts_stmt_fail(s, err, "reading calls");
    return e == TS_ERR_NOMEM ? e : TS_ERR_STORAGE_UNAVAILABLE;
}
