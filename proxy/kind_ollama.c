/* Ollama: spoken to in its own dialect, because its OpenAI routes swallow errors in mid-stream. */
#include "proxy/provider.h"

/* {"models": [{"name", "model", "digest", ...}]}. llama.cpp answers /api/tags in a similar shape,
 * but has no digests to show. */
static bool is_ollama(const json_t *answer, const char *server)
{
    (void)server;
    const json_t *models = json_object_get(answer, "models");
    if (!json_is_array(models) || json_object_get(answer, "data") != NULL)
        return false;
    for (size_t i = 0; i < json_array_size(models); i++) {
        const json_t *m = json_array_get(models, i);
        if (json_string_length(json_object_get(m, "name")) == 0 ||
            json_string_length(json_object_get(m, "digest")) == 0)
            return false;
    }
    return true;
}

static void list_models(const json_t *answer, struct ts_model_list *out)
{
    const json_t *models = json_object_get(answer, "models");
    for (size_t i = 0; i < json_array_size(models); i++) {
        const json_t *m = json_array_get(models, i);
        struct ts_model *model = ts_model_list_add(out, json_object_get(m, "name"));
        if (model == NULL)
            continue;
        const json_t *details = json_object_get(m, "details");
        const json_t *size = json_object_get(m, "size");
        model->family = ts_model_text(out, json_object_get(details, "family"));
        model->parameter_size = ts_model_text(out, json_object_get(details, "parameter_size"));
        model->quantization = ts_model_text(out, json_object_get(details, "quantization_level"));
        model->digest = ts_model_text(out, json_object_get(m, "digest"));
        model->modified_at = ts_model_text(out, json_object_get(m, "modified_at"));
        if (json_is_integer(size) && json_integer_value(size) >= 0)
            model->size_bytes = json_integer_value(size);
    }
}

/* Its own dialect wherever there is a choice: its OpenAI routes swallow errors in mid-stream. Where
 * a client speaks OpenAI's, the answers are put into it here. */
static const struct ts_endpoint *endpoint(const struct ts_genreq *q)
{
    static const struct ts_endpoint generate = {"/api/generate", &ts_ollama_generate, false};
    static const struct ts_endpoint chat = {"/api/chat", &ts_ollama_chat, false};
    static const struct ts_endpoint embed = {"/api/embed", &ts_ollama_embed, false};
    static const struct ts_endpoint embeddings = {"/api/embeddings", &ts_ollama_embeddings, false};
    static const struct ts_endpoint responses = {"/v1/responses", &ts_openai_responses, false};
    if (q->dialect == &ts_openai_responses)
        return &responses;
    if (q->dialect == &ts_ollama_embeddings)
        return &embeddings;
    if (q->dialect->purpose == TS_PURPOSE_EMBEDDING)
        return &embed;
    bool one_text = q->dialect == &ts_ollama_generate || q->dialect == &ts_openai_completions;
    return one_text ? &generate : &chat;
}

const struct ts_kind ts_kind_ollama = {
    .id = TS_KIND_OLLAMA,
    .name = "ollama",
    .load = ts_ollama_load,
    .default_base_url = "http://127.0.0.1:11434",
    .local = true,
    .models_path = "/api/tags",
    .is_this = is_ollama,
    .list_models = list_models,
    .endpoint = endpoint,
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
};
