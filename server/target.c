#include "server/target.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that %xx at @at means, or -1. */
static int escaped_byte(const char *at, const char *end)
{
    if (end - at < 3)
        return -1;
    int high = hex_value(at[1]);
    int low = hex_value(at[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Unescapes a checked run of bytes; returns how many were written, without the NUL. */
static size_t unescape(struct ts_slice in, bool plus_is_space, char *out)
{
    const char *end = in.at + in.len;
    size_t n = 0;
    for (const char *c = in.at; c < end; c++) {
        if (*c == '%') {
            out[n++] = (char)escaped_byte(c, end);
            c += 2;
        } else {
            out[n++] = *c == '+' && plus_is_space ? ' ' : *c;
        }
    }
    out[n] = '\0';
    return n;
}

static struct ts_slice path_of(struct ts_slice target)
{
    const char *mark = memchr(target.at, '?', target.len);
    return (struct ts_slice){target.at, mark != NULL ? (size_t)(mark - target.at) : target.len};
}

static struct ts_slice query_of(struct ts_slice target)
{
    size_t n = path_of(target).len;
    size_t mark = n < target.len ? 1 : 0; /* the '?' */
    return (struct ts_slice){target.at + n + mark, target.len - n - mark};
}

/* Every byte printable ASCII, every escape well formed. In the path no escaped control character
 * either; in the query a newline or a tab may be part of a text, a NUL may not. */
static bool bytes_fine(struct ts_slice s, int lowest_escaped)
{
    const char *end = s.at + s.len;
    for (const char *c = s.at; c < end; c++) {
        if ((unsigned char)*c < 0x21 || (unsigned char)*c > 0x7e)
            return false;
        if (*c != '%')
            continue;
        int byte = escaped_byte(c, end);
        if (byte < lowest_escaped || byte == 0x7f)
            return false;
        c += 2;
    }
    return true;
}

/* @path unescaped: no empty segment but a last one, no `.` or `..`. */
static bool segments_fine(const char *path, size_t len)
{
    for (size_t start = 1; start <= len;) {
        const char *slash = memchr(path + start, '/', len - start);
        size_t end = slash != NULL ? (size_t)(slash - path) : len;
        struct ts_slice segment = {path + start, end - start};
        if ((segment.len == 0 && slash != NULL) || ts_slice_is(segment, "..") ||
            ts_slice_is(segment, "."))
            return false;
        start = end + 1;
    }
    return true;
}

enum ts_err ts_target_check(struct ts_slice target, struct ts_error *err)
{
    if (target.len > TS_MAX_TARGET_BYTES)
        return ts_fail(err,
                       TS_ERR_URI_TOO_LONG,
                       "the target has %zu bytes; the limit is %d",
                       target.len,
                       TS_MAX_TARGET_BYTES);
    if (ts_target_arg_count(target) > TS_MAX_QUERY_ARGS)
        return ts_fail(err, TS_ERR_URI_TOO_LONG, "more than %d query arguments", TS_MAX_QUERY_ARGS);
    if (target.len == 0 || target.at[0] != '/')
        return ts_fail(err, TS_ERR_BAD_TARGET, "the target does not start with /");
    if (!bytes_fine(path_of(target), 0x20) || !bytes_fine(query_of(target), 1))
        return ts_fail(
            err, TS_ERR_BAD_TARGET, "the target has a byte or an escape that is not allowed");
    char path[TS_MAX_TARGET_BYTES + 1];
    size_t len = unescape(path_of(target), false, path);
    if (!ts_utf8_valid(path, len))
        return ts_fail(err, TS_ERR_BAD_TARGET, "the path is not UTF-8");
    if (!segments_fine(path, len))
        return ts_fail(err, TS_ERR_BAD_TARGET, "the path has an empty, `.` or `..` segment");
    return TS_OK;
}

bool ts_target_path(struct ts_slice target, const char *base, char *out)
{
    struct ts_slice path = path_of(target);
    size_t n = strlen(base);
    if (path.len < n || memcmp(path.at, base, n) != 0 ||
        (n > 0 && path.len > n && path.at[n] != '/'))
        return false;
    if (path.len == n) { /* "/ai" alone means "/ai/" */
        memcpy(out, "/", 2);
        return true;
    }
    (void)unescape((struct ts_slice){path.at + n, path.len - n}, false, out);
    return true;
}

/* The next argument of a query, and what follows it; false at the end. Empty ones are skipped. */
static bool next_arg(struct ts_slice *rest, struct ts_slice *arg)
{
    while (rest->len > 0) {
        const char *amp = memchr(rest->at, '&', rest->len);
        size_t n = amp != NULL ? (size_t)(amp - rest->at) : rest->len;
        size_t step = amp != NULL ? n + 1 : n;
        *arg = (struct ts_slice){rest->at, n};
        *rest = (struct ts_slice){rest->at + step, rest->len - step};
        if (n > 0)
            return true;
    }
    return false;
}

int ts_target_arg_count(struct ts_slice target)
{
    struct ts_slice rest = query_of(target);
    struct ts_slice arg;
    int n = 0;
    while (next_arg(&rest, &arg))
        n++;
    return n;
}

void ts_target_args(struct ts_slice target, char *text, struct ts_query_arg *out)
{
    struct ts_slice rest = query_of(target);
    struct ts_slice arg;
    for (; next_arg(&rest, &arg); out++) {
        const char *equals = memchr(arg.at, '=', arg.len);
        size_t n = equals != NULL ? (size_t)(equals - arg.at) : arg.len;
        out->key = text;
        text += unescape((struct ts_slice){arg.at, n}, true, text) + 1;
        out->value = text - 1; /* no '=': the empty text behind the key's NUL */
        if (equals != NULL) {
            out->value = text;
            text += unescape((struct ts_slice){equals + 1, arg.len - n - 1}, true, text) + 1;
        }
    }
}
