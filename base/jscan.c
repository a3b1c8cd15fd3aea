#include "base/jscan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jstring.h"
#include "base/limits.h"
#include "base/utf8.h"

_Static_assert(TS_MAX_JSON_DEPTH <= 64, "open containers are kept in the bits of a uint64_t");

/* A walk over the text. On failure `at` stands on the byte at fault and `why` says what it is. */
struct scan {
    const char *text;
    const char *at;
    const char *end;
    uint64_t objects; /* bit d: the container open at depth d is an object */
    int depth;        /* containers open */
    bool fresh;       /* the innermost container has no member yet */
    size_t tokens_left;
    const char *why;
};

static bool scan_fail(struct scan *s, const char *why)
{
    s->why = s->at < s->end ? why : "unexpected end";
    return false;
}

static bool at_char(const struct scan *s, char c)
{
    return s->at < s->end && *s->at == c;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static bool count_token(struct scan *s)
{
    if (s->tokens_left == 0)
        return scan_fail(s, "too many keys and values");
    s->tokens_left--;
    return true;
}

/* `at` stands on the backslash. */
static bool scan_escape(struct scan *s)
{
    struct ts_jescape e = {0};
    char bytes[TS_JESCAPE_MAX];
    size_t n;
    for (s->at++; s->at < s->end; s->at++) {
        switch (ts_jescape_feed(&e, *s->at, bytes, &n)) {
        case TS_JESCAPE_MORE:
            continue;
        case TS_JESCAPE_DONE:
            s->at++;
            return true;
        case TS_JESCAPE_BAD:
            return scan_fail(s, "bad escape in a string");
        }
    }
    return scan_fail(s, "");
}

/* `at` stands on the opening quote. */
static bool scan_string(struct scan *s)
{
    s->at++;
    for (;;) {
        s->at += ts_jplain_ascii(s->at, (size_t)(s->end - s->at));
        if (s->at == s->end)
            return scan_fail(s, "");
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s))
                return false;
            continue;
        }
        size_t n = c < 0x20 ? 0 : ts_utf8_len(s->at, (size_t)(s->end - s->at));
        if (n == 0)
            return scan_fail(s, c < 0x20 ? "control character in a string" : "bad UTF-8");
        s->at += n;
    }
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at))
        at++;
    return at;
}

/* The end of the number at @at. Where it is wrong, *ok becomes false and the end is the fault. */
static const char *number_end(const char *at, const char *end, bool *ok)
{
    *ok = false;
    if (at < end && *at == '-')
        at++;
    if (at == end || !is_digit(*at))
        return at;
    at = *at == '0' ? at + 1 : skip_digits(at, end);
    if (at < end && *at == '.') {
        const char *digits = at + 1;
        at = skip_digits(digits, end);
        if (at == digits)
            return at;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        const char *digits = at;
        at = skip_digits(digits, end);
        if (at == digits)
            return at;
    }
    *ok = true;
    return at;
}

static bool scan_number(struct scan *s)
{
    bool number_begins = *s->at == '-' || is_digit(*s->at);
    bool ok;
    s->at = number_end(s->at, s->end, &ok);
    return ok || scan_fail(s, number_begins ? "bad number" : "expected a value");
}

static bool scan_word(struct scan *s, const char *word)
{
    for (; *word != '\0'; word++, s->at++) {
        if (!at_char(s, *word))
            return scan_fail(s, "expected true, false or null");
    }
    return true;
}

static bool open_container(struct scan *s, bool object)
{
    if (s->depth == TS_MAX_JSON_DEPTH)
        return scan_fail(s, "nested too deeply");
    uint64_t bit = UINT64_C(1) << s->depth;
    s->objects = object ? s->objects | bit : s->objects & ~bit;
    s->depth++;
    s->fresh = true;
    s->at++;
    return true;
}

/* A whole scalar, or the opening of a container. */
static bool scan_value(struct scan *s)
{
    s->at = skip_space(s->at, s->end);
    if (s->at == s->end)
        return scan_fail(s, "");
    if (!count_token(s))
        return false;
    switch (*s->at) {
    case '{':
        return open_container(s, true);
    case '[':
        return open_container(s, false);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return scan_number(s);
    }
}

static bool scan_key(struct scan *s)
{
    s->at = skip_space(s->at, s->end);
    if (!at_char(s, '"'))
        return scan_fail(s, "expected a key in quotes");
    if (!count_token(s) || !scan_string(s))
        return false;
    s->at = skip_space(s->at, s->end);
    if (!at_char(s, ':'))
        return scan_fail(s, "expected ':'");
    s->at++;
    return true;
}

/* The next member of the innermost container, or its end. */
static bool scan_member(struct scan *s)
{
    bool object = (s->objects >> (s->depth - 1) & 1U) != 0;
    bool first = s->fresh;
    s->fresh = false;
    s->at = skip_space(s->at, s->end);
    if (at_char(s, object ? '}' : ']')) {
        s->at++;
        s->depth--;
        return true;
    }
    if (!first) {
        if (!at_char(s, ','))
            return scan_fail(s, object ? "expected ',' or '}'" : "expected ',' or ']'");
        s->at++;
    }
    return (!object || scan_key(s)) && scan_value(s);
}

static enum ts_jtype type_of(char first)
{
    switch (first) {
    case '{':
        return TS_J_OBJECT;
    case '[':
        return TS_J_ARRAY;
    case '"':
        return TS_J_STRING;
    case 't':
        return TS_J_TRUE;
    case 'f':
        return TS_J_FALSE;
    case 'n':
        return TS_J_NULL;
    default:
        return TS_J_NUMBER;
    }
}

static struct ts_jvalue value_of(const char *at, const char *end)
{
    return (struct ts_jvalue){.type = type_of(*at), .raw = {at, (size_t)(end - at)}};
}

static bool scan_document(struct scan *s, struct ts_jvalue *out)
{
    const char *start = skip_space(s->at, s->end);
    if (!scan_value(s))
        return false;
    while (s->depth > 0) {
        if (!scan_member(s))
            return false;
    }
    struct ts_jvalue found = value_of(start, s->at);
    s->at = skip_space(s->at, s->end);
    if (s->at != s->end)
        return scan_fail(s, "text after the end of the document");
    *out = found;
    return true;
}

enum ts_err ts_jscan_limited(
    const char *text, size_t len, size_t max_tokens, struct ts_jvalue *out, struct ts_error *err)
{
    if (len == 0)
        return ts_fail(err, TS_ERR_INVALID_JSON, "the body is empty: no JSON at byte 0");
    struct scan s = {.text = text, .at = text, .end = text + len, .tokens_left = max_tokens};
    if (!scan_document(&s, out)) {
        return ts_fail(
            err, TS_ERR_INVALID_JSON, "invalid JSON: %s at byte %zu", s.why, (size_t)(s.at - text));
    }
    return TS_OK;
}

enum ts_err ts_jscan(const char *text, size_t len, struct ts_jvalue *out, struct ts_error *err)
{
    return ts_jscan_limited(text, len, SIZE_MAX, out, err);
}

/* -- walking a checked document: no check is repeated ------------------------------------------ */

/* Behind the string at @at. A quote ends it if an even number of backslashes stands before it. */
static const char *skip_string(const char *at, const char *end)
{
    const char *start = at + 1;
    for (const char *q = start;; q++) {
        q = memchr(q, '"', (size_t)(end - q));
        const char *slash = q;
        while (slash > start && slash[-1] == '\\')
            slash--;
        if ((q - slash) % 2 == 0)
            return q + 1;
    }
}

static const char *skip_container(const char *at, const char *end)
{
    int depth = 0;
    do {
        char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
            continue;
        }
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        at++;
    } while (depth > 0);
    return at;
}

static const char *skip_value(const char *at, const char *end)
{
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_container(at, end);
    while (at < end && !is_space(*at) && *at != ',' && *at != ']' && *at != '}')
        at++;
    return at;
}

/* Takes the value at the walk's place, and what separates it from the next. */
static struct ts_jvalue take_value(struct ts_jiter *it)
{
    const char *at = skip_space(it->at, it->end);
    const char *behind = skip_value(at, it->end);
    it->at = skip_space(behind, it->end);
    if (it->at < it->end && (*it->at == ',' || *it->at == ':'))
        it->at++;
    return value_of(at, behind);
}

struct ts_jiter ts_jiter_of(struct ts_jvalue container)
{
    struct ts_jiter it = {.object = container.type == TS_J_OBJECT};
    if (container.type == TS_J_OBJECT || container.type == TS_J_ARRAY) {
        it.end = container.raw.at + container.raw.len - 1;
        it.at = skip_space(container.raw.at + 1, it.end);
    }
    return it;
}

bool ts_jiter_next(struct ts_jiter *it, struct ts_jvalue *key, struct ts_jvalue *value)
{
    *key = (struct ts_jvalue){.type = TS_J_NONE};
    if (it->at == it->end)
        return false;
    if (it->object)
        *key = take_value(it);
    *value = take_value(it);
    return true;
}

struct ts_jvalue ts_jmember(struct ts_jvalue object, const char *name)
{
    struct ts_jvalue found = {.type = TS_J_NONE};
    if (object.type != TS_J_OBJECT)
        return found;
    struct ts_jiter it = ts_jiter_of(object);
    struct ts_jvalue key, value;
    while (ts_jiter_next(&it, &key, &value)) {
        if (ts_jstring_is(key, name))
            found = value;
    }
    return found;
}

/* -- strings and numbers ------------------------------------------------------------------------
 */

/* A walk over a string's unescaped text, piece by piece. */
struct unescape {
    const char *at;
    const char *end;
    struct ts_jescape escape;
    char bytes[TS_JESCAPE_MAX];
};

static struct unescape unescape_of(struct ts_jvalue string)
{
    return (struct unescape){.at = string.raw.at + 1, .end = string.raw.at + string.raw.len - 1};
}

/* The next piece, possibly empty; false at the end. Borrowed until the next call. */
static bool next_piece(struct unescape *u, struct ts_slice *piece)
{
    if (u->at == u->end || *u->at != '\\') {
        size_t n = ts_jescape_flush(&u->escape, u->bytes);
        if (n > 0) {
            *piece = (struct ts_slice){u->bytes, n};
            return true;
        }
        *piece = (struct ts_slice){u->at, ts_jplain(u->at, (size_t)(u->end - u->at))};
        u->at += piece->len;
        return piece->len > 0;
    }
    size_t n = 0;
    while (u->at < u->end &&
           ts_jescape_feed(&u->escape, *++u->at, u->bytes, &n) == TS_JESCAPE_MORE) {
    }
    u->at++;
    *piece = (struct ts_slice){u->bytes, n};
    return true;
}

bool ts_jstring_is(struct ts_jvalue string, const char *text)
{
    if (string.type != TS_J_STRING)
        return false;
    size_t left = strlen(text);
    struct unescape u = unescape_of(string);
    struct ts_slice piece;
    while (next_piece(&u, &piece)) {
        if (piece.len > left || memcmp(piece.at, text, piece.len) != 0)
            return false;
        text += piece.len;
        left -= piece.len;
    }
    return left == 0;
}

void ts_jstring_decode(struct ts_jvalue string, struct ts_buf *out)
{
    if (string.type != TS_J_STRING)
        return;
    struct unescape u = unescape_of(string);
    struct ts_slice piece;
    while (next_piece(&u, &piece))
        ts_buf_put(out, piece.at, piece.len);
}

bool ts_jint(struct ts_jvalue v, int64_t min, int64_t max, int64_t *out)
{
    if (v.type != TS_J_NUMBER)
        return false;
    bool negative = v.raw.at[0] == '-';
    int64_t sum = 0;
    for (size_t i = negative ? 1 : 0; i < v.raw.len; i++) {
        char c = v.raw.at[i];
        int digit = negative ? '0' - c : c - '0';
        if (!is_digit(c) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    if (sum < min || sum > max)
        return false;
    *out = sum;
    return true;
}

bool ts_jnumber_valid(struct ts_slice text)
{
    bool ok;
    return text.at != NULL && number_end(text.at, text.at + text.len, &ok) == text.at + text.len &&
           ok;
}

bool ts_jnumber(struct ts_jvalue v, double *out)
{
    char text[TS_JNUMBER_MAX + 1];
    if (v.type != TS_J_NUMBER || v.raw.len > TS_JNUMBER_MAX)
        return false;
    memcpy(text, v.raw.at, v.raw.len);
    text[v.raw.len] = '\0';
    double number = strtod(text, NULL);
    if (!isfinite(number))
        return false;
    *out = number;
    return true;
}
