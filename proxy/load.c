#include "proxy/load.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/provider.h"

static json_t *parse(struct ts_slice body)
{
    return body.at != NULL ? json_loadb(body.at, body.len, 0, NULL) : NULL;
}

static struct ts_model *find_model(struct ts_model_list *models, const char *name)
{
    for (int i = 0; name != NULL && i < models->count; i++) {
        if (strcmp(models->models[i].name, name) == 0)
            return &models->models[i];
    }
    return NULL;
}

static int64_t count_of(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : TS_UNKNOWN;
}

/* -- Ollama --------------------------------------------------------------------------------------
 */

/* {"models": [{"name", "size_vram", "context_length", ...}]}: those in memory. */
static void take_ps(struct ts_slice body, struct ts_model_list *models, struct ts_server_load *load)
{
    json_auto_t *answer = parse(body);
    const json_t *list = json_object_get(answer, "models");
    if (!json_is_array(list))
        return;
    load->gpu_bytes = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        int64_t vram = count_of(json_object_get(m, "size_vram"));
        int64_t context = count_of(json_object_get(m, "context_length"));
        struct ts_model *model = find_model(models, json_string_value(json_object_get(m, "name")));
        if (vram != TS_UNKNOWN && load->gpu_bytes <= INT64_MAX - vram)
            load->gpu_bytes += vram;
        if (model == NULL)
            continue;
        model->loaded = true;
        if (context > 0)
            model->context_length = context;
    }
}

const struct ts_load_question ts_ollama_load[] = {{"/api/ps", take_ps}, {NULL, NULL}};

/* -- llama.cpp -----------------------------------------------------------------------------------
 */

/* [{"id", "is_processing", ...}], or an error object where the route is switched off. */
static void take_slots(struct ts_slice body,
                       struct ts_model_list *models,
                       struct ts_server_load *load)
{
    (void)models;
    json_auto_t *answer = parse(body);
    if (!json_is_array(answer))
        return;
    load->slots = (int64_t)json_array_size(answer);
    load->running = 0;
    for (size_t i = 0; i < json_array_size(answer); i++)
        load->running += json_is_true(json_object_get(json_array_get(answer, i), "is_processing"));
}

const struct ts_load_question ts_llamacpp_load[] = {{"/slots", take_slots}, {NULL, NULL}};

/* -- vLLM ----------------------------------------------------------------------------------------
 */

/* The sum of a gauge over its series; negative where it is not there, or not a number. */
static double gauge(struct ts_slice text, const char *name)
{
    size_t n = strlen(name);
    const char *at = text.at;
    const char *end = text.at + text.len;
    double sum = -1;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end != NULL ? line_end : end;
        bool is_it = (size_t)(line_end - at) > n && memcmp(at, name, n) == 0 &&
                     (at[n] == '{' || at[n] == ' ');
        const char *value = is_it ? memrchr(at, ' ', (size_t)(line_end - at)) : NULL;
        double v = value != NULL ? strtod(value, NULL) : -1;
        if (isfinite(v) && v >= 0)
            sum = (sum < 0 ? 0 : sum) + v;
        at = line_end < end ? line_end + 1 : end;
    }
    return sum;
}

static int64_t whole(double v)
{
    return v >= 0 && v < 1e15 ? (int64_t)llround(v) : TS_UNKNOWN;
}

static void take_vllm(struct ts_slice body,
                      struct ts_model_list *models,
                      struct ts_server_load *load)
{
    (void)models;
    if (body.len == 0)
        return;
    load->running = whole(gauge(body, "vllm:num_requests_running"));
    load->waiting = whole(gauge(body, "vllm:num_requests_waiting"));
    double share = gauge(body, "vllm:kv_cache_usage_perc");
    if (share < 0)
        share = gauge(body, "vllm:gpu_cache_usage_perc"); /* its older name */
    load->cache_share = share <= 1 ? share : -1;
}

const struct ts_load_question ts_vllm_load[] = {{"/metrics", take_vllm}, {NULL, NULL}};

/* -- LM Studio -----------------------------------------------------------------------------------
 */

/* {"data": [{"id", "state": "loaded", "arch", "quantization", "max_context_length"}]} */
static void take_v0(struct ts_slice body, struct ts_model_list *models, struct ts_server_load *load)
{
    (void)load;
    json_auto_t *answer = parse(body);
    const json_t *list = json_object_get(answer, "data");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        const char *state = json_string_value(json_object_get(m, "state"));
        struct ts_model *model = find_model(models, json_string_value(json_object_get(m, "id")));
        int64_t context = count_of(json_object_get(m, "max_context_length"));
        if (model == NULL)
            continue;
        model->loaded = state != NULL && strcmp(state, "loaded") == 0;
        model->family = ts_model_text(models, json_object_get(m, "arch"));
        model->quantization = ts_model_text(models, json_object_get(m, "quantization"));
        if (context > 0)
            model->context_length = context;
    }
}

const struct ts_load_question ts_lmstudio_load[] = {{"/api/v0/models", take_v0}, {NULL, NULL}};
