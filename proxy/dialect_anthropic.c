/*
 * Anthropic's dialect: Messages.
 *
 * A stream is a list of parts (blocks), each opened, told in pieces and closed; `message_start`
 * before and `message_delta` behind them have the counts, `message_stop` ends it. The kind of an
 * event stands in its JSON as well as in its name, so that names need not be read.
 */
#include "proxy/dialect_impl.h"
#include "proxy/draft.h"

static const struct ts_jpath stream_paths[] = {
    {{"type"}, TS_FIELD_TYPE},
    {{"index"}, TS_FIELD_INDEX},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"message", "model"}, TS_FIELD_MODEL},
    /* its output_tokens is the first few that the server happened to have, and no count */
    {{"message", "usage", "input_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"message", "usage", "cache_read_input_tokens"}, TS_FIELD_CACHED_TOKENS},
    {{"message", "usage", "cache_creation_input_tokens"}, TS_FIELD_CACHING_TOKENS},
    {{"content_block", "type"}, TS_FIELD_KIND},
    {{"content_block", "text"}, TS_FIELD_TEXT},
    {{"content_block", "thinking"}, TS_FIELD_REASONING},
    {{"content_block", "id"}, TS_FIELD_TOOL_ID},
    {{"content_block", "name"}, TS_FIELD_TOOL_NAME},
    {{"delta", "text"}, TS_FIELD_TEXT},
    {{"delta", "thinking"}, TS_FIELD_REASONING},
    {{"delta", "signature"}, TS_FIELD_SIGNATURE},
    {{"delta", "partial_json"}, TS_FIELD_TOOL_INPUT},
    {{"delta", "stop_reason"}, TS_FIELD_FINISH},
    {{"usage", "input_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"usage", "cache_read_input_tokens"}, TS_FIELD_CACHED_TOKENS},
    {{"usage", "cache_creation_input_tokens"}, TS_FIELD_CACHING_TOKENS},
    {{"usage", "output_tokens"}, TS_FIELD_OUTPUT_TOKENS},
    {{"usage", "output_tokens_details", "thinking_tokens"}, TS_FIELD_REASONING_TOKENS},
};

static const struct ts_jpath answer_paths[] = {
    {{"type"}, TS_FIELD_TYPE},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"model"}, TS_FIELD_MODEL},
    {{"content", "[]", "text"}, TS_FIELD_TEXT},
    {{"content", "[]", "thinking"}, TS_FIELD_REASONING},
    {{"content", "[]", "input"}, TS_FIELD_TOOL_CALL},
    {{"stop_reason"}, TS_FIELD_FINISH},
    {{"usage", "input_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"usage", "cache_read_input_tokens"}, TS_FIELD_CACHED_TOKENS},
    {{"usage", "cache_creation_input_tokens"}, TS_FIELD_CACHING_TOKENS},
    {{"usage", "output_tokens"}, TS_FIELD_OUTPUT_TOKENS},
    {{"usage", "output_tokens_details", "thinking_tokens"}, TS_FIELD_REASONING_TOKENS},
};

static enum ts_finish finish_of(const struct ts_draft *d)
{
    static const struct {
        const char *word;
        enum ts_finish finish;
    } words[] = {
        {"end_turn", TS_FINISH_STOP},
        {"stop_sequence", TS_FINISH_STOP},
        {"max_tokens", TS_FINISH_LENGTH},
        {"model_context_window_exceeded", TS_FINISH_LENGTH},
        {"tool_use", TS_FINISH_TOOL_CALLS},
        {"refusal", TS_FINISH_CONTENT_FILTER},
    };
    if (d->finish.len == 0)
        return TS_FINISH_NONE;
    for (size_t i = 0; i < TS_ARRAY_LEN(words); i++) {
        if (ts_draft_is(&d->finish, words[i].word))
            return words[i].finish;
    }
    return TS_FINISH_OTHER;
}

/* The kinds are disjoint on this wire as they are here. */
static void take_usage(const struct ts_draft *d, struct ts_token_counts *t)
{
    t->input = ts_draft_count(d, TS_FIELD_PROMPT_TOKENS);
    t->cache_read = ts_draft_count(d, TS_FIELD_CACHED_TOKENS);
    t->cache_write = ts_draft_count(d, TS_FIELD_CACHING_TOKENS);
    t->output = ts_draft_count(d, TS_FIELD_OUTPUT_TOKENS);
    t->reasoning = ts_draft_count(d, TS_FIELD_REASONING_TOKENS);
}

/* Tools that the server runs itself open parts with a name, too. */
static bool opens_foreign_part(const struct ts_draft *d)
{
    return ts_draft_has(d, TS_FIELD_KIND) && !ts_draft_is(&d->kind, "tool_use");
}

static void finish(struct ts_draft *d)
{
    struct ts_event *e = &d->event;
    e->finish = finish_of(d);
    e->terminator = ts_draft_is(&d->type, TS_ANTHROPIC_LAST);
    take_usage(d, &e->tokens);
    if (!opens_foreign_part(d))
        return;
    e->tools = NULL;
    e->tool_count = 0;
    e->has_tool_call = false;
}

static void finish_answer(struct ts_draft *d)
{
    d->event.finish = finish_of(d);
    d->event.terminator = true;
    take_usage(d, &d->event.tokens);
}

static const struct ts_dialect answer = {
    .name = "anthropic answer",
    .family = "anthropic",
    .framing = TS_FRAMING_WHOLE,
    .paths = answer_paths,
    .path_count = TS_ARRAY_LEN(answer_paths),
    .finish = finish_answer,
};

static const char *const last_types[] = {TS_ANTHROPIC_LAST, NULL};
static const char *const forwards[] = {"anthropic-beta", "Idempotency-Key", NULL};
static const char *const passes[] = {"anthropic-*", "request-id", NULL};

const struct ts_dialect ts_anthropic_messages = {
    .name = "anthropic.messages",
    .family = "anthropic",
    .framing = TS_FRAMING_SSE,
    .last_types = last_types,
    .stream_type = "text/event-stream",
    .forwards = forwards,
    .passes = passes,
    .answer = &answer,
    .paths = stream_paths,
    .path_count = TS_ARRAY_LEN(stream_paths),
    .finish = finish,
    .members = ts_anthropic_members,
    .member_count = TS_ANTHROPIC_MEMBERS,
    .folds = ts_anthropic_folds,
    .read_asked = ts_anthropic_asked,
    .each_message = ts_anthropic_messages_of,
    .each_tool = ts_anthropic_tools,
    .write_request = ts_anthropic_body,
    .write_event = ts_anthropic_write_event,
    .write_end = ts_anthropic_write_end,
    .write_whole = ts_anthropic_write_whole,
    .keep_event = ts_anthropic_keep_event,
};

/* -- counting the tokens of a prompt ------------------------------------------------------------
 */

/* Nothing is generated, so that there is nothing to record; and only the model's own server can
 * count. */
static enum ts_err check_count(struct ts_genreq *q, struct ts_error *err)
{
    (void)err;
    q->has_prompt = false;
    return TS_OK;
}

static bool never_folds(const struct ts_genreq *q)
{
    (void)q;
    return false;
}

const struct ts_dialect ts_anthropic_count_tokens = {
    .name = "anthropic.count_tokens",
    .family = "anthropic",
    .framing = TS_FRAMING_WHOLE,
    .forwards = forwards,
    .passes = passes,
    .answer = &answer,
    .paths = answer_paths,
    .path_count = TS_ARRAY_LEN(answer_paths),
    .finish = finish_answer,
    .members = ts_anthropic_members,
    .member_count = TS_ANTHROPIC_MEMBERS,
    .check = check_count,
    .folds = never_folds,
};
