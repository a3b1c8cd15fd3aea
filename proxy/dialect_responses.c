/*
 * OpenAI's Responses: POST /v1/responses, only between clients and servers that both speak it.
 *
 * Its stream is made of events with a type; the last of them holds the whole answer, so that one
 * for a client that does not stream needs no putting together.
 */
#include <string.h>

#include "proxy/dialect_impl.h"
#include "proxy/draft.h"
#include "proxy/fold.h"
#include "proxy/genreq_impl.h"
#include "proxy/writer.h"

/* -- requests ---------------------------------------------------------------------------------- */

static const struct ts_member_rule members[] = {
    {TS_MEMBER_MODEL, TS_TYPE(STRING), "a string", true},
    {TS_MEMBER_STREAM, TS_TYPE_BOOLEAN, "true or false", false},
    {TS_MEMBER_TOUCHSTONE, TS_TYPE(OBJECT), "an object", false},
    {TS_MEMBER_INPUT, TS_TYPE(STRING) | TS_TYPE(ARRAY), "a string or an array", false},
    {TS_MEMBER_TOOLS, TS_TYPE(ARRAY), "an array", false},
    {TS_MEMBER_BACKGROUND, TS_TYPE_ANY, "true or false", false},
};

/* What runs in the background is answered before there is an answer. */
static bool folds(const struct ts_genreq *q)
{
    return q->member[TS_MEMBER_BACKGROUND].type != TS_J_TRUE;
}

/* -- reading answers --------------------------------------------------------------------------- */

static const struct ts_jpath event_paths[] = {
    {{"type"}, TS_FIELD_TYPE},
    {{"delta"}, TS_FIELD_TEXT},
    {{"message"}, TS_FIELD_ERROR_MESSAGE},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"response", "model"}, TS_FIELD_MODEL},
    {{"response", "error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"response", "incomplete_details", "reason"}, TS_FIELD_FINISH},
    {{"response", "usage", "input_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"response", "usage", "output_tokens"}, TS_FIELD_OUTPUT_TOKENS},
    {{"response", "usage", "input_tokens_details", "cached_tokens"}, TS_FIELD_CACHED_TOKENS},
    {{"response", "usage", "output_tokens_details", "reasoning_tokens"}, TS_FIELD_REASONING_TOKENS},
};

static const struct ts_jpath answer_paths[] = {
    {{"model"}, TS_FIELD_MODEL},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"incomplete_details", "reason"}, TS_FIELD_FINISH},
    {{"usage", "input_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"usage", "output_tokens"}, TS_FIELD_OUTPUT_TOKENS},
    {{"usage", "input_tokens_details", "cached_tokens"}, TS_FIELD_CACHED_TOKENS},
    {{"usage", "output_tokens_details", "reasoning_tokens"}, TS_FIELD_REASONING_TOKENS},
};

static const char *const last_types[] = {
    "response.completed", "response.incomplete", "response.failed", NULL};

static bool type_is(const struct ts_draft *d, const char *type)
{
    return ts_draft_is(&d->type, type);
}

static bool type_begins(const struct ts_draft *d, const char *prefix)
{
    size_t n = strlen(prefix);
    return d->type.len >= n && memcmp(ts_buf_text(&d->type), prefix, n) == 0;
}

/* What a delta is a piece of follows from the type. */
static void sort_delta(const struct ts_draft *d, struct ts_event *e)
{
    struct ts_slice delta = e->text;
    if (type_is(d, "response.output_text.delta"))
        return;
    e->text = (struct ts_slice){.at = NULL};
    if (type_begins(d, "response.reasoning"))
        e->reasoning = delta;
    else if (type_is(d, "response.refusal.delta"))
        e->refusal = delta;
    else
        e->has_tool_call = delta.len > 0;
}

static void take_usage(const struct ts_draft *d, struct ts_event *e)
{
    e->tokens = ts_openai_tokens(d);
    if (d->finish.len == 0)
        e->finish = TS_FINISH_STOP;
    else if (ts_draft_is(&d->finish, "max_output_tokens"))
        e->finish = TS_FINISH_LENGTH;
    else
        e->finish =
            ts_draft_is(&d->finish, "content_filter") ? TS_FINISH_CONTENT_FILTER : TS_FINISH_OTHER;
}

static void finish_event(struct ts_draft *d)
{
    struct ts_event *e = &d->event;
    sort_delta(d, e);
    if (type_is(d, "response.completed") || type_is(d, "response.incomplete")) {
        e->terminator = true;
        take_usage(d, e);
    } else if (type_is(d, "response.failed") || type_is(d, "error")) {
        e->is_error = true;
        e->error_text = (struct ts_slice){.at = d->error.data, .len = d->error.len};
    }
}

static void finish_answer(struct ts_draft *d)
{
    d->event.terminator = true;
    take_usage(d, &d->event);
}

/* -- writing answers: the last event's own ----------------------------------------------------- */

static void keep_event(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw)
{
    struct ts_slice data = ts_fold_data(raw);
    if (!e->terminator || data.at == NULL)
        return;
    ts_buf_clear(&w->last);
    ts_buf_put(&w->last, data.at, data.len);
}

static void write_whole(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_jvalue root = {.type = TS_J_NONE};
    if (ts_jscan(ts_buf_text(&w->last), w->last.len, &root, NULL) != TS_OK)
        root.type = TS_J_NONE;
    struct ts_jvalue response = ts_jmember(root, "response");
    if (response.type != TS_J_OBJECT)
        w->trouble = "the last event of the stream does not hold the answer";
    else
        ts_buf_put(out, response.raw.at, response.raw.len);
}

static const struct ts_dialect answer = {
    .name = "openai.responses answer",
    .family = "openai",
    .framing = TS_FRAMING_WHOLE,
    .paths = answer_paths,
    .path_count = TS_ARRAY_LEN(answer_paths),
    .finish = finish_answer,
};

const struct ts_dialect ts_openai_responses = {
    .name = "openai.responses",
    .family = "openai",
    .framing = TS_FRAMING_SSE,
    .last_types = last_types,
    .stream_type = "text/event-stream",
    .forwards = ts_openai_forwards,
    .passes = ts_openai_passes,
    .answer = &answer,
    .paths = event_paths,
    .path_count = TS_ARRAY_LEN(event_paths),
    .finish = finish_event,
    .members = members,
    .member_count = TS_ARRAY_LEN(members),
    .folds = folds,
    .write_whole = write_whole,
    .keep_event = keep_event,
};
