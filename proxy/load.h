/*
 * How busy a model server says it is: what each kind really offers, and nothing that it does not.
 *
 *   Ollama     GET /api/ps          which models are in memory, and how much of the GPU's they take
 *   llama.cpp  GET /slots           places, and how many work
 *   vLLM       GET /metrics         requests that run and wait, share of the KV cache in use
 *   LM Studio  GET /api/v0/models   which models are in memory, their context and quantization
 *
 * Asked with each round of discovery, after the list of models and never more often: llama.cpp
 * notices clients that leave only while nobody asks. A server that does not answer one of these is
 * none the worse for it.
 */
#ifndef TS_PROXY_LOAD_H
#define TS_PROXY_LOAD_H

#include <stdint.h>

#include "base/slice.h"

struct ts_model_list;

/* TS_UNKNOWN, or a negative share, where the server does not tell. */
struct ts_server_load {
    int64_t running;    /* requests it works on, whoever sent them */
    int64_t waiting;    /* and those in its own queue */
    int64_t slots;      /* how many it can work on at once */
    double cache_share; /* of the KV cache in use, 0 to 1 */
    int64_t gpu_bytes;  /* that its models take of the GPU's memory */
    int64_t told_ms;    /* when it said so, Unix; 0: never */
};
#define TS_SERVER_LOAD_UNKNOWN ((struct ts_server_load){-1, -1, -1, -1, -1, 0})

/* A further question to a server of a kind. take() reads the answer's body, which comes from
 * outside: what does not look as expected is left alone. */
struct ts_load_question {
    const char *path; /* NULL ends the list */
    void (*take)(struct ts_slice body, struct ts_model_list *models, struct ts_server_load *load);
};

extern const struct ts_load_question ts_ollama_load[];
extern const struct ts_load_question ts_llamacpp_load[];
extern const struct ts_load_question ts_vllm_load[];
extern const struct ts_load_question ts_lmstudio_load[];

#endif
