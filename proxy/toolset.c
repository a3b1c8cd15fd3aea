#include "proxy/toolset.h"

#include <stdlib.h>

#include "base/limits.h"

static int find(const struct ts_toolset *s, const struct ts_tool_piece *p)
{
    for (int i = s->count - 1; i >= 0; i--) {
        const struct ts_tool_call *c = &s->calls[i];
        struct ts_slice id = {.at = ts_buf_text(&c->id), .len = c->id.len};
        bool other = p->id.len > 0 && id.len > 0 &&
                     (id.len != p->id.len || memcmp(id.at, p->id.at, id.len) != 0);
        if (c->index == p->index)
            return c->whole || other ? -1 : i;
    }
    return -1;
}

static int add_call(struct ts_toolset *s, const struct ts_tool_piece *p)
{
    if (s->count == TS_MAX_TOOL_CALLS) {
        s->error = TS_ERR_BODY_TOO_LARGE;
        return -1;
    }
    if (s->count == s->room) {
        int room = s->room > 0 ? 2 * s->room : 4;
        struct ts_tool_call *calls = realloc(s->calls, (size_t)room * sizeof(*calls));
        if (calls == NULL) {
            s->error = TS_ERR_NOMEM;
            return -1;
        }
        s->calls = calls;
        s->room = room;
    }
    s->calls[s->count] = (struct ts_tool_call){
        .index = p->index,
        .whole = p->whole,
        .id = TS_BUF_INIT(TS_MAX_EVENT_BYTES),
        .name = TS_BUF_INIT(TS_MAX_EVENT_BYTES),
        .input = TS_BUF_INIT(TS_MAX_FOLDED_BYTES),
    };
    return s->count++;
}

static void put(struct ts_toolset *s, struct ts_buf *b, struct ts_slice text)
{
    if (text.len > TS_MAX_FOLDED_BYTES - s->bytes) {
        s->error = TS_ERR_BODY_TOO_LARGE;
        return;
    }
    ts_buf_put(b, text.at, text.len);
    s->bytes += text.len;
    if (!ts_buf_ok(b))
        s->error = b->error;
}

int ts_toolset_add(struct ts_toolset *s, const struct ts_tool_piece *p, bool *fresh)
{
    int i = p->whole ? -1 : find(s, p);
    *fresh = i < 0;
    if (i < 0)
        i = add_call(s, p);
    if (i < 0)
        return -1;
    struct ts_tool_call *c = &s->calls[i];
    if (c->id.len == 0)
        put(s, &c->id, p->id);
    if (c->name.len == 0)
        put(s, &c->name, p->name);
    if (!s->counts_only)
        put(s, &c->input, p->input);
    return i;
}

void ts_toolset_deinit(struct ts_toolset *s)
{
    for (int i = 0; i < s->count; i++) {
        ts_buf_free(&s->calls[i].id);
        ts_buf_free(&s->calls[i].name);
        ts_buf_free(&s->calls[i].input);
    }
    free(s->calls);
    *s = (struct ts_toolset){0};
}
