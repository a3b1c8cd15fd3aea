#include "proxy/tap.h"

void ts_tap_init(struct ts_tap *t)
{
    *t = (struct ts_tap){
        .max_stall_us = TS_UNKNOWN,
        .tokens = TS_TOKENS_UNKNOWN,
        .times = TS_SERVER_TIMES_UNKNOWN,
    };
}

static void take(int64_t *into, int64_t said)
{
    if (said != TS_UNKNOWN)
        *into = said;
}

static void take_tokens(struct ts_token_counts *into, const struct ts_token_counts *said)
{
    take(&into->input, said->input);
    take(&into->cache_read, said->cache_read);
    take(&into->cache_write, said->cache_write);
    take(&into->output, said->output);
    take(&into->reasoning, said->reasoning);
}

static void take_content(struct ts_tap *t, const struct ts_event *e, int64_t now_us)
{
    t->events++;
    if (t->first_us == 0)
        t->first_us = now_us;
    else if (now_us - t->last_us > t->max_stall_us)
        t->max_stall_us = now_us - t->last_us;
    if (t->first_visible_us == 0 && (e->text.len > 0 || e->refusal.len > 0))
        t->first_visible_us = now_us;
    t->last_us = now_us;
    t->last_token_us = now_us;
}

void ts_tap_event(struct ts_tap *t, const struct ts_event *e, int64_t now_us)
{
    if (ts_event_has_content(e))
        take_content(t, e, now_us);
    t->called = t->called || e->has_tool_call;
    if (e->finish != TS_FINISH_NONE)
        t->finish = e->finish;
    take_tokens(&t->tokens, &e->tokens);
    take(&t->times.load_us, e->times.load_us);
}

void ts_tap_skip(struct ts_tap *t, int64_t now_us)
{
    if (t->first_us != 0)
        t->last_us = now_us;
}

static int64_t since(int64_t from_us, int64_t at_us)
{
    return at_us != 0 ? at_us - from_us : TS_UNKNOWN;
}

/* The server's word counts, field by field; without one for the output, what was counted here. */
static void fill_tokens(const struct ts_tap *t, struct ts_call *call)
{
    call->tokens = t->tokens;
    if (t->tokens.output != TS_UNKNOWN) {
        call->tokens_source = TS_TOKENS_PROVIDER;
    } else if (t->events > 0) {
        call->tokens.output = t->events;
        call->tokens_source = TS_TOKENS_COUNTED;
    } else {
        call->tokens_source = t->tokens.input != TS_UNKNOWN ? TS_TOKENS_PROVIDER : TS_TOKENS_ABSENT;
    }
}

void ts_tap_phases(const struct ts_tap *t, int64_t accepted_us, struct ts_phases *p)
{
    p->ttft_us = since(accepted_us, t->first_us);
    p->first_visible_us = since(accepted_us, t->first_visible_us);
    p->decode_us = t->first_us != 0 ? t->last_token_us - t->first_us : TS_UNKNOWN;
    p->max_stall_us = t->max_stall_us;
    p->load_us = t->times.load_us;
}

void ts_tap_fill(const struct ts_tap *t, int64_t accepted_us, struct ts_call *call)
{
    bool called = t->called && t->finish == TS_FINISH_STOP;
    ts_tap_phases(t, accepted_us, &call->phases);
    call->cold = ts_phases_cold(&call->phases);
    call->finish_reason = ts_finish_name(called ? TS_FINISH_TOOL_CALLS : t->finish);
    fill_tokens(t, call);
}
