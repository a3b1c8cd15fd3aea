/*
 * Writing a stream in the client's dialect from normalised events, and folding a stream into one
 * whole answer for a client that did not ask for a stream.
 *
 *   stream   init, event()*, end()        bytes for the client after each
 *   fold     init, collect()*, whole()    and keep_last() where upstream speaks the same dialect
 *
 * Thread: any, one writer per stream.
 */
#ifndef TS_PROXY_WRITER_H
#define TS_PROXY_WRITER_H

#include "proxy/dialect.h"

struct ts_writer {
    const struct ts_dialect *dialect;
    const char *model;            /* as the client knows it; borrowed */
    const char *id;               /* the call's public id; borrowed */
    int64_t created_ms;           /* when the call was accepted, Unix */
    const struct ts_call *call;   /* at the end: tokens, phases, finish reason; borrowed */
    struct ts_server_times times; /* the last that an event told */

    /* folding: everything the events said, and the last event as it came */
    struct ts_buf text;
    struct ts_buf reasoning;
    struct ts_buf last;
};

/* Whether a stream of other dialects can be written in @d, and folded. */
bool ts_writer_can(const struct ts_dialect *d);

void ts_writer_init(struct ts_writer *w,
                    const struct ts_dialect *d,
                    const char *model,
                    const char *id,
                    int64_t created_ms);
void ts_writer_deinit(struct ts_writer *w);

/* Appends one event to @out in the client's dialect; nothing for events it has no words for. */
void ts_writer_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);

/* The whole terminating event, from the finished record. */
void ts_writer_end(struct ts_writer *w, const struct ts_call *call, struct ts_buf *out);

/* Folding: ts_writer_collect() for each event, then one whole answer. Errors latch in w->text. */
void ts_writer_collect(struct ts_writer *w, const struct ts_event *e);
void ts_writer_whole(struct ts_writer *w, const struct ts_call *call, struct ts_buf *out);

/**
 * ts_writer_keep_last() - fold without losing what we do not know
 * @raw: the terminating event of an upstream that speaks the client's own dialect, as it came
 *
 * The whole answer is then that object with the collected text in place of its own; every other
 * member (Ollama's `context`, and what future servers add) stays as it is. Copies @raw.
 */
void ts_writer_keep_last(struct ts_writer *w, struct ts_slice raw);

#endif
