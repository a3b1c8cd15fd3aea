/*
 * jansson, as the house uses it: our own API's bodies and replies, never the streams.
 */
#ifndef TS_BASE_JSON_H
#define TS_BASE_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"

/**
 * ts_json_parse() - parse a body of our own API
 *
 * Limits depth (TS_MAX_JSON_DEPTH) and tokens (TS_MAX_JSON_TOKENS) before a tree is built, and
 * refuses duplicate keys and whatever is not an object or array.
 * Return: TS_OK and a new reference; TS_ERR_INVALID_JSON with the byte offset in the text; NOMEM.
 */
TS_NODISCARD enum ts_err ts_json_parse(const char *text,
                                       size_t len,
                                       json_t **out,
                                       struct ts_error *err);

/* The tree as text, with figures as they were rounded: 0.1, not 0.10000000000000001. free() it.
 * NULL for NULL and without memory. Does not take @body. */
char *ts_json_dump(json_t *body);

/* New references. Text that is not UTF-8 is mended with U+FFFD; NULL gives JSON null. */
json_t *ts_json_text(const char *text);
json_t *ts_json_textn(const char *text, size_t len);

/* A number, or null where it is not finite. */
json_t *ts_json_num(double v);

/* Rounded to two decimals, as rates and scores are told; null where not finite. */
json_t *ts_json_num2(double v);

/* An integer, or null for TS_UNKNOWN (-1). */
json_t *ts_json_int(int64_t v);

/* Microseconds as milliseconds with three decimals, or null for TS_UNKNOWN. */
json_t *ts_json_ms(int64_t us);

#endif
