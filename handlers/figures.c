#include "handlers/figures.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/round.h"

struct ts_figures ts_no_figures(void)
{
    const double unknown = (double)NAN;
    return (struct ts_figures){
        .input_tokens = TS_UNKNOWN,
        .output_tokens = TS_UNKNOWN,
        .total_tokens = TS_UNKNOWN,
        .total_cost_nano_usd = TS_UNKNOWN,
        .last_used_ms = TS_UNKNOWN,
        .avg_response_us = unknown,
        .min_response_us = unknown,
        .max_response_us = unknown,
        .median_response_us = unknown,
        .median_low_us = unknown,
        .median_high_us = unknown,
        .p95_response_us = unknown,
        .p99_response_us = unknown,
        .median_ttft_us = unknown,
        .p95_ttft_us = unknown,
        .tokens_per_second = unknown,
        .avg_tokens = unknown,
        .success_rate = unknown,
        .satisfaction_rate = unknown,
    };
}

json_t *ts_time_json(double us)
{
    return ts_json_num(ts_round_ms(us));
}

static json_t *usd(int64_t nano)
{
    return nano == TS_UNKNOWN ? json_null() : json_real((double)nano / 1e9);
}

static json_t *summary_json(const struct ts_figures *f)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
                     " s:{s:I, s:I}, s:I, s:I, s:I, s:I}",
                     "totalCalls",
                     (json_int_t)f->total_calls,
                     "avgResponseTime",
                     ts_time_json(f->avg_response_us),
                     "successRate",
                     ts_json_num2(f->success_rate),
                     "satisfactionRate",
                     ts_json_num2(f->satisfaction_rate),
                     "avgTokens",
                     ts_json_num2(f->avg_tokens),
                     "medianResponseTime",
                     ts_time_json(f->median_response_us),
                     "p95ResponseTime",
                     ts_time_json(f->p95_response_us),
                     "p99ResponseTime",
                     ts_time_json(f->p99_response_us),
                     "medianTtft",
                     ts_time_json(f->median_ttft_us),
                     "p95Ttft",
                     ts_time_json(f->p95_ttft_us),
                     "tokensPerSecond",
                     ts_json_num2(f->tokens_per_second),
                     "totalTokens",
                     ts_json_int(f->total_tokens),
                     "totalCost",
                     usd(f->total_cost_nano_usd),
                     "ratings",
                     "up",
                     (json_int_t)f->up,
                     "down",
                     (json_int_t)f->down,
                     "failures",
                     (json_int_t)f->failures,
                     "timeouts",
                     (json_int_t)f->timeouts,
                     "cancelled",
                     (json_int_t)f->cancelled,
                     "failedAttempts",
                     (json_int_t)f->failed_attempts);
}

static json_t *extras_json(const struct ts_figures *f)
{
    char when[TS_RFC3339_SIZE];
    const char *last_used =
        f->last_used_ms != TS_UNKNOWN ? ts_rfc3339(f->last_used_ms, when) : NULL;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "minResponseTime",
                     ts_time_json(f->min_response_us),
                     "maxResponseTime",
                     ts_time_json(f->max_response_us),
                     "inputTokens",
                     ts_json_int(f->input_tokens),
                     "outputTokens",
                     ts_json_int(f->output_tokens),
                     "qualityScore",
                     ts_json_num2(ts_quality_score(f)),
                     "speedScore",
                     ts_json_num2(ts_speed_score(f->avg_response_us)),
                     "confidence",
                     ts_json_num2(ts_confidence(f)),
                     "lastUsed",
                     ts_json_text(last_used));
}

json_t *ts_figures_json(const struct ts_figures *f, enum ts_figures_size size)
{
    json_auto_t *o = summary_json(f);
    if (size == TS_FIGURES_FULL) {
        json_auto_t *extras = extras_json(f);
        if (extras == NULL || json_object_update(o, extras) != 0)
            return NULL;
    }
    return json_incref(o);
}

/* Text under a key; false without memory. */
static bool put(json_t *o, const char *key, const char *text)
{
    return json_object_set_new(o, key, ts_json_text(text)) == 0;
}

static json_t *group_json(const struct ts_group *g,
                          unsigned dimensions,
                          const struct ts_buckets *buckets)
{
    char date[TS_BUCKET_NAME_SIZE];
    json_auto_t *o = json_object();
    json_auto_t *figures = ts_figures_json(&g->figures, TS_FIGURES_FULL);
    bool ok = o != NULL && figures != NULL;
    if (dimensions & TS_BY_TIME)
        ok = ok && put(o, "date", ts_bucket_name(buckets, g->bucket, date));
    if (dimensions & TS_BY_MODEL)
        ok = ok && put(o, "model", g->model);
    if (dimensions & (TS_BY_MODEL | TS_BY_PROVIDER))
        ok = ok && put(o, "provider", g->provider);
    if (dimensions & TS_BY_TASK)
        ok = ok && put(o, "taskType", g->task_type);
    return ok && json_object_update(o, figures) == 0 ? json_incref(o) : NULL;
}

json_t *ts_groups_json(struct ts_groups groups,
                       unsigned dimensions,
                       const struct ts_buckets *buckets)
{
    json_auto_t *list = json_array();
    for (int i = 0; i < groups.count; i++) {
        if (groups.at[i].figures.total_calls == 0)
            continue;
        if (json_array_append_new(list, group_json(&groups.at[i], dimensions, buckets)) != 0)
            return NULL;
    }
    return json_incref(list);
}

/* A bucket's name and figures. */
static json_t *bucket_json(const struct ts_buckets *b, int64_t bucket, const struct ts_figures *f)
{
    char date[TS_BUCKET_NAME_SIZE];
    json_auto_t *o = json_object();
    json_auto_t *figures = ts_figures_json(f, TS_FIGURES_SUMMARY);
    bool ok = o != NULL && figures != NULL && put(o, "date", ts_bucket_name(b, bucket, date)) &&
              json_object_update(o, figures) == 0;
    return ok ? json_incref(o) : NULL;
}

json_t *ts_trends_json(struct ts_groups groups,
                       const struct ts_buckets *buckets,
                       int64_t first,
                       int64_t last)
{
    const struct ts_figures none = ts_no_figures();
    json_auto_t *list = json_array();
    int i = 0;
    for (int64_t b = first; b <= last; b = ts_bucket_next(buckets, b)) {
        while (i < groups.count && groups.at[i].bucket < b)
            i++;
        bool there = i < groups.count && groups.at[i].bucket == b;
        const struct ts_figures *f = there ? &groups.at[i].figures : &none;
        if (json_array_append_new(list, bucket_json(buckets, b, f)) != 0)
            return NULL;
    }
    return json_incref(list);
}

json_t *ts_share_json(double v)
{
    return ts_json_num(ts_round4(v));
}

json_t *ts_interval_json(struct ts_interval i)
{
    return json_pack(
        "{s:o, s:o}", "low", ts_json_num2(100 * i.low), "high", ts_json_num2(100 * i.high));
}

json_t *ts_standing_json(const struct ts_group *g, const struct ts_standing *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o}",
                     "model",
                     ts_json_text(g->model),
                     "provider",
                     ts_json_text(g->provider),
                     "qualityScore",
                     ts_json_num2(ts_quality_score(&g->figures)),
                     "confidence",
                     ts_json_num2(ts_confidence(&g->figures)),
                     "sampleSize",
                     (json_int_t)g->figures.evidence.trials,
                     "effectiveSampleSize",
                     ts_json_num2(s->effective_n),
                     "interval",
                     ts_interval_json(ts_beta_interval95(s->quality)),
                     "pBest",
                     ts_share_json(s->p_best),
                     "expectedLoss",
                     ts_share_json(s->expected_loss));
}
