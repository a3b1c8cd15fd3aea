#include "server/export_command.h"

#include <sysexits.h>

#include "base/clock.h"
#include "handlers/export.h"
#include "server/commands.h"
#include "server/meter.h"
#include "server/outfile.h"
#include "server/reading.h"
#include "server/slice_options.h"

enum { MIN_SAMPLES_MAX = 1000000000 };

const struct ts_option ts_export_options[] = {
    {"format", TS_TABLE_FORMATS, "default csv", 'f'},
    {"output", "FILE", "write here; appears when it is whole. Default: standard output", 'o'},
    {"what",
     TS_EXPORT_WHATS,
     "calls (the default), the learner's records, or sums by hour and day",
     0},
    TS_SLICE_OPTIONS("default everything"),
    {"min-samples", "N", "records with fewer outcomes are left out (stats); default 10", 0},
    {NULL, NULL, NULL, 0},
};

/* clang-format off */
const char ts_export_text[] =
    "Only reads, beside a running server or without one. Calls come oldest first, in the form that\n"
    "import takes: importing an export into another database and exporting that gives the same bytes.\n"
    "A call that was reported under a name of its own has that as its id, any other its public id.\n"
    "\n"
    "CSV is RFC 4180 with lines that end in a line feed. Text that a spreadsheet would run (beginning\n"
    "with = + - @, a tab or a carriage return, and no number) has an apostrophe in front, which import\n"
    "takes away again.\n"
    "\n"
    "stats are the all-time outcomes by task and model, without users, conversations or single calls:\n"
    "what may be shared between projects and added up. rollups are what the calls of an hour and of a\n"
    "day (UTC) add up to, by provider, model, task and complexity, where the window has all of it.\n";
/* clang-format on */

struct job {
    struct ts_export export;
    struct ts_outfile file;
    struct ts_buf page;
    struct ts_buf tag; /* text of the filter */
    int64_t total;     /* calls in the database; TS_UNKNOWN where a part is asked for */
};

/* -- what is asked for ------------------------------------------------------------------------- */

static enum ts_err read_request(const struct ts_options *o, struct job *j, struct ts_error *err)
{
    const struct ts_slice_wish slice = {.now_ms = ts_wall_ms(), .days = 0};
    int format = -1;
    int what = -1;
    enum ts_err e = ts_option_choice(o, "format", TS_TABLE_FORMATS, &format, err);
    if (e == TS_OK)
        e = ts_option_choice(o, "what", TS_EXPORT_WHATS, &what, err);
    if (e == TS_OK)
        e = ts_option_number(
            o,
            (struct ts_number_option){"min-samples", 1, MIN_SAMPLES_MAX, TS_EXPORT_MIN_SAMPLES},
            &j->export.min_samples,
            err);
    if (e == TS_OK)
        e = ts_slice_options_read(o, slice, &j->tag, &j->export.filter, err);
    j->export.table.format = format >= 0 ? (enum ts_table_format)format : TS_TABLE_CSV;
    j->export.what = what >= 0 ? (enum ts_export_what)what : TS_EXPORT_CALLS;
    return e;
}

/* -- writing it -------------------------------------------------------------------------------- */

/* One page, in a transaction of its own: nothing holds up the server's log for long. */
static enum ts_err make_page(struct job *j, struct ts_readonly *db, struct ts_error *err)
{
    ts_buf_clear(&j->page);
    enum ts_err e = ts_readonly_begin(db, err);
    if (e == TS_OK)
        e = ts_export_more(&j->export, ts_readonly_conn(db), &j->page, err);
    ts_readonly_end(db);
    return e;
}

/* How many rows there will be, where that is easily known. */
static void estimate(struct job *j, struct ts_readonly *db)
{
    struct ts_store_counts counts = {0};
    struct ts_error ignored;
    j->total = TS_UNKNOWN;
    if (ts_slice_is_everything(&j->export.filter) && j->export.what == TS_EXPORT_CALLS &&
        ts_query_counts(ts_readonly_conn(db), &counts, &ignored) == TS_OK)
        j->total = counts.calls;
}

static enum ts_err write_pages(struct job *j, struct ts_readonly *db, struct ts_error *err)
{
    struct ts_meter meter = ts_meter_start("exporting", "rows", 0);
    if (meter.on)
        estimate(j, db);
    enum ts_err e = TS_OK;
    while (e == TS_OK && !ts_export_is_done(&j->export)) {
        e = make_page(j, db, err);
        if (e == TS_OK)
            e = ts_outfile_write(&j->file, ts_buf_text(&j->page), j->page.len, err);
        int64_t rows = j->export.table.rows;
        ts_meter_show(&meter, rows, j->total > 0 ? (double)rows / (double)j->total : -1);
    }
    ts_meter_end(&meter);
    return e;
}

static enum ts_err export_to(struct job *j, const struct ts_options *o, struct ts_error *err)
{
    TS_AUTO(ts_reading_auto) struct ts_reading *reading = NULL;
    enum ts_err e = ts_reading_open(o, &reading, err);
    if (e == TS_OK)
        e = ts_outfile_open(ts_option(o, "output"), &j->file, err);
    if (e == TS_OK)
        e = write_pages(j, ts_reading_db(reading), err);
    return e == TS_OK ? ts_outfile_commit(&j->file, err) : e;
}

int ts_export_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    struct job j = {.file.fd = -1,
                    .page = TS_BUF_INIT(TS_EXPORT_PAGE_MAX_BYTES),
                    .tag = TS_BUF_INIT(TS_MAX_TAGS_BYTES)};
    enum ts_err e = read_request(o, &j, &err);
    if (e == TS_OK)
        e = export_to(&j, o, &err);
    ts_outfile_close(&j.file);
    ts_buf_free(&j.page);
    ts_buf_free(&j.tag);
    if (e == TS_ERR_CLIENT_GONE)
        return EX_IOERR; /* `export | head`: nobody is there to be told */
    return e == TS_OK ? EX_OK : ts_command_fail(&err);
}
