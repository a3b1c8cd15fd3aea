/*
 * Writing a stream in the client's dialect from normalised events, and folding a stream into one
 * whole answer for a client that did not ask for a stream.
 *
 *   stream   init, event()*, end()        bytes for the client after each
 *   fold     init, collect()*, whole()    and keep() where upstream speaks the same dialect
 *
 * Thread: any, one writer per stream.
 */
#ifndef TS_PROXY_WRITER_H
#define TS_PROXY_WRITER_H

#include "proxy/dialect.h"
#include "proxy/toolset.h"

struct ts_writer {
    const struct ts_dialect *dialect;
    const char *model;            /* as the client knows it; borrowed */
    const char *id;               /* the call's public id; borrowed */
    int64_t created_ms;           /* when the call was accepted, Unix */
    bool wants_base64;            /* vectors as base64 */
    bool wants_usage;             /* the client asked for the event with the token counts */
    const struct ts_call *call;   /* at the end: tokens, phases, finish reason; borrowed */
    struct ts_server_times times; /* the last that an event told */
    const char *trouble;          /* why no good end can be written; static; NULL: nothing */

    /* streaming: what each event begins with, and how far the answer is; a dialect's own count of
     * the parts it has opened */
    struct ts_buf head;
    bool begun;
    int parts;
    int part_kind;

    /* folding: everything the events said, and events as they came */
    struct ts_buf text;
    struct ts_buf reasoning;
    struct ts_buf signature;
    struct ts_buf refusal;
    struct ts_toolset tools; /* also while streaming */
    struct ts_buf ending;    /* the event with the reason why the answer ended */
    struct ts_buf last;      /* the last event that says anything; or a whole answer */
};

/* Whether a stream of other dialects can be written in @d, and folded. */
bool ts_writer_can(const struct ts_dialect *d);

void ts_writer_init(struct ts_writer *w,
                    const struct ts_dialect *d,
                    const char *model,
                    const char *id,
                    int64_t created_ms);
void ts_writer_deinit(struct ts_writer *w);

/* Forgets what was collected: the next attempt begins. */
void ts_writer_reset(struct ts_writer *w);

/* Appends one event to @out in the client's dialect; nothing for events it has no words for. */
void ts_writer_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);

/* The whole terminating event, from the finished record. */
void ts_writer_end(struct ts_writer *w, const struct ts_call *call, struct ts_buf *out);

/* Folding: ts_writer_collect() for each event, then one whole answer. */
void ts_writer_collect(struct ts_writer *w, const struct ts_event *e);
void ts_writer_whole(struct ts_writer *w, const struct ts_call *call, struct ts_buf *out);

/* Something was lost for lack of memory, or beyond a limit. */
bool ts_writer_ok(const struct ts_writer *w);

/**
 * ts_writer_keep() - fold without losing what we do not know
 * @raw: an event of an upstream that speaks the client's own dialect, as it came
 *
 * The whole answer then has every member that such events have beside those that are written here
 * (Ollama's `context`, llama.cpp's `timings`, and what future servers add). Copies what it needs.
 */
void ts_writer_keep(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw);

#endif
