/* What a call costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "proxy/admission.h"

static struct ts_call *a_call(const char *model, struct ts_token_counts tokens)
{
    struct ts_call *c = ts_call_new();
    assert_non_null(c);
    c->model = model;
    c->tokens = tokens;
    c->tokens_source = TS_TOKENS_PROVIDER;
    return c;
}

static struct ts_token_counts tokens(int64_t in, int64_t read, int64_t write, int64_t out)
{
    return (struct ts_token_counts){.input = in,
                                    .cache_read = read,
                                    .cache_write = write,
                                    .output = out,
                                    .reasoning = TS_UNKNOWN,
                                    .unsplit = TS_UNKNOWN};
}

static void each_kind_of_token_has_its_price(void **state)
{
    (void)state;
    const int64_t u = TS_UNKNOWN;
    const struct {
        struct ts_price price;
        struct ts_token_counts tokens;
        int64_t nano;
    } cases[] = {
        {{2, 8, 0.5, 3}, {100, 0, 0, 10, u, u}, 100 * 2000 + 10 * 8000},
        {{2, 8, 0.5, 3}, {100, 40, 7, 10, u, u}, 100 * 2000 + 40 * 500 + 7 * 3000 + 10 * 8000},
        {{2, 8, 0.5, 3}, {0, 40, u, 10, u, u}, 40 * 500 + 10 * 8000},
        {{2, 8, -1, -1}, {100, 40, 7, 10, u, u}, 147 * 2000 + 10 * 8000},
        {{0, 0, -1, -1}, {100, 40, 7, 10, u, u}, 0},
        {{2, 8, 0.5, 3}, {u, u, u, 10, u, u}, u}, /* absent is not zero */
        {{2, 8, 0.5, 3}, {100, u, u, u, u, u}, u},
        {{2, 0, -1, -1}, {100, u, u, u, u, u}, 100 * 2000}, /* embeddings have no output */
        {{2, -1, 0.5, 3}, {100, 0, 0, 10, u, u}, u},
        {{-1, -1, -1, -1}, {100, 0, 0, 10, u, u}, u},
        {{2, 8, 0.5, 3}, {INT64_MAX, 0, 0, 10, u, u}, u},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct ts_call *c = a_call("m", cases[i].tokens);
        assert_int_equal(ts_price_of_tokens(&cases[i].price, c), cases[i].nano);
        c->tokens_source = TS_TOKENS_COUNTED; /* ours is a lower bound: no bill */
        assert_int_equal(ts_price_of_tokens(&cases[i].price, c), u);
        ts_call_free(c);
    }
    assert_int_equal(ts_price_of_time(3.6, 1000), 1000);
    assert_int_equal(ts_price_of_time(-1, 1000), u);
}

static void published_prices_are_of_exact_ids_and_the_first_tier(void **state)
{
    (void)state;
    struct ts_price p = ts_price_published(TS_PRICES_OPENAI, "gpt-4o-mini", 10);
    assert_true(p.in == 0.15 && p.out == 0.6 && p.cache_read == 0.075);
    p = ts_price_published(TS_PRICES_ANTHROPIC, "claude-sonnet-4-5-20250929", 200000);
    assert_true(p.in == 3 && p.out == 15 && p.cache_read == 0.3 && p.cache_write == 3.75);
    static const struct {
        enum ts_price_list list;
        const char *model;
        int64_t prompt;
    } unknown[] = {
        {TS_PRICES_ANTHROPIC, "claude-sonnet-4-5-20250929", 200001},
        {TS_PRICES_ANTHROPIC, "gpt-4o-mini", 10},
        {TS_PRICES_OPENAI, "gpt-4o-mini-2099-01-01", 10},
        {TS_PRICES_OPENAI, "gpt-4", 10},
        {TS_PRICES_OPENAI, "GPT-4o-mini", 10},
        {TS_PRICES_OPENAI, "", 10},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(unknown); i++) {
        p = ts_price_published(unknown[i].list, unknown[i].model, unknown[i].prompt);
        assert_false(ts_price_is_known(&p));
    }
}

static void check_published(void *ctx, const char *model, const struct ts_price *p)
{
    const char **last = ctx;
    assert_true(p->in > 0 && p->in <= 100 && p->out >= 0 && p->out <= 500);
    assert_true(p->cache_read < p->in);
    assert_true(p->cache_write < 0 || p->cache_write > p->in);
    assert_true(*last == NULL || strcmp(*last, model) != 0);
    *last = model;
}

static void the_published_table_is_plausible_and_dated(void **state)
{
    (void)state;
    const char *last = NULL;
    ts_price_each(check_published, &last);
    assert_non_null(last);
    assert_true(strlen(ts_prices_date) >= 7 && ts_prices_date[4] == '-');
    assert_non_null(strstr(ts_prices_source, "https://"));
}

/* tests/fixtures is where the sources are found. */
static void the_page_of_documentation_is_the_table(void **state)
{
    (void)state;
    char path[1024];
    char kept[32 * 1024];
    TS_AUTO(ts_buf_free) struct ts_buf printed = TS_BUF_INIT(sizeof(kept));
    (void)snprintf(path, sizeof(path), "%s/../../docs/costs.md", getenv("TS_FIXTURES"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    kept[fread(kept, 1, sizeof(kept) - 1, f)] = '\0';
    (void)fclose(f);
    ts_prices_document(&printed);
    assert_string_equal(kept, ts_buf_text(&printed));
}

/* -- whose price counts ---------------------------------------------------------------------------
 */

static struct ts_registry *registry(void)
{
    struct ts_registry *r = NULL;
    static const struct {
        enum ts_kind_id kind;
        const char *name;
        const char *url; /* NULL: the cloud's own */
        struct ts_price price;
        double hour;
    } providers[] = {
        {TS_KIND_OPENAI, "openai", NULL, {-1, -1, -1, -1}, -1},
        {TS_KIND_OPENAI, "likeopenai", "https://other.example", {-1, -1, -1, -1}, -1},
        {TS_KIND_VLLM, "rack", "http://127.0.0.1:1", {1, 1, -1, -1}, 3.6},
        {TS_KIND_OLLAMA, "desk", "http://127.0.0.1:2", {-1, -1, -1, -1}, 3.6},
        {TS_KIND_OLLAMA, "free", "http://127.0.0.1:3", {-1, -1, -1, -1}, -1},
    };
    assert_int_equal(ts_registry_new(&r), TS_OK);
    for (size_t i = 0; i < TS_ARRAY_LEN(providers); i++) {
        const struct ts_kind *kind = ts_kind(providers[i].kind);
        struct ts_provider p = {.kind = kind,
                                .name = providers[i].name,
                                .base_url = providers[i].url != NULL ? providers[i].url
                                                                     : kind->default_base_url,
                                .price = providers[i].price,
                                .price_per_hour_usd = providers[i].hour};
        assert_int_equal(ts_registry_add(r, &p, NULL), TS_OK);
    }
    return r;
}

static int64_t cost(struct ts_registry *r, int provider, const char *model)
{
    struct ts_call *c = a_call(model, tokens(1000, TS_UNKNOWN, TS_UNKNOWN, 0));
    int64_t nano = ts_registry_cost(r, ts_registry_provider(r, provider), c, 1000);
    ts_call_free(c);
    return nano;
}

static void the_nearest_price_counts(void **state)
{
    (void)state;
    struct ts_registry *r = registry();
    const struct ts_price five = {5, 5, -1, -1};
    const struct ts_price seven = {7, 7, -1, -1};
    assert_int_equal(cost(r, 0, "gpt-4o-mini"), 1000 * 150); /* published */
    assert_int_equal(cost(r, 0, "gpt-unheard-of"), TS_UNKNOWN);
    assert_int_equal(cost(r, 1, "gpt-4o-mini"), TS_UNKNOWN); /* somebody else's server */
    assert_int_equal(cost(r, 2, "m"), 1000 * 1000);          /* the server's */
    assert_int_equal(cost(r, 3, "m"), 1000);                 /* a millisecond of the machine */
    assert_int_equal(cost(r, 4, "m"), TS_UNKNOWN);
    assert_int_equal(ts_registry_add_price(r, "m", NULL, &five, NULL), TS_OK);
    assert_int_equal(ts_registry_add_price(r, "gpt-4o-mini", NULL, &five, NULL), TS_OK);
    assert_int_equal(ts_registry_add_price(r, "m", "rack", &seven, NULL), TS_OK);
    assert_int_equal(cost(r, 0, "gpt-4o-mini"), 1000 * 5000);
    assert_int_equal(cost(r, 2, "m"), 1000 * 7000);
    assert_int_equal(cost(r, 3, "m"), 1000 * 5000);
    assert_int_equal(cost(r, 3, "other"), 1000);
    struct ts_error err;
    assert_int_equal(ts_registry_add_price(r, "m", "nobody", &five, &err), TS_ERR_CONFIG);
    assert_non_null(strstr(err.text, "nobody"));
    ts_registry_free(r);
}

static void sleep_ms(int ms)
{
    const struct timespec t = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&t, NULL);
}

static void enter(struct ts_admission *a, struct ts_registry *r, int provider)
{
    *a = (struct ts_admission){.registry = r};
    assert_int_equal(ts_admission_enter(a, provider, TS_ENTER_FREE, ts_now_us()), TS_ENTRY_INSIDE);
}

static void leave(struct ts_admission *a)
{
    (void)ts_admission_leave(a, TS_SIGN_NONE, ts_now_us());
}

static void calls_at_the_same_time_share_the_machine(void **state)
{
    (void)state;
    struct ts_registry *r = registry();
    enum { DESK = 3, FREE = 4, MS = 60, TOGETHER = 4 };
    struct ts_admission one;
    struct ts_admission many[TOGETHER];
    enter(&one, r, DESK);
    int64_t alone_us = ts_registry_share_us(r, DESK);
    for (int i = 0; i < TOGETHER; i++)
        enter(&many[i], r, FREE);
    int64_t shared_us = ts_registry_share_us(r, FREE);
    sleep_ms(MS);
    shared_us = ts_registry_share_us(r, FREE) - shared_us;
    alone_us = ts_registry_share_us(r, DESK) - alone_us;
    assert_true(alone_us >= MS * 1000);
    assert_true(shared_us >= MS * 1000 / TOGETHER && shared_us <= alone_us / TOGETHER + 1000);
    leave(&one);
    alone_us = ts_registry_share_us(r, DESK);
    sleep_ms(5);
    assert_int_equal(ts_registry_share_us(r, DESK), alone_us); /* nobody is there: it stands */
    for (int i = 0; i < TOGETHER; i++)
        leave(&many[i]);
    ts_registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_token_has_its_price),
        cmocka_unit_test(published_prices_are_of_exact_ids_and_the_first_tier),
        cmocka_unit_test(the_published_table_is_plausible_and_dated),
        cmocka_unit_test(the_page_of_documentation_is_the_table),
        cmocka_unit_test(the_nearest_price_counts),
        cmocka_unit_test(calls_at_the_same_time_share_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
