/*
 * POST /api/generate and its like: from a request to a running relay.
 *
 *   admit -> scan -> labels -> classify -> route -> (one discovery round, route again) -> relay
 *
 * Everything up to the relay answers with an error in the client's dialect and leaves no row; from
 * there on the relay answers, and there is a row.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analytics/classify.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "handlers/answer_tap.h"
#include "handlers/auto_model.h"
#include "handlers/clone_answer.h"
#include "handlers/handlers.h"
#include "handlers/idempotency.h"
#include "handlers/running.h"
#include "handlers/services.h"

enum { NAMES_SHOWN = 6 };

/* One generation until its relay has ended. */
struct generation {
    struct ts_exchange *x;
    struct ts_genreq *request; /* until the relay takes it */
    struct ts_call *call;      /* likewise */
    struct ts_targets targets;
    struct ts_discovery_wait wait;
    struct ts_running_call running;
    struct ts_claim *claim; /* of its Idempotency-Key, until that is settled; or NULL */
    struct ts_answer_tap tap;
    struct ts_clone_answer *clone; /* where the call works on a website; or NULL */
};

static void free_request(struct ts_genreq *q)
{
    if (q == NULL)
        return;
    ts_genreq_deinit(q);
    free(q);
}

static void free_generation(struct generation *g)
{
    if (g == NULL)
        return;
    free_request(g->request);
    ts_call_free(g->call);
    ts_clone_answer_drop(g->clone);
    free(g);
}

/* -- a place ---------------------------------------------------------------------------------- */

static void leave(const struct ts_services *s)
{
    atomic_fetch_sub_explicit(s->in_flight, 1, memory_order_relaxed);
}

static enum ts_err enter(const struct ts_services *s, struct ts_error *err)
{
    if (atomic_load_explicit(s->draining, memory_order_relaxed))
        return ts_fail(err, TS_ERR_DRAINING, "the server is shutting down; try another one");
    int before = atomic_fetch_add_explicit(s->in_flight, 1, memory_order_relaxed);
    if (before < s->max_in_flight)
        return TS_OK;
    leave(s);
    return ts_fail(err,
                   TS_ERR_OVERLOADED,
                   "all %d places for generations are taken (TOUCHSTONE_MAX_IN_FLIGHT)",
                   s->max_in_flight);
}

/* Ends what never became a relay. */
static void refuse(struct generation *g, const struct ts_error *err)
{
    leave(g->x->services);
    ts_idempotency_release(g->x->services->idempotency, g->claim);
    ts_reply_error(g->x, err);
    free_generation(g);
}

/* -- what was asked --------------------------------------------------------------------------- */

/* A request that comes from ourselves, directly or around a corner, would go round for ever. */
static enum ts_err check_loop(const struct ts_exchange *x, struct ts_error *err)
{
    const char *via = x->ops->header(x, "Via");
    const char *us = x->relay_env->via;
    if (via == NULL || us == NULL || strstr(via, us) == NULL)
        return TS_OK;
    return ts_fail(err,
                   TS_ERR_LOOP_DETECTED,
                   "this request has passed through here before: one of the configured model "
                   "servers leads back to this gateway");
}

struct header_walk {
    struct ts_genreq *request;
    struct ts_error *err;
    enum ts_err rc;
};

static void take_header(void *ctx, const char *name, const char *value)
{
    struct header_walk *w = ctx;
    if (w->rc == TS_OK)
        w->rc = ts_genreq_header(w->request, name, value, w->err);
}

static enum ts_err scan(const struct ts_exchange *x,
                        const struct ts_dialect *d,
                        struct generation *g,
                        struct ts_error *err)
{
    struct ts_genreq *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a request");
    enum ts_err rc = ts_genreq_scan(d, x->body, q, err);
    if (rc != TS_OK) {
        free(q);
        return rc;
    }
    g->request = q;
    struct header_walk w = {.request = q, .err = err, .rc = TS_OK};
    x->ops->each_header(x, take_header, &w);
    return w.rc;
}

/* -- what kind of work ------------------------------------------------------------------------ */

static struct ts_class classify(const struct ts_classifier *classifier, const struct ts_genreq *q)
{
    struct ts_prompt_view view = ts_genreq_prompt(q);
    struct ts_buf text = TS_BUF_INIT((size_t)TS_CLASSIFY_BYTES * 7); /* U+FFFD for a lone half */
    ts_genreq_prompt_text(view.prompt, TS_CLASSIFY_BYTES, &text);
    const struct ts_prompt_text prompt = {
        .text = {.at = ts_buf_text(&text), .len = text.len},
        .has_images = view.has_images,
        .has_tools = view.has_tools,
        .wants_json = view.wants_json,
    };
    struct ts_class class = ts_classify(classifier, &prompt);
    ts_buf_free(&text);
    return class;
}

/* Vectors are no work that models which write are compared in. */
static const char task_embedding[] = "embedding";

static bool is_embedding(const struct ts_genreq *q)
{
    return q->dialect->purpose == TS_PURPOSE_EMBEDDING;
}

/* Copies a label into the record; *kept turns false without memory. */
static const char *keep(struct ts_call *call, const char *label, bool *kept)
{
    const char *copy = ts_arena_str(&call->arena, label);
    *kept = *kept && (label == NULL || copy != NULL);
    return copy;
}

static bool keep_labels(struct ts_call *call, const struct ts_call_labels *labels)
{
    bool kept = true;
    call->task_type = keep(call, labels->task_type, &kept);
    call->complexity = labels->complexity;
    call->conversation_id = keep(call, labels->conversation_id, &kept);
    call->user_id = keep(call, labels->user_id, &kept);
    call->user_segment = keep(call, labels->user_segment, &kept);
    call->message_id = keep(call, labels->message_id, &kept);
    call->tags_json = keep(call, labels->tags_json, &kept);
    return kept;
}

/* The trace that the call is part of goes into its metadata. */
static bool keep_trace(struct ts_call *call, const struct ts_trace *trace)
{
    TS_AUTO(ts_buf_free) struct ts_buf json = TS_BUF_INIT(256);
    if (trace == NULL)
        return true;
    ts_trace_json(trace, &json);
    call->metadata_json = ts_buf_ok(&json) ? ts_arena_str(&call->arena, ts_buf_text(&json)) : NULL;
    return call->metadata_json != NULL;
}

/* The newest message of the user, where prompts are to be kept. */
static bool keep_prompt(struct ts_call *call, const struct ts_genreq *q, enum ts_capture capture)
{
    if (capture == TS_CAPTURE_NONE)
        return true;
    TS_AUTO(ts_buf_free) struct ts_buf text = TS_BUF_INIT(2 * TS_MAX_CAPTURE_BYTES);
    ts_genreq_prompt_text(ts_genreq_prompt(q).prompt, TS_MAX_CAPTURE_BYTES + 1, &text);
    struct ts_slice kept = {.at = ts_buf_text(&text), .len = text.len};
    kept.len = ts_utf8_cut(kept.at, kept.len, TS_MAX_CAPTURE_BYTES);
    call->text_cut = kept.len < text.len;
    call->prompt_text = kept.len > 0 ? ts_arena_copy(&call->arena, kept) : NULL;
    return kept.len == 0 || call->prompt_text != NULL;
}

static enum ts_err make_call(const struct ts_exchange *x,
                             struct generation *g,
                             struct ts_error *err)
{
    struct ts_call *call = ts_call_new();
    g->call = call;
    if (call == NULL || !keep_labels(call, &g->request->labels) ||
        !keep_trace(call, g->request->trace) ||
        !keep_prompt(call, g->request, x->services->capture))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the record");
    call->id = x->id;
    call->dialect = g->request->dialect->family;
    call->classified = call->task_type == NULL || call->complexity == TS_COMPLEXITY_UNKNOWN;
    if (!call->classified)
        return TS_OK;
    if (is_embedding(g->request)) {
        call->task_type = call->task_type != NULL ? call->task_type : task_embedding;
        return TS_OK;
    }
    struct ts_class class = classify(x->services->classifier, g->request);
    if (call->task_type == NULL)
        call->task_type = ts_task_name(class.task);
    if (call->complexity == TS_COMPLEXITY_UNKNOWN)
        call->complexity = class.complexity;
    return TS_OK;
}

/* What the client shows to be let in; whether it is good for that is the guard's business. */
static const char *credentials(const struct ts_exchange *x)
{
    const char *bearer = x->ops->header(x, "Authorization");
    return bearer != NULL ? bearer : x->ops->header(x, "x-api-key");
}

/* Whose turn it is in a server's queue: a user's, else a key's. */
static uint64_t asker(const struct ts_exchange *x, const struct ts_genreq *q)
{
    const char *who = q->labels.user_id != NULL ? q->labels.user_id : credentials(x);
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; who != NULL && *who != '\0'; who++)
        hash = (hash ^ (unsigned char)*who) * UINT64_C(0x100000001b3);
    return hash;
}

/* The request's Idempotency-Key, if it has one. @answer: to be given instead of a call, or NULL. */
static enum ts_err claim_key(struct generation *g, struct ts_kept **answer, struct ts_error *err)
{
    const struct ts_exchange *x = g->x;
    const struct ts_idempotency_ask ask = {
        .key = x->ops->header(x, "Idempotency-Key"),
        .credentials = credentials(x),
        .path = x->path,
        .body = x->body,
        .now_us = ts_now_us(),
    };
    if (ask.key == NULL)
        return TS_OK;
    return ts_idempotency_claim(x->services->idempotency, &ask, &g->claim, answer, err);
}

/* What was answered before. */
static void give(struct generation *g, struct ts_kept *answer)
{
    leave(g->x->services);
    ts_kept_give(answer, g->x);
    ts_kept_drop(answer);
    free_generation(g);
}

/* -- where to --------------------------------------------------------------------------------- */

static enum ts_err choose(struct generation *g, const char **model, struct ts_error *err)
{
    struct ts_genreq *q = g->request;
    if (is_embedding(q))
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "model",
                             "auto chooses among models that write; name the one whose vectors you "
                             "compare with");
    return ts_auto_model(g->x->services, q, g->call->task_type, g->call->complexity, model, err);
}

static enum ts_err route(struct generation *g, bool looked, struct ts_error *err)
{
    const struct ts_services *s = g->x->services;
    struct ts_genreq *q = g->request;
    /* Vectors of another model cannot be compared, nor can its answers stand for this one's:
     * nothing falls back to one unless asked to. */
    const struct ts_route_policy same_model = {.local_only = s->policy.local_only};
    struct ts_route_ask ask = {
        .model = q->model,
        .labels = &q->labels,
        .policy = q->dialect->same_model ? &same_model : &s->policy,
        .arena = &q->arena,
        .looked = looked,
    };
    if (ts_is_auto_model(q->model)) {
        enum ts_err rc = choose(g, &ask.model, err);
        if (rc != TS_OK)
            return rc;
    }
    return ts_route(s->registry, &ask, &g->targets, err);
}

struct name_list {
    struct ts_buf text;
    int shown;
    int total;
};

static void list_name(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    struct name_list *l = ctx;
    (void)p;
    if (l->total++ < NAMES_SHOWN)
        ts_buf_printf(&l->text, "%s%.60s", l->shown++ > 0 ? ", " : "", m->name);
}

/* Says what there is instead of a model that is not there. */
static void name_models(const struct ts_services *s, const char *model, struct ts_error *err)
{
    struct name_list l = {.text = TS_BUF_INIT(TS_ERROR_TEXT_SIZE)};
    ts_registry_each_model(s->registry, list_name, &l);
    if (l.total == 0)
        (void)ts_fail(err,
                      TS_ERR_MODEL_NOT_FOUND,
                      "model '%.100s' not found: no model server lists any model; pull one, for "
                      "example with: ollama pull llama3.2",
                      model);
    else
        (void)ts_fail(err,
                      TS_ERR_MODEL_NOT_FOUND,
                      "model '%.100s' not found; GET /api/tags lists what there is: %s%s",
                      model,
                      ts_buf_text(&l.text),
                      l.total > l.shown ? ", ..." : "");
    ts_buf_free(&l.text);
}

/* -- running ---------------------------------------------------------------------------------- */

static void release_body(void *ctx)
{
    struct generation *g = ctx;
    g->x->ops->release_body(g->x);
}

/* What ended well is kept under its key; anything else may be tried again. */
static void settle(struct generation *g, enum ts_outcome outcome)
{
    struct ts_idempotency *i = g->x->services->idempotency;
    if (g->claim == NULL)
        return;
    if (outcome == TS_OUTCOME_DONE)
        ts_idempotency_keep(i, TS_TAKE(g->claim), ts_answer_tap_take(&g->tap));
    else
        ts_idempotency_release(i, TS_TAKE(g->claim));
    ts_answer_tap_deinit(&g->tap);
}

static void ended(void *ctx, enum ts_outcome outcome)
{
    struct generation *g = ctx;
    struct ts_exchange *x = g->x;
    leave(x->services);
    settle(g, outcome);
    ts_running_remove(x->services->running, &g->running);
    ts_clone_answer_end(TS_TAKE(g->clone), outcome);
    x->relay = NULL;
    free_generation(g);
    x->ops->finish(x);
}

static void abort_call(struct ts_running_call *c)
{
    struct generation *g = TS_CONTAINER(c, struct generation, running);
    ts_relay_abort(g->x->relay, TS_ERR_UPSTREAM_INTERRUPTED);
}

static void start(struct generation *g)
{
    struct ts_exchange *x = g->x;
    g->running.id = x->id;
    g->running.home = x->poller;
    g->running.abort = abort_call;
    ts_running_add(x->services->running, &g->running);
    uint64_t who = asker(x, g->request);
    struct ts_relay_start s = {
        .request = TS_TAKE(g->request),
        .call = TS_TAKE(g->call),
        .targets = g->targets,
        .accepted_us = x->accepted_us,
        .who = who,
        .request_end_us = x->request_end_us,
        .release_body = release_body,
        .answer = ts_clone_answer_sink(g->clone),
        .ended = ended,
        .ctx = g,
    };
    struct ts_client *client = x->ops->client(x);
    if (g->claim != NULL)
        client = ts_answer_tap_init(&g->tap, client);
    x->relay = ts_relay_start(x->relay_env, &s, client);
    if (x->relay == NULL)
        ended(g, TS_OUTCOME_UPSTREAM_ERROR);
}

static void look_again(struct generation *g)
{
    ts_discovery_refresh(g->x->services->discovery, &g->wait);
}

/* A server has answered; when the round is over, what is not there now is not there. */
static void looked_again(struct ts_post *post)
{
    struct ts_discovery_wait *wait = TS_CONTAINER(post, struct ts_discovery_wait, post);
    struct generation *g = TS_CONTAINER(wait, struct generation, wait);
    struct ts_error err = TS_ERROR_INIT;
    enum ts_err rc = route(g, wait->over, &err);
    if (rc == TS_OK) {
        start(g);
        return;
    }
    bool absent = rc == TS_ERR_MODEL_NOT_FOUND || rc == TS_ERR_UPSTREAM_UNREACHABLE;
    if (absent && !wait->over) {
        look_again(g);
        return;
    }
    bool held_back = strstr(err.text, "local only") != NULL;
    if (rc == TS_ERR_MODEL_NOT_FOUND && !held_back)
        name_models(g->x->services, g->request->model, &err);
    refuse(g, &err);
}

static void look_first(struct generation *g)
{
    g->wait.post.fn = looked_again;
    g->wait.home = g->x->poller;
    look_again(g);
}

static enum ts_err prepare(struct generation *g, const struct ts_dialect *d, struct ts_error *err)
{
    enum ts_err rc = check_loop(g->x, err);
    if (rc == TS_OK)
        rc = scan(g->x, d, g, err);
    if (rc == TS_OK)
        rc = ts_clone_answer_new(g->x, &g->request->labels, &g->clone, err);
    return rc == TS_OK ? make_call(g->x, g, err) : rc;
}

static void generate(struct ts_exchange *x, const struct ts_dialect *d)
{
    struct ts_error err = TS_ERROR_INIT;
    if (enter(x->services, &err) != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    struct generation *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        leave(x->services);
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a generation");
        ts_reply_error(x, &err);
        return;
    }
    g->x = x;
    struct ts_kept *answer = NULL;
    enum ts_err rc = prepare(g, d, &err);
    if (rc == TS_OK)
        rc = claim_key(g, &answer, &err);
    if (rc == TS_OK && answer == NULL)
        rc = route(g, false, &err);
    if (answer != NULL)
        give(g, answer);
    else if (rc == TS_OK)
        start(g);
    else if (rc == TS_ERR_MODEL_NOT_FOUND || rc == TS_ERR_UPSTREAM_UNREACHABLE)
        look_first(g); /* a model pulled or a server started a moment ago */
    else
        refuse(g, &err);
}

void ts_handle_generate(struct ts_exchange *x)
{
    generate(x, &ts_ollama_generate);
}

void ts_handle_chat(struct ts_exchange *x)
{
    generate(x, &ts_ollama_chat);
}

void ts_handle_chat_completions(struct ts_exchange *x)
{
    generate(x, &ts_openai_chat);
}

void ts_handle_pane(struct ts_exchange *x)
{
    generate(x, &ts_pane);
}

void ts_handle_messages(struct ts_exchange *x)
{
    generate(x, &ts_anthropic_messages);
}

void ts_handle_count_tokens(struct ts_exchange *x)
{
    generate(x, &ts_anthropic_count_tokens);
}

void ts_handle_completions(struct ts_exchange *x)
{
    generate(x, &ts_openai_completions);
}

void ts_handle_embed(struct ts_exchange *x)
{
    generate(x, &ts_ollama_embed);
}

void ts_handle_ollama_embeddings(struct ts_exchange *x)
{
    generate(x, &ts_ollama_embeddings);
}

void ts_handle_openai_embeddings(struct ts_exchange *x)
{
    generate(x, &ts_openai_embeddings);
}

void ts_handle_responses(struct ts_exchange *x)
{
    generate(x, &ts_openai_responses);
}
