#include "proxy/sse.h"

#include <string.h>

enum state {
    LINE_START,
    NAME,     /* a field name that may be "data" */
    SPACE,    /* behind "data:", one space may follow */
    DATA,     /* in the value of a data line */
    SKIP,     /* in a comment or another field */
    BLANK_CR, /* the CR of a blank line came, its LF must follow */
};

static const struct ts_slice name = {"data", 4};

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Length of the run up to the end of the line. */
static size_t rest_of_line(const char *bytes, size_t n)
{
    const char *lf = memchr(bytes, '\n', n);
    size_t len = lf != NULL ? (size_t)(lf - bytes) : n;
    const char *cr = memchr(bytes, '\r', len);
    return cr != NULL ? (size_t)(cr - bytes) : len;
}

/* A data line begins: it is joined to one before it by a newline. */
static void begin_data(struct ts_sse *f, struct ts_piece *out)
{
    if (f->has_data)
        *out = (struct ts_piece){.kind = TS_PIECE_DATA, .data = TS_SLICE_LIT("\n")};
    f->has_data = true;
}

static void end_event(struct ts_sse *f, struct ts_piece *out)
{
    if (f->has_data)
        out->kind = TS_PIECE_END;
    f->has_data = false;
    f->state = LINE_START;
}

static void end_line(struct ts_sse *f, char c, struct ts_piece *out)
{
    if (f->state == NAME && f->matched == name.len)
        begin_data(f, out); /* "data" alone: an empty value */
    f->state = LINE_START;
    f->after_cr = c == '\r';
    f->crlf_lines = false;
}

static size_t blank_line(struct ts_sse *f, char c, struct ts_piece *out)
{
    if (c == '\r' && f->crlf_lines) {
        f->state = BLANK_CR;
        return 1;
    }
    f->after_cr = c == '\r';
    end_event(f, out);
    return 1;
}

static size_t in_name(struct ts_sse *f, char c, struct ts_piece *out)
{
    if (f->matched < name.len && c == name.at[f->matched]) {
        f->matched++;
    } else if (f->matched == name.len && c == ':') {
        begin_data(f, out);
        f->state = SPACE;
    } else {
        f->state = SKIP;
    }
    return 1;
}

static size_t line_start(struct ts_sse *f, char c, struct ts_piece *out)
{
    f->state = NAME;
    f->matched = 0;
    return in_name(f, c, out);
}

static size_t in_data(struct ts_sse *f, const char *bytes, size_t n, struct ts_piece *out)
{
    f->state = DATA;
    size_t len = rest_of_line(bytes, n);
    *out = (struct ts_piece){.kind = TS_PIECE_DATA, .data = {bytes, len}};
    return len;
}

size_t ts_sse_next(struct ts_sse *f, const char *bytes, size_t n, struct ts_piece *out)
{
    *out = (struct ts_piece){.kind = TS_PIECE_NONE};
    char c = bytes[0];
    bool after_cr = f->after_cr;
    f->after_cr = false;
    if (after_cr && c == '\n') {
        f->crlf_lines = true;
        return 1;
    }
    if (is_line_end(c) && f->state != LINE_START && f->state != BLANK_CR) {
        end_line(f, c, out);
        return 1;
    }
    switch ((enum state)f->state) {
    case LINE_START:
        return is_line_end(c) ? blank_line(f, c, out) : line_start(f, c, out);
    case NAME:
        return in_name(f, c, out);
    case SPACE:
        f->state = DATA;
        return c == ' ' ? 1 : in_data(f, bytes, n, out);
    case DATA:
        return in_data(f, bytes, n, out);
    case SKIP:
        return rest_of_line(bytes, n);
    case BLANK_CR:
        end_event(f, out);
        return c == '\n' ? 1 : 0;
    }
    return n;
}

bool ts_sse_end(struct ts_sse *f)
{
    bool event = f->has_data || (f->state == NAME && f->matched == name.len);
    *f = (struct ts_sse){0};
    return event;
}

bool ts_sse_maybe_data(const struct ts_sse *f)
{
    return f->state == NAME;
}
