#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proxy/registry_entry.h"

static struct ts_provider provider_of(enum ts_kind_id kind, const char *name, const char *url)
{
    return (struct ts_provider){.kind = ts_kind(kind), .name = name, .base_url = url, .weight = 1};
}

static int add(struct ts_registry *r, enum ts_kind_id kind, const char *name)
{
    struct ts_provider p = provider_of(kind, name, "http://127.0.0.1:1");
    assert_int_equal(ts_registry_add(r, &p, NULL), TS_OK);
    return ts_registry_count(r) - 1;
}

/* Gives a provider a state and models by their names, separated by blanks. */
static bool set_models(struct ts_registry *r,
                       int provider,
                       enum ts_provider_state state,
                       const char *names)
{
    struct ts_model_list list;
    char copy[256];
    char *save = copy;
    assert_int_equal(ts_model_list_init(&list), TS_OK);
    (void)snprintf(copy, sizeof(copy), "%s", names);
    for (char *name = strsep(&save, " "); name != NULL; name = strsep(&save, " ")) {
        json_auto_t *text = json_string(name);
        (void)ts_model_list_add(&list, text);
    }
    return ts_registry_update(r, provider, state, &list, NULL);
}

/* -- configuration
 * --------------------------------------------------------------------------------- */

static void a_base_url_loses_its_slashes_and_v1_and_a_bad_one_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *url;
        const char *base; /* NULL: refused */
    } cases[] = {
        {"http://localhost:11434", "http://localhost:11434"},
        {"http://localhost:11434/", "http://localhost:11434"},
        {"http://localhost:11434/v1", "http://localhost:11434"},
        {"http://localhost:11434/v1/", "http://localhost:11434"},
        {"https://gpu.example/ai/v1//", "https://gpu.example/ai"},
        {"https://gpu.example/v1beta", "https://gpu.example/v1beta"},
        {"http://[::1]:8000", "http://[::1]:8000"},
        {"ftp://localhost", NULL},
        {"localhost:11434", NULL},
        {"http://", NULL},
        {"http:///v1", NULL},
        {"http://:80", NULL},
        {"http://user:secret@host", NULL},
        {"http://host/?a=b", NULL},
        {"http://host/#x", NULL},
        {"http://host/a b", NULL},
        {"http://host\r\nX: y", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_registry *r = NULL;
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(ts_registry_new(&r), TS_OK);
        struct ts_provider p = provider_of(TS_KIND_OLLAMA, "p", cases[i].url);
        enum ts_err rc = ts_registry_add(r, &p, &err);
        if (cases[i].base == NULL) {
            assert_int_equal(rc, TS_ERR_CONFIG);
            assert_null(strstr(err.text, "secret"));
        } else {
            assert_int_equal(rc, TS_OK);
            assert_string_equal(ts_registry_provider(r, 0)->base_url, cases[i].base);
        }
        ts_registry_free(r);
    }
}

static void two_providers_of_one_name_are_refused(void **state)
{
    (void)state;
    struct ts_registry *r = NULL;
    assert_int_equal(ts_registry_new(&r), TS_OK);
    (void)add(r, TS_KIND_OLLAMA, "gpu");
    struct ts_provider p = provider_of(TS_KIND_VLLM, "gpu", "http://h");
    assert_int_equal(ts_registry_add(r, &p, NULL), TS_ERR_CONFIG);
    for (int i = 1; i < TS_MAX_PROVIDERS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "p%d", i);
        (void)add(r, TS_KIND_VLLM, name);
    }
    p.name = "one too many";
    assert_int_equal(ts_registry_add(r, &p, NULL), TS_ERR_CONFIG);
    ts_registry_free(r);
}

static void kinds_are_found_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < TS_KIND_COUNT_; i++) {
        enum ts_kind_id id = TS_KIND_COUNT_;
        const struct ts_kind *kind = ts_kind((enum ts_kind_id)i);
        assert_int_equal(kind->id, i);
        assert_true(ts_kind_parse(ts_slice_str(kind->name), &id));
        assert_int_equal(id, i);
        assert_int_equal(kind->local, i < TS_KIND_OPENAI);
    }
    enum ts_kind_id id;
    assert_false(ts_kind_parse(ts_slice_str("llama"), &id));
}

static void names_that_could_break_a_header_are_left_out(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a\r\nX: y", "a\x01", "a\x7f"};
    struct ts_model_list list;
    char longest[TS_MAX_MODEL + 2];
    assert_int_equal(ts_model_list_init(&list), TS_OK);
    memset(longest, 'm', sizeof(longest));
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++) {
        json_auto_t *name = json_string(bad[i]);
        assert_null(ts_model_list_add(&list, name));
    }
    json_auto_t *too_long = json_stringn(longest, TS_MAX_MODEL + 1);
    json_auto_t *just_fits = json_stringn(longest, TS_MAX_MODEL);
    json_auto_t *number = json_integer(1);
    assert_null(ts_model_list_add(&list, too_long));
    assert_null(ts_model_list_add(&list, number));
    assert_null(ts_model_list_add(&list, NULL));
    assert_non_null(ts_model_list_add(&list, just_fits));
    json_auto_t *many = json_string("m");
    while (list.count < TS_MAX_MODELS)
        assert_non_null(ts_model_list_add(&list, many));
    assert_null(ts_model_list_add(&list, many));
    ts_model_list_deinit(&list);
}

/* -- state
 * ------------------------------------------------------------------------------------------ */

static void count_model(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    (void)p;
    (void)m;
    ++*(int *)ctx;
}

static void a_server_that_goes_down_keeps_its_models_but_no_longer_shows_them(void **state)
{
    (void)state;
    struct ts_registry *r = NULL;
    int seen = 0;
    assert_int_equal(ts_registry_new(&r), TS_OK);
    int p = add(r, TS_KIND_OLLAMA, "p");
    assert_int_equal(ts_registry_status(r, p).state, TS_PROVIDER_UNKNOWN);
    assert_true(set_models(r, p, TS_PROVIDER_UP, "a b"));
    assert_false(set_models(r, p, TS_PROVIDER_UP, "a b")); /* no news */
    assert_true(set_models(r, p, TS_PROVIDER_UP, "a c"));
    ts_registry_each_model(r, count_model, &seen);
    assert_int_equal(seen, 2);
    ts_registry_mark(r, p, false, "refused");
    struct ts_provider_status s = ts_registry_status(r, p);
    assert_int_equal(s.state, TS_PROVIDER_DOWN);
    assert_int_equal(s.models, 2);
    assert_string_equal(s.why, "refused");
    seen = 0;
    ts_registry_each_model(r, count_model, &seen);
    assert_int_equal(seen, 0);
    ts_registry_mark(r, p, true, NULL);
    assert_int_equal(ts_registry_status(r, p).state, TS_PROVIDER_UP);
    assert_string_equal(ts_registry_status(r, p).why, "");
    (void)ts_registry_update(r, p, TS_PROVIDER_LOADING, NULL, "loading");
    ts_registry_mark(r, p, true, NULL); /* it answered 503: that is still loading */
    assert_int_equal(ts_registry_status(r, p).state, TS_PROVIDER_LOADING);
    r->entries[p].places.taken = 1;
    assert_int_equal(ts_registry_status(r, p).in_flight, 1);
    ts_registry_free(r);
}

/* -- routing
 * ---------------------------------------------------------------------------------------- */

/* Six servers: two Ollamas and a vLLM that are up, a llama.cpp that is down, an LM Studio with
 * embeddings only, and a cloud. */
struct house {
    struct ts_registry *registry;
    int a, b, vllm, down, studio, cloud;
    bool looked; /* just before the route is asked for */
};

static void build(struct house *h)
{
    *h = (struct house){.looked = false};
    assert_int_equal(ts_registry_new(&h->registry), TS_OK);
    h->a = add(h->registry, TS_KIND_OLLAMA, "a");
    h->b = add(h->registry, TS_KIND_OLLAMA, "b");
    h->vllm = add(h->registry, TS_KIND_VLLM, "vllm");
    h->down = add(h->registry, TS_KIND_LLAMACPP, "down");
    h->studio = add(h->registry, TS_KIND_LMSTUDIO, "studio");
    h->cloud = add(h->registry, TS_KIND_OPENAI, "cloud");
    (void)set_models(h->registry, h->a, TS_PROVIDER_UP, "nomic-embed llama:latest shared:7b");
    (void)set_models(h->registry, h->b, TS_PROVIDER_UP, "shared:7b");
    (void)set_models(h->registry, h->vllm, TS_PROVIDER_UP, "org/big");
    (void)set_models(h->registry, h->down, TS_PROVIDER_DOWN, "shared:7b only-down");
    (void)set_models(h->registry, h->studio, TS_PROVIDER_UP, "text-embedding-x");
    (void)set_models(h->registry, h->cloud, TS_PROVIDER_UP, "gpt shared:7b");
}

/* The route as "provider/model provider/model ...", or the name of the error. */
static const char *route(const struct house *h,
                         const char *model,
                         const struct ts_call_labels *labels,
                         const struct ts_route_policy *policy)
{
    static char text[1024];
    struct ts_targets targets;
    struct ts_error err = TS_ERROR_INIT;
    struct ts_arena arena = TS_ARENA_INIT(16 * 1024);
    const struct ts_route_ask ask = {model, labels, policy, &arena, h->looked};
    enum ts_err rc = ts_route(h->registry, &ask, &targets, &err);
    size_t n = 0;
    text[0] = '\0';
    if (rc != TS_OK) {
        assert_int_equal(err.code, rc);
        (void)snprintf(text, sizeof(text), "%s", ts_err_name(rc));
    }
    for (int i = 0; rc == TS_OK && i < targets.count; i++)
        n += (size_t)snprintf(text + n,
                              sizeof(text) - n,
                              "%s%s/%s",
                              i > 0 ? " " : "",
                              targets.at[i].provider->name,
                              targets.at[i].model);
    ts_arena_free(&arena);
    return text;
}

static void a_name_leads_to_the_servers_that_have_it(void **state)
{
    (void)state;
    const struct {
        const char *model;
        const char *route;
    } cases[] = {
        {"llama", "a/llama:latest"},
        {"llama:latest", "a/llama:latest"},
        {"llama:7b", "model_not_found"},
        {"lla", "model_not_found"},
        {"shared:7b", "a/shared:7b b/shared:7b down/shared:7b"}, /* and never the cloud */
        {"shared", "model_not_found"},
        {"org/big", "vllm/org/big"},
        {"vllm/org/big", "vllm/org/big"},
        {"b/shared:7b", "b/shared:7b"},
        {"a/llama", "a/llama:latest"},
        {"b/llama", "model_not_found"},
        {"nobody/llama", "model_not_found"},
        {"only-down", "down/only-down"},
        {"gpt", "cloud/gpt"},
        {"cloud/gpt", "cloud/gpt"},
        {"cloud/shared:7b", "cloud/shared:7b"},
        {"", "model_not_found"},
        {"/", "model_not_found"},
        {"a/", "model_not_found"},
    };
    struct house h;
    struct ts_call_labels labels = {0};
    struct ts_route_policy policy = {0};
    build(&h);
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++)
        assert_string_equal(route(&h, cases[i].model, &labels, &policy), cases[i].route);
    ts_registry_free(h.registry);
}

static void of_equal_servers_the_least_busy_comes_first(void **state)
{
    (void)state;
    struct house h;
    struct ts_call_labels labels = {0};
    struct ts_route_policy policy = {0};
    build(&h);
    h.registry->entries[h.a].places.taken = 1;
    assert_string_equal(route(&h, "shared:7b", &labels, &policy),
                        "b/shared:7b a/shared:7b down/shared:7b");
    h.registry->entries[h.b].places.taken = 2;
    assert_string_equal(route(&h, "shared:7b", &labels, &policy),
                        "a/shared:7b b/shared:7b down/shared:7b");
    /* four times as strong: its two calls weigh less than the other one */
    ((struct ts_provider *)(uintptr_t)ts_registry_provider(h.registry, h.b))->weight = 4;
    assert_string_equal(route(&h, "shared:7b", &labels, &policy),
                        "b/shared:7b a/shared:7b down/shared:7b");
    /* full, whatever its weight */
    h.registry->entries[h.b].places.limit = 2;
    assert_string_equal(route(&h, "shared:7b", &labels, &policy),
                        "a/shared:7b b/shared:7b down/shared:7b");
    (void)ts_registry_update(h.registry, h.a, TS_PROVIDER_LOADING, NULL, NULL);
    assert_string_equal(route(&h, "shared:7b", &labels, &policy),
                        "b/shared:7b a/shared:7b down/shared:7b");
    ts_registry_free(h.registry);
}

static void fallbacks_come_after_the_servers_of_the_model_and_down_ones_last(void **state)
{
    (void)state;
    static const char *const list[] = {"cloud/gpt", "unknown/x", "a/shared:7b"};
    struct house h;
    struct ts_call_labels labels = {.fallback = {"org/big", "no-such", "only-down"},
                                    .fallback_count = 3};
    struct ts_route_policy policy = {.fallback = list, .fallback_count = 3};
    build(&h);
    assert_string_equal(route(&h, "llama", &labels, &policy),
                        "a/llama:latest vllm/org/big cloud/gpt a/shared:7b down/only-down");
    policy.local_only = true;
    assert_string_equal(route(&h, "llama", &labels, &policy),
                        "a/llama:latest vllm/org/big a/shared:7b down/only-down");
    policy = (struct ts_route_policy){.fallback_auto = true};
    labels.fallback_count = 0;
    assert_string_equal(route(&h, "org/big", &labels, &policy),
                        "vllm/org/big a/llama:latest b/shared:7b");
    ts_registry_free(h.registry);
}

static void a_server_that_was_never_seen_leaves_its_calls_to_the_fallbacks(void **state)
{
    (void)state;
    struct house h;
    struct ts_call_labels labels = {.fallback = {"llama"}, .fallback_count = 1};
    struct ts_route_policy policy = {0};
    build(&h);
    (void)add(h.registry, TS_KIND_VLLM, "unseen");
    assert_string_equal(route(&h, "unseen/m", &labels, &policy), "upstream_unreachable");
    h.looked = true;
    assert_string_equal(route(&h, "unseen/m", &labels, &policy), "a/llama:latest");
    assert_string_equal(route(&h, "nobody/m", &labels, &policy), "model_not_found");
    labels.fallback_count = 0;
    assert_string_equal(route(&h, "unseen/m", &labels, &policy), "upstream_unreachable");
    policy.fallback_auto = true;
    assert_string_equal(route(&h, "unseen/m", &labels, &policy),
                        "a/llama:latest b/shared:7b vllm/org/big");
    ts_registry_free(h.registry);
}

static void nothing_goes_to_a_cloud_where_that_is_forbidden(void **state)
{
    (void)state;
    struct house h;
    struct ts_call_labels labels = {.fallback = {"gpt", "cloud/gpt"}, .fallback_count = 2};
    struct ts_route_policy policy = {.local_only = true, .fallback_auto = true};
    build(&h);
    assert_string_equal(route(&h, "gpt", &labels, &policy), "model_not_found");
    assert_string_equal(route(&h, "cloud/gpt", &labels, &policy), "model_not_found");
    assert_null(strstr(route(&h, "llama", &labels, &policy), "cloud"));
    ts_registry_free(h.registry);
}

static void a_route_never_holds_more_targets_than_may_be_tried(void **state)
{
    (void)state;
    struct ts_registry *r = NULL;
    struct ts_call_labels labels = {0};
    struct ts_route_policy policy = {0};
    assert_int_equal(ts_registry_new(&r), TS_OK);
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "p%d", i);
        (void)set_models(r, add(r, TS_KIND_VLLM, name), TS_PROVIDER_UP, "m");
        r->entries[i].places.taken = 20 - i; /* the last is the best */
    }
    struct house h = {.registry = r};
    assert_string_equal(route(&h, "m", &labels, &policy),
                        "p19/m p18/m p17/m p16/m p15/m p14/m p13/m p12/m");
    ts_registry_free(r);
}

static void without_any_server_the_answer_says_so(void **state)
{
    (void)state;
    struct house h = {0};
    struct ts_call_labels labels = {0};
    struct ts_route_policy policy = {.fallback_auto = true};
    assert_int_equal(ts_registry_new(&h.registry), TS_OK);
    assert_string_equal(route(&h, "llama", &labels, &policy), "upstream_unreachable");
    h.a = add(h.registry, TS_KIND_OLLAMA, "a");
    assert_string_equal(route(&h, "llama", &labels, &policy), "upstream_unreachable");
    h.b = add(h.registry, TS_KIND_OLLAMA, "b");
    (void)set_models(h.registry, h.b, TS_PROVIDER_UP, "x");
    assert_string_equal(route(&h, "llama", &labels, &policy), "model_not_found");
    assert_string_equal(route(&h, "a/llama", &labels, &policy), "upstream_unreachable");
    ts_registry_free(h.registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_url_loses_its_slashes_and_v1_and_a_bad_one_is_refused),
        cmocka_unit_test(two_providers_of_one_name_are_refused),
        cmocka_unit_test(kinds_are_found_by_name),
        cmocka_unit_test(names_that_could_break_a_header_are_left_out),
        cmocka_unit_test(a_server_that_goes_down_keeps_its_models_but_no_longer_shows_them),
        cmocka_unit_test(a_name_leads_to_the_servers_that_have_it),
        cmocka_unit_test(of_equal_servers_the_least_busy_comes_first),
        cmocka_unit_test(fallbacks_come_after_the_servers_of_the_model_and_down_ones_last),
        cmocka_unit_test(a_server_that_was_never_seen_leaves_its_calls_to_the_fallbacks),
        cmocka_unit_test(nothing_goes_to_a_cloud_where_that_is_forbidden),
        cmocka_unit_test(a_route_never_holds_more_targets_than_may_be_tried),
        cmocka_unit_test(without_any_server_the_answer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
