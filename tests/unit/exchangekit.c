#include "exchangekit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/clock.h"
#include "handlers/running.h"

enum { PATIENCE_US = 20 * 1000 * 1000 };

static struct xkit *kit_of(const struct ts_exchange *x)
{
    return (struct xkit *)((uintptr_t)x - offsetof(struct xkit, x)); /* handlers see it const */
}

/* -- what the server does for an exchange ----------------------------------------------------- */

static const char *header(const struct ts_exchange *x, const char *name)
{
    for (const struct ts_header *h = kit_of(x)->request_headers; h->name != NULL; h++) {
        if (strcasecmp(h->name, name) == 0)
            return h->value;
    }
    return NULL;
}

static void each_header(const struct ts_exchange *x,
                        void (*fn)(void *ctx, const char *name, const char *value),
                        void *ctx)
{
    for (const struct ts_header *h = kit_of(x)->request_headers; h->name != NULL; h++)
        fn(ctx, h->name, h->value);
}

static char *copy_text(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, text, n);
    return copy;
}

static void respond(struct ts_exchange *x, const struct ts_head *head, const char *body, size_t n)
{
    struct x_answer *a = &kit_of(x)->answer;
    kit_of(x)->answers++;
    a->status = head->status;
    (void)snprintf(a->content_type, sizeof(a->content_type), "%s", head->content_type);
    int count = 0;
    for (const struct ts_header *h = head->headers; h != NULL && h->name != NULL; h++)
        a->headers[count++] =
            (struct ts_header){.name = copy_text(h->name), .value = copy_text(h->value)};
    a->body = malloc(n + 1);
    assert_non_null(a->body);
    memcpy(a->body, body, n);
    a->body[n] = '\0';
    a->len = n;
    a->json = json_loadb(body, n, JSON_DECODE_ANY, NULL);
}

static void release_body(struct ts_exchange *x)
{
    (void)x;
}

static const struct ts_exchange_ops ops = {.header = header,
                                           .each_header = each_header,
                                           .respond = respond,
                                           .respond_static = respond,
                                           .release_body = release_body};

/* -- life ------------------------------------------------------------------------------------- */

static void forget(struct x_answer *a)
{
    for (struct ts_header *h = a->headers; h->name != NULL; h++) {
        free((char *)(uintptr_t)h->name);
        free((char *)(uintptr_t)h->value);
    }
    free(a->body);
    json_decref(a->json);
    *a = (struct x_answer){.status = 0};
}

static void add_server(struct ts_registry *r)
{
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_provider desk = {.kind = ts_kind(TS_KIND_OLLAMA),
                                     .name = "desk",
                                     .base_url = "http://127.0.0.1:9",
                                     .configured = true,
                                     .price = TS_PRICE_UNKNOWN,
                                     .price_per_hour_usd = -1};
    assert_int_equal(ts_registry_add(r, &desk, &err), TS_OK);
    struct ts_model_list list;
    assert_int_equal(ts_model_list_init(&list), TS_OK);
    json_auto_t *small = json_string("llama3.2:3b");
    json_auto_t *coder = json_string("qwen2.5-coder:7b");
    struct ts_model *m = ts_model_list_add(&list, small);
    assert_non_null(m);
    m->parameter_size = "3.2B";
    m->modified_at = "2026-01-02T03:04:05Z";
    assert_non_null(ts_model_list_add(&list, coder));
    ts_registry_update(r, 0, TS_PROVIDER_UP, &list, NULL);
}

int x_setup(void **state)
{
    struct xkit *k = calloc(1, sizeof(*k));
    struct ts_error err = TS_ERROR_INIT;
    assert_non_null(k);
    assert_int_equal(ts_poller_new(&k->poller, &err), TS_OK);
    assert_int_equal(ts_registry_new(&k->services.registry), TS_OK);
    assert_int_equal(ts_running_new(&k->services.running), TS_OK);
    assert_int_equal(ts_meters_new(&k->services.meters), TS_OK);
    assert_int_equal(ts_live_new(&k->services.live), TS_OK);
    add_server(k->services.registry);
    ts_classifier_init(&k->classifier);
    k->services.classifier = &k->classifier;
    k->services.insight_limits = (struct ts_insight_limits){
        .slow_us = 8e6, .low_success = .95, .low_satisfaction = .7, .costly_times = 2};
    k->services.version = "1.2.3";
    k->services.base_path = "";
    k->services.id_tag = 7;
    k->services.max_in_flight = 2;
    k->services.in_flight = &k->in_flight;
    k->services.draining = &k->draining;
    k->services.started_ms = ts_wall_ms();
    k->relay_env.via = "touchstone-7";
    *state = k;
    return 0;
}

int x_setup_store(void **state)
{
    void *store = NULL;
    (void)x_setup(state);
    struct xkit *k = *state;
    (void)kit_setup(&store);
    k->store = store;
    kit_open(k->store);
    k->services.store = k->store->store;
    k->services.id_tag = ts_store_tag(k->store->store);
    return 0;
}

int x_teardown(void **state)
{
    struct xkit *k = *state;
    if (k->store != NULL) {
        void *store = k->store;
        (void)kit_teardown(&store);
    }
    forget(&k->answer);
    ts_running_free(k->services.running);
    ts_meters_free(k->services.meters);
    ts_live_free(k->services.live);
    ts_registry_free(k->services.registry);
    ts_poller_free(k->poller);
    free(k);
    return 0;
}

/* -- a request -------------------------------------------------------------------------------- */

/* Splits "path?a=1&b=2" in place. */
static void take_apart(struct xkit *k, const char *target)
{
    (void)snprintf(k->text, sizeof(k->text), "%s", target);
    char *at = strchr(k->text, '?');
    k->x.arg_count = 0;
    k->x.args = k->args;
    while (at != NULL && k->x.arg_count < X_MAX_ARGS) {
        *at++ = '\0';
        struct ts_query_arg *a = &k->args[k->x.arg_count++];
        char *next = strchr(at, '&');
        if (next != NULL)
            *next = '\0';
        char *equals = strchr(at, '=');
        if (equals != NULL)
            *equals = '\0';
        *a = (struct ts_query_arg){.key = at, .value = equals != NULL ? equals + 1 : ""};
        at = next;
    }
    k->x.path = k->text;
}

static enum ts_err find_route(struct xkit *k, enum ts_method method)
{
    struct ts_slice spans[TS_MAX_PATH_PARAMS] = {{NULL, 0}};
    enum ts_err rc = ts_route_find(method, k->x.path, &k->x.route, spans, k->allow);
    k->x.allow = rc == TS_ERR_METHOD_NOT_ALLOWED ? k->allow : NULL;
    for (int i = 0; i < TS_MAX_PATH_PARAMS; i++) {
        (void)snprintf(k->params[i],
                       sizeof(k->params[i]),
                       "%.*s",
                       (int)spans[i].len,
                       spans[i].at != NULL ? spans[i].at : "");
        k->x.params[i] = spans[i].at != NULL ? k->params[i] : NULL;
    }
    return rc;
}

const struct x_answer *x_ask(struct xkit *k,
                             enum ts_method method,
                             const char *target,
                             const char *body)
{
    static int64_t calls = 0;
    forget(&k->answer);
    k->answers = 0;
    k->x = (struct ts_exchange){.ops = &ops,
                                .services = &k->services,
                                .relay_env = &k->relay_env,
                                .poller = k->poller,
                                .method = method,
                                .body = ts_slice_str(body),
                                .id = ts_id_from_ms(ts_wall_ms()) + ++calls,
                                .accepted_us = ts_now_us(),
                                .request_end_us = ts_now_us()};
    take_apart(k, target);
    enum ts_err rc = find_route(k, method);
    if (rc == TS_OK) {
        k->x.route->handler(&k->x);
    } else {
        struct ts_error err;
        (void)ts_fail(&err, rc, "there is no %s here", target);
        ts_reply_error(&k->x, &err);
    }
    int64_t until = ts_now_us() + PATIENCE_US;
    while (k->answers == 0 && ts_now_us() < until) {
        (void)ts_poller_turn(k->poller, 10000);
        ts_poller_reap(k->poller);
    }
    assert_int_equal(k->answers, 1);
    return &k->answer;
}

/* -- the answer ------------------------------------------------------------------------------- */

const char *x_header(const struct x_answer *a, const char *name)
{
    for (const struct ts_header *h = a->headers; h->name != NULL; h++) {
        if (strcasecmp(h->name, name) == 0)
            return h->value;
    }
    return NULL;
}

json_t *x_at(const struct x_answer *a, const char *path)
{
    json_t *v = a->json;
    while (*path != '\0' && v != NULL) {
        char part[64] = "";
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof(part));
        memcpy(part, path, n);
        v = json_is_array(v) ? json_array_get(v, (size_t)strtol(part, NULL, 10))
                             : json_object_get(v, part);
        path += n + (path[n] == '.');
    }
    return v;
}

static json_t *must(const struct x_answer *a, const char *path, bool kind)
{
    if (!kind)
        print_error("%s of %d %s\n", path, a->status, a->body);
    assert_true(kind);
    return x_at(a, path);
}

const char *x_text(const struct x_answer *a, const char *path)
{
    return json_string_value(must(a, path, json_is_string(x_at(a, path))));
}

double x_number(const struct x_answer *a, const char *path)
{
    return json_number_value(must(a, path, json_is_number(x_at(a, path))));
}

bool x_is_null(const struct x_answer *a, const char *path)
{
    return json_is_null(x_at(a, path));
}

void x_assert_error(const struct x_answer *a, int status, const char *code, const char *param)
{
    if (a->status != status)
        print_error("%d %s\n", a->status, a->body);
    assert_int_equal(a->status, status);
    assert_string_equal(x_text(a, "error.code"), code);
    if (param != NULL)
        assert_string_equal(x_text(a, "error.param"), param);
    else
        assert_null(x_at(a, "error.param"));
    assert_true(strlen(x_text(a, "error.message")) > 5);
    assert_int_equal(strlen(x_text(a, "error.requestId")), TS_ID_TEXT_SIZE - 1);
}
