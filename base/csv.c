#include "base/csv.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(struct ts_slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && is_digit(s.at[at + n]))
        n++;
    return n;
}

bool ts_csv_is_number(struct ts_slice s)
{
    size_t at = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+');
    size_t whole = digits(s, at);
    at += whole;
    size_t part = 0;
    if (at < s.len && s.at[at] == '.') {
        part = digits(s, at + 1);
        at += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (at < s.len && (s.at[at] == 'e' || s.at[at] == 'E')) {
        at++;
        at += at < s.len && (s.at[at] == '-' || s.at[at] == '+');
        size_t power = digits(s, at);
        if (power == 0)
            return false;
        at += power;
    }
    return at == s.len;
}

/* -- the apostrophe ---------------------------------------------------------------------------- */

static bool runs(char c)
{
    return c != '\0' && strchr("=+-@\t\r", c) != NULL;
}

static bool needs_guard(struct ts_slice s)
{
    size_t quotes = 0;
    while (quotes < s.len && s.at[quotes] == '\'')
        quotes++;
    return quotes < s.len && runs(s.at[quotes]) && (quotes > 0 || !ts_csv_is_number(s));
}

struct ts_slice ts_csv_unguard(struct ts_slice cell)
{
    if (cell.len < 2 || cell.at[0] != '\'' || !needs_guard(cell))
        return cell;
    return (struct ts_slice){cell.at + 1, cell.len - 1};
}

/* -- writing ----------------------------------------------------------------------------------- */

static bool needs_quotes(struct ts_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == ',' || s.at[i] == '"' || s.at[i] == '\r' || s.at[i] == '\n')
            return true;
    }
    return s.len > 0 && (s.at[0] == ' ' || s.at[s.len - 1] == ' ');
}

void ts_csv_put(struct ts_buf *out, const char *text, size_t len)
{
    struct ts_slice s = {text, len};
    bool quoted = needs_quotes(s);
    if (quoted)
        ts_buf_puts(out, "\"");
    if (needs_guard(s))
        ts_buf_puts(out, "'");
    while (quoted && s.len > 0) {
        const char *quote = memchr(s.at, '"', s.len);
        size_t n = quote != NULL ? (size_t)(quote - s.at) + 1 : s.len;
        ts_buf_put(out, s.at, n);
        if (quote != NULL)
            ts_buf_puts(out, "\"");
        s.at += n;
        s.len -= n;
    }
    ts_buf_put(out, s.at, s.len);
    if (quoted)
        ts_buf_puts(out, "\"");
}

/* -- reading ----------------------------------------------------------------------------------- */

size_t ts_csv_scan(struct ts_csv_scan *s, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (s->state == TS_CSV_QUOTED) {
            if (c == '"')
                s->state = TS_CSV_CLOSED;
            continue;
        }
        if (c == '\n')
            return i + 1;
        if (c == '"' && (s->state == TS_CSV_START || s->state == TS_CSV_CLOSED))
            s->state = TS_CSV_QUOTED;
        else
            s->state = c == s->delimiter ? TS_CSV_START : TS_CSV_PLAIN;
    }
    return 0;
}

/* Behind a cell: over the delimiter, or to the end. */
static void step_over(struct ts_slice *record, size_t n)
{
    if (n == record->len) {
        *record = (struct ts_slice){NULL, 0};
        return;
    }
    record->at += n + 1;
    record->len -= n + 1;
}

static const char *quoted_cell(char delimiter, struct ts_slice *record, struct ts_slice *cell)
{
    char *bytes = (char *)(uintptr_t)record->at; /* the caller's own buffer */
    size_t to = 1;
    size_t at = 1;
    for (; at < record->len; at++) {
        if (bytes[at] == '"') {
            if (at + 1 == record->len || bytes[at + 1] != '"')
                break;
            at++;
        }
        bytes[to++] = bytes[at];
    }
    if (at == record->len)
        return "a quote is never closed";
    at++;
    if (at < record->len && record->at[at] != delimiter)
        return "text stands behind a closing quote";
    *cell = (struct ts_slice){record->at + 1, to - 1};
    step_over(record, at);
    return NULL;
}

const char *ts_csv_cell(char delimiter, struct ts_slice *record, struct ts_slice *cell)
{
    if (record->len > 0 && record->at[0] == '"')
        return quoted_cell(delimiter, record, cell);
    const char *end = record->len > 0 ? memchr(record->at, delimiter, record->len) : NULL;
    size_t n = end != NULL ? (size_t)(end - record->at) : record->len;
    *cell = (struct ts_slice){record->at, n};
    step_over(record, n);
    return NULL;
}
