#include "server/report_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "handlers/filter.h"
#include "handlers/report.h"
#include "server/commands.h"
#include "server/reading.h"

const struct ts_option ts_report_command_options[] = {
    {.name = "format",
     .letter = 'f',
     .value = TS_REPORT_FORMATS,
     .help = "Markdown (the default), or one HTML page"},
    {.name = "days", .letter = 'd', .value = "N", .help = "the last N days; default 30"},
    {.name = "from", .value = "TIME", .help = "or from this moment on, like 2026-11-20T21:30:00Z"},
    {.name = "to", .value = "TIME", .help = "and before this one; default now"},
    {.name = "model", .value = "NAME", .help = "only calls of this model"},
    {.name = "provider", .value = "NAME", .help = "only of this provider"},
    {.name = "task-type", .value = "NAME", .help = "only of this kind of task"},
    {.name = "complexity", .value = "simple|medium|complex", .help = "only of this complexity"},
    {.name = "user", .value = "ID", .help = "only of this user"},
    {.name = "user-segment", .value = "NAME", .help = "only of users of this segment"},
    {.name = "tag", .value = "KEY=VALUE", .help = "only with this tag"},
    {.name = NULL},
};

const char ts_report_command_text[] =
    "It goes to stdout: a table of the models with intervals and sample sizes, the best model of\n"
    "each kind of task with a verdict, and what the differences are. Markdown is fit for a pull\n"
    "request; the HTML page stands alone and can be printed.\n";

/* -- what is asked for --------------------------------------------------------------------------
 */

static enum ts_err read_time(const struct ts_options *o,
                             const char *name,
                             int64_t *out,
                             struct ts_error *err)
{
    const char *text = ts_option(o, name);
    if (text == NULL)
        return TS_OK;
    if (ts_rfc3339_parse(text, strlen(text), out) == 0 && *out >= 0 && *out <= TS_LATEST_MS)
        return TS_OK;
    return ts_fail(err,
                   TS_ERR_INVALID_PARAMETER,
                   "--%s needs a time like 2026-11-20T21:30:00Z, not \"%.60s\"",
                   name,
                   text);
}

static enum ts_err read_window(const struct ts_options *o,
                               struct ts_report_wish *w,
                               struct ts_error *err)
{
    const struct ts_number_option which = {"days", 1, TS_MAX_DAYS, TS_DEFAULT_DAYS};
    int64_t days = 0;
    int64_t from = -1;
    int64_t to = w->now_ms + 1;
    enum ts_err e = ts_option_number(o, which, &days, err);
    if (e == TS_OK)
        e = read_time(o, "from", &from, err);
    if (e == TS_OK)
        e = read_time(o, "to", &to, err);
    if (e != TS_OK)
        return e;
    if (from >= 0 && ts_option(o, "days") != NULL)
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "--days and --from exclude each other");
    ts_filter_last_days(&w->filter, to - 1, days);
    if (from >= 0)
        w->filter.from_ms = from;
    return w->filter.from_ms < w->filter.to_ms
               ? TS_OK
               : ts_fail(err,
                         TS_ERR_INVALID_PARAMETER,
                         "the window is empty: --from is not before --to");
}

/* @tag gets the key; the value stays where it stands. */
static enum ts_err read_filters(const struct ts_options *o,
                                struct ts_call_filter *f,
                                struct ts_buf *tag,
                                struct ts_error *err)
{
    enum ts_complexity complexity;
    f->model = ts_option(o, "model");
    f->provider = ts_option(o, "provider");
    f->task_type = ts_option(o, "task-type");
    f->complexity = ts_option(o, "complexity");
    f->user = ts_option(o, "user");
    f->user_segment = ts_option(o, "user-segment");
    if (f->complexity != NULL && !ts_complexity_parse(ts_slice_str(f->complexity), &complexity))
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "--complexity is one of simple|medium|complex, not \"%.40s\"",
                       f->complexity);
    const char *pair = ts_option(o, "tag");
    const char *equals = pair != NULL ? strchr(pair, '=') : NULL;
    if (pair != NULL && (equals == NULL || equals == pair))
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "--tag needs KEY=VALUE, as in project=apollo, not \"%.60s\"",
                       pair);
    if (pair == NULL)
        return TS_OK;
    ts_buf_put(tag, pair, (size_t)(equals - pair));
    if (!ts_buf_ok(tag))
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "--tag has too long a key");
    f->tag_key = ts_buf_text(tag);
    f->tag_value = equals + 1;
    return TS_OK;
}

static enum ts_err read_wish(const struct ts_options *o,
                             struct ts_report_wish *w,
                             struct ts_buf *tag,
                             struct ts_error *err)
{
    int format = 0;
    *w = (struct ts_report_wish){.now_ms = ts_wall_ms(), .version = TS_VERSION};
    enum ts_err e = ts_option_choice(o, "format", TS_REPORT_FORMATS, &format, err);
    w->format = format < 0 ? TS_REPORT_MD : (enum ts_report_format)format;
    if (e == TS_OK)
        e = read_window(o, w, err);
    return e == TS_OK ? read_filters(o, &w->filter, tag, err) : e;
}

/* -- the report ---------------------------------------------------------------------------------
 */

static enum ts_err make(const struct ts_reading *reading,
                        struct ts_report_wish *w,
                        struct ts_buf *out,
                        struct ts_error *err)
{
    struct ts_readonly *db = ts_reading_db(reading);
    w->where = ts_reading_locality(reading);
    enum ts_err e = ts_readonly_begin(db, err);
    if (e != TS_OK)
        return e;
    e = ts_report_make(ts_readonly_conn(db), w, out, err);
    ts_readonly_end(db);
    return e;
}

int ts_report_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_report_wish wish;
    TS_AUTO(ts_reading_auto) struct ts_reading *reading = NULL;
    TS_AUTO(ts_buf_free) struct ts_buf tag = TS_BUF_INIT(TS_MAX_TAGS_BYTES);
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
    enum ts_err e = read_wish(o, &wish, &tag, &err);
    if (e == TS_OK)
        e = ts_reading_open(o, &reading, &err);
    if (e == TS_OK)
        e = make(reading, &wish, &text, &err);
    if (e == TS_OK &&
        (fwrite(ts_buf_text(&text), 1, text.len, stdout) != text.len || fflush(stdout) != 0))
        e = ts_fail(&err, TS_ERR_IO, "cannot write the report: %s", strerrordesc_np(errno));
    return e == TS_OK ? EX_OK : ts_command_fail(&err);
}
