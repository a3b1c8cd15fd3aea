#include "base/jstring.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

/* One byte in each of eight. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/*
 * Marks bytes below 0x20, quotes, backslashes and what @also marks, in bit 7 of each byte. The
 * borrow of the subtractions may mark a byte wrongly, but only above one that is marked rightly:
 * the lowest mark is always true.
 */
static uint64_t marks(uint64_t x, uint64_t also)
{
    uint64_t quote = x ^ EACH('"');
    uint64_t slash = x ^ EACH('\\');
    uint64_t m = ((x - EACH(0x20)) & ~x) | ((quote - EACH(1)) & ~quote) |
                 ((slash - EACH(1)) & ~slash) | (x & also);
    return m & EACH(0x80);
}

static bool is_plain(unsigned char c, uint64_t also)
{
    return c >= 0x20 && c != '"' && c != '\\' && (also == 0 || c < 0x80);
}

static size_t plain_run(const char *s, size_t n, uint64_t also)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t x;
        memcpy(&x, s + i, sizeof(x));
        uint64_t m = marks(le64toh(x), also);
        if (m != 0)
            return i + (size_t)__builtin_ctzll(m) / 8;
    }
    while (i < n && is_plain((unsigned char)s[i], also))
        i++;
    return i;
}

size_t ts_jplain_ascii(const char *s, size_t n)
{
    return plain_run(s, n, EACH(0x80));
}

size_t ts_jplain(const char *s, size_t n)
{
    return plain_run(s, n, 0);
}

/* What a one-letter escape stands for; 0 where there is none. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_high(uint32_t code)
{
    return code >= 0xd800 && code <= 0xdbff;
}

static bool is_low(uint32_t code)
{
    return code >= 0xdc00 && code <= 0xdfff;
}

size_t ts_jescape_flush(struct ts_jescape *e, char out[static TS_JESCAPE_MAX])
{
    if (e->high == 0)
        return 0;
    e->high = 0;
    return ts_utf8_encode(0xfffd, out);
}

/* A \uXXXX is complete. */
static size_t take_code(struct ts_jescape *e, uint32_t code, char out[static TS_JESCAPE_MAX])
{
    if (is_low(code) && e->high != 0) {
        uint32_t pair = 0x10000 + ((uint32_t)(e->high - 0xd800) << 10) + (code - 0xdc00);
        e->high = 0;
        return ts_utf8_encode(pair, out);
    }
    size_t n = ts_jescape_flush(e, out);
    if (is_high(code)) {
        e->high = (uint16_t)code;
        return n;
    }
    char one[4];
    size_t len = ts_utf8_encode(is_low(code) ? 0xfffd : code, one);
    memcpy(out + n, one, len);
    return n + len;
}

enum ts_jescape_step ts_jescape_feed(struct ts_jescape *e,
                                     char c,
                                     char out[static TS_JESCAPE_MAX],
                                     size_t *n)
{
    *n = 0;
    if (e->left == 0 && c == 'u') {
        e->left = 4;
        e->code = 0;
        return TS_JESCAPE_MORE;
    }
    if (e->left == 0) {
        char plain = short_escape(c);
        if (plain == 0)
            return TS_JESCAPE_BAD;
        *n = ts_jescape_flush(e, out);
        out[(*n)++] = plain;
        return TS_JESCAPE_DONE;
    }
    int digit = hex_digit(c);
    if (digit < 0)
        return TS_JESCAPE_BAD;
    e->code = (uint16_t)((unsigned)e->code << 4 | (unsigned)digit);
    if (--e->left > 0)
        return TS_JESCAPE_MORE;
    *n = take_code(e, e->code, out);
    return TS_JESCAPE_DONE;
}
