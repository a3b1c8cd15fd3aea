/*
 * Websites, clone attempts and benchmarks as the API tells of them: JSON that is ready to be sent,
 * rates and averages with two decimals.
 *
 * Every function runs on a reader thread, as those of db/query.h, unless it says otherwise. Errors
 * of all: STORAGE_UNAVAILABLE, NOMEM.
 */
#ifndef TS_DB_CLONE_QUERY_H
#define TS_DB_CLONE_QUERY_H

#include "analytics/report.h"
#include "analytics/site.h"
#include "base/arena.h"
#include "db/clone.h"
#include "db/query.h"

/* A page of a list, newest first. */
struct ts_clone_page {
    int64_t before; /* only ids below; 0: from the newest */
    int limit;
    int64_t next; /* out: what to give as @before for the next page; 0: there is none */
};

struct ts_website_filter {
    const char *url; /* NULL: any, like the others */
    const char *domain;
    const char *status;
    int64_t words_from; /* 0 and INT64_MAX: any */
    int64_t words_to;
    struct ts_site_limits limits; /* of the complexity that is told */
};
TS_NODISCARD enum ts_err ts_query_websites(struct ts_reader_conn *c,
                                           const struct ts_website_filter *f,
                                           struct ts_clone_page *page,
                                           json_t **out,
                                           struct ts_error *err);

/* With its content. NOT_FOUND. */
TS_NODISCARD enum ts_err ts_query_website(struct ts_reader_conn *c,
                                          int64_t id,
                                          const struct ts_site_limits *limits,
                                          json_t **out,
                                          struct ts_error *err);

struct ts_clone_filter {
    const char
        *model; /* "llama3.2:7b", or with its provider in front; NULL: any, like the others */
    const char *provider;
    const char *url;
    const char *status;
    int64_t website_id; /* 0: any */
};
TS_NODISCARD enum ts_err ts_query_clones(struct ts_reader_conn *c,
                                         const struct ts_clone_filter *f,
                                         uint64_t tag,
                                         struct ts_clone_page *page,
                                         json_t **out,
                                         struct ts_error *err);

/* With its files, without their content. NOT_FOUND. */
TS_NODISCARD enum ts_err ts_query_clone(
    struct ts_reader_conn *c, int64_t id, uint64_t tag, json_t **out, struct ts_error *err);

/* One file with its content. NOT_FOUND. */
TS_NODISCARD enum ts_err ts_query_code_file(struct ts_reader_conn *c,
                                            int64_t clone_id,
                                            const char *path,
                                            json_t **out,
                                            struct ts_error *err);

/* The path of the page to show first: index.html, or else the first of type html; NULL: none.
 * free() it. NOT_FOUND: no such attempt. */
TS_NODISCARD enum ts_err ts_query_clone_page(struct ts_reader_conn *c,
                                             int64_t id,
                                             char **path,
                                             struct ts_error *err);

/* {totalAttempts, successRate, avgGenerationTimeMs, avgCodeSizeBytes, avgQualityScore, lastUsed,
 * samples} of a model, or of all. */
TS_NODISCARD enum ts_err ts_query_clone_stats(struct ts_reader_conn *c,
                                              const char *model,
                                              json_t **out,
                                              struct ts_error *err);

/* An array of the same, by model with its provider; by provider; by month and provider, from
 * @from_month ("2024-01") on, newest first. */
TS_NODISCARD enum ts_err ts_query_clone_models(struct ts_reader_conn *c,
                                               json_t **out,
                                               struct ts_error *err);
TS_NODISCARD enum ts_err ts_query_clone_providers(struct ts_reader_conn *c,
                                                  json_t **out,
                                                  struct ts_error *err);
TS_NODISCARD enum ts_err ts_query_clone_months(struct ts_reader_conn *c,
                                               const char *from_month,
                                               json_t **out,
                                               struct ts_error *err);

/* An array of the same by complexity, with the number of sites: simple, medium, complex, and null
 * for sites of unknown length. */
TS_NODISCARD enum ts_err ts_query_clone_complexity(struct ts_reader_conn *c,
                                                   const struct ts_site_limits *limits,
                                                   json_t **out,
                                                   struct ts_error *err);

/* Sites with what their attempts add up to, those with the most words first; page->before counts
 * those that are skipped. */
TS_NODISCARD enum ts_err ts_query_site_complexity(struct ts_reader_conn *c,
                                                  const struct ts_site_limits *limits,
                                                  struct ts_clone_page *page,
                                                  json_t **out,
                                                  struct ts_error *err);

struct ts_benchmark_filter {
    const char *model; /* NULL: any, like the others */
    const char *provider;
    const char *complexity;
};
TS_NODISCARD enum ts_err ts_query_benchmarks(struct ts_reader_conn *c,
                                             const struct ts_benchmark_filter *f,
                                             struct ts_clone_page *page,
                                             json_t **out,
                                             struct ts_error *err);

/* A benchmark as the list above tells of it. NULL without memory. Thread: any. */
json_t *ts_benchmark_json(const struct ts_benchmark *b, int64_t id);

/* What the attempts of a model come to, samples not among them: over all sites (complexity
 * UNKNOWN), then by complexity. Unknown figures are NaN. Reads every attempt. */
struct ts_clone_figures {
    const char *provider; /* valid for the call, like the model */
    const char *model;
    enum ts_complexity complexity;
    int64_t attempts;
    double avg_generation_ms;
    double avg_size_bytes;
    double success_rate;
    double quality;
};
TS_NODISCARD enum ts_err ts_query_clone_figures(struct ts_reader_conn *c,
                                                const struct ts_benchmark_filter *f,
                                                const struct ts_site_limits *limits,
                                                enum ts_err (*row)(void *ctx,
                                                                   const struct ts_clone_figures *f,
                                                                   struct ts_error *err),
                                                void *ctx,
                                                struct ts_error *err);

/* How many sites, attempts and benchmarks there are, and how many of each are samples. */
TS_NODISCARD enum ts_err ts_query_clone_totals(struct ts_reader_conn *c,
                                               json_t **out,
                                               struct ts_error *err);

/* The attempts of the window by model, for a report, those with most first and at most so many
 * models. Of the filter count the window, model and provider; with any other there are none, since
 * attempts have nothing to go by. Texts and rows are the arena's. */
enum { TS_REPORT_CLONES_MAX = 200 };
TS_NODISCARD enum ts_err ts_query_report_clones(struct ts_reader_conn *c,
                                                const struct ts_call_filter *f,
                                                struct ts_arena *arena,
                                                struct ts_report *out,
                                                struct ts_error *err);

/* The first attempt after `after` that has files and no word on their quality, with them. */
struct ts_unjudged {
    int64_t after;              /* in, like the next three */
    struct ts_arena *arena;     /* takes the texts */
    struct ts_code_file *files; /* at most `max` */
    int max;
    int64_t id; /* out; 0: there is none */
    int count;
};
TS_NODISCARD enum ts_err ts_query_unjudged(struct ts_reader_conn *c,
                                           struct ts_unjudged *u,
                                           struct ts_error *err);

#endif
