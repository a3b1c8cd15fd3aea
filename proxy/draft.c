#include "proxy/draft.h"

#include <math.h>

#include "base/limits.h"
#include "base/utf8.h"

enum { MAX_FINISH = 32 };

_Static_assert(TS_FIELD_COUNT_ <= 32, "seen has a bit per field");

void ts_draft_init(struct ts_draft *d, size_t max_text)
{
    *d = (struct ts_draft){
        .event = TS_EVENT_INIT,
        .reasoning_from = -1,
        .text = TS_BUF_INIT(max_text),
        .reasoning = TS_BUF_INIT(max_text),
        .finish = TS_BUF_INIT(MAX_FINISH),
        .model = TS_BUF_INIT(TS_MAX_MODEL),
        .error = TS_BUF_INIT(TS_MAX_ERROR_TEXT),
    };
}

void ts_draft_deinit(struct ts_draft *d)
{
    ts_buf_free(&d->text);
    ts_buf_free(&d->reasoning);
    ts_buf_free(&d->finish);
    ts_buf_free(&d->model);
    ts_buf_free(&d->error);
}

void ts_draft_reset(struct ts_draft *d)
{
    d->event = TS_EVENT_INIT;
    d->seen = 0;
    d->done = false;
    d->reasoning_from = -1;
    ts_buf_clear(&d->text);
    ts_buf_clear(&d->reasoning);
    ts_buf_clear(&d->finish);
    ts_buf_clear(&d->model);
    ts_buf_clear(&d->error);
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

static void take_number(struct ts_draft *d, int field, const struct ts_jpath_value *v)
{
    double number;
    struct ts_jvalue value = {.type = v->type, .raw = v->text};
    if (ts_jnumber(value, &number))
        d->number[field - TS_FIELD_FIRST_NUMBER] = number;
    else
        d->seen &= ~(UINT32_C(1) << field);
}

void ts_draft_take(void *ctx, int field, const struct ts_jpath_value *v)
{
    struct ts_draft *d = ctx;
    if (v->type == TS_J_NULL)
        return;
    d->seen |= UINT32_C(1) << field;
    switch ((enum ts_field)field) {
    case TS_FIELD_TEXT:
        collect(&d->text, v);
        return;
    case TS_FIELD_REASONING:
    case TS_FIELD_REASONING_TOO:
        collect_reasoning(d, field, v);
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
    case TS_FIELD_CHOICES:
    case TS_FIELD_CHOICE:
    case TS_FIELD_USAGE:
        return;
    case TS_FIELD_PROMPT_TOKENS:
    case TS_FIELD_CACHED_TOKENS:
    case TS_FIELD_OUTPUT_TOKENS:
    case TS_FIELD_REASONING_TOKENS:
    case TS_FIELD_TOTAL_TIME:
    case TS_FIELD_LOAD_TIME:
    case TS_FIELD_PROMPT_TIME:
    case TS_FIELD_EVAL_TIME:
    case TS_FIELD_TIMED_PROMPT:
    case TS_FIELD_TIMED_OUTPUT:
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

void ts_draft_gather(struct ts_draft *d)
{
    struct ts_event *e = &d->event;
    e->text = gathered(&d->text);
    e->reasoning = gathered(&d->reasoning);
    e->model = gathered(&d->model);
    e->text_cut = !ts_buf_ok(&d->text) || !ts_buf_ok(&d->reasoning);
    e->has_tool_call = ts_draft_has(d, TS_FIELD_TOOL_CALL);
    e->is_error = ts_draft_has(d, TS_FIELD_ERROR);
    if (e->is_error)
        e->error_text = gathered(&d->error);
}

bool ts_draft_finish_is(const struct ts_draft *d, const char *word)
{
    return ts_buf_ok(&d->finish) &&
           ts_slice_is((struct ts_slice){ts_buf_text(&d->finish), d->finish.len}, word);
}

/* The largest integer up to which a double has them all. */
static const double exact_max = 9007199254740992.0;

int64_t ts_draft_count(const struct ts_draft *d, enum ts_field field)
{
    if (!ts_draft_has(d, field))
        return TS_UNKNOWN;
    double v = d->number[field - TS_FIELD_FIRST_NUMBER];
    return v >= 0 && v <= exact_max && v == floor(v) ? (int64_t)v : TS_UNKNOWN;
}

int64_t ts_draft_time(const struct ts_draft *d, enum ts_field field, double us_per_unit)
{
    if (!ts_draft_has(d, field))
        return TS_UNKNOWN;
    double number = d->number[field - TS_FIELD_FIRST_NUMBER];
    double us = round(number * us_per_unit);
    return number >= 0 && us <= exact_max ? (int64_t)us : TS_UNKNOWN;
}
