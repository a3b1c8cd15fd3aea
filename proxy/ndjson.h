/* Newline-delimited JSON: an event is a line. Blank lines are none. */
#ifndef TS_PROXY_NDJSON_H
#define TS_PROXY_NDJSON_H

#include <stdbool.h>

#include "proxy/framing.h"

/* Zero: at the start of a line. */
struct ts_ndjson {
    bool in_line; /* something other than white space was seen */
};

/* The next piece of @bytes (@n > 0); returns how many bytes it took. */
size_t ts_ndjson_next(struct ts_ndjson *f, const char *bytes, size_t n, struct ts_piece *out);

/* The input has ended: whether a line without its newline is an event. */
bool ts_ndjson_end(struct ts_ndjson *f);

#endif
