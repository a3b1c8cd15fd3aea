/*
 * kill -9 under load: what the store acknowledged is there, once, and the file is sound.
 *
 *     kill_store [ROUNDS]
 *
 * Each round a child opens the same database; several threads record calls and write the id of each
 * acknowledged one into a pipe before they go on. The parent kills the child at a random moment and
 * opens the store itself, as the next start would, so that the spool is drained; then every
 * acknowledged call has to be there, and statistics and rows have to agree. In every third round
 * another connection holds the write lock meanwhile, so that rows go through the spool.
 *
 * Prints a line of figures; exit 1 at the first round that lost or doubled something.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "db/store.h"

enum { THREADS = 4, ROUNDS = 25, HEAL_MS = 20000 };

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "kill_store: %s: %s\n", what, why);
    exit(1);
}

static unsigned random_below(unsigned n)
{
    unsigned v = 0;
    if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
        die("getrandom", "failed");
    return v % n;
}

static struct ts_store *open_store(const char *path)
{
    struct ts_store_options o = {.path = path, .readers = 1};
    struct ts_store *store = NULL;
    struct ts_error err = TS_ERROR_INIT;
    if (ts_store_open(&o, &store, &err) != TS_OK)
        die(path, err.text);
    return store;
}

/* -- the child: records and acknowledges ------------------------------------------------------ */

struct load {
    struct ts_store *store;
    struct ts_id_source *ids;
    int acks; /* the pipe */
};

struct one {
    struct ts_store_job job;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool settled;
};

static void on_settled(struct ts_post *p)
{
    struct one *o = TS_CONTAINER(p, struct one, job.post);
    (void)pthread_mutex_lock(&o->lock);
    o->settled = true;
    (void)pthread_cond_signal(&o->done);
    (void)pthread_mutex_unlock(&o->lock);
}

static enum ts_err record(struct ts_store *store, int64_t id)
{
    struct ts_call *c = ts_call_new();
    if (c == NULL)
        return TS_ERR_NOMEM;
    c->id = id;
    c->provider = "ollama";
    c->model = "llama3.2:3b";
    c->task_type = id % 3 == 0 ? "coding" : "general_chat";
    c->phases.total_us = 1000;
    struct ts_attempt *attempt = ts_call_add_attempt(c);
    if (attempt == NULL)
        die("child", "no memory");
    *attempt = (struct ts_attempt){
        .provider = "vllm", .model = "qwen", .cause = TS_ERR_UPSTREAM_UNREACHABLE};
    struct one o = {.job.post.fn = on_settled,
                    .lock = PTHREAD_MUTEX_INITIALIZER,
                    .done = PTHREAD_COND_INITIALIZER};
    ts_store_record(store, c, &o.job);
    (void)pthread_mutex_lock(&o.lock);
    while (!o.settled)
        (void)pthread_cond_wait(&o.done, &o.lock);
    (void)pthread_mutex_unlock(&o.lock);
    return o.job.result;
}

static void *load_main(void *load)
{
    const struct load *l = load;
    for (;;) {
        int64_t id = ts_id_next(l->ids, ts_wall_ms());
        if (record(l->store, id) == TS_OK && write(l->acks, &id, sizeof(id)) != sizeof(id))
            return NULL;
    }
}

static void child(const char *path, int acks)
{
    struct ts_id_source ids = {0};
    struct load load = {.store = open_store(path), .ids = &ids, .acks = acks};
    ts_id_raise(&ids, ts_store_newest_id(load.store));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, load_main, &load) != 0)
            _exit(1);
    }
    for (;;)
        (void)pause();
}

/* -- the parent: kills and counts ------------------------------------------------------------- */

struct acks {
    int64_t *ids;
    size_t count;
    size_t cap;
};

static void add_ack(struct acks *a, int64_t id)
{
    if (a->count == a->cap) {
        a->cap = a->cap == 0 ? 4096 : a->cap * 2;
        a->ids = realloc(a->ids, a->cap * sizeof(*a->ids));
        if (a->ids == NULL)
            die("acknowledged ids", "no memory");
    }
    a->ids[a->count++] = id;
}

static void read_acks(int fd, struct acks *a)
{
    int64_t id = 0;
    while (read(fd, &id, sizeof(id)) == sizeof(id))
        add_ack(a, id);
}

/* One run of the child, killed after a random time; its acknowledged ids are added. */
static void run_and_kill(const char *path, bool locked, struct acks *a)
{
    int ends[2];
    if (pipe(ends) != 0)
        die("pipe", "failed");
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(path, ends[1]);
    }
    (void)close(ends[1]);
    int64_t first = 0;
    if (read(ends[0], &first, sizeof(first)) != sizeof(first))
        die("child", "acknowledged nothing");
    add_ack(a, first);
    sqlite3 *other = NULL;
    if (locked && (sqlite3_open(path, &other) != SQLITE_OK ||
                   sqlite3_busy_timeout(other, 20000) != SQLITE_OK ||
                   sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK))
        die("locking", sqlite3_errmsg(other));
    (void)usleep((locked ? 1200 * 1000 : 0) + random_below(150 * 1000));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)sqlite3_close(other);
    read_acks(ends[0], a);
    (void)close(ends[0]);
}

static int64_t number(sqlite3 *db, const char *sql, int64_t parameter)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(db));
    (void)sqlite3_bind_int64(s, 1, parameter);
    if (sqlite3_step(s) != SQLITE_ROW)
        die(sql, sqlite3_errmsg(db));
    int64_t n = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return n;
}

static void check_ids(sqlite3 *db, const struct acks *a, size_t from)
{
    for (size_t i = from; i < a->count; i++) {
        if (number(db, "SELECT count(*) FROM call WHERE id = ?1", a->ids[i]) != 1)
            die("lost", "an acknowledged call is not there");
    }
}

static void check_file(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        die(path, sqlite3_errmsg(db));
    int64_t calls = number(db, "SELECT count(*) FROM call", 0);
    if (number(db, "SELECT count(*) FROM attempt", 0) != calls ||
        number(db, "SELECT sum(successes) FROM model_stats", 0) != calls)
        die("torn", "calls, attempts and statistics do not agree");
    if (number(db,
               "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
               0) != 0)
        die("integrity", "the file is damaged");
    (void)sqlite3_close(db);
}

/* The next start, until what was in the spool is in the file. Returns the rows that were there. */
static int64_t start_and_heal(const char *path)
{
    struct ts_store *store = open_store(path);
    int64_t spooled = ts_store_health(store).spooled_rows;
    for (int waits = 0; ts_store_health(store).spooled_rows > 0; waits++) {
        if (waits * 5 > HEAL_MS)
            die("spool", "was not drained");
        (void)usleep(5000);
    }
    ts_store_close(store);
    return spooled;
}

static void check_acks(const char *path, const struct acks *a, size_t from)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        die(path, sqlite3_errmsg(db));
    check_ids(db, a, from);
    (void)sqlite3_close(db);
}

static void remove_files(const char *folder, const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", ".spool"};
    for (size_t i = 0; i < TS_ARRAY_LEN(suffixes); i++) {
        char file[128];
        (void)snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    (void)rmdir(folder);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS;
    ts_log_init(TS_LOG_ERROR, TS_LOG_TEXT);
    char folder[] = "/tmp/ts-kill-XXXXXX";
    char path[64];
    if (mkdtemp(folder) == NULL)
        die(folder, "cannot be made");
    (void)snprintf(path, sizeof(path), "%s/t.db", folder);
    struct acks acks = {0};
    int64_t spooled = 0;
    for (long round = 0; round < rounds; round++) {
        size_t from = acks.count;
        run_and_kill(path, round % 3 == 2, &acks);
        spooled += start_and_heal(path);
        check_acks(path, &acks, from);
        check_file(path);
    }
    check_acks(path, &acks, 0);
    (void)printf("kill_store: %ld rounds, %zu calls acknowledged, %lld of them found in the spool, "
                 "0 lost, 0 doubled\n",
                 rounds,
                 acks.count,
                 (long long)spooled);
    free(acks.ids);
    remove_files(folder, path);
    return rounds > 0 && acks.count > 0 ? 0 : 1;
}
