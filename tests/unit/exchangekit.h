/* For tests of handlers: an exchange without a server. It takes a request apart as the server does,
 * runs the route's handler and keeps the answer. */
#ifndef TS_TESTS_UNIT_EXCHANGEKIT_H
#define TS_TESTS_UNIT_EXCHANGEKIT_H

#include "analytics/classify.h"
#include "handlers//exchange.h"
#include "handlers/routes.h"
#include "handlers/services.h"
#include "storekit.h"

enum { X_MAX_ARGS = 32, X_MAX_HEADERS = 8, X_TEXT_SIZE = 4096 };

struct x_answer {
    int status; /* 0: not answered yet */
    char content_type[64];
    struct ts_header headers[16]; /* copies; ends with a NULL name */
    char *body;
    size_t len;
    json_t *json; /* NULL where the body is none */
};

struct xkit {
    struct ts_exchange x;
    struct kit *store; /* or NULL: no store */
    struct ts_services services;
    struct ts_classifier classifier;
    struct ts_relay_env relay_env;
    struct ts_poller *poller;
    struct ts_route_policy policy;
    _Atomic int in_flight;
    _Atomic bool draining;
    struct ts_header request_headers[X_MAX_HEADERS + 1];
    struct ts_query_arg args[X_MAX_ARGS];
    char text[X_TEXT_SIZE]; /* of the target, taken apart */
    char params[TS_MAX_PATH_PARAMS][512];
    char allow[64];
    struct x_answer answer;
    int answers; /* how many times it was answered */
};

/* cmocka's setup and teardown: *state is a struct xkit with a registry of one local server "desk"
 * that has the models llama3.2:3b and qwen2.5-coder:7b; with x_setup_store an open store besides.
 */
int x_setup(void **state);
int x_setup_store(void **state);
int x_teardown(void **state);

/**
 * x_ask() - one request and its answer
 * @target: path and query, not escaped: "/api/requests?limit=2"
 * @body:   NULL: none
 *
 * Waits for answers from other threads, at most some seconds. Fails the test if there is no answer,
 * or more than one. The answer is good until the next request.
 */
const struct x_answer *x_ask(struct xkit *k,
                             enum ts_method method,
                             const char *target,
                             const char *body);

/* A header of the answer, or NULL. */
const char *x_header(const struct x_answer *a, const char *name);

/* The answer's JSON at a path like "error.code" or "trends.0.date", or NULL. */
json_t *x_at(const struct x_answer *a, const char *path);

/* That value as text and as a number; fails the test if it is none. */
const char *x_text(const struct x_answer *a, const char *path);
double x_number(const struct x_answer *a, const char *path);
bool x_is_null(const struct x_answer *a, const char *path);

/* Fails the test unless the answer is an error of our own with that status, code and param (NULL:
 * none). */
void x_assert_error(const struct x_answer *a, int status, const char *code, const char *param);

#endif
