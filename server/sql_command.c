#include "server/sql_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "db/functions.h"
#include "server/commands.h"
#include "server/reading.h"
#include "server/rows.h"
#include "server/session.h"

enum {
    SQL_MAX_BYTES = 64 * 1024 * 1024,
    READ_BYTES = 64 * 1024,
    SHOWN_BEFORE = 60, /* of a long line, around the place of a fault */
    SHOWN_AFTER = 40,
};

const struct ts_option ts_sql_command_options[] = {
    {.name = "format",
     .letter = 'f',
     .value = TS_ROWS_FORMATS,
     .help = "default: table on a terminal, else csv"},
    {.name = NULL},
};

const char ts_sql_command_text[] =
    "It works beside a running server and without one, and only reads: what would write, attach\n"
    "or load is refused. Several statements may stand between semicolons; `-` reads them from\n"
    "stdin. docs/database.md tells of the tables and views. Two functions stand in FROM like\n"
    "tables: get_best_model_for_task('coding', 'quality') and get_model_performance_summary(30);\n"
    "cleanup_old_performance_data() has the server delete what is older than the retention.\n";

/* -- the SQL ----------------------------------------------------------------------------------
 */

static enum ts_err read_stdin(struct ts_buf *out, struct ts_error *err)
{
    while (ts_buf_reserve(out, READ_BYTES)) {
        ssize_t n = read(STDIN_FILENO, out->data + out->len, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ts_fail(err, TS_ERR_IO, "cannot read stdin: %s", strerrordesc_np(errno));
        if (n == 0) {
            ts_buf_put(out, "", 0); /* a NUL behind it */
            return TS_OK;
        }
        out->len += (size_t)n;
    }
    return ts_fail(
        err, TS_ERR_INVALID_FIELD, "the SQL on stdin is longer than %d bytes", SQL_MAX_BYTES);
}

/* The operand; stdin for `-`, or where something is piped into it. */
static enum ts_err find_sql(const struct ts_options *o, struct ts_buf *out, struct ts_error *err)
{
    bool named = o->operand_count > 0;
    bool piped = (named && strcmp(o->operands[0], "-") == 0) || (!named && !isatty(STDIN_FILENO));
    enum ts_err e = TS_OK;
    if (piped)
        e = read_stdin(out, err);
    else if (named)
        ts_buf_puts(out, o->operands[0]);
    if (e != TS_OK)
        return e;
    if (!ts_buf_ok(out))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the SQL");
    if (strlen(ts_buf_text(out)) != out->len)
        return ts_fail(err, TS_ERR_INVALID_FIELD, "the SQL has a NUL character in it");
    if (out->len == 0)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "there is no SQL; it stands in quotes behind `touchstone sql`, or on stdin");
    return TS_OK;
}

/* -- a fault, shown in the text ---------------------------------------------------------------- */

/* The line of @sql around @at, cut to what a person takes in, with a mark below the place. */
static void put_place(struct ts_buf *out, const char *sql, size_t at)
{
    size_t from = at;
    while (from > 0 && sql[from - 1] != '\n')
        from--;
    size_t to = at + strcspn(sql + at, "\r\n");
    const char *before = from + SHOWN_BEFORE < at ? "..." : "";
    const char *after = at + SHOWN_AFTER < to ? "..." : "";
    if (*before != '\0')
        from = at - SHOWN_BEFORE + ts_utf8_cut(sql + at - SHOWN_BEFORE, SHOWN_BEFORE, 3);
    if (*after != '\0')
        to = at + ts_utf8_cut(sql + at, to - at, SHOWN_AFTER);
    TS_AUTO(ts_buf_free) struct ts_buf left = TS_BUF_INIT(64 * 1024);
    ts_buf_puts(&left, before);
    ts_utf8_put_visible(&left, sql + from, at - from);
    ts_buf_printf(out, "  %s", ts_buf_text(&left));
    ts_utf8_put_visible(out, sql + at, to - at);
    ts_buf_printf(
        out, "%s\n  %*s^\n", after, (int)ts_utf8_columns(ts_buf_text(&left), left.len), "");
}

static void complain(const char *sql, int64_t at, const struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(64 * 1024);
    bool known = at >= 0 && (size_t)at < strlen(sql);
    int line = 1;
    for (int64_t i = 0; known && i < at; i++)
        line += sql[i] == '\n';
    ts_buf_puts(&text, "touchstone: ");
    if (known && strchr(sql, '\n') != NULL)
        ts_buf_printf(&text, "line %d: ", line);
    ts_buf_printf(&text, "%s\n", err->text);
    if (known)
        put_place(&text, sql, (size_t)at);
    (void)fputs(ts_buf_text(&text), stderr);
}

/* -- cleanup_old_performance_data() ------------------------------------------------------------ */

static const char cleanup_name[] = "cleanup_old_performance_data";

/* The way to whoever writes. It is opened before the database is opened for reading, and only for
 * a text that may need it: without a server this process becomes the writer. */
struct janitor {
    struct ts_session *session;
    struct ts_error why; /* there is none */
};

static void free_janitor(struct janitor *j)
{
    ts_session_close(j->session);
}

static void call_janitor(struct janitor *j, const struct ts_options *o, const char *sql)
{
    *j = (struct janitor){.session = NULL};
    if (strcasestr(sql, cleanup_name) != NULL &&
        ts_session_start(o, false, &j->session, &j->why) != TS_OK)
        j->session = NULL; /* told when the function is called, if it is */
}

static enum ts_err clean_up(void *ctx, int64_t *deleted, struct ts_error *err)
{
    struct janitor *j = ctx;
    json_auto_t *result = NULL;
    if (j->session == NULL)
        return ts_fail(err, TS_ERR_IN_USE, "%s", j->why.text);
    enum ts_err e =
        ts_session_ask(j->session, json_pack("{s:s}", "verb", "cleanup"), NULL, &result, err);
    *deleted = json_integer_value(json_object_get(result, "deleted"));
    return e;
}

/* -- running it -------------------------------------------------------------------------------- */

struct output {
    bool left; /* whoever read our output wants no more of it */
};

static bool write_out(void *ctx, const char *text, size_t len)
{
    struct output *out = ctx;
    bool ok = fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0;
    out->left = !ok && errno == EPIPE;
    return ok;
}

static int run(const struct ts_reading *reading,
               struct janitor *janitor,
               const char *sql,
               enum ts_rows_format format)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_functions functions = {.where = ts_reading_locality(reading),
                                     .now_ms = ts_wall_ms(),
                                     .cleanup = clean_up,
                                     .cleanup_ctx = janitor};
    struct output out = {.left = false};
    struct ts_rows rows;
    int64_t at = -1;
    ts_rows_init(&rows, format, write_out, &out);
    const struct ts_console_sink sink = {
        .begin = ts_rows_begin, .row = ts_rows_row, .end = ts_rows_end, .ctx = &rows};
    enum ts_err e = ts_functions_add(ts_reading_db(reading), &functions, &err);
    if (e == TS_OK)
        e = ts_console_run(ts_reading_db(reading), sql, &sink, &at, &err);
    ts_rows_deinit(&rows);
    if (e == TS_OK || out.left)
        return EX_OK;
    if (e != TS_ERR_INVALID_FIELD)
        return ts_command_fail(&err);
    complain(sql, at, &err);
    return EX_DATAERR;
}

int ts_sql_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    TS_AUTO(free_janitor) struct janitor janitor = {.session = NULL};
    TS_AUTO(ts_reading_auto) struct ts_reading *reading = NULL;
    TS_AUTO(ts_buf_free) struct ts_buf sql = TS_BUF_INIT(SQL_MAX_BYTES);
    int format = -1;
    enum ts_err e = ts_option_choice(o, "format", TS_ROWS_FORMATS, &format, &err);
    if (e == TS_OK)
        e = find_sql(o, &sql, &err);
    if (e != TS_OK)
        return ts_command_fail(&err);
    call_janitor(&janitor, o, ts_buf_text(&sql));
    if (ts_reading_open(o, &reading, &err) != TS_OK)
        return ts_command_fail(&err);
    if (format < 0)
        format = isatty(STDOUT_FILENO) ? TS_ROWS_TABLE : TS_ROWS_CSV;
    return run(reading, &janitor, ts_buf_text(&sql), (enum ts_rows_format)format);
}
