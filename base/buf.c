#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { FIRST_CAP = 64 };

void ts_buf_free(struct ts_buf *b)
{
    if (b == NULL)
        return;
    free(b->data);
    *b = TS_BUF_INIT(b->max);
}

void ts_buf_clear(struct ts_buf *b)
{
    b->len = 0;
    b->error = TS_OK;
}

static size_t grown_cap(const struct ts_buf *b, size_t need)
{
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
    while (cap < need)
        cap *= 2;
    return cap > b->max + 1 ? b->max + 1 : cap;
}

bool ts_buf_reserve(struct ts_buf *b, size_t n)
{
    if (b->error != TS_OK)
        return false;
    if (n > b->max - b->len) {
        b->error = TS_ERR_BODY_TOO_LARGE;
        return false;
    }
    size_t need = b->len + n + 1; /* and the NUL */
    if (need <= b->cap)
        return true;
    size_t cap = grown_cap(b, need);
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->error = TS_ERR_NOMEM;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void ts_buf_put(struct ts_buf *b, const void *bytes, size_t len)
{
    if (!ts_buf_reserve(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void ts_buf_puts(struct ts_buf *b, const char *text)
{
    ts_buf_put(b, text, strlen(text));
}

/* Into the room there is, and only where that is too small a second time. */
void ts_buf_printf(struct ts_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    size_t room = b->error == TS_OK && b->cap > b->len ? b->cap - b->len : 0;
    int need = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, args);
    va_end(args);
    assert(need >= 0);
    bool fits = (size_t)need < room;
    if (room > 0 && !fits)
        b->data[b->len] = '\0'; /* what was cut off there is not part of it */
    if (fits) {
        b->len += (size_t)need;
    } else if (ts_buf_reserve(b, (size_t)need)) {
        (void)vsnprintf(b->data + b->len, (size_t)need + 1, fmt, again);
        b->len += (size_t)need;
    }
    va_end(again);
}

size_t ts_decimal(char out[static TS_DECIMAL_BYTES], int64_t v)
{
    char digits[TS_DECIMAL_BYTES];
    char *const end = digits + sizeof(digits);
    char *at = end;
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    *--at = '\0';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        *--at = '-';
    memcpy(out, at, (size_t)(end - at));
    return (size_t)(end - at) - 1;
}

void ts_buf_put_int(struct ts_buf *b, int64_t v)
{
    char digits[TS_DECIMAL_BYTES];
    ts_buf_put(b, digits, ts_decimal(digits, v));
}

void ts_buf_drop(struct ts_buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    if (b->data != NULL) {
        memmove(b->data, b->data + n, b->len);
        b->data[b->len] = '\0';
    }
}

/* The two-character escapes of JSON; 0 where there is none. */
static char short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    default:
        return 0;
    }
}

static void put_escaped(struct ts_buf *b, unsigned char c)
{
    char two = short_escape(c);
    if (two != 0) {
        char pair[2] = {'\\', two};
        ts_buf_put(b, pair, sizeof(pair));
    } else {
        ts_buf_printf(b, "\\u%04x", c);
    }
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

void ts_buf_put_json_string(struct ts_buf *b, const char *text, size_t len)
{
    ts_buf_put(b, "\"", 1);
    size_t start = 0; /* of the run that needs no change */
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t n = c < 0x80 ? 1 : ts_utf8_len(text + i, len - i);
        if (n > 0 && !(n == 1 && needs_escape(c))) {
            i += n;
            continue;
        }
        ts_buf_put(b, text + start, i - start);
        if (n == 0)
            ts_buf_puts(b, "\xef\xbf\xbd");
        else
            put_escaped(b, c);
        start = ++i;
    }
    if (len > start) /* no arithmetic on the NULL of an empty text */
        ts_buf_put(b, text + start, len - start);
    ts_buf_put(b, "\"", 1);
}
