#include "handlers/table_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/call.h"
#include "base/csv.h"
#include "base/json.h"
#include "base/utf8.h"

enum { NUMBER_SIZE = 48 };

static const struct {
    const char *name;
    const char *content_type;
} formats[] = {
    [TS_TABLE_CSV] = {"csv", "text/csv; charset=utf-8; header=present"},
    [TS_TABLE_NDJSON] = {"ndjson", "application/x-ndjson"},
    [TS_TABLE_JSON] = {"json", "application/json"},
    [TS_TABLE_MD] = {"md", "text/markdown; charset=utf-8"},
};

const char *ts_table_content_type(enum ts_table_format format)
{
    return formats[format].content_type;
}

const char *ts_table_extension(enum ts_table_format format)
{
    return formats[format].name;
}

int ts_table_format_find(const char *name)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

/* -- numbers ----------------------------------------------------------------------------------- */

/* @value / 10^@places without what is only zeros behind the point: 2456123 and 3: "2456.123". */
static void put_decimal(int64_t value, int places, char out[static NUMBER_SIZE])
{
    int64_t unit = 1;
    for (int i = 0; i < places; i++)
        unit *= 10;
    int64_t part = value % unit;
    if (part == 0) {
        (void)snprintf(out, NUMBER_SIZE, "%" PRId64, value / unit);
        return;
    }
    int n = snprintf(out, NUMBER_SIZE, "%" PRId64 ".%0*" PRId64, value / unit, places, part);
    while (out[n - 1] == '0')
        out[--n] = '\0';
}

/* False: unknown. */
static bool put_number(enum ts_column_kind kind,
                       const struct ts_table_cell *c,
                       char out[static NUMBER_SIZE])
{
    switch (kind) {
    case TS_COLUMN_INT:
        (void)snprintf(out, NUMBER_SIZE, "%" PRId64, c->number);
        return c->number != TS_UNKNOWN;
    case TS_COLUMN_RATING:
        (void)snprintf(out, NUMBER_SIZE, "%" PRId64, c->number);
        return true;
    case TS_COLUMN_BOOL:
        (void)snprintf(out, NUMBER_SIZE, "%s", c->number == 1 ? "true" : "false");
        return c->number != TS_UNKNOWN;
    case TS_COLUMN_MS:
        put_decimal(c->number, 3, out);
        return c->number != TS_UNKNOWN;
    case TS_COLUMN_USD:
        put_decimal(c->number, 9, out);
        return c->number != TS_UNKNOWN;
    case TS_COLUMN_REAL:
        (void)snprintf(out, NUMBER_SIZE, "%.15g", c->real);
        return isfinite(c->real) != 0;
    case TS_COLUMN_TEXT:
    case TS_COLUMN_JSON:
    case TS_COLUMN_ATTEMPTS:
        break;
    }
    abort();
}

static bool is_text(enum ts_column_kind kind)
{
    return kind == TS_COLUMN_TEXT || kind == TS_COLUMN_JSON || kind == TS_COLUMN_ATTEMPTS;
}

/* -- cells ------------------------------------------------------------------------------------- */

static void put_json(enum ts_column_kind kind, const struct ts_table_cell *c, struct ts_buf *out)
{
    char number[NUMBER_SIZE];
    bool unknown = is_text(kind) ? c->text == NULL : !put_number(kind, c, number);
    if (unknown)
        ts_buf_puts(out, "null");
    else if (kind == TS_COLUMN_TEXT)
        ts_buf_put_json_string(out, c->text, strlen(c->text));
    else
        ts_buf_puts(out, is_text(kind) ? c->text : number);
}

/* A table's cell may hold neither its own border nor a line's end. */
static void put_md_text(const char *text, struct ts_buf *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '|' || *text == '\\')
            ts_buf_puts(out, "\\");
        ts_buf_put(out, (unsigned char)*text < ' ' ? " " : text, 1);
    }
}

/* Whatever is stored, the file is UTF-8. */
static void put_csv_text(const char *text, struct ts_buf *out)
{
    size_t n = strlen(text);
    json_auto_t *mended = ts_utf8_valid(text, n) ? NULL : ts_json_textn(text, n);
    ts_csv_put(out,
               mended != NULL ? json_string_value(mended) : text,
               mended != NULL ? json_string_length(mended) : n);
}

static void put_plain(const struct ts_table *t,
                      enum ts_column_kind kind,
                      const struct ts_table_cell *c,
                      struct ts_buf *out)
{
    char number[NUMBER_SIZE];
    bool text = is_text(kind);
    if (text ? c->text == NULL : !put_number(kind, c, number))
        return;
    if (!text)
        ts_buf_puts(out, number);
    else if (t->format == TS_TABLE_CSV)
        put_csv_text(c->text, out);
    else
        put_md_text(c->text, out);
}

/* -- rows -------------------------------------------------------------------------------------- */

static void begin_md(const struct ts_table *t, struct ts_buf *out)
{
    for (int i = 0; i < t->count; i++)
        ts_buf_printf(out, "| %s ", t->columns[i].column);
    ts_buf_puts(out, "|\n");
    for (int i = 0; i < t->count; i++)
        ts_buf_puts(out, is_text(t->columns[i].kind) ? "|---" : "|--:");
    ts_buf_puts(out, "|\n");
}

void ts_table_begin(const struct ts_table *t, struct ts_buf *out)
{
    switch (t->format) {
    case TS_TABLE_CSV:
        for (int i = 0; i < t->count; i++)
            ts_buf_printf(out, "%s%s", i > 0 ? "," : "", t->columns[i].column);
        ts_buf_puts(out, "\n");
        break;
    case TS_TABLE_NDJSON:
        break;
    case TS_TABLE_JSON:
        ts_buf_printf(out, "{\"%s\":[", t->plural);
        break;
    case TS_TABLE_MD:
        begin_md(t, out);
        break;
    }
}

static void json_row(const struct ts_table *t,
                     const struct ts_table_cell *cells,
                     struct ts_buf *out)
{
    for (int i = 0; i < t->count; i++) {
        ts_buf_printf(out, "%c\"%s\":", i > 0 ? ',' : '{', t->columns[i].member);
        put_json(t->columns[i].kind, &cells[i], out);
    }
    ts_buf_puts(out, "}");
}

void ts_table_row(struct ts_table *t, const struct ts_table_cell *cells, struct ts_buf *out)
{
    switch (t->format) {
    case TS_TABLE_CSV:
        for (int i = 0; i < t->count; i++) {
            if (i > 0)
                ts_buf_puts(out, ",");
            put_plain(t, t->columns[i].kind, &cells[i], out);
        }
        ts_buf_puts(out, "\n");
        break;
    case TS_TABLE_NDJSON:
        json_row(t, cells, out);
        ts_buf_puts(out, "\n");
        break;
    case TS_TABLE_JSON:
        ts_buf_puts(out, t->rows > 0 ? ",\n" : "\n");
        json_row(t, cells, out);
        break;
    case TS_TABLE_MD:
        for (int i = 0; i < t->count; i++) {
            ts_buf_puts(out, "| ");
            put_plain(t, t->columns[i].kind, &cells[i], out);
            ts_buf_puts(out, " ");
        }
        ts_buf_puts(out, "|\n");
        break;
    }
    t->rows++;
}

void ts_table_end(const struct ts_table *t, struct ts_buf *out)
{
    if (t->format == TS_TABLE_JSON)
        ts_buf_puts(out, "\n]}\n");
}
