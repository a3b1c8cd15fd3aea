#include "server/sync_timer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/latch.h"
#include "base/log.h"

enum {
    FIRST_US = 2 * 1000 * 1000, /* after the start, which has better things to do */
    MINUTE_US = 60 * 1000 * 1000,
    LOOK_MS = 100,
    SAID_SIZE = 400,
    MAX_WORDS = 10,
};

struct ts_sync_timer {
    pthread_t thread;
    struct ts_latch stop;
    int64_t every_us;
    const char *words[MAX_WORDS]; /* of the command; borrowed */
};

/* -- one sync ---------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int fd;               /* of what it says */
    char said[SAID_SIZE]; /* its first line */
    size_t len;
};

static int start(const char *const *words, int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t pipes;
    (void)sigemptyset(&none);
    (void)sigemptyset(&pipes);
    (void)sigaddset(&pipes, SIGPIPE);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attributes);
    int rc = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    (void)posix_spawnattr_setsigmask(&attributes, &none); /* this thread's blocks SIGTERM */
    (void)posix_spawnattr_setsigdefault(&attributes, &pipes);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char *argv[MAX_WORDS + 1] = {NULL};
    for (int i = 0; i < MAX_WORDS && words[i] != NULL; i++)
        memcpy(&argv[i], &words[i], sizeof(argv[i])); /* it does not change them */
    if (rc == 0)
        rc = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

/* Keeps the first line, drops the rest. False: it says no more. */
static bool listen_to(struct child *c)
{
    char some[256];
    ssize_t n = read(c->fd, some, sizeof(some));
    for (ssize_t i = 0; i < n; i++) {
        bool over = c->len > 0 && c->said[c->len - 1] == '\n';
        if (!over && c->len < SAID_SIZE - 1)
            c->said[c->len++] = some[i];
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

static void wait_for(struct ts_sync_timer *t, struct child *c)
{
    bool told = false;
    for (bool more = true; more;) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (poll(&p, 1, LOOK_MS) > 0)
            more = listen_to(c);
        if (!told && ts_latch_wait_for(&t->stop, 0)) {
            told = true;
            (void)kill(c->pid, SIGTERM);
        }
    }
    c->said[strcspn(c->said, "\n")] = '\0';
}

static void run(struct ts_sync_timer *t)
{
    int ends[2];
    struct child c = {.pid = -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        ts_log(TS_LOG_WARN, "no sync: %s", strerrordesc_np(errno));
        return;
    }
    int rc = start(t->words, ends[1], &c.pid);
    (void)close(ends[1]);
    c.fd = ends[0];
    int status = 0;
    if (rc == 0) {
        wait_for(t, &c);
        while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    (void)close(c.fd);
    if (rc != 0)
        ts_log(TS_LOG_WARN, "no sync: %s", strerrordesc_np(rc));
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        ts_log(TS_LOG_INFO, "synced %s", c.said);
    else if (!ts_latch_wait_for(&t->stop, 0))
        ts_log(TS_LOG_WARN, "the sync failed: %s", c.said);
}

/* -- the thread -------------------------------------------------------------------------------- */

static void *keep_time(void *timer)
{
    struct ts_sync_timer *t = timer;
    for (int64_t wait_us = FIRST_US; !ts_latch_wait_for(&t->stop, wait_us); wait_us = t->every_us)
        run(t);
    return NULL;
}

static void make_words(struct ts_sync_timer *t, const struct ts_config *c, const char *db_path)
{
    const char *library = ts_config_text(c, TS_SETTING_DUCKDB_LIBRARY);
    const char *const words[MAX_WORDS] = {
        "touchstone",
        "sync",
        "--db",
        db_path,
        "--duckdb",
        ts_config_text(c, TS_SETTING_SYNC_DUCKDB),
        *library != '\0' ? "--library" : NULL,
        library,
    };
    memcpy(t->words, words, sizeof(words));
}

enum ts_err ts_sync_timer_start(const struct ts_config *c,
                                const char *db_path,
                                struct ts_sync_timer **out,
                                struct ts_error *err)
{
    int64_t minutes = ts_config_number(c, TS_SETTING_SYNC_MINUTES);
    *out = NULL;
    if (minutes == 0)
        return TS_OK;
    if (*ts_config_text(c, TS_SETTING_SYNC_DUCKDB) == '\0')
        return ts_fail_param(err,
                             TS_ERR_CONFIG,
                             "sync_minutes",
                             "TOUCHSTONE_SYNC_MINUTES needs a file: set TOUCHSTONE_SYNC_DUCKDB");
    struct ts_sync_timer *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    t->every_us = minutes * MINUTE_US;
    make_words(t, c, db_path);
    ts_latch_init(&t->stop);
    if (pthread_create(&t->thread, NULL, keep_time, t) == 0) {
        *out = t;
        return TS_OK;
    }
    ts_latch_deinit(&t->stop);
    free(t);
    return ts_fail(err, TS_ERR_IO, "cannot start a thread for syncs");
}

void ts_sync_timer_stop(struct ts_sync_timer *t)
{
    if (t == NULL)
        return;
    ts_latch_open(&t->stop);
    (void)pthread_join(t->thread, NULL);
    ts_latch_deinit(&t->stop);
    free(t);
}
