#include "proxy/ndjson.h"

#include <string.h>

static bool only_space(const char *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r'))
        i++;
    return i == n;
}

size_t ts_ndjson_next(struct ts_ndjson *f, const char *bytes, size_t n, struct ts_piece *out)
{
    if (bytes[0] == '\n') {
        *out = (struct ts_piece){.kind = f->in_line ? TS_PIECE_END : TS_PIECE_NONE};
        f->in_line = false;
        return 1;
    }
    const char *newline = memchr(bytes, '\n', n);
    size_t len = newline != NULL ? (size_t)(newline - bytes) : n;
    if (!f->in_line)
        f->in_line = !only_space(bytes, len);
    *out = (struct ts_piece){.kind = TS_PIECE_DATA, .data = {bytes, len}};
    return len;
}

bool ts_ndjson_end(struct ts_ndjson *f)
{
    bool event = f->in_line;
    f->in_line = false;
    return event;
}
