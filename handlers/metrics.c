#include "handlers/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "handlers/handlers.h"

enum { METRICS_MAX_BYTES = 16 * 1024 * 1024 };

/* -- the text format ----------------------------------------------------------------------------
 */

static void put_escaped(struct ts_buf *out, const char *text)
{
    for (;;) {
        size_t n = strcspn(text, "\\\"\n");
        ts_buf_put(out, text, n);
        text += n;
        if (*text == '\0')
            return;
        ts_buf_puts(out, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
        text++;
    }
}

static void put_number(struct ts_buf *out, double v)
{
    if (isinf(v))
        ts_buf_puts(out, v > 0 ? "+Inf" : "-Inf");
    else
        ts_buf_printf(out, "%.15g", v);
}

/* Name and labels. @bound: of a bucket, or NULL. */
static void put_name(struct ts_metric_writer *w,
                     const char *suffix,
                     const char *const *values,
                     const double *bound)
{
    bool any = false;
    ts_buf_printf(w->out, "%s%s", w->metric->name, suffix);
    for (int i = 0; w->metric->labels[i] != NULL; i++) {
        /* The table of metrics says how many there are, which the analyzer does not see. */
        if (*values[i] == '\0') /* NOLINT(clang-analyzer-core.NullDereference) */
            continue;
        ts_buf_printf(w->out, "%s%s=\"", any ? "," : "{", w->metric->labels[i]);
        put_escaped(w->out, values[i]);
        ts_buf_puts(w->out, "\"");
        any = true;
    }
    if (bound != NULL) {
        ts_buf_printf(w->out, "%sle=\"", any ? "," : "{");
        put_number(w->out, *bound);
        ts_buf_puts(w->out, "\"");
        any = true;
    }
    ts_buf_puts(w->out, any ? "} " : " ");
}

void ts_metric_sample(struct ts_metric_writer *w, const char *const *values, double number)
{
    if (isnan(number))
        return;
    put_name(w, "", values, NULL);
    put_number(w->out, number);
    ts_buf_puts(w->out, "\n");
}

void ts_metric_histogram(struct ts_metric_writer *w,
                         const char *const *values,
                         const struct ts_bounds *bounds,
                         const struct ts_histogram *h)
{
    const double infinity = (double)INFINITY;
    int64_t below = 0;
    if (h->count == 0)
        return;
    for (int i = 0; i <= bounds->count; i++) {
        below += h->buckets[i];
        put_name(w, "_bucket", values, i < bounds->count ? &bounds->at[i] : &infinity);
        ts_buf_printf(w->out, "%" PRId64 "\n", below);
    }
    put_name(w, "_sum", values, NULL);
    put_number(w->out, h->sum);
    ts_buf_puts(w->out, "\n");
    put_name(w, "_count", values, NULL);
    ts_buf_printf(w->out, "%" PRId64 "\n", h->count);
}

/* -- what is counted of calls -------------------------------------------------------------------
 */

/* A histogram of each series of times. */
static void write_times(struct ts_metric_writer *w, size_t offset, const struct ts_bounds *bounds)
{
    struct ts_meter_series s;
    for (int i = 0; ts_meters_get(w->services->meters, TS_METERS_TIMES, i, &s); i++)
        ts_metric_histogram(
            w,
            s.labels,
            bounds,
            (const struct ts_histogram *)(const void *)((const char *)&s.times + offset));
}

static void write_duration(struct ts_metric_writer *w)
{
    write_times(w, offsetof(struct ts_meter_times, duration), &ts_bounds_duration);
}

static void write_first_token(struct ts_metric_writer *w)
{
    write_times(w, offsetof(struct ts_meter_times, first_token), &ts_bounds_first);
}

static void write_per_token(struct ts_metric_writer *w)
{
    write_times(w, offsetof(struct ts_meter_times, per_token), &ts_bounds_per_token);
}

static void write_overhead(struct ts_metric_writer *w)
{
    write_times(w, offsetof(struct ts_meter_times, overhead), &ts_bounds_overhead);
}

/* Labels: provider, model, operation, token type. */
static void write_token_usage(struct ts_metric_writer *w)
{
    struct ts_meter_series s;
    for (int i = 0; ts_meters_get(w->services->meters, TS_METERS_TIMES, i, &s); i++) {
        if (*s.labels[3] != '\0')
            continue; /* the usage of failed calls is in touchstone_tokens_total */
        const char *by[] = {s.labels[0], s.labels[1], s.labels[2], "input"};
        ts_metric_histogram(w, by, &ts_bounds_tokens, &s.times.input_tokens);
        by[3] = "output";
        ts_metric_histogram(w, by, &ts_bounds_tokens, &s.times.output_tokens);
    }
}

static void write_counts(struct ts_metric_writer *w, enum ts_meter_set set)
{
    struct ts_meter_series s;
    for (int i = 0; ts_meters_get(w->services->meters, set, i, &s); i++)
        ts_metric_sample(w, s.labels, (double)s.count);
}

static void write_requests(struct ts_metric_writer *w)
{
    write_counts(w, TS_METERS_OUTCOMES);
}

static void write_attempts(struct ts_metric_writer *w)
{
    write_counts(w, TS_METERS_ATTEMPTS);
}

static void write_tokens(struct ts_metric_writer *w)
{
    struct ts_meter_series s;
    for (int i = 0; ts_meters_get(w->services->meters, TS_METERS_USAGE, i, &s); i++) {
        const struct ts_token_counts *t = &s.usage.tokens;
        const struct {
            const char *kind;
            int64_t n;
        } kinds[] = {{"input", t->input},
                     {"cache_read", t->cache_read},
                     {"cache_write", t->cache_write},
                     {"output", t->output}};
        for (size_t k = 0; k < TS_ARRAY_LEN(kinds); k++) {
            const char *by[] = {s.labels[0], s.labels[1], kinds[k].kind};
            ts_metric_sample(w, by, (double)kinds[k].n);
        }
    }
}

static void write_cost(struct ts_metric_writer *w)
{
    struct ts_meter_series s;
    for (int i = 0; ts_meters_get(w->services->meters, TS_METERS_USAGE, i, &s); i++)
        ts_metric_sample(w, s.labels, (double)s.usage.cost_nano_usd / 1e9);
}

static void write_unpriced(struct ts_metric_writer *w)
{
    struct ts_meter_series s;
    for (int i = 0; ts_meters_get(w->services->meters, TS_METERS_USAGE, i, &s); i++)
        ts_metric_sample(w, s.labels, (double)s.usage.unpriced);
}

static void write_cold(struct ts_metric_writer *w)
{
    struct ts_meter_series s;
    for (int i = 0; ts_meters_get(w->services->meters, TS_METERS_USAGE, i, &s); i++)
        ts_metric_sample(w, s.labels, (double)s.usage.cold);
}

static void write_refusals(struct ts_metric_writer *w)
{
    for (int i = TS_OK + 1; i < TS_ERR_COUNT_; i++) {
        const char *by[] = {ts_err_name((enum ts_err)i)};
        int64_t n = ts_meters_refusals(w->services->meters, (enum ts_err)i);
        if (i == TS_ERR_BAD_TRANSFER_CODING)
            continue; /* has the name of BAD_FRAMING and is counted with it */
        if (i == TS_ERR_BAD_FRAMING)
            n += ts_meters_refusals(w->services->meters, TS_ERR_BAD_TRANSFER_CODING);
        if (n > 0)
            ts_metric_sample(w, by, (double)n);
    }
}

/* -- how things are now -------------------------------------------------------------------------
 */

static void write_in_flight(struct ts_metric_writer *w)
{
    int n = atomic_load_explicit(w->services->in_flight, memory_order_relaxed);
    ts_metric_sample(w, NULL, n);
}

static void each_provider(struct ts_metric_writer *w,
                          double (*value)(const struct ts_provider_status *s))
{
    struct ts_registry *r = w->services->registry;
    for (int i = 0; i < ts_registry_count(r); i++) {
        const char *by[] = {ts_registry_provider(r, i)->name};
        struct ts_provider_status s = ts_registry_status(r, i);
        ts_metric_sample(w, by, value(&s));
    }
}

static double up(const struct ts_provider_status *s)
{
    return s->state == TS_PROVIDER_UP;
}

static double provider_in_flight(const struct ts_provider_status *s)
{
    return s->in_flight;
}

static double provider_models(const struct ts_provider_status *s)
{
    return s->models;
}

static double provider_waiting(const struct ts_provider_status *s)
{
    return s->waiting;
}

static void write_provider_waiting(struct ts_metric_writer *w)
{
    each_provider(w, provider_waiting);
}

/* One series for each state, of which one is 1. */
static void write_breaker(struct ts_metric_writer *w)
{
    struct ts_registry *r = w->services->registry;
    for (int i = 0; i < ts_registry_count(r); i++) {
        struct ts_provider_status s = ts_registry_status(r, i);
        for (int b = TS_BREAKER_CLOSED; b <= TS_BREAKER_HALF_OPEN; b++) {
            const char *by[] = {ts_registry_provider(r, i)->name,
                                ts_breaker_state_name((enum ts_breaker_state)b)};
            ts_metric_sample(w, by, s.breaker == (enum ts_breaker_state)b);
        }
    }
}

static void write_up(struct ts_metric_writer *w)
{
    each_provider(w, up);
}

static void write_provider_in_flight(struct ts_metric_writer *w)
{
    each_provider(w, provider_in_flight);
}

static void write_provider_models(struct ts_metric_writer *w)
{
    each_provider(w, provider_models);
}

static void write_listeners(struct ts_metric_writer *w)
{
    ts_metric_sample(w, NULL, ts_live_listeners(w->services->live));
}

static void write_log_dropped(struct ts_metric_writer *w)
{
    ts_metric_sample(w, NULL, (double)ts_log_dropped());
}

static void write_build(struct ts_metric_writer *w)
{
    const char *by[] = {w->services->version, ts_store_sqlite_version()};
    ts_metric_sample(w, by, 1);
}

#define FROM_STORE(name, field)                                                                    \
    static void write_##name(struct ts_metric_writer *w)                                           \
    {                                                                                              \
        ts_metric_sample(w, NULL, (double)ts_store_health(w->services->store).field);              \
    }
FROM_STORE(db_up, writable)
FROM_STORE(db_rows, committed_rows)
FROM_STORE(db_commits, commits)
FROM_STORE(db_commit_time, last_commit_us / 1e6)
FROM_STORE(db_queued, queued)
FROM_STORE(spool_rows, spooled_rows)
FROM_STORE(spool_bytes, spooled_bytes)
FROM_STORE(unrecorded, lost_rows)

#define FROM_PROCESS(name, field)                                                                  \
    static void write_##name(struct ts_metric_writer *w)                                           \
    {                                                                                              \
        ts_metric_sample(w, NULL, ts_process_figures().field);                                     \
    }
FROM_PROCESS(process_cpu, cpu_seconds)
FROM_PROCESS(process_resident, resident_bytes)
FROM_PROCESS(process_virtual, virtual_bytes)
FROM_PROCESS(process_fds, open_fds)
FROM_PROCESS(process_max_fds, max_fds)
FROM_PROCESS(process_threads, threads)

static void write_process_start(struct ts_metric_writer *w)
{
    ts_metric_sample(w, NULL, (double)w->services->started_ms / 1e3);
}

/* -- the table ----------------------------------------------------------------------------------
 */

#define GEN_AI                                                                                     \
    {                                                                                              \
        "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_operation_name", "error_type"      \
    }
#define NO_LABELS                                                                                  \
    {                                                                                              \
        NULL                                                                                       \
    }

/* clang-format off */
static const struct ts_metric metrics[] = {
    {"gen_ai_server_request_duration_seconds", TS_METRIC_HISTOGRAM, GEN_AI,
     "Time from the acceptance of a request to the end of its answer.", write_duration},
    {"gen_ai_server_time_to_first_token_seconds", TS_METRIC_HISTOGRAM, GEN_AI,
     "Time from the acceptance of a request to its first token of content: text, reasoning or tool call.",
     write_first_token},
    {"gen_ai_server_time_per_output_token_seconds", TS_METRIC_HISTOGRAM, GEN_AI,
     "Time from one token to the next after the first, averaged over a call.", write_per_token},
    {"gen_ai_client_token_usage", TS_METRIC_HISTOGRAM,
     {"gen_ai_provider_name", "gen_ai_request_model", "gen_ai_operation_name", "gen_ai_token_type"},
     "Tokens of a successful call, where the server counts them; input is the whole prompt.", write_token_usage},
    {"touchstone_overhead_seconds", TS_METRIC_HISTOGRAM, GEN_AI,
     "Of a call's time, what touchstone itself spent.", write_overhead},
    {"touchstone_requests_total", TS_METRIC_COUNTER, {"provider", "model", "task_type", "outcome"},
     "Calls that have ended, by outcome: done, cancelled, upstream_cut, upstream_error, timeout.", write_requests},
    {"touchstone_failed_attempts_total", TS_METRIC_COUNTER, {"provider", "model", "cause"},
     "Tries that failed and were followed by another.", write_attempts},
    {"touchstone_refusals_total", TS_METRIC_COUNTER, {"code"},
     "Requests answered with an error that became no call, by the code of the error.", write_refusals},
    {"touchstone_tokens_total", TS_METRIC_COUNTER, {"provider", "model", "kind"},
     "Tokens by kind: input (neither read from nor written to a cache), cache_read, cache_write, output.",
     write_tokens},
    {"touchstone_cost_usd_total", TS_METRIC_COUNTER, {"provider", "model"},
     "US dollars, of the calls whose cost is known.", write_cost},
    {"touchstone_unpriced_calls_total", TS_METRIC_COUNTER, {"provider", "model"},
     "Calls whose cost is not known.", write_unpriced},
    {"touchstone_cold_calls_total", TS_METRIC_COUNTER, {"provider", "model"},
     "Calls for which the server had to load the model.", write_cold},
    {"touchstone_requests_in_flight", TS_METRIC_GAUGE, NO_LABELS, "Generations running now.", write_in_flight},
    {"touchstone_provider_up", TS_METRIC_GAUGE, {"provider"}, "1 while the model server answers.", write_up},
    {"touchstone_provider_in_flight", TS_METRIC_GAUGE, {"provider"},
     "Calls of ours at the model server now.", write_provider_in_flight},
    {"touchstone_provider_waiting", TS_METRIC_GAUGE, {"provider"},
     "Calls that wait for a place at the model server.", write_provider_waiting},
    {"touchstone_provider_breaker", TS_METRIC_GAUGE, {"provider", "state"},
     "1 for the state of the server's circuit breaker: closed, open, half_open.", write_breaker},
    {"touchstone_provider_models", TS_METRIC_GAUGE, {"provider"},
     "Models that the server lists.", write_provider_models},
    {"touchstone_event_listeners", TS_METRIC_GAUGE, NO_LABELS,
     "Clients that listen to /api/events.", write_listeners},
    {"touchstone_db_up", TS_METRIC_GAUGE, NO_LABELS, "1 while the last commit went well.", write_db_up},
    {"touchstone_db_rows_total", TS_METRIC_COUNTER, NO_LABELS, "Calls committed.", write_db_rows},
    {"touchstone_db_commits_total", TS_METRIC_COUNTER, NO_LABELS, "Transactions committed.", write_db_commits},
    {"touchstone_db_last_commit_seconds", TS_METRIC_GAUGE, NO_LABELS,
     "How long the last commit took.", write_db_commit_time},
    {"touchstone_db_queued", TS_METRIC_GAUGE, NO_LABELS, "Rows and ratings that wait for the writer.", write_db_queued},
    {"touchstone_spool_rows", TS_METRIC_GAUGE, NO_LABELS, "Rows that wait in the spool.", write_spool_rows},
    {"touchstone_spool_bytes", TS_METRIC_GAUGE, NO_LABELS, "Bytes of the spool.", write_spool_bytes},
    {"touchstone_unrecorded_total", TS_METRIC_COUNTER, NO_LABELS,
     "Calls that could neither be committed nor spooled.", write_unrecorded},
    {"touchstone_log_lines_dropped_total", TS_METRIC_COUNTER, NO_LABELS,
     "Log lines that stderr did not take.", write_log_dropped},
    {"touchstone_build_info", TS_METRIC_GAUGE, {"version", "sqlite"}, "Always 1.", write_build},
    {"process_cpu_seconds_total", TS_METRIC_COUNTER, NO_LABELS,
     "User and system time of the process.", write_process_cpu},
    {"process_resident_memory_bytes", TS_METRIC_GAUGE, NO_LABELS, "Memory in use.", write_process_resident},
    {"process_virtual_memory_bytes", TS_METRIC_GAUGE, NO_LABELS, "Address space.", write_process_virtual},
    {"process_open_fds", TS_METRIC_GAUGE, NO_LABELS, "Open descriptors.", write_process_fds},
    {"process_max_fds", TS_METRIC_GAUGE, NO_LABELS, "Descriptors that there can be.", write_process_max_fds},
    {"process_threads", TS_METRIC_GAUGE, NO_LABELS, "Threads.", write_process_threads},
    {"process_start_time_seconds", TS_METRIC_GAUGE, NO_LABELS,
     "When the server started, in Unix time.", write_process_start},
};
/* clang-format on */

static const char *type_name(enum ts_metric_type t)
{
    switch (t) {
    case TS_METRIC_COUNTER:
        return "counter";
    case TS_METRIC_GAUGE:
        return "gauge";
    case TS_METRIC_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

void ts_metrics_print(const struct ts_services *s, struct ts_buf *out)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(metrics); i++) {
        const struct ts_metric *m = &metrics[i];
        struct ts_metric_writer w = {.services = s, .metric = m, .out = out};
        ts_buf_printf(out, "# HELP %s %s\n", m->name, m->help);
        ts_buf_printf(out, "# TYPE %s %s\n", m->name, type_name(m->type));
        m->write(&w);
    }
}

/* The unit as the name's end has it. */
static const char *unit_of(const struct ts_metric *m)
{
    static const char *const units[][2] = {{"_seconds", "seconds"},
                                           {"_seconds_total", "seconds"},
                                           {"_bytes", "bytes"},
                                           {"_usd_total", "US dollars"},
                                           {"_token_usage", "tokens"},
                                           {"_tokens_total", "tokens"}};
    for (size_t i = 0; i < TS_ARRAY_LEN(units); i++) {
        size_t n = strlen(m->name);
        size_t k = strlen(units[i][0]);
        if (n > k && strcmp(m->name + n - k, units[i][0]) == 0)
            return units[i][1];
    }
    return "";
}

void ts_metrics_document(struct ts_buf *out)
{
    ts_buf_printf(
        out,
        "# Metrics\n\n"
        "`GET /metrics` answers in Prometheus' text format. This page is printed by `touchstone "
        "--help=metrics`.\n\n"
        "Names that begin with `gen_ai_` are OpenTelemetry's for generative AI, as Prometheus "
        "spells them, with its buckets; the time to the first token goes on to 120 s, durations to "
        "328 s. `gen_ai_provider_name` is the name of the server in the configuration. Calls that "
        "ended well have no `error_type`.\n\n"
        "Counters begin at 0 when the server starts. The number of series is bounded: beyond %d "
        "names of servers and models, %d task types or %d series of a kind, calls are counted "
        "under "
        "`%s`. Where a server counts no tokens there is no usage, not a usage of 0.\n\n"
        "While keys are set, the route needs one with the scope `read`.\n\n"
        "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n",
        TS_METERS_MODELS,
        TS_METERS_TASKS,
        TS_METERS_SERIES,
        TS_METERS_OTHER);
    for (size_t i = 0; i < TS_ARRAY_LEN(metrics); i++) {
        const struct ts_metric *m = &metrics[i];
        ts_buf_printf(out, "| `%s` | %s | %s | ", m->name, type_name(m->type), unit_of(m));
        for (int k = 0; m->labels[k] != NULL; k++)
            ts_buf_printf(out, "%s`%s`", k > 0 ? ", " : "", m->labels[k]);
        ts_buf_printf(out, " | %s |\n", m->help);
    }
}

/* -- the route ----------------------------------------------------------------------------------
 */

void ts_handle_metrics(struct ts_exchange *x)
{
    const struct ts_head head = {.status = 200,
                                 .content_type = "text/plain; version=0.0.4; charset=utf-8"};
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(METRICS_MAX_BYTES);
    ts_metrics_print(x->services, &text);
    if (ts_buf_ok(&text)) {
        x->ops->respond(x, &head, ts_buf_text(&text), text.len);
        return;
    }
    struct ts_error err;
    (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for the metrics");
    ts_reply_error(x, &err);
}
