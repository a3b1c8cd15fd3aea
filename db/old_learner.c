#include "db/old_learner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/parts.h"
#include "db/transact.h"

enum { LOOK_EVERY_US = 1800 * 1000 * 1000, AGAIN_US = 5 * 1000 * 1000 };
static const int64_t keep_name_ms = INT64_C(7) * 86400 * 1000;

enum ts_err ts_old_learner_init(struct ts_old_learner *o,
                                const char *path,
                                bool named,
                                struct ts_error *err)
{
    *o = (struct ts_old_learner){.named = named, .due_us = ts_now_us()};
    if (path == NULL || *path == '\0')
        return TS_OK;
    o->path = strdup(path);
    return o->path != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the store");
}

void ts_old_learner_deinit(struct ts_old_learner *o)
{
    ts_baseline_free(o->read);
    free(o->path);
}

/* -- on a reader's thread --------------------------------------------------------------------- */

static enum ts_err read_file(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    (void)c;
    struct ts_old_learner *o = TS_CONTAINER(q, struct ts_old_learner, query);
    return ts_baseline_read(o->path, &o->read, err);
}

static void is_read(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct ts_old_learner *o = TS_CONTAINER(q, struct ts_old_learner, query);
    struct ts_store *s = TS_CONTAINER(o, struct ts_store, old_learner);
    o->is_read = true;
    ts_inbox_nudge(&s->inbox);
}

/* -- the writer's ----------------------------------------------------------------------------- */

/* The same trouble is said once, not every hour. */
static void tell(struct ts_old_learner *o, const char *what)
{
    if (strcmp(o->told, what) == 0)
        return;
    (void)snprintf(o->told, sizeof(o->told), "%s", what);
    ts_logf(TS_LOG_WARN,
            TS_LOG_FIELDS(TS_LOG_STR("why", what)),
            "the older learner's file is not imported");
}

static bool make_aside(const char *path, char out[static PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s.migrated", path);
    return n > 0 && n < PATH_MAX;
}

static bool was_put_aside(const char *path)
{
    char aside[PATH_MAX];
    return make_aside(path, aside) && access(aside, F_OK) == 0;
}

/* Never over another file of that name. */
static void put_aside(struct ts_old_learner *o, const char *path)
{
    char aside[PATH_MAX];
    if (!make_aside(path, aside))
        return;
    if (renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) == 0) {
        ts_logf(TS_LOG_INFO,
                TS_LOG_FIELDS(TS_LOG_STR("file", aside)),
                "the older learner's file was imported a week ago; it has a new name now");
        return;
    }
    char what[TS_ERROR_TEXT_SIZE];
    (void)snprintf(what,
                   sizeof(what),
                   "%.300s was imported a week ago and cannot be renamed to *.migrated (%s)",
                   path,
                   strerrordesc_np(errno));
    if (strcmp(o->told, what) == 0)
        return;
    (void)snprintf(o->told, sizeof(o->told), "%s", what);
    ts_log(TS_LOG_WARN, "%s", what);
}

static void say_imported(const struct ts_baseline *b, enum ts_baseline_change change)
{
    const struct ts_log_field *fields =
        TS_LOG_FIELDS(TS_LOG_STR("file", b->path), TS_LOG_INT("entries", b->count));
    switch (change) {
    case TS_BASELINE_KNOWN:
        return;
    case TS_BASELINE_NEW:
        ts_logf(TS_LOG_INFO, fields, "the older learner's figures are imported");
        return;
    case TS_BASELINE_REPLACED:
        ts_logf(TS_LOG_INFO,
                fields,
                "the older learner's file has changed; its figures take the place of the former");
        return;
    }
}

static void import(struct ts_store *s, const struct ts_baseline *b)
{
    enum ts_baseline_change change = TS_BASELINE_KNOWN;
    int64_t imported_ms = 0;
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err e = ts_tx_begin(s, &err);
    if (e == TS_OK)
        e = ts_baseline_apply(s->writer.conn, b, &change, &imported_ms, &err);
    e = ts_tx_end(s, e, &err);
    if (e != TS_OK && !ts_tx_is_rows_fault(e)) {
        s->old_learner.due_us = ts_now_us() + AGAIN_US;
        ts_tx_trouble(s, &err);
    } else if (e != TS_OK) {
        tell(&s->old_learner, err.text);
    } else {
        s->old_learner.told[0] = '\0';
        say_imported(b, change);
        if (ts_wall_ms() - imported_ms >= keep_name_ms)
            put_aside(&s->old_learner, b->path);
    }
}

static void take_result(struct ts_store *s)
{
    struct ts_old_learner *o = &s->old_learner;
    TS_AUTO(ts_baseline_auto) struct ts_baseline *b = TS_TAKE(o->read);
    o->is_read = false;
    o->phase = TS_OLD_LEARNER_IDLE;
    o->due_us = ts_now_us() + LOOK_EVERY_US;
    if (b != NULL)
        import(s, b);
    else if (o->query.result == TS_ERR_STORAGE_UNAVAILABLE || o->query.result == TS_ERR_NOMEM)
        o->due_us = ts_now_us() + AGAIN_US;
    else if (o->query.result != TS_ERR_NOT_FOUND || (o->named && !was_put_aside(o->path)))
        tell(o, o->query.error.text);
}

void ts_old_learner_turn(struct ts_store *s)
{
    struct ts_old_learner *o = &s->old_learner;
    if (o->phase == TS_OLD_LEARNER_READING) {
        if (o->is_read)
            take_result(s);
        return;
    }
    if (ts_old_learner_wait_us(s) != 0)
        return;
    o->phase = TS_OLD_LEARNER_READING;
    o->query = (struct ts_query){.post.fn = is_read, .run = read_file};
    ts_readers_put(&s->readers, &o->query);
}

int64_t ts_old_learner_wait_us(const struct ts_store *s)
{
    const struct ts_old_learner *o = &s->old_learner;
    if (o->path == NULL || o->phase == TS_OLD_LEARNER_READING)
        return -1;
    int64_t left = o->due_us - ts_now_us();
    return left > 0 ? left : 0;
}
