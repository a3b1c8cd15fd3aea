/* /api/requests: the record, call by call, and the end of a call that runs. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "handlers/filter.h"
#include "handlers/handlers.h"
#include "handlers/reply.h"
#include "handlers/running.h"
#include "handlers/services.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static const char *const no_args[] = {NULL};

/* -- one call --------------------------------------------------------------------------------- */

struct one_call {
    struct ts_ask ask;
    int64_t id;
};

static void free_one(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct one_call, ask));
}

static enum ts_err ask_one(struct ts_ask *a,
                           struct ts_reader_conn *c,
                           json_t **out,
                           struct ts_error *err)
{
    const struct one_call *q = TS_CONTAINER(a, struct one_call, ask);
    return ts_query_call(c, q->id, a->x->services->id_tag, out, err);
}

static enum ts_err read_id(const struct ts_exchange *x, int64_t *id, struct ts_error *err)
{
    uint64_t tag = 0;
    const char *text = x->params[0];
    if (ts_id_parse(text, strlen(text), id, &tag) && tag == x->services->id_tag)
        return TS_OK;
    return ts_fail(err, TS_ERR_NOT_FOUND, "there is no call '%.60s'", text);
}

void ts_handle_request(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    int64_t id = 0;
    if (ts_args_check(x, no_args, &err) != TS_OK || read_id(x, &id, &err) != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    struct one_call *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
        ts_reply_error(x, &err);
        return;
    }
    q->id = id;
    q->ask.ask = ask_one;
    q->ask.free = free_one;
    ts_ask_start(x, &q->ask);
}

/* -- ending one ------------------------------------------------------------------------------- */

struct cancel {
    struct ts_running_abort abort;
    struct ts_exchange *x;
};

static void cancelled(struct ts_post *post)
{
    struct ts_running_abort *a = TS_CONTAINER(post, struct ts_running_abort, back);
    struct cancel *c = TS_CONTAINER(a, struct cancel, abort);
    struct ts_exchange *x = c->x;
    if (a->found) {
        ts_reply_json(x, 200, json_pack("{s:s, s:b}", "requestId", x->params[0], "cancelled", 1));
    } else {
        struct ts_error err;
        (void)ts_fail(&err, TS_ERR_NOT_FOUND, "no call '%.60s' is running", x->params[0]);
        ts_reply_error(x, &err);
    }
    free(c);
}

void ts_handle_cancel(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct cancel *c = calloc(1, sizeof(*c));
    enum ts_err rc = c != NULL ? ts_args_check(x, no_args, &err)
                               : ts_fail(&err, TS_ERR_NOMEM, "no memory to end a call");
    if (rc == TS_OK)
        rc = read_id(x, &c->abort.id, &err);
    if (rc != TS_OK) {
        free(c);
        ts_reply_error(x, &err);
        return;
    }
    c->x = x;
    c->abort.home = x->poller;
    c->abort.back.fn = cancelled;
    ts_running_abort(x->services->running, &c->abort);
}

/* -- the list --------------------------------------------------------------------------------- */

struct call_list {
    struct ts_ask ask;
    struct ts_call_filter filter;
    int64_t before; /* the cursor's id, or 0 */
    int64_t limit;
};

static void free_list(struct ts_ask *a)
{
    free(TS_CONTAINER(a, struct call_list, ask));
}

static enum ts_err ask_list(struct ts_ask *a,
                            struct ts_reader_conn *c,
                            json_t **out,
                            struct ts_error *err)
{
    const struct call_list *q = TS_CONTAINER(a, struct call_list, ask);
    uint64_t tag = a->x->services->id_tag;
    struct ts_call_page page = {.before = q->before, .limit = (int)q->limit};
    enum ts_err rc = ts_query_call_list(c, &q->filter, tag, &page, err);
    if (rc != TS_OK)
        return rc;
    char cursor[TS_ID_TEXT_SIZE];
    *out = json_pack("{s:o, s:o}",
                     "requests",
                     page.calls,
                     "nextCursor",
                     ts_json_text(page.next != 0 ? ts_id_format(page.next, tag, cursor) : NULL));
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for the list");
}

static enum ts_err read_outcome(const struct ts_exchange *x,
                                struct ts_call_filter *f,
                                struct ts_error *err)
{
    f->outcome = ts_arg(x, "outcome");
    if (f->outcome == NULL)
        return TS_OK;
    for (int i = 0; i < TS_OUTCOME_COUNT_; i++) {
        if (strcmp(f->outcome, ts_outcome_name((enum ts_outcome)i)) == 0)
            return TS_OK;
    }
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "outcome",
                         "outcome must be done, cancelled, upstream_cut, upstream_error or "
                         "timeout, not '%.40s'",
                         f->outcome);
}

static enum ts_err read_cursor(const struct ts_exchange *x, int64_t *before, struct ts_error *err)
{
    const char *text = ts_arg(x, "cursor");
    uint64_t tag = 0;
    *before = 0;
    if (text == NULL || (ts_id_parse(text, strlen(text), before, &tag) &&
                         tag == x->services->id_tag && *before > 0))
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "cursor",
                         "cursor must be the nextCursor of an earlier answer of this server");
}

static enum ts_err read_list(const struct ts_exchange *x, struct call_list *q, struct ts_error *err)
{
    static const char *const allowed[] = {TS_FILTER_ARGS,
                                          "outcome",
                                          "conversation_id",
                                          "days",
                                          "from",
                                          "to",
                                          "limit",
                                          "cursor",
                                          NULL};
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_filter_args(x, &q->filter, err);
    if (rc == TS_OK)
        rc = read_outcome(x, &q->filter, err);
    if (rc == TS_OK)
        rc = ts_open_window_args(x, &q->filter, err);
    if (rc == TS_OK)
        rc = read_cursor(x, &q->before, err);
    if (rc == TS_OK)
        rc = ts_arg_int(x, "limit", (struct ts_whole){1, LIMIT_MAX, LIMIT_DEFAULT}, &q->limit, err);
    q->filter.conversation_id = ts_arg(x, "conversation_id");
    return rc;
}

void ts_handle_requests(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct call_list *q = calloc(1, sizeof(*q));
    enum ts_err rc =
        q != NULL ? read_list(x, q, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory for a query");
    if (rc != TS_OK) {
        free(q);
        ts_reply_error(x, &err);
        return;
    }
    q->ask.ask = ask_list;
    q->ask.free = free_list;
    ts_ask_start(x, &q->ask);
}
