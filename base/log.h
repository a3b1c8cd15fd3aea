/*
 * The log: one line per event on stderr, as text (logfmt) or JSON, written whole by one write().
 *
 * The only mutable global of the program. Keys, prompts, answers and bodies never go in, at no
 * level; control characters are escaped. Lines that stderr does not take at once are dropped and
 * counted: a log line never holds up a stream.
 *
 * Thread: any, after ts_log_init().
 */
#ifndef TS_BASE_LOG_H
#define TS_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum ts_log_level { TS_LOG_ERROR, TS_LOG_WARN, TS_LOG_INFO, TS_LOG_DEBUG };
enum ts_log_format { TS_LOG_TEXT, TS_LOG_JSON };

void ts_log_init(enum ts_log_level level, enum ts_log_format format);

bool ts_log_enabled(enum ts_log_level level);

/* One field of a line; an array of them ends with a NULL key. A NULL text leaves the field out. */
struct ts_log_field {
    const char *key;
    const char *text;
    int64_t number; /* used where text is NULL and is_number is set */
    bool is_number;
};

#define TS_LOG_STR(k, v) ((struct ts_log_field){.key = (k), .text = (v)})
#define TS_LOG_INT(k, v) ((struct ts_log_field){.key = (k), .number = (v), .is_number = true})
#define TS_LOG_END ((struct ts_log_field){.key = NULL})

/* A message and its fields: ts_logf(TS_LOG_INFO, FIELDS(...), "listening on %s", addr). */
#define TS_LOG_FIELDS(...) ((const struct ts_log_field[]){__VA_ARGS__, TS_LOG_END})

void ts_log(enum ts_log_level level, const char *fmt, ...) TS_PRINTF(2, 3);
void ts_logf(enum ts_log_level level, const struct ts_log_field *fields, const char *fmt, ...)
    TS_PRINTF(3, 4);

/* Lines dropped since start because stderr was full. */
int64_t ts_log_dropped(void);

#endif
