/*
 * Kinds of model servers, and one server.
 *
 * A kind is a const table: how a server of it is found, listed and spoken to. A provider is one
 * server of a kind. registry.h holds the providers and the models last seen on each.
 */
#ifndef TS_PROXY_PROVIDER_H
#define TS_PROXY_PROVIDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/client.h"
#include "proxy/dialect.h"
#include "proxy/genreq.h"
#include "proxy/load.h"
#include "proxy/price.h"

/* X(enum suffix, name) */
#define TS_KIND_TABLE(X)                                                                           \
    X(OLLAMA, "ollama")                                                                            \
    X(VLLM, "vllm")                                                                                \
    X(LMSTUDIO, "lmstudio")                                                                        \
    X(LLAMACPP, "llamacpp")                                                                        \
    X(OPENAI, "openai")                                                                            \
    X(ANTHROPIC, "anthropic")

enum ts_kind_id {
#define X(id, name) TS_KIND_##id,
    TS_KIND_TABLE(X)
#undef X
        TS_KIND_COUNT_
};

/* Where and in which dialect a request goes on a server of this kind. */
struct ts_endpoint {
    const char *path; /* behind the base URL, which never ends in /v1 */
    const struct ts_dialect *dialect;
    bool extensions; /* see struct ts_build */
};

enum { TS_MAX_MODELS = 512, TS_MAX_PROVIDERS = 32 };

/* One model as a server lists it. Text in the list's arena; unknown is NULL or TS_UNKNOWN. */
struct ts_model {
    const char *name; /* what the server calls it, and what is recorded */
    const char *family;
    const char *parameter_size; /* "7B" */
    const char *quantization;
    const char *digest;
    const char *modified_at; /* RFC 3339 */
    int64_t size_bytes;
    int64_t context_length;
    bool loaded; /* known to be in memory */
};

struct ts_model_list {
    struct ts_model *models;
    int count;
    struct ts_arena arena;
};

/* An empty list with room for TS_MAX_MODELS. Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_model_list_init(struct ts_model_list *list);
void ts_model_list_deinit(struct ts_model_list *list);

/**
 * ts_model_list_add() - a new entry for a model of that name
 * Names come from outside and travel in headers and logs: one with control characters, or longer
 * than TS_MAX_MODEL, is left out, as is what does not fit into the list.
 * Return: the entry, everything but its name unknown; NULL if the model is left out.
 */
struct ts_model *ts_model_list_add(struct ts_model_list *list, const json_t *name);

/* A copy of a JSON string in the list's arena; NULL for "", other types and lack of memory. */
const char *ts_model_text(struct ts_model_list *list, const json_t *text);

struct ts_kind {
    enum ts_kind_id id;
    const char *name;
    const char *default_base_url; /* loopback for local kinds; the API host for cloud ones */
    bool local;
    const char *models_path; /* GET: the list of models */
    /* Whether that answer comes from a server of this kind: what a server that nobody configured
     * has to show. @server: the Server header, or NULL. */
    bool (*is_this)(const json_t *answer, const char *server);
    /* Appends the models of that answer to @out with ts_model_list_add(). */
    void (*list_models)(const json_t *answer, struct ts_model_list *out);
    /* The endpoint for a request, or NULL if this kind cannot serve it. */
    const struct ts_endpoint *(*endpoint)(const struct ts_genreq *q);
    /* The header that carries the key: "Authorization" with "Bearer " or "x-api-key". */
    const char *key_header;
    const char *key_prefix;
    const struct ts_header *headers; /* sent with each request; ends with a NULL name; or NULL */
    const struct ts_load_question *load; /* what it can be asked besides; or NULL */
};

/* One server. Configured at start and never changed; lives as long as the registry. */
struct ts_provider {
    int index; /* in the registry */
    const struct ts_kind *kind;
    const char *name;     /* unique; "ollama", or the NAME of [provider.NAME] */
    const char *base_url; /* without a trailing slash or /v1 */
    const char *api_key;  /* NULL: none. Never logged, never shown */
    bool configured;      /* named by the user; false: looked for at a default address */
    bool simulated;
    int64_t connect_timeout_ms;
    int64_t first_token_timeout_ms; /* 0: none */
    int64_t gap_timeout_ms;
    int64_t total_timeout_ms;
    struct ts_price price;     /* of every model on it that has no price of its own */
    double price_per_hour_usd; /* of the machine; negative: unknown */
    int max_concurrency;       /* 0: no limit */
    double weight;
};

extern const struct ts_kind ts_kind_ollama;
extern const struct ts_kind ts_kind_vllm;
extern const struct ts_kind ts_kind_lmstudio;
extern const struct ts_kind ts_kind_llamacpp;
extern const struct ts_kind ts_kind_openai;
extern const struct ts_kind ts_kind_anthropic;

const struct ts_kind *ts_kind(enum ts_kind_id id);
bool ts_kind_parse(struct ts_slice name, enum ts_kind_id *out);

#endif
