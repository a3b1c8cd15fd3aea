#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct row {
    const char *name;
    int status;
    bool retryable;
};

static const struct row rows[] = {
#define X(id, name, status, again) [TS_ERR_##id] = {name, status, again},
    TS_ERR_TABLE(X)
#undef X
};
static_assert(TS_ARRAY_LEN(rows) == TS_ERR_COUNT_, "every error has a row");

static const struct row *row_of(enum ts_err code)
{
    assert(code < TS_ERR_COUNT_);
    return &rows[code];
}

/* A text that was cut may end within a character. */
static void drop_broken_character(char *text, size_t len)
{
    for (size_t n = 1; n <= 4 && n <= len; n++) {
        bool tail = ((unsigned char)text[len - n] & 0xc0) == 0x80;
        if (tail)
            continue;
        if (ts_utf8_len(text + len - n, n) != n)
            text[len - n] = '\0';
        return;
    }
}

TS_PRINTF(4, 0)
static void fill(
    struct ts_error *err, enum ts_err code, const char *param, const char *fmt, va_list args)
{
    assert(code != TS_OK);
    if (err == NULL)
        return;
    err->code = code;
    (void)snprintf(err->param, sizeof(err->param), "%s", param);
    if (vsnprintf(err->text, sizeof(err->text), fmt, args) >= (int)sizeof(err->text))
        drop_broken_character(err->text, sizeof(err->text) - 1);
}

enum ts_err(ts_fail)(struct ts_error *err, enum ts_err code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, "", fmt, args);
    va_end(args);
    return code;
}

enum ts_err(ts_fail_param)(
    struct ts_error *err, enum ts_err code, const char *param, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, param, fmt, args);
    va_end(args);
    return code;
}

const char *ts_err_name(enum ts_err code)
{
    return row_of(code)->name;
}

enum ts_err ts_err_find(const char *name)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return (enum ts_err)i;
    }
    return TS_ERR_INTERNAL;
}

int ts_err_status(enum ts_err code)
{
    return row_of(code)->status;
}

bool ts_err_retryable(enum ts_err code)
{
    return row_of(code)->retryable;
}
