#include "proxy/refusal.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/call.h"
#include "base/jscan.h"
#include "base/limits.h"
#include "base/utf8.h"

enum { RETRY_AFTER_MAX_MS = 24 * 3600 * 1000 };

static_assert(TS_ERROR_TEXT_SIZE > TS_MAX_ERROR_TEXT + TS_MAX_NAME + 32,
              "a server's words and who says them fit into an error");

struct ts_refusal ts_refusal_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
    case 407:
        return (struct ts_refusal){.cause = TS_ERR_UPSTREAM_AUTH};
    case 429:
        return (struct ts_refusal){.cause = TS_ERR_UPSTREAM_RATE_LIMITED, .retryable = true};
    case 408:
    case 425:
        return (struct ts_refusal){.cause = TS_ERR_UPSTREAM_INVALID, .retryable = true};
    default:
        break;
    }
    if (status >= 400 && status < 500) /* the client's request is at fault, anywhere */
        return (struct ts_refusal){.cause = TS_ERR_UPSTREAM_REFUSED, .client_status = status};
    return (struct ts_refusal){.cause = TS_ERR_UPSTREAM_INVALID, .retryable = true};
}

struct ts_refusal ts_refusal_of_end(enum ts_fetch_end end)
{
    struct ts_refusal r = {.retryable = true};
    switch (end) {
    case TS_FETCH_UNREACHABLE:
        r.cause = TS_ERR_UPSTREAM_UNREACHABLE;
        break;
    case TS_FETCH_INVALID:
        r.cause = TS_ERR_UPSTREAM_INVALID;
        break;
    case TS_FETCH_COMPLETE: /* well-formed, but without the mark of a good end */
    case TS_FETCH_BROKEN:
    case TS_FETCH_TRUNCATED:
        r.cause = TS_ERR_UPSTREAM_INTERRUPTED;
        break;
    }
    return r;
}

void ts_error_clean(struct ts_slice text, struct ts_buf *out)
{
    size_t end = out->len + TS_MAX_ERROR_TEXT;
    for (size_t i = 0; i < text.len;) {
        size_t n = ts_utf8_len(text.at + i, text.len - i);
        bool control = n == 1 && ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f);
        size_t room = end - out->len;
        if (room < (n == 0 ? 3 : n))
            return;
        if (n == 0)
            ts_buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD */
        else if (control)
            ts_buf_puts(out, " ");
        else
            ts_buf_put(out, text.at + i, n);
        i += n == 0 ? 1 : n;
    }
}

/* The member that holds the words, wherever the server keeps it. */
static struct ts_jvalue find_words(struct ts_jvalue root)
{
    static const char *const names[] = {"error", "message", "detail"};
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        struct ts_jvalue v = ts_jmember(root, names[i]);
        if (v.type == TS_J_OBJECT)
            v = ts_jmember(v, "message");
        if (v.type == TS_J_STRING)
            return v;
    }
    return (struct ts_jvalue){0};
}

void ts_error_text(struct ts_slice body, struct ts_buf *out)
{
    struct ts_jvalue root = {0};
    struct ts_jvalue words = {0};
    if (ts_jscan(body.at, body.len, &root, NULL) == TS_OK && root.type == TS_J_OBJECT)
        words = find_words(root);
    if (words.type != TS_J_STRING) {
        ts_error_clean(body, out);
        return;
    }
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
    ts_jstring_decode(words, &text);
    struct ts_slice decoded = {.at = ts_buf_text(&text), .len = text.len};
    ts_error_clean(decoded, out);
}

/* A number of @unit_ms, perhaps with a fraction. */
static int64_t number_ms(const char *text, double unit_ms)
{
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return TS_UNKNOWN;
    double ms = strtod(text, &end) * unit_ms;
    if (*end != '\0' || text[1] == 'x' || !(ms <= RETRY_AFTER_MAX_MS))
        return TS_UNKNOWN;
    return (int64_t)ms;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), the form that is in use. */
static int64_t date_ms(const char *text, int64_t now_ms)
{
    struct tm tm = {0};
    const char *end = text != NULL ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
    if (end == NULL || *end != '\0')
        return TS_UNKNOWN;
    int64_t ms = (int64_t)timegm(&tm) * 1000 - now_ms;
    if (ms > RETRY_AFTER_MAX_MS)
        return TS_UNKNOWN;
    return ms > 0 ? ms : 0;
}

int64_t ts_retry_after_ms(const char *ms, const char *header, int64_t now_ms)
{
    int64_t wait_ms = number_ms(ms, 1);
    if (wait_ms == TS_UNKNOWN)
        wait_ms = number_ms(header, 1000);
    return wait_ms != TS_UNKNOWN ? wait_ms : date_ms(header, now_ms);
}
