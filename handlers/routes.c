#include "handlers/routes.h"

#include <string.h>

#include "handlers/handlers.h"

/* clang-format off */
static const struct ts_route_entry routes[] = {
    {TS_POST, "/api/generate", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "ollama", ts_handle_generate},
    {TS_POST, "/api/chat", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "ollama", ts_handle_chat},
    {TS_POST, "/api/embed", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "ollama", ts_handle_embed},
    {TS_POST, "/api/embeddings", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "ollama", ts_handle_ollama_embeddings},
    {TS_POST, "/v1/chat/completions", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "openai", ts_handle_chat_completions},
    {TS_POST, "/v1/messages", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "anthropic", ts_handle_messages},
    {TS_POST, "/v1/messages/count_tokens", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "anthropic", ts_handle_count_tokens},
    {TS_POST, "/api/compare", TS_ROUTE_API, TS_SCOPE_GENERATE, "touchstone", ts_handle_panes},
    {TS_POST, "/api/compare/{id}/vote", TS_ROUTE_API, TS_SCOPE_WRITE, "touchstone", ts_handle_vote},
    {TS_POST, "/v1/completions", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "openai", ts_handle_completions},
    {TS_POST, "/v1/responses", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "openai", ts_handle_responses},
    {TS_POST, "/v1/embeddings", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "openai", ts_handle_openai_embeddings},
    {TS_GET, "/api/tags", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "ollama", ts_handle_ollama_tags},
    {TS_GET, "/api/ps", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "ollama", ts_handle_ollama_ps},
    {TS_POST, "/api/show", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "ollama", ts_handle_ollama_show},
    {TS_POST, "/api/pull", TS_ROUTE_GENERATE, TS_SCOPE_ADMIN, "ollama", ts_handle_manage},
    {TS_POST, "/api/push", TS_ROUTE_GENERATE, TS_SCOPE_ADMIN, "ollama", ts_handle_manage},
    {TS_POST, "/api/create", TS_ROUTE_GENERATE, TS_SCOPE_ADMIN, "ollama", ts_handle_manage},
    {TS_POST, "/api/copy", TS_ROUTE_GENERATE, TS_SCOPE_ADMIN, "ollama", ts_handle_manage},
    {TS_DELETE, "/api/delete", TS_ROUTE_GENERATE, TS_SCOPE_ADMIN, "ollama", ts_handle_manage},
    {TS_HEAD, "/api/blobs/{digest}", TS_ROUTE_GENERATE, TS_SCOPE_ADMIN, "ollama", ts_handle_blob},
    {TS_POST, "/api/blobs/{digest}", TS_ROUTE_GENERATE, TS_SCOPE_ADMIN, "ollama", ts_handle_blob},
    {TS_GET, "/api/version", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", ts_handle_ollama_version},
    {TS_GET, "/v1/models", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "openai", ts_handle_openai_models},
    {TS_GET, "/v1/models/{id*}", TS_ROUTE_GENERATE, TS_SCOPE_GENERATE, "openai", ts_handle_openai_model},

    {TS_GET, "/api/analytics/models", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_analytics},
    {TS_GET, "/api/analytics/models/latency", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_latency},
    {TS_POST, "/api/analytics/models/feedback", TS_ROUTE_API, TS_SCOPE_WRITE, "touchstone", ts_handle_feedback},
    {TS_POST, "/api/analytics/models/outcomes", TS_ROUTE_API, TS_SCOPE_WRITE, "touchstone", ts_handle_outcomes},
    {TS_GET, "/api/analytics/models/recommend", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_recommend},
    {TS_POST, "/api/analytics/models/recommend", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_recommend},
    {TS_GET, "/api/analytics/models/ranked", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_ranked},
    {TS_GET, "/api/analytics/models/demote", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_demote},
    {TS_GET, "/api/analytics/models/ab-candidates", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_ab_candidates},
    {TS_GET, "/api/analytics/models/compare", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_compare},
    {TS_GET, "/api/analytics/models/export", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_export},
    {TS_GET, "/api/requests", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_requests},
    {TS_GET, "/api/requests/{id}", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_request},
    {TS_DELETE, "/api/requests/{id}", TS_ROUTE_API, TS_SCOPE_WRITE, "touchstone", ts_handle_cancel},
    {TS_GET, "/api/events", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_events},
    {TS_GET, "/api/providers", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_providers},

    {TS_GET, "/api/websites", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_websites},
    {TS_POST, "/api/websites", TS_ROUTE_SITE, TS_SCOPE_WRITE, "touchstone", ts_handle_website_post},
    {TS_GET, "/api/websites/{id}", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_website},
    {TS_GET, "/api/clones", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clones},
    {TS_POST, "/api/clones", TS_ROUTE_SITE, TS_SCOPE_WRITE, "touchstone", ts_handle_clone_post},
    {TS_DELETE, "/api/clones", TS_ROUTE_API, TS_SCOPE_ADMIN, "touchstone", ts_handle_clones_delete},
    {TS_GET, "/api/clones/stats", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone_stats},
    {TS_GET, "/api/clones/summary", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone_summary},
    {TS_GET, "/api/clones/complexity", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone_complexity},
    {TS_GET, "/api/clones/providers", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone_providers},
    {TS_GET, "/api/clones/monthly", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone_monthly},
    {TS_GET, "/api/clones/{id}", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone},
    {TS_GET, "/api/clones/{id}/preview", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone_preview},
    {TS_GET, "/api/previews/{ticket}", TS_ROUTE_API, TS_SCOPE_NONE, "touchstone", ts_handle_preview},
    {TS_GET, "/api/clones/{id}/files/{path*}", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_clone_file},
    {TS_GET, "/api/benchmarks", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_benchmarks},
    {TS_POST, "/api/benchmarks", TS_ROUTE_API, TS_SCOPE_WRITE, "touchstone", ts_handle_benchmark_post},
    {TS_GET, "/api/local-models-analytics", TS_ROUTE_API, TS_SCOPE_WRITE, "touchstone", ts_handle_local_models},
    {TS_POST, "/api/local-models-analytics", TS_ROUTE_API, TS_SCOPE_READ, "touchstone", ts_handle_local_model},

    {TS_GET, "/healthz", TS_ROUTE_OPEN, TS_SCOPE_NONE, "touchstone", ts_handle_healthz},
    {TS_GET, "/readyz", TS_ROUTE_OPEN, TS_SCOPE_NONE, "touchstone", ts_handle_readyz},
    {TS_GET, "/metrics", TS_ROUTE_OPEN, TS_SCOPE_READ, "touchstone", ts_handle_metrics},
    {TS_GET, "/version", TS_ROUTE_OPEN, TS_SCOPE_NONE, "touchstone", ts_handle_version},
    {TS_GET, "/openapi.json", TS_ROUTE_OPEN, TS_SCOPE_NONE, "touchstone", ts_handle_openapi},

    {TS_HEAD, "/", TS_ROUTE_OPEN, TS_SCOPE_NONE, "ollama", ts_handle_ollama_root},
    {TS_GET, "/", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_home},
    {TS_GET, "/analytics", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_home},
    {TS_GET, "/analytics/", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_home},
    {TS_GET, "/analytics/models/", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_home},
    {TS_GET, "/analytics/clones/", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_home},
    {TS_GET, "/analytics/clones/{id}", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_page},
    {TS_GET, "/analytics/{path*}", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_asset},
    {TS_GET, "/static/{path*}", TS_ROUTE_STATIC, TS_SCOPE_NONE, "touchstone", ts_handle_asset},
};

/* How errors look below a path where there is no route; the first that fits counts. */
static const struct ts_route_entry nowhere[] = {
    {TS_GET, "/v1/messages", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "anthropic", NULL},
    {TS_GET, "/v1/", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "openai", NULL},
    {TS_GET, "/api/chat", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/embed", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/show", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/ps", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/pull", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/push", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/create", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/copy", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/delete", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/api/blobs/", TS_ROUTE_GENERATE, TS_SCOPE_NONE, "ollama", NULL},
    {TS_GET, "/", TS_ROUTE_API, TS_SCOPE_NONE, "touchstone", NULL},
};
/* clang-format on */

const struct ts_route_entry *ts_routes(int *count)
{
    *count = (int)TS_ARRAY_LEN(routes);
    return routes;
}

/* Matches @path against @pattern, noting the spans at {…}. */
static bool matches(const char *pattern,
                    const char *path,
                    struct ts_slice params[static TS_MAX_PATH_PARAMS])
{
    int found = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        const char *close = strchr(pattern, '}');
        size_t n = close[-1] == '*' ? strlen(path) : strcspn(path, "/");
        if (n == 0 || found == TS_MAX_PATH_PARAMS)
            return false;
        params[found++] = (struct ts_slice){.at = path, .len = n};
        path += n;
        pattern = close + 1;
    }
    return *path == '\0';
}

static const struct ts_route_entry *nearest(const char *path)
{
    size_t i = 0;
    while (strncmp(path, nowhere[i].path, strlen(nowhere[i].path)) != 0 &&
           i + 1 < TS_ARRAY_LEN(nowhere))
        i++;
    return &nowhere[i];
}

static const char *const method_names[] = {
    [TS_GET] = "GET",
    [TS_HEAD] = "HEAD",
    [TS_POST] = "POST",
    [TS_PUT] = "PUT",
    [TS_PATCH] = "PATCH",
    [TS_DELETE] = "DELETE",
    [TS_OPTIONS] = "OPTIONS",
};

/* Adds a method to an Allow header, once. */
static void allow_add(char allow[static 64], const char *name)
{
    if (strstr(allow, name) != NULL)
        return;
    size_t used = strlen(allow);
    if (used + strlen(name) + 3 > 64)
        return;
    if (used > 0) {
        memcpy(allow + used, ", ", 3);
        used += 2;
    }
    memcpy(allow + used, name, strlen(name) + 1);
}

enum ts_err ts_route_find(enum ts_method method,
                          const char *path,
                          const struct ts_route_entry **out,
                          struct ts_slice params[static TS_MAX_PATH_PARAMS],
                          char allow[static 64])
{
    allow[0] = '\0';
    *out = nearest(path);
    bool known_path = false;
    for (size_t i = 0; i < TS_ARRAY_LEN(routes); i++) {
        if (!matches(routes[i].path, path, params))
            continue;
        if (routes[i].method == method || (routes[i].method == TS_GET && method == TS_HEAD)) {
            *out = &routes[i];
            return TS_OK;
        }
        *out = &routes[i];
        known_path = true;
        allow_add(allow, method_names[routes[i].method]);
        if (routes[i].method == TS_GET)
            allow_add(allow, method_names[TS_HEAD]);
    }
    memset(params, 0, TS_MAX_PATH_PARAMS * sizeof(*params));
    return known_path ? TS_ERR_METHOD_NOT_ALLOWED : TS_ERR_NOT_FOUND;
}
