/*
 * The simulated models of `touchstone demo`: how fast each is, how often it fails, how well its
 * answers are liked at each kind of work; and the dice.
 *
 * The seeded history and the simulated servers draw from the same table, so that what the live
 * traffic shows agrees with the past.
 *
 * Thread: any; no state but the caller's.
 */
#ifndef TS_SERVER_DEMO_MODEL_H
#define TS_SERVER_DEMO_MODEL_H

#include <stdint.h>

#include "analytics/classify.h"
#include "proxy/provider.h"

/* X(enum suffix, kind of server: also the provider's name, dollars an hour of its machine;
 * negative: unknown) */
#define TS_DEMO_SERVER_TABLE(X)                                                                    \
    X(OLLAMA, OLLAMA, 0.12)                                                                        \
    X(VLLM, VLLM, 0.80)                                                                            \
    X(LMSTUDIO, LMSTUDIO, -1)                                                                      \
    X(LLAMACPP, LLAMACPP, 0.12)

enum ts_demo_server_id {
#define X(id, kind, price) TS_DEMO_##id,
    TS_DEMO_SERVER_TABLE(X)
#undef X
        TS_DEMO_SERVERS
};

struct ts_demo_model {
    const char *name;
    enum ts_demo_server_id server;
    const char *family;
    const char *parameter_size;
    const char *quantization;
    int64_t size_bytes;
    int64_t context_length;
    double ttft_ms;               /* median */
    double tokens_per_s;          /* median */
    double output_tokens;         /* median, of a task of medium complexity */
    double failing;               /* share of calls */
    double share[TS_TASK_COUNT_]; /* how often it is asked for such work, against the others */
    double liked[TS_TASK_COUNT_]; /* share of thumbs up among the ratings */
};

enum { TS_DEMO_MODELS = 7, TS_DEMO_FIRST_TOKEN_TIMEOUT_MS = 30000 };
extern const struct ts_demo_model ts_demo_models[TS_DEMO_MODELS];

const struct ts_kind *ts_demo_kind(enum ts_demo_server_id s);
double ts_demo_price_per_hour(enum ts_demo_server_id s);

/* -- dice: the same seed gives the same throws, on every machine ------------------------------- */

struct ts_dice {
    uint64_t state;
};

uint64_t ts_dice_next(struct ts_dice *d);
double ts_dice_share(struct ts_dice *d); /* [0, 1) */
int ts_dice_pick(struct ts_dice *d, const double *weights, int count);
double ts_dice_around(struct ts_dice *d, double median, double sigma); /* log-normal */

/* How one call goes. */
struct ts_demo_throw {
    enum ts_outcome outcome;
    enum ts_err error; /* TS_OK unless it fails */
    bool cold;         /* the server loads the model first */
    int64_t load_us;
    int64_t ttft_us; /* load included */
    int64_t gap_us;  /* between two tokens */
    int64_t output;  /* tokens; fewer when it ends early */
};
struct ts_demo_throw ts_demo_throw(struct ts_dice *d,
                                   const struct ts_demo_model *m,
                                   enum ts_complexity complexity);

#endif
