/* The models of all servers together, as Ollama and as OpenAI list them. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "handlers/handlers.h"
#include "handlers/services.h"

/* Clients of these dialects decode into typed fields: what a server does not tell is the type's
 * zero here, as those servers themselves write it, and not null. */
static const char no_time[] = "0001-01-01T00:00:00Z";

static json_t *text_or(const char *text, const char *otherwise)
{
    return ts_json_text(text != NULL ? text : otherwise);
}

/* A list of the one that is known, or an empty one. */
static json_t *families(const char *family)
{
    bool known = family != NULL && family[0] != '\0';
    return known ? json_pack("[o]", ts_json_text(family)) : json_array();
}

static json_t *ollama_model(const struct ts_model *m)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:o, s:{s:s, s:s, s:o, s:o, s:o, s:o}}",
                     "name",
                     ts_json_text(m->name),
                     "model",
                     ts_json_text(m->name),
                     "modified_at",
                     text_or(m->modified_at, no_time),
                     "size",
                     (json_int_t)(m->size_bytes == TS_UNKNOWN ? 0 : m->size_bytes),
                     "digest",
                     text_or(m->digest, ""),
                     "details",
                     "parent_model",
                     "",
                     "format",
                     "",
                     "family",
                     text_or(m->family, ""),
                     "families",
                     families(m->family),
                     "parameter_size",
                     text_or(m->parameter_size, ""),
                     "quantization_level",
                     text_or(m->quantization, ""));
}

static json_t *openai_model(const struct ts_provider *p, const struct ts_model *m)
{
    int64_t created_ms = 0;
    if (m->modified_at != NULL)
        (void)ts_rfc3339_parse(m->modified_at, strlen(m->modified_at), &created_ms);
    return json_pack("{s:o, s:s, s:I, s:o}",
                     "id",
                     ts_json_text(m->name),
                     "object",
                     "model",
                     "created",
                     (json_int_t)(created_ms / 1000),
                     "owned_by",
                     ts_json_text(p->name));
}

/* The list as it grows. A name that several servers have is listed once: the router knows more. */
struct listing {
    bool ollama;
    json_t *items;
    json_t *names;
    bool failed;
};

static void list_model(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    struct listing *l = ctx;
    if (l->failed || json_object_get(l->names, m->name) != NULL)
        return;
    json_t *item = l->ollama ? ollama_model(m) : openai_model(p, m);
    l->failed = json_object_set_new(l->names, m->name, json_true()) != 0 ||
                json_array_append_new(l->items, item) != 0;
}

/* A new reference to the list of items, or NULL without memory. */
static json_t *list_models(const struct ts_exchange *x, bool ollama)
{
    struct listing l = {.ollama = ollama, .items = json_array(), .names = json_object()};
    l.failed = l.items == NULL || l.names == NULL;
    ts_registry_each_model(x->services->registry, list_model, &l);
    json_decref(l.names);
    if (!l.failed)
        return l.items;
    json_decref(l.items);
    return NULL;
}

void ts_handle_ollama_tags(struct ts_exchange *x)
{
    ts_reply_json(x, 200, json_pack("{s:o}", "models", list_models(x, true)));
}

void ts_handle_openai_models(struct ts_exchange *x)
{
    ts_reply_json(x, 200, json_pack("{s:s, s:o}", "object", "list", "data", list_models(x, false)));
}

void ts_handle_openai_model(struct ts_exchange *x)
{
    json_auto_t *models = list_models(x, false);
    size_t i = 0;
    json_t *model = NULL;
    json_array_foreach(models, i, model)
    {
        if (strcmp(json_string_value(json_object_get(model, "id")), x->params[0]) == 0) {
            ts_reply_json(x, 200, json_incref(model));
            return;
        }
    }
    struct ts_error err;
    (void)ts_fail(&err, TS_ERR_MODEL_NOT_FOUND, "no server has a model '%.200s'", x->params[0]);
    ts_reply_error(x, &err);
}

void ts_handle_ollama_version(struct ts_exchange *x)
{
    ts_reply_json(x, 200, json_pack("{s:s}", "version", x->services->version));
}

/* How Ollama's clients ask whether it is there. */
void ts_handle_ollama_root(struct ts_exchange *x)
{
    static const char text[] = "touchstone is running";
    const struct ts_head head = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    x->ops->respond_static(x, &head, text, sizeof(text) - 1);
}
