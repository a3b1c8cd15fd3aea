/*
 * Reading an upstream's stream: bytes in, as they come; one callback per complete event out.
 *
 * Framing (ndjson.h, sse.h) and a path scanner over the JSON inside (jpath.h) run with fixed state;
 * only unescaped text that the event carries is collected, up to a limit. Any split of the input
 * into reads gives the same events.
 */
#ifndef TS_PROXY_READER_H
#define TS_PROXY_READER_H

#include "proxy/dialect.h"

struct ts_reader;

/**
 * ts_event_fn - one event is complete
 * @ev:  valid until it returns
 * @end: offset just behind the event's last byte within the bytes being fed; 0 from
 *       ts_reader_end()
 *
 * Must not free the reader.
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

/* The input has ended: a last line or event without its end counts, malformed if it is cut off. */
void ts_reader_end(struct ts_reader *r);

/* Whether bytes of an unfinished event were fed. */
bool ts_reader_in_event(const struct ts_reader *r);

/* Whether the unfinished event is known to be the terminator, or may still turn out to be it: then
 * its bytes must not be passed on yet. False where only comments and blank lines were fed, unless
 * the dialect tells its last event by a type: the name in front of it is held, too. */
bool ts_reader_maybe_terminator(const struct ts_reader *r);

#endif
