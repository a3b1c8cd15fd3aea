/*
 * Server-sent events, as the HTML standard frames them: lines that end in LF, CR or CRLF, fields
 * `name: value`, comments that begin with a colon, a blank line at the end of an event.
 *
 * Only `data` is read; several data lines are joined by a newline. An event without data is none:
 * its lines, like comments, belong to the event that follows.
 *
 * Where lines end in CRLF, an event ends behind the LF of its blank line. Where a CR alone ends
 * them, it ends behind that CR, since no further byte may come.
 */
#ifndef TS_PROXY_SSE_H
#define TS_PROXY_SSE_H

#include <stdbool.h>

#include "proxy/framing.h"

/* Zero: at the start of the stream. */
struct ts_sse {
    int state;
    size_t matched;  /* characters of the name that are those of "data" */
    bool has_data;   /* of the event being read */
    bool after_cr;   /* an LF would belong to the line that just ended */
    bool crlf_lines; /* the last line that held something ended in CRLF */
};

/* The next piece of @bytes (@n > 0); returns how many bytes it took, possibly 0 with an END. */
size_t ts_sse_next(struct ts_sse *f, const char *bytes, size_t n, struct ts_piece *out);

/* The input has ended: whether what was read since the last event is one. */
bool ts_sse_end(struct ts_sse *f);

/* Whether the unfinished line may still become a `data` line. */
bool ts_sse_maybe_data(const struct ts_sse *f);

#endif
