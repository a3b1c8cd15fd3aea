#include "proxy/draft.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/utf8.h"

enum { MAX_WORD = 64 };

_Static_assert(TS_FIELD_COUNT_ <= 64, "seen has a bit per field");

void ts_draft_init(struct ts_draft *d, size_t max_text)
{
    *d = (struct ts_draft){
        .event = TS_EVENT_INIT,
        .reasoning_from = -1,
        .max_text = max_text,
        .text = TS_BUF_INIT(max_text),
        .reasoning = TS_BUF_INIT(max_text),
        .refusal = TS_BUF_INIT(max_text),
        .signature = TS_BUF_INIT(max_text),
        .type = TS_BUF_INIT(MAX_WORD),
        .kind = TS_BUF_INIT(MAX_WORD),
        .finish = TS_BUF_INIT(MAX_WORD),
        .model = TS_BUF_INIT(TS_MAX_MODEL),
        .error = TS_BUF_INIT(TS_MAX_ERROR_TEXT),
    };
}

/* The texts that every event starts anew. */
static void each_text(struct ts_draft *d, void (*fn)(struct ts_buf *b))
{
    struct ts_buf *const texts[] = {&d->text,
                                    &d->reasoning,
                                    &d->refusal,
                                    &d->signature,
                                    &d->type,
                                    &d->kind,
                                    &d->finish,
                                    &d->model,
                                    &d->error};
    for (size_t i = 0; i < TS_ARRAY_LEN(texts); i++)
        fn(texts[i]);
}

static void free_tools(struct ts_draft *d)
{
    if (d->tools != NULL)
        ts_buf_free(&d->tools->text);
    free(d->tools);
    d->tools = NULL;
}

void ts_draft_deinit(struct ts_draft *d)
{
    each_text(d, ts_buf_free);
    free_tools(d);
}

void ts_draft_reset(struct ts_draft *d)
{
    d->event = TS_EVENT_INIT;
    d->seen = 0;
    d->done = false;
    d->reasoning_from = -1;
    d->tools_cut = false;
    each_text(d, ts_buf_clear);
    if (d->tools != NULL) {
        d->tools->count = 0;
        ts_buf_clear(&d->tools->text);
    }
}

/* Puts as much as fits; a buffer that is full latches its error. */
static void collect(struct ts_buf *b, const struct ts_jpath_value *v)
{
    if (v->type != TS_J_STRING || !ts_buf_ok(b))
        return;
    size_t room = b->max - b->len;
    ts_buf_put(b, v->text.at, v->text.len < room ? v->text.len : room);
    if (v->text.len > room && ts_buf_ok(b))
        b->error = TS_ERR_BODY_TOO_LARGE;
}

static void collect_reasoning(struct ts_draft *d, int field, const struct ts_jpath_value *v)
{
    if (d->reasoning_from < 0 && v->type == TS_J_STRING && v->text.len > 0)
        d->reasoning_from = field;
    if (d->reasoning_from == field)
        collect(&d->reasoning, v);
}

/* The largest integer up to which a double has them all. */
static const double exact_max = 9007199254740992.0;

static bool is_count(double v)
{
    return v >= 0 && v <= exact_max && v == floor(v);
}

/* -- calls of tools ---------------------------------------------------------------------------- */

/* A new piece at the end; NULL where there is no room. */
static struct ts_draft_piece *begin_piece(struct ts_draft *d)
{
    if (d->tools == NULL) {
        d->tools = calloc(1, sizeof(*d->tools));
        if (d->tools != NULL)
            d->tools->text = TS_BUF_INIT(d->max_text);
    }
    if (d->tools == NULL || d->tools->count == TS_MAX_TOOL_PIECES) {
        d->tools_cut = true;
        return NULL;
    }
    struct ts_draft_piece *p = &d->tools->piece[d->tools->count++];
    *p = (struct ts_draft_piece){.index = TS_UNKNOWN};
    return p;
}

/* The piece being read: what stands in no item of a list begins one itself. */
static struct ts_draft_piece *piece(struct ts_draft *d)
{
    if (d->tools == NULL || d->tools->count == 0)
        return begin_piece(d);
    return d->tools_cut && d->tools->count == TS_MAX_TOOL_PIECES
               ? NULL
               : &d->tools->piece[d->tools->count - 1];
}

/* A fragment of a text; a second text under the same name takes the place of the first. */
static void put_span(struct ts_draft *d, struct ts_draft_span *s, const struct ts_jpath_value *v)
{
    struct ts_buf *text = &d->tools->text;
    if (s->len == 0 || s->closed)
        *s = (struct ts_draft_span){.at = text->len};
    if (ts_buf_ok(text) && v->text.len <= text->max - text->len)
        ts_buf_put(text, v->text.at, v->text.len);
    else
        d->tools_cut = true;
    if (!ts_buf_ok(text))
        d->tools_cut = true;
    s->len = text->len - s->at;
    s->closed = v->last;
}

static void take_tool(struct ts_draft *d, int field, const struct ts_jpath_value *v)
{
    if (field == TS_FIELD_TOOL_CALL) {
        (void)begin_piece(d);
        return;
    }
    struct ts_draft_piece *p = piece(d);
    if (p == NULL)
        return;
    if (field == TS_FIELD_TOOL_INPUT && v->type == TS_J_OBJECT) {
        p->whole = true;
        put_span(d, &p->input, v);
    } else if (v->type == TS_J_STRING) {
        put_span(d,
                 field == TS_FIELD_TOOL_ID     ? &p->id
                 : field == TS_FIELD_TOOL_NAME ? &p->name
                                               : &p->input,
                 v);
    }
}

static void take_tool_index(struct ts_draft *d, const struct ts_jpath_value *v)
{
    double number;
    struct ts_jvalue value = {.type = v->type, .raw = v->text};
    struct ts_draft_piece *p = piece(d);
    if (p != NULL && ts_jnumber(value, &number) && is_count(number))
        p->index = (int64_t)number;
}

static void take_number(struct ts_draft *d, int field, const struct ts_jpath_value *v)
{
    double number;
    struct ts_jvalue value = {.type = v->type, .raw = v->text};
    if (ts_jnumber(value, &number))
        d->number[field - TS_FIELD_FIRST_NUMBER] = number;
    else
        d->seen &= ~(UINT64_C(1) << field);
}

void ts_draft_take(void *ctx, int field, const struct ts_jpath_value *v)
{
    struct ts_draft *d = ctx;
    if (v->type == TS_J_NULL)
        return;
    d->seen |= UINT64_C(1) << field;
    switch ((enum ts_field)field) {
    case TS_FIELD_TEXT:
        collect(&d->text, v);
        return;
    case TS_FIELD_REASONING:
    case TS_FIELD_REASONING_TOO:
        collect_reasoning(d, field, v);
        return;
    case TS_FIELD_REFUSAL:
        collect(&d->refusal, v);
        return;
    case TS_FIELD_SIGNATURE:
        collect(&d->signature, v);
        return;
    case TS_FIELD_TYPE:
        collect(&d->type, v);
        return;
    case TS_FIELD_KIND:
        collect(&d->kind, v);
        return;
    case TS_FIELD_FINISH:
        collect(&d->finish, v);
        return;
    case TS_FIELD_MODEL:
        collect(&d->model, v);
        return;
    case TS_FIELD_ERROR:
    case TS_FIELD_ERROR_MESSAGE:
        collect(&d->error, v);
        return;
    case TS_FIELD_DONE:
        d->done = v->type == TS_J_TRUE;
        return;
    case TS_FIELD_TOOL_CALL:
    case TS_FIELD_TOOL_ID:
    case TS_FIELD_TOOL_NAME:
    case TS_FIELD_TOOL_INPUT:
        take_tool(d, field, v);
        return;
    case TS_FIELD_TOOL_INDEX:
        take_tool_index(d, v);
        return;
    case TS_FIELD_CHOICES:
    case TS_FIELD_CHOICE:
    case TS_FIELD_USAGE:
        return;
    case TS_FIELD_PROMPT_TOKENS:
    case TS_FIELD_CACHED_TOKENS:
    case TS_FIELD_CACHING_TOKENS:
    case TS_FIELD_OUTPUT_TOKENS:
    case TS_FIELD_REASONING_TOKENS:
    case TS_FIELD_TOTAL_TIME:
    case TS_FIELD_LOAD_TIME:
    case TS_FIELD_PROMPT_TIME:
    case TS_FIELD_EVAL_TIME:
    case TS_FIELD_TIMED_PROMPT:
    case TS_FIELD_TIMED_OUTPUT:
    case TS_FIELD_CHOICE_INDEX:
    case TS_FIELD_INDEX:
        take_number(d, field, v);
        return;
    case TS_FIELD_COUNT_:
        return;
    }
}

/* What was collected; without a character that the limit cut in two. */
static struct ts_slice gathered(const struct ts_buf *b)
{
    if (b->len == 0)
        return (struct ts_slice){.at = NULL};
    size_t len = b->len;
    if (!ts_buf_ok(b)) {
        size_t tail = 0; /* bytes of a last character that is not whole */
        while (tail < len && tail < 3 && ((unsigned char)b->data[len - 1 - tail] & 0xc0U) == 0x80U)
            tail++;
        if (tail < len && (unsigned char)b->data[len - 1 - tail] >= 0xc0U)
            tail++;
        if (ts_utf8_len(b->data + len - tail, tail) != tail)
            len -= tail;
    }
    return (struct ts_slice){.at = b->data, .len = len};
}

static struct ts_slice span_text(const struct ts_draft *d, const struct ts_draft_span *s)
{
    if (s->len == 0)
        return (struct ts_slice){.at = NULL};
    return (struct ts_slice){.at = d->tools->text.data + s->at, .len = s->len};
}

static void gather_tools(struct ts_draft *d)
{
    struct ts_event *e = &d->event;
    e->has_tool_call = d->tools_cut || (d->tools != NULL && d->tools->count > 0);
    e->text_cut = e->text_cut || d->tools_cut;
    if (d->tools == NULL)
        return;
    for (int i = 0; i < d->tools->count; i++) {
        const struct ts_draft_piece *p = &d->tools->piece[i];
        d->tools->told[i] = (struct ts_tool_piece){
            .index = p->index != TS_UNKNOWN ? p->index : ts_draft_count(d, TS_FIELD_INDEX),
            .id = span_text(d, &p->id),
            .name = span_text(d, &p->name),
            .input = span_text(d, &p->input),
            .whole = p->whole,
        };
    }
    e->tools = d->tools->told;
    e->tool_count = d->tools->count;
}

void ts_draft_gather(struct ts_draft *d)
{
    struct ts_event *e = &d->event;
    int64_t choice = ts_draft_count(d, TS_FIELD_CHOICE_INDEX);
    e->text = gathered(&d->text);
    e->reasoning = gathered(&d->reasoning);
    e->refusal = gathered(&d->refusal);
    e->signature = gathered(&d->signature);
    e->model = gathered(&d->model);
    e->choice = choice != TS_UNKNOWN ? choice : 0;
    e->text_cut = !ts_buf_ok(&d->text) || !ts_buf_ok(&d->reasoning) || !ts_buf_ok(&d->refusal);
    gather_tools(d);
    e->is_error = ts_draft_has(d, TS_FIELD_ERROR);
    if (e->is_error)
        e->error_text = gathered(&d->error);
}

bool ts_draft_is(const struct ts_buf *word, const char *text)
{
    return ts_buf_ok(word) && ts_slice_is((struct ts_slice){ts_buf_text(word), word->len}, text);
}

int64_t ts_draft_count(const struct ts_draft *d, enum ts_field field)
{
    if (!ts_draft_has(d, field))
        return TS_UNKNOWN;
    double v = d->number[field - TS_FIELD_FIRST_NUMBER];
    return is_count(v) ? (int64_t)v : TS_UNKNOWN;
}

int64_t ts_draft_time(const struct ts_draft *d, enum ts_field field, double us_per_unit)
{
    if (!ts_draft_has(d, field))
        return TS_UNKNOWN;
    double number = d->number[field - TS_FIELD_FIRST_NUMBER];
    double us = round(number * us_per_unit);
    return number >= 0 && us <= exact_max ? (int64_t)us : TS_UNKNOWN;
}
