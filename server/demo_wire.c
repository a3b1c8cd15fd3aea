#include "server/demo_wire.h"

#include <string.h>

#include "base/clock.h"
#include "base/jscan.h"

static const char *const words[] = {
    "This",     " answer", " is",     " simulated",  ".",       " No",        " model",
    " has",     " read",   " your",   " prompt",     ";",       " what",      " you",
    " see",     " comes",  " from",   " touchstone", " itself", ",",          " word",
    " by",      " word",   ",",       " at",         " the",    " pace",      " of",
    " a",       " real",   " server", ",",           " so",     " that",      " the",
    " timings", " on",     " the",    " page",       " mean",   " something", ".",
    " Point",   " it",     " at",     " your",       " own",    " models",    " and",
    " each",    " call",   " is",     " measured",   " the",    " same",      " way",
    ".\n\n",
};

static bool is_ollama(enum ts_demo_server_id s)
{
    return s == TS_DEMO_OLLAMA;
}

/* -- requests --------------------------------------------------------------------------------- */

static const struct ts_demo_model *find_model(enum ts_demo_server_id s, const char *name)
{
    for (int i = 0; i < TS_DEMO_MODELS; i++) {
        const struct ts_demo_model *m = &ts_demo_models[i];
        if (m->server == s && strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

bool ts_demo_ask_read(enum ts_demo_server_id s, struct ts_slice body, struct ts_demo_ask *out)
{
    struct ts_jvalue root;
    if (ts_jscan(body.at, body.len, &root, NULL) != TS_OK || root.type != TS_J_OBJECT)
        return false;
    struct ts_jvalue model = ts_jmember(root, "model");
    struct ts_buf name = TS_BUF_INIT(TS_MAX_MODEL - 1);
    if (model.type == TS_J_STRING)
        ts_jstring_decode(model, &name);
    bool named = ts_buf_ok(&name) && name.len > 0;
    *out = (struct ts_demo_ask){.max_tokens = TS_UNKNOWN, .input_tokens = (int64_t)body.len / 5};
    memcpy(out->model_name, ts_buf_text(&name), named ? name.len : 0);
    ts_buf_free(&name);
    if (!named)
        return false;
    out->model = find_model(s, out->model_name);
    struct ts_jvalue limits = is_ollama(s) ? ts_jmember(root, "options") : root;
    (void)ts_jint(ts_jmember(limits, is_ollama(s) ? "num_predict" : "max_tokens"),
                  1,
                  1000000,
                  &out->max_tokens);
    struct ts_jvalue usage = ts_jmember(ts_jmember(root, "stream_options"), "include_usage");
    out->include_usage = usage.type == TS_J_TRUE;
    out->chat = ts_jmember(root, "messages").type == TS_J_ARRAY;
    return true;
}

/* -- lists ------------------------------------------------------------------------------------ */

static void put_ollama_model(const struct ts_demo_model *m, bool loaded, struct ts_buf *out)
{
    ts_buf_printf(out,
                  "{\"name\":\"%s\",\"model\":\"%s\",\"modified_at\":\"2026-01-15T09:30:00Z\","
                  "\"size\":%lld,\"digest\":\"%064x\",\"details\":{\"format\":\"gguf\","
                  "\"family\":\"%s\",\"families\":[\"%s\"],\"parameter_size\":\"%s\","
                  "\"quantization_level\":\"%s\"}",
                  m->name,
                  m->name,
                  (long long)m->size_bytes,
                  (unsigned)(m - ts_demo_models) + 1,
                  m->family,
                  m->family,
                  m->parameter_size,
                  m->quantization);
    if (loaded)
        ts_buf_printf(out,
                      ",\"size_vram\":%lld,\"context_length\":%lld",
                      (long long)m->size_bytes,
                      (long long)m->context_length);
    ts_buf_puts(out, "}");
}

static void put_openai_model(const struct ts_demo_model *m, struct ts_buf *out)
{
    static const char *const owners[TS_DEMO_SERVERS] = {
        [TS_DEMO_OLLAMA] = "library",
        [TS_DEMO_VLLM] = "vllm",
        [TS_DEMO_LMSTUDIO] = "organization_owner",
        [TS_DEMO_LLAMACPP] = "llamacpp",
    };
    ts_buf_printf(out,
                  "{\"id\":\"%s\",\"object\":\"model\",\"created\":1768469400,\"owned_by\":\"%s\"",
                  m->name,
                  owners[m->server]);
    if (m->server == TS_DEMO_VLLM)
        ts_buf_printf(out, ",\"max_model_len\":%lld", (long long)m->context_length);
    if (m->server == TS_DEMO_LLAMACPP)
        ts_buf_printf(out,
                      ",\"meta\":{\"n_ctx\":%lld,\"size\":%lld}",
                      (long long)m->context_length,
                      (long long)m->size_bytes);
    ts_buf_puts(out, "}");
}

static void put_models(enum ts_demo_server_id s, bool ollama, bool loaded, struct ts_buf *out)
{
    const char *comma = "";
    ts_buf_puts(out, ollama ? "{\"models\":[" : "{\"object\":\"list\",\"data\":[");
    for (int i = 0; i < TS_DEMO_MODELS; i++) {
        if (ts_demo_models[i].server != s)
            continue;
        ts_buf_puts(out, comma);
        comma = ",";
        if (ollama)
            put_ollama_model(&ts_demo_models[i], loaded, out);
        else
            put_openai_model(&ts_demo_models[i], out);
    }
    ts_buf_puts(out, "]}");
}

bool ts_demo_list(enum ts_demo_server_id s, const char *path, struct ts_buf *out)
{
    if (strcmp(path, "/v1/models") == 0)
        put_models(s, false, false, out);
    else if (is_ollama(s) && strcmp(path, "/api/tags") == 0)
        put_models(s, true, false, out);
    else if (is_ollama(s) && strcmp(path, "/api/ps") == 0)
        put_models(s, true, true, out);
    else if (is_ollama(s) && strcmp(path, "/api/version") == 0)
        ts_buf_puts(out, "{\"version\":\"0.0.0-simulated\"}");
    else if (is_ollama(s) && strcmp(path, "/") == 0)
        ts_buf_puts(out, "Ollama is running");
    else if (!is_ollama(s) && strcmp(path, "/health") == 0)
        ts_buf_puts(out, s == TS_DEMO_LLAMACPP ? "{\"status\":\"ok\"}" : "");
    else
        return false;
    return true;
}

bool ts_demo_generates(enum ts_demo_server_id s, const char *path)
{
    if (!is_ollama(s))
        return strcmp(path, "/v1/chat/completions") == 0;
    return strcmp(path, "/api/generate") == 0 || strcmp(path, "/api/chat") == 0;
}

const char *ts_demo_stream_type(enum ts_demo_server_id s)
{
    return is_ollama(s) ? "application/x-ndjson" : "text/event-stream";
}

void ts_demo_error_body(enum ts_demo_server_id s, int status, const char *text, struct ts_buf *out)
{
    ts_buf_puts(out, is_ollama(s) ? "{\"error\":" : "{\"error\":{\"message\":");
    ts_buf_put_json_string(out, text, strlen(text));
    if (is_ollama(s))
        ts_buf_puts(out, "}");
    else
        ts_buf_printf(out,
                      ",\"type\":\"%s\",\"param\":null,\"code\":%d}}",
                      status == 404 ? "not_found_error" : "server_error",
                      status);
}

/* -- streams ---------------------------------------------------------------------------------- */

static void ollama_line(const struct ts_demo_answer *a, const char *word, struct ts_buf *out)
{
    char at[TS_RFC3339_SIZE];
    ts_buf_printf(out,
                  "{\"model\":\"%s\",\"created_at\":\"%s\",%s",
                  a->ask.model->name,
                  ts_rfc3339(ts_wall_ms(), at),
                  a->ask.chat ? "\"message\":{\"role\":\"assistant\",\"content\":"
                              : "\"response\":");
    ts_buf_put_json_string(out, word, strlen(word));
    ts_buf_puts(out, a->ask.chat ? "}" : "");
}

static void sse_chunk(const struct ts_demo_answer *a, struct ts_buf *out)
{
    ts_buf_printf(out,
                  "data: {\"id\":\"chatcmpl-%lld\",\"object\":\"chat.completion.chunk\","
                  "\"created\":%lld,\"model\":\"%s\",\"choices\":[",
                  (long long)a->number,
                  (long long)(ts_wall_ms() / 1000),
                  a->ask.model->name);
}

static void sse_delta(const struct ts_demo_answer *a, const char *word, struct ts_buf *out)
{
    sse_chunk(a, out);
    ts_buf_puts(out, "{\"index\":0,\"delta\":{\"content\":");
    ts_buf_put_json_string(out, word, strlen(word));
    ts_buf_puts(out, "},\"finish_reason\":null}]}\n\n");
}

void ts_demo_open(const struct ts_demo_answer *a, struct ts_buf *out)
{
    if (is_ollama(a->server))
        return;
    sse_chunk(a, out);
    ts_buf_printf(out,
                  "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":%s},"
                  "\"finish_reason\":null}]}\n\n",
                  a->server == TS_DEMO_LLAMACPP ? "null" : "\"\"");
}

void ts_demo_token(struct ts_demo_answer *a, struct ts_buf *out)
{
    const char *word = words[(size_t)a->tokens % TS_ARRAY_LEN(words)];
    if (is_ollama(a->server)) {
        ollama_line(a, word, out);
        ts_buf_puts(out, ",\"done\":false}\n");
    } else {
        sse_delta(a, word, out);
    }
    a->tokens++;
}

static void ollama_end(const struct ts_demo_answer *a, const char *reason, struct ts_buf *out)
{
    ollama_line(a, "", out);
    ts_buf_printf(out,
                  ",\"done\":true,\"done_reason\":\"%s\",\"total_duration\":%lld,",
                  reason,
                  (long long)a->took_us * 1000);
    if (a->load_us > 0)
        ts_buf_printf(out, "\"load_duration\":%lld,", (long long)a->load_us * 1000);
    ts_buf_printf(out,
                  "\"prompt_eval_count\":%lld,\"prompt_eval_duration\":%lld,\"eval_count\":%lld,"
                  "\"eval_duration\":%lld}\n",
                  (long long)a->ask.input_tokens,
                  (long long)(a->first_us - a->load_us) * 1000,
                  (long long)a->tokens,
                  (long long)(a->took_us - a->first_us) * 1000);
}

/* llama.cpp's own figures: in the chunk with the usage, else in the one with the finish reason. */
static void put_timings(const struct ts_demo_answer *a, struct ts_buf *out)
{
    if (a->server != TS_DEMO_LLAMACPP)
        return;
    ts_buf_printf(out,
                  ",\"timings\":{\"cache_n\":0,\"prompt_n\":%lld,\"prompt_ms\":%.3f,"
                  "\"predicted_n\":%lld,\"predicted_ms\":%.3f}",
                  (long long)a->ask.input_tokens,
                  (double)a->first_us / 1000,
                  (long long)a->tokens,
                  (double)(a->took_us - a->first_us) / 1000);
}

static void sse_end(const struct ts_demo_answer *a, const char *reason, struct ts_buf *out)
{
    sse_chunk(a, out);
    ts_buf_printf(out, "{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]", reason);
    if (a->ask.include_usage) {
        ts_buf_puts(out, "}\n\n");
        sse_chunk(a, out);
        ts_buf_printf(out,
                      "],\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,"
                      "\"total_tokens\":%lld}",
                      (long long)a->ask.input_tokens,
                      (long long)a->tokens,
                      (long long)(a->ask.input_tokens + a->tokens));
    }
    put_timings(a, out);
    ts_buf_puts(out, "}\n\ndata: [DONE]\n\n");
}

void ts_demo_end(const struct ts_demo_answer *a, bool cut_by_limit, struct ts_buf *out)
{
    const char *reason = cut_by_limit ? "length" : "stop";
    if (is_ollama(a->server))
        ollama_end(a, reason, out);
    else
        sse_end(a, reason, out);
}
