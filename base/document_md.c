/* Documents as Markdown, as GitHub reads it. */
#include <ctype.h>
#include <string.h>

#include "base/document.h"
#include "base/utf8.h"

enum { CELL_MAX_BYTES = 64 * 1024, MAX_COLUMNS = 32, LEAST_WIDTH = 3 };

static bool is_word(char c)
{
    return isalnum((unsigned char)c) != 0 || ((unsigned char)c & 0x80U) != 0;
}

/* Whether the character at @i would be read as markup. An underscore inside a word is not. */
static bool is_markup(const char *text, size_t i)
{
    char c = text[i];
    if (c == '_')
        return i == 0 || !is_word(text[i - 1]) || !is_word(text[i + 1]);
    return strchr("\\`*[]<>|~&", c) != NULL;
}

static void put_escaped(struct ts_buf *out, const char *text)
{
    TS_AUTO(ts_buf_free) struct ts_buf visible = TS_BUF_INIT(CELL_MAX_BYTES);
    ts_utf8_put_visible(&visible, text, strlen(text));
    const char *s = ts_buf_text(&visible);
    for (size_t i = 0; s[i] != '\0'; i++) {
        if (is_markup(s, i))
            ts_buf_put(out, "\\", 1);
        ts_buf_put(out, &s[i], 1);
    }
    if (!ts_buf_ok(&visible) && out->error == TS_OK)
        out->error = visible.error;
}

/* -- tables ----------------------------------------------------------------------------------- */

static size_t width_of(const char *text)
{
    TS_AUTO(ts_buf_free) struct ts_buf b = TS_BUF_INIT(2 * CELL_MAX_BYTES);
    put_escaped(&b, text);
    return ts_utf8_columns(ts_buf_text(&b), b.len);
}

static void put_fill(struct ts_buf *out, size_t count, char with)
{
    for (size_t i = 0; i < count; i++)
        ts_buf_put(out, &with, 1);
}

static void put_cell(struct ts_buf *out, const char *text, size_t width, bool right)
{
    size_t own = width_of(text);
    size_t fill = own < width ? width - own : 0;
    ts_buf_puts(out, " ");
    put_fill(out, right ? fill : 0, ' ');
    put_escaped(out, text);
    put_fill(out, right ? 0 : fill, ' ');
    ts_buf_puts(out, " |");
}

static void put_table(struct ts_buf *out, const struct ts_doc_block *b)
{
    size_t widths[MAX_COLUMNS];
    int count = b->column_count < MAX_COLUMNS ? b->column_count : MAX_COLUMNS;
    for (int i = 0; i < count; i++) {
        widths[i] = width_of(b->columns[i].title);
        widths[i] = widths[i] > LEAST_WIDTH ? widths[i] : LEAST_WIDTH;
        for (const struct ts_doc_row *r = b->rows; r != NULL; r = r->next) {
            size_t own = width_of(r->cells[i].text);
            widths[i] = own > widths[i] ? own : widths[i];
        }
    }
    ts_buf_puts(out, "|");
    for (int i = 0; i < count; i++)
        put_cell(out, b->columns[i].title, widths[i], b->columns[i].right);
    ts_buf_puts(out, "\n|");
    for (int i = 0; i < count; i++) {
        ts_buf_puts(out, " ");
        put_fill(out, widths[i] - 1, '-');
        ts_buf_puts(out, b->columns[i].right ? ": |" : "- |");
    }
    ts_buf_puts(out, "\n");
    for (const struct ts_doc_row *r = b->rows; r != NULL; r = r->next) {
        ts_buf_puts(out, "|");
        for (int i = 0; i < count; i++)
            put_cell(out, r->cells[i].text, widths[i], b->columns[i].right);
        ts_buf_puts(out, "\n");
    }
}

static void put_block(struct ts_buf *out, const struct ts_doc_block *b)
{
    switch (b->kind) {
    case TS_DOC_HEADING:
        put_fill(out, (size_t)b->level, '#');
        ts_buf_puts(out, " ");
        put_escaped(out, b->text);
        ts_buf_puts(out, "\n");
        break;
    case TS_DOC_TEXT:
        put_escaped(out, b->text);
        ts_buf_puts(out, "\n");
        break;
    case TS_DOC_ITEM:
        ts_buf_puts(out, "- ");
        put_escaped(out, b->text);
        ts_buf_puts(out, "\n");
        break;
    case TS_DOC_TABLE:
        put_table(out, b);
        break;
    }
}

void ts_document_markdown(const struct ts_document *d, struct ts_buf *out)
{
    const struct ts_doc_block *before = NULL;
    for (const struct ts_doc_block *b = d->first; b != NULL; before = b, b = b->next) {
        bool same_list = before != NULL && before->kind == TS_DOC_ITEM && b->kind == TS_DOC_ITEM;
        if (before != NULL && !same_list)
            ts_buf_puts(out, "\n");
        put_block(out, b);
    }
}
