/*
 * OpenAI's dialect, as OpenAI, vLLM, LM Studio and llama.cpp speak it: chat and plain completions.
 *
 * The reason why the answer ended comes before the terminator `[DONE]`, which the reader knows;
 * usage comes with it or in an event of its own behind it.
 */
#include "proxy/dialect_impl.h"
#include "proxy/draft.h"

/* One table for both: what a chunk of the other kind has at its paths is not there in this one. */
static const struct ts_jpath stream_paths[] = {
    {{"model"}, TS_FIELD_MODEL},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"choices"}, TS_FIELD_CHOICES},
    {{"choices", "[]"}, TS_FIELD_CHOICE},
    {{"choices", "[]", "index"}, TS_FIELD_CHOICE_INDEX},
    {{"choices", "[]", "text"}, TS_FIELD_TEXT},
    {{"choices", "[]", "delta", "content"}, TS_FIELD_TEXT},
    {{"choices", "[]", "delta", "refusal"}, TS_FIELD_REFUSAL},
    {{"choices", "[]", "delta", "reasoning_content"}, TS_FIELD_REASONING},
    {{"choices", "[]", "delta", "reasoning"}, TS_FIELD_REASONING_TOO},
    {{"choices", "[]", "delta", "tool_calls", "[]"}, TS_FIELD_TOOL_CALL},
    {{"choices", "[]", "delta", "tool_calls", "[]", "index"}, TS_FIELD_TOOL_INDEX},
    {{"choices", "[]", "delta", "tool_calls", "[]", "id"}, TS_FIELD_TOOL_ID},
    {{"choices", "[]", "delta", "tool_calls", "[]", "function", "name"}, TS_FIELD_TOOL_NAME},
    {{"choices", "[]", "delta", "tool_calls", "[]", "function", "arguments"}, TS_FIELD_TOOL_INPUT},
    {{"choices", "[]", "finish_reason"}, TS_FIELD_FINISH},
    {{"usage"}, TS_FIELD_USAGE},
    {{"usage", "prompt_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"usage", "completion_tokens"}, TS_FIELD_OUTPUT_TOKENS},
    {{"usage", "prompt_tokens_details", "cached_tokens"}, TS_FIELD_CACHED_TOKENS},
    {{"usage", "completion_tokens_details", "reasoning_tokens"}, TS_FIELD_REASONING_TOKENS},
    {{"timings", "prompt_n"}, TS_FIELD_TIMED_PROMPT},
    {{"timings", "prompt_ms"}, TS_FIELD_PROMPT_TIME},
    {{"timings", "predicted_n"}, TS_FIELD_TIMED_OUTPUT},
    {{"timings", "predicted_ms"}, TS_FIELD_EVAL_TIME},
};

/* Whole answers: text is no piece of it, and is only looked for. */
static const struct ts_jpath answer_paths[] = {
    {{"model"}, TS_FIELD_MODEL},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"choices"}, TS_FIELD_CHOICES},
    {{"choices", "[]"}, TS_FIELD_CHOICE},
    {{"choices", "[]", "text"}, TS_FIELD_TEXT},
    {{"choices", "[]", "message", "content"}, TS_FIELD_TEXT},
    {{"choices", "[]", "message", "reasoning_content"}, TS_FIELD_REASONING},
    {{"choices", "[]", "message", "reasoning"}, TS_FIELD_REASONING_TOO},
    {{"choices", "[]", "message", "tool_calls", "[]"}, TS_FIELD_TOOL_CALL},
    {{"choices", "[]", "finish_reason"}, TS_FIELD_FINISH},
    {{"usage"}, TS_FIELD_USAGE},
    {{"usage", "prompt_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"usage", "completion_tokens"}, TS_FIELD_OUTPUT_TOKENS},
    {{"usage", "prompt_tokens_details", "cached_tokens"}, TS_FIELD_CACHED_TOKENS},
    {{"usage", "completion_tokens_details", "reasoning_tokens"}, TS_FIELD_REASONING_TOKENS},
    {{"timings", "prompt_n"}, TS_FIELD_TIMED_PROMPT},
    {{"timings", "prompt_ms"}, TS_FIELD_PROMPT_TIME},
    {{"timings", "predicted_n"}, TS_FIELD_TIMED_OUTPUT},
    {{"timings", "predicted_ms"}, TS_FIELD_EVAL_TIME},
};

static enum ts_finish finish_of(const struct ts_draft *d)
{
    if (d->finish.len == 0)
        return TS_FINISH_NONE;
    if (ts_draft_is(&d->finish, "stop"))
        return TS_FINISH_STOP;
    if (ts_draft_is(&d->finish, "length"))
        return TS_FINISH_LENGTH;
    if (ts_draft_is(&d->finish, "tool_calls") || ts_draft_is(&d->finish, "function_call"))
        return TS_FINISH_TOOL_CALLS;
    return ts_draft_is(&d->finish, "content_filter") ? TS_FINISH_CONTENT_FILTER : TS_FINISH_OTHER;
}

struct ts_token_counts ts_openai_tokens(const struct ts_draft *d)
{
    struct ts_token_counts t = TS_TOKENS_UNKNOWN;
    int64_t prompt = ts_draft_count(d, TS_FIELD_PROMPT_TOKENS);
    int64_t cached = ts_draft_count(d, TS_FIELD_CACHED_TOKENS);
    bool split = cached != TS_UNKNOWN && cached <= prompt;
    t.input = split ? prompt - cached : prompt;
    t.cache_read = split ? cached : TS_UNKNOWN;
    t.output = ts_draft_count(d, TS_FIELD_OUTPUT_TOKENS);
    t.reasoning = ts_draft_count(d, TS_FIELD_REASONING_TOKENS);
    return t;
}

/* A time is believed where it is of two tokens at least: below, servers give nonsense. */
static int64_t timed(const struct ts_draft *d, enum ts_field count, enum ts_field ms)
{
    int64_t us = ts_draft_time(d, ms, 1e3);
    return ts_draft_count(d, count) >= 2 && us > 0 ? us : TS_UNKNOWN;
}

static void finish(struct ts_draft *d)
{
    struct ts_event *e = &d->event;
    e->finish = finish_of(d);
    e->usage_only = ts_draft_has(d, TS_FIELD_USAGE) && ts_draft_has(d, TS_FIELD_CHOICES) &&
                    !ts_draft_has(d, TS_FIELD_CHOICE);
    e->tokens = ts_openai_tokens(d);
    /* `timings` in earlier events may be left over from the request before. */
    if (e->finish != TS_FINISH_NONE || e->usage_only) {
        e->times.prompt_us = timed(d, TS_FIELD_TIMED_PROMPT, TS_FIELD_PROMPT_TIME);
        e->times.eval_us = timed(d, TS_FIELD_TIMED_OUTPUT, TS_FIELD_EVAL_TIME);
    }
}

static void finish_answer(struct ts_draft *d)
{
    finish(d);
    d->event.terminator = true;
    d->event.usage_only = false;
}

/* How an answer that is no stream is read, of either kind. */
static const struct ts_dialect answer = {
    .name = "openai answer",
    .family = "openai",
    .framing = TS_FRAMING_WHOLE,
    .paths = answer_paths,
    .path_count = TS_ARRAY_LEN(answer_paths),
    .finish = finish_answer,
};

const char *const ts_openai_forwards[] = {
    "OpenAI-Organization", "OpenAI-Project", "OpenAI-Beta", NULL};
const char *const ts_openai_passes[] = {"x-ratelimit-*", "openai-*", "x-request-id", NULL};

const struct ts_dialect ts_openai_chat = {
    .name = "openai.chat",
    .family = "openai",
    .framing = TS_FRAMING_SSE,
    .stream_type = "text/event-stream",
    .forwards = ts_openai_forwards,
    .passes = ts_openai_passes,
    .answer = &answer,
    .paths = stream_paths,
    .path_count = TS_ARRAY_LEN(stream_paths),
    .finish = finish,
    .members = ts_openai_chat_members,
    .member_count = TS_OPENAI_CHAT_MEMBERS,
    .folds = ts_openai_chat_folds,
    .read_asked = ts_openai_chat_asked,
    .each_message = ts_openai_chat_messages,
    .each_tool = ts_function_tools,
    .write_request = ts_openai_chat_body,
    .write_event = ts_openai_write_event,
    .write_end = ts_openai_write_end,
    .write_whole = ts_openai_write_whole,
    .keep_event = ts_openai_keep_event,
};

const struct ts_dialect ts_openai_completions = {
    .name = "openai.completions",
    .family = "openai",
    .framing = TS_FRAMING_SSE,
    .stream_type = "text/event-stream",
    .forwards = ts_openai_forwards,
    .passes = ts_openai_passes,
    .answer = &answer,
    .paths = stream_paths,
    .path_count = TS_ARRAY_LEN(stream_paths),
    .finish = finish,
    .members = ts_openai_completions_members,
    .member_count = TS_OPENAI_COMPLETIONS_MEMBERS,
    .folds = ts_openai_completions_folds,
    .read_asked = ts_openai_completions_asked,
    .each_message = ts_openai_completions_messages,
    .write_request = ts_openai_completions_body,
    .write_event = ts_openai_write_event,
    .write_end = ts_openai_write_end,
    .write_whole = ts_openai_write_whole,
    .keep_event = ts_openai_keep_event,
};
