/*
 * The quality of an attempt's code, found when it is stored already: reading fifty files takes a
 * hundred times as long as storing them, and nobody waits for it.
 */
#ifndef TS_HANDLERS_CLONE_QUALITY_H
#define TS_HANDLERS_CLONE_QUALITY_H

#include "handlers/clone_read.h"

/* Embedded; set done(), which is called once, on whatever thread. */
struct ts_clone_judging {
    struct ts_query query;
    struct ts_store_clone_quality store;
    const struct ts_services *services;
    struct ts_clone_input *in;
    void (*done)(struct ts_clone_judging *j);
};

/* What cannot be judged is told at once: before the attempt is stored. Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_clone_prejudge(struct ts_clone_input *in, struct ts_error *err);

/* Judges the other files of @in, which are those of attempt @id, and stores what comes of it.
 * Thread: any. */
void ts_clone_judge(struct ts_clone_judging *j,
                    const struct ts_services *services,
                    struct ts_clone_input *in,
                    int64_t id);

#endif
