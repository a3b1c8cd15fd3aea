/* What clone attempts add up to: by model, by provider, by month, by how long the sites are. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/clone_args.h"
#include "handlers/handlers.h"
#include "handlers/services.h"

enum { MONTHS_DEFAULT = 6, MONTHS_MAX = 1200 };

struct question {
    struct ts_ask ask;
    const char *model;
    char from_month[8];
    struct ts_clone_page page;
};

static void free_question(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct question, ask));
}

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for statistics");
}

typedef enum ts_err read_fn(const struct ts_exchange *x, struct question *q, struct ts_error *err);
typedef enum ts_err ask_fn(struct ts_ask *a,
                           struct ts_reader_conn *c,
                           json_t **out,
                           struct ts_error *err);

static void ask_for(struct ts_exchange *x, read_fn *read, ask_fn *ask)
{
    struct ts_error err = TS_ERROR_INIT;
    struct question *q = calloc(1, sizeof(*q));
    enum ts_err rc = q != NULL ? read(x, q, &err) : no_memory(&err);
    if (rc != TS_OK) {
        free(q);
        ts_reply_error(x, &err);
        return;
    }
    q->ask.ask = ask;
    q->ask.free = free_question;
    ts_ask_start(x, &q->ask);
}

static enum ts_err read_nothing(const struct ts_exchange *x,
                                struct question *q,
                                struct ts_error *err)
{
    static const char *const allowed[] = {NULL};
    (void)q;
    return ts_args_check(x, allowed, err);
}

/* -- of a model -------------------------------------------------------------------------------- */

static enum ts_err read_stats(const struct ts_exchange *x, struct question *q, struct ts_error *err)
{
    static const char *const allowed[] = {"model", NULL};
    enum ts_err rc = ts_args_check(x, allowed, err);
    q->model = ts_arg(x, "model");
    return rc == TS_OK && q->model != NULL ? ts_arg_require(x, "model", err) : rc;
}

static enum ts_err ask_stats(struct ts_ask *a,
                             struct ts_reader_conn *c,
                             json_t **out,
                             struct ts_error *err)
{
    const struct question *q = TS_CONTAINER(a, struct question, ask);
    json_t *stats = NULL;
    enum ts_err rc = ts_query_clone_stats(c, q->model, &stats, err);
    if (rc != TS_OK)
        return rc;
    *out = json_pack("{s:o}", "model", ts_json_text(q->model));
    bool ok = *out != NULL && json_object_update(*out, stats) == 0;
    json_decref(stats);
    return ok ? TS_OK : no_memory(err);
}

void ts_handle_clone_stats(struct ts_exchange *x)
{
    ask_for(x, read_stats, ask_stats);
}

/* -- of all models ----------------------------------------------------------------------------- */

static enum ts_err ask_summary(struct ts_ask *a,
                               struct ts_reader_conn *c,
                               json_t **out,
                               struct ts_error *err)
{
    (void)a;
    json_auto_t *total = NULL;
    json_auto_t *models = NULL;
    json_auto_t *counts = NULL;
    enum ts_err rc = ts_query_clone_stats(c, NULL, &total, err);
    if (rc == TS_OK)
        rc = ts_query_clone_models(c, &models, err);
    if (rc == TS_OK)
        rc = ts_query_clone_totals(c, &counts, err);
    if (rc != TS_OK)
        return rc;
    *out = json_pack("{s:O, s:O, s:O}", "summary", total, "models", models, "counts", counts);
    return *out != NULL ? TS_OK : no_memory(err);
}

void ts_handle_clone_summary(struct ts_exchange *x)
{
    ask_for(x, read_nothing, ask_summary);
}

static enum ts_err ask_providers(struct ts_ask *a,
                                 struct ts_reader_conn *c,
                                 json_t **out,
                                 struct ts_error *err)
{
    (void)a;
    json_t *providers = NULL;
    enum ts_err rc = ts_query_clone_providers(c, &providers, err);
    if (rc != TS_OK)
        return rc;
    *out = json_pack("{s:o}", "providers", providers);
    return *out != NULL ? TS_OK : no_memory(err);
}

void ts_handle_clone_providers(struct ts_exchange *x)
{
    ask_for(x, read_nothing, ask_providers);
}

/* -- by month ---------------------------------------------------------------------------------- */

/* The month that lies so many before this one: "2024-01". */
static void month_before(int64_t months, char out[static 8])
{
    time_t now = (time_t)(ts_wall_ms() / 1000);
    struct tm tm;
    (void)gmtime_r(&now, &tm);
    int64_t month = ((int64_t)tm.tm_year + 1900) * 12 + tm.tm_mon - months;
    int year = (int)(month / 12) % 10000;
    int in_year = (int)(month % 12) + 1;
    const int digits[] = {year / 1000, year / 100 % 10, year / 10 % 10, year % 10};
    for (int i = 0; i < 4; i++)
        out[i] = (char)('0' + digits[i]);
    out[4] = '-';
    out[5] = (char)('0' + in_year / 10);
    out[6] = (char)('0' + in_year % 10);
    out[7] = '\0';
}

static enum ts_err read_monthly(const struct ts_exchange *x,
                                struct question *q,
                                struct ts_error *err)
{
    static const char *const allowed[] = {"months", NULL};
    int64_t months = 0;
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc =
            ts_arg_int(x, "months", (struct ts_whole){1, MONTHS_MAX, MONTHS_DEFAULT}, &months, err);
    month_before(months, q->from_month);
    return rc;
}

static enum ts_err ask_monthly(struct ts_ask *a,
                               struct ts_reader_conn *c,
                               json_t **out,
                               struct ts_error *err)
{
    const struct question *q = TS_CONTAINER(a, struct question, ask);
    json_t *months = NULL;
    enum ts_err rc = ts_query_clone_months(c, q->from_month, &months, err);
    if (rc != TS_OK)
        return rc;
    *out = json_pack("{s:s, s:o}", "from", q->from_month, "months", months);
    return *out != NULL ? TS_OK : no_memory(err);
}

void ts_handle_clone_monthly(struct ts_exchange *x)
{
    ask_for(x, read_monthly, ask_monthly);
}

/* -- by how long the sites are ----------------------------------------------------------------- */

static enum ts_err read_complexity(const struct ts_exchange *x,
                                   struct question *q,
                                   struct ts_error *err)
{
    static const char *const allowed[] = {"limit", "cursor", NULL};
    enum ts_err rc = ts_args_check(x, allowed, err);
    return rc == TS_OK ? ts_clone_page_args(x, &q->page, err) : rc;
}

static enum ts_err ask_complexity(struct ts_ask *a,
                                  struct ts_reader_conn *c,
                                  json_t **out,
                                  struct ts_error *err)
{
    struct question *q = TS_CONTAINER(a, struct question, ask);
    const struct ts_site_limits *limits = &a->x->services->site_limits;
    json_auto_t *classes = NULL;
    json_t *sites = NULL;
    enum ts_err rc = ts_query_clone_complexity(c, limits, &classes, err);
    if (rc == TS_OK)
        rc = ts_query_site_complexity(c, limits, &q->page, &sites, err);
    if (rc != TS_OK)
        return rc;
    json_auto_t *page = ts_clone_page_json("websites", sites, &q->page);
    *out = json_pack("{s:{s:I, s:I}, s:O}",
                     "limits",
                     "mediumFromWords",
                     (json_int_t)limits->medium_from,
                     "complexFromWords",
                     (json_int_t)limits->complex_from,
                     "complexity",
                     classes);
    return *out != NULL && page != NULL && json_object_update(*out, page) == 0 ? TS_OK
                                                                               : no_memory(err);
}

void ts_handle_clone_complexity(struct ts_exchange *x)
{
    ask_for(x, read_complexity, ask_complexity);
}
