#include "db/tablefn.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { DECLARATION_MAX = 16 * 1024, TEXTS_MAX_BYTES = 64 * 1024 * 1024, FIRST_ROWS = 16 };

/* What a function's name leads to; one a connection. */
struct module {
    const struct ts_tablefn *fn;
    void *ctx;
};

struct table {
    sqlite3_vtab base;
    const struct module *module;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct ts_tablefn_call call;
    int64_t at;
};

/* -- the table: its columns, then its arguments as hidden ones --------------------------------- */

static void declare(const struct ts_tablefn *fn, struct ts_buf *out)
{
    ts_buf_puts(out, "CREATE TABLE x("); /* allowed: the form of sqlite3_declare_vtab() */
    for (int i = 0; i < fn->column_count; i++)
        ts_buf_printf(out, "%s%s", i > 0 ? ", " : "", fn->columns[i]);
    for (int i = 0; i < fn->arg_count; i++)
        ts_buf_printf(out, ", %s HIDDEN", fn->args[i]);
    ts_buf_puts(out, ")");
}

static int on_connect(
    sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
    (void)argc;
    (void)argv;
    (void)message;
    const struct module *m = aux;
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(DECLARATION_MAX);
    declare(m->fn, &text);
    int rc = ts_buf_ok(&text) ? sqlite3_declare_vtab(db, ts_buf_text(&text)) : SQLITE_NOMEM;
    if (rc != SQLITE_OK)
        return rc;
    struct table *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return SQLITE_NOMEM;
    t->module = m;
    *out = &t->base;
    return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *vtab)
{
    free(TS_CONTAINER(vtab, struct table, base));
    return SQLITE_OK;
}

/* Every argument that is given must be usable: it becomes a parameter of on_filter(), and its bit
 * is set in idxNum. */
static int on_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const struct ts_tablefn *fn = TS_CONTAINER(vtab, struct table, base)->module->fn;
    int of_arg[TS_MAX_TABLEFN_ARGS] = {-1, -1, -1, -1};
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        int arg = c->iColumn - fn->column_count;
        if (arg < 0 || c->op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!c->usable)
            return SQLITE_CONSTRAINT;
        of_arg[arg] = i;
    }
    int given = 0;
    for (int arg = 0; arg < fn->arg_count; arg++) {
        if (of_arg[arg] < 0)
            continue;
        info->aConstraintUsage[of_arg[arg]].argvIndex = ++given;
        info->aConstraintUsage[of_arg[arg]].omit = 1;
        info->idxNum |= 1 << arg;
    }
    info->estimatedCost = 1000000; /* a scan of many calls: once, and before joins */
    info->estimatedRows = 20;
    return SQLITE_OK;
}

/* -- the rows --------------------------------------------------------------------------------- */

static int on_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    (void)vtab;
    struct cursor *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return SQLITE_NOMEM;
    c->call.arena = TS_ARENA_INIT(TEXTS_MAX_BYTES);
    *out = &c->base;
    return SQLITE_OK;
}

static void forget_rows(struct cursor *c)
{
    free(c->call.cells);
    ts_arena_free(&c->call.arena);
    c->call = (struct ts_tablefn_call){.arena = TS_ARENA_INIT(TEXTS_MAX_BYTES)};
    c->at = 0;
}

static int on_close(sqlite3_vtab_cursor *base)
{
    struct cursor *c = TS_CONTAINER(base, struct cursor, base);
    forget_rows(c);
    free(c);
    return SQLITE_OK;
}

static int on_filter(
    sqlite3_vtab_cursor *base, int given, const char *unused, int argc, sqlite3_value **argv)
{
    (void)unused;
    struct cursor *c = TS_CONTAINER(base, struct cursor, base);
    const struct module *m = TS_CONTAINER(base->pVtab, struct table, base)->module;
    struct ts_error err = TS_ERROR_INIT;
    forget_rows(c);
    c->call.ctx = m->ctx;
    c->call.columns = m->fn->column_count;
    int next = 0;
    for (int arg = 0; arg < m->fn->arg_count; arg++)
        c->call.args[arg] = (given & 1 << arg) != 0 && next < argc ? argv[next++] : NULL;
    enum ts_err e = m->fn->fill(&c->call, &err);
    memset(c->call.args, 0, sizeof(c->call.args)); /* they live no longer than this call */
    if (e == TS_OK && c->call.failed)
        e = TS_ERR_NOMEM;
    if (e == TS_OK)
        return SQLITE_OK;
    sqlite3_free(base->pVtab->zErrMsg);
    base->pVtab->zErrMsg = sqlite3_mprintf("%s: %s", m->fn->name, err.text);
    return e == TS_ERR_NOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

static int on_next(sqlite3_vtab_cursor *base)
{
    TS_CONTAINER(base, struct cursor, base)->at++;
    return SQLITE_OK;
}

static int on_eof(sqlite3_vtab_cursor *base)
{
    const struct cursor *c = TS_CONTAINER(base, struct cursor, base);
    return c->at >= c->call.rows;
}

static int on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = TS_CONTAINER(base, struct cursor, base)->at + 1;
    return SQLITE_OK;
}

static void give(sqlite3_context *ctx, const struct ts_cell *cell)
{
    switch (cell->type) {
    case TS_CELL_NULL:
        sqlite3_result_null(ctx);
        break;
    case TS_CELL_INTEGER:
        sqlite3_result_int64(ctx, cell->integer);
        break;
    case TS_CELL_REAL:
        sqlite3_result_double(ctx, cell->real);
        break;
    case TS_CELL_TEXT:
        sqlite3_result_text64(ctx, cell->bytes.at, cell->bytes.len, SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    case TS_CELL_BLOB:
        sqlite3_result_blob64(ctx, cell->bytes.at, cell->bytes.len, SQLITE_TRANSIENT);
        break;
    }
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const struct ts_tablefn_call *call = &TS_CONTAINER(base, struct cursor, base)->call;
    int64_t row = TS_CONTAINER(base, struct cursor, base)->at;
    if (column < call->columns) /* arguments read as NULL */
        give(ctx, &call->cells[row * call->columns + column]);
    return SQLITE_OK;
}

struct ts_cell ts_tablefn_text(struct ts_tablefn_call *call, const char *s)
{
    char *kept = ts_arena_str(&call->arena, s);
    call->failed = call->failed || (s != NULL && kept == NULL);
    return (struct ts_cell){.type = kept != NULL ? TS_CELL_TEXT : TS_CELL_NULL,
                            .bytes = ts_slice_str(kept)};
}

struct ts_cell *ts_tablefn_row(struct ts_tablefn_call *call)
{
    if (call->rows == call->room) {
        int64_t room = call->room == 0 ? FIRST_ROWS : 2 * call->room;
        struct ts_cell *cells =
            realloc(call->cells, (size_t)room * (size_t)call->columns * sizeof(*cells));
        if (cells == NULL)
            return NULL;
        call->cells = cells;
        call->room = room;
    }
    struct ts_cell *row = &call->cells[call->rows++ * call->columns];
    memset(row, 0, (size_t)call->columns * sizeof(*row));
    return row;
}

enum ts_err ts_tablefn_add(struct ts_conn *c,
                           const struct ts_tablefn *fn,
                           void *ctx,
                           struct ts_error *err)
{
    /* Without xCreate the function is there by its name alone. */
    static const sqlite3_module methods = {
        .xConnect = on_connect,
        .xBestIndex = on_best_index,
        .xDisconnect = on_disconnect,
        .xOpen = on_open,
        .xClose = on_close,
        .xFilter = on_filter,
        .xNext = on_next,
        .xEof = on_eof,
        .xColumn = on_column,
        .xRowid = on_rowid,
    };
    struct module *m = malloc(sizeof(*m));
    if (m == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the function %s", fn->name);
    *m = (struct module){.fn = fn, .ctx = ctx};
    int rc = sqlite3_create_module_v2(
        c->db, fn->name, &methods, m, free); /* frees it also if it fails */
    return rc == SQLITE_OK ? TS_OK
                           : ts_fail(err, TS_ERR_NOMEM, "cannot make the function %s", fn->name);
}
