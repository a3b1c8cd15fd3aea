/*
 * A growable run of bytes with a required maximum.
 *
 * The first failure (no memory, maximum reached) is latched: later appends do nothing and
 * ts_buf_ok() is false, so that a writer may append a whole document and check once.
 * The bytes are followed by a NUL that is not counted, once anything was appended.
 */
#ifndef TS_BASE_BUF_H
#define TS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct ts_buf {
    char *data; /* NULL until the first append */
    size_t len;
    size_t cap;
    size_t max;
    enum ts_err error; /* TS_OK, TS_ERR_NOMEM or TS_ERR_BODY_TOO_LARGE */
};

#define TS_BUF_INIT(maximum) ((struct ts_buf){.max = (maximum)})

/* Frees the bytes; the buffer may be used again with the same maximum. */
void ts_buf_free(struct ts_buf *b);

/* Forgets the bytes and the error, keeps the memory. */
void ts_buf_clear(struct ts_buf *b);

void ts_buf_put(struct ts_buf *b, const void *bytes, size_t len);
void ts_buf_puts(struct ts_buf *b, const char *text);
void ts_buf_printf(struct ts_buf *b, const char *fmt, ...) TS_PRINTF(2, 3);

/* @v in decimal, with a NUL behind it: what printf() takes ten times as long for. Return: how many
 * characters, without the NUL. */
enum { TS_DECIMAL_BYTES = 21 };
size_t ts_decimal(char out[static TS_DECIMAL_BYTES], int64_t v);

void ts_buf_put_int(struct ts_buf *b, int64_t v);

/* A JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void ts_buf_put_json_string(struct ts_buf *b, const char *text, size_t len);

/* Drops the first @n bytes. */
void ts_buf_drop(struct ts_buf *b, size_t n);

/* Room for @n more bytes at data + len, or false (error latched). Add what was used to len. */
TS_NODISCARD bool ts_buf_reserve(struct ts_buf *b, size_t n);

static inline bool ts_buf_ok(const struct ts_buf *b)
{
    return b->error == TS_OK;
}

/* The text, or "" before the first append. Valid until the next change. */
static inline const char *ts_buf_text(const struct ts_buf *b)
{
    return b->data != NULL ? b->data : "";
}

#endif
