/*
 * The table of routes: method, path, dialect of errors, scope, handler. Also 404, 405 and Allow,
 * the body limit and the content-type rule follow from it, and openapi.yaml is tested against it.
 */
#ifndef TS_HANDLERS_ROUTES_H
#define TS_HANDLERS_ROUTES_H

#include "handlers/exchange.h"

enum ts_scope { TS_SCOPE_NONE, TS_SCOPE_READ, TS_SCOPE_WRITE, TS_SCOPE_GENERATE, TS_SCOPE_ADMIN };

enum ts_route_class {
    TS_ROUTE_API,      /* our own: JSON in and out, strict parameters */
    TS_ROUTE_SITE,     /* the same, with a whole website in the body */
    TS_ROUTE_GENERATE, /* a dialect's: any content type from non-browsers, lax parameters */
    TS_ROUTE_STATIC,   /* assets and pages: GET without key or Origin rules */
    TS_ROUTE_OPEN,     /* health: GET without key */
};

typedef void ts_handler_fn(struct ts_exchange *x);

struct ts_route_entry {
    enum ts_method method; /* GET answers HEAD too, by the server */
    const char *path;      /* "/api/requests/{id}"; a trailing "{path*}" takes the rest */
    enum ts_route_class class;
    enum ts_scope scope;
    const char *family; /* how errors look: "touchstone", "ollama", "openai", "anthropic" */
    ts_handler_fn *handler;
};

const struct ts_route_entry *ts_routes(int *count);

/**
 * ts_route_find() - the entry for a request
 * @params: filled with the spans of the path at {…}
 * @allow:  on METHOD_NOT_ALLOWED: the methods that there are, as the Allow header has them
 * Return: TS_OK, NOT_FOUND, METHOD_NOT_ALLOWED. On both failures *out is an entry of the nearest
 * family for the error's shape, never NULL.
 */
TS_NODISCARD enum ts_err ts_route_find(enum ts_method method,
                                       const char *path,
                                       const struct ts_route_entry **out,
                                       struct ts_slice params[static TS_MAX_PATH_PARAMS],
                                       char allow[static 64]);

#endif
