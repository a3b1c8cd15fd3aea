#include "base/document.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void ts_document_free(struct ts_document *d)
{
    ts_arena_free(&d->arena);
    *d = (struct ts_document){.arena = TS_ARENA_INIT(d->arena.max)};
}

static struct ts_doc_block *add(struct ts_document *d, enum ts_doc_kind kind, const char *text)
{
    struct ts_doc_block *b = ts_arena_alloc(&d->arena, sizeof(*b));
    const char *kept = ts_arena_str(&d->arena, text);
    if (b == NULL || kept == NULL) {
        d->failed = true;
        return NULL;
    }
    *b = (struct ts_doc_block){.kind = kind, .text = kept};
    if (d->last != NULL)
        d->last->next = b;
    else
        d->first = b;
    d->last = b;
    return b;
}

void ts_document_heading(struct ts_document *d, int level, const char *text)
{
    struct ts_doc_block *b = add(d, TS_DOC_HEADING, text);
    if (b != NULL)
        b->level = level;
}

void ts_document_text(struct ts_document *d, const char *text)
{
    (void)add(d, TS_DOC_TEXT, text);
}

void ts_document_item(struct ts_document *d, const char *text)
{
    (void)add(d, TS_DOC_ITEM, text);
}

void ts_document_table(struct ts_document *d, const struct ts_doc_column *columns, int count)
{
    struct ts_doc_block *b = add(d, TS_DOC_TABLE, "");
    if (b == NULL)
        return;
    b->columns = columns;
    b->column_count = count;
}

struct ts_doc_cell *ts_document_row(struct ts_document *d)
{
    struct ts_doc_block *b = d->last;
    if (d->failed)
        return NULL;
    assert(b != NULL && b->kind == TS_DOC_TABLE);
    size_t size = sizeof(struct ts_doc_row) + (size_t)b->column_count * sizeof(struct ts_doc_cell);
    struct ts_doc_row *row = ts_arena_alloc(&d->arena, size);
    if (row == NULL) {
        d->failed = true;
        return NULL;
    }
    for (int i = 0; i < b->column_count; i++)
        row->cells[i].text = "";
    if (b->last_row != NULL)
        b->last_row->next = row;
    else
        b->rows = row;
    b->last_row = row;
    return row->cells;
}

const char *ts_document_printf(struct ts_document *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len >= 0 && !d->failed ? ts_arena_alloc(&d->arena, (size_t)len + 1) : NULL;
    d->failed = d->failed || text == NULL;
    if (text == NULL)
        return "";
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}
