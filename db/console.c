#include "db/console.h"

#include <limits.h>
#include <stdlib.h>
#include <strings.h>

#include "db/parts.h"

/* -- what may run ----------------------------------------------------------------------------- */

static const char only_reads[] = "only questions are answered here; that statement would write";

/* Why the authorizer refused the statement that is being prepared. */
struct refusal {
    const char *why; /* NULL: it did not */
    char name[64];   /* of a pragma */
};

static int refuse(struct refusal *r, const char *why)
{
    if (r->why == NULL)
        r->why = why;
    return SQLITE_DENY;
}

/* Pragmas that tell something. Those with an argument take a name; most others would set one. */
static bool pragma_tells(const char *name, const char *argument)
{
    static const char *const of_name[] = {
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
        "foreign_key_check",
        "quick_check",
        "integrity_check",
    };
    static const char *const plain[] = {
        "application_id",
        "collation_list",
        "compile_options",
        "data_version",
        "database_list",
        "encoding",
        "freelist_count",
        "function_list",
        "module_list",
        "page_count",
        "page_size",
        "pragma_list",
        "query_only",
        "schema_version",
        "user_version",
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(of_name); i++) {
        if (strcasecmp(name, of_name[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < TS_ARRAY_LEN(plain) && argument == NULL; i++) {
        if (strcasecmp(name, plain[i]) == 0)
            return true;
    }
    return false;
}

static int on_pragma(struct refusal *r, const char *name, const char *argument)
{
    if (pragma_tells(name, argument))
        return SQLITE_OK;
    (void)snprintf(r->name, sizeof(r->name), "%s", name);
    return refuse(r, "that pragma would change something, or is not about the schema");
}

/* sqlite3_set_authorizer(): the action codes are an int there, and new versions add some. */
static int authorize(
    void *ctx, int action, const char *a, const char *b, const char *schema, const char *trigger)
{
    (void)schema;
    (void)trigger;
    struct refusal *r = ctx;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_UPDATE: /* asked when a table-valued function is met; a real one fails at more */
        return strcmp(a, "sqlite_master") == 0 ? SQLITE_OK : refuse(r, only_reads);
    case SQLITE_FUNCTION:
        return strcasecmp(b, "load_extension") == 0 ? refuse(r, "nothing can be loaded here")
                                                    : SQLITE_OK;
    case SQLITE_PRAGMA:
        return on_pragma(r, a, b);
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return refuse(r, "other files cannot be attached here");
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        return refuse(r,
                      "all statements see the same moment as it is; transactions are not for "
                      "here");
    default:
        return refuse(r, only_reads);
    }
}

/* -- errors that point at the text ------------------------------------------------------------ */

static enum ts_err sql_fault(struct ts_conn *c,
                             const struct refusal *refused,
                             int rc,
                             struct ts_error *err)
{
    if (refused->why != NULL && refused->name[0] != '\0')
        return ts_fail(err, TS_ERR_INVALID_FIELD, "%s: %s", refused->name, refused->why);
    if (refused->why != NULL)
        return ts_fail(err, TS_ERR_INVALID_FIELD, "%s", refused->why);
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the query");
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_AUTH:
        return ts_fail(err, TS_ERR_INVALID_FIELD, "%s", sqlite3_errmsg(c->db));
    default:
        return ts_fail(
            err, TS_ERR_STORAGE_UNAVAILABLE, "%s (SQLite code %d)", sqlite3_errmsg(c->db), rc);
    }
}

/* -- one statement ---------------------------------------------------------------------------- */

static void finalize(sqlite3_stmt **s)
{
    (void)sqlite3_finalize(*s);
}

static struct ts_cell cell_of(sqlite3_stmt *s, int i)
{
    struct ts_cell cell = {.type = TS_CELL_NULL};
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        cell.type = TS_CELL_INTEGER;
        cell.integer = sqlite3_column_int64(s, i);
        break;
    case SQLITE_FLOAT:
        cell.type = TS_CELL_REAL;
        cell.real = sqlite3_column_double(s, i);
        break;
    case SQLITE_TEXT:
        cell.type = TS_CELL_TEXT;
        cell.bytes.at = (const char *)sqlite3_column_text(s, i);
        break;
    case SQLITE_BLOB:
        cell.type = TS_CELL_BLOB;
        cell.bytes.at = sqlite3_column_blob(s, i);
        break;
    default: /* an int, not an enum: NULL */
        break;
    }
    if (cell.type == TS_CELL_TEXT || cell.type == TS_CELL_BLOB)
        cell.bytes.len = (size_t)sqlite3_column_bytes(s, i);
    return cell;
}

struct columns {
    const char **names;
    struct ts_cell *cells;
    int count;
};

static void free_columns(struct columns *c)
{
    free(c->names);
    free(c->cells);
}

static enum ts_err read_columns(sqlite3_stmt *s, struct columns *out, struct ts_error *err)
{
    out->count = sqlite3_column_count(s);
    out->names = calloc((size_t)out->count, sizeof(out->names[0]));
    out->cells = calloc((size_t)out->count, sizeof(out->cells[0]));
    bool ok = out->names != NULL && out->cells != NULL;
    for (int i = 0; ok && i < out->count; i++) {
        out->names[i] = sqlite3_column_name(s, i);
        ok = out->names[i] != NULL;
    }
    return ok ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the columns");
}

/* The text of one run. */
struct run {
    struct ts_conn *conn;
    const struct ts_console_sink *sink;
    struct refusal refused;
};

static enum ts_err give_row(const struct run *r,
                            sqlite3_stmt *s,
                            struct columns *columns,
                            struct ts_error *err)
{
    for (int i = 0; i < columns->count; i++) {
        columns->cells[i] = cell_of(s, i);
        if (columns->cells[i].bytes.len > 0 && columns->cells[i].bytes.at == NULL)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for a value");
    }
    return r->sink->row(r->sink->ctx, columns->cells, columns->count, err);
}

/* The columns are told after the first step, which is where most statements fail if they do. */
static enum ts_err run_statement(struct run *r, sqlite3_stmt *s, struct ts_error *err)
{
    if (!sqlite3_stmt_readonly(s))
        return ts_fail(err, TS_ERR_INVALID_FIELD, "%s", only_reads);
    int rc = sqlite3_step(s);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sql_fault(r->conn, &r->refused, rc, err);
    if (sqlite3_column_count(s) == 0)
        return TS_OK;
    TS_AUTO(free_columns) struct columns columns = {.count = 0};
    enum ts_err e = read_columns(s, &columns, err);
    if (e == TS_OK)
        e = r->sink->begin(r->sink->ctx, columns.names, columns.count, err);
    for (; e == TS_OK && rc == SQLITE_ROW; rc = e == TS_OK ? sqlite3_step(s) : rc)
        e = give_row(r, s, &columns, err);
    if (e == TS_OK && rc != SQLITE_DONE)
        e = sql_fault(r->conn, &r->refused, rc, err);
    return e == TS_OK ? r->sink->end(r->sink->ctx, err) : e;
}

/* -- the text --------------------------------------------------------------------------------- */

/* SQLite does not say where some names are that it does not know: "no such table: x". */
static int64_t place_of_name(const char *sql, int64_t from, const char *message)
{
    const char *name = strstr(message, "no such ") == message ? strstr(message, ": ") : NULL;
    const char *found = name != NULL ? strstr(sql + from, name + 2) : NULL;
    return found != NULL ? found - sql : -1;
}

/* Runs the first statement at *at and moves *at behind it; *found: there was one. */
static enum ts_err run_next(
    struct run *r, struct ts_slice sql, int64_t *at, bool *found, struct ts_error *err)
{
    TS_AUTO(finalize) sqlite3_stmt *s = NULL;
    sqlite3 *db = r->conn->db;
    const char *tail = NULL;
    *at += (int64_t)strspn(sql.at + *at, " \t\r\n");
    int rc = sqlite3_prepare_v2(db, sql.at + *at, (int)(sql.len - (size_t)*at), &s, &tail);
    if (rc != SQLITE_OK) {
        int offset = r->refused.why == NULL ? sqlite3_error_offset(db) : 0;
        *at = offset < 0 ? place_of_name(sql.at, *at, sqlite3_errmsg(db)) : *at + offset;
        return sql_fault(r->conn, &r->refused, rc, err);
    }
    *found = s != NULL;
    enum ts_err e = s != NULL ? run_statement(r, s, err) : TS_OK;
    if (e == TS_OK)
        *at = tail - sql.at;
    return e;
}

static enum ts_err run_all(struct run *r, const char *text, int64_t *at, struct ts_error *err)
{
    const struct ts_slice sql = ts_slice_str(text);
    bool any = false;
    enum ts_err e = TS_OK;
    *at = 0;
    while (e == TS_OK && (size_t)*at < sql.len) {
        bool found = false;
        e = run_next(r, sql, at, &found, err);
        any = any || found;
    }
    return e == TS_OK && !any ? ts_fail(err, TS_ERR_INVALID_FIELD, "there is no SQL statement") : e;
}

enum ts_err ts_console_run(struct ts_readonly *readonly,
                           const char *sql,
                           const struct ts_console_sink *sink,
                           int64_t *at,
                           struct ts_error *err)
{
    struct run r = {.conn = ts_readonly_conn(readonly)->conn, .sink = sink};
    *at = -1;
    if (strlen(sql) > INT_MAX)
        return ts_fail(err, TS_ERR_INVALID_FIELD, "the SQL is longer than 2 GiB");
    enum ts_err e = ts_readonly_begin(readonly, err);
    if (e != TS_OK)
        return e;
    (void)sqlite3_set_authorizer(r.conn->db, authorize, &r.refused);
    e = run_all(&r, sql, at, err);
    (void)sqlite3_set_authorizer(r.conn->db, NULL, NULL);
    ts_readonly_end(readonly);
    return e;
}
