/* Writing Ollama's dialect: the functions of its ts_dialect. */
#ifndef TS_PROXY_WRITE_OLLAMA_H
#define TS_PROXY_WRITE_OLLAMA_H

#include "proxy/writer.h"

void ts_generate_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out);
void ts_generate_write_end(struct ts_writer *w, struct ts_buf *out);
void ts_generate_write_whole(struct ts_writer *w, struct ts_buf *out);

#endif
