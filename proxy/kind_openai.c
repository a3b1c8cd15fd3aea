/*
 * Servers that speak OpenAI's dialect: vLLM, LM Studio, llama.cpp and OpenAI itself; and Anthropic,
 * whose list of models has the same shape.
 */
#include <string.h>

#include "proxy/provider.h"

/* The list is there, and each entry has an id. */
static bool has_shape(const json_t *answer)
{
    const json_t *data = json_object_get(answer, "data");
    if (!json_is_array(data))
        return false;
    for (size_t i = 0; i < json_array_size(data); i++) {
        if (json_string_length(json_object_get(json_array_get(data, i), "id")) == 0)
            return false;
    }
    return true;
}

static const char *owner(const json_t *answer)
{
    const json_t *first = json_array_get(json_object_get(answer, "data"), 0);
    const char *owned_by = json_string_value(json_object_get(first, "owned_by"));
    return owned_by != NULL ? owned_by : "";
}

static bool is_vllm(const json_t *answer, const char *server)
{
    (void)server;
    return has_shape(answer) && strcmp(owner(answer), "vllm") == 0;
}

static bool is_llamacpp(const json_t *answer, const char *server)
{
    return has_shape(answer) && (strcmp(owner(answer), "llamacpp") == 0 ||
                                 (server != NULL && strcmp(server, "llama.cpp") == 0));
}

/* LM Studio names no owner of its own that could be relied upon: whoever answers in that shape at
 * its address, and is none of the servers that name themselves. */
static bool is_lmstudio(const json_t *answer, const char *server)
{
    static const char *const others[] = {"vllm", "llamacpp", "library"};
    for (size_t i = 0; i < TS_ARRAY_LEN(others); i++) {
        if (strcmp(owner(answer), others[i]) == 0)
            return false;
    }
    const json_t *object = json_object_get(answer, "object");
    return has_shape(answer) && json_is_string(object) &&
           strcmp(json_string_value(object), "list") == 0 && !is_llamacpp(answer, server);
}

static bool is_anything(const json_t *answer, const char *server)
{
    (void)server;
    return has_shape(answer);
}

static int64_t positive(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) > 0 ? json_integer_value(v) : TS_UNKNOWN;
}

/* llama.cpp tells sizes in "meta", vLLM the context at the top; the others tell neither. */
static void list_models(const json_t *answer, struct ts_model_list *out)
{
    const json_t *data = json_object_get(answer, "data");
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *m = json_array_get(data, i);
        struct ts_model *model = ts_model_list_add(out, json_object_get(m, "id"));
        if (model == NULL)
            continue;
        const json_t *meta = json_object_get(m, "meta");
        model->size_bytes = positive(json_object_get(meta, "size"));
        model->context_length = positive(json_object_get(m, "max_model_len"));
        if (model->context_length == TS_UNKNOWN)
            model->context_length = positive(json_object_get(meta, "n_ctx"));
    }
}

/* vLLM and llama.cpp (unless it routes between several) hold the model they list in memory. */
static void list_loaded_models(const json_t *answer, struct ts_model_list *out)
{
    int before = out->count;
    list_models(answer, out);
    for (int i = before; i < out->count; i++)
        out->models[i].loaded = true;
}

/* A raw prompt, and one to be completed on both sides, have no place in a chat. */
static bool is_completion(const struct ts_genreq *q)
{
    struct ts_jvalue suffix = q->member[TS_MEMBER_SUFFIX];
    bool raw = q->member[TS_MEMBER_RAW].type == TS_J_TRUE;
    bool fills = suffix.type == TS_J_STRING && !ts_jstring_is(suffix, "");
    return q->dialect == &ts_openai_completions ||
           (q->dialect == &ts_ollama_generate && (raw || fills));
}

/* The routes of those who speak OpenAI's dialect. */
struct routes {
    struct ts_endpoint chat;
    struct ts_endpoint completions;
    struct ts_endpoint embeddings;
    struct ts_endpoint responses;
};

static const struct ts_endpoint *route_of(const struct routes *r, const struct ts_genreq *q)
{
    if (q->dialect == &ts_openai_responses)
        return &r->responses;
    if (q->dialect->purpose == TS_PURPOSE_EMBEDDING)
        return &r->embeddings;
    return is_completion(q) ? &r->completions : &r->chat;
}

static const struct ts_endpoint *endpoint(const struct ts_genreq *q)
{
    static const struct routes routes = {
        .chat = {"/v1/chat/completions", &ts_openai_chat, true},
        .completions = {"/v1/completions", &ts_openai_completions, true},
        .embeddings = {"/v1/embeddings", &ts_openai_embeddings, true},
        .responses = {"/v1/responses", &ts_openai_responses, true},
    };
    return route_of(&routes, q);
}

/* OpenAI itself refuses members that it does not know. */
static const struct ts_endpoint *strict_endpoint(const struct ts_genreq *q)
{
    static const struct routes routes = {
        .chat = {"/v1/chat/completions", &ts_openai_chat, false},
        .completions = {"/v1/completions", &ts_openai_completions, false},
        .embeddings = {"/v1/embeddings", &ts_openai_embeddings, false},
        .responses = {"/v1/responses", &ts_openai_responses, false},
    };
    return route_of(&routes, q);
}

/* Anthropic has chats, and counts what they would cost. */
static const struct ts_endpoint *anthropic_endpoint(const struct ts_genreq *q)
{
    static const struct ts_endpoint messages = {"/v1/messages", &ts_anthropic_messages, false};
    static const struct ts_endpoint count = {
        "/v1/messages/count_tokens", &ts_anthropic_count_tokens, false};
    if (q->dialect == &ts_anthropic_count_tokens)
        return &count;
    bool chats = !is_completion(q) && q->dialect->purpose == TS_PURPOSE_TEXT &&
                 q->dialect != &ts_openai_responses;
    return chats ? &messages : NULL;
}

const struct ts_kind ts_kind_vllm = {
    .id = TS_KIND_VLLM,
    .name = "vllm",
    .load = ts_vllm_load,
    .default_base_url = "http://127.0.0.1:8000",
    .local = true,
    .models_path = "/v1/models",
    .is_this = is_vllm,
    .list_models = list_loaded_models,
    .endpoint = endpoint,
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
};

const struct ts_kind ts_kind_lmstudio = {
    .id = TS_KIND_LMSTUDIO,
    .name = "lmstudio",
    .load = ts_lmstudio_load,
    .default_base_url = "http://127.0.0.1:1234",
    .local = true,
    .models_path = "/v1/models",
    .is_this = is_lmstudio,
    .list_models = list_models,
    .endpoint = endpoint,
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
};

const struct ts_kind ts_kind_llamacpp = {
    .id = TS_KIND_LLAMACPP,
    .name = "llamacpp",
    .load = ts_llamacpp_load,
    .default_base_url = "http://127.0.0.1:8080",
    .local = true,
    .models_path = "/v1/models",
    .is_this = is_llamacpp,
    .list_models = list_loaded_models,
    .endpoint = endpoint,
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
};

const struct ts_kind ts_kind_openai = {
    .id = TS_KIND_OPENAI,
    .name = "openai",
    .default_base_url = "https://api.openai.com",
    .local = false,
    .models_path = "/v1/models",
    .is_this = is_anything,
    .list_models = list_models,
    .endpoint = strict_endpoint,
    .key_header = "Authorization",
    .key_prefix = "Bearer ",
};

static const struct ts_header anthropic_headers[] = {{"anthropic-version", "2023-06-01"}, {0}};

const struct ts_kind ts_kind_anthropic = {
    .id = TS_KIND_ANTHROPIC,
    .name = "anthropic",
    .default_base_url = "https://api.anthropic.com",
    .local = false,
    .models_path = "/v1/models",
    .is_this = is_anything,
    .list_models = list_models,
    .endpoint = anthropic_endpoint,
    .key_header = "x-api-key",
    .key_prefix = "",
    .headers = anthropic_headers,
};
