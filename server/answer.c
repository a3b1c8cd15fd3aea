#include "server/answer.h"

#include <string.h>
#include <strings.h>

#include "server/loop.h"

static const struct ts_header everywhere[] = {
    {"X-Content-Type-Options", "nosniff"},
    {NULL, NULL},
};

static const struct ts_header on_pages[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
     "frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {NULL, NULL},
};

static const struct ts_header on_data[] = {
    {"Cache-Control", "no-store"},
    {NULL, NULL},
};

static const char exposed[] =
    "X-Touchstone-Request-Id, X-Touchstone-Provider, X-Touchstone-Model, X-Touchstone-Attempts, "
    "X-Touchstone-Overhead-Us, Server-Timing, Retry-After, ETag";

static bool gives(const struct ts_head *head, const char *name)
{
    for (const struct ts_header *h = head->headers; h != NULL && h->name != NULL; h++) {
        if (strcasecmp(h->name, name) == 0)
            return true;
    }
    return false;
}

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* What the handler gave itself wins. */
static bool add_all(struct MHD_Response *response,
                    const struct ts_header *headers,
                    const struct ts_head *given)
{
    bool ok = true;
    for (const struct ts_header *h = headers; h != NULL && h->name != NULL; h++) {
        if (given == NULL || !gives(given, h->name))
            ok = add(response, h->name, h->value) && ok;
    }
    return ok;
}

/* The allowed origin is told back by name: never `*`, never an origin that was not configured. */
static bool add_cors(struct MHD_Response *response, const struct ts_request *r)
{
    const struct ts_guard_policy *p = &r->loop->shared->guard;
    for (int i = 0; i < p->cors_count; i++) {
        if (strlen(p->cors_origins[i]) == r->facts.origin.len &&
            strncasecmp(p->cors_origins[i], r->facts.origin.at, r->facts.origin.len) == 0)
            return add(response, "Access-Control-Allow-Origin", p->cors_origins[i]) &&
                   add(response, "Access-Control-Expose-Headers", exposed);
    }
    return true;
}

static const struct ts_header *headers_of(enum ts_route_class class)
{
    switch (class) {
    case TS_ROUTE_STATIC:
        return on_pages;
    case TS_ROUTE_API:
    case TS_ROUTE_SITE:
    case TS_ROUTE_GENERATE:
    case TS_ROUTE_OPEN:
        return on_data;
    }
    return on_data;
}

bool ts_answer_head(struct MHD_Response *response,
                    const struct ts_request *r,
                    const struct ts_head *head)
{
    bool ok = head->content_type == NULL || add(response, "Content-Type", head->content_type);
    ok = ok && add_all(response, head->headers, NULL);
    ok = ok && add_all(response, everywhere, head);
    ok = ok && add_all(response, headers_of(r->x.route->class), head);
    if (ok && r->loop->shared->guard.cors_count > 0)
        ok = add(response, "Vary", "Origin") && (!r->facts.cors || add_cors(response, r));
    if (ok && atomic_load_explicit(&r->loop->shared->draining, memory_order_relaxed))
        ok = add(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return ok;
}

struct MHD_Response *ts_answer_nothing(void)
{
    static char nothing[1]; /* never written: libmicrohttpd's parameter is not const */
    return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *ts_answer_preflight(const struct ts_request *r)
{
    struct MHD_Response *response = ts_answer_nothing();
    if (response == NULL)
        return NULL;
    bool ok =
        add_cors(response, r) &&
        add(response, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE") &&
        add(response,
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, X-Api-Key, *") &&
        add(response, "Access-Control-Max-Age", "600") && add(response, "Vary", "Origin");
    if (ok)
        return response;
    MHD_destroy_response(response);
    return NULL;
}
