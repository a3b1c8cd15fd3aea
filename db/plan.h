/*
 * From where a window of time is read: which stretches from day cells, which from hour cells, which
 * from the calls themselves.
 *
 * What cuts the window decides: its two ends and, for what is asked by time, the ends of the asked
 * buckets, wherever a zone puts them. A UTC day without a cut inside is read from its day cells;
 * else each of its hours without a cut from hour cells; else that hour from its calls. So windows
 * to the millisecond, zones with half hours and days of clock changes are exact.
 *
 * Where calls were deleted nothing can be cut any more: a day of which only the day cells are left
 * counts as a whole where its noon is, and an hour where its middle is.
 *
 * Pure: no I/O.
 */
#ifndef TS_DB_PLAN_H
#define TS_DB_PLAN_H

#include "db/cells.h"

enum ts_plan_source { TS_FROM_CALLS, TS_FROM_HOURS, TS_FROM_DAYS };

struct ts_stretch {
    enum ts_plan_source source;
    int64_t from_ms;
    int64_t to_ms;
};

struct ts_plan {
    struct ts_stretch *at; /* by time, not overlapping; neighbours of one source are one */
    int count;
    int cap;
};

struct ts_plan_question {
    int64_t from_ms;
    int64_t to_ms;
    int64_t whole_from_ms;    /* before it, calls may have been deleted */
    const int64_t *call_days; /* days whose cells are not to be used, rising */
    int call_day_count;
    bool calls_only;
    /* Whether a stretch is all in one bucket; NULL: nobody asks by time. */
    bool (*one_bucket)(const void *ctx, int64_t from_ms, int64_t to_ms);
    const void *ctx;
};

/* Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_plan_make(const struct ts_plan_question *q, struct ts_plan *out);
void ts_plan_free(struct ts_plan *p);

#endif
