/*
 * Writing a stream in the client's dialect from normalised events, and folding a stream into one
 * whole answer for a client that did not ask for a stream.
 */
#ifndef TS_PROXY_WRITER_H
#define TS_PROXY_WRITER_H

#include "proxy/dialect.h"

struct ts_writer {
    const struct ts_dialect *dialect;
    const char *model;          /* as the client knows it; borrowed */
    const char *id;             /* the call's public id; borrowed */
    int64_t created_ms;         /* when the call was accepted, Unix */
    const struct ts_call *call; /* for the end: tokens, phases, finish reason; borrowed */

    /* folding: everything the events said */
    struct ts_buf text;
    struct ts_buf reasoning;
};

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

#endif
