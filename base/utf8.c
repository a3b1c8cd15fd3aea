#include "base/utf8.h"

#include "base/buf.h"

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0U) == 0x80U;
}

/* Whether a second byte is allowed after this first one: shuts out overlong forms, surrogates and
 * what lies above U+10FFFF (RFC 3629, section 4). */
static bool second_allowed(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

size_t ts_utf8_len(const char *s, size_t len)
{
    if (len == 0)
        return 0;
    unsigned char c = (unsigned char)s[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xc2 && c <= 0xdf   ? 2
               : c >= 0xe0 && c <= 0xef ? 3
               : c >= 0xf0 && c <= 0xf4 ? 4
                                        : 0;
    if (n == 0 || n > len || !second_allowed(c, (unsigned char)s[1]))
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (!is_tail(s[i]))
            return 0;
    }
    return n;
}

bool ts_utf8_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = ts_utf8_len(s + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t ts_utf8_encode(uint32_t code, char out[static 4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0U | code >> 6);
        out[1] = (char)(0x80U | (code & 0x3fU));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0U | code >> 12);
        out[1] = (char)(0x80U | (code >> 6 & 0x3fU));
        out[2] = (char)(0x80U | (code & 0x3fU));
        return 3;
    }
    out[0] = (char)(0xf0U | code >> 18);
    out[1] = (char)(0x80U | (code >> 12 & 0x3fU));
    out[2] = (char)(0x80U | (code >> 6 & 0x3fU));
    out[3] = (char)(0x80U | (code & 0x3fU));
    return 4;
}

size_t ts_utf8_cut(const char *s, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t n = max;
    while (n > 0 && is_tail(s[n]))
        n--;
    return n;
}

/* -- on a terminal ---------------------------------------------------------------------------- */

struct range {
    uint32_t first;
    uint32_t last;
};

static bool in_ranges(const struct range *r, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= r[i].first && code <= r[i].last)
            return true;
    }
    return false;
}

/* Blocks of the Unicode Character Database: combining marks, joiners, variation selectors; and
 * those that EastAsianWidth.txt calls wide, with the emoji of the supplementary planes. */
static size_t columns_of(uint32_t code)
{
    static const struct range joining[] = {
        {0x300, 0x36f},
        {0x1ab0, 0x1aff},
        {0x1dc0, 0x1dff},
        {0x200b, 0x200f},
        {0x20d0, 0x20ff},
        {0xfe00, 0xfe0f},
        {0xfe20, 0xfe2f},
        {0xe0100, 0xe01ef},
    };
    static const struct range wide[] = {
        {0x1100, 0x115f},
        {0x2e80, 0x303e},
        {0x3041, 0xa4cf},
        {0xac00, 0xd7a3},
        {0xf900, 0xfaff},
        {0xfe30, 0xfe6f},
        {0xff00, 0xff60},
        {0xffe0, 0xffe6},
        {0x1f300, 0x1f64f},
        {0x1f680, 0x1f6ff},
        {0x1f900, 0x1faff},
        {0x20000, 0x3fffd},
    };
    if (code < joining[0].first)
        return 1;
    if (in_ranges(joining, TS_ARRAY_LEN(joining), code))
        return 0;
    return in_ranges(wide, TS_ARRAY_LEN(wide), code) ? 2 : 1;
}

/* The code point of a well-formed character of @n bytes. */
static uint32_t decode(const char *s, size_t n)
{
    uint32_t code = (unsigned char)s[0];
    if (n > 1)
        code &= 0x7fU >> n;
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)s[i] & 0x3fU);
    return code;
}

size_t ts_utf8_columns(const char *s, size_t len)
{
    size_t columns = 0;
    for (size_t i = 0; i < len;) {
        size_t n = ts_utf8_len(s + i, len - i);
        columns += n > 0 ? columns_of(decode(s + i, n)) : 1;
        i += n > 0 ? n : 1;
    }
    return columns;
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

static void put_control(struct ts_buf *out, uint32_t code)
{
    switch (code) {
    case '\n':
        ts_buf_puts(out, "\\n");
        break;
    case '\r':
        ts_buf_puts(out, "\\r");
        break;
    case '\t':
        ts_buf_puts(out, "\\t");
        break;
    default:
        ts_buf_printf(out, "\\x%02x", (unsigned)code);
    }
}

void ts_utf8_put_visible(struct ts_buf *out, const char *s, size_t len)
{
    size_t start = 0; /* of the run that needs no change */
    for (size_t i = 0; i < len;) {
        size_t n = ts_utf8_len(s + i, len - i);
        if (n > 2 || (n > 0 && !is_control(decode(s + i, n)))) {
            i += n;
            continue;
        }
        ts_buf_put(out, s + start, i - start);
        if (n == 0)
            ts_buf_puts(out, "\xef\xbf\xbd");
        else
            put_control(out, decode(s + i, n));
        i += n > 0 ? n : 1;
        start = i;
    }
    if (len > start) /* no arithmetic on the NULL of an empty text */
        ts_buf_put(out, s + start, len - start);
}
