#include "proxy/passage.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

enum { URL_MAX_BYTES = 4096, KEY_MAX_BYTES = 4096, MAX_HEADERS = 8 };

struct passage {
    struct ts_relay_env *env;
    const struct ts_provider *provider;
    const char *id;
    struct ts_client *client; /* NULL: finished or gone */
    struct ts_fetch *fetch;   /* NULL: not running */
    bool begun;               /* the head is with the client */
    bool lines;               /* the answer is a stream of lines */
    bool at_line_end;
    bool paused;
    void (*ended)(void *ctx);
    void *ctx;
    struct ts_deferred ending;
};

static void end_deferred(struct ts_deferred *d)
{
    struct passage *p = TS_CONTAINER(d, struct passage, ending);
    void (*ended)(void *ctx) = p->ended;
    void *ctx = p->ctx;
    free(p);
    ended(ctx);
}

static void finish(struct passage *p)
{
    p->client = NULL;
    p->ending.fn = end_deferred;
    ts_poller_defer(p->env->poller, &p->ending);
}

/* -- trouble ----------------------------------------------------------------------------------- */

static void refuse(struct passage *p, enum ts_err code, const char *detail)
{
    struct ts_error err = TS_ERROR_INIT;
    TS_AUTO(ts_buf_free) struct ts_buf body = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
    const struct ts_head head = {.status = ts_err_status(code), .content_type = "application/json"};
    (void)ts_fail(&err, code, "%s: %s", p->provider->name, detail);
    ts_write_error_body("ollama", &err, p->id, &body);
    p->client->ops->respond(p->client, &head, ts_buf_text(&body), body.len);
}

/* The end is missing: a client must not take what it has for the whole. */
static void break_off(struct passage *p, const char *detail)
{
    struct ts_error err = TS_ERROR_INIT;
    TS_AUTO(ts_buf_free) struct ts_buf line = TS_BUF_INIT(TS_MAX_ERROR_BODY_BYTES);
    if (!p->lines) {
        p->client->ops->cut(p->client);
        return;
    }
    (void)ts_fail(&err, TS_ERR_UPSTREAM_INTERRUPTED, "%s: %s", p->provider->name, detail);
    ts_buf_puts(&line, p->at_line_end ? "" : "\n");
    ts_write_error_event(&ts_ollama_chat, &err, p->id, &line);
    p->client->ops->write(p->client, ts_buf_text(&line), line.len);
    p->client->ops->end(p->client);
}

/* -- the server -------------------------------------------------------------------------------- */

static void on_head(void *ctx, int status, const char *content_type)
{
    struct passage *p = ctx;
    const struct ts_header headers[] = {
        {"X-Accel-Buffering", "no"}, {"Cache-Control", "no-store, no-transform"}, {0}};
    const struct ts_head head = {
        .status = status,
        .content_type = content_type != NULL ? content_type : "application/octet-stream",
        .headers = headers,
    };
    p->begun = true;
    p->lines = content_type != NULL && strstr(content_type, "ndjson") != NULL;
    p->at_line_end = true;
    p->client->ops->begin(p->client, &head);
}

static void on_body(void *ctx, const char *bytes, size_t n)
{
    struct passage *p = ctx;
    p->client->ops->write(p->client, bytes, n);
    p->at_line_end = n > 0 ? bytes[n - 1] == '\n' : p->at_line_end;
    if (p->paused || p->client->ops->pending(p->client) < TS_STREAM_HIGH_BYTES)
        return;
    p->paused = true;
    ts_fetch_pause(p->fetch);
}

static void on_done(void *ctx, enum ts_fetch_end end, const char *detail)
{
    struct passage *p = ctx;
    p->fetch = NULL;
    if (end == TS_FETCH_COMPLETE)
        p->client->ops->end(p->client);
    else if (p->begun)
        break_off(p, detail);
    else
        refuse(p,
               end == TS_FETCH_UNREACHABLE ? TS_ERR_UPSTREAM_UNREACHABLE : TS_ERR_UPSTREAM_INVALID,
               detail);
    finish(p);
}

/* -- the client -------------------------------------------------------------------------------- */

static void on_gone(void *ctx)
{
    struct passage *p = ctx;
    if (p->fetch != NULL)
        ts_fetch_cancel(p->fetch);
    p->fetch = NULL;
    finish(p);
}

static void on_drained(void *ctx)
{
    struct passage *p = ctx;
    if (p->paused && p->fetch != NULL)
        ts_fetch_resume(p->fetch);
    p->paused = false;
}

/* -- the beginning ----------------------------------------------------------------------------- */

static enum ts_err send_request(struct passage *p,
                                const struct ts_passage_ask *ask,
                                struct ts_error *err)
{
    static const struct ts_fetch_events events = {on_head, on_body, on_done};
    const struct ts_provider *to = p->provider;
    TS_AUTO(ts_buf_free) struct ts_buf url = TS_BUF_INIT(URL_MAX_BYTES);
    TS_AUTO(ts_buf_free) struct ts_buf key = TS_BUF_INIT(KEY_MAX_BYTES);
    struct ts_header headers[MAX_HEADERS] = {{"Via", p->env->via}};
    int n = 1;
    ts_buf_printf(&url, "%s%s", to->base_url, ask->path);
    if (ask->body.at != NULL)
        headers[n++] = (struct ts_header){"Content-Type", "application/json"};
    if (to->api_key != NULL) {
        ts_buf_printf(&key, "%s%s", to->kind->key_prefix, to->api_key);
        headers[n++] = (struct ts_header){to->kind->key_header, ts_buf_text(&key)};
    }
    if (!ts_buf_ok(&url) || !ts_buf_ok(&key))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a request");
    const struct ts_fetch_request req = {
        .method = ask->method,
        .url = ts_buf_text(&url),
        .headers = headers,
        .body = ask->body,
        .connect_timeout_ms = to->connect_timeout_ms,
    };
    return ts_fetch_start(p->env->upstream, &req, &events, p, &p->fetch, err);
}

enum ts_err ts_passage_start(struct ts_relay_env *env,
                             const struct ts_passage_ask *ask,
                             struct ts_client *client,
                             void (*ended)(void *ctx),
                             void *ctx)
{
    static const struct ts_client_events events = {on_gone, on_drained};
    struct passage *p = calloc(1, sizeof(*p));
    struct ts_error err = TS_ERROR_INIT;
    if (p == NULL)
        return TS_ERR_NOMEM;
    *p = (struct passage){.env = env,
                          .provider = ask->provider,
                          .id = ask->id,
                          .client = client,
                          .ended = ended,
                          .ctx = ctx};
    client->events = &events;
    client->events_ctx = p;
    if (send_request(p, ask, &err) != TS_OK) {
        refuse(p, err.code, err.text);
        finish(p);
    }
    return TS_OK;
}
