#include "db/labels.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/parts.h"
#include "db/transact.h"

enum {
    FIRST_LOOK_US = 20 * 1000 * 1000,
    LOOK_EVERY_US = 1800 * 1000 * 1000,
    AGAIN_US = 60 * 1000 * 1000,
    STEP_WORK_US = 1500,
    OTHERS_SHARE = 4, /* of the time, for each part of ours */
    LOOK_UP_LABELS = 8,
    PIECE_CALLS = 20000,
};

void ts_sweep_init(struct ts_sweep *w)
{
    *w = (struct ts_sweep){.due_us = ts_now_us() + FIRST_LOOK_US};
}

void ts_sweep_deinit(struct ts_sweep *w)
{
    free(w->used);
    free(w->given);
}

static void mark(struct ts_sweep *w, int64_t label)
{
    if (label > 0 && label <= w->count)
        w->used[label / 8] |= (uint8_t)(1U << (label % 8));
}

static bool is_marked(const struct ts_sweep *w, int64_t label)
{
    return ((w->used[label / 8] | w->given[label / 8]) >> (label % 8) & 1) != 0;
}

/* -- on a reader's thread --------------------------------------------------------------------- */

static enum ts_err mark_rows(
    struct ts_sweep *w, struct ts_stmt *q, int columns, int64_t *last, struct ts_error *err)
{
    int rows = 0;
    for (;; rows++) {
        switch (ts_step(q)) {
        case TS_ROW:
            break;
        case TS_DONE:
            w->more = rows == PIECE_CALLS;
            return TS_OK;
        case TS_FAILED:
            return ts_stmt_fail(q, err, "reading which names are used");
        }
        *last = ts_col_i64(q);
        for (int i = 0; i < columns; i++)
            mark(w, ts_col_known(q));
    }
}

/* The attempts of a piece's calls are read first: their number says nothing about more. */
static enum ts_err read_piece(struct ts_query *query,
                              struct ts_reader_conn *c,
                              struct ts_error *err)
{
    struct ts_sweep *w = TS_CONTAINER(query, struct ts_sweep, query);
    int64_t start_us = ts_now_us();
    int64_t last = w->at;
    int64_t ignored = 0;
    TS_LEASE(calls, c->conn, TS_SQL_CALL_LABELS);
    ts_bind_i64(&calls, w->at);
    ts_bind_i64(&calls, PIECE_CALLS);
    enum ts_err e = mark_rows(w, &calls, 9, &last, err);
    bool more = w->more;
    if (e == TS_OK) {
        TS_LEASE(attempts, c->conn, TS_SQL_ATTEMPT_LABELS);
        ts_bind_i64(&attempts, w->at);
        ts_bind_i64(&attempts, last);
        e = mark_rows(w, &attempts, 3, &ignored, err);
    }
    w->more = more;
    w->at = last;
    w->took_us = ts_now_us() - start_us;
    return e;
}

static void is_read(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct ts_sweep *w = TS_CONTAINER(q, struct ts_sweep, query);
    struct ts_store *s = TS_CONTAINER(w, struct ts_store, sweep);
    w->is_read = true;
    ts_inbox_nudge(&s->inbox);
}

static void read_next(struct ts_store *s)
{
    struct ts_sweep *w = &s->sweep;
    w->due_us = 0;
    w->is_read = false;
    w->query = (struct ts_query){.post.fn = is_read, .run = read_piece};
    ts_readers_put(&s->readers, &w->query);
}

/* -- the writer's ----------------------------------------------------------------------------- */

static void end_sweep(struct ts_store *s, int64_t again_us)
{
    struct ts_sweep *w = &s->sweep;
    ts_intern_watch(s->writer.intern, NULL, 0);
    ts_sweep_deinit(w);
    *w = (struct ts_sweep){.due_us = ts_now_us() + again_us};
}

/* Why a sweep is due and how many labels there are; false: none is. */
static bool is_wanted(struct ts_store *s)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_LABELS_DUE);
    if (ts_step(&q) != TS_ROW)
        return false;
    s->sweep.reason = ts_col_i64(&q);
    s->sweep.count = ts_col_i64(&q);
    return s->sweep.count > 0;
}

/* No transaction is open, so every label handed out so far is in a row, or in none. */
static void begin_sweep(struct ts_store *s)
{
    struct ts_sweep *w = &s->sweep;
    w->due_us = ts_now_us() + LOOK_EVERY_US;
    if (!is_wanted(s))
        return;
    w->used = calloc(1, (size_t)w->count / 8 + 1);
    w->given = calloc(1, (size_t)w->count / 8 + 1);
    if (w->used == NULL || w->given == NULL) {
        end_sweep(s, AGAIN_US);
        return;
    }
    ts_intern_watch(s->writer.intern, w->given, w->count);
    w->phase = TS_SWEEP_READING;
    w->at = 0;
    read_next(s);
}

static void take_piece(struct ts_store *s)
{
    struct ts_sweep *w = &s->sweep;
    if (w->query.result != TS_OK) {
        end_sweep(s, AGAIN_US);
        return;
    }
    if (w->more) {
        w->is_read = false;
        w->due_us = ts_now_us() + OTHERS_SHARE * w->took_us;
        return;
    }
    w->phase = TS_SWEEP_DELETING;
    w->at = 0;
    w->due_us = ts_now_us();
}

static enum ts_err delete_label(struct ts_conn *c, int64_t label, struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_LABEL_DELETE);
    ts_bind_i64(&q, label);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "deleting an unused name");
}

static enum ts_err delete_some(struct ts_store *s, struct ts_error *err)
{
    struct ts_sweep *w = &s->sweep;
    int64_t start_us = ts_now_us();
    enum ts_err e = TS_OK;
    for (int done = 0; e == TS_OK && w->at < w->count;) {
        if (is_marked(w, ++w->at))
            continue;
        e = delete_label(s->writer.conn, w->at, err);
        done++;
        if (done % LOOK_UP_LABELS == 0 &&
            (ts_now_us() - start_us >= STEP_WORK_US || ts_inbox_waiting(&s->inbox) > 0))
            break;
    }
    ts_intern_drop(s->writer.intern); /* it may hold a name that is gone */
    return e;
}

static enum ts_err forget_reason(struct ts_store *s, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_LABELS_DUE_FORGET);
    ts_bind_i64(&q, s->sweep.reason);
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "ending a sweep of names");
}

static void delete_step(struct ts_store *s)
{
    struct ts_sweep *w = &s->sweep;
    struct ts_error err = TS_ERROR_INIT;
    int64_t start_us = ts_now_us();
    enum ts_err e = ts_tx_begin(s, &err);
    if (e == TS_OK)
        e = delete_some(s, &err);
    bool over = w->at == w->count;
    if (e == TS_OK && over)
        e = forget_reason(s, &err);
    if (ts_tx_end(s, e, &err) != TS_OK) {
        end_sweep(s, AGAIN_US);
        ts_tx_trouble(s, &err);
        return;
    }
    if (over)
        end_sweep(s, LOOK_EVERY_US);
    else
        w->due_us = ts_now_us() + OTHERS_SHARE * (ts_now_us() - start_us);
}

void ts_sweep_turn(struct ts_store *s)
{
    struct ts_sweep *w = &s->sweep;
    switch (w->phase) {
    case TS_SWEEP_IDLE:
        if (ts_sweep_wait_us(s) == 0)
            begin_sweep(s);
        return;
    case TS_SWEEP_READING:
        if (w->is_read)
            take_piece(s);
        else if (ts_sweep_wait_us(s) == 0)
            read_next(s);
        return;
    case TS_SWEEP_DELETING:
        if (ts_sweep_wait_us(s) == 0)
            delete_step(s);
        return;
    }
}

int64_t ts_sweep_wait_us(const struct ts_store *s)
{
    const struct ts_sweep *w = &s->sweep;
    if (w->due_us == 0)
        return -1;
    int64_t left = w->due_us - ts_now_us();
    return left > 0 ? left : 0;
}

enum ts_err ts_sweep_note(struct ts_store *s, struct ts_error *err)
{
    TS_LEASE(q, s->writer.conn, TS_SQL_LABELS_DUE_PUT);
    ts_bind_i64(&q, ts_wall_ms());
    return ts_step(&q) == TS_DONE ? TS_OK : ts_stmt_fail(&q, err, "noting a sweep of names");
}

void ts_sweep_hurry(struct ts_store *s)
{
    if (s->sweep.phase == TS_SWEEP_IDLE)
        s->sweep.due_us = ts_now_us();
}
