/*
 * The file of an older learner beside the database: looked for after the start and every hour.
 *
 * It is read on a reader's thread and imported by the writer (db/baseline.h); seven days after its
 * content was imported it gets ".migrated" behind its name. What cannot be used is said once, and
 * tried again when it has changed. The start never waits for it.
 *
 * Thread: the writer's, but for the reading.
 */
#ifndef TS_DB_OLD_LEARNER_H
#define TS_DB_OLD_LEARNER_H

#include "db/baseline.h"
#include "db/store.h"

enum ts_old_learner_phase { TS_OLD_LEARNER_IDLE, TS_OLD_LEARNER_READING };

struct ts_old_learner {
    char *path; /* NULL: none is looked for */
    bool named; /* somebody expects it */
    enum ts_old_learner_phase phase;
    int64_t due_us;
    struct ts_query query;
    struct ts_baseline *read; /* the reader's result */
    _Atomic bool is_read;
    char told[TS_ERROR_TEXT_SIZE]; /* the trouble that was said last */
};

TS_NODISCARD enum ts_err ts_old_learner_init(struct ts_old_learner *o,
                                             const char *path,
                                             bool named,
                                             struct ts_error *err);
void ts_old_learner_deinit(struct ts_old_learner *o);

/* One step, if one is due; no transaction is open. */
void ts_old_learner_turn(struct ts_store *s);

/* Until the next step; -1: never, or until the reader is done. */
int64_t ts_old_learner_wait_us(const struct ts_store *s);

#endif
