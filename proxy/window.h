/*
 * How many of the last seconds' events were of a kind: two counts over a sliding window.
 *
 * The window moves in tenths of its span, so it is up to a tenth shorter than it says. Plain data;
 * time is passed in and never goes back. Thread: the owner's lock.
 */
#ifndef TS_PROXY_WINDOW_H
#define TS_PROXY_WINDOW_H

#include <stdint.h>

enum { TS_WINDOW_SLICES = 10 };

struct ts_window_count {
    int all;
    int marked;
};

struct ts_window {
    int64_t slice_us;
    int64_t newest; /* number of the slice that is being counted */
    struct ts_window_count slices[TS_WINDOW_SLICES];
};

#define TS_WINDOW_INIT(span_ms)                                                                    \
    ((struct ts_window){.slice_us = (span_ms)*INT64_C(1000) / TS_WINDOW_SLICES})

void ts_window_add(struct ts_window *w, int64_t now_us, struct ts_window_count more);
struct ts_window_count ts_window_sum(const struct ts_window *w, int64_t now_us);

#endif
