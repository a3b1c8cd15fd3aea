/*
 * Room on the disk: watched, and some of it kept back.
 *
 * A full disk takes away what would mend it: deleting and checkpointing write to the log first. So
 * a file beside the database holds some room (`<db>.reserve`, 32 MiB, less on small disks). When a
 * write fails for want of room it is deleted, the log is put into the file and cut, and retention
 * begins at once; when there is room again, it is made again.
 *
 * Every ten seconds the free room is looked at; below a floor the store says so, before it is full.
 *
 * Thread: the writer's.
 */
#ifndef TS_DB_SPACE_H
#define TS_DB_SPACE_H

#include <stdint.h>

#include "base/err.h"

struct ts_store;

struct ts_space {
    char *reserve; /* its path */
    bool reserved;
    int64_t due_us;
};

TS_NODISCARD enum ts_err ts_space_init(struct ts_space *sp,
                                       const char *db_path,
                                       struct ts_error *err);
void ts_space_deinit(struct ts_space *sp);

/* Looks, if it is time. */
void ts_space_turn(struct ts_store *s);
int64_t ts_space_wait_us(const struct ts_store *s);

/* A write failed for want of room. True: there is some now. */
bool ts_space_give(struct ts_store *s);

#endif
