/* /metrics: what is counted, that its text is what Prometheus reads, and that labels are bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchangekit.h"
#include "handlers/metrics.h"

/* -- a strict reader of the text format ----------------------------------------------------------
 */

struct sample {
    char name[128];
    char labels[1024]; /* as they stand, without the braces and without le */
    double le;         /* NAN: none */
    double value;
};

enum { MAX_SAMPLES = 40000 };

struct page {
    struct sample *at;
    int count;
};

static bool is_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(isalnum((unsigned char)s[i]) || s[i] == '_' || s[i] == ':') ||
            (i == 0 && isdigit((unsigned char)s[i])))
            return false;
    }
    return n > 0;
}

static void append(char *out, size_t size, const char *text, size_t n)
{
    size_t used = strlen(out);
    assert_true(used + n < size);
    memcpy(out + used, text, n);
    out[used + n] = '\0';
}

/* name="value", escapes as \\ \" \n; returns what stands behind it. */
static const char *read_label(const char *at, struct sample *s)
{
    size_t name = strcspn(at, "=");
    char value[256];
    size_t n = 0;
    const char *v = at + name + 2;
    assert_true(is_name(at, name));
    assert_int_equal(at[name + 1], '"');
    for (; *v != '"'; v++) {
        assert_true(*v != '\0' && *v != '\n' && n < sizeof(value) - 1);
        bool escaped = *v == '\\';
        v += escaped;
        assert_true(!escaped || *v == '\\' || *v == '"' || *v == 'n');
        value[n++] = (char)(escaped && *v == 'n' ? '\n' : *v);
    }
    value[n] = '\0';
    if (name == 2 && strncmp(at, "le", 2) == 0) {
        s->le = strcmp(value, "+Inf") == 0 ? (double)INFINITY : strtod(value, NULL);
    } else {
        append(s->labels, sizeof(s->labels), ",", s->labels[0] != '\0');
        append(s->labels, sizeof(s->labels), at, name + 1);
        append(s->labels, sizeof(s->labels), value, n);
    }
    return v + 1;
}

static void read_sample(const char *line, struct sample *s)
{
    size_t n = strcspn(line, "{ ");
    *s = (struct sample){.le = (double)NAN};
    assert_true(is_name(line, n) && n < sizeof(s->name));
    memcpy(s->name, line, n);
    const char *at = line + n;
    if (*at == '{') {
        do
            at = read_label(at + 1, s);
        while (*at == ',');
        assert_int_equal(*at++, '}');
    }
    assert_int_equal(*at++, ' ');
    char *end = NULL;
    s->value = strtod(at, &end);
    assert_true(end != at && *end == '\0');
}

/* What a metric of that type may call its samples. */
static bool belongs(const char *sample, const char *metric, const char *type)
{
    size_t n = strlen(metric);
    if (strncmp(sample, metric, n) != 0)
        return false;
    const char *rest = sample + n;
    if (strcmp(type, "histogram") == 0)
        return strcmp(rest, "_bucket") == 0 || strcmp(rest, "_sum") == 0 ||
               strcmp(rest, "_count") == 0;
    return *rest == '\0';
}

/* Buckets ascend, end with +Inf, and the count is the last of them. */
static void check_histogram(const struct page *p, int from)
{
    const struct sample *last = NULL;
    for (int i = from; i < p->count; i++) {
        const struct sample *s = &p->at[i];
        const char *suffix = strrchr(s->name, '_');
        if (strcmp(suffix, "_bucket") == 0) {
            bool fresh = last == NULL || strcmp(last->labels, s->labels) != 0;
            assert_true(fresh || (s->le > last->le && s->value >= last->value));
            last = s;
        } else if (strcmp(suffix, "_count") == 0) {
            assert_non_null(last);
            assert_true(isinf(last->le));
            assert_true(last->value == s->value);
            assert_string_equal(last->labels, s->labels);
        }
    }
}

static void check_unique(const struct page *p, int from)
{
    for (int i = from; i < p->count; i++) {
        for (int k = from; k < i && p->count - from < 2000; k++)
            assert_false(strcmp(p->at[i].name, p->at[k].name) == 0 &&
                         strcmp(p->at[i].labels, p->at[k].labels) == 0 &&
                         (p->at[i].le == p->at[k].le || isnan(p->at[i].le)));
    }
}

static void end_metric(const struct page *p, int from, const char *type)
{
    if (strcmp(type, "histogram") == 0)
        check_histogram(p, from);
    check_unique(p, from);
}

/* Up to the next space; returns what stands behind it. */
static const char *copy_word(const char *at, char *out, size_t size)
{
    size_t n = strcspn(at, " ");
    assert_true(n > 0 && n < size);
    memcpy(out, at, n);
    out[n] = '\0';
    return at + n;
}

/* Reads a page and holds it to the format: HELP, TYPE, then only that metric's samples. */
static struct page read_page(const char *text)
{
    struct page p = {.at = calloc(MAX_SAMPLES, sizeof(struct sample))};
    char line[2048];
    char metric[128] = "";
    char type[16] = "";
    int from = 0;
    assert_non_null(p.at);
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        assert_true(n < sizeof(line) && text[n] == '\n');
        memcpy(line, text, n);
        line[n] = '\0';
        text += n + 1;
        if (strncmp(line, "# HELP ", 7) == 0) {
            end_metric(&p, from, type);
            from = p.count;
            copy_word(line + 7, metric, sizeof(metric));
            type[0] = '\0';
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char name[128];
            const char *rest = copy_word(line + 7, name, sizeof(name));
            assert_int_equal(*rest, ' ');
            assert_int_equal(*copy_word(rest + 1, type, sizeof(type)), '\0');
            assert_string_equal(name, metric);
        } else {
            assert_true(p.count < MAX_SAMPLES && type[0] != '\0');
            read_sample(line, &p.at[p.count]);
            assert_true(belongs(p.at[p.count].name, metric, type));
            p.count++;
        }
    }
    end_metric(&p, from, type);
    return p;
}

static double value_of(const struct page *p, const char *name, const char *labels)
{
    for (int i = 0; i < p->count; i++) {
        if (strcmp(p->at[i].name, name) == 0 && strcmp(p->at[i].labels, labels) == 0)
            return p->at[i].value;
    }
    return (double)NAN;
}

static double bucket_of(const struct page *p, const char *name, const char *labels, double le)
{
    for (int i = 0; i < p->count; i++) {
        const struct sample *s = &p->at[i];
        if (strcmp(s->name, name) == 0 && strcmp(s->labels, labels) == 0 && s->le == le)
            return s->value;
    }
    return (double)NAN;
}

static int count_named(const struct page *p, const char *name)
{
    int n = 0;
    for (int i = 0; i < p->count; i++)
        n += strcmp(p->at[i].name, name) == 0;
    return n;
}

static struct page ask(struct xkit *k)
{
    const struct x_answer *a = x_ask(k, TS_GET, "/metrics", NULL);
    assert_int_equal(a->status, 200);
    assert_string_equal(a->content_type, "text/plain; version=0.0.4; charset=utf-8");
    return read_page(a->body);
}

/* -- calls ---------------------------------------------------------------------------------------
 */

static struct ts_call *a_call(const char *model, const char *task)
{
    struct ts_call *c = ts_call_new();
    assert_non_null(c);
    c->provider = "desk";
    c->model = model;
    c->task_type = task;
    c->phases.total_us = 2000000;
    c->phases.ttft_us = 40000000;
    c->phases.decode_us = 300000;
    c->phases.overhead_us = 30;
    c->tokens = (struct ts_token_counts){.input = 10,
                                         .cache_read = 5,
                                         .cache_write = TS_UNKNOWN,
                                         .output = 4,
                                         .reasoning = TS_UNKNOWN,
                                         .unsplit = TS_UNKNOWN};
    c->tokens_source = TS_TOKENS_PROVIDER;
    c->cost_nano_usd = 1500000000;
    return c;
}

static void count(struct xkit *k, struct ts_call *c)
{
    ts_meters_call(k->services.meters, "openai.chat", c);
    ts_call_free(c);
}

#define MODEL "gen_ai_provider_name=desk,gen_ai_request_model=m,gen_ai_operation_name=chat"

static void a_call_is_in_every_figure_that_it_belongs_to(void **state)
{
    struct xkit *k = *state;
    count(k, a_call("m", "coding"));
    struct page p = ask(k);
    static const char *const duration = "gen_ai_server_request_duration_seconds";
    static const char *const first = "gen_ai_server_time_to_first_token_seconds";
    char name[128];
    (void)snprintf(name, sizeof(name), "%s_bucket", duration);
    assert_true(bucket_of(&p, name, MODEL, 1.28) == 0);
    assert_true(bucket_of(&p, name, MODEL, 2.56) == 1);
    (void)snprintf(name, sizeof(name), "%s_sum", duration);
    assert_true(value_of(&p, name, MODEL) == 2);
    (void)snprintf(name, sizeof(name), "%s_bucket", first);
    assert_true(bucket_of(&p, name, MODEL, 30) == 0);
    assert_true(bucket_of(&p, name, MODEL, 60) == 1);
    assert_true(value_of(&p, "gen_ai_server_time_per_output_token_seconds_sum", MODEL) == 0.1);
    assert_true(value_of(&p, "gen_ai_client_token_usage_sum", MODEL ",gen_ai_token_type=input") ==
                15);
    assert_true(value_of(&p, "gen_ai_client_token_usage_sum", MODEL ",gen_ai_token_type=output") ==
                4);
    assert_true(bucket_of(&p, "touchstone_overhead_seconds_bucket", MODEL, 0.000025) == 0);
    assert_true(bucket_of(&p, "touchstone_overhead_seconds_bucket", MODEL, 0.00005) == 1);
    assert_true(value_of(&p,
                         "touchstone_requests_total",
                         "provider=desk,model=m,task_type=coding,outcome=done") == 1);
    assert_true(value_of(&p, "touchstone_tokens_total", "provider=desk,model=m,kind=cache_read") ==
                5);
    assert_true(value_of(&p, "touchstone_cost_usd_total", "provider=desk,model=m") == 1.5);
    assert_true(value_of(&p, "touchstone_unpriced_calls_total", "provider=desk,model=m") == 0);
    free(p.at);
}

static void a_failed_call_has_its_error_and_no_usage_of_zero(void **state)
{
    struct xkit *k = *state;
    struct ts_call *c = a_call("m", "coding");
    c->outcome = TS_OUTCOME_TIMEOUT;
    c->error = TS_ERR_UPSTREAM_TIMEOUT;
    c->phases.ttft_us = TS_UNKNOWN;
    c->tokens = TS_TOKENS_UNKNOWN;
    c->tokens_source = TS_TOKENS_ABSENT;
    c->cost_nano_usd = TS_UNKNOWN;
    struct ts_attempt *a = ts_call_add_attempt(c);
    assert_non_null(a);
    *a = (struct ts_attempt){
        .provider = "desk", .model = "other", .cause = TS_ERR_UPSTREAM_UNREACHABLE};
    count(k, c);
    struct page p = ask(k);
    assert_true(value_of(&p,
                         "gen_ai_server_request_duration_seconds_count",
                         MODEL ",error_type=upstream_timeout") == 1);
    assert_int_equal(count_named(&p, "gen_ai_client_token_usage_count"), 0);
    assert_int_equal(count_named(&p, "gen_ai_server_time_to_first_token_seconds_count"), 0);
    assert_true(value_of(&p, "touchstone_unpriced_calls_total", "provider=desk,model=m") == 1);
    assert_true(value_of(&p,
                         "touchstone_failed_attempts_total",
                         "provider=desk,model=other,cause=upstream_unreachable") == 1);
    free(p.at);
}

static void what_comes_from_outside_is_escaped(void **state)
{
    struct xkit *k = *state;
    count(k, a_call("a\"b\\c\nd", "coding"));
    struct page p = ask(k);
    assert_true(value_of(&p, "touchstone_cost_usd_total", "provider=desk,model=a\"b\\c\nd") == 1.5);
    free(p.at);
}

static void names_without_end_make_series_with_an_end(void **state)
{
    struct xkit *k = *state;
    enum { CALLS = 6000 };
    for (int i = 0; i < CALLS; i++) {
        char model[32];
        char task[32];
        (void)snprintf(model, sizeof(model), "model-%d", i % 400);
        (void)snprintf(task, sizeof(task), "task-%d", i);
        count(k, a_call(model, task));
    }
    struct page p = ask(k);
    assert_in_range(count_named(&p, "touchstone_requests_total"), 100, TS_METERS_SERIES);
    assert_in_range(count_named(&p, "touchstone_cost_usd_total"), 100, TS_METERS_MODELS + 1);
    double total = 0;
    double others = 0;
    for (int i = 0; i < p.count; i++) {
        if (strcmp(p.at[i].name, "touchstone_requests_total") != 0)
            continue;
        total += p.at[i].value;
        others += strstr(p.at[i].labels, "task_type=__other__") != NULL ? p.at[i].value : 0;
    }
    assert_true(total == CALLS);
    assert_true(others >= CALLS - TS_METERS_TASKS - 1);
    free(p.at);
}

static void refusals_and_the_state_of_the_house_are_told(void **state)
{
    struct xkit *k = *state;
    (void)x_ask(k, TS_GET, "/api/requests?limit=0", NULL);
    (void)x_ask(k, TS_GET, "/api/requests?limit=0", NULL);
    struct page p = ask(k);
    assert_true(value_of(&p, "touchstone_refusals_total", "code=invalid_parameter") == 2);
    assert_true(value_of(&p, "touchstone_provider_up", "provider=desk") == 1);
    assert_true(value_of(&p, "touchstone_provider_models", "provider=desk") == 2);
    assert_true(value_of(&p, "touchstone_provider_breaker", "provider=desk,state=closed") == 1);
    assert_true(value_of(&p, "touchstone_provider_breaker", "provider=desk,state=open") == 0);
    assert_true(value_of(&p, "touchstone_db_up", "") == 1);
    assert_true(value_of(&p, "touchstone_unrecorded_total", "") == 0);
    assert_true(value_of(&p, "touchstone_requests_in_flight", "") == 0);
    assert_true(value_of(&p, "process_resident_memory_bytes", "") > 1e6);
    assert_true(value_of(&p, "process_open_fds", "") > 3);
    assert_true(value_of(&p, "process_threads", "") > 3);
    assert_true(value_of(&p, "process_cpu_seconds_total", "") > 0);
    assert_int_equal(count_named(&p, "touchstone_build_info"), 1);
    free(p.at);
}

static void dialects_are_operations(void **state)
{
    (void)state;
    assert_string_equal(ts_operation_name("ollama.generate"), "text_completion");
    assert_string_equal(ts_operation_name("openai.completions"), "text_completion");
    assert_string_equal(ts_operation_name("openai.embeddings"), "embeddings");
    assert_string_equal(ts_operation_name("anthropic.messages"), "chat");
    assert_string_equal(ts_operation_name(NULL), "chat");
}

/* tests/fixtures is where the sources are found. */
static void the_page_of_documentation_is_the_table(void **state)
{
    (void)state;
    char path[1024];
    char kept[32 * 1024];
    TS_AUTO(ts_buf_free) struct ts_buf printed = TS_BUF_INIT(sizeof(kept));
    (void)snprintf(path, sizeof(path), "%s/../../docs/metrics.md", getenv("TS_FIXTURES"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    kept[fread(kept, 1, sizeof(kept) - 1, f)] = '\0';
    (void)fclose(f);
    ts_metrics_document(&printed);
    assert_string_equal(kept, ts_buf_text(&printed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_call_is_in_every_figure_that_it_belongs_to, x_setup_store, x_teardown),
        cmocka_unit_test_setup_teardown(
            a_failed_call_has_its_error_and_no_usage_of_zero, x_setup_store, x_teardown),
        cmocka_unit_test_setup_teardown(
            what_comes_from_outside_is_escaped, x_setup_store, x_teardown),
        cmocka_unit_test_setup_teardown(
            names_without_end_make_series_with_an_end, x_setup_store, x_teardown),
        cmocka_unit_test_setup_teardown(
            refusals_and_the_state_of_the_house_are_told, x_setup_store, x_teardown),
        cmocka_unit_test(dialects_are_operations),
        cmocka_unit_test(the_page_of_documentation_is_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
