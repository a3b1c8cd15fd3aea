/*
 * Reading JSON where it lies: a tolerant scanner over a whole document, no tree, no copies.
 *
 * For bodies of generation requests, which are passed on as bytes: it checks the structure once
 * and then hands out members as spans of the original text. Tolerant where clients legally differ
 * (lone surrogates, duplicate keys, \u0000); strict where a parser behind us would choke
 * (structure, literals, numbers, unescaped control characters, UTF-8, depth TS_MAX_JSON_DEPTH).
 *
 * Thread: any; no state but the caller's.
 */
#ifndef TS_BASE_JSCAN_H
#define TS_BASE_JSCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum ts_jtype {
    TS_J_NONE,
    TS_J_NULL,
    TS_J_FALSE,
    TS_J_TRUE,
    TS_J_NUMBER,
    TS_J_STRING,
    TS_J_ARRAY,
    TS_J_OBJECT
};

/* One value: its type and its text as it stands, strings with their quotes. */
struct ts_jvalue {
    enum ts_jtype type; /* TS_J_NONE: absent */
    struct ts_slice raw;
};

/**
 * ts_jscan() - check a whole document
 * Return: TS_OK and its single value in @out; TS_ERR_INVALID_JSON, the text ending in "at byte N".
 */
TS_NODISCARD enum ts_err ts_jscan(const char *text,
                                  size_t len,
                                  struct ts_jvalue *out,
                                  struct ts_error *err);

/* The same with a limit on keys and values (containers count as one), for documents that a tree
 * will be built of. */
TS_NODISCARD enum ts_err ts_jscan_limited(
    const char *text, size_t len, size_t max_tokens, struct ts_jvalue *out, struct ts_error *err);

/* Walks the members of an object or the items of an array of a *checked* document; other values
 * have none. The key is absent (TS_J_NONE) in arrays. */
struct ts_jiter {
    const char *at;
    const char *end;
    bool object;
};
struct ts_jiter ts_jiter_of(struct ts_jvalue container);
bool ts_jiter_next(struct ts_jiter *it, struct ts_jvalue *key, struct ts_jvalue *value);

/* The last member of that name (as JSON parsers take it), or TS_J_NONE. */
struct ts_jvalue ts_jmember(struct ts_jvalue object, const char *name);

/* Whether a string value, unescaped, is @text. */
bool ts_jstring_is(struct ts_jvalue string, const char *text);

/* Appends the unescaped text; lone surrogates become U+FFFD. */
void ts_jstring_decode(struct ts_jvalue string, struct ts_buf *out);

/* An integer within [min, max]; false for fractions, exponents, other types and overflow. */
bool ts_jint(struct ts_jvalue v, int64_t min, int64_t max, int64_t *out);

/* Whether the text is a number as RFC 8259 writes it. */
bool ts_jnumber_valid(struct ts_slice text);

/* Any finite number of up to TS_JNUMBER_MAX characters. */
enum { TS_JNUMBER_MAX = 64 };
bool ts_jnumber(struct ts_jvalue v, double *out);

#endif
