/*
 * GET /metrics: Prometheus' text format 0.0.4, written from one table of metrics.
 *
 * Names and units are OpenTelemetry's for generative AI, as Prometheus spells them (dots become
 * underscores, the unit stands behind); what is ours begins with touchstone_.
 */
#ifndef TS_HANDLERS_METRICS_H
#define TS_HANDLERS_METRICS_H

#include "base/buf.h"
#include "handlers/services.h"

/* All metrics as they are now. */
void ts_metrics_print(const struct ts_services *s, struct ts_buf *out);

/* The table as a page of documentation: docs/metrics.md. */
void ts_metrics_document(struct ts_buf *out);

/* -- for the files that measure -----------------------------------------------------------------
 */

enum ts_metric_type { TS_METRIC_COUNTER, TS_METRIC_GAUGE, TS_METRIC_HISTOGRAM };

struct ts_metric_writer;

struct ts_metric {
    const char *name;
    enum ts_metric_type type;
    const char *labels[TS_METER_LABELS + 1]; /* ends with NULL */
    const char *help;
    void (*write)(struct ts_metric_writer *w);
};

struct ts_metric_writer {
    const struct ts_services *services;
    const struct ts_metric *metric; /* being written */
    struct ts_buf *out;
};

/* One sample. @values: of the metric's labels, in order; those that are "" are left out. */
void ts_metric_sample(struct ts_metric_writer *w, const char *const *values, double number);
void ts_metric_histogram(struct ts_metric_writer *w,
                         const char *const *values,
                         const struct ts_bounds *bounds,
                         const struct ts_histogram *h);

/* process.c: what the operating system says of this process; NAN where it does not. */
struct ts_process_figures {
    double cpu_seconds;
    double resident_bytes;
    double virtual_bytes;
    double open_fds;
    double max_fds;
    double threads;
};
struct ts_process_figures ts_process_figures(void);

#endif
