/* What all handlers share: parameters, errors and their headers; and the routes that need no store:
 * model lists, pages, health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "exchangekit.h"
#include "proxy/registry_entry.h"
#include "static/assets.h"

static void unknown_repeated_and_ill_formed_parameters_are_named(void **state)
{
    struct xkit *k = *state;
    static const struct {
        const char *query;
        const char *param;
    } cases[] = {
        {"colour=blue", "colour"},
        {"days=1&days=1", "days"},
        {"days=0", "days"},
        {"days=-1", "days"},
        {"days=1e9", "days"},
        {"days=abc", "days"},
        {"days=", "days"},
        {"days= 7", "days"},
        {"days=+7", "days"},
        {"days=99999999999999999999", "days"},
        {"days=3651", "days"},
        {"from=yesterday", "from"},
        {"to=2026-13-01", "to"},
        {"from=2300-01-01", "from"},
        {"from=2026-02-01&to=2026-01-01", "from"},
        {"from=2026-02-01&to=2026-02-01", "from"},
        {"from=2026-02-01&days=1", "days"},
        {"bucket=decade", "bucket"},
        {"group_by=", "group_by"},
        {"group_by=model,", "group_by"},
        {"group_by=model,model", "group_by"},
        {"group_by=model,provider,time", "group_by"},
        {"complexity=hard", "complexity"},
        {"task_type=two words", "task_type"},
        {"tag.a=1&tag.b=2", "tag.b"},
        {"tag.=1", "tag."},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        char target[256];
        (void)snprintf(target, sizeof(target), "/api/analytics/models?%s", cases[i].query);
        x_assert_error(x_ask(k, TS_GET, target, NULL), 400, "invalid_parameter", cases[i].param);
    }
    x_assert_error(
        x_ask(k, TS_GET, "/api/requests?limit=0", NULL), 400, "invalid_parameter", "limit");
    x_assert_error(
        x_ask(k, TS_GET, "/api/requests?cursor='", NULL), 400, "invalid_parameter", "cursor");
    x_assert_error(
        x_ask(k, TS_GET, "/api/requests?outcome=good", NULL), 400, "invalid_parameter", "outcome");
    x_assert_error(x_ask(k, TS_GET, "/api/providers?a=b", NULL), 400, "invalid_parameter", "a");
}

static void errors_have_the_shape_of_their_route(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = x_ask(k, TS_GET, "/nothing", NULL);
    x_assert_error(a, 404, "not_found", NULL);
    assert_string_equal(a->content_type, "application/json");
    a = x_ask(k, TS_GET, "/api/chats", NULL);
    assert_int_equal(a->status, 404);
    assert_non_null(x_text(a, "error"));
    a = x_ask(k, TS_GET, "/v1/nothing", NULL);
    assert_string_equal(x_text(a, "error.type"), "invalid_request_error");
    a = x_ask(k, TS_GET, "/v1/messages", NULL);
    assert_string_equal(x_text(a, "type"), "error");
    a = x_ask(k, TS_GET, "/api/generate", NULL);
    assert_int_equal(a->status, 405);
    assert_string_equal(x_header(a, "Allow"), "POST");
    assert_null(x_header(a, "Retry-After"));
}

static void generations_are_refused_before_they_begin(void **state)
{
    struct xkit *k = *state;
    static const char body[] = "{\"model\":\"llama3.2:3b\",\"prompt\":\"x\"}";

    k->draining = true;
    const struct x_answer *a = x_ask(k, TS_POST, "/api/generate", body);
    assert_int_equal(a->status, 503);
    assert_string_equal(x_header(a, "Retry-After"), "1");
    k->draining = false;

    k->in_flight = 2;
    a = x_ask(k, TS_POST, "/api/generate", body);
    assert_int_equal(a->status, 503);
    assert_non_null(strstr(x_text(a, "error"), "TOUCHSTONE_MAX_IN_FLIGHT"));
    assert_int_equal(k->in_flight, 2);
    k->in_flight = 0;

    k->request_headers[0] = (struct ts_header){"Via", "1.1 nginx, 1.1 touchstone-7"};
    a = x_ask(k, TS_POST, "/api/generate", body);
    assert_int_equal(a->status, 508);
    k->request_headers[0] = (struct ts_header){"X-Touchstone-Complexity", "impossible"};
    a = x_ask(k, TS_POST, "/api/generate", body);
    assert_int_equal(a->status, 400);
    k->request_headers[0] = (struct ts_header){NULL, NULL};

    a = x_ask(k, TS_POST, "/api/generate", "{\"model\":\"auto:cheapest\",\"prompt\":\"x\"}");
    assert_int_equal(a->status, 400);
    assert_non_null(strstr(x_text(a, "error"), "auto:speed"));
    a = x_ask(k, TS_POST, "/api/generate", "{\"model\":");
    assert_int_equal(a->status, 400);
    a = x_ask(k,
              TS_POST,
              "/api/generate",
              "{\"model\":\"m\",\"prompt\":\"x\",\"base_url\":\"http://x\"}");
    assert_int_equal(a->status, 400);
    assert_int_equal(k->in_flight, 0);
}

static void models_are_listed_in_both_dialects(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = x_ask(k, TS_GET, "/api/tags", NULL);
    assert_int_equal(a->status, 200);
    assert_int_equal(json_array_size(x_at(a, "models")), 2);
    assert_string_equal(x_text(a, "models.0.name"), "llama3.2:3b");
    assert_string_equal(x_text(a, "models.0.details.parameter_size"), "3.2B");
    assert_string_equal(x_text(a, "models.1.modified_at"), "0001-01-01T00:00:00Z");
    assert_true(x_number(a, "models.1.size") == 0);

    a = x_ask(k, TS_GET, "/v1/models", NULL);
    assert_string_equal(x_text(a, "object"), "list");
    assert_string_equal(x_text(a, "data.1.id"), "qwen2.5-coder:7b");
    assert_string_equal(x_text(a, "data.1.owned_by"), "desk");
    assert_true(x_number(a, "data.0.created") == 1767323045);

    a = x_ask(k, TS_GET, "/v1/models/llama3.2:3b", NULL);
    assert_string_equal(x_text(a, "id"), "llama3.2:3b");
    a = x_ask(k, TS_GET, "/v1/models/none/such", NULL);
    assert_int_equal(a->status, 404);
    assert_string_equal(x_text(a, "error.code"), "model_not_found");

    a = x_ask(k, TS_GET, "/api/version", NULL);
    assert_string_equal(x_text(a, "version"), "1.2.3");
}

static void servers_tell_their_state_and_models(void **state)
{
    struct xkit *k = *state;
    k->services.registry->entries[0].places.taken = 3;
    const struct x_answer *a = x_ask(k, TS_GET, "/api/providers", NULL);
    assert_string_equal(x_text(a, "providers.0.name"), "desk");
    assert_string_equal(x_text(a, "providers.0.state"), "up");
    assert_true(x_number(a, "providers.0.inFlight") == 3);
    assert_string_equal(x_text(a, "providers.0.models.1.name"), "qwen2.5-coder:7b");
    assert_true(x_is_null(a, "providers.0.models.1.parameterSize"));
    assert_true(x_is_null(a, "providers.0.models.1.sizeBytes"));
    assert_true(x_is_null(a, "providers.0.load"));
    assert_true(x_number(a, "providers.0.summary.totalCalls") == 0);
}

static void the_root_leads_to_the_dashboard_with_and_without_base_path(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = x_ask(k, TS_GET, "/", NULL);
    assert_int_equal(a->status, 302);
    assert_string_equal(x_header(a, "Location"), "analytics/models");
    assert_string_equal(x_header(x_ask(k, TS_GET, "/analytics", NULL), "Location"),
                        "analytics/models");
    assert_string_equal(x_header(x_ask(k, TS_GET, "/analytics/", NULL), "Location"), "models");
    k->services.base_path = "/ai";
    assert_string_equal(x_header(x_ask(k, TS_GET, "/", NULL), "Location"), "/ai/analytics/models");
    assert_string_equal(x_header(x_ask(k, TS_GET, "/analytics/", NULL), "Location"),
                        "/ai/analytics/models");
    assert_int_equal(x_ask(k, TS_HEAD, "/", NULL)->status, 200);
}

static const struct ts_asset *compressed_asset(void)
{
    for (size_t i = 0; i < ts_asset_count; i++) {
        if (ts_asset_table[i].gzip != NULL)
            return &ts_asset_table[i];
    }
    return NULL;
}

static size_t bytes_with_encoding(struct xkit *k, const char *path, const char *accepted)
{
    k->request_headers[0] = (struct ts_header){"Accept-Encoding", accepted};
    const struct x_answer *a = x_ask(k, TS_GET, path, NULL);
    assert_int_equal(a->status, 200);
    assert_string_equal(x_header(a, "Vary"), "Accept-Encoding");
    assert_non_null(x_header(a, "Content-Security-Policy"));
    return a->len;
}

static void assets_come_compressed_to_who_takes_it_and_not_at_all_to_who_has_them(void **state)
{
    struct xkit *k = *state;
    const struct ts_asset *asset = compressed_asset();
    assert_non_null(asset);
    assert_int_equal(bytes_with_encoding(k, asset->path, "br, gzip"), asset->gzip_len);
    assert_int_equal(bytes_with_encoding(k, asset->path, "GZIP;q=0.5"), asset->gzip_len);
    assert_int_equal(bytes_with_encoding(k, asset->path, "gzip;q=0"), asset->raw_len);
    assert_int_equal(bytes_with_encoding(k, asset->path, "gzip;q=0.0, br"), asset->raw_len);
    assert_int_equal(bytes_with_encoding(k, asset->path, "gzipped"), asset->raw_len);
    assert_int_equal(bytes_with_encoding(k, asset->path, ""), asset->raw_len);
    static const char *const before[] = {"", "W/", "\"other\", "};
    for (size_t i = 0; i <= TS_ARRAY_LEN(before); i++) {
        char value[128] = "*";
        if (i < TS_ARRAY_LEN(before))
            (void)snprintf(value, sizeof(value), "%s%s", before[i], asset->etag);
        k->request_headers[0] = (struct ts_header){"If-None-Match", value};
        const struct x_answer *a = x_ask(k, TS_GET, asset->path, NULL);
        assert_int_equal(a->status, 304);
        assert_int_equal(a->len, 0);
        assert_string_equal(x_header(a, "ETag"), asset->etag);
    }
    k->request_headers[0] = (struct ts_header){"If-None-Match", "\"other\""};
    assert_int_equal(x_ask(k, TS_GET, asset->path, NULL)->status, 200);
    k->request_headers[0] = (struct ts_header){NULL, NULL};
    x_assert_error(x_ask(k, TS_GET, "/static/../secret", NULL), 404, "not_found", NULL);
}

static void the_description_is_json(void **state)
{
    struct xkit *k = *state;
    const struct x_answer *a = x_ask(k, TS_GET, "/openapi.json", NULL);
    assert_int_equal(a->status, 200);
    assert_string_equal(x_text(a, "openapi"), "3.1.0");
    assert_string_equal(x_text(x_ask(k, TS_GET, "/healthz", NULL), "status"), "ok");
    assert_string_equal(x_text(x_ask(k, TS_GET, "/version", NULL), "version"), TS_VERSION);
    k->draining = true;
    a = x_ask(k, TS_GET, "/readyz", NULL);
    assert_int_equal(a->status, 503);
    assert_string_equal(x_text(a, "status"), "draining");
}

#define X(test) cmocka_unit_test_setup_teardown(test, x_setup, x_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        X(unknown_repeated_and_ill_formed_parameters_are_named),
        X(errors_have_the_shape_of_their_route),
        X(generations_are_refused_before_they_begin),
        X(models_are_listed_in_both_dialects),
        cmocka_unit_test_setup_teardown(
            servers_tell_their_state_and_models, x_setup_store, x_teardown),
        X(the_root_leads_to_the_dashboard_with_and_without_base_path),
        X(assets_come_compressed_to_who_takes_it_and_not_at_all_to_who_has_them),
        X(the_description_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
