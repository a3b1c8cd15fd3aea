/* For tests of the store: a folder of its own, jobs that are waited for, and a look into the file
 * with a plain SQLite connection, as a person's shell would have. */
#ifndef TS_TESTS_UNIT_STOREKIT_H
#define TS_TESTS_UNIT_STOREKIT_H

#include <pthread.h>
#include <sqlite3.h>

#include "db/query.h"
#include "db/store.h"

struct kit {
    char folder[64];
    char path[96]; /* the database */
    struct ts_store_options options;
    struct ts_store *store;
};

/* cmocka's setup and teardown: *state is a struct kit; the folder goes away with it. */
int kit_setup(void **state);
int kit_teardown(void **state);

void kit_open(struct kit *k);
void kit_close(struct kit *k);
void kit_path(const struct kit *k, const char *suffix, char out[static 128]);

/* Ids of one fixed hour, in order. */
int64_t kit_id(int n);

/* A plain successful call of llama3.2:3b; one with every member set. */
struct ts_call *kit_call(int n);
struct ts_call *kit_full_call(int n);
void kit_text(struct ts_call *c, const char **member, const char *text);

/* Waits for the outcome. */
enum ts_err kit_record(struct kit *k, struct ts_call *call);
enum ts_err kit_rate(struct kit *k, struct ts_store_rating *r);
enum ts_err kit_import(struct kit *k, struct ts_store_import *im);

enum ts_err kit_cleanup(struct kit *k, struct ts_store_cleanup *c);

/* A cleanup in the background. */
struct kit_waiter {
    struct ts_store_job job;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool settled;
};
struct kit_cleaning {
    struct ts_store_cleanup cleanup;
    struct kit_waiter w;
};
void kit_cleanup_start(struct kit *k, struct kit_cleaning *c, int64_t keep_days);
bool kit_cleanup_is_done(struct kit_cleaning *c);
enum ts_err kit_cleanup_wait(struct kit_cleaning *c);

/* One call as JSON, or NULL. */
json_t *kit_get(struct kit *k, int64_t id, struct ts_error *err);

/* Any query function on a reader. */
typedef enum ts_err kit_query_fn(struct ts_reader_conn *c, void *ctx, struct ts_error *err);
enum ts_err kit_query(struct kit *k, kit_query_fn *fn, void *ctx, struct ts_error *err);

/* The first column of the first row, by a plain read-only connection; fails the test on an error.
 */
int64_t kit_number(const struct kit *k, const char *sql);
/* All rows as text: columns joined by '|', rows by '\n'. The caller frees it. */
char *kit_rows(const struct kit *k, const char *sql);

/* Another process's connection, to lock or to spoil. */
sqlite3 *kit_foreign(const struct kit *k);
void kit_exec(sqlite3 *db, const char *sql);

/* Until the health says so, at most @ms. */
bool kit_wait_writable(struct kit *k, bool writable, int ms);
bool kit_wait_spool_empty(struct kit *k, int ms);

#endif
