/* Documents as one HTML page: no scripts, no other files. */
#include <string.h>

#include "base/document.h"
#include "base/utf8.h"

/* The dashboard's colours (static/css/tokens.css; tests/api/report.test.mjs compares). */
static const char style[] =
    ":root{color-scheme:dark light;--bg:#14110f;--surface:#1e1a17;--raised:#2a2420;--text:#f3e9d2;"
    "--muted:#c9baa0;--line:#4a4036;--accent:#d9a441;--ok:#63c99b;--bad:#ff8571}\n"
    "@media (prefers-color-scheme:light){:root{--bg:#f4ecda;--surface:#fffaf0;--raised:#ebdfc6;"
    "--text:#2a1f14;--muted:#574632;--line:#cdbd9d;--accent:#7d4e00;--ok:#00684a;--bad:#8a0f1d}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:84rem;padding:2rem 1.25rem 4rem;background:var(--bg);"
    "color:var(--text);font:16px/1.55 Inter,system-ui,sans-serif}\n"
    "h1,h2{font-family:Cinzel,Georgia,serif;font-weight:600;line-height:1.2;color:var(--accent)}\n"
    "h1{font-size:1.9rem}h2{font-size:1.3rem;margin-top:2.2em}\n"
    "p{max-width:60rem}p,li{color:var(--muted)}\n"
    ".wide{overflow-x:auto;border:1px solid var(--line);border-radius:6px;"
    "background:var(--surface)}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}\n"
    "th,td{padding:.5rem .75rem;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--line)}\n"
    "th{background:var(--raised);font-weight:600;white-space:nowrap}\n"
    "tr:last-child td{border-bottom:0}\n"
    ".r{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "small{display:block;font-size:.85em;color:var(--muted)}\n"
    ".good{color:var(--ok)}.bad{color:var(--bad)}.dim{color:var(--muted)}\n"
    "@media print{:root{color-scheme:light;--bg:#fff;--surface:#fff;--raised:#fff;--text:#000;"
    "--muted:#333;--line:#999;--accent:#000;--ok:#000;--bad:#000}"
    "body{max-width:none;padding:0;font-size:10pt}.wide{overflow:visible}"
    "table{font-size:8pt}th,td{padding:.25rem .4rem}tr{break-inside:avoid}"
    "h2{break-after:avoid}}\n";

static void put_escaped(struct ts_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = ts_utf8_len(text + i, len - i);
        switch (text[i]) {
        case '<':
            ts_buf_puts(out, "&lt;");
            break;
        case '>':
            ts_buf_puts(out, "&gt;");
            break;
        case '&':
            ts_buf_puts(out, "&amp;");
            break;
        case '"':
            ts_buf_puts(out, "&quot;");
            break;
        default:
            ts_utf8_put_visible(out, text + i, n > 0 ? n : 1);
            break;
        }
        i += n > 0 ? n : 1;
    }
}

static const char *tone_class(enum ts_tone tone)
{
    switch (tone) {
    case TS_TONE_GOOD:
        return "good";
    case TS_TONE_BAD:
        return "bad";
    case TS_TONE_DIM:
        return "dim";
    case TS_TONE_PLAIN:
        break;
    }
    return "";
}

/* A cell of the element @tag. */
static void put_cell(struct ts_buf *out, const char *tag, const struct ts_doc_cell *c, bool right)
{
    const char *tone = tone_class(c->tone);
    ts_buf_printf(out, "<%s", tag);
    if (right || *tone != '\0')
        ts_buf_printf(
            out, " class=\"%s%s%s\"", right ? "r" : "", right && *tone != '\0' ? " " : "", tone);
    ts_buf_puts(out, strcmp(tag, "th") == 0 ? " scope=\"col\">" : ">");
    const char *bracket = right ? strstr(c->text, " (") : NULL;
    size_t len = bracket != NULL ? (size_t)(bracket - c->text) : strlen(c->text);
    put_escaped(out, c->text, len);
    if (bracket != NULL) { /* an interval or a unit: below its figure, and smaller */
        ts_buf_puts(out, " <small>");
        put_escaped(out, bracket + 1, strlen(bracket + 1));
        ts_buf_puts(out, "</small>");
    }
    ts_buf_printf(out, "</%s>", tag);
}

static void put_table(struct ts_buf *out, const struct ts_doc_block *b)
{
    ts_buf_puts(out, "<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr>");
    for (int i = 0; i < b->column_count; i++) {
        const struct ts_doc_cell title = {.text = b->columns[i].title};
        put_cell(out, "th", &title, b->columns[i].right);
    }
    ts_buf_puts(out, "</tr></thead>\n<tbody>\n");
    for (const struct ts_doc_row *r = b->rows; r != NULL; r = r->next) {
        ts_buf_puts(out, "<tr>");
        for (int i = 0; i < b->column_count; i++)
            put_cell(out, "td", &r->cells[i], b->columns[i].right);
        ts_buf_puts(out, "</tr>\n");
    }
    ts_buf_puts(out, "</tbody>\n</table></div>\n");
}

/* A text in an element. */
static void put_in(struct ts_buf *out, const char *tag, const char *text)
{
    ts_buf_printf(out, "<%s>", tag);
    put_escaped(out, text, strlen(text));
    ts_buf_printf(out, "</%s>\n", tag);
}

static void put_block(struct ts_buf *out, const struct ts_doc_block *b)
{
    switch (b->kind) {
    case TS_DOC_HEADING:
        put_in(out, b->level == 1 ? "h1" : "h2", b->text);
        break;
    case TS_DOC_TEXT:
        put_in(out, "p", b->text);
        break;
    case TS_DOC_ITEM:
        put_in(out, "li", b->text);
        break;
    case TS_DOC_TABLE:
        put_table(out, b);
        break;
    }
}

void ts_document_html(const struct ts_document *d, struct ts_buf *out)
{
    ts_buf_puts(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    const char *title = d->first != NULL ? d->first->text : "";
    put_escaped(out, title, strlen(title));
    ts_buf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
    bool in_list = false;
    for (const struct ts_doc_block *b = d->first; b != NULL; b = b->next) {
        bool item = b->kind == TS_DOC_ITEM;
        if (item != in_list)
            ts_buf_puts(out, item ? "<ul>\n" : "</ul>\n");
        in_list = item;
        put_block(out, b);
    }
    ts_buf_puts(out, in_list ? "</ul>\n" : "");
    ts_buf_puts(out, "</main>\n</body>\n</html>\n");
}
