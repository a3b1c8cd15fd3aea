/*
 * A command's way to the database, for everything that writes or needs the writer.
 *
 * While a server runs, requests go to it over its control socket; else this process takes the
 * file's lock, opens the store and answers the same verbs itself. A command does not notice which.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_SESSION_H
#define TS_SERVER_SESSION_H

#include <jansson.h>

#include "server/config.h"
#include "server/options.h"

struct ts_session;

/**
 * ts_session_open() - reach the server of the configured database, or become its only user
 * @may_create: a missing database is made; else: IO
 *
 * Errors: CONFIG, IN_USE (a server runs and cannot be asked; the text says why), FOREIGN_FILE, IO,
 * NOMEM.
 */
TS_NODISCARD enum ts_err ts_session_open(const struct ts_config *c,
                                         bool may_create,
                                         struct ts_session **out,
                                         struct ts_error *err);

/* The same from a command's words: reads the configuration, which may then go, and sets up the log
 * (warnings only, unless a level was asked for). */
TS_NODISCARD enum ts_err ts_session_start(const struct ts_options *o,
                                          bool may_create,
                                          struct ts_session **out,
                                          struct ts_error *err);
void ts_session_close(struct ts_session *s);
TS_DEFINE_AUTO(ts_session_auto, struct ts_session, ts_session_close)

/* Where the database is. */
const char *ts_session_db(const struct ts_session *s);

/* Who is told how far the work is; @total may be TS_UNKNOWN. */
struct ts_session_listener {
    void (*progress)(void *ctx, int64_t done, int64_t total);
    void *ctx;
};

/**
 * ts_session_ask() - one request of server/verbs.h
 * @request:  an object with a "verb"; taken, also on failure; NULL: NOMEM
 * @listener: or NULL
 * @result:   the answer, a new reference; or NULL, if nobody wants it
 *
 * Errors: those of the verb; CLIENT_GONE (the server stopped), IO, NOMEM.
 */
TS_NODISCARD enum ts_err ts_session_ask(struct ts_session *s,
                                        json_t *request,
                                        const struct ts_session_listener *listener,
                                        json_t **result,
                                        struct ts_error *err);

#endif
