/*
 * Websites, what models made of them, and benchmarks, as the store keeps them.
 *
 * Each of these jobs is done in a transaction of its own, behind the live rows of its turn: a site,
 * its attempt and all files are there together or not at all, and no call waits for them. None is
 * spooled: while the database takes no writes, they fail with STORAGE_UNAVAILABLE.
 *
 * Texts are borrowed until the job is settled. Thread: any, as all of db/store.h.
 */
#ifndef TS_DB_CLONE_H
#define TS_DB_CLONE_H

#include "db/store.h"

enum { TS_MAX_TITLE = 1000, TS_MAX_NOTES = 4000 };

/* -- writing ----------------------------------------------------------------------------------- */

struct ts_website {
    const char *url; /* as ts_site_url() gives it, with the domain */
    const char *domain;
    const char *title; /* NULL: unknown, like all that follows */
    const char *description;
    const char *status; /* "scraped", "processed", "cloned" */
    const char *screenshot_url;
    const char *metadata_json;
    struct ts_slice markdown;
    struct ts_slice html;
    int64_t content_length;
    int64_t word_count;
    int64_t at_ms;
    bool sample;
};

/* A scraped site; what was known of the address before is replaced. */
struct ts_store_website {
    struct ts_store_job job;
    const struct ts_website *site;
    int64_t id;   /* out */
    bool created; /* out: the address is new */
};
void ts_store_website(struct ts_store *s, struct ts_store_website *w);

struct ts_code_file {
    const char *path;
    const char *type;
    struct ts_slice content;
    int64_t lines;
    const char *metadata_json; /* or NULL */
    double quality;            /* NaN: not judged */
    const char *quality_json;
    bool late; /* judged when it was stored already */
};

struct ts_clone {
    const char *url; /* of a site that is not known yet, one is made */
    const char *domain;
    const char *provider; /* NULL: the recorded call's, else "external" */
    const char *model;
    bool success;
    int64_t generation_ms; /* TS_UNKNOWN, like the next two */
    int64_t size_bytes;
    int64_t components;
    int64_t created_ms;
    int64_t call_id; /* 0: none */
    double quality;  /* NaN: not judged */
    const char *quality_json;
    const char *sandbox_url;
    const char *style;
    const char *instructions;
    const char *error_message;
    struct ts_slice code; /* absent where it came as files */
    const struct ts_code_file *files;
    int file_count;
    bool sample;
};

/* Results: TS_OK; NOT_FOUND (param requestId: there is no such call); STORAGE_UNAVAILABLE. */
struct ts_store_clone {
    struct ts_store_job job;
    const struct ts_clone *clone;
    bool own_call; /* in: the call is ours and may be on its way: it is not looked for */
    int64_t id;    /* out, like the others */
    int64_t website_id;
    char provider[TS_MAX_NAME * 4 + 1];
};
void ts_store_clone(struct ts_store *s, struct ts_store_clone *c);

/* The quality of an attempt and its files, found after they were stored; a job as the others. What
 * was deleted meanwhile is let be. */
struct ts_store_clone_quality {
    struct ts_store_job job;
    int64_t id;
    double score; /* NaN: none of its files can be judged */
    const char *json;
    const struct ts_code_file *files; /* those that are `late` */
    int file_count;
};
void ts_store_clone_quality(struct ts_store *s, struct ts_store_clone_quality *q);

struct ts_benchmark {
    const char *provider;
    const char *model;
    const char *size;       /* NULL: unknown, like the other texts */
    const char *complexity; /* NULL: all sites */
    int64_t attempts;       /* TS_UNKNOWN: not computed here */
    int64_t calls;
    double avg_generation_ms; /* NaN: unknown, like the other figures */
    double avg_size_bytes;
    double success_rate;
    double quality;
    double satisfaction;
    double tokens_per_second;
    const char *hardware_json;
    const char *notes;
    int64_t at_ms;
    bool sample;
};

struct ts_store_benchmarks {
    struct ts_store_job job;
    const struct ts_benchmark *rows;
    int count;
    int64_t *ids; /* out: as many */
};
void ts_store_benchmarks(struct ts_store *s, struct ts_store_benchmarks *b);

/* The sites, attempts and benchmarks of the documents, marked as samples; none if there are any. */
struct ts_store_clone_samples {
    struct ts_store_job job;
    int websites; /* out: added, like the others */
    int attempts;
    int benchmarks;
};
void ts_store_clone_samples(struct ts_store *s, struct ts_store_clone_samples *c);

/*
 * Deletes some milliseconds' worth: put it again while `more`. The attempts of a site go before it.
 * Sites go without attempts only: those of the samples, and those that were scraped before.
 */
struct ts_store_clone_delete {
    struct ts_store_job job;
    int64_t before_ms; /* in: what was made before; TS_UNKNOWN: not by age */
    bool samples;      /* in: all samples */
    int64_t attempts;  /* out: added up over all times it was put; like the others */
    int64_t websites;
    int64_t benchmarks;
    bool more;             /* out */
    int64_t after_website; /* its own */
};
void ts_store_clone_delete(struct ts_store *s, struct ts_store_clone_delete *d);

#endif
