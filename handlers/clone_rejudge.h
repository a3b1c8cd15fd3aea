/*
 * Attempts whose code nobody has judged: samples, those that were stored when the process ended,
 * those of a build without grammars. They are looked for one after the other, each read and judged
 * by a reader, behind whoever asks meanwhile.
 */
#ifndef TS_HANDLERS_CLONE_REJUDGE_H
#define TS_HANDLERS_CLONE_REJUDGE_H

#include "handlers/services.h"

/* Starts it, and lets it run to its end by itself. Without memory or a database nothing happens: it
 * is begun again with the next start. Thread: any. */
void ts_clone_rejudge(const struct ts_services *services);

#endif
