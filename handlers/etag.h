/*
 * Validators of answers that are computed from the store (RFC 9110, 8.8): cheap, without computing
 * the answer.
 *
 * One is made of what the answer depends on: this process, the number of commits, the question,
 * and whatever the handler adds. It is taken before the answer is computed, so the answer may be of
 * a newer commit than its tag says, and is then only asked for once more than needed; never the
 * other way about. Weak: a window that ends now moves, and is held to be the same for a minute.
 * No cache keeps such an answer (no-store, as everywhere in the API): a program that polls keeps
 * the tag itself and sends it along.
 */
#ifndef TS_HANDLERS_ETAG_H
#define TS_HANDLERS_ETAG_H

#include "handlers/exchange.h"

enum { TS_ETAG_SIZE = 24 };

struct ts_etag {
    uint64_t hash;
};

/* Of the store as it is now, and of the path and the parameters. Thread: a loop's. */
struct ts_etag ts_etag_of(const struct ts_exchange *x);

/* What else decides about the answer. */
void ts_etag_add(struct ts_etag *e, const void *bytes, size_t n);
void ts_etag_add_text(struct ts_etag *e, const char *text); /* or NULL */

/* W/"0123456789abcdef". Returns @out. */
char *ts_etag_text(const struct ts_etag *e, char out[static TS_ETAG_SIZE]);

/* Whether If-None-Match names it, or is "*"; compared weakly. */
bool ts_etag_matches(const struct ts_exchange *x, const char *etag);

/* 304 with that tag. */
void ts_reply_unchanged(struct ts_exchange *x, const char *etag);

#endif
