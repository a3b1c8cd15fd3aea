#include "server/import_command.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/call.h"
#include "base/clock.h"
#include "handlers/call_read.h"
#include "server/commands.h"
#include "server/db_path.h"
#include "server/import_file.h"
#include "server/import_ids.h"
#include "server/import_verb.h"
#include "server/meter.h"
#include "server/session.h"

enum { REQUEST_CALLS = 500, TOLD_FAULTS = 10 };

const struct ts_option ts_import_options[] = {
    {"format", TS_INTAKE_FORMATS, "what FILE is; else its content tells", 'f'},
    {"dry-run", NULL, "check the file and import nothing", 'n'},
    {NULL, NULL, NULL, '\0'},
};

/* clang-format off */
const char ts_import_text[] =
    "FILE is CSV with a line of column names, NDJSON (an object a line) or JSON (an array, or what\n"
    "export writes); - is standard input. Columns may have the names of the API (taskType) or of SQL\n"
    "(task_type). Needed are model, task_type, timestamp, and success or outcome. The columns:\n"
    "  id model provider task_type task_complexity response_time_ms tokens_used input_tokens\n"
    "  output_tokens success error_message user_rating conversation_id user_id message_id metadata\n"
    "  timestamp, and further tags outcome error_code finish_reason cost_usd ttft_ms queue_ms\n"
    "  connect_ms load_ms first_byte_ms first_visible_ms decode_ms max_stall_ms overhead_us\n"
    "  fresh_tokens cache_read_tokens cache_write_tokens reasoning_tokens unsplit_tokens\n"
    "  tokens_source user_segment requested_model reported_model dialect classified streamed cold\n"
    "  simulated comment attempts\n"
    "\n"
    "The whole file is checked before its first row is written: if any row cannot be used, it says\n"
    "which lines and why, imports nothing and ends with 65. Standard input and pipes are copied to a\n"
    "file without a name beside the database first, for the same check.\n"
    "\n"
    "Rows are then written in transactions of 100. An import that is cut short leaves whole ones\n"
    "behind; the same command again goes on behind the last of them. Importing a file twice adds\n"
    "nothing: a row is known by its id, and one without an id by what it says (a row that says the\n"
    "same as an earlier one of the file is another call).\n"
    "\n"
    "Calls older than TOUCHSTONE_RETENTION_DAYS are imported, counted by day, and soon deleted; it says\n"
    "how many those are.\n"
    "\n"
    "While a server runs on the database, it writes the rows; else this command does.\n";
/* clang-format on */

struct import {
    struct ts_import_file file;
    enum ts_intake_format format;
    char source[TS_IMPORT_PRINT_SIZE];
    int64_t now_ms;
    int64_t rows;
    int64_t from;      /* rows that an import which was cut short has written */
    int64_t keep_days; /* calls are kept for so long; 0: for ever */
    int64_t expired;   /* rows older than that */
    int64_t accepted;
    int64_t duplicates;
};

/* -- the first pass: check all of it ----------------------------------------------------------- */

static void tell_fault(const struct import *im,
                       const struct ts_intake *in,
                       const struct ts_error *err,
                       int64_t faults)
{
    if (faults <= TOLD_FAULTS)
        (void)fprintf(stderr,
                      "touchstone: %s:%lld: %s\n",
                      im->file.name,
                      (long long)ts_intake_line(in),
                      err->text);
}

static enum ts_err refused(const struct import *im, int64_t faults, struct ts_error *err)
{
    return ts_fail(err,
                   TS_ERR_INVALID_FIELD,
                   "%s: %lld row%s cannot be used%s; nothing was imported",
                   im->file.name,
                   (long long)faults,
                   faults == 1 ? "" : "s",
                   faults > TOLD_FAULTS ? " (the first ten are above)" : "");
}

/* Whether the row would be taken. Errors: INVALID_FIELD, NOMEM. */
static enum ts_err check_row(const struct ts_call_reader *r, json_t *row, struct ts_error *err)
{
    struct ts_call *call = NULL;
    enum ts_err e = ts_call_read(r, row, -1, &call, err);
    ts_call_free(call);
    return e;
}

static enum ts_err check_rows(struct import *im, struct ts_intake *in, struct ts_error *err)
{
    const struct ts_call_reader reader = {.now_ms = im->now_ms};
    struct ts_meter meter = ts_meter_start("checking", "rows", 0);
    int64_t faults = 0;
    enum ts_intake_step step = TS_INTAKE_ROW;
    enum ts_err e = TS_OK;
    while (e != TS_ERR_NOMEM && (step == TS_INTAKE_ROW || step == TS_INTAKE_BAD)) {
        json_auto_t *row = NULL;
        step = ts_intake_next(in, &row, err);
        if (step == TS_INTAKE_END)
            break;
        im->rows += step == TS_INTAKE_ROW;
        e = step == TS_INTAKE_ROW ? check_row(&reader, row, err) : err->code;
        if (e != TS_OK) {
            ts_meter_end(&meter);
            tell_fault(im, in, err, ++faults);
        }
        ts_meter_show(&meter, im->rows, ts_import_file_share(&im->file));
    }
    ts_meter_end(&meter);
    if (e == TS_ERR_NOMEM || e == TS_ERR_IO)
        return e;
    return faults > 0 ? refused(im, faults, err) : TS_OK;
}

static enum ts_err new_intake(struct import *im,
                              bool first,
                              struct ts_intake **out,
                              struct ts_error *err)
{
    enum ts_err e = ts_import_file_rewind(&im->file, first, err);
    if (e != TS_OK)
        return e;
    if (ts_intake_new(ts_import_file_source(&im->file), im->format, out) != TS_OK)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to read %s", im->file.name);
    return TS_OK;
}

static enum ts_err check(struct import *im, struct ts_error *err)
{
    TS_AUTO(ts_intake_auto) struct ts_intake *in = NULL;
    enum ts_err e = new_intake(im, true, &in, err);
    if (e == TS_OK)
        e = check_rows(im, in, err);
    if (e != TS_OK)
        return e;
    im->format = ts_intake_format(in);
    ts_import_file_print(&im->file, im->source);
    return TS_OK;
}

/* -- the second pass: send it ------------------------------------------------------------------ */

static enum ts_err find_start(struct import *im, struct ts_session *s, struct ts_error *err)
{
    json_auto_t *result = NULL;
    enum ts_err e =
        ts_session_ask(s,
                       json_pack("{s:s, s:s}", "verb", "import-begin", "source", im->source),
                       NULL,
                       &result,
                       err);
    im->from = json_integer_value(json_object_get(result, "row"));
    im->keep_days = json_integer_value(json_object_get(result, "keepDays"));
    return e;
}

/* The calls gathered so far, which are those up to @row. */
static enum ts_err send(
    struct import *im, struct ts_session *s, json_t *calls, int64_t row, struct ts_error *err)
{
    json_auto_t *result = NULL;
    json_t *request = json_pack("{s:s, s:s, s:I, s:O, s:b}",
                                "verb",
                                "import",
                                "source",
                                im->source,
                                "row",
                                (json_int_t)(row - (int64_t)json_array_size(calls)),
                                "calls",
                                calls,
                                "last",
                                row == im->rows);
    enum ts_err e = ts_session_ask(s, request, NULL, &result, err);
    if (e != TS_OK)
        return e;
    im->accepted += json_integer_value(json_object_get(result, "accepted"));
    im->duplicates += json_integer_value(json_object_get(result, "duplicates"));
    return json_array_clear(calls) == 0 ? TS_OK : TS_ERR_INTERNAL;
}

/* Whether retention takes the row away again. */
static bool is_expired(const struct import *im, const json_t *row)
{
    const char *time = json_string_value(json_object_get(row, "timestamp"));
    int64_t at_ms = 0;
    return im->keep_days > 0 && time != NULL && ts_rfc3339_parse(time, strlen(time), &at_ms) == 0 &&
           at_ms < im->now_ms - im->keep_days * TS_DAY_MS;
}

/* The next row, with a name. Between the passes the file may have changed. */
static enum ts_err next_row(const struct import *im,
                            struct ts_intake *in,
                            struct ts_import_ids *ids,
                            json_t **row,
                            struct ts_error *err)
{
    enum ts_intake_step step = ts_intake_next(in, row, err);
    if (step == TS_INTAKE_ROW)
        return ts_import_ids_give(ids, *row) == TS_OK
                   ? TS_OK
                   : ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
    if (step != TS_INTAKE_END && (err->code == TS_ERR_NOMEM || err->code == TS_ERR_IO))
        return err->code;
    return ts_fail(err,
                   TS_ERR_INVALID_FIELD,
                   "%s changed while it was imported; import it again",
                   im->file.name);
}

static enum ts_err send_rows(struct import *im,
                             struct ts_session *s,
                             struct ts_intake *in,
                             struct ts_import_ids *ids,
                             struct ts_error *err)
{
    json_auto_t *calls = json_array();
    struct ts_meter meter = ts_meter_start("importing", "rows", im->from);
    enum ts_err e = calls != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for rows");
    for (int64_t n = 1; e == TS_OK && n <= im->rows; n++) {
        json_t *row = NULL;
        e = next_row(im, in, ids, &row, err);
        im->expired += e == TS_OK && is_expired(im, row);
        if (e == TS_OK && n > im->from && json_array_append(calls, row) != 0)
            e = ts_fail(err, TS_ERR_NOMEM, "no memory for rows");
        json_decref(row);
        bool full = json_array_size(calls) == REQUEST_CALLS || n == im->rows;
        if (e == TS_OK && full && n > im->from)
            e = send(im, s, calls, n, err);
        ts_meter_show(&meter, n, (double)n / (double)im->rows);
    }
    ts_meter_end(&meter);
    return e;
}

static enum ts_err import(struct import *im, const struct ts_options *o, struct ts_error *err)
{
    TS_AUTO(ts_session_auto) struct ts_session *s = NULL;
    TS_AUTO(ts_intake_auto) struct ts_intake *in = NULL;
    TS_AUTO(ts_import_ids_auto) struct ts_import_ids *ids = NULL;
    enum ts_err e = ts_session_start(o, true, &s, err);
    if (e == TS_OK)
        e = find_start(im, s, err);
    if (e == TS_OK)
        e = new_intake(im, false, &in, err);
    if (e == TS_OK && ts_import_ids_new(&ids) != TS_OK)
        e = ts_fail(err, TS_ERR_NOMEM, "no memory for an import");
    return e == TS_OK ? send_rows(im, s, in, ids, err) : e;
}

/* -- the command ------------------------------------------------------------------------------- */

static void tell(const struct import *im, bool dry)
{
    (void)printf("%s (%s): %lld row%s",
                 im->file.name,
                 ts_intake_format_name(im->format),
                 (long long)im->rows,
                 im->rows == 1 ? "" : "s");
    if (dry)
        (void)printf(", all of them good; nothing was imported\n");
    else
        (void)printf(
            ", %lld new, %lld there already", (long long)im->accepted, (long long)im->duplicates);
    if (!dry && im->from > 0)
        (void)printf(", went on behind row %lld", (long long)im->from);
    if (!dry)
        (void)printf("\n");
    if (im->expired > 0)
        (void)fprintf(
            stderr,
            "touchstone: %lld row%s older than %lld days: the calls are deleted soon, their "
            "sums by day stay (TOUCHSTONE_RETENTION_DAYS=0 keeps all)\n",
            (long long)im->expired,
            im->expired == 1 ? " is" : "s are",
            (long long)im->keep_days);
}

static enum ts_err prepare(struct import *im, const struct ts_options *o, struct ts_error *err)
{
    char db_path[TS_DB_PATH_SIZE];
    struct ts_config *config = calloc(1, sizeof(*config));
    int format = -1;
    if (config == NULL || sodium_init() < 0)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    enum ts_err e = ts_option_choice(o, "format", TS_INTAKE_FORMATS, &format, err);
    im->format = format >= 0 ? (enum ts_intake_format)format : TS_INTAKE_BY_CONTENT;
    if (e == TS_OK)
        e = ts_command_config(o, config, err);
    if (e == TS_OK)
        e = ts_db_path(config, db_path, err);
    ts_config_deinit(config);
    free(config);
    return e == TS_OK ? ts_import_file_open(o->operands[0], db_path, &im->file, err) : e;
}

int ts_import_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    struct import im = {.file.fd = -1, .now_ms = ts_wall_ms()};
    bool dry = ts_option(o, "dry-run") != NULL;
    enum ts_err e = prepare(&im, o, &err);
    if (e == TS_OK)
        e = check(&im, &err);
    if (e == TS_OK && !dry && im.rows > 0)
        e = import(&im, o, &err);
    if (e == TS_OK)
        tell(&im, dry);
    ts_import_file_close(&im.file);
    return e == TS_OK ? EX_OK : ts_command_fail(&err);
}
