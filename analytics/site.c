#include "analytics/site.h"

#include <ctype.h>

/* -- addresses --------------------------------------------------------------------------------- */

static bool is_host_char(unsigned char c)
{
    return isalnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']' ||
           c >= 0x80;
}

static const char *host_fault(struct ts_slice host)
{
    if (host.len == 0)
        return "must name a host behind http:// or https://";
    if (memchr(host.at, '@', host.len) != NULL)
        return "must not carry a user or a password";
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_char((unsigned char)host.at[i]))
            return "has a host that no host is called";
    }
    return isalnum((unsigned char)host.at[0]) || host.at[0] == '[' ||
                   (unsigned char)host.at[0] >= 0x80
               ? NULL
               : "has a host that no host is called";
}

static size_t scheme_length(struct ts_slice url)
{
    if (url.len >= 7 && strncasecmp(url.at, "http://", 7) == 0)
        return 7;
    return url.len >= 8 && strncasecmp(url.at, "https://", 8) == 0 ? 8 : 0;
}

static size_t span_until(struct ts_slice s, size_t from, const char *ends)
{
    size_t n = from;
    while (n < s.len && strchr(ends, s.at[n]) == NULL)
        n++;
    return n;
}

const char *ts_site_url(struct ts_slice url,
                        char out[static TS_MAX_URL + 1],
                        char domain[static TS_MAX_URL + 1])
{
    if (url.len > TS_MAX_URL)
        return "must not be longer than 2048 bytes";
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.at[i];
        if (c <= 0x20 || c == 0x7f || c == '\\')
            return "must not have spaces, backslashes or control characters in it";
    }
    size_t scheme = scheme_length(url);
    if (scheme == 0)
        return "must be an address that begins with http:// or https://";
    size_t host_end = span_until(url, scheme, "/?#");
    struct ts_slice host = {url.at + scheme, host_end - scheme};
    const char *fault = host_fault(host);
    if (fault != NULL)
        return fault;
    size_t end = span_until(url, host_end, "#");
    if (end == host_end + 1 && url.at[host_end] == '/')
        end = host_end;
    for (size_t i = 0; i < end; i++)
        out[i] = (char)(i < host_end ? tolower((unsigned char)url.at[i]) : url.at[i]);
    out[end] = '\0';
    size_t name = host.at[0] == '[' ? span_until(host, 0, "]") + 1 : span_until(host, 0, ":");
    name = name < host.len ? name : host.len;
    memcpy(domain, out + scheme, name);
    domain[name] = '\0';
    return name > 0 ? NULL : "must name a host behind http:// or https://";
}

/* -- words ------------------------------------------------------------------------------------- */

struct counter {
    int64_t words;
    bool in_run; /* of anything but white space */
    bool counted;
};

static void count(struct counter *c, unsigned char byte)
{
    if (isspace(byte)) {
        c->in_run = c->counted = false;
        return;
    }
    c->in_run = true;
    if (!c->counted && (isalnum(byte) || byte >= 0x80)) {
        c->counted = true;
        c->words++;
    }
}

int64_t ts_count_words(struct ts_slice text)
{
    struct counter c = {0};
    for (size_t i = 0; i < text.len; i++)
        count(&c, (unsigned char)text.at[i]);
    return c.words;
}

static bool begins(struct ts_slice s, const char *text)
{
    size_t n = strlen(text);
    return s.len >= n && strncasecmp(s.at, text, n) == 0;
}

/* Up to and with @end, in either case, or to the end of all. */
static size_t length_until(struct ts_slice s, const char *end)
{
    for (size_t i = 0; i < s.len; i++) {
        if (begins((struct ts_slice){s.at + i, s.len - i}, end))
            return i + strlen(end);
    }
    return s.len;
}

/* How much of it is no text: a tag, or all of a comment, script or style. 0: it is text. */
static size_t markup_length(struct ts_slice s)
{
    if (s.at[0] != '<')
        return 0;
    if (begins(s, "<!--"))
        return length_until(s, "-->");
    if (begins(s, "<script"))
        return length_until(s, "</script>");
    if (begins(s, "<style"))
        return length_until(s, "</style>");
    bool tag = s.len > 1 && (isalpha((unsigned char)s.at[1]) || s.at[1] == '/' || s.at[1] == '!');
    return tag ? length_until(s, ">") : 0;
}

int64_t ts_count_words_html(struct ts_slice html)
{
    struct counter c = {0};
    for (size_t i = 0; i < html.len;) {
        size_t n = markup_length((struct ts_slice){html.at + i, html.len - i});
        count(&c, n > 0 ? ' ' : (unsigned char)html.at[i]);
        i += n > 0 ? n : 1;
    }
    return c.words;
}

enum ts_complexity ts_site_complexity(const struct ts_site_limits *limits, int64_t words)
{
    if (words == TS_UNKNOWN)
        return TS_COMPLEXITY_UNKNOWN;
    if (words < limits->medium_from)
        return TS_COMPLEXITY_SIMPLE;
    return words < limits->complex_from ? TS_COMPLEXITY_MEDIUM : TS_COMPLEXITY_COMPLEX;
}

/* -- sizes ------------------------------------------------------------------------------------- */

static bool is_size_char(char c)
{
    return isdigit((unsigned char)c) || c == '.' || c == 'x' || c == 'X';
}

struct ts_slice ts_model_size(struct ts_slice model)
{
    struct ts_slice found = {0};
    for (size_t i = 0; i < model.len; i++) {
        bool begins_word = i == 0 || !isalnum((unsigned char)model.at[i - 1]);
        size_t n = i;
        while (n < model.len && is_size_char(model.at[n]))
            n++;
        bool sized = n > i && isdigit((unsigned char)model.at[i]) && n < model.len &&
                     (tolower((unsigned char)model.at[n]) == 'b' ||
                      tolower((unsigned char)model.at[n]) == 'm');
        bool ends_word = sized && (n + 1 == model.len || !isalnum((unsigned char)model.at[n + 1]));
        if (begins_word && ends_word && (i == 0 || model.at[i - 1] != '.'))
            found = (struct ts_slice){model.at + i, n + 1 - i};
    }
    return found;
}
