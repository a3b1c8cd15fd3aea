/*
 * The benchmark report: what a slice of calls says about its models, as a page for people.
 *
 * Pure: figures in, document out; base/document.h writes it as Markdown or HTML. What nobody
 * knows is shown as a dash. Rates come with Wilson's 95 % interval, medians with that of the ranks.
 */
#ifndef TS_ANALYTICS_REPORT_H
#define TS_ANALYTICS_REPORT_H

#include "analytics/best.h"
#include "base/document.h"
#include "base/host.h"

/* What the attempts of one model at making websites anew come to. */
struct ts_report_clones {
    const char *provider;
    const char *model;
    int64_t attempts;
    int64_t successes;
    int64_t samples;   /* of the attempts, made up */
    double average_us; /* NaN: unknown, like the other figures */
    double average_bytes;
    double quality; /* 0-100 */
};

struct ts_report {
    int64_t from_ms; /* half-open */
    int64_t to_ms;
    int64_t made_ms;
    const char *filters; /* "task type coding, model llama3.2:7b"; NULL: none */
    bool simulated;      /* some of the calls are made up */
    const char *version; /* of touchstone */
    const struct ts_host *host;
    struct ts_groups all;     /* the group of all calls, or none */
    struct ts_groups models;  /* by model */
    struct ts_groups by_task; /* by model and task type */
    struct ts_groups tasks;   /* by task type */
    struct ts_locality where;
    struct ts_insight_limits limits;
    const struct ts_report_clones *clones; /* most attempts first */
    int clone_count;
};

/* Whether it went in is told by ts_document_ok(). */
void ts_report_write(const struct ts_report *r, struct ts_document *d);

#endif
