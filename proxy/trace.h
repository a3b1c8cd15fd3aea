/*
 * W3C Trace Context: the caller's trace goes on through us. A valid `traceparent` is sent upstream
 * with a span id of our own, `tracestate` along with it unchanged; where there is none, or it is
 * not valid, none is sent.
 */
#ifndef TS_PROXY_TRACE_H
#define TS_PROXY_TRACE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum { TS_TRACE_ID = 32, TS_SPAN_ID = 16, TS_TRACEPARENT_SIZE = 56, TS_MAX_TRACESTATE = 512 };

struct ts_trace {
    bool on;
    char trace_id[TS_TRACE_ID + 1];
    char parent_id[TS_SPAN_ID + 1];   /* the caller's span */
    char span_id[TS_SPAN_ID + 1];     /* ours */
    char header[TS_TRACEPARENT_SIZE]; /* what goes upstream */
};

/* Reads a traceparent and gives the call a span. Return: false (and off) where it is not valid. */
bool ts_trace_read(struct ts_trace *t, struct ts_slice traceparent);

/* {"traceId": …, "parentSpanId": …, "spanId": …}: what the record keeps. */
void ts_trace_json(const struct ts_trace *t, struct ts_buf *out);

#endif
