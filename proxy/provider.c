#include "proxy/provider.h"

#include <assert.h>
#include <string.h>

enum { LIST_MAX_BYTES = 1024 * 1024 };

static const struct ts_kind *const kinds[] = {
    [TS_KIND_OLLAMA] = &ts_kind_ollama,
    [TS_KIND_VLLM] = &ts_kind_vllm,
    [TS_KIND_LMSTUDIO] = &ts_kind_lmstudio,
    [TS_KIND_LLAMACPP] = &ts_kind_llamacpp,
    [TS_KIND_OPENAI] = &ts_kind_openai,
    [TS_KIND_ANTHROPIC] = &ts_kind_anthropic,
};
_Static_assert(TS_ARRAY_LEN(kinds) == TS_KIND_COUNT_, "a table for each kind");

const struct ts_kind *ts_kind(enum ts_kind_id id)
{
    assert(id < TS_KIND_COUNT_);
    return kinds[id];
}

bool ts_kind_parse(struct ts_slice name, enum ts_kind_id *out)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(kinds); i++) {
        if (ts_slice_is(name, kinds[i]->name)) {
            *out = kinds[i]->id;
            return true;
        }
    }
    return false;
}

enum ts_err ts_model_list_init(struct ts_model_list *list)
{
    *list = (struct ts_model_list){.arena = TS_ARENA_INIT(LIST_MAX_BYTES)};
    list->models = ts_arena_alloc(&list->arena, TS_MAX_MODELS * sizeof(list->models[0]));
    return list->models != NULL ? TS_OK : TS_ERR_NOMEM;
}

void ts_model_list_deinit(struct ts_model_list *list)
{
    ts_arena_free(&list->arena);
    *list = (struct ts_model_list){.arena = list->arena};
}

static bool is_printable(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    }
    return true;
}

struct ts_model *ts_model_list_add(struct ts_model_list *list, const json_t *name)
{
    const char *text = json_string_value(name);
    size_t n = json_string_length(name);
    if (text == NULL || n == 0 || n > TS_MAX_MODEL || !is_printable(text, n) ||
        list->count == TS_MAX_MODELS)
        return NULL;
    char *copy = ts_arena_copy(&list->arena, (struct ts_slice){.at = text, .len = n});
    if (copy == NULL)
        return NULL;
    struct ts_model *m = &list->models[list->count++];
    *m = (struct ts_model){.name = copy, .size_bytes = TS_UNKNOWN, .context_length = TS_UNKNOWN};
    return m;
}

const char *ts_model_text(struct ts_model_list *list, const json_t *text)
{
    const char *s = json_string_value(text);
    size_t n = json_string_length(text);
    if (s == NULL || n == 0 || n > TS_MAX_MODEL || !is_printable(s, n))
        return NULL;
    return ts_arena_copy(&list->arena, (struct ts_slice){.at = s, .len = n});
}
