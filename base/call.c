#include "base/call.h"

#include <assert.h>
#include <stdlib.h>

enum { RECORD_MAX_BYTES = 64 * 1024 + 2 * TS_MAX_CAPTURE_BYTES };

struct ts_call *ts_call_new(void)
{
    struct ts_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->arena = TS_ARENA_INIT(RECORD_MAX_BYTES);
    call->phases = (struct ts_phases){TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN,
                                      TS_UNKNOWN};
    call->tokens = TS_TOKENS_UNKNOWN;
    call->cost_nano_usd = TS_UNKNOWN;
    return call;
}

void ts_call_free(struct ts_call *call)
{
    if (call == NULL)
        return;
    ts_arena_free(&call->arena);
    free(call);
}

struct ts_attempt *ts_call_add_attempt(struct ts_call *call)
{
    if (call->attempt_count == TS_MAX_TARGETS)
        return NULL;
    if (call->attempts == NULL) /* most calls have none */
        call->attempts = ts_arena_alloc(&call->arena, TS_MAX_TARGETS * sizeof(call->attempts[0]));
    return call->attempts != NULL ? &call->attempts[call->attempt_count++] : NULL;
}

static const char *const outcome_names[] = {
#define X(id, name) [TS_OUTCOME_##id] = name,
    TS_OUTCOME_TABLE(X)
#undef X
};

static const char *const complexity_names[] = {
#define X(id, name) [TS_COMPLEXITY_##id] = name,
    TS_COMPLEXITY_TABLE(X)
#undef X
};

static const char *const tokens_names[] = {
#define X(id, name) [TS_TOKENS_##id] = name,
    TS_TOKENS_TABLE(X)
#undef X
};

const char *ts_outcome_name(enum ts_outcome o)
{
    assert(o < TS_OUTCOME_COUNT_);
    return outcome_names[o];
}

const char *ts_complexity_name(enum ts_complexity c)
{
    assert(c < TS_COMPLEXITY_COUNT_);
    return complexity_names[c];
}

const char *ts_tokens_source_name(enum ts_tokens_source s)
{
    assert(s < TS_TOKENS_COUNT_);
    return tokens_names[s];
}

bool ts_complexity_parse(struct ts_slice text, enum ts_complexity *out)
{
    for (int i = TS_COMPLEXITY_SIMPLE; i < TS_COMPLEXITY_COUNT_; i++) {
        if (ts_slice_is(text, complexity_names[i])) {
            *out = (enum ts_complexity)i;
            return true;
        }
    }
    return false;
}

static bool is_name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
}

bool ts_task_type_valid(struct ts_slice text)
{
    if (text.at == NULL || text.len == 0 || text.len > TS_MAX_NAME)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_name_char(text.at[i]))
            return false;
    }
    return true;
}
