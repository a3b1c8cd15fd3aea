#include "analytics/learner.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t ts_record_calls(const struct ts_record *r)
{
    return r->successes + r->failures;
}

double ts_record_rate(const struct ts_record *r)
{
    int64_t n = ts_record_calls(r);
    return n > 0 ? (double)r->successes / (double)n : (double)NAN;
}

struct ts_interval ts_record_interval(const struct ts_record *r)
{
    return ts_wilson95(r->successes, ts_record_calls(r));
}

/* Equal shares are equal doubles, whatever their denominators: division rounds correctly. */
static double rate_or_worse(const struct ts_record *r)
{
    return ts_record_calls(r) > 0 ? ts_record_rate(r) : -1;
}

static int compare_records(const void *pa, const void *pb)
{
    const struct ts_record *a = pa;
    const struct ts_record *b = pb;
    if (rate_or_worse(a) != rate_or_worse(b))
        return rate_or_worse(a) > rate_or_worse(b) ? -1 : 1;
    if (ts_record_calls(a) != ts_record_calls(b))
        return ts_record_calls(a) > ts_record_calls(b) ? -1 : 1;
    int later =
        strcmp(b->last_used != NULL ? b->last_used : "", a->last_used != NULL ? a->last_used : "");
    return later != 0 ? later : strcmp(a->model, b->model);
}

void ts_records_sort(struct ts_record *records, int count)
{
    if (count > 1)
        qsort(records, (size_t)count, sizeof(*records), compare_records);
}

struct ts_demotion ts_demote(const struct ts_record *records, int count, int index)
{
    assert(index >= 0 && index < count);
    struct ts_demotion d = {.reason = TS_HOLDS, .threshold = 0.5};
    double best_low = 0;
    for (int i = 0; i < count; i++) {
        double low = ts_record_interval(&records[i]).low;
        if (i == index || low <= best_low)
            continue;
        best_low = low;
        d.best = &records[i];
    }
    d.threshold = fmax(0.5, best_low);
    double high = ts_record_interval(&records[index]).high;
    if (ts_record_calls(&records[index]) < TS_LEARNER_ENOUGH)
        d.reason = TS_TOO_FEW_CALLS;
    else if (high < best_low)
        d.reason = TS_BELOW_BEST;
    else if (high < 0.5)
        d.reason = TS_BELOW_HALF;
    d.demote = d.reason == TS_BELOW_BEST || d.reason == TS_BELOW_HALF;
    return d;
}

int ts_incumbent(const struct ts_record *records, int count)
{
    int best = -1;
    for (int i = 0; i < count; i++) {
        if (ts_record_calls(&records[i]) > 0 &&
            (best < 0 ||
             ts_record_interval(&records[i]).low > ts_record_interval(&records[best]).low))
            best = i;
    }
    return best;
}

bool ts_is_challenger(const struct ts_record *incumbent, const struct ts_record *r)
{
    return ts_record_calls(r) < TS_LEARNER_ENOUGH ||
           ts_record_interval(r).high >= ts_record_interval(incumbent).low;
}
