/*
 * The inside of JSON strings: runs of plain characters, and escapes read one character at a time,
 * so that a string may be cut anywhere between two reads.
 *
 * Thread: any; no state but the caller's.
 */
#ifndef TS_BASE_JSTRING_H
#define TS_BASE_JSTRING_H

#include <stddef.h>
#include <stdint.h>

/* Length of the run of plain ASCII at @s: no quote, backslash, control character or byte above
 * 0x7f. */
size_t ts_jplain_ascii(const char *s, size_t n);

/* The same, but bytes above 0x7f count as plain. */
size_t ts_jplain(const char *s, size_t n);

/* An escape being read, and a high surrogate that waits for its other half. Zero: neither. */
struct ts_jescape {
    uint8_t left;  /* hex digits still to come */
    uint16_t code; /* of \u so far */
    uint16_t high; /* 0, or a surrogate D800-DBFF whose partner may follow */
};

enum ts_jescape_step { TS_JESCAPE_MORE, TS_JESCAPE_DONE, TS_JESCAPE_BAD };

enum { TS_JESCAPE_MAX = 8 }; /* bytes one call may give: U+FFFD and a character */

/**
 * ts_jescape_feed() - the next character after a backslash
 * @out: unescaped bytes, @n of them: none while more is to come, and none after a high surrogate
 *
 * Lone surrogates come out as U+FFFD, as soon as it is clear that they are alone.
 */
enum ts_jescape_step ts_jescape_feed(struct ts_jescape *e,
                                     char c,
                                     char out[static TS_JESCAPE_MAX],
                                     size_t *n);

/* Call before a plain character and at the end of the string: a high surrogate that waited in vain
 * gives U+FFFD. Returns the number of bytes. */
size_t ts_jescape_flush(struct ts_jescape *e, char out[static TS_JESCAPE_MAX]);

#endif
