/* GET /api/events: what happens now, as server-sent events. */
#include <stdlib.h>
#include <string.h>

#include "handlers/handlers.h"
#include "handlers/live.h"
#include "handlers/services.h"

struct listener {
    struct ts_listening listening;
    struct ts_exchange *x;
};

static void ended(void *ctx)
{
    struct listener *l = ctx;
    struct ts_exchange *x = l->x;
    free(l);
    x->ops->finish(x);
}

/* Last-Event-ID, as a browser sends it when it comes again; 0 where it is none of ours. */
static int64_t last_id(const struct ts_exchange *x)
{
    const char *text = x->ops->header(x, "Last-Event-ID");
    char *end = NULL;
    int64_t id = text != NULL ? strtoll(text, &end, 10) : 0;
    return end != NULL && end != text && *end == '\0' && id > 0 ? id : 0;
}

/* What a GET would begin with. */
static void reply_head(struct ts_exchange *x)
{
    static const struct ts_head head = {.status = 200, .content_type = "text/event-stream"};
    x->ops->respond(x, &head, "", 0);
}

void ts_handle_events(struct ts_exchange *x)
{
    static const char *const no_args[] = {NULL};
    struct ts_error err = TS_ERROR_INIT;
    if (ts_args_check(x, no_args, &err) != TS_OK) {
        ts_reply_error(x, &err);
        return;
    }
    if (x->method == TS_HEAD) {
        reply_head(x);
        return;
    }
    struct listener *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for a listener");
        ts_reply_error(x, &err);
        return;
    }
    l->x = x;
    l->listening = (struct ts_listening){.poller = x->poller, .ended = ended, .ctx = l};
    if (ts_live_admit(x->services->live, &l->listening, &err) != TS_OK) {
        free(l);
        ts_reply_error(x, &err);
        return;
    }
    ts_live_listen(&l->listening, x->ops->client(x), last_id(x));
}
