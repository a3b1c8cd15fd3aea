/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef TS_BASE_UTF8_H
#define TS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length (1 to 4) of the well-formed character at @s, or 0 if there is none in @len bytes. */
size_t ts_utf8_len(const char *s, size_t len);

bool ts_utf8_valid(const char *s, size_t len);

/* Encodes @code (not a surrogate, at most 0x10FFFF); returns the number of bytes written. */
size_t ts_utf8_encode(uint32_t code, char out[static 4]);

/* The largest n <= @max at which @s may be cut without splitting a character. */
size_t ts_utf8_cut(const char *s, size_t len, size_t max);

/* How many columns of a terminal well-formed text takes: 2 for the wide characters of East Asia and
 * emoji, 0 for marks that join the one before. Approximate for the rarest scripts. */
size_t ts_utf8_columns(const char *s, size_t len);

/* Appends @s so that it stays on its line and moves no terminal: control characters as \n, \x1b;
 * what is not UTF-8 as U+FFFD. */
struct ts_buf;
void ts_utf8_put_visible(struct ts_buf *out, const char *s, size_t len);

#endif
