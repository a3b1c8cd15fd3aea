#include "db/rollup.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
    SLOTS = 8192, /* a power of two */
    CELLS_MAX = SLOTS / 2,
    BODY_MAX_BYTES = 128 * 1024,
    STEP_CALLS = 4000,
};

/* A cell in memory; cell_id 0: a free slot. */
struct slot {
    int64_t cell_id;
    bool changed;
    struct ts_digest cell;
};

/* One that is ahead of the file. */
struct ahead {
    int64_t cell_id;
    struct slot *slot;
};

struct due {
    int64_t day;
    int64_t next_id; /* calls before it are in the day's cells */
};

struct ts_rollup {
    struct slot *slots;
    int used;
    struct ahead changed[CELLS_MAX];
    int changed_count;
    struct ts_buf body; /* scratch */

    /* What the file says about its cells; read when it is needed first. */
    bool known;
    struct due *due; /* by day */
    int due_count;
    int due_cap;
    int64_t whole_from; /* the id from which on no call was deleted */

    int32_t *families; /* by series_id; 0: not looked up yet */
    int64_t family_count;
};

enum ts_err ts_rollup_new(struct ts_rollup **out)
{
    struct ts_rollup *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return TS_ERR_NOMEM;
    r->body = TS_BUF_INIT(BODY_MAX_BYTES);
    r->slots = calloc(SLOTS, sizeof(*r->slots));
    if (r->slots == NULL) {
        free(r);
        return TS_ERR_NOMEM;
    }
    *out = r;
    return TS_OK;
}

static void forget_cells(struct ts_rollup *r)
{
    for (int i = 0; r->used > 0 && i < SLOTS; i++) {
        if (r->slots[i].cell_id == 0)
            continue;
        ts_digest_free(&r->slots[i].cell);
        r->slots[i] = (struct slot){.cell_id = 0};
        r->used--;
    }
    r->changed_count = 0;
}

void ts_rollup_drop(struct ts_rollup *r)
{
    forget_cells(r);
    r->known = false;
    r->family_count = 0;
}

void ts_rollup_free(struct ts_rollup *r)
{
    if (r == NULL)
        return;
    forget_cells(r);
    ts_buf_free(&r->body);
    free(r->due);
    free(r->families);
    free(r->slots);
    free(r);
}

/* -- which days are due ----------------------------------------------------------------------- */

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for roll-ups");
}

/* The first due day at or after @day. */
static int due_from(const struct ts_rollup *r, int64_t day)
{
    int low = 0;
    int high = r->due_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (r->due[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct due *due_of(const struct ts_rollup *r, int64_t day)
{
    int i = due_from(r, day);
    return i < r->due_count && r->due[i].day == day ? &r->due[i] : NULL;
}

static enum ts_err remember_due(struct ts_rollup *r, struct due d, struct ts_error *err)
{
    int at = due_from(r, d.day);
    if (at < r->due_count && r->due[at].day == d.day) {
        r->due[at] = d;
        return TS_OK;
    }
    if (r->due_count == r->due_cap) {
        int cap = r->due_cap == 0 ? 128 : r->due_cap * 2;
        struct due *due = realloc(r->due, (size_t)cap * sizeof(*due));
        if (due == NULL)
            return no_memory(err);
        r->due = due;
        r->due_cap = cap;
    }
    memmove(&r->due[at + 1], &r->due[at], (size_t)(r->due_count - at) * sizeof(*r->due));
    r->due[at] = d;
    r->due_count++;
    return TS_OK;
}

static enum ts_err load_due(struct ts_rollup *r, struct ts_conn *c, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_DUE_LIST);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    r->due_count = 0;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        struct due d = {.day = ts_col_i64(&s), .next_id = ts_col_i64(&s)};
        e = remember_due(r, d, err);
    }
    return e == TS_OK && step == TS_FAILED ? ts_stmt_fail(&s, err, "reading what is due") : e;
}

static enum ts_err know(struct ts_rollup *r, struct ts_conn *c, struct ts_error *err)
{
    if (r->known)
        return TS_OK;
    enum ts_err e = load_due(r, c, err);
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c, TS_SQL_WHOLE_FROM);
    if (ts_step(&s) != TS_ROW)
        return ts_stmt_fail(&s, err, "reading what was deleted");
    r->whole_from = ts_col_i64(&s);
    r->known = true;
    return TS_OK;
}

int ts_rollup_due(const struct ts_rollup *r)
{
    return r->known ? r->due_count : 1;
}

static enum ts_err store_due(struct ts_rollup *r,
                             struct ts_conn *c,
                             struct due d,
                             struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_DUE_PUT);
    ts_bind_i64(&s, d.day);
    ts_bind_i64(&s, d.next_id);
    if (ts_step(&s) != TS_DONE)
        return ts_stmt_fail(&s, err, "storing what is due");
    return remember_due(r, d, err);
}

static enum ts_err drop_due(struct ts_rollup *r,
                            struct ts_conn *c,
                            int64_t day,
                            struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_DUE_DROP);
    ts_bind_i64(&s, day);
    if (ts_step(&s) != TS_DONE)
        return ts_stmt_fail(&s, err, "storing what is due");
    int at = due_from(r, day);
    r->due_count--;
    memmove(&r->due[at], &r->due[at + 1], (size_t)(r->due_count - at) * sizeof(*r->due));
    return TS_OK;
}

/* -- cells in memory -------------------------------------------------------------------------- */

static struct slot *slot_of(struct ts_rollup *r, int64_t cell_id)
{
    uint64_t hash = (uint64_t)cell_id * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (hash >> 32) & (SLOTS - 1);
    while (r->slots[i].cell_id != 0 && r->slots[i].cell_id != cell_id)
        i = (i + 1) & (SLOTS - 1);
    return &r->slots[i];
}

static enum ts_err put_cell(struct ts_rollup *r,
                            struct ts_conn *c,
                            const struct slot *slot,
                            struct ts_error *err)
{
    const struct ts_tally *t = &slot->cell.tally;
    ts_buf_clear(&r->body);
    ts_digest_encode(&slot->cell, ts_cell_start_ms(slot->cell_id), &r->body);
    if (!ts_buf_ok(&r->body))
        return no_memory(err);
    TS_LEASE(s, c, TS_SQL_CELL_PUT);
    ts_bind_i64(&s, slot->cell_id);
    ts_bind_blob(&s, r->body.data, r->body.len);
    ts_bind_i64(&s, t->calls);
    ts_bind_i64(&s, ts_tally_successes(t));
    ts_bind_i64(&s, t->failures);
    ts_bind_i64(&s, t->up);
    ts_bind_i64(&s, t->down);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "storing a roll-up");
}

static int compare_ahead(const void *pa, const void *pb)
{
    const struct ahead *a = pa;
    const struct ahead *b = pb;
    return (a->cell_id > b->cell_id) - (a->cell_id < b->cell_id);
}

/* In the order in which they lie in the file: each page is met once. */
enum ts_err ts_rollup_flush(struct ts_rollup *r, struct ts_conn *c, struct ts_error *err)
{
    qsort(r->changed, (size_t)r->changed_count, sizeof(r->changed[0]), compare_ahead);
    for (int i = 0; i < r->changed_count; i++) {
        enum ts_err e = put_cell(r, c, r->changed[i].slot, err);
        if (e != TS_OK)
            return e;
    }
    for (int i = 0; i < r->changed_count; i++)
        r->changed[i].slot->changed = false;
    r->changed_count = 0;
    return TS_OK;
}

/* From the file into an empty cell. @sound: false: the file has something else there. */
static enum ts_err load_cell(
    struct ts_conn *c, int64_t cell_id, struct ts_digest *cell, bool *sound, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_CELL_GET);
    ts_bind_i64(&s, cell_id);
    enum ts_step step = ts_step(&s);
    *sound = true;
    if (step != TS_ROW)
        return step == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "reading a roll-up");
    struct ts_cursor body = ts_col_blob(&s);
    struct ts_digest_view view;
    enum ts_err e = TS_ERR_INTERNAL;
    if (ts_digest_view(body.at, ts_cursor_left(&body), ts_cell_start_ms(cell_id), &view))
        e = ts_digest_merge_view(cell, &view);
    *sound = e != TS_ERR_INTERNAL;
    return e == TS_ERR_NOMEM ? no_memory(err) : TS_OK;
}

/* The cell of that number, from memory or the file; NULL in @out: it cannot be read. Until the next
 * call of this. */
static enum ts_err cell_of(struct ts_rollup *r,
                           struct ts_conn *c,
                           int64_t cell_id,
                           struct ts_digest **out,
                           struct ts_error *err)
{
    struct slot *slot = slot_of(r, cell_id);
    if (slot->cell_id == 0) {
        if (r->used == CELLS_MAX) { /* a great import: these are written twice at worst */
            enum ts_err flushed = ts_rollup_flush(r, c, err);
            if (flushed != TS_OK)
                return flushed;
            forget_cells(r);
            slot = slot_of(r, cell_id);
        }
        struct ts_digest cell = TS_DIGEST_INIT;
        bool sound = false;
        enum ts_err e = load_cell(c, cell_id, &cell, &sound, err);
        if (e != TS_OK || !sound) {
            ts_digest_free(&cell);
            *out = NULL;
            return e;
        }
        *slot = (struct slot){.cell_id = cell_id, .cell = cell};
        r->used++;
    }
    if (!slot->changed)
        r->changed[r->changed_count++] = (struct ahead){cell_id, slot};
    slot->changed = true;
    *out = &slot->cell;
    return TS_OK;
}

/* -- families --------------------------------------------------------------------------------- */

static enum ts_err grow_families(struct ts_rollup *r, int64_t series_id, struct ts_error *err)
{
    if (series_id < r->family_count)
        return TS_OK;
    int64_t count = series_id + 256;
    int32_t *families = realloc(r->families, (size_t)count * sizeof(*families));
    if (families == NULL)
        return no_memory(err);
    memset(families + r->family_count, 0, (size_t)(count - r->family_count) * sizeof(*families));
    r->families = families;
    r->family_count = count;
    return TS_OK;
}

/* The number of a series' family among the cells of a bucket. */
static enum ts_err family_of(
    struct ts_rollup *r, struct ts_conn *c, int64_t series_id, int64_t *out, struct ts_error *err)
{
    enum ts_err e = grow_families(r, series_id, err);
    if (e != TS_OK)
        return e;
    if (r->families[series_id] == 0) {
        TS_LEASE(s, c, TS_SQL_FAMILY_OF);
        ts_bind_i64(&s, series_id);
        if (ts_step(&s) != TS_ROW)
            return ts_stmt_fail(&s, err, "looking up a series");
        r->families[series_id] = (int32_t)ts_col_i64(&s);
    }
    *out = TS_FAMILY | r->families[series_id];
    return TS_OK;
}

/* -- counting --------------------------------------------------------------------------------- */

/* What is to be counted, in which cells. */
struct change {
    int64_t call_id;
    int64_t series_id;
    const struct ts_agg_row *row; /* one of these three: a call, a rating, else an attempt */
    const struct ts_rerating *rating;
};

static enum ts_err change_cell(struct ts_digest *cell, const struct change *ch)
{
    if (ch->row != NULL)
        return ts_digest_add(cell, ch->row);
    if (ch->rating != NULL)
        ts_digest_rate(cell, ch->rating->outcome, ch->rating->before, ch->rating->after);
    else
        ts_digest_add_attempt(cell);
    return TS_OK;
}

/* A cell that cannot be read: its day is made anew, or, where that cannot be, left as it is. */
static enum ts_err meet_unreadable(struct ts_rollup *r,
                                   struct ts_conn *c,
                                   int64_t cell_id,
                                   struct ts_error *err)
{
    bool done = false;
    ts_logf(TS_LOG_WARN,
            TS_LOG_FIELDS(TS_LOG_INT("cell", cell_id)),
            "a roll-up cannot be read; its day is counted anew from its calls");
    return ts_rollup_doubt(r, c, ts_cell_start_ms(cell_id) / TS_DAY_MS, &done, err);
}

static enum ts_err count(struct ts_rollup *r,
                         struct ts_conn *c,
                         const struct change *ch,
                         struct ts_error *err)
{
    if (ch->series_id > TS_SERIES_ID_MAX)
        return ts_fail(err, TS_ERR_INTERNAL, "there are too many series for roll-ups");
    int64_t family = 0;
    enum ts_err found = family_of(r, c, ch->series_id, &family, err);
    if (found != TS_OK)
        return found;
    const int64_t hour = ts_cell_first(TS_BY_HOUR, ts_id_ms(ch->call_id));
    const int64_t day = ts_cell_first(TS_BY_DAY, ts_id_ms(ch->call_id));
    const int64_t cells[] = {
        hour, hour + ch->series_id, hour + family, day, day + ch->series_id, day + family};
    for (size_t i = 0; i < TS_ARRAY_LEN(cells); i++) {
        struct ts_digest *cell = NULL;
        enum ts_err e = cell_of(r, c, cells[i], &cell, err);
        if (e != TS_OK)
            return e;
        if (cell == NULL)
            return meet_unreadable(r, c, cells[i], err);
        if (change_cell(cell, ch) != TS_OK)
            return no_memory(err);
    }
    return TS_OK;
}

/* Unless the day is due and its making has not come to this call yet: it will be counted then. */
static enum ts_err count_unless_due(struct ts_rollup *r,
                                    struct ts_conn *c,
                                    const struct change *ch,
                                    struct ts_error *err)
{
    enum ts_err e = know(r, c, err);
    if (e != TS_OK)
        return e;
    const struct due *due = due_of(r, ts_day_of(ch->call_id));
    return due != NULL && ch->call_id >= due->next_id ? TS_OK : count(r, c, ch, err);
}

enum ts_err ts_rollup_call(struct ts_rollup *r,
                           struct ts_conn *c,
                           const struct ts_agg_row *row,
                           struct ts_error *err)
{
    const struct change ch = {.call_id = row->id, .series_id = row->series, .row = row};
    return count_unless_due(r, c, &ch, err);
}

enum ts_err ts_rollup_attempt(struct ts_rollup *r,
                              struct ts_conn *c,
                              int64_t call_id,
                              int64_t series_id,
                              struct ts_error *err)
{
    const struct change ch = {.call_id = call_id, .series_id = series_id};
    return count_unless_due(r, c, &ch, err);
}

enum ts_err ts_rollup_rate(struct ts_rollup *r,
                           struct ts_conn *c,
                           const struct ts_rerating *rating,
                           struct ts_error *err)
{
    const struct change ch = {
        .call_id = rating->call_id, .series_id = rating->series_id, .rating = rating};
    return rating->before == rating->after ? TS_OK : count_unless_due(r, c, &ch, err);
}

/* -- making cells anew ------------------------------------------------------------------------ */

enum ts_err ts_rollup_doubt(
    struct ts_rollup *r, struct ts_conn *c, int64_t day, bool *done, struct ts_error *err)
{
    enum ts_err e = know(r, c, err);
    *done = e == TS_OK && ts_day_start(day) >= r->whole_from;
    if (!*done)
        return e;
    e = ts_rollup_flush(r, c, err);
    forget_cells(r);
    struct due d = {.day = day, .next_id = ts_day_start(day)};
    return e == TS_OK ? store_due(r, c, d, err) : e;
}

enum ts_err ts_rollup_doubt_all(struct ts_rollup *r, struct ts_conn *c, struct ts_error *err)
{
    enum ts_err e = know(r, c, err);
    if (e == TS_OK)
        e = ts_rollup_flush(r, c, err);
    if (e != TS_OK)
        return e;
    {
        TS_LEASE(s, c, TS_SQL_DUE_ALL);
        ts_bind_i64(&s, r->whole_from);
        if (ts_step(&s) != TS_DONE)
            return ts_stmt_fail(&s, err, "storing what is due");
    }
    ts_rollup_drop(r);
    return know(r, c, err);
}

static enum ts_err drop_cells(struct ts_conn *c,
                              int64_t from_cell,
                              int64_t to_cell,
                              struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_CELLS_DROP);
    ts_bind_i64(&s, from_cell);
    ts_bind_i64(&s, to_cell);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "deleting roll-ups");
}

static enum ts_err drop_day(struct ts_rollup *r,
                            struct ts_conn *c,
                            int64_t day,
                            struct ts_error *err)
{
    int64_t from_ms = day * TS_DAY_MS;
    int64_t to_ms = from_ms + TS_DAY_MS;
    enum ts_err e = ts_rollup_flush(r, c, err);
    forget_cells(r);
    if (e == TS_OK)
        e = drop_cells(
            c, ts_cell_first(TS_BY_HOUR, from_ms), ts_cell_first(TS_BY_HOUR, to_ms), err);
    if (e == TS_OK)
        e = drop_cells(c, ts_cell_first(TS_BY_DAY, from_ms), ts_cell_first(TS_BY_DAY, to_ms), err);
    return e;
}

/* Counts the calls from @from on, a step's worth; *end: the id up to which they are counted. */
static enum ts_err count_calls(
    struct ts_rollup *r, struct ts_conn *c, int64_t from, int64_t *end, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_CALLS_TO_COUNT);
    ts_bind_i64(&s, from);
    ts_bind_i64(&s, *end);
    ts_bind_i64(&s, STEP_CALLS);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    int calls = 0;
    int64_t last = 0;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        struct ts_agg_row row;
        ts_row_read(&s, &row);
        const struct change ch = {.call_id = row.id, .series_id = row.series, .row = &row};
        e = count(r, c, &ch, err);
        last = row.id;
        calls++;
    }
    if (calls == STEP_CALLS)
        *end = last + 1;
    return e == TS_OK && step == TS_FAILED ? ts_stmt_fail(&s, err, "reading calls") : e;
}

static enum ts_err count_attempts(
    struct ts_rollup *r, struct ts_conn *c, int64_t from, int64_t end, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_ATTEMPTS_TO_COUNT);
    ts_bind_i64(&s, from);
    ts_bind_i64(&s, end);
    enum ts_err e = TS_OK;
    enum ts_step step = TS_DONE;
    while (e == TS_OK && (step = ts_step(&s)) == TS_ROW) {
        const struct change ch = {.call_id = ts_col_i64(&s), .series_id = ts_col_i64(&s)};
        e = count(r, c, &ch, err);
    }
    return e == TS_OK && step == TS_FAILED ? ts_stmt_fail(&s, err, "reading attempts") : e;
}

enum ts_err ts_rollup_step(struct ts_rollup *r, struct ts_conn *c, struct ts_error *err)
{
    enum ts_err e = know(r, c, err);
    if (e != TS_OK || r->due_count == 0)
        return e;
    struct due d = r->due[r->due_count - 1];
    int64_t day_end = ts_day_start(d.day + 1);
    int64_t end = day_end;
    if (d.next_id == ts_day_start(d.day))
        e = drop_day(r, c, d.day, err);
    if (e == TS_OK)
        e = count_calls(r, c, d.next_id, &end, err);
    if (e == TS_OK)
        e = count_attempts(r, c, d.next_id, end, err);
    if (e != TS_OK)
        return e;
    if (due_of(r, d.day)->next_id != d.next_id)
        return TS_OK; /* a cell could not be read: the day begins again */
    if (end == day_end)
        return drop_due(r, c, d.day, err);
    d.next_id = end;
    return store_due(r, c, d, err);
}

enum ts_err ts_rollup_expire(struct ts_rollup *r,
                             struct ts_conn *c,
                             int64_t *below_id,
                             struct ts_error *err)
{
    enum ts_err e = know(r, c, err);
    if (e != TS_OK)
        return e;
    if (r->due_count > 0 && ts_day_start(r->due[0].day) < *below_id)
        *below_id = ts_day_start(r->due[0].day);
    if (*below_id <= r->whole_from)
        return TS_OK;
    e = ts_rollup_flush(r, c, err);
    forget_cells(r);
    if (e == TS_OK)
        e = drop_cells(c,
                       ts_cell_first(TS_BY_HOUR, 0),
                       ts_cell_first(TS_BY_HOUR, ts_day_of(*below_id) * TS_DAY_MS),
                       err);
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c, TS_SQL_WHOLE_FROM_PUT);
    ts_bind_i64(&s, *below_id);
    if (ts_step(&s) != TS_DONE)
        return ts_stmt_fail(&s, err, "storing what was deleted");
    r->whole_from = *below_id;
    return TS_OK;
}
