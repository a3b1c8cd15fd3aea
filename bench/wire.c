#include "bench/wire.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "bench/net.h"

#define MARK "0000000000000000000"
#define CHUNK_TAIL "\r\n0\r\n\r\n"

static_assert(sizeof(MARK) - 1 == BENCH_MARK_DIGITS, "a mark has room for its digits");

#define OLLAMA_HEAD                                                                                \
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
#define OLLAMA_LINE                                                                                \
    "{\"model\":\"" BENCH_MODEL                                                                    \
    "\",\"created_at\":\"2026-01-01T00:00:00.000000000Z\",\"response\":\""
#define OLLAMA_TOKEN OLLAMA_LINE "@" MARK " \",\"done\":false}\n"

#define SSE_HEAD                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define SSE_CHUNK                                                                                  \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,"    \
    "\"model\":\"" BENCH_SSE_MODEL "\",\"choices\":["
#define SSE_ROLE                                                                                   \
    SSE_CHUNK "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"                  \
              "\"finish_reason\":null}]}\n\n"
#define SSE_TOKEN                                                                                  \
    SSE_CHUNK "{\"index\":0,\"delta\":{\"content\":\"@" MARK " \"},\"finish_reason\":null}]}\n\n"

/* One chunk around the payload; @tail follows the payload. */
static TS_PRINTF(3, 4) void frame(struct bench_frame *f, const char *tail, const char *fmt, ...)
{
    char payload[sizeof(f->bytes) - 32];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(payload, sizeof(payload), fmt, args);
    va_end(args);
    int n = snprintf(f->bytes, sizeof(f->bytes), "%x\r\n%s%s", (unsigned)len, payload, tail);
    if (len < 0 || (size_t)len >= sizeof(payload) || n < 0)
        abort();
    const char *mark = strstr(f->bytes, MARK);
    f->len = (size_t)n;
    f->mark = mark != NULL ? (size_t)(mark - f->bytes) : 0;
}

static void ollama_finish(const struct bench_plan *plan, int64_t took_ns, struct bench_frame *out)
{
    frame(out,
          CHUNK_TAIL,
          OLLAMA_LINE "\",\"done\":true,\"done_reason\":\"stop\",\"sent_at\":\"#" MARK
                      "\",\"total_duration\":%lld,\"prompt_eval_count\":12,"
                      "\"prompt_eval_duration\":1000,\"eval_count\":%lld,\"eval_duration\":%lld}\n",
          (long long)took_ns,
          (long long)plan->tokens,
          (long long)took_ns);
}

#define SSE_FINISH                                                                                 \
    SSE_CHUNK "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"sent_at\":\"#" MARK        \
              "\"}\n\n"
#define SSE_USAGE                                                                                  \
    SSE_CHUNK                                                                                      \
    "],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":%lld,\"total_tokens\":%lld}}\n\n"
#define SSE_DONE "data: [DONE]\n\n"

static void sse_finish(const struct bench_plan *plan, int64_t took_ns, struct bench_frame *out)
{
    (void)took_ns;
    if (!plan->usage) {
        frame(out, CHUNK_TAIL, SSE_FINISH SSE_DONE);
        return;
    }
    frame(out,
          CHUNK_TAIL,
          SSE_FINISH SSE_USAGE SSE_DONE,
          (long long)plan->tokens,
          (long long)plan->tokens + 12);
}

void bench_wires(struct bench_wire out[static BENCH_WIRES])
{
    out[0] =
        (struct bench_wire){.path = "/api/generate", .head = OLLAMA_HEAD, .finish = ollama_finish};
    frame(&out[0].token, "\r\n", OLLAMA_TOKEN);
    out[1] = (struct bench_wire){.path = "/v1/chat/completions",
                                 .head = SSE_HEAD,
                                 .head_at_once = true,
                                 .finish = sse_finish};
    frame(&out[1].role, "\r\n", SSE_ROLE);
    frame(&out[1].token, "\r\n", SSE_TOKEN);
}

#define OLLAMA_MODEL                                                                               \
    "{\"name\":\"" BENCH_MODEL "\",\"model\":\"" BENCH_MODEL                                       \
    "\",\"size\":1000000000,\"digest\":\"00\","                                                    \
    "\"modified_at\":\"2026-01-01T00:00:00Z\",\"details\":{\"format\":\"gguf\","                   \
    "\"family\":\"mock\",\"parameter_size\":\"1B\",\"quantization_level\":\"Q4_0\"}}"

const char *bench_static_answer(const char *path, size_t len)
{
    static const struct {
        const char *path;
        const char *body;
    } answers[] = {
        {"/", "Ollama is running"},
        {"/api/version", "{\"version\":\"0.0.0-mock\"}"},
        {"/api/tags", "{\"models\":[" OLLAMA_MODEL "]}"},
        {"/api/ps", "{\"models\":[" OLLAMA_MODEL "]}"},
        {"/v1/models",
         "{\"object\":\"list\",\"data\":[{\"id\":\"" BENCH_SSE_MODEL "\",\"object\":\"model\","
         "\"created\":1767225600,\"owned_by\":\"vllm\"}]}"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(answers); i++) {
        if (strlen(answers[i].path) == len && memcmp(answers[i].path, path, len) == 0)
            return answers[i].body;
    }
    return NULL;
}

void bench_frame_stamp(struct bench_frame *f, int64_t now_ns)
{
    char *digits = f->bytes + f->mark;
    for (int i = BENCH_MARK_DIGITS - 1; i >= 0; i--) {
        digits[i] = (char)('0' + now_ns % 10);
        now_ns /= 10;
    }
}

static int64_t asked(const char *body, const char *name, int64_t fallback)
{
    const char *at = strstr(body, name);
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : fallback;
}

struct bench_plan bench_plan_read(const char *body, const struct bench_plan *defaults)
{
    return (struct bench_plan){
        .tokens = asked(body, "tokens=", defaults->tokens),
        .interval_us = asked(body, "interval_us=", defaults->interval_us),
        .delay_us = asked(body, "delay_us=", defaults->delay_us),
        .id = asked(body, "id=", 0),
        .usage = strstr(body, "\"include_usage\":true") != NULL,
    };
}
