/*
 * Reading an upstream's stream: bytes in, as they come; one callback per complete event out.
 *
 * Framing (NDJSON or SSE) and a path scanner over the JSON inside run byte by byte with fixed
 * state; only unescaped text that the event carries is collected, up to a limit. Any split of the
 * input into reads gives the same events.
 */
#ifndef TS_PROXY_READER_H
#define TS_PROXY_READER_H

#include "proxy/dialect.h"

/**
 * ts_event_fn - one event is complete
 * @ev:  valid until it returns
 * @end: offset just behind the event's last byte within the bytes being fed
 */
typedef void ts_event_fn(void *ctx, const struct ts_event *ev, size_t end);

/* @max_text: unescaped bytes kept of one event's text; beyond it text_cut is set. */
TS_NODISCARD enum ts_err ts_reader_new(const struct ts_dialect *d,
                                       size_t max_text,
                                       ts_event_fn *fn,
                                       void *ctx,
                                       struct ts_reader **out);
void ts_reader_free(struct ts_reader *r);

/* Feeds @n bytes. Comments and blank lines belong to the event that follows them. */
void ts_reader_feed(struct ts_reader *r, const char *bytes, size_t n);

/* The input has ended: an unfinished last line without its newline counts as an event. */
void ts_reader_end(struct ts_reader *r);

/* Whether bytes of an unfinished event were fed, and what is already known of it: an unfinished
 * event known to be the terminator must not be passed on whole. */
bool ts_reader_in_event(const struct ts_reader *r);
bool ts_reader_maybe_terminator(const struct ts_reader *r);

#endif
