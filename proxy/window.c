#include "proxy/window.h"

static struct ts_window_count *slice(struct ts_window *w, int64_t number)
{
    return &w->slices[number % TS_WINDOW_SLICES];
}

void ts_window_add(struct ts_window *w, int64_t now_us, struct ts_window_count more)
{
    int64_t number = now_us / w->slice_us;
    if (number - w->newest > TS_WINDOW_SLICES)
        w->newest = number - TS_WINDOW_SLICES;
    while (w->newest < number)
        *slice(w, ++w->newest) = (struct ts_window_count){0};
    slice(w, number)->all += more.all;
    slice(w, number)->marked += more.marked;
}

struct ts_window_count ts_window_sum(const struct ts_window *w, int64_t now_us)
{
    struct ts_window_count sum = {0};
    int64_t oldest = now_us / w->slice_us - TS_WINDOW_SLICES + 1;
    for (int64_t i = oldest > 0 ? oldest : 0; i <= w->newest; i++) {
        sum.all += w->slices[i % TS_WINDOW_SLICES].all;
        sum.marked += w->slices[i % TS_WINDOW_SLICES].marked;
    }
    return sum;
}
