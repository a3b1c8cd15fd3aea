/*
 * The store: one SQLite file, one writer thread, a pool of reader threads, a spool for bad times.
 *
 * Only the writer thread writes and checkpoints. It takes whatever has queued up, writes it in one
 * transaction and tells everybody whose row is in it. Readers are query-only connections, each on a
 * thread of its own. If the database is locked, full, read-only or gone, rows go to a bounded file
 * beside it (the spool, on a thread of its own) and are written later; the caller is told which.
 *
 * Thread: any, unless said otherwise; no function here blocks on the disk except open and close.
 */
#ifndef TS_DB_STORE_H
#define TS_DB_STORE_H

#include <jansson.h>

#include "base/call.h"
#include "base/id.h"
#include "base/latch.h"
#include "base/poller.h"

struct ts_store;

enum ts_durability { TS_DURABILITY_FULL, TS_DURABILITY_NORMAL };

struct ts_store_options {
    const char *path;
    enum ts_durability durability;
    int readers;
    bool required; /* fail where the file cannot be opened, instead of starting degraded */
    const char *learner_json; /* an older learner's file, imported once if it is there; or NULL */
    bool learner_json_named;  /* somebody expects it: say so if it is not */
    int64_t retention_days;   /* calls older than that are deleted; 0: none */
    int64_t clone_retention_days; /* clone attempts likewise */
};

/**
 * ts_store_open() - lock, open, migrate, start the threads
 *
 * A missing file is created, with its folder, mode 0600. A file that cannot be opened, locked or
 * created leaves a degraded store (unless @required) that keeps trying; rows wait in the spool.
 * Errors: FOREIGN_FILE (not ours, or written by a newer version: never touched), IN_USE (another
 * process holds it), IO, NOMEM; the text names the path and the remedy.
 */
TS_NODISCARD enum ts_err ts_store_open(const struct ts_store_options *o,
                                       struct ts_store **out,
                                       struct ts_error *err);

/* Commits what is queued (within a few seconds), checkpoints, joins the threads. */
void ts_store_close(struct ts_store *s);
TS_DEFINE_AUTO(ts_store_auto, struct ts_store, ts_store_close)

/* The newest id in the file and the spool, for ts_id_raise(); and the tag of public ids. */
int64_t ts_store_newest_id(const struct ts_store *s);
uint64_t ts_store_tag(const struct ts_store *s);

/* SQLite's version, "3.40.1". Thread: any. */
const char *ts_store_sqlite_version(void);

/* -- writing ---------------------------------------------------------------------------------- */

/*
 * A job for the writer: embed it, set fn and home, hand it over. When it is settled, `post.fn` runs
 * on `home`'s thread (or, with home NULL, on a thread of the store). A thread that may block sets
 * `latch` instead of both: it is opened when the job is settled.
 */
struct ts_store_job {
    struct ts_post post;
    struct ts_poller *home;
    struct ts_latch *latch;
    enum ts_err result;    /* TS_OK: committed. STORAGE_UNAVAILABLE, NOT_FOUND, ... */
    struct ts_error error; /* the text to that */
    bool spooled;          /* TS_OK by way of the spool */
    /* The store's own: what the writer does for a change, or for work in its own transaction. */
    enum ts_err (*apply)(struct ts_store *s, struct ts_store_job *job, struct ts_error *err);
};

/* Takes the call. Live rows go before everything else. Result: TS_OK, or STORAGE_UNAVAILABLE when
 * the row is lost (spool full or broken; counted). */
void ts_store_record(struct ts_store *s, struct ts_call *call, struct ts_store_job *job);

/*
 * Calls made elsewhere: all or nothing. Takes the calls, not the array. Counts land in the job.
 *
 * A reported call brings its moment, not its place in the sequence: its id is ts_id_from_ms() of
 * that moment, and the writer takes the first free id at or above it within the millisecond (the
 * next millisecond when that one is full). What was reported before under the same external_id,
 * also earlier in the same import, is a duplicate, whatever its moment. With id_is_own the id is
 * final: a row that has it is a duplicate, otherwise it is inserted under exactly that id.
 */
struct ts_store_import {
    struct ts_store_job job;
    struct ts_call **calls;
    int count;
    const char *source; /* NULL, or what is imported piece by piece: see ts_query_import_mark() */
    int64_t source_row; /* the pieces up to this one hold so many rows; TS_UNKNOWN: all of them */
    int accepted;
    int duplicates;
};
void ts_store_import(struct ts_store *s, struct ts_store_import *import);

/* A rating. By id, by message, or by conversation (its newest finished call). Results: TS_OK,
 * NOT_FOUND, CONVERSATION_NOT_FOUND, STORAGE_UNAVAILABLE (also: the row still waits in the spool).
 */
struct ts_store_rating {
    struct ts_store_job job;
    int64_t id; /* 0: not by id; filled in when found */
    const char *message_id;
    const char *conversation_id;
    int rating;          /* -1, 0, 1 */
    const char *comment; /* or NULL */
    int previous;        /* out */
};
void ts_store_rate(struct ts_store *s, struct ts_store_rating *rating);

/*
 * Deletes old calls now, without waiting for the next round. Results: TS_OK (all are gone, or it
 * was called off), STORAGE_UNAVAILABLE.
 */
struct ts_store_cleanup {
    struct ts_store_job job;
    int64_t keep_days;       /* in; 0: as the store was opened with */
    int64_t before_ms;       /* out: what was older is gone; TS_UNKNOWN: everything is kept */
    _Atomic int64_t deleted; /* out, and on the way there: calls */
    _Atomic bool stop;       /* in: call it off */
};
void ts_store_cleanup(struct ts_store *s, struct ts_store_cleanup *cleanup);

/*
 * A copy of the whole database, made by the writer between its batches; of the moment when it ends.
 * Results: TS_OK (then it is complete, and neither synced nor checked), IO, OVERLOADED (another one
 * is being made), DRAINING (broken off), STORAGE_UNAVAILABLE, NOMEM.
 */
struct ts_store_backup {
    struct ts_store_job job;
    const char *to;        /* in: an empty file that is there */
    _Atomic bool stop;     /* in: break it off */
    _Atomic int64_t done;  /* out, and on the way there: pages */
    _Atomic int64_t total; /* TS_UNKNOWN until it has begun */
};
void ts_store_backup(struct ts_store *s, struct ts_store_backup *b);

/* Opens a copy, goes through all of it and leaves it as one file without a log. Errors: IO (it is
 * damaged), those of opening. Thread: any that may block. */
TS_NODISCARD enum ts_err ts_backup_check(const char *path, struct ts_error *err);

/* Makes the roll-ups anew of every day whose calls are all there; goes on behind all other work,
 * across restarts too. ts_store_health() tells how far it is. */
void ts_store_rebuild_rollups(struct ts_store *s);

/* -- reading ---------------------------------------------------------------------------------- */

struct ts_reader_conn; /* one reader's connection: db/query.h */

/* A query: run() is called on a reader thread with a connection inside one read transaction; then
 * post.fn on home, or the latch opens. @result: what run() returned, or STORAGE_UNAVAILABLE without
 * calling it. */
struct ts_query {
    struct ts_post post;
    struct ts_poller *home;
    struct ts_latch *latch;
    enum ts_err (*run)(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err);
    enum ts_err result;
    struct ts_error error;
    struct ts_query *next;
};
void ts_store_query(struct ts_store *s, struct ts_query *q);

/* -- state ------------------------------------------------------------------------------------ */

struct ts_store_health {
    bool writable;        /* the last commit went well, or none was tried yet */
    bool damaged;         /* a check found something that cannot be mended here */
    bool low_space;       /* the disk is nearly full */
    char why[200];        /* what is wrong, for people */
    int64_t spooled_rows; /* waiting in the spool */
    int64_t spooled_bytes;
    int64_t lost_rows;      /* since start */
    int64_t queued;         /* waiting for the writer */
    int64_t committed_rows; /* since start */
    int64_t commits;
    int64_t last_commit_us; /* how long it took */
    int64_t expired_rows;   /* deleted for their age, since start */
    int rollups_due;        /* days whose roll-ups are still to be made; until then they are read
                               from their calls */
    int rollups_asked;      /* days that were to be made anew when all were asked for last */
};
struct ts_store_health ts_store_health(struct ts_store *s);

/* Who is told, over no lock, when the database stops to take rows and when it does again, with the
 * reason; on a thread of the store's. Thread of ts_store_watch(): startup only. */
struct ts_store_watcher {
    void (*changed)(void *ctx, bool writable, const char *why);
    void *ctx;
};
void ts_store_watch(struct ts_store *s, struct ts_store_watcher watcher);

#endif
