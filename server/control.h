/*
 * The control socket: `<db>.sock`, a Unix stream, mode 0600, next to the database.
 *
 * While a server runs it alone writes; commands that change or copy the database ask it here.
 *
 *     command:  {"verb":"backup","to":"/tmp/copy.db"}\n            one request, one line
 *     server:   {"progress":{"done":1200,"total":9000}}\n          any number of these, then one of
 *               {"result":{...}}\n
 *               {"error":{"code":"io_error","message":"..."}}\n
 *
 * A connection carries any number of requests, one after the other; bulk data travels as many
 * requests of bounded size. A command that leaves ends its work. Verbs stand in server/verbs.h.
 *
 * Every connection has a thread of its own, so that nothing here touches a loop. The socket of a
 * process that died is replaced: whoever holds the database's lock is the only server.
 */
#ifndef TS_SERVER_CONTROL_H
#define TS_SERVER_CONTROL_H

#include <sys/un.h>

#include "server/verbs.h"

enum {
    TS_CONTROL_MAX_LINE_BYTES = 8 * 1024 * 1024,
    TS_CONTROL_MAX_CONNECTIONS = 8, /* one more is told "overloaded" */
};

struct ts_control;

/* The address of the socket beside @db_path. False: the path is too long for one. */
TS_NODISCARD bool ts_control_address(const char *db_path, struct sockaddr_un *out);

/**
 * ts_control_start() - listen beside the database; call it while its lock is held
 * @env: copied; what it points at must outlive the control
 *
 * Errors: CONFIG (the path is too long), IN_USE (somebody answers there, or it is no socket), IO,
 * NOMEM. A server runs without, too: the text says what does not work then.
 */
TS_NODISCARD enum ts_err ts_control_start(const struct ts_verb_env *env,
                                          struct ts_control **out,
                                          struct ts_error *err);

/* Removes the socket, breaks off what runs, waits for it. The store must still be open. NULL: none.
 */
void ts_control_stop(struct ts_control *c);

#endif
