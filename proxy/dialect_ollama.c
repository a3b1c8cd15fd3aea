/* Ollama's own dialect: POST /api/generate and /api/chat. */
#include "proxy/dialect_impl.h"
#include "proxy/draft.h"

/* What the lines of both routes have, most of it in the last one. */
#define END_PATHS                                                                                  \
    {{"done"}, TS_FIELD_DONE}, {{"done_reason"}, TS_FIELD_FINISH}, {{"error"}, TS_FIELD_ERROR},    \
        {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},                                            \
        {{"prompt_eval_count"}, TS_FIELD_PROMPT_TOKENS}, {{"eval_count"}, TS_FIELD_OUTPUT_TOKENS}, \
        {{"total_duration"}, TS_FIELD_TOTAL_TIME}, {{"load_duration"}, TS_FIELD_LOAD_TIME},        \
        {{"prompt_eval_duration"}, TS_FIELD_PROMPT_TIME},                                          \
    {                                                                                              \
        {"eval_duration"}, TS_FIELD_EVAL_TIME                                                      \
    }

static const struct ts_jpath generate_paths[] = {
    {{"model"}, TS_FIELD_MODEL},
    {{"response"}, TS_FIELD_TEXT},
    {{"thinking"}, TS_FIELD_REASONING},
    {{"tool_calls", "[]"}, TS_FIELD_TOOL_CALL},
    END_PATHS,
};

static const struct ts_jpath chat_paths[] = {
    {{"model"}, TS_FIELD_MODEL},
    {{"message", "content"}, TS_FIELD_TEXT},
    {{"message", "thinking"}, TS_FIELD_REASONING},
    {{"message", "tool_calls", "[]"}, TS_FIELD_TOOL_CALL},
    {{"message", "tool_calls", "[]", "id"}, TS_FIELD_TOOL_ID},
    {{"message", "tool_calls", "[]", "function", "index"}, TS_FIELD_TOOL_INDEX},
    {{"message", "tool_calls", "[]", "function", "name"}, TS_FIELD_TOOL_NAME},
    {{"message", "tool_calls", "[]", "function", "arguments"}, TS_FIELD_TOOL_INPUT | TS_JPATH_RAW},
    END_PATHS,
};

static enum ts_finish finish_of(const struct ts_draft *d)
{
    if (d->finish.len == 0 || ts_draft_is(&d->finish, "stop"))
        return TS_FINISH_STOP; /* older servers give no reason */
    if (ts_draft_is(&d->finish, "length"))
        return TS_FINISH_LENGTH;
    if (ts_draft_is(&d->finish, "load"))
        return TS_FINISH_LOAD;
    return ts_draft_is(&d->finish, "unload") ? TS_FINISH_UNLOAD : TS_FINISH_OTHER;
}

/* A zero is left out on the wire, so that absent numbers say nothing: they stay unknown. */
static void finish(struct ts_draft *d)
{
    const double us_per_ns = 1e-3;
    struct ts_event *e = &d->event;
    if (!d->done || e->is_error)
        return;
    e->terminator = true;
    e->finish = finish_of(d);
    e->tokens.input = ts_draft_count(d, TS_FIELD_PROMPT_TOKENS);
    e->tokens.output = ts_draft_count(d, TS_FIELD_OUTPUT_TOKENS);
    e->times.total_us = ts_draft_time(d, TS_FIELD_TOTAL_TIME, us_per_ns);
    e->times.load_us = ts_draft_time(d, TS_FIELD_LOAD_TIME, us_per_ns);
    e->times.prompt_us = ts_draft_time(d, TS_FIELD_PROMPT_TIME, us_per_ns);
    e->times.eval_us = ts_draft_time(d, TS_FIELD_EVAL_TIME, us_per_ns);
}

/* How a whole answer is read: the same members, on no line. */
static const struct ts_dialect generate_answer = {
    .name = "ollama.generate answer",
    .family = "ollama",
    .framing = TS_FRAMING_WHOLE,
    .paths = generate_paths,
    .path_count = TS_ARRAY_LEN(generate_paths),
    .finish = finish,
};

static const struct ts_dialect chat_answer = {
    .name = "ollama.chat answer",
    .family = "ollama",
    .framing = TS_FRAMING_WHOLE,
    .paths = chat_paths,
    .path_count = TS_ARRAY_LEN(chat_paths),
    .finish = finish,
};

const struct ts_dialect ts_ollama_generate = {
    .name = "ollama.generate",
    .family = "ollama",
    .framing = TS_FRAMING_NDJSON,
    .stream_type = "application/x-ndjson",
    .stream_default = true,
    .answer = &generate_answer,
    .paths = generate_paths,
    .path_count = TS_ARRAY_LEN(generate_paths),
    .finish = finish,
    .members = ts_ollama_generate_members,
    .member_count = TS_OLLAMA_GENERATE_MEMBERS,
    .check = ts_ollama_generate_check,
    .folds = ts_ollama_folds,
    .read_asked = ts_ollama_asked,
    .each_message = ts_ollama_generate_messages,
    .each_tool = ts_function_tools,
    .write_request = ts_ollama_generate_body,
    .write_event = ts_ollama_write_event,
    .write_end = ts_ollama_write_end,
    .write_whole = ts_ollama_write_whole,
    .keep_event = ts_ollama_keep_event,
};

const struct ts_dialect ts_ollama_chat = {
    .name = "ollama.chat",
    .family = "ollama",
    .framing = TS_FRAMING_NDJSON,
    .stream_type = "application/x-ndjson",
    .stream_default = true,
    .answer = &chat_answer,
    .paths = chat_paths,
    .path_count = TS_ARRAY_LEN(chat_paths),
    .finish = finish,
    .members = ts_ollama_chat_members,
    .member_count = TS_OLLAMA_CHAT_MEMBERS,
    .check = ts_ollama_chat_check,
    .folds = ts_ollama_folds,
    .read_asked = ts_ollama_asked,
    .each_message = ts_ollama_chat_messages,
    .each_tool = ts_function_tools,
    .write_request = ts_ollama_chat_body,
    .write_event = ts_ollama_write_event,
    .write_end = ts_ollama_write_end,
    .write_whole = ts_ollama_write_whole,
    .keep_event = ts_ollama_keep_event,
};
