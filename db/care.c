/*
 * The care of roll-ups: after the start every day's cells are compared with its calls, behind all
 * other work; what is wrong, there or in a query, is made anew by the writer.
 *
 * Of each day all ways to count have to agree: the calls themselves, and of its hours as of the day
 * the cells of series, those of families, and those of all series together.
 */
#include "db/care.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "db/parts.h"

/* Between two days, so that queries and the ends of generations come first: nine times as long as a
 * day took, and at least this. */
enum { REST_SHARE = 9, REST_MIN_US = 20 * 1000 };

void ts_care_init(struct ts_care *care)
{
    (void)pthread_mutex_init(&care->lock, NULL);
}

/* -- doubts ----------------------------------------------------------------------------------- */

void ts_care_doubt(struct ts_store *s, int64_t day)
{
    struct ts_care *care = &s->care;
    {
        TS_GUARD(&care->lock);
        for (int i = 0; i < care->count; i++) {
            if (care->days[i] == day)
                return;
        }
        if (care->count == TS_DOUBTS_MAX)
            return; /* they will be met again */
        care->days[care->count++] = day;
    }
    ts_inbox_nudge(&s->inbox);
}

void ts_care_doubt_all(struct ts_store *s)
{
    {
        TS_GUARD(&s->care.lock);
        s->care.all = true;
    }
    ts_inbox_nudge(&s->inbox);
}

bool ts_care_pending(struct ts_store *s)
{
    TS_GUARD(&s->care.lock);
    return s->care.count > 0 || s->care.all;
}

int ts_care_due(struct ts_store *s)
{
    int due = s->care.due;
    return due == 0 && ts_care_pending(s) ? 1 : due;
}

void ts_store_rebuild_rollups(struct ts_store *s)
{
    ts_care_doubt_all(s);
}

/* Its calls are gone, nothing can be done: people have to know. */
static void tell_lost(struct ts_store *s, int64_t day)
{
    char what[100];
    (void)snprintf(what,
                   sizeof(what),
                   "figures of day %lld since 1970 cannot be read, and its calls are gone",
                   (long long)day);
    ts_state_damaged(&s->state, what);
}

enum ts_err ts_care_settle(struct ts_store *s, struct ts_error *err)
{
    struct ts_care *care = &s->care;
    int64_t days[TS_DOUBTS_MAX];
    int count = 0;
    bool all = false;
    {
        TS_GUARD(&care->lock);
        count = care->count;
        all = care->all;
        memcpy(days, care->days, sizeof(days));
        care->taken = count;
        care->all_taken = all;
    }
    enum ts_err e = TS_OK;
    if (all) {
        e = ts_rollup_doubt_all(s->writer.rollup, s->writer.conn, err);
        care->asked = ts_rollup_due(s->writer.rollup);
    }
    for (int i = 0; e == TS_OK && i < count; i++) {
        bool done = false;
        e = ts_rollup_doubt(s->writer.rollup, s->writer.conn, days[i], &done, err);
        if (e == TS_OK && !done)
            tell_lost(s, days[i]);
    }
    return e;
}

void ts_care_settled(struct ts_store *s)
{
    struct ts_care *care = &s->care;
    care->due = ts_rollup_due(s->writer.rollup);
    TS_GUARD(&care->lock);
    care->count -= care->taken;
    memmove(care->days, care->days + care->taken, (size_t)care->count * sizeof(*care->days));
    care->all = care->all && !care->all_taken;
    care->taken = 0;
    care->all_taken = false;
}

/* -- the comparison --------------------------------------------------------------------------- */

/* What can be counted in calls and in cells alike. */
struct counts {
    int64_t calls;
    int64_t cancelled;
    int64_t failures;
    int64_t up;
    int64_t down;
};

static void add_counts(struct counts *n, const struct ts_tally *t)
{
    n->calls += t->calls;
    n->cancelled += t->cancelled;
    n->failures += t->failures;
    n->up += t->up;
    n->down += t->down;
}

static enum ts_err count_calls(struct ts_conn *c,
                               int64_t day,
                               struct counts *out,
                               struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_DAY_COUNTS);
    ts_bind_i64(&s, ts_day_start(day));
    ts_bind_i64(&s, ts_day_start(day + 1));
    if (ts_step(&s) != TS_ROW)
        return ts_stmt_fail(&s, err, "counting a day's calls");
    *out = (struct counts){.calls = ts_col_i64(&s),
                           .cancelled = ts_col_i64(&s),
                           .failures = ts_col_i64(&s),
                           .up = ts_col_i64(&s),
                           .down = ts_col_i64(&s)};
    return TS_OK;
}

/* Of series, of families, of all. */
enum { KINDS = 3 };

static int kind_of(int64_t series)
{
    return series == TS_ALL_SERIES ? 2 : series > TS_FAMILY;
}

/* The ways to add up the cells of a day. @sound: false: one cannot be read, or its columns say
 * other than its body. */
static enum ts_err count_cells(struct ts_conn *c,
                               enum ts_resolution r,
                               int64_t day,
                               struct counts out[static KINDS],
                               bool *sound,
                               struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_CELLS_TO_CHECK);
    ts_bind_i64(&s, ts_cell_first(r, day * TS_DAY_MS));
    ts_bind_i64(&s, ts_cell_first(r, (day + 1) * TS_DAY_MS));
    struct ts_digest d = TS_DIGEST_INIT;
    enum ts_step step = TS_DONE;
    while (*sound && (step = ts_step(&s)) == TS_ROW) {
        int64_t cell_id = ts_col_i64(&s);
        struct ts_cursor body = ts_col_blob(&s);
        int64_t calls = ts_col_i64(&s);
        struct ts_digest_view view;
        *sound = ts_digest_view(body.at, ts_cursor_left(&body), ts_cell_start_ms(cell_id), &view) &&
                 ts_digest_merge_view(&d, &view) == TS_OK && view.tally.calls == calls;
        ts_digest_clear(&d);
        if (*sound)
            add_counts(&out[kind_of(ts_cell_series(cell_id))], &view.tally);
    }
    ts_digest_free(&d);
    return step == TS_FAILED ? ts_stmt_fail(&s, err, "reading a day's roll-ups") : TS_OK;
}

/* @sound: whether the cells of a day are what its calls say. */
static enum ts_err check_day(struct ts_conn *c, int64_t day, bool *sound, struct ts_error *err)
{
    struct counts calls = {.calls = 0};
    struct counts cells[2 * KINDS] = {{.calls = 0}};
    *sound = true;
    enum ts_err e = count_calls(c, day, &calls, err);
    if (e == TS_OK)
        e = count_cells(c, TS_BY_DAY, day, cells, sound, err);
    if (e == TS_OK)
        e = count_cells(c, TS_BY_HOUR, day, cells + KINDS, sound, err);
    for (size_t i = 0; i < TS_ARRAY_LEN(cells); i++)
        *sound = *sound && memcmp(&cells[i], &calls, sizeof(calls)) == 0;
    return e;
}

/* The newest day before @before whose cells have to be right; -1: none. */
static enum ts_err next_day(struct ts_conn *c, int64_t before, int64_t *out, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_DAY_TO_CHECK);
    ts_bind_i64(&s, before);
    ts_bind_i64(&s, ts_day_start(before));
    ts_bind_i64(&s, ts_cell_first(TS_BY_DAY, 0));
    ts_bind_i64(&s, ts_cell_first(TS_BY_DAY, before * TS_DAY_MS));
    if (ts_step(&s) != TS_ROW)
        return ts_stmt_fail(&s, err, "looking for a day to check");
    *out = ts_col_known(&s);
    return TS_OK;
}

static bool may_be_checked(struct ts_conn *c, int64_t day)
{
    TS_LEASE(s, c, TS_SQL_DAY_IS_WHOLE);
    ts_bind_i64(&s, day);
    ts_bind_i64(&s, ts_day_start(day));
    return ts_step(&s) == TS_ROW && ts_col_i64(&s) != 0;
}

static enum ts_err check_next(struct ts_store *s, struct ts_conn *c, struct ts_error *err)
{
    bool sound = true;
    int64_t day = -1;
    enum ts_err e = next_day(c, s->care.check_before_day, &day, err);
    s->care.check_before_day = day;
    if (e != TS_OK || day < 0)
        return e;
    if (may_be_checked(c, day))
        e = check_day(c, day, &sound, err);
    if (e == TS_OK && !sound) {
        s->care.faults++;
        ts_logf(TS_LOG_WARN,
                TS_LOG_FIELDS(TS_LOG_INT("day", day)),
                "roll-ups do not agree with the calls; they are made anew");
        ts_care_doubt(s, day);
    }
    return e;
}

static enum ts_err run(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    (void)q;
    int64_t start_us = ts_now_us();
    enum ts_err e = check_next(c->store, c->conn, err);
    c->store->care.check_took_us = ts_now_us() - start_us;
    return e;
}

static void done(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct ts_store *s = TS_CONTAINER(q, struct ts_store, care.check);
    struct ts_care *care = &s->care;
    if (q->result != TS_OK || care->check_before_day < 0)
        return;
    int64_t rest_us = REST_SHARE * care->check_took_us;
    care->check_due_us = ts_now_us() + (rest_us > REST_MIN_US ? rest_us : REST_MIN_US);
    ts_inbox_nudge(&s->inbox);
}

int64_t ts_care_wait_us(const struct ts_store *s)
{
    int64_t due_us = s->care.check_due_us;
    int64_t left_us = due_us - ts_now_us();
    return due_us == 0 ? -1 : left_us > 0 ? left_us : 0;
}

void ts_care_turn(struct ts_store *s)
{
    if (ts_care_wait_us(s) != 0)
        return;
    s->care.check_due_us = 0;
    ts_readers_put(&s->readers, &s->care.check);
}

void ts_care_start(struct ts_store *s)
{
    s->care.check_before_day = ts_day_of(INT64_MAX); /* of days, the last that ids reach */
    s->care.check = (struct ts_query){.post.fn = done, .run = run};
    ts_readers_put(&s->readers, &s->care.check);
}
