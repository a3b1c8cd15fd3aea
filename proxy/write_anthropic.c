/* Answers in Anthropic's dialect, to clients. */
#include <inttypes.h>

#include "proxy/dialect_impl.h"
#include "proxy/fold.h"
#include "proxy/writer.h"

/* What the part that is open holds: the writer's part_kind. */
enum open_part { OPEN_NONE, OPEN_TEXT, OPEN_THINKING, OPEN_CALL };

static struct ts_slice bytes_of(const struct ts_buf *b)
{
    return (struct ts_slice){ts_buf_text(b), b->len};
}

static void put_string(struct ts_buf *out, const char *before, struct ts_slice text)
{
    ts_buf_puts(out, before);
    ts_buf_put_json_string(out, text.at, text.len);
}

/* Clients look at the name, and at the kind in the JSON. */
static void begin_event(struct ts_buf *out, const char *name)
{
    ts_buf_printf(out, "event: %s\ndata: {\"type\":\"%s\"", name, name);
}

static void end_event(struct ts_buf *out)
{
    ts_buf_puts(out, "}\n\n");
}

/* -- what all answers have --------------------------------------------------------------------- */

static void put_head(const struct ts_writer *w, struct ts_buf *out)
{
    ts_buf_printf(out, "\"id\":\"msg_%s\",\"type\":\"message\",\"role\":\"assistant\"", w->id);
    put_string(out, ",\"model\":", ts_slice_str(w->model));
}

static const char *stop_reason(const struct ts_writer *w)
{
    static const struct {
        enum ts_finish finish;
        const char *word;
    } words[] = {
        {TS_FINISH_LENGTH, "max_tokens"},
        {TS_FINISH_TOOL_CALLS, "tool_use"},
        {TS_FINISH_CONTENT_FILTER, "refusal"},
    };
    struct ts_slice reason = ts_slice_str(w->call->finish_reason);
    for (size_t i = 0; i < TS_ARRAY_LEN(words); i++) {
        if (ts_slice_is(reason, ts_finish_name(words[i].finish)))
            return words[i].word;
    }
    return w->tools.count > 0 ? "tool_use" : "end_turn";
}

static void put_count(struct ts_buf *out, const char *before, int64_t count)
{
    ts_buf_puts(out, before);
    if (count != TS_UNKNOWN)
        ts_buf_printf(out, "%" PRId64, count);
    else
        ts_buf_puts(out, "null");
}

/* A count that was made here is a lower bound and would pass for the truth. */
static void put_usage(const struct ts_writer *w, struct ts_buf *out)
{
    bool told = w->call->tokens_source == TS_TOKENS_PROVIDER;
    const struct ts_token_counts unknown = TS_TOKENS_UNKNOWN;
    const struct ts_token_counts *t = told ? &w->call->tokens : &unknown;
    put_count(out, ",\"usage\":{\"input_tokens\":", t->input);
    put_count(out, ",\"cache_creation_input_tokens\":", t->cache_write);
    put_count(out, ",\"cache_read_input_tokens\":", t->cache_read);
    put_count(out, ",\"output_tokens\":", t->output);
    ts_buf_puts(out, "}");
}

/* The id of a call, which some servers do not give. */
static void put_call_id(const struct ts_writer *w,
                        struct ts_slice id,
                        int number,
                        struct ts_buf *out)
{
    if (id.len > 0)
        put_string(out, "\"id\":", id);
    else
        ts_buf_printf(out, "\"id\":\"toolu_%s_%d\"", w->id, number);
}

/* -- streaming --------------------------------------------------------------------------------- */

/* The counts are not known yet: they come at the end, with the reason. */
static void begin(struct ts_writer *w, struct ts_buf *out)
{
    if (w->begun)
        return;
    w->begun = true;
    begin_event(out, "message_start");
    ts_buf_puts(out, ",\"message\":{");
    put_head(w, out);
    ts_buf_puts(out,
                ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                "\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}");
    end_event(out);
}

static void close_part(struct ts_writer *w, struct ts_buf *out)
{
    if (w->part_kind == OPEN_NONE)
        return;
    w->part_kind = OPEN_NONE;
    begin_event(out, "content_block_stop");
    ts_buf_printf(out, ",\"index\":%d", w->parts - 1);
    end_event(out);
}

static void begin_part(struct ts_writer *w, enum open_part kind, struct ts_buf *out)
{
    begin(w, out);
    close_part(w, out);
    w->part_kind = (int)kind;
    begin_event(out, "content_block_start");
    ts_buf_printf(out, ",\"index\":%d,\"content_block\":", w->parts++);
}

static void put_delta(struct ts_buf *out, int part, const char *members, struct ts_slice text)
{
    begin_event(out, "content_block_delta");
    ts_buf_printf(out, ",\"index\":%d,\"delta\":{", part);
    put_string(out, members, text);
    ts_buf_puts(out, "}");
    end_event(out);
}

static void write_thinking(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    if (w->part_kind != OPEN_THINKING) {
        begin_part(w, OPEN_THINKING, out);
        ts_buf_puts(out, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
        end_event(out);
    }
    if (e->reasoning.len > 0)
        put_delta(out, w->parts - 1, "\"type\":\"thinking_delta\",\"thinking\":", e->reasoning);
    if (e->signature.len > 0)
        put_delta(out, w->parts - 1, "\"type\":\"signature_delta\",\"signature\":", e->signature);
}

static void write_text(struct ts_writer *w, struct ts_slice text, struct ts_buf *out)
{
    if (w->part_kind != OPEN_TEXT) {
        begin_part(w, OPEN_TEXT, out);
        ts_buf_puts(out, "{\"type\":\"text\",\"text\":\"\"}");
        end_event(out);
    }
    put_delta(out, w->parts - 1, "\"type\":\"text_delta\",\"text\":", text);
}

/* A piece of a call that is not the newest still goes where that call's part is. */
static void write_piece(struct ts_writer *w, const struct ts_tool_piece *p, struct ts_buf *out)
{
    bool fresh;
    int number = ts_toolset_add(&w->tools, p, &fresh);
    if (number < 0)
        return;
    struct ts_tool_call *call = &w->tools.calls[number];
    if (fresh) {
        begin_part(w, OPEN_CALL, out);
        call->part = w->parts - 1;
        ts_buf_puts(out, "{\"type\":\"tool_use\",");
        put_call_id(w, p->id, number, out);
        put_string(out, ",\"name\":", p->name);
        ts_buf_puts(out, ",\"input\":{}}");
        end_event(out);
    }
    if (p->input.len > 0)
        put_delta(out, call->part, "\"type\":\"input_json_delta\",\"partial_json\":", p->input);
}

void ts_anthropic_write_event(struct ts_writer *w, const struct ts_event *e, struct ts_buf *out)
{
    w->tools.counts_only = true; /* what is written need not be kept */
    if (e->reasoning.len > 0 || (e->signature.len > 0 && w->part_kind == OPEN_THINKING))
        write_thinking(w, e, out);
    if (e->text.len > 0)
        write_text(w, e->text, out);
    if (e->refusal.len > 0)
        write_text(w, e->refusal, out);
    for (int i = 0; i < e->tool_count; i++)
        write_piece(w, &e->tools[i], out);
}

void ts_anthropic_write_end(struct ts_writer *w, struct ts_buf *out)
{
    begin(w, out);
    close_part(w, out);
    begin_event(out, "message_delta");
    ts_buf_printf(
        out, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null}", stop_reason(w));
    put_usage(w, out);
    end_event(out);
    begin_event(out, TS_ANTHROPIC_LAST);
    end_event(out);
}

/* -- whole answers ----------------------------------------------------------------------------- */

static void put_thinking_part(const struct ts_writer *w, int *count, struct ts_buf *out)
{
    if (w->reasoning.len == 0)
        return;
    put_string(out,
               *count > 0 ? ",{\"type\":\"thinking\",\"thinking\":"
                          : "{\"type\":\"thinking\",\"thinking\":",
               bytes_of(&w->reasoning));
    put_string(out, ",\"signature\":", bytes_of(&w->signature));
    ts_buf_puts(out, "}");
    (*count)++;
}

static void put_text_part(const struct ts_buf *text, int *count, struct ts_buf *out)
{
    if (text->len == 0)
        return;
    ts_buf_puts(out, (*count)++ > 0 ? "," : "");
    put_string(out, "{\"type\":\"text\",\"text\":", bytes_of(text));
    ts_buf_puts(out, "}");
}

/* Arguments that are no object, which only a broken server sends, would break the whole answer. */
static void put_input(const struct ts_buf *input, struct ts_buf *out)
{
    struct ts_jvalue object = ts_fold_document(input);
    if (object.type == TS_J_OBJECT)
        ts_buf_put(out, object.raw.at, object.raw.len);
    else
        ts_buf_puts(out, "{}");
}

static void put_content(const struct ts_writer *w, struct ts_buf *out)
{
    int count = 0;
    ts_buf_puts(out, ",\"content\":[");
    put_thinking_part(w, &count, out);
    put_text_part(&w->text, &count, out);
    put_text_part(&w->refusal, &count, out);
    for (int i = 0; i < w->tools.count; i++) {
        const struct ts_tool_call *c = &w->tools.calls[i];
        ts_buf_puts(out, count++ > 0 ? ",{\"type\":\"tool_use\"," : "{\"type\":\"tool_use\",");
        put_call_id(w, bytes_of(&c->id), i, out);
        put_string(out, ",\"name\":", bytes_of(&c->name));
        ts_buf_puts(out, ",\"input\":");
        put_input(&c->input, out);
        ts_buf_puts(out, "}");
    }
    ts_buf_puts(out, "]");
}

/* What the server said at the start, then what it said at the end, which has the last word. */
static void put_merged(const struct ts_writer *w,
                       struct ts_jvalue start,
                       struct ts_jvalue end,
                       struct ts_buf *out)
{
    static const char *const not_of_start[] = {
        "type", "content", "stop_reason", "stop_sequence", "usage", NULL};
    static const char *const not_of_end[] = {"stop_reason", "stop_sequence", NULL};
    static const char *const nothing_but[] = {NULL};
    static const struct ts_jvalue nothing = {.type = TS_J_NONE};
    struct ts_jvalue delta = ts_jmember(end, "delta");
    struct ts_jvalue usage = ts_jmember(end, "usage");
    ts_buf_puts(out, "{\"type\":\"message\"");
    ts_fold_members(out, start, nothing, not_of_start);
    put_content(w, out);
    ts_buf_printf(out, ",\"stop_reason\":");
    struct ts_jvalue reason = ts_jmember(delta, "stop_reason");
    struct ts_jvalue sequence = ts_jmember(delta, "stop_sequence");
    ts_buf_put(out, reason.raw.at, reason.raw.len);
    ts_buf_puts(out, ",\"stop_sequence\":");
    if (sequence.type == TS_J_STRING)
        ts_buf_put(out, sequence.raw.at, sequence.raw.len);
    else
        ts_buf_puts(out, "null");
    ts_fold_members(out, delta, nothing, not_of_end);
    ts_buf_puts(out, ",\"usage\":{\"service_tier\":null");
    ts_fold_members(out, ts_jmember(start, "usage"), usage, nothing_but);
    ts_fold_members(out, usage, nothing, nothing_but);
    ts_buf_puts(out, "}}");
}

void ts_anthropic_write_whole(struct ts_writer *w, struct ts_buf *out)
{
    struct ts_jvalue start = ts_jmember(ts_fold_document(&w->last), "message");
    struct ts_jvalue end = ts_fold_document(&w->ending);
    if (start.type == TS_J_OBJECT &&
        ts_jmember(ts_jmember(end, "delta"), "stop_reason").type == TS_J_STRING) {
        put_merged(w, start, end, out);
        return;
    }
    ts_buf_puts(out, "{");
    put_head(w, out);
    put_content(w, out);
    ts_buf_printf(out, ",\"stop_reason\":\"%s\",\"stop_sequence\":null", stop_reason(w));
    put_usage(w, out);
    ts_buf_puts(out, "}");
}

/* The first event has the message, the one with the reason the counts. */
void ts_anthropic_keep_event(struct ts_writer *w, const struct ts_event *e, struct ts_slice raw)
{
    bool ends = e->finish != TS_FINISH_NONE;
    struct ts_slice data = ts_fold_data(raw);
    struct ts_buf *into = ends ? &w->ending : &w->last;
    if (data.at == NULL || (!ends && (e->model.len == 0 || w->last.len > 0)))
        return;
    ts_buf_clear(into);
    ts_buf_put(into, data.at, data.len);
}
