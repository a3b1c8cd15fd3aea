#include "server/demo_server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "server/demo_pause.h"
#include "server/demo_wire.h"

enum { MAX_BODY = 4 << 20, MAX_EVENT = 64 * 1024, CONNECTION_IDLE_S = 60 };

struct ts_demo_server {
    enum ts_demo_server_id id;
    struct MHD_Daemon *daemon;
    struct ts_demo_pause pause;
    pthread_mutex_t lock; /* guards what follows */
    struct ts_dice dice;
    int64_t requests;
};

/* One request, from its first line to the end of the answer. */
struct exchange {
    struct ts_demo_server *server;
    struct ts_buf body;
    struct ts_demo_answer answer;
    struct ts_demo_throw plan;
    int64_t started_us;
    int64_t due_us; /* the next event */
    bool ended;
    struct ts_buf out; /* events that libmicrohttpd has not taken yet */
    size_t taken;
};

/* -- the stream ------------------------------------------------------------------------------- */

/* Puts the event that is due into the buffer; false at the end. */
static bool next_event(struct exchange *x)
{
    struct ts_demo_answer *a = &x->answer;
    if (x->ended)
        return false;
    a->took_us = ts_now_us() - x->started_us;
    int64_t limit = a->ask.max_tokens;
    bool limited = limit != TS_UNKNOWN && limit < x->plan.output;
    if (a->tokens < (limited ? limit : x->plan.output)) {
        if (a->tokens == 0)
            a->first_us = a->took_us;
        ts_demo_token(a, &x->out);
        x->due_us += x->plan.gap_us;
        return true;
    }
    x->ended = true;
    if (x->plan.outcome != TS_OUTCOME_DONE)
        return false;
    ts_demo_end(a, limited, &x->out);
    return true;
}

static ssize_t read_stream(void *cls, uint64_t pos, char *to, size_t max)
{
    struct exchange *x = cls;
    (void)pos;
    if (x->taken == x->out.len) {
        ts_buf_clear(&x->out);
        x->taken = 0;
        if (!ts_demo_pause_until(&x->server->pause, x->due_us))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (!next_event(x) || !ts_buf_ok(&x->out))
            return x->plan.outcome == TS_OUTCOME_DONE ? MHD_CONTENT_READER_END_OF_STREAM
                                                      : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t n = x->out.len - x->taken;
    n = n < max ? n : max;
    memcpy(to, x->out.data + x->taken, n);
    x->taken += n;
    return (ssize_t)n;
}

/* -- answers ---------------------------------------------------------------------------------- */

static enum MHD_Result queue(struct MHD_Connection *c,
                             int status,
                             struct MHD_Response *r,
                             const char *type)
{
    if (r == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(r, "Content-Type", type);
    enum MHD_Result queued = MHD_queue_response(c, (unsigned)status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result say(struct MHD_Connection *c, int status, struct ts_buf *body)
{
    size_t len = body->len;
    struct MHD_Response *r = ts_buf_ok(body)
                                 ? MHD_create_response_from_buffer(
                                       len, len > 0 ? body->data : NULL, MHD_RESPMEM_MUST_COPY)
                                 : NULL;
    return queue(c, status, r, "application/json");
}

static enum MHD_Result refuse(struct exchange *x,
                              struct MHD_Connection *c,
                              int status,
                              const char *text)
{
    ts_demo_error_body(x->server->id, status, text, &x->out);
    return say(c, status, &x->out);
}

static void throw_dice(struct exchange *x)
{
    struct ts_demo_server *s = x->server;
    TS_GUARD(&s->lock);
    x->answer.number = ++s->requests;
    x->plan = ts_demo_throw(&s->dice, x->answer.ask.model, TS_COMPLEXITY_MEDIUM);
}

static enum MHD_Result generate(struct exchange *x, struct MHD_Connection *c)
{
    struct ts_demo_server *s = x->server;
    struct ts_slice body = {.at = ts_buf_text(&x->body), .len = x->body.len};
    x->answer.server = s->id;
    if (!ts_demo_ask_read(s->id, body, &x->answer.ask))
        return refuse(x, c, 400, "a JSON object with a model is needed");
    if (x->answer.ask.model == NULL)
        return refuse(x, c, 404, "model not found");
    throw_dice(x);
    x->answer.load_us = x->plan.load_us;
    x->due_us = x->started_us + x->plan.ttft_us;
    /* Nobody would wait for a timeout to see one: it shows as an error, too. */
    if (x->plan.outcome == TS_OUTCOME_UPSTREAM_ERROR || x->plan.outcome == TS_OUTCOME_TIMEOUT)
        return ts_demo_pause_until(&s->pause, x->due_us)
                   ? refuse(x, c, 500, "simulated failure of the model runner")
                   : MHD_NO;
    /* Ollama sends its headers with the first token; the others at once, with an empty event. */
    if (s->id == TS_DEMO_OLLAMA && !ts_demo_pause_until(&s->pause, x->due_us))
        return MHD_NO;
    ts_demo_open(&x->answer, &x->out);
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, x, NULL);
    /* llama.cpp closes the connection after each stream. */
    if (r != NULL && s->id == TS_DEMO_LLAMACPP)
        (void)MHD_add_response_header(r, "Connection", "close");
    return queue(c, 200, r, ts_demo_stream_type(s->id));
}

static enum MHD_Result answer(struct exchange *x,
                              struct MHD_Connection *c,
                              const char *path,
                              const char *method)
{
    x->started_us = ts_now_us();
    if (ts_demo_generates(x->server->id, path) && strcmp(method, "POST") == 0)
        return generate(x, c);
    if (ts_demo_list(x->server->id, path, &x->out))
        return say(c, 200, &x->out);
    return refuse(x, c, 404, "not found");
}

/* -- libmicrohttpd's callbacks ---------------------------------------------------------------- */

/* libmicrohttpd wants eight parameters. */
static enum MHD_Result on_request(void *cls, /* NOLINT(readability-function-size) */
                                  struct MHD_Connection *c,
                                  const char *path,
                                  const char *method,
                                  const char *version,
                                  const char *upload,
                                  size_t *upload_len,
                                  void **state)
{
    (void)version;
    struct exchange *x = *state;
    if (x == NULL) {
        x = calloc(1, sizeof(*x));
        if (x == NULL)
            return MHD_NO;
        x->server = cls;
        x->body = TS_BUF_INIT(MAX_BODY);
        x->out = TS_BUF_INIT(MAX_EVENT);
        *state = x;
        return MHD_YES;
    }
    if (*upload_len > 0) {
        ts_buf_put(&x->body, upload, *upload_len);
        *upload_len = 0;
        return ts_buf_ok(&x->body) ? MHD_YES : MHD_NO;
    }
    return answer(x, c, path, method);
}

static void on_completed(void *cls,
                         struct MHD_Connection *c,
                         void **state,
                         enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)c;
    (void)how;
    struct exchange *x = *state;
    if (x == NULL)
        return;
    ts_buf_free(&x->body);
    ts_buf_free(&x->out);
    free(x);
    *state = NULL;
}

/* -- life ------------------------------------------------------------------------------------- */

enum ts_err ts_demo_server_start(enum ts_demo_server_id id,
                                 uint64_t seed,
                                 struct ts_demo_server **out,
                                 struct ts_error *err)
{
    struct ts_demo_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a simulated model server");
    ts_demo_pause_init(&s->pause);
    (void)pthread_mutex_init(&s->lock, NULL);
    s->id = id;
    s->dice.state = seed;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD,
                                 0,
                                 NULL,
                                 NULL,
                                 on_request,
                                 s,
                                 MHD_OPTION_SOCK_ADDR,
                                 (struct sockaddr *)&at,
                                 MHD_OPTION_NOTIFY_COMPLETED,
                                 on_completed,
                                 s,
                                 MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)CONNECTION_IDLE_S,
                                 MHD_OPTION_END);
    if (s->daemon == NULL) {
        ts_demo_server_stop(s);
        return ts_fail(err, TS_ERR_IO, "cannot listen for a simulated model server");
    }
    *out = s;
    return TS_OK;
}

void ts_demo_server_stop(struct ts_demo_server *s)
{
    if (s == NULL)
        return;
    ts_demo_pause_end(&s->pause);
    if (s->daemon != NULL)
        MHD_stop_daemon(s->daemon);
    ts_demo_pause_deinit(&s->pause);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

int ts_demo_server_port(const struct ts_demo_server *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info != NULL ? info->port : 0;
}
