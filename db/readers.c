/*
 * The readers: a pool of threads, each with a connection that only reads.
 *
 * A query runs inside one read transaction with a deadline. Connections are closed before the
 * writer closes or reopens its own; until they are open again, queries fail at once.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "db/parts.h"

enum { QUERY_DEADLINE_US = 10 * 1000 * 1000 };

/* -- connections ------------------------------------------------------------------------------ */

/* Into r->fresh: it becomes r->conn under the lock, which is not held over the disk. The first one
 * prepares all that a reader may ask, so that what cannot be asked is known at the start; the
 * others what they are asked, since each set of statements takes half a megabyte. */
static enum ts_err open_reader(struct ts_store_reader *r, struct ts_error *err)
{
    TS_AUTO(ts_conn_auto) struct ts_conn *c = NULL;
    enum ts_err e = ts_conn_open(r->store->path, TS_SQL_READER, &c, err);
    if (e == TS_OK && r == r->store->readers.pool)
        e = ts_conn_prepare(c, TS_SQL_READER, err);
    if (e != TS_OK)
        return e;
    c->cancel = &r->store->readers.cancel;
    r->fresh = TS_TAKE(c);
    return TS_OK;
}

static void close_reader(struct ts_store_reader *r)
{
    if (r->conn == NULL)
        return;
    ts_conn_close(TS_TAKE(r->conn));
    struct ts_readers *pool = &r->store->readers;
    TS_GUARD(&pool->lock);
    pool->open--;
    (void)pthread_cond_signal(&pool->for_writer);
}

enum ts_err ts_readers_open(struct ts_readers *r, struct ts_error *err)
{
    enum ts_err e = TS_OK;
    for (struct ts_store_reader *reader = r->pool; e == TS_OK && reader != NULL;
         reader = reader->next)
        e = open_reader(reader, err);
    if (e != TS_OK) {
        for (struct ts_store_reader *reader = r->pool; reader != NULL; reader = reader->next)
            ts_conn_close(TS_TAKE(reader->fresh));
        return e;
    }
    TS_GUARD(&r->lock);
    assert(r->closed && r->open == 0);
    for (struct ts_store_reader *reader = r->pool; reader != NULL; reader = reader->next, r->open++)
        reader->conn = TS_TAKE(reader->fresh);
    r->cancel = false;
    r->closed = false;
    return TS_OK;
}

void ts_readers_shut(struct ts_readers *r)
{
    TS_GUARD(&r->lock);
    r->closed = true;
    r->cancel = true;
    (void)pthread_cond_broadcast(&r->for_readers);
    while (r->open > 0)
        (void)pthread_cond_wait(&r->for_writer, &r->lock);
}

/* -- queries ---------------------------------------------------------------------------------- */

static void settle(struct ts_query *q)
{
    if (q->latch != NULL)
        ts_latch_open(q->latch);
    else if (q->home != NULL)
        ts_poller_post(q->home, &q->post);
    else
        q->post.fn(&q->post);
}

static void refuse(struct ts_query *q)
{
    q->result =
        ts_fail(&q->error, TS_ERR_STORAGE_UNAVAILABLE, "the database is not open at the moment");
    settle(q);
}

static void run(struct ts_store_reader *r, struct ts_query *q)
{
    assert(r->conn != NULL);
    struct ts_reader_conn conn = {.conn = r->conn, .store = r->store};
    r->conn->deadline_us = ts_now_us() + QUERY_DEADLINE_US;
    q->result = ts_conn_run(r->conn, TS_SQL_READ_BEGIN, &q->error);
    if (q->result == TS_OK)
        q->result = q->run(q, &conn, &q->error);
    r->conn->deadline_us = 0;
    ts_conn_end(r->conn, TS_SQL_READ_END);
    settle(q);
}

/*
 * What a reader does next, decided under the lock. Only while the pool is open does a thread touch
 * its connection, or to close it; only while none is open are new ones made.
 */
struct turn {
    struct ts_query *query; /* NULL: none */
    bool may_read;
    bool must_close;
    bool ends;
};

static struct turn next_turn(struct ts_store_reader *r)
{
    struct ts_readers *pool = &r->store->readers;
    TS_GUARD(&pool->lock);
    while (pool->first == NULL && !pool->stopping && !(pool->closed && r->conn != NULL))
        (void)pthread_cond_wait(&pool->for_readers, &pool->lock);
    struct turn t = {
        .query = pool->first,
        .may_read = !pool->closed && !pool->stopping,
        .must_close = (pool->closed || pool->stopping) && r->conn != NULL,
        .ends = pool->first == NULL && pool->stopping,
    };
    if (pool->first != NULL) {
        pool->first = pool->first->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
    }
    return t;
}

static void *reader_main(void *reader)
{
    struct ts_store_reader *r = reader;
    for (struct turn t = next_turn(r);; t = next_turn(r)) {
        if (t.must_close)
            close_reader(r);
        if (t.query != NULL && t.may_read)
            run(r, t.query);
        else if (t.query != NULL)
            refuse(t.query);
        if (t.ends)
            return NULL;
    }
}

void ts_readers_put(struct ts_readers *r, struct ts_query *q)
{
    TS_GUARD(&r->lock);
    q->next = NULL;
    *r->last = q;
    r->last = &q->next;
    (void)pthread_cond_signal(&r->for_readers);
}

/* -- the pool --------------------------------------------------------------------------------- */

enum ts_err ts_readers_init(struct ts_readers *r,
                            struct ts_store *s,
                            int count,
                            struct ts_error *err)
{
    *r = (struct ts_readers){.closed = true};
    r->last = &r->first;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->for_readers, NULL);
    (void)pthread_cond_init(&r->for_writer, NULL);
    for (int i = 0; i < count; i++) {
        struct ts_store_reader *reader = calloc(1, sizeof(*reader));
        if (reader == NULL)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for %d readers", count);
        reader->store = s;
        reader->next = r->pool;
        r->pool = reader;
    }
    return TS_OK;
}

enum ts_err ts_readers_start(struct ts_readers *r, struct ts_error *err)
{
    for (struct ts_store_reader *reader = r->pool; reader != NULL; reader = reader->next) {
        if (pthread_create(&reader->thread, NULL, reader_main, reader) != 0)
            return ts_fail(err, TS_ERR_IO, "cannot start a reader thread");
        reader->started = true;
    }
    return TS_OK;
}

void ts_readers_stop(struct ts_readers *r)
{
    {
        TS_GUARD(&r->lock);
        r->stopping = true;
        r->cancel = true;
        (void)pthread_cond_broadcast(&r->for_readers);
    }
    while (r->pool != NULL) {
        struct ts_store_reader *reader = r->pool;
        r->pool = reader->next;
        if (reader->started)
            (void)pthread_join(reader->thread, NULL);
        ts_conn_close(reader->conn);
        free(reader);
    }
    (void)pthread_cond_destroy(&r->for_readers);
    (void)pthread_cond_destroy(&r->for_writer);
    (void)pthread_mutex_destroy(&r->lock);
}
