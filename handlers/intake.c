#include "handlers/intake.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/csv.h"
#include "base/json.h"
#include "base/utf8.h"
#include "handlers/intake_row.h"

enum { BLOCK_BYTES = 64 * 1024, BLANKS_MAX = 4096 };

struct ts_intake {
    struct ts_intake_source source;
    enum ts_intake_format format;
    struct ts_buf buf;
    size_t at; /* of the next row */
    bool begun;
    bool eof;
    bool failed;
    int64_t line;     /* at `at` */
    int64_t row_line; /* of the row given last */
    /* CSV */
    char delimiter;
    struct ts_intake_head head;
    /* JSON */
    bool in_list;  /* inside [...] */
    bool need_sep; /* a comma or the end must follow */
};

static const char *const format_names[] = {
    [TS_INTAKE_CSV] = "csv", [TS_INTAKE_NDJSON] = "ndjson", [TS_INTAKE_JSON] = "json"};

const char *ts_intake_format_name(enum ts_intake_format format)
{
    assert(format < TS_ARRAY_LEN(format_names));
    return format_names[format];
}

enum ts_err ts_intake_new(struct ts_intake_source source,
                          enum ts_intake_format format,
                          struct ts_intake **out)
{
    struct ts_intake *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return TS_ERR_NOMEM;
    in->source = source;
    in->format = format;
    in->buf = TS_BUF_INIT(TS_INTAKE_ROW_BYTES + 3 * BLOCK_BYTES);
    in->line = in->row_line = 1;
    *out = in;
    return TS_OK;
}

void ts_intake_free(struct ts_intake *in)
{
    if (in == NULL)
        return;
    ts_buf_free(&in->buf);
    free(in);
}

int64_t ts_intake_line(const struct ts_intake *in)
{
    return in->row_line;
}

enum ts_intake_format ts_intake_format(const struct ts_intake *in)
{
    return in->format;
}

/* -- bytes ------------------------------------------------------------------------------------- */

static size_t left(const struct ts_intake *in)
{
    return in->buf.len - in->at;
}

static const char *here(const struct ts_intake *in)
{
    return ts_buf_text(&in->buf) + in->at;
}

/* Reads a block more, if there is one. Errors: IO, NOMEM. */
static enum ts_err fill(struct ts_intake *in, struct ts_error *err)
{
    if (in->at >= BLOCK_BYTES) {
        ts_buf_drop(&in->buf, in->at);
        in->at = 0;
    }
    if (!ts_buf_reserve(&in->buf, BLOCK_BYTES))
        return ts_fail(err, TS_ERR_NOMEM, "no memory to read");
    ssize_t n = 0;
    do {
        n = in->source.read(in->source.ctx, in->buf.data + in->buf.len, BLOCK_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return ts_fail(err, TS_ERR_IO, "cannot read: %s", strerrordesc_np(errno));
    in->eof = n == 0;
    in->buf.len += (size_t)n;
    return TS_OK;
}

static void count_lines(struct ts_intake *in, size_t n)
{
    for (const char *at = here(in), *end = at + n; at < end; at++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            return;
        in->line++;
    }
}

static void skip(struct ts_intake *in, size_t n)
{
    count_lines(in, n);
    in->at += n;
}

/* Whether @n bytes are there, if need be after reading. */
static enum ts_err peek(struct ts_intake *in, size_t n, bool *there, struct ts_error *err)
{
    enum ts_err e = TS_OK;
    while (e == TS_OK && left(in) < n && !in->eof)
        e = fill(in, err);
    *there = left(in) >= n;
    return e;
}

/* -- rows of text ------------------------------------------------------------------------------ */

/* What finds the end of a row; NULL-terminated states for each format. */
struct finder {
    struct ts_csv_scan csv;
    struct ts_intake_scan json;
};

static size_t find_end(const struct ts_intake *in, struct finder *f, const char *at, size_t n)
{
    const char *end = NULL;
    switch (in->format) {
    case TS_INTAKE_CSV:
        return ts_csv_scan(&f->csv, at, n);
    case TS_INTAKE_JSON:
        return ts_intake_scan(&f->json, at, n);
    case TS_INTAKE_NDJSON:
        end = memchr(at, '\n', n);
        return end != NULL ? (size_t)(end - at) + 1 : 0;
    case TS_INTAKE_BY_CONTENT:
        break;
    }
    abort();
}

/* Drops the rest of a line that is too long to be a row. */
static enum ts_err skip_line(struct ts_intake *in, struct ts_error *err)
{
    for (;;) {
        const char *end = memchr(here(in), '\n', left(in));
        skip(in, end != NULL ? (size_t)(end - here(in)) + 1 : left(in));
        if (end != NULL || in->eof)
            return TS_OK;
        enum ts_err e = fill(in, err);
        if (e != TS_OK)
            return e;
    }
}

static enum ts_intake_step fail_all(struct ts_intake *in)
{
    in->failed = true;
    return TS_INTAKE_FAILED;
}

static enum ts_intake_step too_long(struct ts_intake *in, struct ts_error *err)
{
    bool can_go_on = in->format == TS_INTAKE_NDJSON;
    if (can_go_on && skip_line(in, err) != TS_OK)
        return fail_all(in);
    (void)ts_fail(err,
                  TS_ERR_INVALID_FIELD,
                  "a row has at most %d bytes%s",
                  TS_INTAKE_ROW_BYTES,
                  in->format == TS_INTAKE_CSV ? "; is a quote never closed?" : "");
    return can_go_on ? TS_INTAKE_BAD : fail_all(in);
}

/* The next row as it stands, its line feed included; it stays valid until more is read. */
static enum ts_intake_step take_text(struct ts_intake *in, struct ts_slice *out, struct ts_error *e)
{
    struct finder f = {.csv.delimiter = in->delimiter};
    size_t seen = 0;
    in->row_line = in->line;
    for (;;) {
        size_t end = find_end(in, &f, here(in) + seen, left(in) - seen);
        size_t n = end != 0 ? seen + end : left(in);
        if (n > TS_INTAKE_ROW_BYTES)
            return too_long(in, e);
        if (end != 0 || in->eof) {
            *out = (struct ts_slice){here(in), n};
            skip(in, n);
            return n > 0 ? TS_INTAKE_ROW : TS_INTAKE_END;
        }
        seen = left(in);
        if (fill(in, e) != TS_OK)
            return fail_all(in);
    }
}

static struct ts_slice without_end(struct ts_slice s)
{
    if (s.len > 0 && s.at[s.len - 1] == '\n')
        s.len--;
    if (s.len > 0 && s.at[s.len - 1] == '\r')
        s.len--;
    return s;
}

/* The next row that is not empty. */
static enum ts_intake_step take_row(struct ts_intake *in, struct ts_slice *out, struct ts_error *e)
{
    *out = (struct ts_slice){0};
    for (;;) {
        enum ts_intake_step step = take_text(in, out, e);
        if (step != TS_INTAKE_ROW)
            return step;
        *out = without_end(*out);
        if (ts_slice_trim(*out).len > 0)
            break;
    }
    assert(out->at != NULL);
    if (memchr(out->at, '\0', out->len) != NULL) {
        (void)ts_fail(e, TS_ERR_INVALID_FIELD, "there is a NUL in it");
        return TS_INTAKE_BAD;
    }
    if (!ts_utf8_valid(out->at, out->len)) {
        (void)ts_fail(e, TS_ERR_INVALID_FIELD, "it is not UTF-8");
        return TS_INTAKE_BAD;
    }
    return TS_INTAKE_ROW;
}

/* -- the beginning ----------------------------------------------------------------------------- */

static enum ts_err skip_blanks(struct ts_intake *in, struct ts_error *err)
{
    for (bool more = true; more;) {
        enum ts_err e = peek(in, 1, &more, err);
        if (e != TS_OK)
            return e;
        more = more && strchr(" \t\r\n", *here(in)) != NULL && *here(in) != '\0';
        if (more)
            skip(in, 1);
    }
    return TS_OK;
}

static enum ts_err skip_bom(struct ts_intake *in, struct ts_error *err)
{
    bool there = false;
    enum ts_err e = peek(in, 3, &there, err);
    if (e != TS_OK)
        return e;
    if (there && memcmp(here(in), "\xef\xbb\xbf", 3) == 0)
        in->at += 3;
    else if (left(in) >= 2 &&
             (memcmp(here(in), "\xff\xfe", 2) == 0 || memcmp(here(in), "\xfe\xff", 2) == 0))
        return ts_fail(err, TS_ERR_INVALID_FIELD, "it is UTF-16; save it as UTF-8");
    return TS_OK;
}

/* `{"calls":[`, as an export begins; the length of it, or 0. */
static size_t list_head(const struct ts_intake *in)
{
    static const char *const parts[] = {"{", "\"calls\"", ":", "["};
    const char *at = here(in);
    const char *end = at + left(in);
    for (size_t i = 0; i < TS_ARRAY_LEN(parts); i++) {
        while (at < end && *at != '\0' && strchr(" \t\r\n", *at) != NULL)
            at++;
        size_t n = strlen(parts[i]);
        if ((size_t)(end - at) < n || memcmp(at, parts[i], n) != 0)
            return 0;
        at += n;
    }
    return (size_t)(at - here(in));
}

static enum ts_intake_format guess(const struct ts_intake *in)
{
    char first = left(in) > 0 ? *here(in) : '\0';
    if (first == '[' || list_head(in) > 0)
        return TS_INTAKE_JSON;
    return first == '{' ? TS_INTAKE_NDJSON : TS_INTAKE_CSV;
}

/* Into the list of a JSON document; a single object is a list of one. */
static void enter_list(struct ts_intake *in)
{
    size_t n = left(in) > 0 && *here(in) == '[' ? 1 : list_head(in);
    skip(in, n);
    in->in_list = n > 0;
}

/* The names in the first line of CSV. */
static enum ts_err read_head(struct ts_intake *in, struct ts_error *err)
{
    struct ts_slice text;
    const char *line_end = memchr(here(in), '\n', left(in));
    size_t n = line_end != NULL ? (size_t)(line_end - here(in)) : left(in);
    in->delimiter = ',';
    if (memchr(here(in), ',', n) == NULL)
        in->delimiter = memchr(here(in), ';', n) != NULL    ? ';'
                        : memchr(here(in), '\t', n) != NULL ? '\t'
                                                            : ',';
    enum ts_intake_step step = take_row(in, &text, err);
    if (step == TS_INTAKE_END)
        return ts_fail(err, TS_ERR_INVALID_FIELD, "it is empty");
    return step == TS_INTAKE_ROW ? ts_intake_head_read(&in->head, in->delimiter, text, err)
                                 : TS_ERR_INVALID_FIELD;
}

static enum ts_err begin(struct ts_intake *in, struct ts_error *err)
{
    in->begun = true;
    enum ts_err e = skip_bom(in, err);
    if (e == TS_OK)
        e = skip_blanks(in, err);
    bool ignored = false;
    if (e == TS_OK)
        e = peek(in, BLANKS_MAX, &ignored, err); /* enough to tell what it is */
    if (e != TS_OK)
        return e;
    in->row_line = in->line;
    if (in->format == TS_INTAKE_BY_CONTENT)
        in->format = guess(in);
    if (in->format == TS_INTAKE_CSV)
        return read_head(in, err);
    if (in->format == TS_INTAKE_JSON)
        enter_list(in);
    return TS_OK;
}

/* -- rows -------------------------------------------------------------------------------------- */

static enum ts_intake_step judged(enum ts_err e)
{
    return e == TS_OK ? TS_INTAKE_ROW : e == TS_ERR_NOMEM ? TS_INTAKE_FAILED : TS_INTAKE_BAD;
}

static enum ts_intake_step next_csv(struct ts_intake *in, json_t **row, struct ts_error *err)
{
    struct ts_slice text;
    enum ts_intake_step step = take_row(in, &text, err);
    return step == TS_INTAKE_ROW
               ? judged(ts_intake_row_from_csv(&in->head, in->delimiter, text, row, err))
               : step;
}

static enum ts_intake_step next_object(struct ts_intake *in, json_t **row, struct ts_error *err)
{
    struct ts_slice text;
    enum ts_intake_step step = take_row(in, &text, err);
    return step == TS_INTAKE_ROW ? judged(ts_intake_row_from_json(text, row, err)) : step;
}

static enum ts_intake_step misplaced(struct ts_intake *in, const char *what, struct ts_error *err)
{
    in->row_line = in->line;
    (void)ts_fail(err, TS_ERR_INVALID_JSON, "%s", what);
    return fail_all(in);
}

/* Behind the list only its own end may come. */
static enum ts_intake_step end_list(struct ts_intake *in)
{
    in->in_list = false;
    in->at = in->buf.len;
    in->eof = true;
    return TS_INTAKE_END;
}

static enum ts_intake_step next_json(struct ts_intake *in, json_t **row, struct ts_error *err)
{
    bool more = false;
    if (skip_blanks(in, err) != TS_OK || peek(in, 1, &more, err) != TS_OK)
        return fail_all(in);
    if (!in->in_list)
        return more ? next_object(in, row, err) : TS_INTAKE_END;
    if (!more)
        return misplaced(in, "the list ends without ]", err);
    if (*here(in) == ']')
        return end_list(in);
    if (in->need_sep) {
        if (*here(in) != ',')
            return misplaced(in, "a comma or ] is missing", err);
        skip(in, 1);
        if (skip_blanks(in, err) != TS_OK)
            return fail_all(in);
    }
    in->need_sep = true;
    if (left(in) == 0 || *here(in) != '{')
        return misplaced(in, "a call must be an object", err);
    return next_object(in, row, err);
}

enum ts_intake_step ts_intake_next(struct ts_intake *in, json_t **row, struct ts_error *err)
{
    if (in->failed)
        return TS_INTAKE_FAILED;
    if (!in->begun && begin(in, err) != TS_OK)
        return fail_all(in);
    switch (in->format) {
    case TS_INTAKE_CSV:
        return next_csv(in, row, err);
    case TS_INTAKE_NDJSON:
        return next_object(in, row, err);
    case TS_INTAKE_JSON:
        return next_json(in, row, err);
    case TS_INTAKE_BY_CONTENT:
        break;
    }
    abort();
}
