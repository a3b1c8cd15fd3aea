#include "proxy/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 00-<trace-id>-<parent-id>-<flags>; a later version may have more behind it. */
enum { VERSION_AT = 0, TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53, LENGTH = 55 };

/* Lower-case hexadecimal digits, as the standard has it. */
static bool is_hex(const char *s, int n)
{
    for (int i = 0; i < n; i++) {
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
            return false;
    }
    return true;
}

static bool is_zero(const char *s, int n)
{
    return strspn(s, "0") >= (size_t)n;
}

static bool is_valid(struct ts_slice t)
{
    const char *s = t.at;
    if (s == NULL || t.len < LENGTH || !is_hex(s, 2) || memcmp(s, "ff", 2) == 0)
        return false;
    bool first_version = memcmp(s, "00", 2) == 0;
    if (t.len > LENGTH && (first_version || s[LENGTH] != '-'))
        return false;
    return s[TRACE_AT - 1] == '-' && s[PARENT_AT - 1] == '-' && s[FLAGS_AT - 1] == '-' &&
           is_hex(s + TRACE_AT, TS_TRACE_ID) && !is_zero(s + TRACE_AT, TS_TRACE_ID) &&
           is_hex(s + PARENT_AT, TS_SPAN_ID) && !is_zero(s + PARENT_AT, TS_SPAN_ID) &&
           is_hex(s + FLAGS_AT, 2);
}

static void new_span(char out[static TS_SPAN_ID + 1])
{
    do
        (void)snprintf(out, TS_SPAN_ID + 1, "%08x%08x", arc4random(), arc4random());
    while (is_zero(out, TS_SPAN_ID));
}

bool ts_trace_read(struct ts_trace *t, struct ts_slice traceparent)
{
    *t = (struct ts_trace){.on = is_valid(traceparent)};
    if (!t->on)
        return false;
    const char *s = traceparent.at;
    memcpy(t->trace_id, s + TRACE_AT, TS_TRACE_ID);
    memcpy(t->parent_id, s + PARENT_AT, TS_SPAN_ID);
    new_span(t->span_id);
    (void)snprintf(
        t->header, sizeof(t->header), "00-%s-%s-%.2s", t->trace_id, t->span_id, s + FLAGS_AT);
    return true;
}

void ts_trace_json(const struct ts_trace *t, struct ts_buf *out)
{
    ts_buf_printf(out,
                  "{\"traceId\":\"%s\",\"parentSpanId\":\"%s\",\"spanId\":\"%s\"}",
                  t->trace_id,
                  t->parent_id,
                  t->span_id);
}
