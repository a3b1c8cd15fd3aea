/* What handlers share beyond exchange.h: JSON as text, made off the loop, and questions to the
 * store. */
#ifndef TS_HANDLERS_REPLY_H
#define TS_HANDLERS_REPLY_H

#include "db/store.h"
#include "handlers/etag.h"

/* Answers with JSON that is text already. */
void ts_reply_text(struct ts_exchange *x, int status, const char *json);

/*
 * A question to the store for one exchange. ask() runs on a reader thread and gives the answer's
 * body, which is made text there too; the loop only sends it. free() ends it, on the loop.
 */
struct ts_ask {
    struct ts_query query;
    struct ts_exchange *x;
    enum ts_err (*ask)(struct ts_ask *a,
                       struct ts_reader_conn *c,
                       json_t **out,
                       struct ts_error *err);
    void (*free)(struct ts_ask *a);
    char *text;
    char etag[TS_ETAG_SIZE]; /* empty: none */
};

/* Asks; the exchange is answered later. Takes @a (ask, free set; the rest is filled in here). */
void ts_ask_start(struct ts_exchange *x, struct ts_ask *a);

/* The same for an answer that has a validator: if the client has that answer already, nothing is
 * asked. */
void ts_ask_unless_known(struct ts_exchange *x, struct ts_ask *a, const struct ts_etag *etag);

#endif
