/* Bytes that belong to somebody else: pointer and length, no NUL promised. */
#ifndef TS_BASE_SLICE_H
#define TS_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

#endif
