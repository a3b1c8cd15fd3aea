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
#include "server/slice_options.h"

const struct ts_option ts_report_command_options[] = {
    {.name = "format",
     .letter = 'f',
     .value = TS_REPORT_FORMATS,
     .help = "Markdown (the default), or one HTML page"},
    TS_SLICE_OPTIONS("default 30"),
    {.name = NULL},
};

const char ts_report_command_text[] =
    "It goes to stdout: a table of the models with intervals and sample sizes, the best model of\n"
    "each kind of task with a verdict, and what the differences are. Markdown is fit for a pull\n"
    "request; the HTML page stands alone and can be printed.\n";

/* -- what is asked for ------------------------------------------------------------------------- */

static enum ts_err read_wish(const struct ts_options *o,
                             struct ts_report_wish *w,
                             struct ts_buf *tag,
                             struct ts_error *err)
{
    int format = 0;
    *w = (struct ts_report_wish){.now_ms = ts_wall_ms(), .version = TS_VERSION};
    enum ts_err e = ts_option_choice(o, "format", TS_REPORT_FORMATS, &format, err);
    w->format = format < 0 ? TS_REPORT_MD : (enum ts_report_format)format;
    const struct ts_slice_wish slice = {.now_ms = w->now_ms, .days = TS_DEFAULT_DAYS};
    return e == TS_OK ? ts_slice_options_read(o, slice, tag, &w->filter, err) : e;
}

/* -- the report -------------------------------------------------------------------------------- */

static enum ts_err make(const struct ts_reading *reading,
                        struct ts_report_wish *w,
                        struct ts_buf *out,
                        struct ts_error *err)
{
    struct ts_readonly *db = ts_reading_db(reading);
    w->where = ts_reading_locality(reading);
    w->limits = ts_reading_limits(reading);
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
