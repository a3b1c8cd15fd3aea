/* The table of routes, and that the description of the interface tells all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <jansson.h>

#include "handlers/routes.h"
#include "schema/openapi.h"

struct found {
    enum ts_err rc;
    const struct ts_route_entry *entry;
    struct ts_slice params[TS_MAX_PATH_PARAMS];
    char allow[64];
};

static struct found find(enum ts_method method, const char *path)
{
    struct found f = {.entry = NULL};
    f.rc = ts_route_find(method, path, &f.entry, f.params, f.allow);
    assert_non_null(f.entry);
    return f;
}

static void paths_and_methods_lead_to_their_route(void **state)
{
    (void)state;
    static const struct {
        enum ts_method method;
        const char *path;
        const char *route;
        const char *param;
    } cases[] = {
        {TS_POST, "/api/generate", "/api/generate", NULL},
        {TS_GET, "/api/tags", "/api/tags", NULL},
        {TS_HEAD, "/api/tags", "/api/tags", NULL},
        {TS_GET, "/v1/models/org/name:7b", "/v1/models/{id*}", "org/name:7b"},
        {TS_GET, "/api/requests", "/api/requests", NULL},
        {TS_GET, "/api/requests/abc", "/api/requests/{id}", "abc"},
        {TS_GET, "/analytics/assets/app.js", "/analytics/{path*}", "assets/app.js"},
        {TS_GET, "/analytics/", "/analytics/", NULL},
        {TS_GET, "/analytics/models/", "/analytics/models/", NULL},
        {TS_GET, "/analytics/clones", "/analytics/{path*}", "clones"},
        {TS_GET, "/analytics/clones/", "/analytics/clones/", NULL},
        {TS_GET, "/analytics/clones/7", "/analytics/clones/{id}", "7"},
        {TS_GET, "/analytics/models", "/analytics/{path*}", "models"},
        {TS_GET, "/", "/", NULL},
        {TS_HEAD, "/", "/", NULL},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct found f = find(cases[i].method, cases[i].path);
        assert_int_equal(f.rc, TS_OK);
        assert_string_equal(f.entry->path, cases[i].route);
        if (cases[i].param != NULL)
            assert_true(ts_slice_is(f.params[0], cases[i].param));
        else
            assert_null(f.params[0].at);
    }
    assert_string_equal(find(TS_HEAD, "/").entry->family, "ollama");
    assert_string_equal(find(TS_GET, "/").entry->family, "touchstone");
}

static void a_wrong_method_names_the_right_ones(void **state)
{
    (void)state;
    assert_int_equal(find(TS_GET, "/api/generate").rc, TS_ERR_METHOD_NOT_ALLOWED);
    assert_string_equal(find(TS_GET, "/api/generate").allow, "POST");
    assert_string_equal(find(TS_POST, "/api/tags").allow, "GET, HEAD");
    assert_string_equal(find(TS_DELETE, "/").allow, "HEAD, GET");
    assert_string_equal(find(TS_DELETE, "/api/tags").entry->family, "ollama");
}

static void paths_that_lead_nowhere_have_the_family_of_their_neighbours(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *family;
    } cases[] = {
        {"/v1/messages/x", "anthropic"},
        {"/v1/chat/completions/x", "openai"},
        {"/v1/", "openai"},
        {"/api/chats", "ollama"},
        {"/api/embeddings/x", "ollama"},
        {"/api/analytics/nothing", "touchstone"},
        {"/api/requests/a/b", "touchstone"},
        {"/favicon.ico", "touchstone"},
        {"", "touchstone"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct found f = find(TS_GET, cases[i].path);
        assert_int_equal(f.rc, TS_ERR_NOT_FOUND);
        assert_string_equal(f.entry->family, cases[i].family);
        assert_null(f.params[0].at);
    }
}

/* "/v1/models/{id*}" is written "/v1/models/{id}" there. */
static void description_path(const char *path, char out[static 128])
{
    size_t n = 0;
    for (; *path != '\0' && n < 127; path++) {
        if (*path != '*')
            out[n++] = *path;
    }
    out[n] = '\0';
}

static const char *method_name(enum ts_method m)
{
    static const char *const names[] = {"get", "head", "post", "put", "patch", "delete", "options"};
    return names[m];
}

static void every_route_is_described_and_every_description_is_a_route(void **state)
{
    (void)state;
    json_auto_t *api = json_loadb(ts_openapi_json, ts_openapi_json_len, 0, NULL);
    json_t *paths = json_object_get(api, "paths");
    int count = 0;
    const struct ts_route_entry *routes = ts_routes(&count);
    for (int i = 0; i < count; i++) {
        char path[128];
        description_path(routes[i].path, path);
        json_t *operation =
            json_object_get(json_object_get(paths, path), method_name(routes[i].method));
        if (operation == NULL)
            print_error("not described: %s %s\n", method_name(routes[i].method), path);
        assert_non_null(operation);
        assert_true(json_is_object(json_object_get(operation, "responses")));
    }
    size_t described = 0;
    const char *path;
    json_t *item;
    json_object_foreach(paths, path, item)
    {
        described += json_object_size(item);
    }
    assert_int_equal(described, count);
}

static void every_route_has_a_handler_a_family_and_a_path_of_its_own(void **state)
{
    (void)state;
    int count = 0;
    const struct ts_route_entry *routes = ts_routes(&count);
    for (int i = 0; i < count; i++) {
        assert_non_null(routes[i].handler);
        assert_int_equal(routes[i].path[0], '/');
        for (int j = 0; j < i; j++)
            assert_false(routes[i].method == routes[j].method &&
                         strcmp(routes[i].path, routes[j].path) == 0);
        /* a question that is too long for a query string is still one */
        bool asks = strcmp(routes[i].path, "/api/analytics/models/recommend") == 0 ||
                    strcmp(routes[i].path, "/api/local-models-analytics") == 0;
        bool reads_only = routes[i].method == TS_GET || routes[i].method == TS_HEAD || asks;
        assert_true(reads_only || routes[i].scope >= TS_SCOPE_WRITE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_methods_lead_to_their_route),
        cmocka_unit_test(a_wrong_method_names_the_right_ones),
        cmocka_unit_test(paths_that_lead_nowhere_have_the_family_of_their_neighbours),
        cmocka_unit_test(every_route_is_described_and_every_description_is_a_route),
        cmocka_unit_test(every_route_has_a_handler_a_family_and_a_path_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
