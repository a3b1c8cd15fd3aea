/*
 * A request that is handed to one server as it is, and its answer handed back as it comes: for what
 * is no generation and leaves no row. No retry, no deadline but that of connecting: pulling a model
 * takes as long as it takes.
 *
 * Thread: the loop's.
 */
#ifndef TS_PROXY_PASSAGE_H
#define TS_PROXY_PASSAGE_H

#include "proxy/provider.h"
#include "proxy/relay.h"

struct ts_passage_ask {
    const struct ts_provider *provider;
    const char *method;
    const char *path;     /* behind the server's base URL; only read before start returns */
    struct ts_slice body; /* borrowed until `ended`; .at NULL: none */
    const char *id;       /* public, for errors; borrowed until `ended` */
};

/**
 * ts_passage_start() - begin
 * @ended: called once, when client and server are finished with; never before this returns
 * Trouble becomes an answer to the client, in Ollama's words; a stream of lines that breaks off
 * ends with a line that says so. Return: TS_OK; NOMEM: nothing was answered and `ended` will not be
 * called.
 */
TS_NODISCARD enum ts_err ts_passage_start(struct ts_relay_env *env,
                                          const struct ts_passage_ask *ask,
                                          struct ts_client *client,
                                          void (*ended)(void *ctx),
                                          void *ctx);

#endif
