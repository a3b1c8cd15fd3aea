#include "proxy/price.h"

#include <math.h>
#include <string.h>

const char ts_prices_date[] = "2026-06";
const char ts_prices_source[] =
    "https://platform.claude.com/docs/en/about-claude/pricing and "
    "https://openai.com/api/pricing, standard tier, cache writes for 5 minutes";

/* A price as published. It holds for prompts up to @max_prompt tokens; beyond that another tier
 * begins, which is not listed here. 0: for all. */
struct published {
    enum ts_price_list list;
    const char *model;
    int64_t max_prompt;
    struct ts_price price;
};

/* Ids that name a fixed model only; those of which the price is not certain are left out. */
/* clang-format off */
static const struct published table[] = {
    {TS_PRICES_OPENAI, "gpt-5.1",                  0, {1.25, 10, 0.125, -1}},
    {TS_PRICES_OPENAI, "gpt-5",                    0, {1.25, 10, 0.125, -1}},
    {TS_PRICES_OPENAI, "gpt-5-2025-08-07",         0, {1.25, 10, 0.125, -1}},
    {TS_PRICES_OPENAI, "gpt-5-mini",               0, {0.25, 2, 0.025, -1}},
    {TS_PRICES_OPENAI, "gpt-5-mini-2025-08-07",    0, {0.25, 2, 0.025, -1}},
    {TS_PRICES_OPENAI, "gpt-5-nano",               0, {0.05, 0.4, 0.005, -1}},
    {TS_PRICES_OPENAI, "gpt-5-nano-2025-08-07",    0, {0.05, 0.4, 0.005, -1}},
    {TS_PRICES_OPENAI, "gpt-4.1",                  0, {2, 8, 0.5, -1}},
    {TS_PRICES_OPENAI, "gpt-4.1-2025-04-14",       0, {2, 8, 0.5, -1}},
    {TS_PRICES_OPENAI, "gpt-4.1-mini",             0, {0.4, 1.6, 0.1, -1}},
    {TS_PRICES_OPENAI, "gpt-4.1-mini-2025-04-14",  0, {0.4, 1.6, 0.1, -1}},
    {TS_PRICES_OPENAI, "gpt-4.1-nano",             0, {0.1, 0.4, 0.025, -1}},
    {TS_PRICES_OPENAI, "gpt-4.1-nano-2025-04-14",  0, {0.1, 0.4, 0.025, -1}},
    {TS_PRICES_OPENAI, "gpt-4o",                   0, {2.5, 10, 1.25, -1}},
    {TS_PRICES_OPENAI, "gpt-4o-2024-08-06",        0, {2.5, 10, 1.25, -1}},
    {TS_PRICES_OPENAI, "gpt-4o-2024-11-20",        0, {2.5, 10, 1.25, -1}},
    {TS_PRICES_OPENAI, "gpt-4o-mini",              0, {0.15, 0.6, 0.075, -1}},
    {TS_PRICES_OPENAI, "gpt-4o-mini-2024-07-18",   0, {0.15, 0.6, 0.075, -1}},
    {TS_PRICES_OPENAI, "o3",                       0, {2, 8, 0.5, -1}},
    {TS_PRICES_OPENAI, "o3-2025-04-16",            0, {2, 8, 0.5, -1}},
    {TS_PRICES_OPENAI, "o4-mini",                  0, {1.1, 4.4, 0.275, -1}},
    {TS_PRICES_OPENAI, "o4-mini-2025-04-16",       0, {1.1, 4.4, 0.275, -1}},
    {TS_PRICES_OPENAI, "o3-mini",                  0, {1.1, 4.4, 0.55, -1}},
    {TS_PRICES_OPENAI, "o3-mini-2025-01-31",       0, {1.1, 4.4, 0.55, -1}},
    {TS_PRICES_OPENAI, "o1",                       0, {15, 60, 7.5, -1}},
    {TS_PRICES_OPENAI, "o1-2024-12-17",            0, {15, 60, 7.5, -1}},
    {TS_PRICES_OPENAI, "gpt-4-turbo",              0, {10, 30, -1, -1}},
    {TS_PRICES_OPENAI, "gpt-4-turbo-2024-04-09",   0, {10, 30, -1, -1}},
    {TS_PRICES_OPENAI, "gpt-3.5-turbo",            0, {0.5, 1.5, -1, -1}},
    {TS_PRICES_OPENAI, "gpt-3.5-turbo-0125",       0, {0.5, 1.5, -1, -1}},
    {TS_PRICES_OPENAI, "text-embedding-3-small",   0, {0.02, 0, -1, -1}},
    {TS_PRICES_OPENAI, "text-embedding-3-large",   0, {0.13, 0, -1, -1}},

    {TS_PRICES_ANTHROPIC, "claude-opus-5",              0, {5, 25, 0.5, 6.25}},
    {TS_PRICES_ANTHROPIC, "claude-opus-4-8",            0, {5, 25, 0.5, 6.25}},
    {TS_PRICES_ANTHROPIC, "claude-opus-4-7",            0, {5, 25, 0.5, 6.25}},
    {TS_PRICES_ANTHROPIC, "claude-opus-4-6",            0, {5, 25, 0.5, 6.25}},
    {TS_PRICES_ANTHROPIC, "claude-opus-4-5",            0, {5, 25, 0.5, 6.25}},
    {TS_PRICES_ANTHROPIC, "claude-opus-4-5-20251101",   0, {5, 25, 0.5, 6.25}},
    {TS_PRICES_ANTHROPIC, "claude-opus-4-1-20250805",   0, {15, 75, 1.5, 18.75}},
    {TS_PRICES_ANTHROPIC, "claude-opus-4-20250514",     0, {15, 75, 1.5, 18.75}},
    {TS_PRICES_ANTHROPIC, "claude-sonnet-4-6",     200000, {3, 15, 0.3, 3.75}},
    {TS_PRICES_ANTHROPIC, "claude-sonnet-4-5",     200000, {3, 15, 0.3, 3.75}},
    {TS_PRICES_ANTHROPIC, "claude-sonnet-4-5-20250929", 200000, {3, 15, 0.3, 3.75}},
    {TS_PRICES_ANTHROPIC, "claude-sonnet-4-20250514",   200000, {3, 15, 0.3, 3.75}},
    {TS_PRICES_ANTHROPIC, "claude-haiku-4-5",           0, {1, 5, 0.1, 1.25}},
    {TS_PRICES_ANTHROPIC, "claude-haiku-4-5-20251001",  0, {1, 5, 0.1, 1.25}},
    {TS_PRICES_ANTHROPIC, "claude-3-5-haiku-20241022",  0, {0.8, 4, 0.08, 1}},
};
/* clang-format on */

struct ts_price ts_price_published(enum ts_price_list list,
                                   const char *model,
                                   int64_t prompt_tokens)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(table); i++) {
        const struct published *p = &table[i];
        if (p->list == list && strcmp(p->model, model) == 0)
            return p->max_prompt == 0 || prompt_tokens <= p->max_prompt ? p->price
                                                                        : TS_PRICE_UNKNOWN;
    }
    return TS_PRICE_UNKNOWN;
}

void ts_price_each(void (*fn)(void *ctx, const char *model, const struct ts_price *p), void *ctx)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(table); i++)
        fn(ctx, table[i].model, &table[i].price);
}

static void put_price(struct ts_buf *out, double usd)
{
    if (usd >= 0)
        ts_buf_printf(out, "%.15g | ", usd);
    else
        ts_buf_puts(out, "| ");
}

void ts_prices_document(struct ts_buf *out)
{
    ts_buf_printf(
        out,
        "# What a call costs\n\n"
        "`costUsd` of a call is, in this order:\n\n"
        "1. by tokens, at the price of the model on that server: `[price.NAME]` in the "
        "configuration, with `provider = NAME`;\n"
        "2. at the price of the model anywhere: `[price.NAME]` without `provider`;\n"
        "3. at the price of the server: `price_in`, `price_out`, `price_cache_read`, "
        "`price_cache_write` in its `[provider.NAME]`;\n"
        "4. at a cloud's own address, the published price below, if the model's id is exactly "
        "one of these;\n"
        "5. on an own machine with `price_per_hour`, the time: while several calls run there, "
        "each has its share of it;\n"
        "6. else it is not known: `null`, never 0.\n\n"
        "Prices are US dollars per million tokens. Tokens are counted by the server, and each "
        "token once: input that was neither read from nor written to a cache, cache reads, cache "
        "writes, output (reasoning is a part of it). Without a price for the cache, cached tokens "
        "count like other input. Where the server counts no tokens, steps 1 to 4 give nothing.\n\n"
        "```ini\n[price.gpt-4o]\nin = 2.5\nout = 10\ncache_read = 1.25\n\n"
        "[price.big]\nmodel = organisation/a-model-with-a-long-name\nprovider = rack\n"
        "in = 0.2\nout = 0.6\n```\n\n"
        "## Published prices\n\n"
        "As of %s, from %s. Longer prompts than named have another price, which is not known "
        "here.\n\n"
        "| model | in | out | cache read | cache write | prompts up to |\n"
        "|---|---|---|---|---|---|\n",
        ts_prices_date,
        ts_prices_source);
    for (size_t i = 0; i < TS_ARRAY_LEN(table); i++) {
        const struct published *p = &table[i];
        ts_buf_printf(out, "| `%s` | ", p->model);
        put_price(out, p->price.in);
        put_price(out, p->price.out);
        put_price(out, p->price.cache_read);
        put_price(out, p->price.cache_write);
        if (p->max_prompt > 0)
            ts_buf_printf(out, "%lld tokens ", (long long)p->max_prompt);
        ts_buf_puts(out, "|\n");
    }
}

/* -- cost ---------------------------------------------------------------------------------------
 */

/* Nano-dollars of @n tokens at a price per million. */
static double token_cost(int64_t n, double usd_per_million)
{
    return n == TS_UNKNOWN ? 0.0 : (double)n * usd_per_million * 1e3;
}

static double known_or(double price, double otherwise)
{
    return price >= 0 ? price : otherwise;
}

static int64_t nano(double v)
{
    return v >= 0 && v < 9e18 ? (int64_t)llround(v) : TS_UNKNOWN;
}

int64_t ts_price_of_tokens(const struct ts_price *p, const struct ts_call *call)
{
    const struct ts_token_counts *t = &call->tokens;
    bool counted = call->tokens_source == TS_TOKENS_PROVIDER && t->input != TS_UNKNOWN &&
                   (t->output != TS_UNKNOWN || p->out <= 0);
    if (!ts_price_is_known(p) || !counted)
        return TS_UNKNOWN;
    return nano(token_cost(t->input, p->in) +
                token_cost(t->cache_read, known_or(p->cache_read, p->in)) +
                token_cost(t->cache_write, known_or(p->cache_write, p->in)) +
                token_cost(t->output, p->out));
}

int64_t ts_price_of_time(double usd_per_hour, int64_t us)
{
    return usd_per_hour >= 0 ? nano((double)us * usd_per_hour / 3600e6 * 1e9) : TS_UNKNOWN;
}
