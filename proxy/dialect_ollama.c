/* Ollama's own dialect: POST /api/generate. */
#include "proxy/dialect.h"
#include "proxy/draft.h"
#include "proxy/write_ollama.h"

static const struct ts_jpath generate_paths[] = {
    {{"model"}, TS_FIELD_MODEL},
    {{"response"}, TS_FIELD_TEXT},
    {{"thinking"}, TS_FIELD_REASONING},
    {{"tool_calls", "[]"}, TS_FIELD_TOOL_CALL},
    {{"done"}, TS_FIELD_DONE},
    {{"done_reason"}, TS_FIELD_FINISH},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"prompt_eval_count"}, TS_FIELD_PROMPT_TOKENS},
    {{"eval_count"}, TS_FIELD_OUTPUT_TOKENS},
    {{"total_duration"}, TS_FIELD_TOTAL_TIME},
    {{"load_duration"}, TS_FIELD_LOAD_TIME},
    {{"prompt_eval_duration"}, TS_FIELD_PROMPT_TIME},
    {{"eval_duration"}, TS_FIELD_EVAL_TIME},
};

static enum ts_finish finish_of(const struct ts_draft *d)
{
    if (d->finish.len == 0 || ts_draft_finish_is(d, "stop"))
        return TS_FINISH_STOP; /* older servers give no reason */
    if (ts_draft_finish_is(d, "length"))
        return TS_FINISH_LENGTH;
    if (ts_draft_finish_is(d, "load"))
        return TS_FINISH_LOAD;
    return ts_draft_finish_is(d, "unload") ? TS_FINISH_UNLOAD : TS_FINISH_OTHER;
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

const struct ts_dialect ts_ollama_generate = {
    .name = "ollama.generate",
    .family = "ollama",
    .framing = TS_FRAMING_NDJSON,
    .stream_type = "application/x-ndjson",
    .stream_default = true,
    .paths = generate_paths,
    .path_count = TS_ARRAY_LEN(generate_paths),
    .finish = finish,
    .write_event = ts_generate_write_event,
    .write_end = ts_generate_write_end,
    .write_whole = ts_generate_write_whole,
};
