#include "base/utf8.h"

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
