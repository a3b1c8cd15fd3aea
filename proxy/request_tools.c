/* Tools as OpenAI and Ollama both write them: {"type": "function", "function": {...}}. */
#include <stdio.h>

#include "proxy/dialect_impl.h"
#include "proxy/genreq_impl.h"

static enum ts_err tell(
    int number, struct ts_jvalue item, ts_tool_fn *fn, void *ctx, struct ts_error *err)
{
    char where[TS_ERROR_PARAM_SIZE];
    struct ts_jvalue type = ts_jmember(item, "type");
    struct ts_jvalue function = ts_jmember(item, "function");
    const struct ts_tool tool = {
        .name = ts_jmember(function, "name"),
        .description = ts_jmember(function, "description"),
        .parameters = ts_jmember(function, "parameters"),
        .strict = ts_jmember(function, "strict"),
    };
    (void)snprintf(where, sizeof(where), "tools[%d]", number);
    if (type.type != TS_J_NONE && !ts_jstring_is(type, "function"))
        return ts_asked_cannot(where, "only tools of type function are known everywhere", err);
    if (tool.name.type != TS_J_STRING)
        return ts_asked_cannot(where, "must have a function with a name", err);
    return fn(ctx, &tool, err);
}

enum ts_err ts_function_tools(const struct ts_genreq *q,
                              ts_tool_fn *fn,
                              void *ctx,
                              struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(q->member[TS_MEMBER_TOOLS]);
    struct ts_jvalue key, item;
    enum ts_err rc = TS_OK;
    for (int i = 0; rc == TS_OK && ts_jiter_next(&it, &key, &item); i++)
        rc = tell(i, item, fn, ctx, err);
    return rc;
}
