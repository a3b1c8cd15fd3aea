#include "handlers/question.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"

enum { MINUTE_MS = 60 * 1000 };

static enum ts_err read_bucket(const struct ts_exchange *x,
                               struct ts_question *q,
                               struct ts_error *err)
{
    const char *text = ts_arg(x, "bucket");
    q->unit = TS_BUCKET_DAY;
    if (text == NULL)
        return TS_OK;
    for (int i = 0; i < TS_BUCKET_COUNT_; i++) {
        if (strcmp(text, ts_bucket_unit_name((enum ts_bucket_unit)i)) == 0) {
            q->unit = (enum ts_bucket_unit)i;
            return TS_OK;
        }
    }
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "bucket",
                         "bucket must be hour, day, week or month, not '%.40s'",
                         text);
}

enum ts_err ts_question_args(const struct ts_exchange *x,
                             struct ts_question *q,
                             struct ts_error *err)
{
    q->now_ms = ts_wall_ms();
    q->tz = ts_arg(x, "tz") != NULL ? ts_arg(x, "tz") : "UTC";
    enum ts_err rc = ts_filter_args(x, &q->filter, err);
    if (rc == TS_OK)
        rc = ts_window_args(x, q->now_ms, &q->filter, &q->days, err);
    if (rc == TS_OK)
        rc = read_bucket(x, q, err);
    return rc;
}

struct ts_call_filter ts_question_before(const struct ts_question *q)
{
    struct ts_call_filter before = q->filter;
    int64_t length = q->filter.to_ms - q->filter.from_ms;
    before.to_ms = q->filter.from_ms;
    before.from_ms = before.to_ms > length ? before.to_ms - length : 0;
    return before;
}

struct ts_etag ts_question_etag(const struct ts_exchange *x, const struct ts_question *q)
{
    struct ts_etag e = ts_etag_of(x);
    if (q->filter.to_ms <= q->now_ms)
        return e; /* nothing of it moves */
    int64_t minute = q->now_ms / MINUTE_MS;
    ts_etag_add(&e, &minute, sizeof(minute));
    return e;
}

json_t *ts_question_window_json(const struct ts_question *q)
{
    char from[TS_RFC3339_SIZE];
    char to[TS_RFC3339_SIZE];
    return json_pack("{s:s, s:s, s:o, s:o, s:s}",
                     "from",
                     ts_rfc3339(q->filter.from_ms, from),
                     "to",
                     ts_rfc3339(q->filter.to_ms, to),
                     "days",
                     ts_json_int(q->days),
                     "tz",
                     ts_json_text(q->tz),
                     "bucket",
                     ts_bucket_unit_name(q->unit));
}

enum ts_err ts_question_span(const struct ts_question *q,
                             const struct ts_zone *zone,
                             int max,
                             struct ts_span *out,
                             struct ts_error *err)
{
    out->buckets = (struct ts_buckets){.zone = zone, .unit = q->unit};
    out->first = ts_bucket_of(&out->buckets, q->filter.from_ms);
    out->last = ts_bucket_of(&out->buckets, q->filter.to_ms - 1);
    out->count = 0;
    for (int64_t b = out->first; b <= out->last; b = ts_bucket_next(&out->buckets, b)) {
        if (++out->count > max)
            return ts_fail_param(err,
                                 TS_ERR_INVALID_PARAMETER,
                                 "bucket",
                                 "the window has more than %d buckets of one %s; take a wider "
                                 "bucket or a shorter window",
                                 max,
                                 ts_bucket_unit_name(q->unit));
    }
    return TS_OK;
}

enum ts_err ts_gather(struct ts_reader_conn *c,
                      const struct ts_call_filter *filter,
                      const struct ts_gathering *what,
                      struct ts_aggregate **out,
                      struct ts_error *err)
{
    int64_t judged_ms = filter->to_ms < what->now_ms ? filter->to_ms : what->now_ms;
    ts_bucket_fn *bucket = what->buckets != NULL ? ts_bucket_of : NULL;
    TS_AUTO(ts_aggregate_auto) struct ts_aggregate *a = NULL;
    enum ts_err rc =
        ts_aggregate_new(what->groupings, what->count, judged_ms, bucket, what->buckets, &a);
    if (rc != TS_OK)
        return ts_fail(err, rc, "no memory for the figures");
    rc = ts_query_calls(c, filter, a, err);
    if (rc == TS_OK && ts_aggregate_finish(a) != TS_OK)
        rc = ts_fail(err, TS_ERR_NOMEM, "no memory for the figures");
    if (rc == TS_OK)
        *out = TS_TAKE(a);
    return rc;
}
