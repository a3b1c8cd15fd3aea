/* Headers that go with a request to an upstream, and those of its answer that go to the client. */
#include <string.h>
#include <strings.h>

#include "proxy/relay_impl.h"

enum { PASSED_MAX_BYTES = 4096 };

static bool same_dialect(const struct ts_relay *r)
{
    return r->try.endpoint->dialect == r->dialect;
}

/* Whether the client's own header of that name goes along. */
static bool is_forwarded(const struct ts_relay *r, const char *name)
{
    for (int i = 0; i < r->request->forwarded_count && same_dialect(r); i++) {
        if (strcasecmp(r->request->forwarded[i].name, name) == 0)
            return true;
    }
    return false;
}

int ts_relay_request_headers(const struct ts_relay *r,
                             struct ts_header out[static TS_RELAY_REQUEST_HEADERS])
{
    int n = 0;
    const struct ts_genreq *q = r->request;
    out[n++] = (struct ts_header){"Content-Type", "application/json"};
    out[n++] = (struct ts_header){"Via", r->env->via};
    if (q->trace != NULL)
        out[n++] = (struct ts_header){"traceparent", q->trace->header};
    if (q->trace != NULL && q->tracestate != NULL)
        out[n++] = (struct ts_header){"tracestate", q->tracestate};
    for (const struct ts_header *h = r->try.target->provider->kind->headers;
         h != NULL && h->name != NULL;
         h++) {
        if (n < TS_RELAY_REQUEST_HEADERS - TS_MAX_FORWARDED - 2 && !is_forwarded(r, h->name))
            out[n++] = *h;
    }
    for (int i = 0; i < q->forwarded_count && same_dialect(r); i++)
        out[n++] = q->forwarded[i];
    return n;
}

/* "x-ratelimit-*" stands for all that begin so. */
static bool matches(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);
    return pattern[n - 1] == '*' ? strncasecmp(pattern, name, n - 1) == 0
                                 : strcasecmp(pattern, name) == 0;
}

static void take(void *ctx, const char *name, const char *value)
{
    struct ts_relay *r = ctx;
    struct ts_buf *passed = &r->try.passed;
    const char *const *p = r->dialect->passes;
    while (*p != NULL && !matches(*p, name))
        p++;
    if (*p == NULL || strlen(name) + strlen(value) + 2 > passed->max - passed->len)
        return;
    ts_buf_put(passed, name, strlen(name) + 1);
    ts_buf_put(passed, value, strlen(value) + 1);
}

void ts_relay_take_headers(struct ts_relay *r)
{
    r->try.passed.max = PASSED_MAX_BYTES;
    ts_buf_clear(&r->try.passed);
    if (same_dialect(r) && r->dialect->passes != NULL)
        ts_fetch_each_header(r->try.fetch, take, r);
}

bool ts_relay_passed_header(const struct ts_relay *r, size_t *at, struct ts_header *out)
{
    const struct ts_buf *passed = &r->try.passed;
    if (*at >= passed->len || !ts_buf_ok(passed))
        return false;
    out->name = passed->data + *at;
    out->value = out->name + strlen(out->name) + 1;
    *at += strlen(out->name) + strlen(out->value) + 2;
    return true;
}
