/*
 * Websites, attempts and benchmarks inside the store: clone_apply.c, clone_delete.c,
 * clone_samples.c. Only db/ includes this.
 *
 * Thread: the writer's.
 */
#ifndef TS_DB_CLONE_IMPL_H
#define TS_DB_CLONE_IMPL_H

#include "db/clone.h"

struct ts_conn;

/* What jobs do, each in a transaction of its own: as the changes of db/parts.h. */
enum ts_err ts_clone_apply_website(struct ts_store *s,
                                   struct ts_store_job *job,
                                   struct ts_error *err);
enum ts_err ts_clone_apply(struct ts_store *s, struct ts_store_job *job, struct ts_error *err);
enum ts_err ts_clone_apply_quality(struct ts_store *s,
                                   struct ts_store_job *job,
                                   struct ts_error *err);
enum ts_err ts_clone_apply_benchmarks(struct ts_store *s,
                                      struct ts_store_job *job,
                                      struct ts_error *err);
enum ts_err ts_clone_apply_samples(struct ts_store *s,
                                   struct ts_store_job *job,
                                   struct ts_error *err);
enum ts_err ts_clone_apply_delete(struct ts_store *s,
                                  struct ts_store_job *job,
                                  struct ts_error *err);

/* Within the transaction that is open. */
enum ts_err ts_clone_write(struct ts_conn *c,
                           const struct ts_clone *clone,
                           int64_t *id,
                           int64_t *website_id,
                           struct ts_error *err);
enum ts_err ts_website_write(struct ts_conn *c,
                             const struct ts_website *w,
                             int64_t *id,
                             bool *created,
                             struct ts_error *err);
enum ts_err ts_benchmark_write(struct ts_conn *c,
                               const struct ts_benchmark *b,
                               int64_t *id,
                               struct ts_error *err);

/* Attempts past the limit go, a step at a time. */
struct ts_clone_retention {
    int64_t keep_days; /* 0: for ever */
    int64_t due_us;
    struct ts_store_clone_delete round;
};
void ts_clone_retention_init(struct ts_clone_retention *r, int64_t keep_days);
void ts_clone_retention_turn(struct ts_store *s);
int64_t ts_clone_retention_wait_us(struct ts_store *s);

#endif
