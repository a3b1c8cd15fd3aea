/*
 * Inside the store: what its threads share. Only db/ includes this.
 *
 *   store.c    opens, closes, takes jobs         any thread
 *   backup.c   copies the database          the writer thread
 *   writer.c   the write connection              the writer thread
 *   sync.c     what copies elsewhere missed     the writer thread
 *   retention.c, labels.c, space.c, old_learner.c: what it does between batches
 *   spooler.c  appends to the spool              the spooler thread
 *   readers.c  the read connections              the reader threads
 *   health.c   what the others report
 *   care.c     doubts about roll-ups         any thread
 */
#ifndef TS_DB_PARTS_H
#define TS_DB_PARTS_H

#include <stdatomic.h>

#include "db/backup.h"
#include "db/care.h"
#include "db/clone_impl.h"
#include "db/conn.h"
#include "db/inbox.h"
#include "db/intern.h"
#include "db/labels.h"
#include "db/old_learner.h"
#include "db/retention.h"
#include "db/rollup.h"
#include "db/space.h"
#include "db/spool.h"

/* How long the writer waits for another process's lock; rows go to the spool long before. */
enum { TS_WRITER_PATIENCE_US = 5000 * 1000 };

/* Counters are atomic; the text has a leaf lock. */
struct ts_store_state {
    pthread_mutex_t lock;
    _Atomic bool writable;
    struct ts_store_watcher watcher; /* set at start */
    char why[200];
    char damage[200]; /* what a check of the file found */
    char room[160];   /* how little is left on the disk */
    _Atomic int64_t lost_rows;
    _Atomic int64_t lost_told_us;
    _Atomic int64_t committed_rows;
    _Atomic int64_t commits;
    _Atomic int64_t last_commit_us;
    _Atomic int64_t expired_rows;
};

void ts_state_init(struct ts_store_state *st);
void ts_state_good(struct ts_store_state *st);
/* Logs the change for the worse once. */
void ts_state_bad(struct ts_store_state *st, const char *why);
/* Rows had to be spooled, whatever the reason. */
void ts_state_late(struct ts_store_state *st);
void ts_state_damaged(struct ts_store_state *st, const char *what);
/* "": there is enough. */
void ts_state_room(struct ts_store_state *st, const char *why);
void ts_state_lost(struct ts_store_state *st, int64_t rows, const char *why);

struct ts_store_reader {
    struct ts_store *store;
    struct ts_store_reader *next; /* of the pool */
    pthread_t thread;
    bool started;
    struct ts_conn *conn;  /* NULL: closed */
    struct ts_conn *fresh; /* on its way to becoming conn; the opening thread's */
};

struct ts_readers {
    pthread_mutex_t lock;
    pthread_cond_t for_readers;
    pthread_cond_t for_writer; /* the last connection was closed */
    struct ts_query *first;
    struct ts_query **last;
    struct ts_store_reader *pool;
    int open;            /* connections */
    bool stopping;       /* threads end */
    bool closed;         /* no database at the moment: connections close, queries fail */
    _Atomic bool cancel; /* interrupts what runs */
};

struct ts_store_writer {
    pthread_t thread;
    bool started;
    struct ts_conn *conn; /* NULL: the database is not open */
    struct ts_intern *intern;
    struct ts_rollup *rollup;
    bool trouble; /* the last write failed: rows go to the spool until a probe succeeds */
    int64_t probe_us;
    int64_t drained;   /* offset in the spool up to which rows are in the database */
    int64_t sync_mark; /* what happens to calls up to this id is noted for copies; -1: none */
    struct ts_retention retention;
    struct ts_clone_retention clones;
};

struct ts_store {
    char *path;
    char *spool_path;
    enum ts_durability durability;
    int lock_fd; /* -1: not ours yet */
    bool left_open;
    _Atomic bool stopping; /* nobody waits for locks any more */

    _Atomic uint64_t tag;
    _Atomic int64_t newest_id;
    struct ts_spool *_Atomic spool; /* NULL until it can be opened; set by the writer's side */

    struct ts_store_state state;
    struct ts_inbox inbox;
    struct ts_store_writer writer;
    struct ts_backup backup;
    struct ts_space space;             /* the writer's */
    struct ts_old_learner old_learner; /* likewise */
    struct ts_sweep sweep;             /* likewise */
    struct ts_readers readers;
    struct ts_query check; /* of a file that was left open */
    struct ts_care care;
    pthread_t spooler;
    bool spooler_started;
};

/* -- store.c ---------------------------------------------------------------------------------- */

/* Locks, opens, migrates, prepares; sets writer.conn. Thread: opening, then the writer's. */
TS_NODISCARD enum ts_err ts_store_attach(struct ts_store *s, struct ts_error *err);

/* -- changes.c: what the writer does for a change's job --------------------------------------- */

/* Each fills in the job's result, which is settled after the commit. Returns what the transaction
 * has to be rolled back for. Thread: the writer's. */
enum ts_err ts_change_rate(struct ts_store *s, struct ts_store_job *job, struct ts_error *err);
enum ts_err ts_change_compare(struct ts_store *s, struct ts_store_job *job, struct ts_error *err);
enum ts_err ts_change_vote(struct ts_store *s, struct ts_store_job *job, struct ts_error *err);

/* -- sync.c: changes for copies elsewhere (db/sync.h) ------------------------------------------ */

/* A call was inserted: notes it where a copy would not find it by its id. In the transaction. */
TS_NODISCARD enum ts_err ts_sync_note(struct ts_store *s, int64_t call_id, struct ts_error *err);

TS_NODISCARD enum ts_err ts_sync_read_mark(struct ts_conn *c, int64_t *mark, struct ts_error *err);

/* Forgets copies that were left behind, and what was noted for them. In a transaction. */
TS_NODISCARD enum ts_err ts_sync_tidy(struct ts_store *s, struct ts_error *err);

enum ts_err ts_sync_apply_begin(struct ts_store *s, struct ts_store_job *job, struct ts_error *err);
enum ts_err ts_sync_apply_done(struct ts_store *s, struct ts_store_job *job, struct ts_error *err);

/* While rows wait in the spool, "not there" may only mean "not there yet". */
bool ts_rows_are_spooled(struct ts_store *s);

/* -- the threads ------------------------------------------------------------------------------ */

void *ts_writer_main(void *store);
void *ts_spooler_main(void *store);

TS_NODISCARD enum ts_err ts_readers_init(struct ts_readers *r,
                                         struct ts_store *s,
                                         int count,
                                         struct ts_error *err);
TS_NODISCARD enum ts_err ts_readers_start(struct ts_readers *r, struct ts_error *err);
void ts_readers_stop(struct ts_readers *r);
void ts_readers_put(struct ts_readers *r, struct ts_query *q);

/* Opens every connection now: a statement that does not fit the schema is found here. */
TS_NODISCARD enum ts_err ts_readers_open(struct ts_readers *r, struct ts_error *err);

/* Interrupts what runs and waits until every connection is closed. Thread: the writer's. */
void ts_readers_shut(struct ts_readers *r);

/* Whether what is stored is sound; runs on a reader after an unclean stop. health.c */
enum ts_err ts_check_run(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err);
void ts_check_done(struct ts_post *post);

/* A reader's connection, as db/query.h names it. */
struct ts_reader_conn {
    struct ts_conn *conn;
    struct ts_store *store; /* NULL: of nobody's store */
};

#endif
