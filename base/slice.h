/* Bytes that belong to somebody else: pointer and length, no NUL promised. */
#ifndef TS_BASE_SLICE_H
#define TS_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct ts_slice {
    const char *at; /* NULL: absent */
    size_t len;
};

#define TS_SLICE_LIT(s) ((struct ts_slice){.at = (s), .len = sizeof(s) - 1})

static inline struct ts_slice ts_slice_str(const char *s)
{
    return (struct ts_slice){.at = s, .len = s != NULL ? strlen(s) : 0};
}

static inline bool ts_slice_is(struct ts_slice s, const char *text)
{
    size_t n = strlen(text);
    return s.at != NULL && s.len == n && memcmp(s.at, text, n) == 0;
}

/* Letters of ASCII in either case, as in the names of headers. */
static inline bool ts_slice_same_nocase(struct ts_slice a, struct ts_slice b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* Without the spaces and tabs around it. */
static inline struct ts_slice ts_slice_trim(struct ts_slice s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

#endif
