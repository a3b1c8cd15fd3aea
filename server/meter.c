#include "server/meter.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { REDRAW_US = 100 * 1000, SETTLED_US = 500 * 1000 };

struct ts_meter ts_meter_start(const char *doing, const char *unit, int64_t first)
{
    return (struct ts_meter){
        .doing = doing,
        .unit = unit,
        .on = isatty(STDERR_FILENO) == 1,
        .start_us = ts_now_us(),
        .first = first,
    };
}

char *ts_meter_time(int64_t seconds, char out[static TS_METER_TIME_SIZE])
{
    long long s = seconds;
    if (s >= 3600)
        (void)snprintf(
            out, TS_METER_TIME_SIZE, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        (void)snprintf(out, TS_METER_TIME_SIZE, "%lld:%02lld", s / 60, s % 60);
    return out;
}

void ts_meter_show(struct ts_meter *m, int64_t count, double share)
{
    int64_t now_us = ts_now_us();
    if (!m->on || now_us - m->shown_us < REDRAW_US)
        return;
    m->shown_us = now_us;
    m->drawn = true;
    int64_t spent_us = now_us - m->start_us;
    (void)fprintf(stderr, "\r%s %lld %s", m->doing, (long long)count, m->unit);
    if (spent_us > SETTLED_US)
        (void)fprintf(stderr, ", %.0f/s", (double)(count - m->first) * 1e6 / (double)spent_us);
    if (share >= 0)
        (void)fprintf(stderr, ", %.0f %%", 100 * share);
    char left[TS_METER_TIME_SIZE];
    if (share > 0 && share <= 1 && spent_us > SETTLED_US)
        (void)fprintf(
            stderr,
            ", %s left",
            ts_meter_time((int64_t)((double)spent_us / 1e6 * (1 - share) / share + 0.5), left));
    (void)fputs("\033[K", stderr);
}

void ts_meter_end(struct ts_meter *m)
{
    if (m->drawn)
        (void)fputs("\r\033[K", stderr);
    m->drawn = false;
}
