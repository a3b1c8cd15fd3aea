#include "db/plan.h"

#include <stdlib.h>

void ts_plan_free(struct ts_plan *p)
{
    free(p->at);
}

static enum ts_err add(struct ts_plan *p, struct ts_stretch s)
{
    if (p->count > 0) {
        struct ts_stretch *last = &p->at[p->count - 1];
        if (last->source == s.source && last->to_ms == s.from_ms) {
            last->to_ms = s.to_ms;
            return TS_OK;
        }
    }
    if (p->count == p->cap) {
        int cap = p->cap == 0 ? 16 : p->cap * 2;
        struct ts_stretch *at = realloc(p->at, (size_t)cap * sizeof(*at));
        if (at == NULL)
            return TS_ERR_NOMEM;
        p->at = at;
        p->cap = cap;
    }
    p->at[p->count++] = s;
    return TS_OK;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A bucket of a cell. */
struct unit {
    enum ts_plan_source source;
    int64_t from_ms;
    int64_t to_ms;
};

static bool is_uncut(const struct ts_plan_question *q, const struct unit *u)
{
    return u->from_ms >= q->from_ms && u->to_ms <= q->to_ms &&
           (q->one_bucket == NULL || q->one_bucket(q->ctx, u->from_ms, u->to_ms));
}

/* Its middle, and all of it therefore, is in the window. */
static bool counts_as_a_whole(const struct ts_plan_question *q, const struct unit *u)
{
    int64_t middle_ms = u->from_ms + (u->to_ms - u->from_ms) / 2;
    return middle_ms >= q->from_ms && middle_ms < q->to_ms;
}

static enum ts_err take(struct ts_plan *p, const struct unit *u)
{
    const struct ts_stretch s = {.source = u->source, .from_ms = u->from_ms, .to_ms = u->to_ms};
    return add(p, s);
}

static enum ts_err take_calls(const struct ts_plan_question *q,
                              struct ts_plan *p,
                              const struct unit *u)
{
    const struct ts_stretch s = {.source = TS_FROM_CALLS,
                                 .from_ms = max(u->from_ms, q->from_ms),
                                 .to_ms = min(u->to_ms, q->to_ms)};
    return s.from_ms < s.to_ms ? add(p, s) : TS_OK;
}

static enum ts_err plan_hours(const struct ts_plan_question *q,
                              struct ts_plan *p,
                              const struct unit *day)
{
    enum ts_err e = TS_OK;
    for (int64_t at = day->from_ms; e == TS_OK && at < day->to_ms; at += TS_HOUR_MS) {
        const struct unit hour = {TS_FROM_HOURS, at, at + TS_HOUR_MS};
        if (at >= q->whole_from_ms && !is_uncut(q, &hour))
            e = take_calls(q, p, &hour);
        else if (counts_as_a_whole(q, &hour))
            e = take(p, &hour);
    }
    return e;
}

static bool is_call_day(const struct ts_plan_question *q, int64_t day)
{
    for (int i = 0; i < q->call_day_count; i++) {
        if (q->call_days[i] == day)
            return true;
    }
    return q->calls_only;
}

static enum ts_err plan_day(const struct ts_plan_question *q, struct ts_plan *p, int64_t number)
{
    const struct unit day = {TS_FROM_DAYS, number * TS_DAY_MS, (number + 1) * TS_DAY_MS};
    if (is_call_day(q, number))
        return take_calls(q, p, &day);
    if (is_uncut(q, &day))
        return take(p, &day);
    if (day.to_ms > q->whole_from_ms)
        return plan_hours(q, p, &day);
    return counts_as_a_whole(q, &day) ? take(p, &day) : TS_OK;
}

enum ts_err ts_plan_make(const struct ts_plan_question *q, struct ts_plan *out)
{
    enum ts_err e = TS_OK;
    for (int64_t day = q->from_ms / TS_DAY_MS; e == TS_OK && day * TS_DAY_MS < q->to_ms; day++)
        e = plan_day(q, out, day);
    return e;
}
