/*
 * A small document: headings, paragraphs, lists and tables, written as Markdown or as HTML.
 *
 * Texts are plain and come from anywhere; the writers escape them. What cannot be stored (no
 * memory, too much) is latched: check ts_document_ok() once at the end.
 */
#ifndef TS_BASE_DOCUMENT_H
#define TS_BASE_DOCUMENT_H

#include "base/arena.h"
#include "base/buf.h"

/* What a cell says, for formats that have colours. */
enum ts_tone { TS_TONE_PLAIN, TS_TONE_GOOD, TS_TONE_BAD, TS_TONE_DIM };

struct ts_doc_column {
    const char *title;
    bool right; /* figures */
};

struct ts_doc_cell {
    const char *text;
    enum ts_tone tone;
};

struct ts_doc_row;
struct ts_doc_block;

struct ts_document {
    struct ts_arena arena;
    struct ts_doc_block *first;
    struct ts_doc_block *last;
    bool failed;
};

#define TS_DOCUMENT_INIT(maximum) ((struct ts_document){.arena = TS_ARENA_INIT(maximum)})

void ts_document_free(struct ts_document *d);

static inline bool ts_document_ok(const struct ts_document *d)
{
    return !d->failed;
}

/* @level: 1 is the title. */
void ts_document_heading(struct ts_document *d, int level, const char *text);
void ts_document_text(struct ts_document *d, const char *text);

/* Items in a row are one list. */
void ts_document_item(struct ts_document *d, const char *text);

/* A table; rows go to the last one. @columns must outlive the document. */
void ts_document_table(struct ts_document *d, const struct ts_doc_column *columns, int count);

/* The cells of a new row, all empty; NULL after a failure. Texts put there must be the document's
 * (ts_document_printf) or constant. */
struct ts_doc_cell *ts_document_row(struct ts_document *d);

/* A text of the document's own; "" after a failure. */
const char *ts_document_printf(struct ts_document *d, const char *fmt, ...) TS_PRINTF(2, 3);

/* GitHub's Markdown, with the columns of tables aligned. */
void ts_document_markdown(const struct ts_document *d, struct ts_buf *out);

/* One self-contained page without scripts: dark or light as its reader's system is, dark on white
 * in print. The first heading is its title. */
void ts_document_html(const struct ts_document *d, struct ts_buf *out);

/* -- for the writers -------------------------------------------------------------------------- */

enum ts_doc_kind { TS_DOC_HEADING, TS_DOC_TEXT, TS_DOC_ITEM, TS_DOC_TABLE };

struct ts_doc_row {
    struct ts_doc_row *next;
    struct ts_doc_cell cells[];
};

struct ts_doc_block {
    struct ts_doc_block *next;
    enum ts_doc_kind kind;
    int level; /* of a heading */
    const char *text;
    const struct ts_doc_column *columns;
    int column_count;
    struct ts_doc_row *rows;
    struct ts_doc_row *last_row;
};

#endif
