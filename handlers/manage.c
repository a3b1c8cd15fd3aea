/*
 * Ollama's routes about models: what one of them is (show), which are in memory (ps, loaded.c), and
 * the management of the one Ollama server there is (pull, push, create, copy, delete, blobs).
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "handlers/handlers.h"
#include "handlers/services.h"
#include "proxy/passage.h"

/* One request on its way through. */
struct passing {
    struct ts_exchange *x;
    struct ts_buf body; /* one of our own; else the exchange's is sent */
    char id[TS_ID_TEXT_SIZE];
};

static void ended(void *ctx)
{
    struct passing *p = ctx;
    struct ts_exchange *x = p->x;
    ts_buf_free(&p->body);
    free(p);
    x->ops->finish(x);
}

static const char *method_name(enum ts_method m)
{
    switch (m) {
    case TS_GET:
        return "GET";
    case TS_HEAD:
        return "HEAD";
    case TS_POST:
        return "POST";
    case TS_PUT:
        return "PUT";
    case TS_PATCH:
        return "PATCH";
    case TS_DELETE:
        return "DELETE";
    case TS_OPTIONS:
        return "OPTIONS";
    }
    abort();
}

static void no_memory(struct ts_exchange *x)
{
    struct ts_error err;
    (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a request");
    ts_reply_error(x, &err);
}

/* Hands the exchange over to a server. @body: one of our own, taken; NULL: as it came. */
static void pass(struct ts_exchange *x, const struct ts_provider *to, struct ts_buf *body)
{
    struct passing *p = calloc(1, sizeof(*p));
    struct ts_slice sent = {.at = x->body.len > 0 ? x->body.at : NULL, .len = x->body.len};
    if (p == NULL) {
        if (body != NULL)
            ts_buf_free(body);
        no_memory(x);
        return;
    }
    p->x = x;
    if (body != NULL) {
        p->body = *body;
        sent = (struct ts_slice){.at = ts_buf_text(&p->body), .len = p->body.len};
    }
    const struct ts_passage_ask ask = {
        .provider = to,
        .method = method_name(x->method),
        .path = x->path,
        .body = sent,
        .id = ts_exchange_id(x, p->id),
    };
    if (ts_passage_start(x->relay_env, &ask, x->ops->client(x), ended, p) != TS_OK)
        ended(p);
}

/* -- management -------------------------------------------------------------------------------- */

static bool is_in_use(struct ts_registry *r, int index)
{
    const struct ts_provider *p = ts_registry_provider(r, index);
    return p->kind->id == TS_KIND_OLLAMA &&
           (p->configured || ts_registry_status(r, index).state == TS_PROVIDER_UP);
}

/* The Ollama server that is meant, if it can only be one. */
static const struct ts_provider *only_ollama(struct ts_registry *r, struct ts_error *err)
{
    const struct ts_provider *found = NULL;
    for (int i = 0; i < ts_registry_count(r); i++) {
        const struct ts_provider *p = ts_registry_provider(r, i);
        if (!is_in_use(r, i))
            continue;
        if (found != NULL) {
            (void)ts_fail(
                err,
                TS_ERR_INVALID_FIELD,
                "there are several Ollama servers, %s and %s among them: ask the one that "
                "is meant, for example with OLLAMA_HOST=%s",
                found->name,
                p->name,
                found->base_url);
            return NULL;
        }
        found = p;
    }
    if (found == NULL)
        (void)ts_fail(err,
                      TS_ERR_UPSTREAM_UNREACHABLE,
                      "there is no Ollama server to manage: start one, or set OLLAMA_BASE_URL");
    return found;
}

void ts_handle_manage(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_provider *to = only_ollama(x->services->registry, &err);
    if (to == NULL)
        ts_reply_error(x, &err);
    else
        pass(x, to, NULL);
}

/* Digests are all that stands behind /api/blobs/. */
void ts_handle_blob(struct ts_exchange *x)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:._-";
    struct ts_error err = TS_ERROR_INIT;
    const char *digest = x->params[0];
    if (strspn(digest, allowed) == strlen(digest)) {
        ts_handle_manage(x);
        return;
    }
    (void)ts_fail(&err, TS_ERR_INVALID_PARAMETER, "'%.80s' is no digest of a blob", digest);
    ts_reply_error(x, &err);
}

/* -- what a model is --------------------------------------------------------------------------- */

/* What a server that is no Ollama has told of the model. */
struct shown {
    const char *name;
    const struct ts_provider *provider;
    json_t *body;
};

static json_t *details_of(const struct ts_model *m)
{
    const char *family = m->family != NULL ? m->family : "";
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}",
                     "parent_model",
                     "",
                     "format",
                     "",
                     "family",
                     family,
                     "families",
                     m->family != NULL ? json_pack("[s]", family) : json_array(),
                     "parameter_size",
                     m->parameter_size != NULL ? m->parameter_size : "",
                     "quantization_level",
                     m->quantization != NULL ? m->quantization : "");
}

static void show_model(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    struct shown *s = ctx;
    if (s->body != NULL || p != s->provider || strcmp(m->name, s->name) != 0)
        return;
    json_t *info = json_object();
    if (m->context_length != TS_UNKNOWN)
        (void)json_object_set_new(info, "context_length", json_integer(m->context_length));
    s->body = json_pack("{s:s, s:s, s:s, s:o, s:o, s:[s]}",
                        "modelfile",
                        "",
                        "parameters",
                        "",
                        "template",
                        "",
                        "details",
                        details_of(m),
                        "model_info",
                        info,
                        "capabilities",
                        "completion");
}

/* The request with the name that the server knows, in place of the client's. */
static struct ts_buf named(struct ts_jvalue request, const char *model)
{
    struct ts_buf out = TS_BUF_INIT(TS_MAX_GENERATE_BODY_BYTES);
    struct ts_jiter it = ts_jiter_of(request);
    struct ts_jvalue key, value;
    ts_buf_puts(&out, "{\"model\":");
    ts_buf_put_json_string(&out, model, strlen(model));
    while (ts_jiter_next(&it, &key, &value)) {
        if (ts_jstring_is(key, "model") || ts_jstring_is(key, "name"))
            continue;
        ts_buf_puts(&out, ",");
        ts_buf_put(&out, key.raw.at, key.raw.len);
        ts_buf_puts(&out, ":");
        ts_buf_put(&out, value.raw.at, value.raw.len);
    }
    ts_buf_puts(&out, "}");
    return out;
}

static void show(struct ts_exchange *x, const struct ts_target *t, struct ts_jvalue request)
{
    if (t->provider->kind->id != TS_KIND_OLLAMA) {
        struct shown s = {.name = t->model, .provider = t->provider};
        ts_registry_each_model(x->services->registry, show_model, &s);
        ts_reply_json(x, 200, s.body);
        return;
    }
    struct ts_buf body = named(request, t->model);
    if (ts_buf_ok(&body)) {
        pass(x, t->provider, &body);
        return;
    }
    ts_buf_free(&body);
    no_memory(x);
}

/* The model that is asked about; older clients call it "name". */
static enum ts_err read_model(struct ts_jvalue request, struct ts_buf *name, struct ts_error *err)
{
    struct ts_jvalue model = ts_jmember(request, "model");
    if (model.type != TS_J_STRING)
        model = ts_jmember(request, "name");
    if (model.type != TS_J_STRING)
        return ts_fail_param(err, TS_ERR_INVALID_FIELD, "model", "model is missing");
    ts_jstring_decode(model, name);
    return ts_buf_ok(name) ? TS_OK
                           : ts_fail_param(err,
                                           TS_ERR_INVALID_FIELD,
                                           "model",
                                           "model must have 1 to %d bytes",
                                           TS_MAX_MODEL);
}

void ts_handle_ollama_show(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_jvalue request = {.type = TS_J_NONE};
    struct ts_arena arena = TS_ARENA_INIT(16 * 1024);
    TS_AUTO(ts_buf_free) struct ts_buf name = TS_BUF_INIT(TS_MAX_MODEL);
    struct ts_call_labels none = {.timeout_ms = TS_UNKNOWN};
    const struct ts_route_policy policy = {.local_only = x->services->policy.local_only};
    struct ts_targets targets = {.count = 0};
    enum ts_err rc = ts_jscan(x->body.at, x->body.len, &request, &err);
    if (rc == TS_OK)
        rc = read_model(request, &name, &err);
    const struct ts_route_ask ask = {
        .model = ts_buf_text(&name), .labels = &none, .policy = &policy, .arena = &arena};
    if (rc == TS_OK)
        rc = ts_route(x->services->registry, &ask, &targets, &err);
    if (rc == TS_OK)
        show(x, &targets.at[0], request);
    else
        ts_reply_error(x, &err);
    ts_arena_free(&arena);
}
