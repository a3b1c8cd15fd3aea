#include "server/demo_model.h"

#include <assert.h>
#include <math.h>

#define GIB(n) ((int64_t)((n)*1024 * 1024 * 1024))

/* The columns of share and liked are the task types in their order:
 * general_chat, coding, analysis, reasoning, creative, file_processing, function_calling, other. */
/* clang-format off */
const struct ts_demo_model ts_demo_models[TS_DEMO_MODELS] = {
    {
        .name = "llama3.2:7b", .server = TS_DEMO_OLLAMA, .family = "llama", .parameter_size = "7B",
        .quantization = "Q4_K_M", .size_bytes = GIB(4.1), .context_length = 8192,
        .ttft_ms = 180, .tokens_per_s = 62, .output_tokens = 160, .failing = 0.006,
        .share = {38, 10, 14, 14, 34, 14, 10, 20},
        .liked = {0.92, 0.45, 0.74, 0.62, 0.91, 0.71, 0.58, 0.80},
    },
    {
        .name = "deepseek-coder:6.7b", .server = TS_DEMO_OLLAMA, .family = "llama", .parameter_size = "7B",
        .quantization = "Q4_0", .size_bytes = GIB(3.8), .context_length = 16384,
        .ttft_ms = 150, .tokens_per_s = 98, .output_tokens = 125, .failing = 0.005,
        .share = {3, 44, 8, 8, 2, 10, 20, 6},
        .liked = {0.64, 0.96, 0.70, 0.68, 0.42, 0.73, 0.82, 0.66},
    },
    {
        .name = "qwen2.5:7b", .server = TS_DEMO_OLLAMA, .family = "qwen2", .parameter_size = "7.6B",
        .quantization = "Q4_K_M", .size_bytes = GIB(4.4), .context_length = 32768,
        .ttft_ms = 190, .tokens_per_s = 60, .output_tokens = 155, .failing = 0.006,
        .share = {34, 14, 24, 18, 10, 20, 18, 16},
        .liked = {0.92, 0.48, 0.83, 0.71, 0.75, 0.82, 0.78, 0.79},
    },
    {
        .name = "Qwen2.5-14B-Instruct", .server = TS_DEMO_VLLM, .family = "qwen2", .parameter_size = "14.8B",
        .quantization = "BF16", .size_bytes = GIB(29.6), .context_length = 32768,
        .ttft_ms = 95, .tokens_per_s = 66, .output_tokens = 205, .failing = 0.005,
        .share = {12, 12, 30, 38, 10, 26, 30, 18},
        .liked = {0.88, 0.52, 0.91, 0.95, 0.80, 0.88, 0.87, 0.84},
    },
    {
        .name = "CodeLlama-7b", .server = TS_DEMO_LMSTUDIO, .family = "llama", .parameter_size = "7B",
        .quantization = "Q5_K_M", .size_bytes = GIB(4.8), .context_length = 4096,
        .ttft_ms = 420, .tokens_per_s = 31, .output_tokens = 190, .failing = 0.055,
        .share = {3, 14, 4, 4, 3, 6, 8, 6},
        .liked = {0.44, 0.52, 0.42, 0.40, 0.38, 0.46, 0.45, 0.48},
    },
    {
        .name = "mistral-7b-instruct-v0.3.Q4_K_M.gguf", .server = TS_DEMO_LLAMACPP, .family = "llama",
        .parameter_size = "7B", .quantization = "Q4_K_M", .size_bytes = GIB(4.1), .context_length = 8192,
        .ttft_ms = 250, .tokens_per_s = 52, .output_tokens = 150, .failing = 0.012,
        .share = {10, 6, 20, 18, 41, 24, 14, 34},
        .liked = {0.81, 0.56, 0.72, 0.66, 0.93, 0.76, 0.62, 0.77},
    },
    { /* tried now and then: too few calls to judge */
        .name = "phi3.5:3.8b", .server = TS_DEMO_OLLAMA, .family = "phi3", .parameter_size = "3.8B",
        .quantization = "Q4_0", .size_bytes = GIB(2.2), .context_length = 131072,
        .ttft_ms = 110, .tokens_per_s = 98, .output_tokens = 130, .failing = 0.010,
        .share = {0.3, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.5},
        .liked = {0.80, 0.60, 0.70, 0.65, 0.70, 0.65, 0.60, 0.70},
    },
};
/* clang-format on */

const struct ts_kind *ts_demo_kind(enum ts_demo_server_id s)
{
    switch (s) {
#define X(id, kind, price)                                                                         \
    case TS_DEMO_##id:                                                                             \
        return ts_kind(TS_KIND_##kind);
        TS_DEMO_SERVER_TABLE(X)
#undef X
    case TS_DEMO_SERVERS:
        break;
    }
    assert(false && "no such server");
    return NULL;
}

double ts_demo_price_per_hour(enum ts_demo_server_id s)
{
    static const double prices[] = {
#define X(id, kind, price) [TS_DEMO_##id] = (price),
        TS_DEMO_SERVER_TABLE(X)
#undef X
    };
    assert(s < TS_DEMO_SERVERS);
    return prices[s];
}

/* splitmix64: any state will do, also consecutive ones. */
uint64_t ts_dice_next(struct ts_dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double ts_dice_share(struct ts_dice *d)
{
    return (double)(ts_dice_next(d) >> 11) * 0x1p-53;
}

int ts_dice_pick(struct ts_dice *d, const double *weights, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += weights[i];
    double at = ts_dice_share(d) * sum;
    for (int i = 0; i < count - 1; i++) {
        at -= weights[i];
        if (at < 0)
            return i;
    }
    return count - 1;
}

double ts_dice_around(struct ts_dice *d, double median, double sigma)
{
    const double two_pi = 6.283185307179586;
    double u = 1 - ts_dice_share(d); /* not 0 */
    double v = ts_dice_share(d);
    return median * exp(sigma * sqrt(-2 * log(u)) * cos(two_pi * v));
}

static void fail(struct ts_dice *d, struct ts_demo_throw *t)
{
    static const double weights[] = {5, 3, 2};
    static const struct {
        enum ts_outcome outcome;
        enum ts_err error;
    } kinds[] = {
        {TS_OUTCOME_UPSTREAM_ERROR, TS_ERR_UPSTREAM_INVALID},
        {TS_OUTCOME_UPSTREAM_CUT, TS_ERR_UPSTREAM_INTERRUPTED},
        {TS_OUTCOME_TIMEOUT, TS_ERR_UPSTREAM_TIMEOUT},
    };
    int kind = ts_dice_pick(d, weights, 3);
    t->outcome = kinds[kind].outcome;
    t->error = kinds[kind].error;
    if (t->outcome == TS_OUTCOME_UPSTREAM_CUT)
        t->output = 1 + (int64_t)((double)t->output * ts_dice_share(d));
    else
        t->output = 0;
}

struct ts_demo_throw ts_demo_throw(struct ts_dice *d,
                                   const struct ts_demo_model *m,
                                   enum ts_complexity complexity)
{
    double size = complexity == TS_COMPLEXITY_SIMPLE    ? 0.45
                  : complexity == TS_COMPLEXITY_COMPLEX ? 2.2
                                                        : 1.0;
    struct ts_demo_throw t = {.outcome = TS_OUTCOME_DONE, .error = TS_OK};
    t.cold = ts_dice_share(d) < 0.01;
    t.load_us = t.cold ? (int64_t)ts_dice_around(d, 2.4e6, 0.3) : 0;
    t.ttft_us =
        t.load_us + (int64_t)ts_dice_around(d, m->ttft_ms * 1000 * (0.8 + 0.2 * size), 0.35);
    t.gap_us = (int64_t)ts_dice_around(d, 1e6 / m->tokens_per_s, 0.12);
    t.output = 1 + (int64_t)ts_dice_around(d, m->output_tokens * size, 0.45);
    if (ts_dice_share(d) < m->failing)
        fail(d, &t);
    return t;
}
