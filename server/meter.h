/*
 * Progress of long work on a terminal: "checking 120000 rows, 23000/s, 45 %, 0:12 left".
 *
 * Says nothing where stderr is no terminal. One line, rewritten at most ten times a second.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_METER_H
#define TS_SERVER_METER_H

#include <stdbool.h>
#include <stdint.h>

struct ts_meter {
    const char *doing; /* "checking" */
    const char *unit;  /* "rows" */
    bool on;
    bool drawn;
    int64_t start_us;
    int64_t first; /* where the count began */
    int64_t shown_us;
};

/* @first: what was done before, so that the rate is that of this run. Texts are borrowed. */
struct ts_meter ts_meter_start(const char *doing, const char *unit, int64_t first);

/* @share: of the whole, 0 to 1; negative: unknown. */
void ts_meter_show(struct ts_meter *m, int64_t count, double share);

/* Takes the line away. */
void ts_meter_end(struct ts_meter *m);

/* Room for "1:02:03". @seconds from 0. */
enum { TS_METER_TIME_SIZE = 32 };
char *ts_meter_time(int64_t seconds, char out[static TS_METER_TIME_SIZE]);

#endif
