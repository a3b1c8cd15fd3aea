#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "loopback.h"
#include "proxy/discovery.h"

enum { SERVERS = 4 };

/* What a server answers to any GET but those for its load. */
struct answer {
    const char *status; /* NULL: "200 OK" */
    const char *headers;
    const char *body;  /* NULL: no answer at all */
    const char *load;  /* "": no answer; NULL: 404 */
    char first[1024];  /* request */
    char question[64]; /* for the load: its line */
};

struct rig {
    struct ts_poller *poller;
    struct ts_upstream *upstream;
    struct ts_registry *registry;
    struct ts_discovery *discovery;
    struct loopback *servers[SERVERS];
    int server_count;
};

static bool is_about_load(const char *request)
{
    static const char *const paths[] = {"/api/ps ", "/slots ", "/metrics ", "/api/v0/models "};
    for (size_t i = 0; i < TS_ARRAY_LEN(paths); i++) {
        if (strncmp(request, "GET ", 4) == 0 &&
            strncmp(request + 4, paths[i], strlen(paths[i])) == 0)
            return true;
    }
    return false;
}

static void copy_line(char *out, size_t size, const char *text, size_t n)
{
    n = n < size - 1 ? n : size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}

static void serve(struct loopback_conn *c)
{
    struct answer *a = c->server->ctx;
    char head[512];
    while (loopback_read(c)) {
        bool load = is_about_load(c->request);
        const char *body = load ? (a->load != NULL ? a->load : "no") : a->body;
        const char *status = a->status != NULL ? a->status : "200 OK";
        if (load)
            copy_line(a->question, sizeof(a->question), c->request, strcspn(c->request, "\r"));
        else if (a->first[0] == '\0')
            copy_line(a->first, sizeof(a->first), c->request, strlen(c->request));
        if (body == NULL || (load && *body == '\0')) {
            (void)loopback_wait_closed(c);
            return;
        }
        (void)snprintf(head,
                       sizeof(head),
                       "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
                       load && a->load == NULL ? "404 Not Found" : status,
                       a->headers != NULL ? a->headers : "",
                       strlen(body));
        if (!loopback_send(c, head) || !loopback_send(c, body))
            return;
    }
}

static void open_rig(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    assert_int_equal(ts_poller_new(&r->poller, NULL), TS_OK);
    assert_int_equal(ts_upstream_new(r->poller, &r->upstream, NULL), TS_OK);
    assert_int_equal(ts_registry_new(&r->registry), TS_OK);
    assert_int_equal(ts_discovery_new(r->registry, r->upstream, r->poller, &r->discovery, NULL),
                     TS_OK);
}

static int add(struct rig *r, enum ts_kind_id kind, const char *url, bool configured)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "p%d", ts_registry_count(r->registry));
    struct ts_provider p = {
        .kind = ts_kind(kind),
        .name = name,
        .base_url = url,
        .api_key = "sk-secret",
        .configured = configured,
    };
    assert_int_equal(ts_registry_add(r->registry, &p, NULL), TS_OK);
    return ts_registry_count(r->registry) - 1;
}

static int add_server(struct rig *r, enum ts_kind_id kind, struct answer *a, bool configured)
{
    struct loopback *s = loopback_start(serve, a);
    r->servers[r->server_count++] = s;
    return add(r, kind, s->url, configured);
}

static void turn(struct rig *r)
{
    (void)ts_poller_turn(r->poller, 10000);
    ts_poller_reap(r->poller);
}

static void run_round(struct rig *r)
{
    ts_discovery_start(r->discovery);
    for (int64_t until = ts_now_us() + 4000000;
         !ts_discovery_done(r->discovery) && ts_now_us() < until;)
        turn(r);
    assert_true(ts_discovery_done(r->discovery));
}

static void close_rig(struct rig *r)
{
    ts_discovery_free(r->discovery);
    ts_upstream_free(r->upstream);
    for (int i = 0; i < r->server_count; i++)
        loopback_stop(r->servers[i]);
    ts_poller_free(r->poller);
    ts_registry_free(r->registry);
}

/* -- answers, as the servers really give them
 * --------------------------------------------------------- */

#define OLLAMA                                                                                     \
    "{\"models\":[{\"name\":\"llama3.2:3b\",\"model\":\"llama3.2:3b\",\"modified_at\":"            \
    "\"2026-01-02T03:04:05Z\",\"size\":2019393189,\"digest\":\"a80c4f17\",\"details\":{"           \
    "\"format\":\"gguf\",\"family\":\"llama\",\"parameter_size\":\"3.2B\","                        \
    "\"quantization_level\":\"Q4_K_M\"}}]}"
#define VLLM                                                                                       \
    "{\"object\":\"list\",\"data\":[{\"id\":\"org/model\",\"object\":\"model\",\"owned_by\":"      \
    "\"vllm\",\"max_model_len\":8192}]}"
#define LLAMACPP                                                                                   \
    "{\"models\":[{\"name\":\"tiny\",\"model\":\"tiny\",\"modified_at\":\"\",\"digest\":\"\"}],"   \
    "\"object\":\"list\",\"data\":[{\"id\":\"tiny\",\"object\":\"model\",\"owned_by\":"            \
    "\"llamacpp\",\"meta\":{\"n_ctx\":4096,\"n_params\":158528,\"size\":634112}}]}"
#define LMSTUDIO                                                                                   \
    "{\"data\":[{\"id\":\"qwen\",\"object\":\"model\",\"owned_by\":\"organization_owner\"}],"      \
    "\"object\":\"list\"}"

struct listed {
    char names[256];
    struct ts_model last;
    char text[256];
};

static void list_model(void *ctx, const struct ts_provider *p, const struct ts_model *m)
{
    struct listed *l = ctx;
    (void)p;
    (void)strncat(l->names, m->name, 64);
    (void)strncat(l->names, ";", 2);
    l->last = *m;
    (void)snprintf(l->text,
                   sizeof(l->text),
                   "%s,%s,%s,%s,%s",
                   m->family != NULL ? m->family : "-",
                   m->parameter_size != NULL ? m->parameter_size : "-",
                   m->quantization != NULL ? m->quantization : "-",
                   m->digest != NULL ? m->digest : "-",
                   m->modified_at != NULL ? m->modified_at : "-");
}

static void each_kind_of_server_is_recognised_and_listed(void **state)
{
    (void)state;
    const struct {
        enum ts_kind_id kind;
        const char *body;
        const char *names;
        const char *text;
        int64_t size, context;
        bool loaded;
    } cases[] = {
        {TS_KIND_OLLAMA,
         OLLAMA,
         "llama3.2:3b;",
         "llama,3.2B,Q4_K_M,a80c4f17,2026-01-02T03:04:05Z",
         2019393189,
         -1,
         false},
        {TS_KIND_VLLM, VLLM, "org/model;", "-,-,-,-,-", -1, 8192, true},
        {TS_KIND_LLAMACPP, LLAMACPP, "tiny;", "-,-,-,-,-", 634112, 4096, true},
        {TS_KIND_LMSTUDIO, LMSTUDIO, "qwen;", "-,-,-,-,-", -1, -1, false},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct answer a = {.body = cases[i].body};
        struct listed l = {0};
        open_rig(&r);
        int p = add_server(&r, cases[i].kind, &a, false);
        run_round(&r);
        assert_int_equal(ts_registry_status(r.registry, p).state, TS_PROVIDER_UP);
        assert_true(ts_registry_status(r.registry, p).checked_ms > 0);
        ts_registry_each_model(r.registry, list_model, &l);
        assert_string_equal(l.names, cases[i].names);
        assert_string_equal(l.text, cases[i].text);
        assert_int_equal(l.last.size_bytes, cases[i].size);
        assert_int_equal(l.last.context_length, cases[i].context);
        assert_int_equal(l.last.loaded, cases[i].loaded);
        close_rig(&r);
    }
}

static void whatever_else_answers_at_a_default_address_is_no_model_server(void **state)
{
    (void)state;
    const struct {
        enum ts_kind_id kind;
        struct answer answer;
    } cases[] = {
        {TS_KIND_OLLAMA, {.body = "<html>hello</html>"}},
        {TS_KIND_OLLAMA, {.body = "[]"}},
        {TS_KIND_OLLAMA, {.body = "{}"}},
        {TS_KIND_OLLAMA, {.body = LLAMACPP}},
        {TS_KIND_OLLAMA, {.body = VLLM}},
        {TS_KIND_OLLAMA, {.body = "{\"models\":[{\"name\":\"x\"}]}"}},
        {TS_KIND_OLLAMA, {.status = "404 Not Found", .body = "{}"}},
        {TS_KIND_OLLAMA, {.status = "302 Found", .headers = "Location: /\r\n", .body = ""}},
        {TS_KIND_VLLM, {.body = "{\"object\":\"list\",\"data\":[]}"}},
        {TS_KIND_VLLM, {.body = LLAMACPP}},
        {TS_KIND_VLLM, {.body = LMSTUDIO}},
        {TS_KIND_LLAMACPP, {.body = VLLM}},
        {TS_KIND_LLAMACPP, {.body = LMSTUDIO}},
        {TS_KIND_LLAMACPP, {.status = "503 Busy", .body = "{}"}},
        {TS_KIND_LMSTUDIO, {.body = VLLM}},
        {TS_KIND_LMSTUDIO, {.body = LLAMACPP}},
        {TS_KIND_LMSTUDIO, {.body = "{\"data\":[{\"name\":\"x\"}],\"object\":\"list\"}"}},
        {TS_KIND_LMSTUDIO, {.headers = "Server: llama.cpp\r\n", .body = LMSTUDIO}},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct answer a = cases[i].answer;
        open_rig(&r);
        int p = add_server(&r, cases[i].kind, &a, false);
        run_round(&r);
        struct ts_provider_status s = ts_registry_status(r.registry, p);
        if (s.state != TS_PROVIDER_DOWN || s.models != 0)
            print_error("%s took %s\n", ts_kind(cases[i].kind)->name, a.body);
        assert_int_equal(s.state, TS_PROVIDER_DOWN);
        assert_int_equal(s.models, 0);
        assert_true(strlen(s.why) > 0);
        close_rig(&r);
    }
}

static void a_configured_server_is_taken_at_its_word(void **state)
{
    (void)state;
    const struct {
        enum ts_kind_id kind;
        struct answer answer;
        enum ts_provider_state state;
        int models;
    } cases[] = {
        {TS_KIND_VLLM, {.body = LMSTUDIO}, TS_PROVIDER_UP, 1},
        {TS_KIND_VLLM, {.body = "{\"object\":\"list\",\"data\":[]}"}, TS_PROVIDER_UP, 0},
        {TS_KIND_OPENAI, {.body = LMSTUDIO}, TS_PROVIDER_UP, 1},
        {TS_KIND_LLAMACPP, {.status = "503 Busy", .body = "{}"}, TS_PROVIDER_LOADING, 0},
        {TS_KIND_OPENAI, {.status = "401 No", .body = "{}"}, TS_PROVIDER_DOWN, 0},
        {TS_KIND_VLLM, {.status = "500 Oops", .body = "{}"}, TS_PROVIDER_DOWN, 0},
        {TS_KIND_VLLM, {.body = "not JSON"}, TS_PROVIDER_DOWN, 0},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct answer a = cases[i].answer;
        open_rig(&r);
        int p = add_server(&r, cases[i].kind, &a, true);
        run_round(&r);
        struct ts_provider_status s = ts_registry_status(r.registry, p);
        assert_int_equal(s.state, cases[i].state);
        assert_int_equal(s.models, cases[i].models);
        assert_null(strstr(s.why, "secret"));
        close_rig(&r);
    }
}

static void a_loading_llamacpp_is_known_by_its_server_header(void **state)
{
    (void)state;
    struct rig r;
    struct answer a = {.status = "503 Busy", .headers = "Server: llama.cpp\r\n", .body = "{}"};
    open_rig(&r);
    int p = add_server(&r, TS_KIND_LLAMACPP, &a, false);
    run_round(&r);
    assert_int_equal(ts_registry_status(r.registry, p).state, TS_PROVIDER_LOADING);
    close_rig(&r);
}

static void a_probe_is_a_get_with_the_key_in_the_kinds_own_header(void **state)
{
    (void)state;
    const struct {
        enum ts_kind_id kind;
        const char *line;
        const char *key;
    } cases[] = {
        {TS_KIND_OLLAMA, "GET /api/tags HTTP/1.1\r\n", "\r\nAuthorization: Bearer sk-secret\r\n"},
        {TS_KIND_OPENAI, "GET /v1/models HTTP/1.1\r\n", "\r\nAuthorization: Bearer sk-secret\r\n"},
        {TS_KIND_ANTHROPIC, "GET /v1/models HTTP/1.1\r\n", "\r\nx-api-key: sk-secret\r\n"},
        {TS_KIND_ANTHROPIC, "GET /v1/models HTTP/1.1\r\n", "\r\nanthropic-version: 2023-06-01\r\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct answer a = {.body = "{}"};
        open_rig(&r);
        (void)add_server(&r, cases[i].kind, &a, true);
        run_round(&r);
        const char *request = a.first;
        assert_memory_equal(request, cases[i].line, strlen(cases[i].line));
        assert_non_null(strstr(request, cases[i].key));
        close_rig(&r);
    }
}

static void the_first_round_ends_although_a_server_never_answers(void **state)
{
    (void)state;
    struct rig r;
    struct answer mute = {.body = NULL};
    struct answer good = {.body = OLLAMA};
    char url[64];
    open_rig(&r);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", loopback_free_port());
    int a = add_server(&r, TS_KIND_VLLM, &mute, false);
    int b = add_server(&r, TS_KIND_OLLAMA, &good, false);
    int c = add(&r, TS_KIND_LLAMACPP, url, false);
    int64_t from_us = ts_now_us();
    run_round(&r);
    int64_t took_us = ts_now_us() - from_us;
    assert_true(took_us >= TS_DISCOVERY_TIMEOUT_MS * 1000 && took_us < 2500000);
    assert_int_equal(ts_registry_status(r.registry, a).state, TS_PROVIDER_DOWN);
    assert_int_equal(ts_registry_status(r.registry, b).state, TS_PROVIDER_UP);
    assert_int_equal(ts_registry_status(r.registry, c).state, TS_PROVIDER_DOWN);
    close_rig(&r);
}

/* -- how busy they are ------------------------------------------------------------------------ */

static void each_kind_is_asked_for_what_it_can_tell_of_its_load(void **state)
{
    (void)state;
    const struct {
        enum ts_kind_id kind;
        const char *list;
        const char *load;
        const char *question;
        struct ts_server_load told;
        int64_t context;
        bool loaded;
    } cases[] = {
        {TS_KIND_OLLAMA,
         OLLAMA,
         "{\"models\":[{\"name\":\"llama3.2:3b\",\"size_vram\":2000000000,"
         "\"context_length\":4096},{\"name\":\"gone\",\"size_vram\":5}]}",
         "GET /api/ps HTTP/1.1",
         {-1, -1, -1, -1, 2000000005, 0},
         4096,
         true},
        {TS_KIND_OLLAMA,
         OLLAMA,
         "{\"models\":[]}",
         "GET /api/ps HTTP/1.1",
         {-1, -1, -1, -1, 0, 0},
         -1,
         false},
        {TS_KIND_LLAMACPP,
         LLAMACPP,
         "[{\"id\":0,\"is_processing\":true},{\"id\":1,\"is_processing\":false}]",
         "GET /slots HTTP/1.1",
         {1, -1, 2, -1, -1, 0},
         4096,
         true},
        {TS_KIND_VLLM,
         VLLM,
         "# HELP x y\nvllm:num_requests_running{model_name=\"a b\"} 3.0\n"
         "vllm:num_requests_running{model_name=\"c\"} 2.0\nvllm:num_requests_waiting 7\n"
         "vllm:num_requests_running_total 99\nvllm:gpu_cache_usage_perc 0.25",
         "GET /metrics HTTP/1.1",
         {5, 7, -1, 0.25, -1, 0},
         8192,
         true},
        {TS_KIND_VLLM,
         VLLM,
         "vllm:num_requests_running inf\nvllm:kv_cache_usage_perc nan\n",
         "GET /metrics HTTP/1.1",
         {-1, -1, -1, -1, -1, 0},
         8192,
         true},
        {TS_KIND_LMSTUDIO,
         LMSTUDIO,
         "{\"data\":[{\"id\":\"qwen\",\"state\":\"loaded\",\"max_context_length\":32768}]}",
         "GET /api/v0/models HTTP/1.1",
         {-1, -1, -1, -1, -1, 0},
         32768,
         true},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct rig r;
        struct answer a = {.body = cases[i].list, .load = cases[i].load};
        struct listed l = {0};
        open_rig(&r);
        int p = add_server(&r, cases[i].kind, &a, true);
        run_round(&r);
        struct ts_provider_status s = ts_registry_status(r.registry, p);
        ts_registry_each_model(r.registry, list_model, &l);
        assert_int_equal(s.state, TS_PROVIDER_UP);
        assert_string_equal(a.question, cases[i].question);
        assert_int_equal(s.load.running, cases[i].told.running);
        assert_int_equal(s.load.waiting, cases[i].told.waiting);
        assert_int_equal(s.load.slots, cases[i].told.slots);
        assert_true(s.load.cache_share == cases[i].told.cache_share);
        assert_int_equal(s.load.gpu_bytes, cases[i].told.gpu_bytes);
        assert_true(s.load.told_ms > 0);
        assert_int_equal(l.last.context_length, cases[i].context);
        assert_int_equal(l.last.loaded, cases[i].loaded);
        close_rig(&r);
    }
}

static void a_server_that_does_not_tell_its_load_is_none_the_worse(void **state)
{
    (void)state;
    static const char *const loads[] = {NULL, "", "nonsense", "{\"models\":7}", "[1,null]"};
    for (size_t i = 0; i < TS_ARRAY_LEN(loads); i++) {
        struct rig r;
        struct answer a = {.body = OLLAMA, .load = loads[i]};
        open_rig(&r);
        int p = add_server(&r, TS_KIND_OLLAMA, &a, false);
        run_round(&r);
        struct ts_provider_status s = ts_registry_status(r.registry, p);
        assert_int_equal(s.state, TS_PROVIDER_UP);
        assert_int_equal(s.models, 1);
        assert_int_equal(s.load.running, TS_UNKNOWN);
        assert_int_equal(s.load.gpu_bytes, TS_UNKNOWN);
        close_rig(&r);
    }
}

/* -- who waits for a round
 * ------------------------------------------------------------------------------ */

struct waiter {
    struct ts_discovery_wait wait;
    int woken;
};

static void on_woken(struct ts_post *post)
{
    struct ts_discovery_wait *w = TS_CONTAINER(post, struct ts_discovery_wait, post);
    TS_CONTAINER(w, struct waiter, wait)->woken++;
}

static void ask(struct rig *r, struct waiter *w)
{
    *w = (struct waiter){.wait = {.post.fn = on_woken, .home = r->poller}};
    ts_discovery_refresh(r->discovery, &w->wait);
}

static void a_round_that_is_asked_for_sees_what_is_new_and_wakes_all_who_wait(void **state)
{
    (void)state;
    struct rig r;
    struct answer a = {.body = "{\"models\":[]}"};
    struct waiter w[3];
    open_rig(&r);
    int p = add_server(&r, TS_KIND_OLLAMA, &a, false);
    run_round(&r);
    assert_int_equal(ts_registry_status(r.registry, p).models, 0);
    a.body = OLLAMA;
    int64_t from_us = ts_now_us();
    for (int i = 0; i < 3; i++)
        ask(&r, &w[i]);
    while (w[0].woken + w[1].woken + w[2].woken < 3 && ts_now_us() < from_us + 2000000)
        turn(&r);
    int64_t took_us = ts_now_us() - from_us;
    assert_int_equal(w[0].woken, 1);
    assert_int_equal(w[1].woken, 1);
    assert_int_equal(w[2].woken, 1);
    assert_true(took_us < (TS_DISCOVERY_PAUSE_MS + 200) * 1000);
    assert_true(w[0].wait.over);
    assert_int_equal(ts_registry_status(r.registry, p).models, 1);
    while (atomic_load(&r.servers[0]->requests) < 4 && ts_now_us() < from_us + 2000000)
        turn(&r);                                              /* nobody waits for its load */
    assert_int_equal(atomic_load(&r.servers[0]->requests), 4); /* two rounds, list and load */
    close_rig(&r);
}

static void rounds_that_are_asked_for_without_end_are_few(void **state)
{
    (void)state;
    struct rig r;
    struct answer a = {.body = OLLAMA};
    struct waiter w;
    open_rig(&r);
    (void)add_server(&r, TS_KIND_OLLAMA, &a, false);
    run_round(&r);
    int64_t from_us = ts_now_us();
    while (ts_now_us() < from_us + 1000000) {
        ask(&r, &w);
        while (w.woken == 0)
            turn(&r);
    }
    assert_in_range(atomic_load(&r.servers[0]->requests), 6, 12); /* list and load */
    close_rig(&r);
}

static void those_who_still_wait_at_the_end_are_woken(void **state)
{
    (void)state;
    struct rig r;
    struct answer mute = {.body = NULL};
    struct waiter w;
    open_rig(&r);
    (void)add_server(&r, TS_KIND_VLLM, &mute, false);
    ts_discovery_start(r.discovery);
    ask(&r, &w);
    for (int i = 0; i < 10; i++)
        turn(&r);
    struct waiter late;
    ask(&r, &late); /* its wake-up is still under way when all goes down */
    assert_int_equal(w.woken, 0);
    close_rig(&r);
    assert_int_equal(w.woken, 1);
    assert_int_equal(late.woken, 1);
}

static void clouds_are_not_asked_in_each_round(void **state)
{
    (void)state;
    struct rig r;
    struct answer a = {.body = LMSTUDIO};
    struct waiter w;
    open_rig(&r);
    (void)add_server(&r, TS_KIND_OPENAI, &a, true);
    run_round(&r);
    ask(&r, &w);
    while (w.woken == 0)
        turn(&r);
    assert_int_equal(atomic_load(&r.servers[0]->requests), 1);
    close_rig(&r);
}

static int global_setup(void **state)
{
    (void)state;
    return ts_upstream_global_init() == TS_OK ? 0 : -1;
}

static int global_teardown(void **state)
{
    (void)state;
    ts_upstream_global_deinit();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_server_is_recognised_and_listed),
        cmocka_unit_test(whatever_else_answers_at_a_default_address_is_no_model_server),
        cmocka_unit_test(a_configured_server_is_taken_at_its_word),
        cmocka_unit_test(a_loading_llamacpp_is_known_by_its_server_header),
        cmocka_unit_test(a_probe_is_a_get_with_the_key_in_the_kinds_own_header),
        cmocka_unit_test(the_first_round_ends_although_a_server_never_answers),
        cmocka_unit_test(each_kind_is_asked_for_what_it_can_tell_of_its_load),
        cmocka_unit_test(a_server_that_does_not_tell_its_load_is_none_the_worse),
        cmocka_unit_test(a_round_that_is_asked_for_sees_what_is_new_and_wakes_all_who_wait),
        cmocka_unit_test(rounds_that_are_asked_for_without_end_are_few),
        cmocka_unit_test(those_who_still_wait_at_the_end_are_woken),
        cmocka_unit_test(clouds_are_not_asked_in_each_round),
    };
    return cmocka_run_group_tests(tests, global_setup, global_teardown);
}
