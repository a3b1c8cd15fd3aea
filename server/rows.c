#include "server/rows.h"

#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"

enum {
    OUT_MAX_BYTES = 64 * 1024 * 1024, /* one row; flushed long before */
    FLUSH_BYTES = 64 * 1024,
    NAMES_MAX_BYTES = 16 * 1024 * 1024,
    HELD_MAX_BYTES = 8 * 1024 * 1024,
    NUMBER_SIZE = 40,
};

/* A cell of a table: its text, made fit for a terminal. */
struct held_cell {
    struct ts_slice text;
    bool right; /* a number */
};

struct ts_held_row {
    struct ts_held_row *next;
    struct held_cell cells[];
};

void ts_rows_init(struct ts_rows *r,
                  enum ts_rows_format format,
                  bool (*write)(void *ctx, const char *text, size_t len),
                  void *ctx)
{
    *r = (struct ts_rows){
        .format = format,
        .write = write,
        .ctx = ctx,
        .out = TS_BUF_INIT(OUT_MAX_BYTES),
        .names_arena = TS_ARENA_INIT(NAMES_MAX_BYTES),
        .held_arena = TS_ARENA_INIT(HELD_MAX_BYTES),
    };
}

void ts_rows_deinit(struct ts_rows *r)
{
    ts_buf_free(&r->out);
    ts_arena_free(&r->names_arena);
    ts_arena_free(&r->held_arena);
}

static enum ts_err flush(struct ts_rows *r, size_t from, struct ts_error *err)
{
    if (!ts_buf_ok(&r->out))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
    if (r->out.len == 0 || r->out.len < from)
        return TS_OK;
    bool ok = r->write(r->ctx, r->out.data, r->out.len);
    ts_buf_clear(&r->out);
    return ok ? TS_OK : ts_fail(err, TS_ERR_IO, "cannot write the rows");
}

/* -- values ----------------------------------------------------------------------------------- */

/* The shortest decimal that reads back as the same number, always with a point or an exponent. */
static void put_real(struct ts_buf *b, double v)
{
    char text[NUMBER_SIZE];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    ts_buf_puts(b, text);
    if (isfinite(v) && strpbrk(text, ".e") == NULL)
        ts_buf_puts(b, ".0");
}

static void put_blob(struct ts_buf *b, struct ts_slice bytes)
{
    ts_buf_puts(b, "X'");
    for (size_t i = 0; i < bytes.len; i++)
        ts_buf_printf(b, "%02X", (unsigned)(unsigned char)bytes.at[i]);
    ts_buf_puts(b, "'");
}

static void put_number(struct ts_buf *b, const struct ts_cell *c)
{
    if (c->type == TS_CELL_INTEGER)
        ts_buf_printf(b, "%lld", (long long)c->integer);
    else
        put_real(b, c->real);
}

/* For people: a NULL is told from an empty text, and nothing moves the terminal. */
static void put_visible(struct ts_buf *b, const struct ts_cell *c)
{
    switch (c->type) {
    case TS_CELL_NULL:
        ts_buf_puts(b, "NULL");
        break;
    case TS_CELL_INTEGER:
    case TS_CELL_REAL:
        put_number(b, c);
        break;
    case TS_CELL_TEXT:
        ts_utf8_put_visible(b, c->bytes.at, c->bytes.len);
        break;
    case TS_CELL_BLOB:
        put_blob(b, c->bytes);
        break;
    }
}

/* RFC 4180, with the line ends of this system: quoted where it must be; a NULL is empty, an empty
 * text is "". */
static void put_csv_text(struct ts_buf *b, struct ts_slice s)
{
    bool quote = s.len == 0;
    for (size_t i = 0; i < s.len && !quote; i++)
        quote = strchr(",\"\r\n", s.at[i]) != NULL;
    if (!quote) {
        ts_buf_put(b, s.at, s.len);
        return;
    }
    ts_buf_puts(b, "\"");
    for (size_t i = 0; i < s.len; i++)
        ts_buf_put(b, s.at[i] == '"' ? "\"\"" : &s.at[i], s.at[i] == '"' ? 2 : 1);
    ts_buf_puts(b, "\"");
}

static void put_csv(struct ts_buf *b, const struct ts_cell *c)
{
    switch (c->type) {
    case TS_CELL_NULL:
        break;
    case TS_CELL_INTEGER:
    case TS_CELL_REAL:
        put_number(b, c);
        break;
    case TS_CELL_TEXT:
        put_csv_text(b, c->bytes);
        break;
    case TS_CELL_BLOB:
        put_blob(b, c->bytes);
        break;
    }
}

static void put_json(struct ts_buf *b, const struct ts_cell *c)
{
    switch (c->type) {
    case TS_CELL_NULL:
        ts_buf_puts(b, "null");
        break;
    case TS_CELL_INTEGER:
        put_number(b, c);
        break;
    case TS_CELL_REAL:
        if (isfinite(c->real))
            put_number(b, c);
        else
            ts_buf_puts(b, "null"); /* JSON knows no infinity */
        break;
    case TS_CELL_TEXT:
        ts_buf_put_json_string(b, c->bytes.at, c->bytes.len);
        break;
    case TS_CELL_BLOB:
        ts_buf_puts(b, "\"");
        put_blob(b, c->bytes);
        ts_buf_puts(b, "\"");
        break;
    }
}

/* -- tables ----------------------------------------------------------------------------------- */

static void put_padding(struct ts_buf *b, size_t n, char with)
{
    for (size_t i = 0; i < n; i++)
        ts_buf_put(b, &with, 1);
}

/* One cell of a table; the last one of a row is not filled up. */
static void put_cell(struct ts_rows *r, int i, struct ts_slice text, bool right)
{
    size_t columns = ts_utf8_columns(text.at, text.len);
    size_t fill = columns < r->widths[i] ? r->widths[i] - columns : 0;
    if (right)
        put_padding(&r->out, fill, ' ');
    ts_buf_put(&r->out, text.at, text.len);
    if (i + 1 == r->count) {
        ts_buf_puts(&r->out, "\n");
        return;
    }
    put_padding(&r->out, right ? 2 : fill + 2, ' ');
}

static void widen(struct ts_rows *r, int i, struct ts_slice text)
{
    size_t columns = ts_utf8_columns(text.at, text.len);
    if (columns > r->widths[i])
        r->widths[i] = columns;
}

static struct ts_held_row *oldest_first(struct ts_held_row *newest)
{
    struct ts_held_row *done = NULL;
    while (newest != NULL) {
        struct ts_held_row *next = newest->next;
        newest->next = done;
        done = newest;
        newest = next;
    }
    return done;
}

/* Settles the widths: the head and what waited go out. */
static enum ts_err release(struct ts_rows *r, struct ts_error *err)
{
    enum ts_err e = TS_OK;
    r->streaming = true;
    for (int i = 0; i < r->count; i++)
        put_cell(r, i, ts_slice_str(r->names[i]), false);
    for (int i = 0; i < r->count; i++) {
        put_padding(&r->out, r->widths[i], '-');
        ts_buf_puts(&r->out, i + 1 == r->count ? "\n" : "  ");
    }
    for (const struct ts_held_row *h = oldest_first(r->held); e == TS_OK && h != NULL;
         h = h->next) {
        for (int i = 0; i < r->count; i++)
            put_cell(r, i, h->cells[i].text, h->cells[i].right);
        e = flush(r, FLUSH_BYTES, err);
    }
    r->held = NULL;
    ts_arena_free(&r->held_arena);
    return e;
}

static bool is_number(const struct ts_cell *c)
{
    return c->type == TS_CELL_INTEGER || c->type == TS_CELL_REAL;
}

/* Keeps a row for later; false: there is no room for more. */
static bool hold(struct ts_rows *r, const struct ts_cell *cells)
{
    struct ts_held_row *h =
        ts_arena_alloc(&r->held_arena, sizeof(*h) + (size_t)r->count * sizeof(struct held_cell));
    for (int i = 0; h != NULL && i < r->count; i++) {
        TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(OUT_MAX_BYTES);
        put_visible(&text, &cells[i]);
        struct ts_slice s = {.at = ts_buf_text(&text), .len = text.len};
        h->cells[i] = (struct held_cell){.text = {ts_arena_copy(&r->held_arena, s), s.len},
                                         .right = is_number(&cells[i])};
        if (!ts_buf_ok(&text) || h->cells[i].text.at == NULL)
            return false;
    }
    if (h == NULL)
        return false;
    for (int i = 0; i < r->count; i++)
        widen(r, i, h->cells[i].text);
    h->next = r->held;
    r->held = h;
    return true;
}

static enum ts_err table_row(struct ts_rows *r, const struct ts_cell *cells, struct ts_error *err)
{
    if (!r->streaming && hold(r, cells))
        return TS_OK;
    enum ts_err e = r->streaming ? TS_OK : release(r, err);
    for (int i = 0; e == TS_OK && i < r->count; i++) {
        TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(OUT_MAX_BYTES);
        put_visible(&text, &cells[i]);
        put_cell(r, i, (struct ts_slice){ts_buf_text(&text), text.len}, is_number(&cells[i]));
    }
    return e;
}

/* -- the other formats ------------------------------------------------------------------------ */

static void csv_row(struct ts_rows *r, const struct ts_cell *cells)
{
    for (int i = 0; i < r->count; i++) {
        ts_buf_puts(&r->out, i > 0 ? "," : "");
        put_csv(&r->out, &cells[i]);
    }
    ts_buf_puts(&r->out, "\n");
}

static void json_row(struct ts_rows *r, const struct ts_cell *cells)
{
    if (r->format == TS_ROWS_JSON)
        ts_buf_puts(&r->out, r->rows > 0 ? ",\n" : "");
    for (int i = 0; i < r->count; i++) {
        ts_buf_puts(&r->out, i > 0 ? "," : "{");
        ts_buf_put_json_string(&r->out, r->names[i], strlen(r->names[i]));
        ts_buf_puts(&r->out, ":");
        put_json(&r->out, &cells[i]);
    }
    ts_buf_puts(&r->out, r->format == TS_ROWS_JSON ? "}" : "}\n");
}

static void line_row(struct ts_rows *r, const struct ts_cell *cells)
{
    size_t width = 0;
    for (int i = 0; i < r->count; i++)
        width = r->widths[i] > width ? r->widths[i] : width;
    ts_buf_puts(&r->out, r->rows > 0 ? "\n" : "");
    for (int i = 0; i < r->count; i++) {
        put_padding(&r->out, width - r->widths[i], ' ');
        ts_buf_printf(&r->out, "%s = ", r->names[i]);
        put_visible(&r->out, &cells[i]);
        ts_buf_puts(&r->out, "\n");
    }
}

/* -- the sink --------------------------------------------------------------------------------- */

static enum ts_err keep_names(struct ts_rows *r,
                              const char *const *names,
                              int count,
                              struct ts_error *err)
{
    ts_arena_free(&r->names_arena);
    r->names = ts_arena_alloc(&r->names_arena, (size_t)count * sizeof(r->names[0]));
    r->widths = ts_arena_alloc(&r->names_arena, (size_t)count * sizeof(r->widths[0]));
    bool ok = r->names != NULL && r->widths != NULL;
    for (int i = 0; ok && i < count; i++) {
        TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(NAMES_MAX_BYTES);
        bool for_people = r->format == TS_ROWS_TABLE || r->format == TS_ROWS_LINE;
        if (for_people)
            ts_utf8_put_visible(&text, names[i], strlen(names[i]));
        else
            ts_buf_puts(&text, names[i]);
        r->names[i] = ts_arena_str(&r->names_arena, ts_buf_text(&text));
        ok = ts_buf_ok(&text) && r->names[i] != NULL;
        r->widths[i] = ok ? ts_utf8_columns(r->names[i], strlen(r->names[i])) : 0;
    }
    r->count = count;
    return ok ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the columns");
}

static void csv_head(struct ts_rows *r)
{
    for (int i = 0; i < r->count; i++) {
        ts_buf_puts(&r->out, i > 0 ? "," : "");
        put_csv_text(&r->out, ts_slice_str(r->names[i]));
    }
    ts_buf_puts(&r->out, "\n");
}

enum ts_err ts_rows_begin(void *rows, const char *const *names, int count, struct ts_error *err)
{
    struct ts_rows *r = rows;
    enum ts_err e = keep_names(r, names, count, err);
    if (e != TS_OK)
        return e;
    bool apart = r->format != TS_ROWS_JSON && r->format != TS_ROWS_NDJSON;
    if (r->results++ > 0 && apart)
        ts_buf_puts(&r->out, "\n");
    r->rows = 0;
    r->streaming = false;
    if (r->format == TS_ROWS_JSON)
        ts_buf_puts(&r->out, "[");
    else if (r->format == TS_ROWS_CSV)
        csv_head(r);
    return TS_OK;
}

enum ts_err ts_rows_row(void *rows, const struct ts_cell *cells, int count, struct ts_error *err)
{
    struct ts_rows *r = rows;
    enum ts_err e = TS_OK;
    (void)count;
    switch (r->format) {
    case TS_ROWS_TABLE:
        e = table_row(r, cells, err);
        break;
    case TS_ROWS_CSV:
        csv_row(r, cells);
        break;
    case TS_ROWS_JSON:
    case TS_ROWS_NDJSON:
        json_row(r, cells);
        break;
    case TS_ROWS_LINE:
        line_row(r, cells);
        break;
    case TS_ROWS_COUNT_:
        break;
    }
    r->rows++;
    return e == TS_OK ? flush(r, FLUSH_BYTES, err) : e;
}

enum ts_err ts_rows_end(void *rows, struct ts_error *err)
{
    struct ts_rows *r = rows;
    enum ts_err e = TS_OK;
    if (r->format == TS_ROWS_TABLE && !r->streaming)
        e = release(r, err);
    else if (r->format == TS_ROWS_JSON)
        ts_buf_puts(&r->out, "]\n");
    return e == TS_OK ? flush(r, 0, err) : e;
}
